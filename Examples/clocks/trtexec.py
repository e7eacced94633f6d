#!/usr/bin/env python3
"""A clock for a GPU or a Jetson: NVIDIA's trtexec. Not run by the tests: it needs TensorRT.

    thresh plan run --time 0.5 --clock "python3 Examples/clocks/trtexec.py" --time-batch-size 16

Needs `trtexec` in PATH and the Python package `onnx`. TF32 is off, so that times are of float32.
Documentation/clocks.md says what a clock reads and writes.
"""

import json
import re
import subprocess
import sys
from statistics import median

import onnx

TURNS = 3


def shapes(path: str, batch: int) -> str:
    """The inputs' shapes as trtexec reads them: name:16x3x32x32,other:16x64x8x8."""
    inputs = onnx.load(path).graph.input
    sides = {own.name: [batch] + [side.dim_value for side in own.type.tensor_type.shape.dim[1:]] for own in inputs}
    return ",".join(f"{name}:{'x'.join(map(str, own))}" for name, own in sides.items())


def run(path: str, engine: str, batch: int) -> float:
    """Milliseconds of the GPU for one batch; the engine is built the first time and kept."""
    source = f"--loadEngine={engine}" if engine in built else f"--onnx={path}"
    words = ["trtexec", source, f"--shapes={shapes(path, batch)}", "--noTF32", "--iterations=100", "--noDataTransfers"]
    if engine not in built:
        words.append(f"--saveEngine={engine}")
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    built.add(engine)
    found = re.search(r"GPU Compute Time:.*?median = ([\d.]+) ms", said)
    if not found:
        raise RuntimeError(f"trtexec said {said[-80:]!r}")
    return float(found[1])


def measured(request: dict, tell) -> list[dict]:
    built.clear()
    samples = [[] for _ in request["models"]]
    for _ in range(TURNS):
        for path, own in zip(request["models"], samples, strict=True):
            own.append(run(path, f"{path}.engine", request["batch"]))
            tell({"done": 0})
    return [{"milliseconds": median(own), "spread": (max(own) - min(own)) / 2 / median(own)} for own in samples]


def version() -> str:
    said = subprocess.run(["trtexec", "--help"], capture_output=True, text=True).stdout
    found = re.search(r"TensorRT v(\d+)", said)
    return f"TensorRT {found[1]}" if found else "TensorRT"


built = set()
for line in sys.stdin:
    try:
        answer = {
            "runtime": version(),
            "times": measured(json.loads(line), lambda message: print(json.dumps(message), flush=True)),
        }
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        answer = {"error": said.splitlines()[-1]}
    print(json.dumps(answer), flush=True)
