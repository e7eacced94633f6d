"""Do Thresh's training steps learn what PyTorch's do? `python Benchmarks/learning.py --cifar FOLDER`.

A ResNet-20 from the same random weights of each seed, trained by both for as many epochs with the same recipe: batches
of 128, SGD 0.1 down a cosine, momentum 0.9 (Nesterov), weight decay 5e-4, crops with a margin of 4, flips; bfloat16
through autocast, or float32. Each draws its own augmentation, so the two end within what seeds differ by, not at the
same bits. Prints top-1 on the test images; a run that is there is not made again.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from harness import thresh
from peers import data, thresh_file, training

RECIPE = [
    "--nuclear",
    0,
    "--group",
    0,
    "--validation",
    0,
    "--batch-size",
    128,
    "--lr",
    0.1,
    "--schedule",
    "cosine",
    "--warmup-epochs",
    0,
    "--weight-decay",
    5e-4,
    "--crop",
    4,
    "--flip",
]


def by_thresh(options: argparse.Namespace, start: Path, seed: int) -> tuple[float, float]:
    """Percent of the test images, and seconds."""
    run = options.runs / f"thresh-{options.precision}-{options.epochs}-{seed}"
    clock = time.perf_counter()
    thresh(
        "train",
        "--model",
        start,
        "--data",
        "cifar10",
        "--data-dir",
        options.cifar,
        *RECIPE,
        "--epochs",
        options.epochs,
        "--precision",
        options.precision,
        "--seed",
        seed,
        "--threads",
        options.threads,
        "--resume",
        "--output",
        run,
    )
    seconds = time.perf_counter() - clock
    return json.loads((run / "result.json").read_text())["test"]["top1"], seconds


def by_pytorch(options: argparse.Namespace, start: Path, seed: int) -> tuple[float, float]:
    torch.set_num_threads(options.threads)
    torch.manual_seed(seed)
    folder = str(options.cifar / "cifar-10-batches-bin")
    pixels, labels = data.images(folder, 50_000)
    model = thresh_file.load(start).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    steps, step, clock = len(labels) // 128, 0, time.perf_counter()
    for _ in range(options.epochs):
        for images, wanted in data.in_memory(pixels, labels, 128):
            optimizer.param_groups[0]["lr"] = 0.1 * training.cosine(step / steps / options.epochs)
            # Around each step: weights that autocast has made bfloat16 stay so until its end.
            with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bfloat16"):
                loss = F.cross_entropy(model(images), wanted)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            step += 1
    seconds = time.perf_counter() - clock
    model.eval()
    tests, wanted = data.images(folder, 10_000, "test_batch.bin")
    with torch.inference_mode():
        right = sum(
            int((model(data.normalized(part)).argmax(1) == truth).sum())
            for part, truth in zip(tests.split(500), wanted.split(500))
        )
    return 100 * right / len(wanted), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cifar", type=Path, required=True, help="folder with cifar-10-batches-bin")
    parser.add_argument("--epochs", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--seeds", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--threads", type=int, default=1, help="threads of each side (default: %(default)s)")
    parser.add_argument("--runs", type=Path, default=Path("runs/learning"), help="folder of the runs")
    options = parser.parse_args()
    for seed in range(options.seeds):
        start = options.runs / f"start-{seed}"
        thresh(
            "train",
            "--model",
            "resnet20",
            "--data",
            "cifar10",
            "--data-dir",
            options.cifar,
            "--epochs",
            0,
            "--nuclear",
            0,
            "--group",
            0,
            "--seed",
            seed,
            "--resume",
            "--output",
            start,
        )
        for name, learn in (("thresh", by_thresh), ("pytorch", by_pytorch)):
            figures = options.runs / f"{name}-{options.precision}-{options.epochs}-{seed}.json"
            if not figures.exists():
                figures.write_text(json.dumps(learn(options, start / "best.safetensors", seed)))
            top1, seconds = json.loads(figures.read_text())
            print(f"{name:8} seed {seed}  top-1 {top1:.2f} %  {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
