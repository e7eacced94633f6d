"""torchvision beside a CPU build of PyTorch, where wheels for CUDA do not find their own operators.

Importing this first makes torchvision importable; `export_detectors` makes detectors run and be exported too.
"""

import sys

import torch

operators = torch.library.Library("torchvision", "DEF")
operators.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
operators.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
operators.define(
    "roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width,"
    " int sampling_ratio, bool aligned) -> Tensor"
)


def nms(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> torch.Tensor:
    """Indices of the boxes that no box with a better score overlaps."""
    order = scores.argsort(descending=True)
    boxes = boxes[order]
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    kept, alive = [], torch.ones(len(boxes), dtype=torch.bool)
    for index in range(len(boxes)):
        if alive[index]:
            kept.append(index)
            low, high = torch.max(boxes[index, :2], boxes[:, :2]), torch.min(boxes[index, 2:], boxes[:, 2:])
            shared = (high - low).clamp(min=0).prod(1)
            alive &= ~(shared / (areas[index] + areas - shared) > threshold)
    return order[torch.tensor(kept, dtype=torch.long)]


def roi_align(*arguments) -> torch.Tensor:
    return sys.modules["torchvision.ops.roi_align"]._roi_align.__wrapped__(*arguments)


def has_operators():
    return True


operators.impl("nms", nms, "CPU")
operators.impl("roi_align", roi_align, "CPU")


def export_detectors() -> None:
    from torchvision.ops import _register_onnx_ops

    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("torchvision") and hasattr(module, "_has_ops"):
            module._has_ops = has_operators
    _register_onnx_ops._register_custom_op()
