"""The networks of torchvision, and of timm for DeiT, under the names that Thresh's catalogue has."""

from collections.abc import Callable

import torch
from fixture import FOLDER  # noqa: F401  (makes `peers` importable)
from peers import models, vision  # noqa: F401  (makes torchvision importable)
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import get_model
from torchvision.models.vision_transformer import VisionTransformer

# The sides of the square images that torchvision's weights are for, where they are not 224.
SIDES = {"efficientnet_b1": 240, "efficientnet_b2": 288, "efficientnet_b3": 300, "efficientnet_v2_s": 384}
HEADS = {"deit_tiny_patch16_224": 3, "deit_small_patch16_224": 6, "deit_base_patch16_224": 12}
NAMES = """
resnet18 resnet34 resnet50 resnet101 resnet152 wide_resnet50_2 resnext50_32x4d
vgg11 vgg11_bn vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn
mobilenet_v2 mobilenet_v3_small mobilenet_v3_large mnasnet1_0 squeezenet1_1 shufflenet_v2_x1_0
efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3 efficientnet_v2_s regnet_y_400mf regnet_y_8gf
densenet121 convnext_tiny convnext_small
vit_b_16 deit_tiny_patch16_224 deit_small_patch16_224 deit_base_patch16_224 swin_t
""".split()

# Fused attention would be one call that nobody counts.
torch.backends.mha.set_fastpath_enabled(False)


def build(name: str, classes: int, side: int) -> nn.Module:
    if name in HEADS:
        heads = HEADS[name]
        return VisionTransformer(side, 16, 12, heads, 64 * heads, 256 * heads, num_classes=classes)
    options = {"image_size": side} if name.startswith("vit") else {}
    return get_model(name, weights=None, num_classes=classes, **options)


TIMM = [
    ("encoder.layers.encoder_layer_", "blocks."),
    ("encoder.pos_embedding", "pos_embed"),
    ("encoder.ln.", "norm."),
    ("class_token", "cls_token"),
    ("conv_proj.", "patch_embed.proj."),
    ("heads.head.", "head."),
    ("ln_", "norm"),
    ("self_attention.in_proj_", "attn.qkv."),
    ("self_attention.out_proj.", "attn.proj."),
    ("mlp.0.", "mlp.fc1."),
    ("mlp.3.", "mlp.fc2."),
]


def given_name(name: str, parameter: str) -> str:
    """What the parameter of the module is called in files: DeiT has the names of timm."""
    for ours, theirs in TIMM if name in HEADS else []:
        parameter = parameter.replace(ours, theirs)
    return parameter


def state(name: str, model: nn.Module) -> dict[str, Tensor]:
    """All numbers that are learnt, under the names of files."""
    return {given_name(name, key): value for key, value in models.state(model).items() if value.is_floating_point()}


def load(name: str, model: nn.Module, make: Callable[[str, list[int]], Tensor]) -> nn.Module:
    """The module with tensors that `make` gives for the name and shape of each."""
    with torch.no_grad():
        for key, value in models.state(model).items():
            if value.is_floating_point():
                value.copy_(make(given_name(name, key), list(value.shape)))
    return model.eval()


def cost(model: nn.Module, side: int) -> tuple[int, int]:
    """Parameters and multiply-accumulates for one image."""
    model, images = model.to("meta").eval(), torch.zeros(1, 3, side, side, device="meta")
    math = torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)
    with torch.no_grad(), math, FlopCounterMode(display=False) as counter:
        model(images)
    return sum(value.numel() for value in model.parameters()), counter.get_total_flops() // 2
