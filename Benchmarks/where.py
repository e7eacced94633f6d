"""Where the time goes, training and using a ResNet-20: `python Benchmarks/where.py`, ten minutes.

Training: a step without a regulariser, a proximal step, and so what the regulariser adds to an epoch of 391 steps when
it comes after every step, every ten, or once; and the peak of memory with and without. Use: the given network, a
ResNet-18, and what `compress` makes of them, all in turns, beside their MACs. The machine should rest meanwhile; the
tables go into README.md.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

import report
from harness import Comparison, Measured, Side, measure, thresh

HOME = Path(__file__).resolve().parent
ROOT = HOME.parent
WORKER = [str(ROOT / ".build/release/thresh-bench")]
STEPS = 391  # 50,000 images in batches of 128
TIMED = ["--threads", "2"]
CUTS = {
    "given": ["--energy", "1"],
    "half of the MACs, one share": ["--macs", "0.5", "--allocation", "uniform"],
    "half of the MACs, over the layers": ["--macs", "0.5"],
    "half of the time, batches of 64": ["--time", "0.5", "--time-batch-size", "64", *TIMED],
    "0.7 of the time, single images": ["--time", "0.7", "--time-batch-size", "1", "--threads", "1"],
}
LARGE_CUTS = {
    "random weights": ["--energy", "1"],
    "half of the MACs, over the layers": ["--macs", "0.5"],
    "half of the time, single images": ["--time", "0.5", "--time-batch-size", "1", *TIMED],
}


def request(task: str, threads: int, batch: int, precision: str = "float32", **more) -> dict:
    return {"task": task, "model": "resnet20", "precision": precision, "batch": batch, "threads": threads, **more}


def spread(side: Measured, scale: float, digits: int) -> str:
    times = [seconds * scale for seconds in side.seconds]
    low, middle, high = min(times), statistics.median(times), max(times)
    return f"{middle:.{digits}f} ({low:.{digits}f} – {high:.{digits}f})"


def training(rounds: int) -> str:
    lines = [
        "| precision, threads | training step, ms | proximal step, ms | epoch without, s | after every step | every 10 "
        "| once an epoch |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for precision in ("float32", "bfloat16"):
        for threads in (1, 2):
            step = request("train_step", threads, 128, precision, steps=1)
            sides = [Side("step", WORKER, step), Side("proximal", WORKER, step | {"task": "proximal_step"})]
            plain, proximal = measure(Comparison("", "", sides, []), rounds, 2)
            share = statistics.median(proximal.seconds) / statistics.median(plain.seconds)
            epoch = STEPS * statistics.median(plain.seconds)
            added = [f"+{100 * share / every:.2f} %" for every in (1, 10, STEPS)]
            lines.append(
                f"| {precision}, {threads} | {spread(plain, 1e3, 1)} | {spread(proximal, 1e3, 2)} | {epoch:.1f} | "
                + " | ".join(added)
                + " |"
            )
    return "\n".join(lines)


def memory() -> str:
    step = request("train_step", 2, 128, steps=10)
    sides = [Side("plain", WORKER, step), Side("regularised", WORKER, step | {"task": "regularized_step", "every": 1})]
    plain, regularised = (side.answers[0]["peak_rss_mb"] for side in measure(Comparison("", "", sides, []), 1, 1))
    return (
        f"Peak memory of training with batches of 128 in float32: {plain:.0f} MiB without, {regularised:.0f} MiB with "
        "a proximal step after every step."
    )


def use(network: str, weights: Path, cuts: dict, settings: list[tuple[int, int, int]], rounds: int) -> str:
    """`cuts`: options of `compress`, or a file that is there; `settings`: images, threads, and passes a run."""
    folder = ROOT / ".build/where"
    folder.mkdir(parents=True, exist_ok=True)
    files, macs = {}, {}
    for index, (name, cut) in enumerate(cuts.items()):
        files[name] = cut if isinstance(cut, Path) else folder / f"{network}-{index}.safetensors"
        if not isinstance(cut, Path):
            thresh("compress", network, "--weights", weights, *cut, "--output", files[name])
        macs[name] = json.loads(thresh("inspect", files[name], "--json"))["macs"]
    cells, heads, dense = {name: [] for name in cuts}, [], next(iter(cuts))
    for batch, threads, calls in settings:
        heads.append(f"batch {batch}, {threads} thread{'s' if threads > 1 else ''}")
        sides = [
            Side(name, WORKER, request("forward", threads, batch, steps=calls, file=str(file)))
            for name, file in files.items()
        ]
        measured = measure(Comparison("", "", sides, []), rounds, 1)
        for side in measured:
            faster = statistics.median(measured[0].seconds) / statistics.median(side.seconds)
            share = faster * macs[side.label] / macs[dense]
            cells[side.label].append(f"{spread(side, 1e3 / calls, 2)}, {faster:.2f}×, {share:.2f}")
    lines = [f"| {network} | MACs | {' | '.join(heads)} |", "| --- | ---: |" + " ---: |" * len(heads)]
    lines += [f"| {name} | {macs[name] / 1e6:.1f} M | {' | '.join(cells[name])} |" for name in cuts]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True, help="of a ResNet-20, safetensors or .pth")
    parser.add_argument("--n", type=int, default=7, help="rounds of each side (default: %(default)s)")
    parser.add_argument("--only", choices=("training", "use"), help="one of both halves")
    parser.add_argument(
        "--tuned", type=Path, help="a ResNet-20 with half of the MACs whose accuracy is known, timed beside the others"
    )
    options = parser.parse_args()
    hardware = f"{report.machine(2)['cpu']}, n = {options.n}."
    if options.only != "use":
        report.show("where", training(options.n), memory(), hardware)
    if options.only != "training":
        large = ROOT / ".build/resnet18-random.safetensors"
        subprocess.run([sys.executable, HOME / "peers/write_weights.py", large], check=True)
        small = [(1, 1, 200), (1, 2, 200), (64, 1, 10), (64, 2, 20)]
        cuts = CUTS | ({"half of the MACs, by activations, tuned": options.tuned} if options.tuned else {})
        report.show(
            "use",
            use("resnet20", options.weights, cuts, small, options.n),
            use("resnet18", large, LARGE_CUTS, [(1, 1, 10), (1, 2, 20)], options.n),
            hardware,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
