#!/usr/bin/env python3
"""A clock for a phone: onnxruntime's own benchmark program, run over adb. Not run by the tests: it needs a phone.

    thresh plan run --time 0.5 --clock "python3 Examples/clocks/adb.py" --time-batch-size 1 --threads 4

Before, build `onnxruntime_perf_test` for Android (its build.sh with --android) and push it with libonnxruntime.so:

    adb push onnxruntime_perf_test libonnxruntime.so /data/local/tmp

Documentation/clocks.md says what a clock reads and writes.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from statistics import median, quantiles

PLACE = "/data/local/tmp"
TURNS = 5
RUNS = 50


def adb(*words: str) -> str:
    return subprocess.run(["adb", *words], check=True, capture_output=True, text=True).stdout


def run(name: str, batch: int, threads: int) -> float:
    """Milliseconds of one run on the phone."""
    said = adb(
        "shell",
        f"cd {PLACE} && LD_LIBRARY_PATH=. ./onnxruntime_perf_test -I -f batch:{batch} -m times -r {RUNS} "
        f"-x {threads} -y 1 {name}",
    )
    found = re.search(r"Average inference time cost:\s*([\d.]+)\s*ms", said)
    if not found:
        raise RuntimeError(f"onnxruntime_perf_test said {said[-80:]!r}")
    return float(found[1])


def measured(request: dict, tell) -> list[dict]:
    names = [f"thresh-{index}.onnx" for index in range(len(request["models"]))]
    for name, path in zip(names, request["models"], strict=True):
        adb("push", path, f"{PLACE}/{name}")
    samples = [[] for _ in names]
    for _ in range(TURNS):
        for name, own in zip(names, samples, strict=True):
            own.append(run(name, request["batch"], request["threads"]))
            tell({"done": 0})
    return [
        {"milliseconds": median(own), "spread": (quantiles(own)[2] - quantiles(own)[0]) / 2 / median(own)}
        for own in samples
    ]


def main() -> None:
    def tell(message: dict) -> None:
        print(json.dumps(message), flush=True)

    phone = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            phone = phone or adb("shell", "getprop", "ro.product.model").strip()
            tell({"runtime": f"onnxruntime on {phone}", "times": measured(request, tell)})
        except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
            said = (getattr(error, "stderr", None) or str(error)).strip()
            tell({"error": said.splitlines()[-1]})


if __name__ == "__main__":
    sys.exit(f"usage: thresh … --clock 'python3 {Path(__file__).name}'" if len(sys.argv) > 1 else main())
