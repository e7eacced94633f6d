"""torchvision's changes of colour and place on a few small images, with given parameters."""

import base64

import peers.vision  # noqa: F401  torchvision imports beside a CPU build of torch after this
import torch
from fixture import write
from torch import Tensor
from torchvision.transforms import InterpolationMode, RandAugment, functional
from torchvision.transforms.autoaugment import _apply_op

HEIGHT, WIDTH = 20, 26  # even: no pixel lies on an axis of a rotation, where rounding would decide

FUNCTIONS = {
    "brightness": functional.adjust_brightness, "contrast": functional.adjust_contrast,
    "saturation": functional.adjust_saturation, "sharpness": functional.adjust_sharpness,
    "rotate": functional.rotate, "solarize": functional.solarize,
    "posterize": lambda image, bits: functional.posterize(image, int(bits)),
    "autocontrast": lambda image, _: functional.autocontrast(image),
    "equalize": lambda image, _: functional.equalize(image),
    "erase": lambda image, _: functional.erase(image.float(), 3, 5, 7, 11, torch.tensor(0.0)).byte(),
}  # fmt: skip
VALUES = {
    "brightness": (0.3, 1.7), "contrast": (0.3, 1.7), "saturation": (0.0, 0.4, 1.9), "sharpness": (0.1, 1.9),
    "rotate": (13.0, -71.0), "solarize": (100.0, 127.5), "posterize": (2, 5, 8), "autocontrast": (0,), "equalize": (0,),
    "erase": (0,),
}  # fmt: skip
# Strengths of shears with an odd numerator: no place is halfway between two pixels.
MAGNITUDES = (9, 30)


def images() -> dict[str, Tensor]:
    torch.manual_seed(20)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 5, 6) * 300 - 22, (HEIGHT, WIDTH), mode="bicubic")[0]
    colour = (smooth + 30 * torch.randn(3, HEIGHT, WIDTH)).clamp(0, 255).byte()
    pale = (80 + 60 * torch.rand(3, HEIGHT, WIDTH)).byte()
    pale[1] = 77  # a channel without contrast
    return {"colour": colour, "pale": pale, "grey": colour[:1] // 2 + 40}


def encoded(image: Tensor) -> str:
    """Height × width × channels bytes, as they lie in a loader's memory."""
    return base64.b64encode(image.permute(1, 2, 0).contiguous().numpy().tobytes()).decode()


def make_augmentation() -> None:
    """Every function with every value, and every operation of RandAugment at a few of its 31 strengths."""
    made, cases, draws = images(), [], []
    for name, image in made.items():
        for operation, values in VALUES.items():
            for value in values if name == "colour" else values[-1:]:
                result = FUNCTIONS[operation](image, value)
                cases.append({"image": name, "operation": operation, "value": value, "pixels": encoded(result)})
    space = RandAugment()._augmentation_space(31, (HEIGHT, WIDTH))
    for operation, (magnitudes, signed) in space.items():
        for magnitude in MAGNITUDES if magnitudes.ndim else MAGNITUDES[:1]:
            for sign in (1, -1) if signed else (1,):
                size = sign * float(magnitudes[magnitude]) if magnitudes.ndim else 0.0
                result = _apply_op(made["colour"], operation, size, InterpolationMode.NEAREST, None)
                draws.append({"operation": operation, "magnitude": magnitude, "sign": sign, "pixels": encoded(result)})
    described = [{"name": name, "channels": len(image), "pixels": encoded(image)} for name, image in made.items()]
    write(
        "augmentation",
        {"height": HEIGHT, "width": WIDTH, "images": described, "cases": cases, "rand_augment": draws},
    )
