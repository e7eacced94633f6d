"""Thresh on a GPU against PyTorch: `python Benchmarks/gpu.py --thresh BUNDLE`.

BUNDLE is a folder that `Scripts/bundle` made and `install` was run in; the machine needs no Swift. Compared are
training steps of ResNet-20 and ResNet-50 with PyTorch eager and with replays of a CUDA graph; singular value
thresholding of their weights in three forms, beside Thresh's whole proximal step; and what a short training gives on
the GPU and on the processor. `--device cpu` tries all of it but the graph where there is no GPU.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import report
from harness import Comparison, Side, thresh

PEERS = Path(__file__).resolve().parent / "peers"


def steps(options: argparse.Namespace, model: str, image: int, precision: str) -> Comparison:
    """Training steps on one fixed batch."""
    batch = options.batch or (128 if image == 32 else 64)
    request = {
        "task": "train_step",
        "model": model,
        "precision": precision,
        "batch": batch,
        "image": image,
        "threads": options.threads,
        "device": options.device,
        "steps": options.steps,
    }
    sides = [Side("thresh", options.worker, request), Side("eager", options.peer, request)]
    if options.device != "cpu":
        sides.append(Side("graph", options.peer, request | {"graph": True}))
    return Comparison(
        name=f"gpu-train_step-{model}-{precision}",
        title=f"Training step on {options.device}: {model}, {image}×{image}, {precision}, batch {batch}",
        sides=sides,
        ratios=[("thresh", side.label) for side in sides[1:]],
        images=batch * options.steps,
    )


def thresholding(options: argparse.Namespace, model: str, image: int) -> Comparison:
    """All of a network's matrices in every form, beside Thresh's step, which decomposes on the processor."""
    request = {
        "model": model,
        "precision": "float32",
        "batch": 1,
        "image": image,
        "threads": options.threads,
        "device": options.device,
    }
    peer = [sys.executable, str(PEERS / "singular_values.py")]
    sides = [Side("thresh", options.worker, request | {"task": "proximal_step"})]
    sides += [Side(form, peer, request | {"task": "thresholding", "form": form}) for form in ("svd", "gram", "sign")]
    return Comparison(
        name=f"gpu-thresholding-{model}",
        title=f"Singular value thresholding on {options.device}: {model}",
        sides=sides,
        ratios=[("thresh", "svd"), ("gram", "svd"), ("sign", "svd")],
    )


def equal_results(options: argparse.Namespace) -> None:
    """A short training on both devices from one seed: its last losses and accuracies side by side."""
    for device in dict.fromkeys(["cpu", options.device]):
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            thresh(
                "train",
                "--model",
                "dec3",
                "--width",
                0.3,
                "--data",
                "glyphs",
                "--epochs",
                1,
                "--nuclear",
                0.005,
                "--group",
                0.005,
                "--device",
                device,
                "--threads",
                options.threads,
                "--output",
                run,
                program=options.thresh / "thresh",
            )
            last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
            print(
                f"{device:6} loss {last['training_loss']:.4f}, held out {last['validation']['top1']:.2f} %", flush=True
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--thresh", type=Path, required=True, help="the folder that Scripts/bundle made")
    parser.add_argument("--device", default="cuda", help="cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of each side (default: all cores)")
    parser.add_argument("--n", type=int, default=9, help="runs of each side (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=20, help="training steps a run (default: %(default)s)")
    parser.add_argument("--batch", type=int, help="images a step (default: 128 of ResNet-20, 64 of ResNet-50)")
    parser.add_argument("--output", type=Path, default=Path("gpu"), help="folder of the JSON files")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=("steps", "thresholding", "results"),
        default=("steps", "thresholding", "results"),
        help="what is compared (default: all)",
    )
    options = parser.parse_args()
    options.thresh = options.thresh.resolve()
    options.worker = [str(options.thresh / "thresh-bench")]
    options.peer = [sys.executable, str(PEERS / "worker.py")]
    about = report.machine(options.threads) | {"device": options.device}

    networks = {"resnet20": 32, "resnet50": 224}
    comparisons = []
    if "steps" in options.only:
        comparisons += [
            steps(options, *network, precision) for network in networks.items() for precision in ("float32", "bfloat16")
        ]
    if "thresholding" in options.only:
        comparisons += [thresholding(options, *network) for network in networks.items()]
    failures = sum(not report.run(comparison, options.n, 1, about, options.output) for comparison in comparisons)
    if "results" in options.only:
        print("\nAn epoch of a thin dec3 on the built-in glyphs, from one seed:")
        equal_results(options)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
