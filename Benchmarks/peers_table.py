"""The comparison of methods as a table, printed and put into README.md."""

import argparse
from typing import Any

import torch

Result = dict[str, Any]
BATCHES = (1, 32)  # whose times are shown
HEAD = [
    "method",
    "top-1 after the cut",
    "top-1",
    "parameters",
    "MACs",
    "ms an image",
    "in a batch of 32",
    "seconds to make",
]


def table(results: list[Result]) -> str:
    lines = [HEAD, ["---"] + ["---:"] * (len(HEAD) - 1), *map(_row, results)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _row(result: Result) -> list[str]:
    if "error" in result:
        reason = result["error"].splitlines()[0].replace("|", "\\|")
        return [result["title"], f"failed: {reason}", *[""] * (len(HEAD) - 2)]
    return [
        result["title"],
        f"{result['top1_cut']:.2f} %" if "top1_cut" in result else "",
        f"{result['top1']:.2f} %",
        f"{result['parameters'] / 1000:.1f} k",
        f"{result['macs'] / 1e6:.2f} M",
        *(f"{result[f'milliseconds_{batch}']['median']:.3f}" for batch in BATCHES),
        f"{result['seconds']:.0f}" if "seconds" in result else "",
    ]


def caption(options: argparse.Namespace, about: dict[str, Any], rounds: int) -> str:
    """What the figures mean nothing without."""
    return (
        f"{about['cpu']}, {about['threads']} of {about['cores']} cores, load {about['load_before']} before; "
        f"{options.epochs} + {options.finetune_epochs} epochs of {options.images:,} images, rate {options.lr}, seed "
        f"{options.seed}, {options.macs:.0%} of the MACs as target; {options.test_images:,} test images; times are "
        f"medians of {rounds} rounds in turns, PyTorch {torch.__version__} eager, channels-last."
    )
