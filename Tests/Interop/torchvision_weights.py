"""Whether state dicts of torchvision, and of timm for DeiT, come in by name and compute the same.

Every network gets random weights, and statistics of random images, is saved as a .pth file, read by
`thresh export NAME --weights FILE`, and what onnxruntime makes of the written file is compared with PyTorch's own
output. Prints a table.

    .venv/bin/python Tests/Interop/torchvision_weights.py [NAME …]
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnxruntime
import torch

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "Tests/Fixtures"))
import zoo  # noqa: E402

THRESH = os.environ.get("THRESH", str(ROOT / ".build/release/thresh"))


def random_tensor(name: str, shape: list[int]) -> torch.Tensor:
    """He's deviation for weights, so that values keep their size; scales and variances about 1, the rest about 0."""
    if len(shape) > 1:
        inputs = 1.0 if "layer_scale" in name else float(numpy.prod(shape[1:]))
        return torch.randn(shape) * (2 / inputs) ** 0.5
    if name.endswith(("weight", "running_var")):
        return 0.5 + torch.rand(shape)
    return 0.1 * torch.randn(shape)


@torch.no_grad()
def settle(model: torch.nn.Module, images: torch.Tensor) -> None:
    """Statistics of a batch, as after training: with any others, deep networks blow rounding errors up."""
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    model(images)
    model.eval()


def thresh(*words) -> str:
    done = subprocess.run([THRESH, *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def line(name: str, listed: dict[str, dict], folder: Path) -> list[str]:
    side = zoo.SIDES.get(name, 224)
    model = zoo.load(name, zoo.build(name, 1000, side), random_tensor)
    settle(model, torch.randn(4, 3, side, side))
    images = torch.randn(2, 3, side, side)
    with torch.no_grad():
        wanted = model(images).numpy()
    weights, file = folder / "weights.pth", folder / "network.onnx"
    torch.save({zoo.given_name(name, key): value for key, value in model.state_dict().items()}, weights)
    thresh("export", name, "--weights", weights, "--to", "onnx", "--output", file)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: images.numpy()})[0]
    off = float(numpy.abs(found - wanted).max() / numpy.abs(wanted).max())
    ours = listed[name]
    assert ours["input_shape"] == [3, side, side], f"{name} has usual input {ours['input_shape']}"
    theirs = zoo.cost(model, side)
    same = "yes" if theirs == (ours["parameters"], ours["macs"]) else f"no, {theirs}"
    return [name, f"{ours['parameters']:,}", f"{ours['macs']:,}", same, f"{off:.0e}"]


def main() -> None:
    listed = {model["name"]: model for model in json.loads(thresh("models", "--json"))["models"]}
    print("| network | parameters | MACs | as PyTorch counts | difference |\n|---|---:|---:|---|---:|")
    for name in sys.argv[1:] or zoo.NAMES:
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as folder:
            try:
                print("| " + " | ".join(line(name, listed, Path(folder))) + " |", flush=True)
            except RuntimeError as error:
                print(f"| {name} | {error} |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
