"""Thresh through its command line, on the same weights, images, rate, epochs and seed as the others."""

import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from peers import data, thresh_file
from peers.training import BATCH, WEIGHT_DECAY, Task


@dataclass
class Made:
    """The network right after the cut and after fine-tuning, and what the command took."""

    cut: nn.Module
    compact: nn.Module
    seconds: float
    reported_top1: float
    """What Thresh itself says of the test images: the file is read right if ours is the same."""


def run(task: Task, program: str, data_options: list[str], threads: int, folder: Path, regularizes: bool) -> Made:
    """`thresh train`, timed; the network right after its cut is made again by `thresh compress`, which is not.

    Without a regulariser it cuts at once, and has all epochs for fine-tuning.
    """
    shutil.rmtree(folder, ignore_errors=True)
    before = task.epochs if regularizes else 0
    how = [] if regularizes else ["--nuclear", 0, "--group", 0]
    start = time.perf_counter()
    _call(
        program,
        [
            "train",
            "--model",
            "resnet20",
            "--weights",
            task.weights,
            *data_options,
            "--validation",
            0,
            "--macs",
            task.macs,
            "--epochs",
            before,
            "--finetune-epochs",
            task.epochs + task.finetune_epochs - before,
            "--lr",
            task.lr,
            *how,
            "--warmup-epochs",
            0,
            "--batch-size",
            BATCH,
            "--weight-decay",
            WEIGHT_DECAY,
            "--seed",
            task.seed,
            "--crop",
            data.MARGIN,
            "--flip",
            "--threads",
            threads,
            "--output",
            folder,
        ],
    )
    seconds = time.perf_counter() - start
    cut = folder / "cut.safetensors"
    _call(
        program,
        [
            "compress",
            folder / "last.safetensors",
            *data_options,
            "--macs",
            task.macs,
            "--threads",
            threads,
            "--output",
            cut,
        ],
    )
    result = json.loads((folder / "result.json").read_text())
    return Made(
        thresh_file.load(cut), thresh_file.load(folder / "compact.safetensors"), seconds, result["test"]["top1"]
    )


def same_images(task: Task, cifar: Path, whole: bool, folder: Path) -> list[str]:
    """The options that give Thresh the images of `task`: CIFAR-10 by name, or the first of them in a folder."""
    if whole:
        return ["--data", "cifar10", "--data-dir", str(cifar)]
    folder.mkdir(parents=True, exist_ok=True)
    names = [line for line in (cifar / "batches.meta.txt").read_text().splitlines() if line]
    (folder / "classes.txt").write_text("\n".join(names) + "\n")
    (folder / "train.bin").write_bytes(data.records(task.images, task.labels))
    (folder / "test.bin").write_bytes(data.records(task.test_images, task.test_labels))
    return ["--data", str(folder)]


def _call(program: str, words: list) -> None:
    try:
        process = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    except OSError as error:
        raise ValueError(f"{program} did not start ({error.strerror}); build it, or name one with --thresh") from error
    if process.returncode != 0:
        told = process.stderr.strip().splitlines() or ["it said nothing"]
        raise ValueError(f"thresh {words[0]} ended with status {process.returncode}: {told[-1]}")
