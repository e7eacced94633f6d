"""What the Python package does with networks and loaders, checked against PyTorch.

    PYTHONPATH=Python THRESH=$PWD/.build/release/thresh .venv/bin/python Tests/Interop/package.py FOLDER \
        [PAGE.md …] [NETWORK …]

Runs the Python of pages too, and compresses networks of torchvision. Writes into FOLDER.
"""

import contextlib
import os
import sys
from pathlib import Path

import numpy
import thresh
import torch
from PIL import Image
from thresh import images as image_files
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def pictures(count: int, side: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images whose class is which part of them is bright, of 8 bits and normalised as ImageNet's."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % classes
    pixels = torch.randint(0, 128, (count, 3, side, side), generator=generator)
    for image, label in zip(pixels, labels):
        image[:, :, label * side // classes : (label + 1) * side // classes] += 127
    pixels[0, :, 0, 0], pixels[0, :, 0, 1] = 0, 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (pixels / 255 - mean.view(-1, 1, 1)) / std.view(-1, 1, 1), labels


def network(classes: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(),
        nn.Conv2d(24, 48, 3, stride=2, padding=1), nn.BatchNorm2d(48), nn.ReLU(),
        nn.Conv2d(48, 48, 3, stride=2, padding=1), nn.BatchNorm2d(48), nn.ReLU(),
        nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(768, classes),
    )  # fmt: skip


def train(model: nn.Module, loader: DataLoader, epochs: int) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for _ in range(epochs):
        for batch, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(batch), labels).backward()
            optimizer.step()


def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    with torch.no_grad():
        return (model(images).argmax(1) == labels).double().mean().item()


@contextlib.contextmanager
def refused(status: int, *words: str):
    """Expects one sentence with these words."""
    try:
        yield
    except thresh.ThreshError as error:
        assert error.status == status and "\n" not in str(error), (error.status, str(error))
        assert all(word in str(error) for word in words), str(error)
    else:
        raise AssertionError(f"nothing was refused, expected {words}")


def check_files(loader: DataLoader, images: torch.Tensor, labels: torch.Tensor, folder: Path) -> None:
    """Images of 8 bits come through as they were, by class, in grey too."""
    (folder / "files").mkdir()
    written = image_files.write(loader, folder / "files", 4, 1000, None, None)
    assert written.has_labels and written.count == len(images)
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (written.mean, written.std))
    for index, (image, label) in enumerate(zip(images, labels)):
        file = folder / "files" / "train" / str(label.item()) / f"{index:07}.png"
        pixels = torch.from_numpy(numpy.array(Image.open(file))).permute(2, 0, 1) / 255
        assert ((pixels - mean) / std - image).abs().max() < 1e-5, index

    (folder / "grey").mkdir()
    grey = image_files.write([torch.arange(256).reshape(1, 1, 16, 16) / 255], folder / "grey", None, 10, None, None)
    assert not grey.has_labels and grey.mean == (0.0,) and grey.std == (1.0,)
    assert numpy.array(Image.open(folder / "grey" / "0000000.png")).flatten().tolist() == list(range(256))


def check_compression(model: nn.Module, loader: DataLoader, images: torch.Tensor, labels: torch.Tensor) -> None:
    model.train()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    lines: list[str] = []
    small, report = thresh.compress(model, loader, macs=0.4, epochs=2, progress=lines.append)
    assert model.training and all(torch.equal(weights[name], tensor) for name, tensor in model.state_dict().items())
    assert report.macs <= 0.4 * report.macs_before, report
    assert report.parameters == sum(parameter.numel() for parameter in small.parameters()), report
    assert report.parameters_before == sum(parameter.numel() for parameter in model.parameters()), report
    assert any("fine-tune" in line for line in lines), lines
    assert accuracy(small, images, labels) > 0.9, (accuracy(model.eval(), images, labels), str(report), lines)
    # What the program measured is what PyTorch measures: the images are the same.
    tested = report.details["stages"][0]["accuracy"]
    assert tested["top1"] > 90, tested
    print(report, f"top-1 {accuracy(model, images, labels):.1%} → {accuracy(small, images, labels):.1%}")

    # What comes out goes in again, and is trained on.
    train(small.train(), loader, 1)
    smaller, _ = thresh.compress(small, loader, parameters=0.6)
    assert smaller(images[:2]).shape == (2, 4)


def check_without_labels(model: nn.Module, images: torch.Tensor, folder: Path) -> None:
    """Tensors alone, a file of the user's, and numbers with a minus."""
    file = folder / "small.onnx"
    small, report = thresh.compress(model, [images[:32], images[32:]], macs=0.5, output=file)
    assert report.details["output"] == str(file) and file.stat().st_size > 1000
    assert "test" not in report.details or "top1" not in report.details["test"], report.details
    plan = thresh.plan(model, [images], macs=0.5)
    assert (plan.macs, len(plan.layers)) == (report.macs, 4), (str(plan), str(report))
    assert thresh.verify(small, small, [images])["difference"] == 0
    with refused(69, "differ"):
        thresh.verify(model, small, example=images[:2])


def check_bad_input(model: nn.Module, images: torch.Tensor) -> None:
    with refused(68, "MACs cannot be cut to 1e-05"):
        thresh.compress(model, example=images[:1], macs=0.00001)
    with refused(1, "give a loader"):
        thresh.compress(model, macs=0.5)
    with refused(1, "only once"):
        thresh.compress(model, iter([images]), macs=0.5)
    with refused(1, "expected batches of images"):
        thresh.compress(model, [{"images": images}], macs=0.5)
    with refused(1, "not finite"):
        thresh.compress(model, [images * float("nan")], macs=0.5)
    with refused(1, "mean and std belong together"):
        thresh.compress(model, [images], macs=0.5, mean=[0.5] * 3)
    with refused(1, "gives no images"):
        thresh.compress(model, [], macs=0.5)
    with refused(1, ".safetensors or .onnx"):
        thresh.compress(model, [images], macs=0.5, output="small.pth")
    with refused(64, "Missing expected argument"):
        thresh.run("compress")


def check_page(page: Path, model: nn.Module, loader: DataLoader, folder: Path) -> None:
    """Every block of Python on the page runs as it stands there, but for fewer epochs."""
    blocks = page.read_text().split("```python\n")[1:]
    assert blocks, page
    folder.mkdir()
    here = Path.cwd()
    os.chdir(folder)
    for block in blocks:
        exec(block.split("```")[0].replace("epochs=8", "epochs=1"), {"model": model, "train_loader": loader})
    os.chdir(here)
    for name in ("small.onnx", "report.html"):
        assert (folder / name).is_file(), f"{page} makes no {name}"


def check_torchvision(name: str) -> None:
    import detection  # noqa: F401  makes torchvision importable beside a CPU build too
    from torchvision import models

    model = models.get_model(name, weights=None, num_classes=4)
    images, labels = pictures(64, 64, 4)
    train_loader = DataLoader(TensorDataset(images, labels), batch_size=16, shuffle=True)
    small, report = thresh.compress(model, train_loader, macs=0.5, epochs=1)
    assert small(images[:2]).shape == (2, 4) and report.macs <= 0.5 * report.macs_before
    print(name, report)


def main() -> None:
    folder = Path(sys.argv[1])
    images, labels = pictures(160, 16, 4)
    loader = DataLoader(TensorDataset(images, labels), batch_size=16)
    model = network(4)
    train(model, loader, 6)
    check_files(loader, images, labels, folder)
    check_compression(model, loader, images, labels)
    check_without_labels(model, images, folder)
    check_bad_input(model, images)
    for word in sys.argv[2:]:
        if word.endswith(".md"):
            check_page(Path(word).resolve(), model, loader, folder / Path(word).stem)
        else:
            check_torchvision(word)


main()
