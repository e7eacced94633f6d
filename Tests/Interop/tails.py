"""Graphs that end in what no network learns through, for the tests of exchange.

`exchange.py tails FOLDER` writes NAME.onnx; `exchange.py same FOLDER` runs every NAME.onnx there and NAME.again.onnx in
onnxruntime and fails where anything differs.
"""

from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from operators import node

NUMBERS = numpy.random.default_rng(0)
FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def stored(name: str, *shape: int):
    return numpy_helper.from_array(NUMBERS.normal(0, 0.5, shape).astype(numpy.float32), name)


def whole(name: str, *values: int):
    return numpy_helper.from_array(numpy.array(values, numpy.int64), name)


def info(name: str, kind: int, *sizes):
    return helper.make_tensor_value_info(name, kind, sizes)


def save(
    folder: Path, name: str, nodes: list, given: tuple, outputs: list, tensors: list, opset: int = 17, more: tuple = ()
) -> None:
    graph = helper.make_graph(nodes, name, [info("image", FLOAT, *given), *more], outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, folder / f"{name}.onnx")


def detector(folder: Path, name: str, opset: int, size: tuple = (8, 8), scaled: bool = False) -> None:
    """Boxes and scores for every place, and the best of them after non-maximum suppression; if scaled, boxes are
    multiplied by an input."""
    older = opset < 13
    nodes = [
        node("Conv", "image body.weight", "body", pads=[1, 1, 1, 1]),
        node("Relu", "body", "active"),
        node("Conv", "active neck.weight", "neck", pads=[1, 1, 1, 1]),
        node("Relu", "neck", "features"),
        node("Conv", "features boxes.weight", "deltas"),
        node("Conv", "features scores.weight", "logits"),
        node("Reshape", "deltas box_shape", "rows"),
        node("Transpose", "rows", "corners", perm=[0, 2, 1]),
        node("Exp", "corners", "plain" if scaled else "boxes"),
        *([node("Mul", "plain scale", "boxes")] if scaled else []),
        node("Reshape", "logits score_shape", "flat"),
        node("Sigmoid", "flat", "scores"),
        node("NonMaxSuppression", "boxes scores most overlap least", "chosen"),
        node("Gather", "chosen second", "places", axis=1),
        # Names that the written network has too.
        node("Squeeze", "places" if older else "places last", "input", **({"axes": [1]} if older else {})),
        node("Squeeze", "boxes" if older else "boxes first", "body.weight_2", **({"axes": [0]} if older else {})),
        node("Gather", "body.weight_2 input", "best", axis=0),
    ]
    tensors = [
        stored("body.weight", 8, 3, 3, 3), stored("neck.weight", 8, 8, 3, 3),
        stored("boxes.weight", 4, 8, 1, 1), stored("scores.weight", 2, 8, 1, 1),
        whole("box_shape", 1, 4, -1), whole("score_shape", 1, 2, -1), whole("most", 5), whole("second", 2),
        numpy_helper.from_array(numpy.array([0.5], numpy.float32), "overlap"),
        numpy_helper.from_array(numpy.array([0.1], numpy.float32), "least"),
    ]  # fmt: skip
    if not older:
        tensors += [whole("last", 1), whole("first", 0)]
    outputs = [
        info("best", FLOAT, "found", 4),
        info("chosen", INT64, "found", 3),
        info("scores", FLOAT, 1, 2, size[0] * size[1]),
    ]
    save(folder, name, nodes, (1, 3, *size), outputs, tensors, opset, (info("scale", FLOAT),) if scaled else ())


def segmenter(folder: Path) -> None:
    """The class of every pixel, and not its score."""
    nodes = [node("Conv", "image weight", "maps", pads=[1, 1, 1, 1]), node("ArgMax", "maps", "label", axis=1)]
    outputs = [info("label", INT64, "batch", 1, 8, 8)]
    save(folder, "segmenter", nodes, ("batch", 3, 8, 8), outputs, [stored("weight", 5, 3, 3, 3)])


def single(folder: Path) -> None:
    """One image without an axis for the batch, normalised before it gets one; what is found depends on the values."""
    nodes = [
        node("Sub", "image mean", "centred"),
        node("Unsqueeze", "centred first", "batch"),
        node("Conv", "batch weight", "maps", pads=[1, 1, 1, 1]),
        node("Gather", "maps zero", "one", axis=0),
        node("Greater", "one zero_float", "positive"),
        node("NonZero", "positive", "places"),
        node("Shape", "maps", "shape"),
        node("Shape", "image", "size"),
    ]
    tensors = [
        stored("mean", 3, 1, 1), stored("weight", 4, 3, 3, 3), whole("first", 0),
        numpy_helper.from_array(numpy.array(0, numpy.int64), "zero"),
        numpy_helper.from_array(numpy.array(0, numpy.float32), "zero_float"),
    ]  # fmt: skip
    outputs = [info("places", INT64, 3, "count"), info("shape", INT64, 4), info("size", INT64, 3)]
    save(folder, "single", nodes, (3, 8, 8), outputs, tensors)


def recogniser(folder: Path, opset: int = 17) -> None:
    """A recurrent layer behind convolutions, as readers of text have it."""
    nodes = [
        node("Conv", "image weight", "maps", pads=[1, 1, 1, 1]),
        node("ReduceMean", "maps", "columns", axes=[2], keepdims=0),
        node("Transpose", "columns", "steps", perm=[2, 0, 1]),
        node("LSTM", "steps lstm.W lstm.R", "all", hidden_size=3),
        node("Squeeze", "all second", "letters"),
    ]
    tensors = [stored("weight", 4, 3, 3, 3), stored("lstm.W", 1, 12, 4), stored("lstm.R", 1, 12, 3), whole("second", 1)]
    save(folder, "recogniser", nodes, ("batch", 3, 8, 8), [info("letters", FLOAT, 8, "batch", 3)], tensors, opset)


def queries(folder: Path) -> None:
    """A constant that computes by itself before it meets the image."""
    nodes = [
        node("Conv", "image weight", "maps", pads=[1, 1, 1, 1]),
        node("Softmax", "query", "attention", axis=1),
        node("Mul", "attention maps", "mixed"),
        node("ArgMax", "mixed", "label", axis=1),
    ]
    tensors = [stored("weight", 4, 3, 3, 3), stored("query", 1, 4, 8, 8)]
    save(folder, "queries", nodes, (1, 3, 8, 8), [info("label", INT64, 1, 1, 8, 8)], tensors)


def turned(folder: Path) -> None:
    """Channels last, and an end that reads the images: written files have them in another order."""
    nodes = [
        node("Transpose", "image", "first", perm=[0, 3, 1, 2]),
        node("Conv", "first weight", "maps", pads=[1, 1, 1, 1]),
        node("ArgMax", "maps", "label", axis=1),
        node("NonZero", "image", "places"),
    ]
    outputs = [info("label", INT64, 1, 1, 8, 8), info("places", INT64, 4, "count")]
    save(folder, "turned", nodes, (1, 8, 8, 3), outputs, [stored("weight", 4, 3, 3, 3)])


def chosen(folder: Path) -> None:
    """A branch that depends on the image, and reads values around it."""
    branches = []
    for word, operator in (("then", "Add"), ("else", "Sub")):
        inner = [node(operator, "maps offset", f"{word}_value")]
        branches.append(helper.make_graph(inner, word, [], [info(f"{word}_value", FLOAT, 1, 4, 8, 8)]))
    nodes = [
        node("Conv", "image weight", "maps", pads=[1, 1, 1, 1]),
        node("ReduceMean", "maps", "mean", keepdims=0),
        node("Greater", "mean zero", "is_bright"),
        helper.make_node("If", ["is_bright"], ["value"], then_branch=branches[0], else_branch=branches[1]),
    ]
    tensors = [stored("weight", 4, 3, 3, 3), stored("offset", 4, 1, 1)]
    tensors.append(numpy_helper.from_array(numpy.array(0, numpy.float32), "zero"))
    save(folder, "branch", nodes, (1, 3, 8, 8), [info("value", FLOAT, 1, 4, 8, 8)], tensors)


def open_size(folder: Path) -> None:
    """No end that is kept, but height and width open: maps of half the size, made as large as the image again."""
    nodes = [
        node("Conv", "image weight", "maps", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", "maps", "features"),
        node("Shape", "image", "shape"),
        node("Slice", "shape two four", "size"),
        node("Shape", "features", "own"),
        node("Slice", "own zero two", "channels"),
        node("Concat", "channels size", "target", axis=0),
        node("Resize", "features - - target", "large", mode="linear", coordinate_transformation_mode="half_pixel"),
        node("GlobalAveragePool", "features", "pooled"),
    ]
    tensors = [stored("weight", 4, 3, 3, 3), whole("zero", 0), whole("two", 2), whole("four", 4)]
    outputs = [info("large", FLOAT, "batch", 4, "height", "width"), info("pooled", FLOAT, "batch", 4, 1, 1)]
    save(folder, "open", nodes, ("batch", 3, "height", "width"), outputs, tensors)


def write_tails(folder: Path) -> None:
    open_size(folder)
    detector(folder, "detector", 17)
    detector(folder, "detector11", 11)
    segmenter(folder)
    single(folder)
    recogniser(folder)
    queries(folder)
    turned(folder)
    chosen(folder)


def same(folder: Path) -> None:
    import onnxruntime

    for again in sorted(folder.glob("*.again.onnx")):
        file = folder / again.name.replace(".again", "")
        onnx.checker.check_model(onnx.load(again), full_check=True)
        first, second = (onnxruntime.InferenceSession(f, providers=["CPUExecutionProvider"]) for f in (file, again))
        assert [v.name for v in first.get_outputs()] == [v.name for v in second.get_outputs()], again
        given = first.get_inputs()[0]
        assert given.name == second.get_inputs()[0].name
        # Also larger images, where the file leaves their size open.
        for extra in (0, 24):
            shape = [size if isinstance(size, int) else 2 if axis == 0 else 40 + extra
                     for axis, size in enumerate(given.shape)]  # fmt: skip
            images = NUMBERS.normal(size=shape).astype(numpy.float32)
            wanted, found = (session.run(None, {given.name: images}) for session in (first, second))
            for a, b in zip(wanted, found):
                assert a.shape == b.shape and a.dtype == b.dtype, (again, a.shape, b.shape)
                assert a.dtype != numpy.float32 or numpy.abs(a - b).max(initial=0) <= 1e-5 * numpy.abs(a).max(), again
                assert a.dtype == numpy.float32 or (a == b).all(), again
