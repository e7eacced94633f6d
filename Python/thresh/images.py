"""A loader's images as files that the program reads."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from PIL import Image

from thresh.program import ThreshError


@dataclass(frozen=True)
class ImageFiles:
    """A folder of images, and how the network is shown them: (pixels from 0 to 1 - mean) / std."""

    folder: Path
    mean: tuple[float, ...]
    std: tuple[float, ...]
    count: int
    has_labels: bool
    height: int
    width: int

    @property
    def words(self) -> list[str]:
        """As options of the program."""
        # A number that begins with a minus would be taken for an option of its own.
        mean, std = (",".join(f"{value:.9g}" for value in values) for values in (self.mean, self.std))
        size = ["--image-resize", str(min(self.height, self.width))]
        return ["--data" if self.has_labels else "--images", str(self.folder), f"--mean={mean}", f"--std={std}", *size]


def batches(loader: Iterable) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
    """Images N × channels × height × width, with their labels where there are some."""
    for batch in loader:
        images, labels = batch if isinstance(batch, (list, tuple)) and len(batch) == 2 else (batch, None)
        if isinstance(images, (list, tuple)) and len(images) == 1:
            images = images[0]
        if not isinstance(images, torch.Tensor) or images.dim() != 4 or images.shape[1] not in (1, 3):
            found = tuple(images.shape) if isinstance(images, torch.Tensor) else type(images).__name__
            raise ThreshError(
                f"the loader gives {found}, expected batches of images N × 1 or 3 × height × width, "
                "alone or with their labels"
            )
        is_class = isinstance(labels, torch.Tensor) and labels.dim() == 1 and not labels.is_floating_point()
        yield images.detach().cpu(), labels.cpu() if is_class else None


def pixel_range(loader: Iterable, most: int) -> tuple[list[float], list[float]]:
    """Mean and standard deviation with which the least and the largest value of each channel are pixels of 0 and 255.

    Of images that were 8 bits before they were normalised these are, where black and white occur, the numbers they
    were normalised with.
    """
    least = largest = None
    seen = 0
    for images, _ in batches(loader):
        if images.dtype == torch.uint8:
            return [0.0] * images.shape[1], [1 / 255] * images.shape[1]
        low, high = images.float().amin((0, 2, 3)), images.float().amax((0, 2, 3))
        least = low if least is None else torch.minimum(least, low)
        largest = high if largest is None else torch.maximum(largest, high)
        seen += len(images)
        if seen >= most:
            break
    if least is None or largest is None:
        raise ThreshError("the loader gives no images")
    if not (torch.isfinite(least).all() and torch.isfinite(largest).all()):
        raise ThreshError("the loader gives images with values that are not finite")
    width = torch.where(largest > least, largest - least, torch.ones_like(least))
    return (-least / width).tolist(), (1 / width).tolist()


def write(
    loader: Iterable, folder: Path, classes: int | None, most: int, mean: Sequence[float] | None,
    std: Sequence[float] | None,
) -> ImageFiles:  # fmt: skip
    """Writes the images as PNG files, by class where every class of the network occurs.

    :param classes: how many the network tells apart, if it does.
    :param most: after how many images it stops.
    :param mean: with `std`, what pixels of 0 to 1 were normalised by; found by a look at all images where it is None.
    """
    if (mean is None) != (std is None):
        raise ThreshError("mean and std belong together: give both, or neither")
    if mean is None or std is None:
        if iter(loader) is loader:
            raise ThreshError("the loader can be read only once; give a DataLoader or a list, or mean and std")
        mean, std = pixel_range(loader, most)
    labels: list[int] | None = []
    count = 0
    sizes = set()
    mean_column, std_column = (torch.tensor(list(values)).reshape(-1, 1, 1) for values in (mean, std))
    for images, own in batches(loader):
        if not len(mean) == len(std) == images.shape[1]:
            raise ThreshError(f"mean and std have {len(mean)} and {len(std)} values for {images.shape[1]} channels")
        sizes.add(tuple(images.shape[2:]))
        pixels = (images.float() * std_column + mean_column) * 255
        for image in pixels.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()[: most - count]:
            Image.fromarray(numpy.ascontiguousarray(image.squeeze(-1) if image.shape[-1] == 1 else image)).save(
                folder / f"{count:07}.png", compress_level=1
            )
            count += 1
        labels = None if labels is None or own is None else labels + own.tolist()
        if count >= most:
            break
    if len(sizes) != 1:
        raise ThreshError(f"the loader gives images of {len(sizes)} sizes, expected one")
    names = [folder / f"{index:07}.png" for index in range(count)]
    has_labels = labels is not None and classes is not None and set(labels[:count]) == set(range(classes))
    if has_labels and labels is not None:
        digits = len(str(classes))
        for file, label in zip(names, labels):
            home = folder / "train" / f"{label:0{digits}}"
            home.mkdir(parents=True, exist_ok=True)
            file.rename(home / file.name)
    return ImageFiles(folder, tuple(mean), tuple(std), count, has_labels, *sizes.pop())
