#!/usr/bin/env python3
"""Times ONNX files in a runtime: a clock for `thresh … --clock onnxruntime` and `--clock openvino`.

    python3 clock.py onnxruntime

Every line of standard input is a request, and is answered with lines of JSON:

    {"models": ["a.onnx", "b.onnx"], "batch": 32, "threads": 2, "precision": "float32"}
    {"done": 1}
    {"runtime": "onnxruntime 1.32.0", "times": [{"milliseconds": 1.234, "spread": 0.01}, …]}

The models take turns, so that what else the machine does meets all alike; a time is the median of the turns, its spread
half the distance between the quartiles, relative to it. `done` may be told any number of times meanwhile. What goes
wrong is told as {"error": "…"}.
"""

import json
import os
import sys
import time
from pathlib import Path
from statistics import median, quantiles

# Turns of a model at least and at most; between the two they end when all medians are sure.
TURNS = (9, 40)
SURE = 0.02
# Seconds that one turn takes at least: what is faster is run several times.
SHORTEST = 5e-4


class ONNXRuntime:
    def __init__(self):
        import onnxruntime

        self.module = onnxruntime
        self.name = f"onnxruntime {onnxruntime.__version__}"

    def runner(self, path: str, batch: int, threads: int):
        options = self.module.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads of the models that took their turn before would go on waiting for work, and take the cores.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        session = self.module.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        feeds = {own.name: numbers(own.shape, batch, "uint8" in own.type) for own in session.get_inputs()}
        return lambda: session.run(None, feeds)


class OpenVINO:
    def __init__(self):
        import openvino

        self.core = openvino.Core()
        self.name = f"openvino {openvino.__version__.split('-')[0]}"

    def runner(self, path: str, batch: int, threads: int):
        model = self.core.read_model(path)
        shapes = {
            own.any_name: [batch, *[side.get_length() for side in list(own.partial_shape)[1:]]] for own in model.inputs
        }
        model.reshape(shapes)
        hints = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        request = self.core.compile_model(model, "CPU", hints).create_infer_request()
        whole = {own.any_name: own.element_type.get_type_name() == "u8" for own in model.inputs}
        feeds = {name: numbers(shape, batch, whole[name]) for name, shape in shapes.items()}
        return lambda: request.infer(feeds)


def numbers(shape: list, batch: int, whole: bool):
    """Normal numbers, or whole ones of 8 bits, of a shape whose first side is that of the batch."""
    import numpy

    sides = [batch] + [side if isinstance(side, int) else 1 for side in shape[1:]]
    generator = numpy.random.default_rng(0)
    if whole:
        return generator.integers(0, 256, sides, dtype=numpy.uint8)
    return generator.standard_normal(sides, dtype=numpy.float32)


def turn(run, times: int) -> float:
    """Milliseconds of one of so many runs."""
    start = time.perf_counter()
    for _ in range(times):
        run()
    return (time.perf_counter() - start) * 1e3 / times


def spread(samples: list[float]) -> float:
    low, middle, high = quantiles(samples, n=4)
    return (high - low) / 2 / middle


def measured(runtime, request: dict, tell) -> list[dict]:
    if request["precision"] not in ("float32", "int8"):
        raise ValueError(f"times are of float32 or int8 here, not of {request['precision']}")
    runs = []
    for path in request["models"]:
        runs.append(runtime.runner(path, request["batch"], request["threads"]))
        runs[-1]()
        tell({"done": 0})
    counts = [max(1, min(100, round(SHORTEST * 1e3 / max(turn(run, 1), 1e-3)))) for run in runs]
    samples = [[] for _ in runs]
    for count in range(1, TURNS[1] + 1):
        for run, times, own in zip(runs, counts, samples, strict=True):
            run()
            own.append(turn(run, times))
        tell({"done": min(len(runs), len(runs) * count // TURNS[0])})
        # The interval of a median is narrower than that of a sample by the root of their number.
        if count >= TURNS[0] and all(spread(own) / count**0.5 < SURE for own in samples):
            break
    return [{"milliseconds": median(own), "spread": spread(own)} for own in samples]


def main() -> None:
    def tell(message: dict) -> None:
        print(json.dumps(message), flush=True)

    runtimes = {"onnxruntime": ONNXRuntime, "openvino": OpenVINO}
    if len(sys.argv) != 2 or sys.argv[1] not in runtimes:
        sys.exit(f"usage: {Path(sys.argv[0]).name} {'|'.join(runtimes)}")
    runtime = runtimes[sys.argv[1]]()
    for line in sys.stdin:
        try:
            tell({"runtime": runtime.name, "times": measured(runtime, json.loads(line), tell)})
        except Exception as error:
            tell({"error": str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__})
    # Some runtimes wait for their threads for ever when the interpreter takes them down.
    sys.stdout.flush()
    os._exit(0)


main()
