"""Networks in and networks out: `compress`, `plan` and `verify`."""

import contextlib
import importlib.util
import io
import json
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from thresh import images
from thresh.program import Progress, ThreshError, run

# What images are for the program: as the loader gives them, neither cropped nor mirrored.
AS_THEY_ARE = ["--crop", "0", "--no-flip"]


@dataclass(frozen=True)
class Plan:
    """What becomes of each layer, and what the network costs before and after."""

    parameters_before: int
    parameters: int
    macs_before: int
    macs: int
    #: Everything that the program tells, as its --json has it.
    details: dict[str, Any]

    @property
    def layers(self) -> list[dict[str, Any]]:
        """Each layer with its form, the units it keeps and the reason why it stays as it is, if it does."""
        return self.details.get("plan", self.details)["layers"]

    def __str__(self) -> str:
        return (
            f"parameters {self.parameters_before:,} → {self.parameters:,} "
            f"({self.parameters / self.parameters_before:.1%}), "
            f"MACs {self.macs_before:,} → {self.macs:,} ({self.macs / self.macs_before:.1%})"
        )


@dataclass(frozen=True)
class Report(Plan):
    """A plan that was carried out, with what was measured before and after."""


def compress(
    model: torch.nn.Module,
    loader: Iterable | None = None,
    *,
    macs: float | None = None,
    parameters: float | None = None,
    time: float | None = None,
    epochs: int = 0,
    example: torch.Tensor | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    most_images: int = 50_000,
    output: str | Path | None = None,
    options: Sequence[object] = (),
    progress: Progress | None = None,
) -> tuple[torch.nn.Module, Report]:
    """A smaller network that computes nearly the same, and what was done.

    The network itself teaches the smaller one; labels count too where the loader gives some and every class occurs.
    Images pass through 8 bits on their way.

    :param model: any network of images that PyTorch exports as ONNX; it stays as it is.
    :param loader: batches of images N × channels × height × width, as the network reads them, alone or with labels.
    :param macs: the share of the multiply-accumulates to keep, such as 0.5; or `parameters`, or `time` on this machine.
    :param epochs: of fine-tuning the compact network.
    :param example: a batch as the model reads it, where there is no loader.
    :param mean: with `std`, what the images were normalised by, where that should not be found from them.
    :param most_images: images of the loader that are used.
    :param output: a file of Thresh (.safetensors) or ONNX (.onnx) that is written too.
    :param options: more words for the command line, such as ["--clock", "onnxruntime", "--lr", 0.01].
    :param progress: told every line of how far it is.
    :raises ThreshError: when the program cannot do it, with its sentence.
    """
    goals = {"--macs": macs, "--parameters": parameters, "--time": time}
    with _workplace(model, loader, example, mean, std, most_images) as (folder, file, shown):
        small = Path(output) if output is not None else folder / "small.safetensors"
        if small.suffix not in (".safetensors", ".onnx"):
            raise ThreshError(f"output is {small}, expected a file that ends in .safetensors or .onnx")
        tuning = ["--finetune-epochs", epochs] if epochs else []
        words = [*shown, *(AS_THEY_ARE if epochs else []), *_given(goals), *tuning, *options]
        told = json.loads(run("compress", file, "--output", small, "--json", *words, progress=progress))
        if output is None:
            del told["output"]
        return _module(small, folder), _report(told)


def plan(
    model: torch.nn.Module,
    loader: Iterable | None = None,
    *,
    macs: float | None = None,
    parameters: float | None = None,
    time: float | None = None,
    example: torch.Tensor | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    most_images: int = 1_000,
    options: Sequence[object] = (),
    progress: Progress | None = None,
) -> Plan:
    """What `compress` would do, and what that would cost; nothing is done. Parameters as there.

    :raises ThreshError: when the program cannot do it, with its sentence.
    """
    goals = {"--macs": macs, "--parameters": parameters, "--time": time}
    with _workplace(model, loader, example, mean, std, most_images) as (_, file, shown):
        told = json.loads(run("plan", file, "--json", *shown, *_given(goals), *options, progress=progress))
        return Plan(*_costs(told["original"], told["predicted"]), details=told)


def verify(
    model: torch.nn.Module,
    other: torch.nn.Module,
    loader: Iterable | None = None,
    *,
    example: torch.Tensor | None = None,
    tolerance: float | None = None,
) -> dict[str, Any]:
    """How far the outputs of two networks are apart, as the program tells it.

    :param loader: its first batch is what both are exported with, where there is no `example`.
    :param tolerance: the largest difference that is allowed, as a share of the largest output.
    :raises ThreshError: when they are further apart.
    """
    images_seen = _example(loader, example)
    with tempfile.TemporaryDirectory(prefix="thresh-") as home:
        files = [Path(home) / "a.onnx", Path(home) / "b.onnx"]
        for network, file in zip((model, other), files):
            _export(network, images_seen, file)
        allowed = [] if tolerance is None else ["--tolerance", tolerance]
        return json.loads(run("verify", *files, "--json", *allowed))


def _given(goals: dict[str, float | None]) -> list[object]:
    return [word for option, share in goals.items() if share is not None for word in (option, share)]


def _costs(before: dict[str, int], after: dict[str, int]) -> tuple[int, int, int, int]:
    return before["parameters"], after["parameters"], before["macs"], after["macs"]


def _report(told: dict[str, Any]) -> Report:
    return Report(told["dense_parameters"], told["parameters"], told["dense_macs"], told["macs"], details=told)


@contextlib.contextmanager
def _workplace(
    model: torch.nn.Module, loader: Iterable | None, example: torch.Tensor | None,
    mean: Sequence[float] | None, std: Sequence[float] | None, most: int,
) -> Iterator[tuple[Path, Path, list[str]]]:  # fmt: skip
    """A folder with the network as ONNX and the images, for as long as it is needed."""
    batch = _example(loader, example)
    with tempfile.TemporaryDirectory(prefix="thresh-") as home:
        folder = Path(home)
        outputs = _export(model, batch, folder / "network.onnx")
        shown: list[str] = []
        if loader is not None:
            (folder / "images").mkdir()
            classes = outputs.shape[1] if isinstance(outputs, torch.Tensor) and outputs.dim() == 2 else None
            shown = images.write(loader, folder / "images", classes, most, mean, std).words
        yield folder, folder / "network.onnx", shown


def _example(loader: Iterable | None, example: torch.Tensor | None) -> torch.Tensor:
    """A batch to export a network with."""
    if example is not None:
        return example
    if loader is None:
        raise ThreshError("give a loader of images, or an example of what the network reads")
    first = next(images.batches(loader), None)
    if first is None:
        raise ThreshError("the loader gives no images")
    return first[0][:2]


def _export(model: torch.nn.Module, batch: torch.Tensor, file: Path) -> Any:
    """Writes the network as ONNX, for any batch, with batch norm as it is; returns what it gives for the batch."""
    device = next((tensor.device for tensor in model.parameters()), torch.device("cpu"))
    was_training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
            warnings.simplefilter("ignore")
            outputs = model(batch.to(device))
            torch.onnx.export(
                model, (batch.to(device),), file, dynamo=False, opset_version=17, input_names=["images"],
                dynamic_axes={"images": {0: "batch"}}, training=torch.onnx.TrainingMode.PRESERVE,
            )  # fmt: skip
    except Exception as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ThreshError(f"PyTorch cannot export the network as ONNX: {said}") from error
    finally:
        for module in was_training:
            module.training = True
    return outputs


def _module(small: Path, folder: Path) -> torch.nn.Module:
    """The compact network as a module of plain torch.nn."""
    file = folder / "thresh_small.py"
    run("export", small, "--to", "pytorch", "--output", file)
    spec = importlib.util.spec_from_file_location("thresh_small", file)
    if spec is None or spec.loader is None:
        raise ThreshError(f"{file} cannot be imported")
    written = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(written)
    return written.load()
