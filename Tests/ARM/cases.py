"""Writes the cases of Tests/Fixtures/operations.json, with where their tensors lie, as lines that fixtures.cpp reads.

python3 cases.py ../Fixtures/operations > cases.txt
"""

import json
import struct
import sys
from pathlib import Path


def words(values: list) -> str:
    return ",".join(str(int(value) if isinstance(value, bool) else value) for value in values)


def main() -> None:
    stem = Path(sys.argv[1])
    with stem.with_suffix(".safetensors").open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        tensors = json.loads(file.read(length))
    for name, entry in tensors.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        print(f"tensor {name} F32 sizes={words(entry['shape'])} offset={entry['data_offsets'][0]}")
    for case in json.loads(stem.with_suffix(".json").read_text())["cases"]:
        settings = {role: case[role] for role in ("inputs", "parameters", "outputs") if case[role]}
        settings |= case["integers"] | {key: [value] for key, value in (case["numbers"] | case["flags"]).items()}
        print(f"case {case['name']} {case['operation']} " + " ".join(f"{k}={words(v)}" for k, v in settings.items()))


if __name__ == "__main__":
    main()
