#!/usr/bin/env python3
"""Does a plan by onnxruntime's clock take the time there that was asked for?

Four networks of drawn weights are exported, planned to half of their time by `--clock onnxruntime`, exported again, and
both files are timed by deployed.py, which knows nothing of Thresh. Run nothing else meanwhile.

    .venv/bin/python Benchmarks/clocks.py FOLDER --threads 1 2        what is in the folder already is not made again
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch
from harness import thresh
from peers import vision  # noqa: F401  (what torchvision needs beside a CPU build of torch)
from torchvision.models import VisionTransformer, mobilenet_v2, resnet18

TIME = 0.5
NETWORKS = {
    "resnet20": 32,
    "resnet18": 64,
    "mobilenet_v2": 96,
    "vit": 64,
}


def build(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    match name:
        case "resnet18":
            return resnet18(num_classes=10)
        case "mobilenet_v2":
            return mobilenet_v2(num_classes=10)
        case _:
            model = VisionTransformer(
                image_size=64, patch_size=8, num_layers=6, num_heads=3, hidden_dim=192, mlp_dim=768, num_classes=10
            )
            # It starts at zero, and gives the same for every image.
            torch.nn.init.normal_(model.heads.head.weight, std=0.02)
            return model


def export(name: str, size: int, file: Path) -> None:
    if name == "resnet20":
        thresh("export", name, "--to", "onnx", "--output", file)
        return
    torch.onnx.export(
        build(name).eval(), torch.zeros(1, 3, size, size), file, input_names=["images"], output_names=["logits"],
        dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}}, opset_version=17, dynamo=False,
    )  # fmt: skip


def small(name: str, dense: Path, batch: int, threads: int, folder: Path) -> tuple[Path, dict]:
    """The file that a plan gives, and what the plan says of its time."""
    place = folder / f"{name}-{batch}-{threads}"
    model, file, report = (place.with_suffix(ending) for ending in (".safetensors", ".onnx", ".json"))
    if not report.exists():
        wish = ("--time", TIME, "--clock", "onnxruntime", "--time-batch-size", batch, "--threads", threads)
        text = thresh("compress", dense, *wish, "--json", "--output", model)
        thresh("export", model, "--to", "onnx", "--output", file)
        report.write_text(text)
    return file, json.loads(report.read_text())["plan"]["time"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 32])
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    print("| network | batch | threads | dense ms | planned ms | share by the plan | measured share | quartiles |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    for name in arguments.networks:
        dense = arguments.folder / f"{name}.onnx"
        if not dense.exists():
            export(name, NETWORKS[name], dense)
        for batch in arguments.batches:
            for threads in arguments.threads:
                file, plan = small(name, dense, batch, threads, arguments.folder)
                program = [sys.executable, Path(__file__).with_name("deployed.py"), dense, file, "--json"]
                words = [*program, "--batches", batch, "--threads", threads]
                answer = json.loads(subprocess.run(list(map(str, words)), check=True, capture_output=True).stdout)
                before, after = answer["rows"]
                said = plan["measured"]["compact"] / plan["measured"]["original"]
                low, high = after["quartiles"]
                print(
                    f"| {name}, {NETWORKS[name]} pixels | {batch} | {threads} | {before['milliseconds']:.3f} | "
                    f"{after['milliseconds']:.3f} | {said:.3f} | {after['share']:.3f} | {low:.3f} – {high:.3f} |",
                    flush=True,
                )
    print(f"\nonnxruntime {answer['onnxruntime']}, {answer['processor']}, n = {after['n']} turns")


main()
