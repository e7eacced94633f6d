#!/usr/bin/env python3
"""How long ONNX files take in onnxruntime, without Thresh: files in turns, medians with quartiles.

    .venv/bin/python Benchmarks/deployed.py dense.onnx small.onnx --batches 1 32 --threads 1 2

The first file is what the others are compared with. Each turn runs every file once, in an order of its own; a turn of
a fast file is several runs.
"""

import argparse
import json
import platform
import random
import time
from pathlib import Path
from statistics import median, quantiles

import numpy
import onnxruntime

# Seconds that a turn takes at least.
SHORTEST = 0.02


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    name = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), "")
    kinds = [kind for kind in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16") if f" {kind}" in text]
    return f"{name or platform.processor()} ({', '.join(kinds)})"


def session(path: Path, batch: int, threads: int):
    """What runs a file once."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads of the other files would go on waiting for work, and take the cores: two files with two threads each were
    # three times as slow as one.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    generator = numpy.random.default_rng(0)
    feeds = {
        own.name: generator.standard_normal([batch, *own.shape[1:]], dtype=numpy.float32)
        for own in session.get_inputs()
    }
    return lambda: session.run(None, feeds)


def milliseconds(run, times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        run()
    return (time.perf_counter() - start) * 1e3 / times


def compare(files: list[Path], batch: int, threads: int, turns: int) -> list[dict]:
    runs = [session(file, batch, threads) for file in files]
    counts = []
    for run in runs:
        milliseconds(run, 3)
        counts.append(max(1, round(SHORTEST * 1e3 / milliseconds(run, 3))))
    samples = [[] for _ in files]
    order = list(range(len(files)))
    for _ in range(turns):
        random.shuffle(order)
        for index in order:
            runs[index]()
            samples[index].append(milliseconds(runs[index], counts[index]))
    rows = []
    for file, own in zip(files, samples, strict=True):
        low, middle, high = quantiles(own, n=4)
        # Turns are neighbours in time, and share what disturbs the machine.
        share = median(a / b for a, b in zip(own, samples[0], strict=True))
        rows.append({
            "file": file.name, "batch": batch, "threads": threads, "n": turns, "milliseconds": round(middle, 4),
            "quartiles": [round(low, 4), round(high, 4)], "share": round(share, 3),
        })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 32])
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--turns", type=int, default=15, help="of every file (default: %(default)s)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = [
        row
        for threads in arguments.threads
        for batch in arguments.batches
        for row in compare(arguments.files, batch, threads, arguments.turns)
    ]
    about = {"onnxruntime": onnxruntime.__version__, "processor": processor()}
    if arguments.json:
        print(json.dumps({**about, "rows": rows}, indent=2))
        return
    print(f"onnxruntime {about['onnxruntime']}, {about['processor']}, n = {arguments.turns}")
    for row in rows:
        low, high = row["quartiles"]
        print(
            f"{row['file']:<28} batch {row['batch']:>3}, {row['threads']} threads  "
            f"{row['milliseconds']:9.3f} ms ({low:.3f} – {high:.3f})  {row['share']:.3f} of the first"
        )


if __name__ == "__main__":
    main()
