"""How Thresh's own costs grow: `python Benchmarks/growth.py`, about five minutes on an idle machine.

A proximal step over the units of a layer, a plan over the layers of a network, loading over the size of the file, and
the memory of a training over the batch. Writes growth.json and a plot with logarithmic axes for each beside this file,
and the table into README.md; a straight line is a power, and its slope the exponent.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path

import report
from harness import Worker

HOME = Path(__file__).resolve().parent
ROOT = HOME.parent
SIZES = {
    "proximal_step": [64, 128, 256, 512, 1024, 2048, 4096],
    "plan": [4, 8, 16, 32, 64],
    "plan_over_layers": [4, 8, 16, 32],
    "load": [4, 16, 64, 256, 1024],
    "memory": [16, 32, 64, 128, 256, 512],
}
ABOUT = {
    "proximal_step": ("proximal step (nuclear norm and group lasso)", "units", "seconds", 3),
    "plan": ("plan to half of the parameters, rewrite", "layers", "seconds", 1),
    "plan_over_layers": ("the same, units and ranks weighed over the layers", "layers", "seconds", 2),
    "load": ("load a model file", "MiB", "seconds", 1),
    "memory": ("peak memory of training ResNet-20, above that of batch 1", "batch", "MiB", 1),
}


def measure(what: str, size: int, rounds: int, threads: int) -> list[float]:
    """Seconds of every round; of memory the peak in MiB, a process for each."""
    common = {"model": "resnet20", "precision": "float32", "batch": 1, "threads": threads}
    program = [str(ROOT / ".build/release/thresh-bench")]
    if what == "memory":
        peaks = []
        for batch in (1, size):
            worker = Worker(program, common | {"task": "train_step", "steps": 3, "batch": batch})
            worker.run()
            peaks.append(worker.run()["peak_rss_mb"])
            worker.close()
        return [peaks[1] - peaks[0]]
    worker = Worker(program, common | {"task": what, "size": size})
    try:
        first = worker.run()["seconds"]
        # Something that takes long needs no warm-up and fewer rounds.
        return [first] if first > 10 else [worker.run()["seconds"] for _ in range(rounds)]
    finally:
        worker.close()


def slope(points: list[tuple[float, float]]) -> float:
    """The exponent between the sizes of the larger half, by least squares in logarithms."""
    large = [(math.log(x), math.log(y)) for x, y in points[len(points) // 2 - 1 :]]
    mean_x, mean_y = (statistics.mean(values) for values in zip(*large))
    return sum((x - mean_x) * (y - mean_y) for x, y in large) / sum((x - mean_x) ** 2 for x, _ in large)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=5, help="rounds of each size (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads (default: all cores)")
    options = parser.parse_args()
    about = report.machine(options.threads)
    rows, lines = [], ["| what | from | to | slope | expected |", "| --- | ---: | ---: | ---: | ---: |"]
    for what, sizes in SIZES.items():
        name, unit, measured, expected = ABOUT[what]
        points = []
        for size in sizes:
            values = measure(what, size, options.n, options.threads)
            rows += [{"what": what, unit: size, measured: round(value, 6)} for value in values]
            points.append((size, statistics.median(values)))
            print(f"{name}: {size} {unit}, {points[-1][1]:.4g} {measured} (n = {len(values)})", file=sys.stderr)
        ends = [
            f"{size} {unit}: {value:.3g} {'s' if measured == 'seconds' else measured}"
            for size, value in (points[0], points[-1])
        ]
        lines.append(f"| {name} | {ends[0]} | {ends[1]} | {slope(points):.2f} | {expected} |")
    (HOME / "growth.json").write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    for what, (name, unit, measured, _) in ABOUT.items():
        plot = [
            ROOT / ".build/release/thresh",
            "plot",
            HOME / "growth.json",
            "--x",
            unit,
            "--y",
            measured,
            "--only",
            f"what={what}",
            "--log-x",
            "--log-y",
            "--title",
            name,
            "--output",
            HOME / f"growth-{what}.svg",
        ]
        subprocess.run([str(word) for word in plot], check=True, stdout=subprocess.DEVNULL)
    table = "\n".join(lines) + f"\n\n{about['cpu']}, {about['threads']} threads, n = {options.n}."
    report.show("growth", table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
