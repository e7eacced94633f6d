"""Which classifier families of torchvision come in as ONNX, run the same, go out again and compress.

Every family is exported by both of PyTorch's exporters, with random weights and statistics; Thresh's reading is
compared with PyTorch's own output through a file that Thresh wrote again and onnxruntime ran. Prints the table of
Documentation/onnx.md.

    .venv/bin/python Tests/Interop/families.py [FAMILY …]
"""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import exchange  # makes torchvision importable beside a CPU build too
import numpy
import onnxruntime
import torch
import torchvision

ROOT = Path(__file__).resolve().parent.parent.parent
THRESH = os.environ.get("THRESH", str(ROOT / ".build/release/thresh"))
FAMILIES = [
    "alexnet",
    "vgg11",
    "vgg16_bn",
    "resnet18",
    "resnet50",
    "resnext50_32x4d",
    "wide_resnet50_2",
    "densenet121",
    "googlenet",
    "inception_v3",
    "squeezenet1_1",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mnasnet1_0",
    "shufflenet_v2_x1_0",
    "efficientnet_b0",
    "efficientnet_v2_s",
    "regnet_y_400mf",
    "regnet_x_400mf",
    "convnext_tiny",
    "vit_b_16",
    "vit_b_32",
    "swin_t",
    "swin_v2_t",
    "maxvit_t",
]


def build(name: str) -> torch.nn.Module:
    """The network with weights and norms that matter."""
    torch.manual_seed(0)
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    return exchange.settle(torchvision.models.get_model(name, weights=None, **options))


def export(model: torch.nn.Module, images: torch.Tensor, file: Path, newer: bool) -> None:
    """Through the newer exporter (torch.export) or the older one (TorchScript), the batch left open."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        if newer:
            shapes = ({0: torch.export.Dim("batch", min=1)},)
            torch.onnx.export(model, (images,), file, dynamo=True, dynamic_shapes=shapes, verbose=False)
        else:
            torch.onnx.export(
                model,
                (images,),
                file,
                dynamo=False,
                opset_version=17,
                input_names=["images"],
                dynamic_axes={"images": {0: "batch"}},
            )


def thresh(*words) -> str | None:
    """What Thresh says was wrong; nothing when it was not."""
    done = subprocess.run([THRESH, *map(str, words)], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def difference(file: Path, images: torch.Tensor, wanted: numpy.ndarray) -> float:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: images.numpy()})[0]
    return float(numpy.abs(found - wanted).max() / numpy.abs(wanted).max())


def line(name: str, newer: bool, folder: Path) -> list[str]:
    """The family's row: what became of it in each step."""
    model = build(name)
    size = 299 if name == "inception_v3" else 224
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        wanted = model(images).numpy()
    file, again = folder / f"{name}.onnx", folder / "again.onnx"
    head = [name, "torch.export" if newer else "TorchScript"]
    try:
        export(model, images, file, newer)
    except Exception as error:  # the exporter's own failure is a result too
        return [*head, f"not exported by PyTorch: {str(error).splitlines()[0][:80]}", "", ""]
    if wrong := thresh("export", file, "--to", "onnx", "--output", again):
        return [*head, wrong.split("cannot be read: ")[-1][:160], "", ""]
    off = difference(again, images, wanted)
    wrong = thresh("compress", file, "--macs", 0.8, "--units", "zero", "--output", folder / "small.safetensors")
    return [*head, "reads and writes", f"{off:.0e}", "to 80 % of the MACs" if wrong is None else wrong[:100]]


def main() -> None:
    print("| network | exporter | | difference | compresses |\n|---|---|---|---:|---|")
    for name in sys.argv[1:] or FAMILIES:
        for newer in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                print("| " + " | ".join(line(name, newer, Path(folder))) + " |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
