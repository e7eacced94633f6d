"""Graphs of a few ONNX operators, of old opsets too, with what PyTorch computes for them.

`exchange.py operators FOLDER` writes NAME.onnx, NAME.in and NAME.out, and cases.json: the graphs that are to be read,
and those that are to be refused, with words of the refusal.
"""
import json
from pathlib import Path

import numpy
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper

BATCH, IMAGE = 2, (3, 6, 7)


class Graphs:
    """Writes graphs into a folder and remembers what is to become of them."""

    def __init__(self, folder: Path):
        self.folder, self.cases = folder, {"read": [], "refused": []}
        self.images = torch.randn(BATCH, *IMAGE, generator=torch.Generator().manual_seed(1))

    def read(self, name: str, opset: int, nodes: list, wanted, flat: bool = True, fixed: bool = False, **constants):
        """A graph from "x" to "y", behind which comes a Flatten if `flat`; `wanted` is a function of the images."""
        output = wanted(self.images).flatten(1)
        if flat:
            nodes = [*nodes, node("Flatten", "y", "flat")]
        self.write(name, opset, nodes, "flat" if flat else "y", constants, fixed)
        self.images.numpy().tofile(self.folder / f"{name}.in")
        output.numpy().astype(numpy.float32).tofile(self.folder / f"{name}.out")
        self.cases["read"].append({"name": name, "outputs": output.shape[1]})

    def several(self, name: str, opset: int, nodes: list, outputs: str, wanted, **constants) -> None:
        """A graph that gives more than one value; `wanted` is a function of the images that gives them all."""
        self.write(name, opset, nodes, outputs, constants, False)
        row = torch.cat([value.flatten(1) for value in wanted(self.images)], 1)
        self.images.numpy().tofile(self.folder / f"{name}.in")
        row.numpy().astype(numpy.float32).tofile(self.folder / f"{name}.out")
        self.cases["read"].append({"name": name, "outputs": row.shape[1]})

    def refused(self, name: str, opset: int, nodes: list, words: str, **constants) -> None:
        self.write(name, opset, [*nodes, node("Flatten", "y", "flat")], "flat", constants, False)
        self.cases["refused"].append({"name": name, "words": words})

    def write(self, name: str, opset: int, nodes: list, output: str, constants: dict, fixed: bool) -> None:
        tensors = [onnx.numpy_helper.from_array(numpy.asarray(value), key) for key, value in constants.items()]
        graph = helper.make_graph(
            nodes, name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [BATCH if fixed else "batch", *IMAGE])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in output.split()], tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        onnx.save(model, self.folder / f"{name}.onnx")


def node(operator: str, inputs: str, outputs: str = "y", **attributes):
    """Inputs and outputs as words; "-" is one that is left out."""
    names = [["" if word == "-" else word for word in words.split()] for words in (inputs, outputs)]
    return helper.make_node(operator, *names, **attributes)


def numbers(*shape: int, seed: int = 0) -> numpy.ndarray:
    return numpy.random.default_rng(seed).uniform(0.5, 1.5, shape).astype(numpy.float32)


def whole(*values: int) -> numpy.ndarray:
    return numpy.array(values, numpy.int64)


def tensor(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(numbers(*shape, seed=seed))


def kinds(graphs: Graphs) -> None:
    """One graph for each kind of operation that no other graph here has."""
    graphs.read("convolution", 17, [node("Conv", "x w b", strides=[2, 1], pads=[1, 0, 1, 0], group=3)],
                lambda x: F.conv2d(x, tensor(6, 1, 3, 2), tensor(6), stride=(2, 1), padding=(1, 0), groups=3),
                w=numbers(6, 1, 3, 2), b=numbers(6))
    graphs.read("layer_norm", 17, [node("LayerNormalization", "x s b", axis=-1, epsilon=1e-5)],
                lambda x: F.layer_norm(x, (7,), tensor(7), tensor(7, seed=1)), s=numbers(7), b=numbers(7, seed=1))
    graphs.read("matrix_product", 13, [node("Transpose", "x", "t", perm=[0, 1, 3, 2]), node("MatMul", "x t")],
                lambda x: x @ x.transpose(2, 3))
    graphs.read("mean_of_rows", 13, [node("ReduceMean", "x", axes=[2], keepdims=1)], lambda x: x.mean(2))
    graphs.read("power", 13, [node("Relu", "x", "r"), node("Pow", "r e")],
                lambda x: x.relu() ** 1.5, e=numpy.float32(1.5))
    graphs.read("softmax_of_width", 13, [node("Relu", "x", "r"), node("Softmax", "r", "s", axis=3), node("Relu", "s")],
                lambda x: x.relu().softmax(3))


def spreading(graphs: Graphs) -> None:
    """Before opset 7: `broadcast` allows it, `axis` says where."""
    def spread(axis: int | None = None) -> dict:
        return {"broadcast": 1} | ({} if axis is None else {"axis": axis})

    graphs.read("add_channels", 6, [node("Add", "x c", **spread(1))], lambda x: x + tensor(3)[:, None, None],
                c=numbers(3))
    graphs.read("add_width", 6, [node("Add", "x c", **spread())], lambda x: x + tensor(7), c=numbers(7))
    graphs.read("multiply_height", 6, [node("Mul", "x c", **spread(2))], lambda x: x * tensor(6)[:, None],
                c=numbers(6))
    graphs.read("subtract_two_axes", 5, [node("Sub", "x c", **spread(1))], lambda x: x - tensor(3, 6)[..., None],
                c=numbers(3, 6))
    graphs.read("divide_from_behind", 6, [node("Div", "x c", **spread(-3))], lambda x: x / tensor(3)[:, None, None],
                c=numbers(3))
    graphs.read("add_one_number", 6, [node("Add", "x c")], lambda x: x + tensor(1), c=numbers(1))
    graphs.read(
        "gate", 4,
        [node("GlobalAveragePool", "x", "p"), node("Reshape", "p", "g", shape=[0, 3]), node("Sigmoid", "g", "s"),
         node("Mul", "x s", **spread(0))],
        lambda x: x * x.mean((2, 3), keepdim=True).sigmoid())
    graphs.read(
        "constants", 6, [node("Add", "a b", "c", **spread(0)), node("Mul", "x c", **spread(1))],
        lambda x: x * (tensor(3, 6, 7) + tensor(3, seed=1)[:, None, None]), a=numbers(3, 6, 7), b=numbers(3, seed=1))
    graphs.refused("too_new", 7, [node("Add", "x c", axis=1, broadcast=1)], "opset 7", c=numbers(3))
    graphs.refused("unasked", 6, [node("Add", "x c")], "needs the attribute broadcast", c=numbers(7))
    graphs.refused("misplaced", 6, [node("Add", "x c", **spread(2))], "no part of the others'", c=numbers(3))


def old_attributes(graphs: Graphs) -> None:
    parts = [node("MaxPool", "x", "a", kernel_shape=[1, 1]), node("Relu", "x", "b")]
    graphs.read("concat_channels", 3, [*parts, node("Concat", "a b")], lambda x: torch.cat([x, x.relu()], 1))
    graphs.read("cast_by_name", 5, [node("Cast", "x", to="FLOAT")], lambda x: x)
    graphs.refused("cast_to_whole", 5, [node("Cast", "x", to="INT64")], "integers or booleans")
    graphs.read("reshape_attribute", 1, [node("Reshape", "x", shape=[0, -1, 7])], lambda x: x)
    graphs.read("pad_paddings", 1, [node("Pad", "x", paddings=[0, 0, 1, 0, 0, 0, 0, 2], mode="constant", value=0.5)],
                lambda x: F.pad(x, (0, 2, 1, 0), value=0.5))
    graphs.read("pad_attribute", 2, [node("Pad", "x", pads=[0, 1, 1, 0, 0, 0, 0, 2])],
                lambda x: F.pad(x, (0, 2, 1, 0, 1, 0)))
    graphs.read("slice_attributes", 1, [node("Slice", "x", starts=[1, 0], ends=[5, -1], axes=[2, 3])],
                lambda x: x[:, :, 1:5, :-1])
    graphs.read("clip_attributes", 6, [node("Clip", "x", min=-0.5, max=0.25)], lambda x: x.clamp(-0.5, 0.25))
    graphs.read("clip_below", 11, [node("Clip", "x low high")], torch.relu, low=numpy.float32(0),
                high=numpy.finfo(numpy.float32).max)
    graphs.read("maximum_attribute", 1, [node("ReduceMax", "x", axes=[1, 3])], lambda x: x.amax((1, 3)))
    graphs.read("prelu_list", 6, [node("PRelu", "x c")], lambda x: F.prelu(x, tensor(3)), c=numbers(3))
    graphs.read("unsqueeze_squeeze", 9,
                [node("Unsqueeze", "x", "a", axes=[1, 4]), node("Squeeze", "a", axes=[1, 4])], lambda x: x)
    graphs.read(
        "gemm_broadcast", 6, [node("Flatten", "x", "f"), node("Gemm", "f w b", broadcast=1, transB=1)],
        lambda x: x.flatten(1) @ tensor(5, 126).T + tensor(5, seed=1), w=numbers(5, 126), b=numbers(5, seed=1))
    graphs.read(
        "gemm_one_bias", 6, [node("Flatten", "x", "f"), node("Gemm", "f w b", broadcast=1, transB=1)],
        lambda x: x.flatten(1) @ tensor(5, 126).T + tensor(1), w=numbers(5, 126), b=numbers(1))
    graphs.refused("gemm_rows", 9, [node("Flatten", "x", "f"), node("Gemm", "f w b", transB=1)], "bias of shape",
                   w=numbers(5, 126), b=numbers(5, 1))
    norm = {"s": numbers(3), "b": numbers(3, seed=1), "m": numbers(3, seed=2), "v": numbers(3, seed=3)}

    def normalised(x: torch.Tensor) -> torch.Tensor:
        s, b, m, v = (torch.from_numpy(value) for value in norm.values())
        return F.batch_norm(x, m, v, s, b)

    graphs.read("norm_and_dropout", 6,
                [node("BatchNormalization", "x s b m v", "n", is_test=1, spatial=1, epsilon=1e-5),
                 node("Dropout", "n", "y mask", is_test=1, ratio=0.3)], normalised, **norm)
    graphs.read("norm_of_1", 1,
                [node("BatchNormalization", "x s b m v", is_test=1, consumed_inputs=[0, 0, 0, 1, 1])], normalised,
                **norm)
    pixels = {key: numbers(*IMAGE, seed=index) for index, key in enumerate(norm)}
    graphs.refused("norm_of_pixels", 6, [node("BatchNormalization", "x s b m v", is_test=1, spatial=0)], "spatial",
                   **pixels)
    graphs.refused("norm_trains", 9, [node("BatchNormalization", "x s b m v", "y m2 v2 sm sv")], "in training mode",
                   **norm)
    graphs.refused("norm_trains_still", 15, [node("BatchNormalization", "x s b m v", "y m2 v2", training_mode=1)],
                   "in training mode", **norm)
    graphs.refused("dropout_trains", 13, [node("Dropout", "x ratio mode")], "in training mode",
                   ratio=numpy.float32(0.5), mode=numpy.array(True))


def softmaxes(graphs: Graphs) -> None:
    pooled = node("GlobalAveragePool", "x", "p")
    graphs.read("softmax_of_pooled", 9, [pooled, node("Softmax", "p")],
                lambda x: x.mean((2, 3)).softmax(1), flat=False)
    graphs.read("softmax_of_all", 6, [node("Softmax", "x", axis=1)], lambda x: x.flatten(1).softmax(1))
    graphs.read("log_softmax_of_rows", 11, [node("LogSoftmax", "x", axis=-2)],
                lambda x: x.flatten(2).log_softmax(2))
    graphs.read("log_softmax_of_channels", 13, [node("LogSoftmax", "x", axis=1)], lambda x: x.log_softmax(1))
    graphs.read("log_softmax_of_width", 13, [node("LogSoftmax", "x")], lambda x: x.log_softmax(3))
    graphs.refused("softmax_of_batch", 9, [node("Softmax", "x", axis=0)], "along the batch")


def slopes(graphs: Graphs) -> None:
    for name, shape in {"one": (1,), "channels": (3, 1, 1), "channels_in_full": (1, 3, 1, 1), "width": (7,),
                        "pixels": (3, 6, 7)}.items():
        slope = tensor(*shape) - 1
        graphs.read(f"prelu_{name}", 16, [node("PRelu", "x c")], lambda x, slope=slope: x.relu() - slope * (-x).relu(),
                    c=slope.numpy())
    graphs.read("prelu_twice", 16, [node("PRelu", "x act.weight", "z"), node("Neg", "z", "n"),
                                    node("PRelu", "n act.weight")],
                lambda x: F.prelu(-F.prelu(x, tensor(3)), tensor(3)), **{"act.weight": numbers(3, 1, 1)})
    graphs.read("prelu_of_vector", 9, [node("GlobalMaxPool", "x", "m"), node("Flatten", "m", "f"),
                                       node("PRelu", "f c")],
                lambda x: F.prelu(x.amax((2, 3)), tensor(3) - 1), flat=False, c=numbers(3) - 1)


def maxima(graphs: Graphs) -> None:
    for keeps in (0, 1):
        graphs.read(f"maximum_pixels_{keeps}", 13, [node("ReduceMax", "x", axes=[2, 3], keepdims=keeps)],
                    lambda x: x.amax((2, 3)))
        graphs.read(f"maximum_channels_{keeps}", 20, [node("ReduceMax", "x a", keepdims=keeps)], lambda x: x.amax(1),
                    a=whole(-3))
    graphs.read("minimum_height", 18, [node("ReduceMin", "x a")], lambda x: x.amin(2), a=whole(2))
    graphs.read("maximum_of_nothing", 18, [node("ReduceMax", "x", noop_with_empty_axes=1)], lambda x: x)
    graphs.refused("maximum_of_all", 18, [node("ReduceMax", "x")], "along the batch")
    graphs.read("maximum_with_places", 12, [node("MaxPool", "x", "y places", kernel_shape=[2, 2])],
                lambda x: F.max_pool2d(x, 2, 1))


def pooled(x: torch.Tensor, kernel: int, stride: int, pads: list[int], kind: str, ceil: bool) -> torch.Tensor:
    """The definition, window by window; "mean" leaves padding out, "sum" counts it."""
    top, left, bottom, right = pads
    height, width = x.shape[2:]
    counted = torch.zeros(height + top + bottom, width + left + right)
    counted[top:top + height, left:left + width] = 1
    if kind == "sum":
        counted[:] = 1

    def starts(size: int, before: int, after: int) -> range:
        room = size + before + after - kernel
        windows = (room + (stride - 1 if ceil else 0)) // stride + 1
        if (windows - 1) * stride >= size + before:
            windows -= 1
        return range(0, windows * stride, stride)

    fill = float("-inf") if kind == "max" else 0.0
    padded = F.pad(x, (left, right, top, bottom), value=fill)
    rows = []
    for row in starts(height, top, bottom):
        for column in starts(width, left, right):
            window = padded[:, :, row:row + kernel, column:column + kernel]
            share = counted[row:row + kernel, column:column + kernel].sum()
            rows.append(window.amax((2, 3)) if kind == "max" else window.sum((2, 3)) / share)
    return torch.stack(rows, 2)


def windows(graphs: Graphs) -> None:
    kinds = {"max": ("MaxPool", {}), "mean": ("AveragePool", {}), "sum": ("AveragePool", {"count_include_pad": 1})}
    for kind, (operator, attributes) in kinds.items():
        for kernel, stride, pads in [(3, 2, [0, 0, 1, 1]), (3, 2, [1, 0, 0, 1]), (2, 1, [0, 1, 1, 0]),
                                     (3, 3, [2, 1, 1, 2]), (4, 3, [0, 3, 2, 1]), (3, 2, [2, 2, 2, 2])]:
            for ceil in (0, 1):
                name = f"{kind}_{kernel}_{stride}_{''.join(map(str, pads))}_{ceil}"
                # Deep below zero, where zeros around would win.
                graphs.read(
                    name, 12,
                    [node("Sub", "x five", "z"),
                     node(operator, "z", kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads, ceil_mode=ceil,
                          **attributes)],
                    lambda x, key=(kernel, stride, pads, kind, ceil == 1): pooled(x - 5, *key), five=numpy.float32(5))
        for mode, sides in (("SAME_UPPER", [0, 1, 1, 1]), ("SAME_LOWER", [1, 1, 0, 1])):
            # Of 6 rows and 7 columns by twos: one row is missing, two columns.
            graphs.read(
                f"{kind}_{mode.lower()}", 9,
                [node("Sub", "x five", "z"),
                 node(operator, "z", kernel_shape=[3, 3], strides=[2, 2], auto_pad=mode, **attributes)],
                lambda x, key=(3, 2, sides, kind, False): pooled(x - 5, *key), five=numpy.float32(5))
    graphs.read("mean_of_1", 1, [node("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 1])],
                lambda x: pooled(x, 2, 2, [0, 0, 0, 1], "mean", False))
    graphs.refused("valid_rounded_up", 11,
                   [node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], auto_pad="VALID", ceil_mode=1)],
                   "rounds up without padding")
    graphs.read("max_behind_pad", 13, [node("Pad", "x p v", "z"), node("MaxPool", "z", kernel_shape=[3, 3])],
                lambda x: pooled(x, 3, 1, [0, 1, 2, 1], "max", False), p=whole(0, 0, 0, 1, 0, 0, 2, 1),
                v=numpy.float32(-numpy.inf))


def outputs(graphs: Graphs) -> None:
    """Classes with axes of one element around them."""
    pooled = node("GlobalAveragePool", "x", "p")

    def mean(x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))

    graphs.read("classes_1_1", 17, [node("GlobalAveragePool", "x")], mean, flat=False)
    graphs.read("classes_1", 13, [pooled, node("Squeeze", "p a")], mean, flat=False, a=whole(3))
    graphs.read("one_one_classes", 13, [pooled, node("Transpose", "p", perm=[0, 2, 3, 1])], mean, flat=False)
    graphs.read("one_batch_classes", 13, [pooled, node("Squeeze", "p s", "a"), node("Unsqueeze", "a u")], mean,
                flat=False, s=whole(2, 3), u=whole(0))
    # No classes at all but several values, one of them twice.
    relu, pool = node("Relu", "x", "r"), node("MaxPool", "r", "p", kernel_shape=[2, 2])
    graphs.several("values", 17, [relu, pool, node("Sigmoid", "r", "s"), node("Identity", "r", "again")],
                   "s p r again", lambda x: (F.relu(x).sigmoid(), F.max_pool2d(F.relu(x), 2, 1), F.relu(x), F.relu(x)))
    # A view, as torch.export writes it for a fixed batch: the places of all elements of all images.
    places = (numpy.arange(BATCH)[:, None, None, None] * 126 + numpy.arange(12).reshape(3, 2, 2)[None] * 5)
    graphs.read("view", 18, [node("Reshape", "x all", "z"), node("Gather", "z places", axis=0)],
                lambda x: x.flatten()[torch.from_numpy(places)], fixed=True, all=whole(-1),
                places=places.astype(numpy.int64))
    # Sizes with the batch of the export in them.
    graphs.read("spread_whole", 13, [pooled, node("Expand", "p sizes")],
                lambda x: mean(x)[..., None, None].expand_as(x), fixed=True, sizes=whole(BATCH, *IMAGE))
    graphs.read("slice_whole", 13, [node("Slice", "x from to")], lambda x: x[:, 1:], fixed=True, **{
        "from": whole(0, 1), "to": whole(BATCH, 3)})
    # Sizes of old opsets, computed with attributes.
    graphs.read("sizes_sliced", 9,
                [node("Shape", "x", "s"), node("Slice", "s", "first", starts=[0], ends=[2], axes=[0]),
                 node("Concat", "first rest", "sizes", axis=0), node("Reshape", "x sizes")], lambda x: x,
                rest=whole(-1))
    graphs.write("view_of_others", 18, [node("Reshape", "x all", "z"), node("Gather", "z places", "y", axis=0)], "y",
                 {"all": whole(-1), "places": places[::-1].astype(numpy.int64).copy()}, fixed=True)
    graphs.cases["refused"].append({"name": "view_of_others", "words": "along the batch"})


def quantised(graphs: Graphs) -> None:
    """Values and weights of 8 bits, as QuantizeLinear and DequantizeLinear."""
    byte, signed = numpy.uint8, numpy.int8
    weights = numpy.random.default_rng(2).integers(-127, 128, (4, 3, 2, 2)).astype(signed)
    steps = numpy.array([0.01, 0.02, 0.005, 0.03], numpy.float32)
    kernel = torch.from_numpy(weights * steps[:, None, None, None])
    biases = numpy.array([300, -20, 7, 0], numpy.int32)

    def rounded(x: torch.Tensor, scale: float, zero: int, low: int, high: int) -> torch.Tensor:
        return torch.fake_quantize_per_tensor_affine(x, scale, zero, low, high)

    both = [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "r")]
    small = numpy.float32(0.02)
    graphs.read("rounded_int8", 17, [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z")],
                lambda x: rounded(x, 0.02, 0, -128, 127), s=small, z=signed(0))
    graphs.read("rounded_uint8", 13, [node("QuantizeLinear", "x s", "q"), node("DequantizeLinear", "q s")],
                lambda x: rounded(x, 0.02, 0, 0, 255), s=small)
    graphs.read("convolution_int8", 17,
                [*both, node("DequantizeLinear", "w ws", "wr", axis=0), node("DequantizeLinear", "b bs", "br", axis=0),
                 node("Conv", "r wr br")],
                lambda x: F.conv2d(rounded(x, 0.02, 100, 0, 255), kernel,
                                   torch.from_numpy((biases * (small * steps)).astype(numpy.float32))),
                s=small, z=byte(100), w=weights, ws=steps, b=biases, bs=small * steps)
    # One scale for all units, and a weight that is kept in float32 and rounded in the graph.
    graphs.read("convolution_one_scale", 13,
                [node("QuantizeLinear", "w ws wz", "wq"), node("DequantizeLinear", "wq ws wz", "wr"),
                 node("Conv", "x wr")],
                lambda x: F.conv2d(x, rounded(kernel, 0.037, 0, -128, 127)), w=kernel.numpy(), ws=numpy.float32(0.037),
                wz=signed(0))
    matrix = numpy.random.default_rng(3).integers(-127, 128, (126, 5)).astype(signed)
    columns = numpy.array([0.01, 0.02, 0.03, 0.02, 0.01], numpy.float32)
    graphs.read("linear_int8", 17,
                [node("DequantizeLinear", "w ws wz", "wr", axis=1), node("Flatten", "x", "f"), node("Gemm", "f wr")],
                lambda x: x.flatten(1) @ torch.from_numpy(matrix * columns), flat=False, w=matrix, ws=columns,
                wz=numpy.zeros(5, signed))
    # Zero points that are not zero are numbers as they are.
    graphs.read("weights_uint8", 13, [node("DequantizeLinear", "w ws wz", "wr"), node("Conv", "x wr")],
                lambda x: F.conv2d(x, torch.from_numpy((weights.astype(numpy.float32)) * 0.02)),
                w=(weights.astype(numpy.int16) + 128).astype(byte), ws=small, wz=byte(128))
    graphs.refused("other_scale", 17,
                   [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q t z")], "another scale", s=small,
                   t=numpy.float32(0.03), z=signed(0))
    graphs.refused("scale_of_zero", 17, [node("DequantizeLinear", "w ws", "wr", axis=0), node("Conv", "x wr")],
                   "not above 0", w=weights, ws=steps * 0)
    graphs.refused("zero_point_of_real", 17,
                   [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z")], "another kind", s=small,
                   z=numpy.float32(numpy.nan))
    graphs.refused("value_scale_of_zero", 17,
                   [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z")], "above 0",
                   s=numpy.float32(0), z=signed(0))
    graphs.refused("scales_of_inputs", 17, [node("DequantizeLinear", "w ws", "wr", axis=1), node("Conv", "x wr")],
                   "scales along axis 1", w=weights, ws=steps[:3])
    graphs.refused("pooled_in_8_bits", 17,
                   [node("QuantizeLinear", "x s z", "q"), node("MaxPool", "q", "p", kernel_shape=[2, 2]),
                    node("DequantizeLinear", "p s z")], "8 bits", s=small, z=signed(0))


def resizing(graphs: Graphs) -> None:
    """Images of other sizes. What PyTorch cannot do is computed by the definition, pixel by pixel."""
    half = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    torch_half = {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"}
    nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    aligned = {"coordinate_transformation_mode": "align_corners"}

    def scales(*values: float) -> numpy.ndarray:
        return numpy.array([1, 1, *values], numpy.float32)

    def resized(**settings):
        return lambda x: F.interpolate(x, **settings)

    double = {"s": scales(2, 2)}
    graphs.read("upsample_7", 7, [node("Upsample", "x", scales=[1.0, 1.0, 2.0, 2.0])],
                resized(scale_factor=2, mode="nearest"))
    graphs.read("upsample_9", 9, [node("Upsample", "x s", mode="nearest")], resized(scale_factor=2), **double)
    graphs.read("resize_10", 10, [node("Resize", "x s", mode="nearest")], resized(scale_factor=2), **double)
    graphs.read("resize_nearest", 13, [node("Resize", "x - s", **nearest)], resized(scale_factor=2), **double)
    graphs.read("resize_uneven", 13, [node("Resize", "x - s", **nearest)], resized(scale_factor=(1.5, 2.5)),
                s=scales(1.5, 2.5))
    graphs.read("resize_half", 11, [node("Resize", "x r s", **torch_half)],
                resized(scale_factor=2, mode="bilinear"), r=numpy.zeros(0, numpy.float32), **double)
    graphs.read("resize_smaller", 18, [node("Resize", "x - s", **half)],
                resized(scale_factor=(0.5, 0.4), mode="bilinear"), s=scales(0.5, 0.4))
    graphs.read("resize_aligned", 13, [node("Resize", "x - s", mode="linear", **aligned)],
                resized(scale_factor=(1.7, 2), mode="bilinear", align_corners=True), s=scales(1.7, 2))
    graphs.read("resize_cubic", 13,
                [node("Resize", "x - s", mode="cubic", coordinate_transformation_mode="half_pixel",
                      cubic_coeff_a=-0.75)],
                resized(scale_factor=2, mode="bicubic"), **double)
    graphs.read("resize_axes", 18, [node("Resize", "x - - z", axes=[3, 2], **half)],
                resized(size=(9, 5), mode="bilinear"), z=whole(5, 9))
    graphs.read("resize_exact", 19, [node("Resize", "x - - z", axes=[-2, -1], mode="nearest",
                                          coordinate_transformation_mode="half_pixel",
                                          nearest_mode="round_prefer_ceil")],
                resized(size=(3, 14), mode="nearest-exact"), z=whole(3, 14))
    # As large as the image, computed from its shape and written as numbers.
    small = node("MaxPool", "x", "p", kernel_shape=[2, 2], strides=[2, 2])

    def back(x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(F.max_pool2d(x, 2), size=x.shape[2:], mode="bilinear")

    first = [node("Shape", "p", "ps"), node("Slice", "ps zero two", "own")]
    bounds = {"zero": whole(0), "two": whole(2), "four": whole(4)}
    graphs.read("resize_like_image", 13,
                [small, *first, node("Shape", "x", "xs"), node("Slice", "xs two four", "wanted"),
                 node("Concat", "own wanted", "sizes", axis=0), node("Resize", "p - - sizes", **half)], back, **bounds)
    graphs.read("resize_to_image", 13,
                [small, *first, node("Concat", "own size", "sizes", axis=0), node("Resize", "p - - sizes", **half)],
                back, size=whole(6, 7), **bounds)
    graphs.read("resize_like_value", 13,
                [small, node("MaxPool", "x", "q", kernel_shape=[2, 2]), *first, node("Shape", "q", "qs"),
                 node("Slice", "qs two four", "wanted"), node("Concat", "own wanted", "sizes", axis=0),
                 node("Resize", "p - - sizes", **nearest)],
                lambda x: F.interpolate(F.max_pool2d(x, 2), size=(5, 6)), **bounds)
    graphs.read("resize_nothing", 13, [node("Resize", "x - s", **half)], lambda x: x, s=scales(1, 1))
    # In other ways than PyTorch's.
    combinations = [(places, mode, (1.5, 0.2))
                    for places in ("asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners")
                    for mode in ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil", "linear", "cubic")]
    for places, mode, by in [*combinations, ("half_pixel", "round_prefer_floor", (2.0, 3.0))]:
        kind = mode if mode in ("linear", "cubic") else "nearest"
        more = {"nearest_mode": mode} if kind == "nearest" else {}
        name = f"resize_{places}_{mode}_{by[0]:g}".replace(".", "_")
        graphs.read(name, 13, [node("Resize", "x - s", mode=kind, coordinate_transformation_mode=places, **more)],
                    lambda x, key=(by, mode, places): by_definition(x, *key), s=scales(*by))
    graphs.refused("resize_channels", 13, [node("Resize", "x - s", **nearest)], "the batch or the channels",
                   s=numpy.array([1, 2, 1, 1], numpy.float32))
    graphs.refused("resize_smoothed", 18, [node("Resize", "x - s", antialias=1, **half)], "antialias",
                   s=scales(0.5, 0.5))
    graphs.refused("resize_cropped", 13,
                   [node("Resize", "x r s", mode="linear", coordinate_transformation_mode="tf_crop_and_resize")],
                   "tf_crop_and_resize", r=numpy.array([0, 0, 0, 0, 1, 1, 1, 1], numpy.float32), s=scales(2, 2))


def cubic(d: float, a: float = -0.75) -> float:
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a


def by_definition(x: torch.Tensor, scale: tuple[float, float], mode: str, places: str) -> torch.Tensor:
    """Resize of the standard: https://onnx.ai/onnx/operators/onnx__Resize.html, one axis after the other."""
    for axis, by in zip((2, 3), scale):
        old = x.shape[axis]
        new, matrix = int(old * by), torch.zeros(int(old * by), old)
        for index in range(new):
            place = {"asymmetric": index / by, "half_pixel": (index + 0.5) / by - 0.5,
                     "pytorch_half_pixel": (index + 0.5) / by - 0.5 if new > 1 else 0.0,
                     "align_corners": index * (old - 1) / (new - 1) if new > 1 else 0.0}[places]
            low, share = int(numpy.floor(place)), place - numpy.floor(place)
            if mode == "linear":
                taps = [(low, 1 - share), (low + 1, share)]
            elif mode == "cubic":
                taps = [(low + k, cubic(abs(share - k))) for k in (-1, 0, 1, 2)]
            else:
                nearest = {"floor": low, "ceil": numpy.ceil(place), "round_prefer_floor": numpy.ceil(place - 0.5),
                           "round_prefer_ceil": numpy.floor(place + 0.5)}[mode]
                taps = [(int(nearest), 1.0)]
            for position, share_of in taps:
                matrix[index, min(max(position, 0), old - 1)] += share_of
        x = torch.movedim(torch.movedim(x, axis, -1) @ matrix.T, -1, axis)
    return x


def upwards(graphs: Graphs) -> None:
    """Transposed convolutions, and channels as blocks of pixels."""
    def made(name: str, opset: int, weight: tuple, settings: dict, attributes: dict, bias: bool = True,
             cut=None) -> None:
        units = weight[1] * settings.get("groups", 1)
        constants = {"w": numbers(*weight) - 1} | ({"b": numbers(units)} if bias else {})
        graphs.read(name, opset, [node("ConvTranspose", "x w b" if bias else "x w", **attributes)],
                    lambda x: (cut or (lambda y: y))(F.conv_transpose2d(
                        x, tensor(*weight) - 1, tensor(units) if bias else None, **settings)), **constants)

    made("transposed", 11, (3, 4, 3, 2), {}, {})
    made("transposed_strided", 13, (3, 4, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1},
         {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]})
    made("transposed_wide", 13, (3, 2, 2, 2), {"stride": (3, 2), "output_padding": (2, 1)},
         {"strides": [3, 2], "output_padding": [2, 1]})
    made("transposed_dilated", 13, (3, 4, 2, 3), {"dilation": (2, 1), "padding": (1, 0)},
         {"dilations": [2, 1], "pads": [1, 0, 1, 0]}, bias=False)
    made("transposed_grouped", 17, (3, 2, 2, 2), {"stride": 2, "groups": 3}, {"strides": [2, 2], "group": 3})
    made("transposed_uneven", 17, (3, 2, 3, 4), {"stride": 2}, {"strides": [2, 2], "pads": [1, 0, 0, 2]},
         cut=lambda y: y[:, :, 1:, :-2])
    made("transposed_same", 17, (3, 2, 3, 3), {"stride": 2}, {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
         cut=lambda y: y[:, :, :12, :14])
    made("transposed_to_shape", 17, (3, 2, 3, 3), {"stride": 2}, {"strides": [2, 2], "output_shape": [11, 14]},
         cut=lambda y: y[:, :, 1:12, 1:15])
    graphs.refused("transposed_beyond", 17, [node("ConvTranspose", "x w", output_padding=[1, 0])], "output padding",
                   w=numbers(3, 2, 2, 2))
    for mode in ("DCR", "CRD"):
        def shuffled(x: torch.Tensor, mode: str = mode) -> torch.Tensor:
            y = F.conv2d(x, tensor(8, 3, 1, 1) - 1)
            if mode == "DCR":
                y = y.unflatten(1, (2, 2, 2)).permute(0, 3, 1, 2, 4, 5).flatten(1, 3)
            return F.pixel_shuffle(y, 2)

        graphs.read(f"depth_to_space_{mode.lower()}", 13,
                    [node("Conv", "x w", "c"), node("DepthToSpace", "c", blocksize=2, mode=mode)], shuffled,
                    w=numbers(8, 3, 1, 1) - 1)
    graphs.read("space_to_depth", 13, [node("Slice", "x a b c", "s"), node("SpaceToDepth", "s", blocksize=2)],
                lambda x: F.pixel_unshuffle(x[..., :6], 2).unflatten(1, (3, 4)).transpose(1, 2), a=whole(0), b=whole(6),
                c=whole(3))
    graphs.read("upwards_with_spare_pixels", 17,
                [node("ConvTranspose", "x w b", strides=[3, 2], output_shape=[19, 15])],
                lambda x: F.conv_transpose2d(x, tensor(3, 2, 3, 2) - 1, tensor(2), (3, 2), output_padding=(1, 1)),
                w=numbers(3, 2, 3, 2) - 1, b=numbers(2))


def groups(graphs: Graphs) -> None:
    """Norms over groups of channels."""
    norm = {"s": numbers(6) - 1, "b": numbers(6, seed=1)}
    conv = [node("Conv", "x w", "c")]
    w = numbers(6, 3, 1, 1) - 1

    def grouped(count: int, scale=None, shift=None):
        return lambda x: F.group_norm(F.conv2d(x, torch.from_numpy(w)), count, scale, shift, 1e-3)

    affine = [torch.from_numpy(value) for value in norm.values()]
    graphs.read("group_norm", 21, [*conv, node("GroupNormalization", "c s b", num_groups=2, epsilon=1e-3)],
                grouped(2, *affine), w=w, **norm)
    each = {"s": numbers(2) - 1, "b": numbers(2, seed=1)}
    graphs.read("group_norm_18", 18, [*conv, node("GroupNormalization", "c s b", num_groups=2, epsilon=1e-3)],
                grouped(2, *(torch.from_numpy(value).repeat_interleave(3) for value in each.values())), w=w, **each)
    graphs.read("instance_norm", 13, [*conv, node("InstanceNormalization", "c s b", epsilon=1e-3)], grouped(6, *affine),
                w=w, **norm)
    chain = [*conv, node("Reshape", "c rows", "g"), node("InstanceNormalization", "g ones zeros", "n", epsilon=1e-3),
             node("Shape", "c", "sizes"), node("Reshape", "n sizes", "r")]
    bare = {"w": w, "rows": whole(0, 2, -1), "ones": numpy.ones(2, numpy.float32),
            "zeros": numpy.zeros(2, numpy.float32)}
    columns = {key: value.reshape(6, 1, 1) for key, value in norm.items()}
    graphs.read("group_norm_chain", 13, [*chain, node("Mul", "r s", "m"), node("Add", "m b")], grouped(2, *affine),
                **bare, **columns)
    graphs.read("group_norm_bare", 13, [*chain, node("Relu", "r")], lambda x: grouped(2)(x).relu(), **bare)
    graphs.read("group_norm_read_twice", 13, [*chain, node("Mul", "r s", "m"), node("Add", "m b", "a"),
                                              node("Add", "a m")],
                lambda x: grouped(2, *affine)(x) + grouped(2)(x) * affine[0][:, None, None], **bare, **columns)
    graphs.refused("group_norm_odd", 21, [*conv, node("GroupNormalization", "c s b", num_groups=4)], "4 groups", w=w,
                   **norm)


def functions(graphs: Graphs) -> None:
    """Functions of one value or of two."""
    plain = {"Softplus": F.softplus, "Mish": F.mish, "Exp": torch.exp, "Abs": torch.abs, "Selu": F.selu,
             "Softsign": F.softsign}
    for name, function in plain.items():
        graphs.read(name.lower(), 18, [node(name, "x")], function)
    graphs.read("celu", 13, [node("Celu", "x", alpha=0.5)], lambda x: F.celu(x, 0.5))
    graphs.read("log", 13, [node("Abs", "x", "a"), node("Add", "a e", "p"), node("Log", "p")],
                lambda x: torch.log(x.abs() + 0.5), e=numpy.float32(0.5))
    for name, function in {"Max": torch.maximum, "Min": torch.minimum}.items():
        turned = [node("Neg", "x", "n"), node("Mul", "n h", "t"), node(name, "x t")]
        graphs.read(f"{name.lower()}_of_two", 13, turned, lambda x, f=function: f(x, -0.5 * x), h=numpy.float32(0.5))
        graphs.read(f"{name.lower()}_of_number", 13, [node(name, "x c")],
                    lambda x, f=function: f(x, torch.tensor(0.25)), c=numpy.float32(0.25))
        graphs.read(f"{name.lower()}_of_numbers", 13, [node(name, "c x")],
                    lambda x, f=function: f(x, tensor(3, 1, 1) - 1), c=numbers(3, 1, 1) - 1)
    comparisons = {"Greater": torch.gt, "GreaterOrEqual": torch.ge, "Less": torch.lt, "LessOrEqual": torch.le}
    for name, function in comparisons.items():
        graphs.read(f"where_{name.lower()}", 16,
                    [node("Clip", "x zero c", "k"), node(name, "k zero", "g"),
                     node("Neg", "x", "n"), node("Where", "g x n")],
                    lambda x, f=function: torch.where(f(x.clamp(0, 0.75), 0), x, -x), zero=numpy.float32(0),
                    c=numpy.float32(0.75))
    graphs.read("where_both", 13,
                [node("Greater", "x c", "g"), node("Less", "x d", "l"), node("And", "g l", "b"), node("Not", "b", "o"),
                 node("Where", "o x c")],
                lambda x: torch.where((x > 0) & (x < 0.5), torch.tensor(0.0), x), c=numpy.float32(0),
                d=numpy.float32(0.5))
    graphs.read("where_soft", 18, [node("Softplus", "x", "s"), node("Greater", "x t", "g"), node("Where", "g x s")],
                lambda x: F.softplus(x, threshold=0.5), t=numpy.float32(0.5))
    graphs.refused("where_infinite", 13, [node("Greater", "x c", "g"), node("Where", "g x i")], "not finite",
                   c=numpy.float32(0), i=numpy.float32(-numpy.inf))
    graphs.read("reduce_l1", 13, [node("ReduceL1", "x", axes=[1], keepdims=0)], lambda x: x.abs().sum(1))
    graphs.read("sum_of_squares", 18, [node("ReduceSumSquare", "x a")], lambda x: (x * x).sum(3), a=whole(3))


def compositions(graphs: Graphs) -> None:
    """What Thresh makes of several other operations."""
    scale, shift = tensor(7), tensor(7, seed=1)
    graphs.several(
        "layer_norm_statistics", 17, [node("LayerNormalization", "x s b", "y mean inverse", epsilon=1e-3)],
        "y mean inverse",
        lambda x: [F.layer_norm(x, (7,), scale, shift, 1e-3), x.mean(3), (x.var(3, correction=0) + 1e-3).rsqrt()],
        s=numbers(7), b=numbers(7, seed=1))
    graphs.read("rms_norm", 23, [node("RMSNormalization", "x s", axis=-2, epsilon=1e-3)],
                lambda x: F.rms_norm(x, (6, 7), tensor(6, 7), 1e-3), s=numbers(6, 7))
    graphs.read("mean_variance_norm", 13, [node("MeanVarianceNormalization", "x", axes=[2, 3])],
                lambda x: F.instance_norm(x, eps=1e-9))
    for p in (1, 2):
        graphs.read(f"lp_norm_{p}", 22, [node("LpNormalization", "x", axis=1, p=p)],
                    lambda x, p=p: F.normalize(x, p=p, dim=1))
    graphs.read("lp_norm_of_zeros", 22, [node("Relu", "x", "r"), node("Sub", "r c", "s"), node("Relu", "s", "t"),
                                         node("LpNormalization", "t", axis=-1)],
                lambda x: F.normalize((x.relu() - 1).relu(), dim=3), c=numpy.float32(1))
    graphs.read("lrn", 13, [node("LRN", "x", size=3, alpha=0.3, beta=0.6, bias=1.5)],
                lambda x: F.local_response_norm(x, 3, 0.3, 0.6, 1.5))
    graphs.read("lp_pool", 22, [node("LpPool", "x", kernel_shape=[2, 3], strides=[2, 1], pads=[0, 1, 0, 1], p=3)],
                lambda x: (6 * F.avg_pool2d(x.abs() ** 3, (2, 3), (2, 1), (0, 1))) ** (1 / 3))
    graphs.read("global_lp_pool", 22, [node("GlobalLpPool", "x")], lambda x: x.norm(dim=(2, 3)))
    graphs.read("log_of_sum", 18, [node("Abs", "x", "a"), node("ReduceLogSum", "a d", keepdims=0)],
                lambda x: x.abs().sum((1, 3)).log(), d=whole(1, -1))
    for kept in (0, 1):
        graphs.read(f"log_of_exponentials_{kept}", 13,
                    [node("Mul", "x c", "m"), node("ReduceLogSumExp", "m", axes=[2], keepdims=kept)],
                    lambda x: (80 * x).logsumexp(2), c=numpy.float32(80))
    graphs.refused("reduced_over_nothing", 18, [node("ReduceL2", "x", noop_with_empty_axes=1)], "read in two ways")
    graphs.read("threshold", 22, [node("ThresholdedRelu", "x", alpha=0.25)], lambda x: F.threshold(x, 0.25, 0))
    graphs.read("shrink_soft", 9, [node("Shrink", "x", lambd=0.25, bias=0.25)], lambda x: F.softshrink(x, 0.25))
    graphs.read("shrink_hard", 9, [node("Shrink", "x")], lambda x: F.hardshrink(x, 0.5))
    graphs.read("swish", 24, [node("Swish", "x", alpha=0.5)], lambda x: x * torch.sigmoid(0.5 * x))
    graphs.read("mean_of_three", 13, [node("Neg", "x", "n"), node("Mul", "n h", "t"), node("Mean", "x t c")],
                lambda x: (0.5 * x + tensor(3, 1, 1)) / 3, h=numpy.float32(0.5), c=numbers(3, 1, 1))
    graphs.read("max_of_four", 13, [node("Neg", "x", "n"), node("Max", "x c n d")],
                lambda x: torch.maximum(x.abs(), tensor(7)).clamp(min=0.75), c=numpy.float32(0.75), d=numbers(7))
    graphs.read("multiplied_by_vector", 13, [node("MatMul", "x v")], lambda x: x @ tensor(7), v=numbers(7))


def logic(graphs: Graphs) -> None:
    """Conditions of the image and of constants."""
    parts = [node("Greater", "x a", "g"), node("Less", "x b", "l")]
    limits = {"a": numpy.float32(-0.25), "b": numpy.float32(0.5)}
    chosen = [node("Where", "c x zero")]
    functions = {"Or": torch.logical_or, "Xor": torch.logical_xor, "Equal": torch.eq, "And": torch.logical_and}
    for name, function in functions.items():
        graphs.read(f"logic_{name.lower()}", 13, [*parts, node(name, "g l", "c"), *chosen],
                    lambda x, f=function: torch.where(f(x > -0.25, x < 0.5), x, 0), zero=numpy.float32(0), **limits)
        mask = numpy.arange(7) % 2 == 0
        graphs.read(f"logic_{name.lower()}_of_constant", 13, [*parts, node(name, "mask g", "c"), *chosen],
                    lambda x, f=function, m=mask: torch.where(f(torch.from_numpy(m), x > -0.25), x, 0), mask=mask,
                    zero=numpy.float32(0), **limits)
    graphs.read("equal_numbers", 13, [node("Relu", "x", "r"), node("Equal", "r zero", "c"), *chosen],
                lambda x: torch.where(x <= 0, x, 0), zero=numpy.float32(0))
    graphs.read("greater_along_channels", 6,
                [node("Greater", "x c", "g", broadcast=1, axis=1), node("Not", "g", "n"),
                 node("Cast", "n", to="FLOAT")],
                lambda x: (x <= tensor(3)[:, None, None]).float(), c=numbers(3))


def moves(graphs: Graphs) -> None:
    """Elements of the image in other places."""
    pads = {"p": whole(0, 0, 2, 1, 0, 0, 1, 3)}
    for mode, words in {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}.items():
        graphs.read(f"pad_{mode}", 19, [node("Pad", "x p", mode=mode)],
                    lambda x, m=words: F.pad(x, (1, 3, 2, 1), mode=m), **pads)
    graphs.read("pad_less", 19, [node("Pad", "x p")], lambda x: F.pad(x, (-1, 2, -2, -1)),
                p=whole(0, 0, -2, -1, 0, 0, -1, 2))
    graphs.refused("pad_far", 19, [node("Pad", "x p", mode="reflect")], "reflects more pixels",
                   p=whole(0, 0, 0, 0, 0, 0, 6, 0))
    graphs.read("flip", 13, [node("Slice", "x a b c d")], lambda x: x.flip(3), a=whole(-1), b=whole(-(2**63)),
                c=whole(3), d=whole(-1))
    graphs.read("backwards_by_two", 13, [node("Slice", "x a b c d")], lambda x: x[:, :, [4, 2]], a=whole(4), b=whole(0),
                c=whole(2), d=whole(-2))
    graphs.refused("slice_of_nothing", 13, [node("Slice", "x a b c")], "takes no element", a=whole(7), b=whole(9),
                   c=whole(3))
    graphs.read("tile", 13, [node("Tile", "x r")], lambda x: x.tile(1, 2, 1, 3), r=whole(1, 2, 1, 3))
    graphs.read("gather_table", 13, [node("Gather", "x i", axis=2)], lambda x: x[:, :, [[0, 5], [3, 1], [2, 2]]],
                i=numpy.array([[0, -1], [3, 1], [2, 2]]))
    graphs.read("compress", 9, [node("Compress", "x c", axis=-1)], lambda x: x[..., [1, 4, 5]],
                c=numpy.array([False, True, False, False, True, True]))
    graphs.read("space_to_depth_crd", 28,
                [node("Slice", "x a b c", "s"), node("SpaceToDepth", "s", blocksize=2, mode="CRD")],
                lambda x: F.pixel_unshuffle(x[..., :6], 2), a=whole(0), b=whole(6), c=whole(3))
    graphs.read("triangle_of_constant", 14,
                [node("Trilu", "m k", "t", upper=0), node("CastLike", "t x", "l"), node("MatMul", "x l")],
                lambda x: x @ tensor(7, 7).tril(1), m=numbers(7, 7), k=whole(1))
    graphs.read("size", 13,
                [node("Size", "x", "n"), node("Div", "n c", "b"), node("Unsqueeze", "b z", "u"),
                 node("Concat", "u r", "s", axis=0), node("Reshape", "x s")],
                lambda x: x, c=numpy.int64(126), z=whole(0), r=whole(3, 42))
    graphs.refused("unknown_attribute", 13, [node("Relu", "x", slope=0.5)], "attribute slope")
    graphs.read("signed_8_bits", 21,
                [node("QuantizeLinear", "x s", "q", output_dtype=TensorProto.INT8), node("DequantizeLinear", "q s")],
                lambda x: (x / 0.02).round().clamp(-128, 127) * 0.02, s=numpy.float32(0.02))


def write_operators(folder: Path) -> None:
    graphs = Graphs(folder)
    for part in (kinds, spreading, old_attributes, softmaxes, slopes, maxima, windows, outputs, quantised, resizing,
                 upwards, groups, functions, compositions, logic, moves):
        part(graphs)
    (folder / "cases.json").write_text(json.dumps(graphs.cases))
