"""What torchvision's networks hold and cost, and what the smallest of each family give on the formula's weights."""

import torch
import zoo
from fixture import write
from formula import fnv, tensor

# Not efficientnet_v2_s: on these weights PyTorch's own float32 and float64 differ by half of the largest logit.
COMPUTED = {
    "resnext50_32x4d": 64,
    "mobilenet_v2": 64,
    "mobilenet_v3_small": 64,
    "mnasnet1_0": 64,
    "squeezenet1_1": 64,
    "shufflenet_v2_x1_0": 64,
    "efficientnet_b0": 64,
    "regnet_y_400mf": 64,
    "densenet121": 64,
    "convnext_tiny": 64,
    "deit_tiny_patch16_224": 64,
    "swin_t": 72,  # 18×18 patches: no whole windows, and in the end odd sizes to merge
}


def make_catalogue() -> None:
    networks = []
    for name in zoo.NAMES:
        side = zoo.SIDES.get(name, 224)
        model = zoo.build(name, 1000, side)
        lines = [" ".join([key, *map(str, value.shape)]) for key, value in zoo.state(name, model).items()]
        parameters, macs = zoo.cost(model, side)
        networks.append(
            {
                "model": name,
                "image": side,
                "parameters": parameters,
                "macs": macs,
                "tensors": len(lines),
                "digest": fnv("\n".join(sorted(lines))),
            }
        )
    computed = []
    for name, side in COMPUTED.items():
        # With statistics of no data rounding errors grow from layer to layer, so in float64.
        model = zoo.load(name, zoo.build(name, 10, side), tensor).double()
        with torch.no_grad():
            logits = model(tensor("input", [2, 3, side, side]).double())
        assert logits.std(0).max() > 0.01 * logits.abs().max(), f"{name}: the images give the same logits"
        computed.append({"model": name, "classes": 10, "image": side, "logits": logits.flatten().tolist()})
    write("catalogue", {"networks": networks, "computed": computed})
