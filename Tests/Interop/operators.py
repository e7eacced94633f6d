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

    def refused(self, name: str, opset: int, nodes: list, words: str, **constants) -> None:
        self.write(name, opset, [*nodes, node("Flatten", "y", "flat")], "flat", constants, False)
        self.cases["refused"].append({"name": name, "words": words})

    def write(self, name: str, opset: int, nodes: list, output: str, constants: dict, fixed: bool) -> None:
        tensors = [onnx.numpy_helper.from_array(numpy.asarray(value), key) for key, value in constants.items()]
        graph = helper.make_graph(
            nodes, name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [BATCH if fixed else "batch", *IMAGE])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)], tensors)
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
    graphs.cases["refused"].append({"name": "view_of_others", "words": "indices"})


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


def write_operators(folder: Path) -> None:
    graphs = Graphs(folder)
    for part in (kinds, spreading, old_attributes, softmaxes, slopes, maxima, windows, outputs, quantised):
        part(graphs)
    (folder / "cases.json").write_text(json.dumps(graphs.cases))
