"""ONNX's own tests of a node as networks of images.

The values that vary are parts of an image, everything else is constant. In one form the test's first axis is the batch;
in the other the whole test is one image, and the operator's axes move by one.
"""

import dataclasses
import logging
import re
import warnings

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

# Operators that no network of images holds: other domains' data, control flow, state, chance, training.
ABSENT = """Adagrad Adam ArrayFeatureExtractor Attention Bernoulli Binarizer BitCast BitShift BitwiseAnd BitwiseNot
BitwiseOr BitwiseXor BlackmanWindow Cast CastLike CausalConvWithState ConvInteger DequantizeLinear DynamicQuantizeLinear
FlexAttention GRU HammingWindow HannWindow If ImageDecoder LSTM LabelEncoder LinearAttention Loop MatMulInteger
MelWeightMatrix Momentum NegativeLogLikelihoodLoss NonMaxSuppression OptionalGetElement OptionalHasElement QLinearConv
QLinearMatMul QuantizeLinear RNN Range RegexFullMatch Scan SequenceInsert SequenceMap SoftmaxCrossEntropyLoss
SplitToSequence StringConcat StringNormalizer StringSplit TensorScatter TfIdfVectorizer TreeEnsemble""".split()
# Operators of several values that may all depend on the image.
SEVERAL = """Add Sub Mul Div Pow Mod Max Min Sum Mean Where And Or Xor Equal Greater GreaterOrEqual Less LessOrEqual
Concat MatMul""".split()
# Operators whose first axis is the batch, or that have no axes to move.
BATCHED = """AffineGrid AveragePool BatchNormalization CenterCropPad Col2Im Conv ConvTranspose DFT DeformConv
DepthToSpace Det Einsum Flatten Gemm GlobalAveragePool GlobalMaxPool GridSample GroupNormalization
InstanceNormalization LRN LpPool MaxPool MaxUnpool MeanVarianceNormalization NonZero Resize ReverseSequence RoiAlign
RotaryEmbedding STFT Scatter ScatterElements ScatterND GatherND SpaceToDepth TopK Unique Upsample""".split()

# The operator of each test by its name.
NAMES: dict[str, str] = {}


@dataclasses.dataclass
class Form:
    """A test as a network: `images` of batch × 1 × height × width, and what comes out of them."""

    test: str
    operator: str
    model: onnx.ModelProto
    images: numpy.ndarray
    wanted: list[numpy.ndarray]

    def more(self) -> numpy.ndarray:
        """The images, and the same numbers in other places."""
        return numpy.concatenate([self.images, self.images[::-1, ..., ::-1]])


def operator(case) -> str:
    """The operator that a test is for; tests of functions hold the operators that it is made of."""
    node = re.sub(r"_expanded.*$", "", case.name)
    if node == case.name:
        return case.model.graph.node[0].op_type
    return NAMES.get(node, "")


def embed(case, varying: list[int], moves: bool) -> Form | None:
    """The test with some of its inputs as parts of the image; None where it is none.

    `moves` puts an axis for the batch in front of the test's.
    """
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    if operator(case) == "Not":
        # Opset 1 computes the same, and has no Reshape with a shape as its input.
        model.opset_import[0].version = 13
    graph, opset = model.graph, model.opset_import[0].version
    given, wanted = ([numpy.asarray(value) for value in values] for values in case.data_sets[0])
    rank = max(given[index].ndim for index in varying)
    rows = [given[index] for index in varying]
    if moves:
        several = graph.node[0].op_type in SEVERAL
        rows = [row.reshape(1, *[1] * (rank - row.ndim if several else 0), *row.shape) for row in rows]
        wanted = [value[None] for value in wanted]
    batch = len(rows[0])
    if any(value.size == 0 or value.shape[:1] != (batch,) for value in rows + wanted):
        return None
    names = [value.name for value in graph.input]
    nodes, constants = take_apart(dict(zip([names[index] for index in varying], rows)), opset)
    constants |= {name: given[index] for index, name in enumerate(names) if index not in varying}
    own = list(graph.node)
    if moves and not move(own[0], constants, given[varying[0]].ndim, opset):
        return None
    last, output, wanted = join([value.name for value in graph.output], wanted)
    images = numpy.concatenate([row.reshape(batch, -1) for row in rows], 1).astype(numpy.float32)
    # An image has at most 65536 pixels a side; more numbers than that are never cut into parts here.
    count = images.shape[1]
    height = next(n for n in range(1, count + 1) if count // n <= 1 << 16 and count % n == 0)
    shape = [1, height, count // height]
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend(nodes + own + last)
    graph.input.append(helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", *shape]))
    graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, None))
    graph.initializer.extend(numpy_helper.from_array(numpy.asarray(v), k) for k, v in constants.items())
    return Form(case.name, operator(case), model, images.reshape(batch, *shape), wanted)


def take_apart(rows: dict[str, numpy.ndarray], opset: int) -> tuple[list[onnx.NodeProto], dict]:
    """Nodes that make values of one image after the other, and their constants."""
    nodes, constants, place = [], {}, 0
    # Roots and logarithms of the random images that Thresh compares files with are to be numbers.
    positive = all((value > 0).all() for value in rows.values())
    for name, value in rows.items():
        source, count = "images", value[0].size
        if len(rows) > 1:
            source, limits = name + "_part", {"starts": place, "ends": place + count, "axes": 3}
            if opset < 10:
                nodes.append(helper.make_node("Slice", ["images"], [source], **{k: [v] for k, v in limits.items()}))
            else:
                named = {f"{source}_{key}": numpy.array([number]) for key, number in limits.items()}
                constants |= named
                nodes.append(helper.make_node("Slice", ["images", *named], [source]))
        if positive and value.dtype == numpy.float32:
            nodes.append(helper.make_node("Abs", [source], [name + "_size"]))
            source = name + "_size"
        constants[name + "_shape"] = numpy.array([-1, *value.shape[1:]])
        is_real = value.dtype == numpy.float32
        laid = name if is_real else name + "_number"
        nodes.append(helper.make_node("Reshape", [source, name + "_shape"], [laid]))
        if not is_real:
            constants["half"] = numpy.float32(0.5)
            nodes.append(helper.make_node("Greater", [laid, "half"], [name]))
        place += count
    return nodes, constants


def join(names: list[str], wanted: list[numpy.ndarray]) -> tuple[list[onnx.NodeProto], str, list[numpy.ndarray]]:
    """Nodes that make one value of real numbers of what the test gives; of several, one would be taken for classes."""
    nodes = []
    for index, (name, value) in enumerate(zip(names, wanted)):
        if value.dtype != numpy.float32:
            names[index] = name + "_number"
            nodes.append(helper.make_node("Cast", [name], [names[index]], to=TensorProto.FLOAT))
    if len(names) == 1:
        return nodes, names[0], wanted
    rows = [name + "_row" for name in names]
    nodes += [helper.make_node("Flatten", [name], [row], axis=1) for name, row in zip(names, rows)]
    nodes.append(helper.make_node("Concat", rows, ["joined"], axis=1))
    return nodes, "joined", [numpy.concatenate([value.reshape(len(value), -1) for value in wanted], 1)]


def moved(axes):
    """Axes, or one, behind the new one in front."""
    if isinstance(axes, int):
        return axes + 1 if axes >= 0 else axes
    return [moved(int(axis)) for axis in axes]


def move(node: onnx.NodeProto, constants: dict, rank: int, opset: int) -> bool:
    """Moves the axes that an operator names by one; false where it has the batch in front anyway."""
    kind = node.op_type
    if kind in BATCHED:
        return False
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    defaults = dict.fromkeys(("Gather", "Split", "GatherElements", "ArgMax", "ArgMin"), 0)
    defaults |= dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax"), 1) if opset < 13 else {}
    if kind in defaults or "axis" in attributes:
        attributes["axis"] = moved(attributes.get("axis", defaults.get(kind)))
    elif kind == "Compress":
        return False
    if kind == "Transpose":
        attributes["perm"] = [0, *moved(attributes.get("perm", range(rank)[::-1]))]
    if "axes" in attributes:
        attributes["axes"] = moved(attributes["axes"])
    elif kind.startswith("Reduce") and not has_axes(node, constants) and not attributes.get("noop_with_empty_axes"):
        if opset < (13 if kind == "ReduceSum" else 18):
            attributes["axes"] = list(range(1, rank + 1))
        else:
            set_axes(node, constants, 1, range(1, rank + 1))
    elif not move_inputs(node, constants, rank, attributes):
        return False
    del node.attribute[:]
    node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
    return True


def has_axes(node: onnx.NodeProto, constants: dict) -> bool:
    return len(node.input) > 1 and node.input[1] != "" and constants[node.input[1]].size > 0


def set_axes(node: onnx.NodeProto, constants: dict, index: int, axes) -> None:
    node.input.extend([""] * (index + 1 - len(node.input)))
    node.input[index] = "moved_axes"
    constants["moved_axes"] = numpy.array(axes, numpy.int64)


def move_inputs(node: onnx.NodeProto, constants: dict, rank: int, attributes: dict) -> bool:
    """The same for axes, sizes and counts that are inputs."""
    kind = node.op_type
    given = [constants.get(name) for name in node.input] + [None] * 4
    if kind.startswith("Reduce") and has_axes(node, constants) or kind in ("Squeeze", "Unsqueeze"):
        if given[1] is not None:
            set_axes(node, constants, 1, moved(given[1]))
    elif kind == "Slice":
        set_axes(node, constants, 3, moved(range(len(given[1])) if given[3] is None else given[3]))
    elif kind == "Pad" and given[3] is not None:
        set_axes(node, constants, 3, moved(given[3]))
    elif kind == "Pad":
        before, after = numpy.split(given[1], 2)
        constants[node.input[1]] = numpy.concatenate([[0], before, [0], after])
    elif kind in ("Tile", "Expand"):
        if len(given[1]) > rank:
            return False
        ones = [1] * (1 + rank - len(given[1]))
        constants[node.input[1]] = numpy.concatenate([ones, given[1]]).astype(numpy.int64)
    elif kind == "Reshape":
        constants[node.input[1]] = numpy.concatenate([[0], given[1]])
        return not (attributes.get("allowzero") and 0 in given[1])
    return True


def forms(case) -> list[Form]:
    """The networks of images that a test can be."""
    kind, nodes = operator(case), case.model.graph.node
    inputs, outputs = case.data_sets[0]
    is_plain = len(case.data_sets) == 1 and all(not opset.domain for opset in case.model.opset_import)
    if not is_plain or kind in ABSENT or not kind or "train" in case.name:
        return []
    if not all(isinstance(value, (numpy.ndarray, numpy.generic)) for value in [*inputs, *outputs]):
        return []
    kinds = (numpy.float32, numpy.bool_) if kind in (*SEVERAL, "Not") else (numpy.float32,)
    values = [index for index, value in enumerate(inputs) if value.dtype in kinds and numpy.ndim(value)]
    if kind not in SEVERAL:
        values = values[:1] if values[:1] == [0] else []
    if not values or any(value.dtype not in (numpy.float32, numpy.bool_, numpy.int64) for value in outputs):
        return []
    found = []
    first = inputs[values[0]]
    if first.ndim > 1:
        same = [i for i in values if inputs[i].ndim == first.ndim and len(inputs[i]) == len(first)]
        found.append(embed(case, same, moves=False))
    if len(nodes) == 1:
        found.append(embed(case, values, moves=True))
        if len(values) > 1:
            found += [embed(case, [index], moves=True) for index in values]
    return [form for form in found if form is not None]


def load() -> list:
    """All tests of nodes; onnx makes them as they are asked for, which takes ten seconds."""
    warnings.simplefilter("ignore")
    logging.disable()
    from onnx.backend.test.loader import load_model_tests

    found = load_model_tests(kind="node")
    NAMES.update({case.name: case.model.graph.node[0].op_type for case in found})
    return found
