"""Opens a compact network of Thresh in PyTorch, without any class of its own: the file holds the architecture.

Knows the operations that the networks compared here have; any other is an error.
"""

import json
import operator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import Tensor, fx, nn


def load(file: Path) -> nn.Module:
    """The network as a torch.fx module, whose layers have the names in the file."""
    with safe_open(file, "pt") as stored:
        architecture = json.loads(stored.metadata()["architecture"])
        weights = {name: stored.get_tensor(name) for name in stored.keys()}
    graph, layers = fx.Graph(), {}
    values = {"input": graph.placeholder("input")}
    for node in architecture["nodes"]:
        kind = next(key for key in node if key not in ("name", "inputs", "parameters"))
        inputs = [values[name] for name in node["inputs"]]
        tensors = {role: weights[name] for role, name in node.get("parameters", {}).items()}
        if tensors:
            layers[node["name"]] = _layer(kind, node[kind], tensors)
            values[node["name"]] = graph.call_module(node["name"], (*inputs,))
        else:
            values[node["name"]] = _call(graph, kind, node[kind], inputs)
    graph.output(values[architecture["output"]])
    return fx.GraphModule(layers, graph, "ThreshNetwork").to(memory_format=torch.channels_last)


def _layer(kind: str, options: Any, tensors: dict[str, Tensor]) -> nn.Module:
    weight, bias = tensors["weight"], "bias" in tensors
    if kind == "convolution":
        shape = options["geometry"]
        inputs = weight.shape[1] * shape["groups"]
        layer = nn.Conv2d(inputs, weight.shape[0], weight.shape[2:], bias=bias, **shape)
    elif kind == "batchNorm":
        layer = nn.BatchNorm2d(len(weight), options["epsilon"], options["momentum"])
        tensors = tensors | {"num_batches_tracked": torch.tensor(0)}
    elif kind == "linear":
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias)
    else:
        raise ValueError(f"a node with parameters is of kind {kind}, expected convolution, batchNorm or linear")
    layer.load_state_dict(tensors)
    return layer


def _call(graph: fx.Graph, kind: str, options: Any, inputs: list[fx.Node]) -> fx.Node:
    if kind == "activation" and "relu" in options:
        return graph.call_function(F.relu, (inputs[0],))
    if kind == "elementwise" and options == "add":
        return graph.call_function(operator.add, (*inputs,))
    if kind == "pooling" and "globalAverage" in options:
        return graph.call_function(F.adaptive_avg_pool2d, (inputs[0], 1))
    if kind == "pooling" and "max" in options:
        window = options["max"]["_0"]
        return graph.call_function(F.max_pool2d, (inputs[0], window["kernel"], window["stride"], window["padding"]))
    if kind == "flatten":
        return graph.call_function(torch.flatten, (inputs[0], 1))
    if kind == "slice":
        part = slice(options["start"], options.get("end"), options["step"])
        every = (slice(None),) * (options["axis"] + 1)  # the batch and the axes before
        return graph.call_function(operator.getitem, (inputs[0], (*every, part)))
    if kind == "pad" and options["axis"] == 0:
        return graph.call_function(F.pad, (inputs[0], (0, 0, 0, 0, options["before"], options["after"])))
    raise ValueError(f"the file has an operation {kind} {options}, which this loader does not know; add it here")
