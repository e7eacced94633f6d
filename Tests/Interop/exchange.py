"""Other people's programs on the other side of a file, for the tests of exchange.

    exchange.py run FOLDER      checks every NAME.onnx there and runs it in onnxruntime: NAME.N.in → NAME.N.out
    exchange.py export FOLDER   writes models of PyTorch as ONNX by both exporters: NAME.onnx, NAME.in, NAME.out
    exchange.py modules FOLDER  loads every NAME.py that Thresh wrote there and runs it: NAME.in → NAME.out
    exchange.py checkpoints FOLDER   writes the same weights in every shape of checkpoint, and as wanted.safetensors
    exchange.py kinds FOLDER         writes files of several programs under names that say something else
    exchange.py photographs FOLDER   draws a folder of images, and exports networks for ten classes: NAME.onnx
    exchange.py operators FOLDER     writes graphs of a few operators (operators.py): NAME.onnx, NAME.in, NAME.out
    exchange.py tails FOLDER         writes graphs whose end no network learns through (tails.py): NAME.onnx
    exchange.py same FOLDER          checks that NAME.onnx and NAME.again.onnx compute the same in onnxruntime
    exchange.py foreign FOLDER       draws images of three classes, and writes one classifier in many ways: NAME.onnx
    exchange.py classify FOLDER      what onnxruntime sees in photographs/test by small.onnx: classes.json
    exchange.py coreml FOLDER        what coremltools reads in every NAME.mlpackage: NAME.json

Arrays are raw float32; the number N is the batch.
"""

import argparse
import collections
import contextlib
import dataclasses
import datetime
import enum
import io
import json
import random
import sys
import warnings
from pathlib import Path

import detection  # noqa: F401 — makes torchvision importable
import numpy
import torch
from operators import write_operators
from tails import detector, same, write_tails


def run(folder: Path) -> None:
    """Outputs of onnxruntime for every input beside a model."""
    import onnx
    import onnxruntime

    for file in sorted(folder.glob("*.onnx")):
        onnx.checker.check_model(onnx.load(file), full_check=True)
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        given = session.get_inputs()[0]
        for source in folder.glob(f"{file.stem}.*.in"):
            batch = int(source.suffixes[-2][1:])
            kind = {"tensor(float16)": numpy.float16, "tensor(uint8)": numpy.uint8}.get(given.type, numpy.float32)
            images = numpy.fromfile(source, numpy.float32).reshape(batch, *given.shape[1:]).astype(kind)
            found = [value.astype(numpy.float32) for value in session.run(None, {given.name: images})]
            rows = found[0] if len(found) == 1 else numpy.concatenate([v.reshape(batch, -1) for v in found], 1)
            rows.tofile(source.with_suffix(".out"))


class Gated(torch.nn.Module):
    """Operations that the usual small networks do not have: gates, layer norm, tokens, splits, scales."""

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = torch.nn.LayerNorm(8)
        self.up, self.down = torch.nn.Linear(8, 16), torch.nn.Linear(16, 8)
        self.scale = torch.nn.Parameter(torch.full((8, 1, 1), 0.5))
        self.squeeze, self.excite = torch.nn.Conv2d(8, 4, 1), torch.nn.Conv2d(4, 8, 1)
        self.head = torch.nn.Linear(8, 5)

    def forward(self, x):
        x = torch.nn.functional.hardswish(self.stem(x))
        y = self.down(torch.nn.functional.gelu(self.up(self.norm(x.permute(0, 2, 3, 1))))).permute(0, 3, 1, 2)
        x = x + self.scale * y
        gate = self.excite(torch.nn.functional.silu(self.squeeze(x.mean((2, 3), keepdim=True))))
        x = x * torch.nn.functional.hardsigmoid(gate)
        a, b = x.chunk(2, dim=1)
        x = torch.cat([torch.sigmoid(a) - 0.5 * b, torch.tanh(b) / 3], dim=1)
        x = torch.nn.functional.pad(x, (1, 0, 0, 1))
        attention = torch.softmax(x.flatten(2) @ x.flatten(2).transpose(1, 2) / 8, dim=-1)
        x = (attention @ x.flatten(2)).view(x.shape[0], 8, x.shape[2], -1)
        return self.head(x.mean((2, 3)))


class Chosen(torch.nn.Module):
    """Conditions, spreading, norms and named sums: what newer transformers have beside attention."""

    def __init__(self):
        super().__init__()
        self.stem, self.head = torch.nn.Conv2d(3, 8, 3, stride=4), torch.nn.Linear(8, 5)
        self.register_buffer("mask", torch.arange(8) % 3 > 0)

    def forward(self, x):
        x = torch.where(self.mask, self.stem(x), -0.5)
        x = torch.where(self.mask[:, None], x, 2 * x)
        x = x + x.mean(3, keepdim=True).expand(-1, -1, -1, 8)
        x = (x / x.norm(dim=1, keepdim=True).clamp_min(1e-3).expand_as(x)).flatten(2)
        attention = torch.softmax(torch.einsum("bci,bdi->bcd", x, x), dim=-1)
        return self.head(torch.einsum("bcd,bdi->bci", attention, x).masked_fill(torch.cat([self.mask] * 8), 0.0).sum(2))


class Sloped(torch.nn.Module):
    """Trained slopes, maxima of windows, images and channels, margins on some sides, and logarithms of shares."""

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1), torch.nn.Conv2d(8, 16, 3, padding=1)
        self.act1, self.act2, self.act3 = torch.nn.PReLU(8), torch.nn.PReLU(), torch.nn.PReLU(16)
        self.head = torch.nn.Linear(16 * 4 + 16 + 16 + 8, 5)
        for act in (self.act1, self.act3):
            torch.nn.init.uniform_(act.weight, -0.5, 0.5)

    def forward(self, x):
        functional = torch.nn.functional
        x = self.act1(self.first(x))
        wide = functional.max_pool2d(functional.pad(x, (0, 1, 0, 1), value=float("-inf")), 3, 2).mean((2, 3))
        x = self.act3(self.act2(self.second(x)))
        x = x - x.amax(1, keepdim=True) + functional.log_softmax(x, 1)
        small = functional.adaptive_max_pool2d(x, 2).flatten(1)
        largest = functional.adaptive_max_pool2d(x, 1).flatten(1)
        least = functional.log_softmax(x, -1).amin((2, 3))
        return functional.log_softmax(self.head(torch.cat([small, largest, least, wide], 1)), -1)


class Upwards(torch.nn.Module):
    """What segmenters and U-Nets have: images made larger, norms over groups, functions that bend softly."""

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv2d(8, 12, 3, stride=2, padding=1)
        self.norm, self.each = torch.nn.GroupNorm(4, 8), torch.nn.InstanceNorm2d(12, affine=True)
        self.up = torch.nn.ConvTranspose2d(12, 8, 2, stride=2)
        self.grouped = torch.nn.ConvTranspose2d(12, 8, 3, stride=2, padding=1, output_padding=1, groups=2)
        self.shuffle, self.last = torch.nn.Conv2d(12, 8, 1), torch.nn.Conv2d(8 * 4 + 12 + 2, 5, 1)

    def forward(self, x):
        functional = torch.nn.functional
        high = functional.mish(self.norm(self.first(x)))
        low = functional.softplus(self.each(self.second(high)) / 4)
        bilinear = functional.interpolate(low, size=x.shape[-2:], mode="bilinear", align_corners=False)
        both = self.up(low) + functional.interpolate(high, scale_factor=1.0)
        aligned = functional.interpolate(
            functional.max_pool2d(high, 4), scale_factor=4.0, mode="bilinear", align_corners=True
        )
        nearest = functional.interpolate(functional.avg_pool2d(high, 2), scale_factor=2.0)
        cubic = functional.interpolate(functional.max_pool2d(high, 2), size=high.shape[2:], mode="bicubic")
        shuffled = functional.pixel_shuffle(self.shuffle(low), 2)
        maps = [bilinear, torch.maximum(both, -nearest), aligned, self.grouped(low) + cubic, nearest, shuffled]
        return self.last(torch.cat(maps, 1)).mean((2, 3))


class Asked(torch.nn.Module):
    """Learnt queries that look at an image's tokens, as those of a detector: what they do among themselves is the same
    for every image."""

    def __init__(self):
        super().__init__()
        self.patches = torch.nn.Conv2d(3, 32, 8, 8)
        self.decoder = torch.nn.TransformerDecoderLayer(32, 4, 64, dropout=0, batch_first=True)
        self.queries = torch.nn.Parameter(torch.randn(5, 32))
        self.head = torch.nn.Linear(32, 10)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        asked = self.queries.unsqueeze(0).expand(x.shape[0], -1, -1)
        return self.head(self.decoder(asked, tokens).mean(1))


def export_onnx(model: torch.nn.Module, images: torch.Tensor, file: Path, batch: int | None = None) -> None:
    """By the exporter and with the options that Documentation/commands.md names, unless the batch is fixed."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (images,),
            file,
            dynamo=False,
            opset_version=17,
            input_names=["images"],
            dynamic_axes={"images": {0: "batch"}} if batch is None else None,
        )


def settle(model: torch.nn.Module) -> torch.nn.Module:
    """The model in evaluation, with norms that do something and no parameter left at zero."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
        if isinstance(module, (torch.nn.BatchNorm2d, torch.nn.LayerNorm)):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return model.eval()


def channels_last(folder: Path) -> None:
    """A network as converters write Keras's: images have their channels last, and only convolutions see them first."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    numbers = numpy.random.default_rng(0)
    shapes = {"kernel": (8, 3, 3, 3), "bias": (8,), "dense": (8, 5), "shift": (5,)}
    stored = [numpy_helper.from_array(numbers.normal(0, 0.3, s).astype(numpy.float32), n) for n, s in shapes.items()]
    stored.append(numpy_helper.from_array(numpy.array([1 / 3], numpy.float32), "third"))
    for name, rescales in (("keras", False), ("keras-rescaled", True)):
        rescaled = [helper.make_node("Mul", ["images", "third"], ["rescaled"])] if rescales else []
        nodes = rescaled + [
            helper.make_node("Transpose", ["rescaled" if rescales else "images"], ["first"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["first", "kernel", "bias"], ["conv"], strides=[2, 2], auto_pad="SAME_UPPER"),
            helper.make_node("Relu", ["conv"], ["relu"]),
            helper.make_node("Transpose", ["relu"], ["last"], perm=[0, 2, 3, 1]),
            helper.make_node("ReduceMean", ["last"], ["mean"], axes=[1, 2], keepdims=0),
            helper.make_node("MatMul", ["mean", "dense"], ["product"]),
            helper.make_node("Add", ["product", "shift"], ["classes"]),
        ]
        graph = helper.make_graph(
            nodes,
            "keras",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 32, 32, 3])],
            [helper.make_tensor_value_info("classes", TensorProto.FLOAT, ["N", 5])],
            stored,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, folder / f"{name}.onnx")
        images = numbers.normal(0, 1, (3, 32, 32, 3)).astype(numpy.float32)
        session = onnxruntime.InferenceSession(folder / f"{name}.onnx", providers=["CPUExecutionProvider"])
        session.run(None, {"images": images})[0].tofile(folder / f"{name}.out")
        # As Thresh takes them: channels first.
        images.transpose(0, 3, 1, 2).copy().tofile(folder / f"{name}.in")


def export(folder: Path) -> None:
    """Models of PyTorch with what it computes, by the older exporter and the newer one, and with data outside."""
    import torchvision
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    torch.manual_seed(0)
    models = {
        "resnet18": torchvision.models.resnet18(num_classes=10),
        "mobilenet_v2": torchvision.models.mobilenet_v2(num_classes=10),
        "gated": Gated(),
        "chosen": Chosen(),
        "sloped": Sloped(),
        "upwards": Upwards(),
        "asked": Asked(),
        "vit": torchvision.models.VisionTransformer(
            image_size=64, patch_size=16, num_layers=2, num_heads=4, hidden_dim=64, mlp_dim=128, num_classes=10
        ),
        "swin": torchvision.models.SwinTransformer(
            patch_size=[4, 4], embed_dim=24, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], num_classes=10
        ),
        "convnext": ConvNeXt([CNBlockConfig(16, 32, 1), CNBlockConfig(32, None, 1)], num_classes=10),
    }
    channels_last(folder)
    models["vit-fixed"], models["swin-fixed"] = models["vit"], models["swin"]
    for name, model in models.items():
        size = 32 if name in ("resnet18", "mobilenet_v2", "gated", "chosen", "sloped", "upwards", "asked") else 64
        settle(model)
        fixed = name.endswith("fixed")
        batch = {"vit-fixed": 1, "swin-fixed": 2}.get(name, 3)
        images = torch.randn(batch, 3, size, size)
        with torch.no_grad():
            wanted = model(images)
        for kind in ("script", "export"):
            images.numpy().tofile(folder / f"{name}-{kind}.in")
            wanted.numpy().tofile(folder / f"{name}-{kind}.out")
            file = folder / f"{name}-{kind}.onnx"
            if kind == "script":
                export_onnx(model, images, file, batch=batch if fixed else None)
                continue
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                # Weights of the newer exporter lie in a file of their own.
                torch.onnx.export(
                    model,
                    (images,),
                    file,
                    dynamo=True,
                    verbose=False,
                    external_data=True,
                    dynamic_shapes=None if fixed else ({0: torch.export.Dim("batch", min=1)},),
                )


def modules(folder: Path) -> None:
    """Outputs of the modules of plain torch.nn that Thresh wrote."""
    sys.path.insert(0, str(folder))
    for file in sorted(folder.glob("*.py")):
        module = __import__(file.stem)
        images = numpy.fromfile(file.with_suffix(".in"), numpy.float32).reshape(-1, *module.INPUT_SHAPE)
        with torch.no_grad():
            found = module.load()(torch.from_numpy(images))
            if isinstance(found, dict):
                found = torch.cat([value.flatten(1) for value in found.values()], 1)
            found.numpy().tofile(file.with_suffix(".out"))


class Subclass(torch.Tensor):
    """A tensor of another class, as libraries for images and quantisation have them."""


class Color(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Settings:
    rate: float = 0.1
    layers: tuple = (1, 2)


class Attributes(dict):
    """A dictionary of a class of its own, with attributes."""


def surroundings(model: torch.nn.Module) -> dict:
    """What training programs keep beside the weights."""
    optimizer = torch.optim.AdamW(model.parameters())
    sum(p.sum() for p in model.parameters()).backward()
    gradients = {k: p.grad.clone() for k, p in model.named_parameters()}
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 4])
    given = Attributes(lr=0.1)
    given.path = Path("here")
    return {
        "epoch": 3,
        "best_acc": torch.tensor(0.9),
        "large": [1 << 100, -(1 << 70), 1 << 2100, -1, 1 << 40],
        "optimizer": optimizer.state_dict(),
        "momentum": gradients,
        "lr_scheduler": schedule.state_dict(),
        "args": argparse.Namespace(lr=0.1, path=Path("here"), device=torch.device("cpu"), dtype=torch.bfloat16),
        "rng": torch.get_rng_state(),
        "numpy": numpy.random.get_state(),
        "python": random.getstate(),
        "generator": numpy.random.default_rng(1),
        "score": numpy.float64(0.5),
        "array": numpy.eye(3),
        "date": datetime.datetime(2026, 1, 2),
        "settings": Settings(),
        "color": Color.RED,
        "given": given,
        "log": collections.defaultdict(list, loss=[0.5] * 1000),
        "count": collections.Counter("abca"),
        "queue": collections.deque([1, 2]),
        "ordered": collections.OrderedDict(a=1),
        "size": torch.Size([1, 2]),
        "sets": ({1, 2}, frozenset("ab"), set()),
        "bytes": (b"abc", bytearray(b"abc"), b"", b"x" * 300),
        "mask": torch.zeros(3, dtype=torch.bool),
        "empty": torch.zeros(0, 4),
        "complex": torch.zeros(2, dtype=torch.cfloat),
        "ints": [torch.zeros(2, dtype=t) for t in (torch.int8, torch.int16, torch.int32, torch.uint8, torch.uint16)],
        "small": torch.zeros(2).to(torch.float8_e4m3fn),
        "sparse": torch.eye(3).to_sparse(),
        "quantised": torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8),
        "self": slice(1, 2),
        "range": range(3),
        "function": len,
        "type": int,
        "ellipsis": ...,
        "none": None,
        "number": 1 + 2j,
        "text": "é\ud800".encode("utf-8", "surrogatepass"),
    }


def checkpoints(folder: Path) -> None:
    """The weights of a small network as people save them."""
    import zipfile

    from safetensors.torch import save_file

    def network() -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 2))

    torch.manual_seed(0)
    model, other = network(), network()
    with torch.no_grad():
        model[2].weight[0, 1] = 0
    state, decoy = model.state_dict(), other.state_dict()
    save_file({k: v for k, v in state.items() if not k.endswith("tracked")}, folder / "wanted.safetensors")
    whole = torch.randn(100)
    view = {k: torch.as_strided(whole, v.shape, v.stride(), 3).copy_(v) for k, v in [("0.bias", state["0.bias"])]}
    averaged, unstarted = torch.optim.swa_utils.AveragedModel(model), torch.optim.swa_utils.AveragedModel(other)
    averaged.update_parameters(model)
    tagged = {k: torch.nn.Parameter(v) if k.endswith("weight") else v for k, v in state.items()}
    for value in tagged.values():
        value.tag = "a"
    beside = surroundings(network())
    # The mask is of ones where the weight is, and hides what stands elsewhere.
    hidden = {
        "2.weight_orig": torch.where(state["2.weight"] == 0, 9.0, state["2.weight"]),
        "2.weight_mask": (state["2.weight"] != 0).float(),
    }
    kinds = {
        "plain": state,
        "wrapped": {"epoch": 3, "lr": 0.1, "done": True, "note": None, "state_dict": state},
        "model": {"model": {f"module.{k}": v for k, v in state.items()}, "optimizer": {"state": [1, 2, (3, 4)]}},
        "compiled": {f"_orig_mod.{k}": v for k, v in state.items()},
        "parameters": {**state, **{k: torch.nn.Parameter(v) for k, v in model.named_parameters()}},
        "doubles": {k: v.double() if v.is_floating_point() else v for k, v in state.items()},
        "strided": {k: v.t().contiguous().t() if v.dim() == 2 else v for k, v in state.items()},
        "channels-last": {
            k: v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v for k, v in state.items()
        },
        "views": {**state, **view},
        "beside": {**beside, "state_dict": state},
        "before": {"state_dict": state, **beside},
        "few": {
            "state_dict": state,
            **{
                k: beside[k]
                for k in (
                    "best_acc",
                    "large",
                    "args",
                    "date",
                    "settings",
                    "given",
                    "sets",
                    "bytes",
                    "mask",
                    "sparse",
                    "small",
                )
            },
        },
        "renamed": {"trained": {"weights": state}, **beside},
        "averaged": averaged.state_dict(),
        "unstarted": {"swa_model": unstarted.state_dict(), "state_dict": state},
        "ema": {"state_dict": decoy, "state_dict_ema": state},
        "ema-model": {
            "model": decoy,
            "model_ema": {"n_averaged": torch.tensor(3), **{f"module.{k}": v for k, v in state.items()}},
        },
        "teacher": {"teacher": decoy, "student": state},
        "prefixes": {"state_dict": {f"model._orig_mod.module.net.{k}": v for k, v in state.items()}},
        "lightning": {
            "state_dict": {
                **{f"net.{k}": v for k, v in state.items()},
                "criterion.weight": torch.ones(2),
                "accuracy.tp": torch.zeros(2, dtype=torch.long),
                "class_weights": torch.ones(5),
            },
            "callbacks": {"a": {}},
        },
        "criterion": {**state, "criterion.weight": torch.ones(5), "scale": torch.ones(7), "ce.weight": torch.ones(2)},
        "inside": {k.replace(".", "._orig_mod.module."): v for k, v in state.items()},
        "nested": {
            "0": {k[2:]: v for k, v in state.items() if k[0] == "0"},
            **{k: v for k, v in state.items() if k[0] != "0"},
        },
        "masked": {**{k: v for k, v in state.items() if k != "2.weight"}, **hidden},
        "list": [state, {"epoch": 1}],
        "subclass": {k: v.as_subclass(Subclass) for k, v in state.items()},
        "attributes": tagged,
        "defaultdict": collections.defaultdict(dict, net=collections.defaultdict(list, state)),
        "own-class": Attributes(weights=Attributes(state)),
        "object": model,
        "object-inside": {"epoch": 3, "ema": None, "model": torch.nn.DataParallel(model)},
        "buffer": {"n_layers": torch.zeros(2), **{f"a.b.c.{k}": v for k, v in state.items()}},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, kind in kinds.items():
            torch.save(kind, folder / f"{name}.pth")
        for protocol in (3, 4, 5):
            torch.save(kinds["beside"], folder / f"protocol{protocol}.pth", pickle_protocol=protocol)
        for name in ("plain", "beside", "few", "object", "views", "subclass"):
            torch.save(
                {k: v for k, v in kinds[name].items() if k != "quantised"} if name == "beside" else kinds[name],
                folder / f"legacy-{name}.pth",
                _use_new_zipfile_serialization=False,
            )
        torch.jit.script(model).save(folder / "script.pth")
    # As a machine with the other order of bytes would have saved it: all of these are of four bytes but the counts.
    floats = io.BytesIO()
    torch.save({k: v for k, v in state.items() if not k.endswith("tracked")}, floats)
    with zipfile.ZipFile(floats) as given, zipfile.ZipFile(folder / "big-endian.pth", "w") as archive:
        for entry in given.namelist():
            content = given.read(entry)
            if "/data/" in entry:
                content = numpy.frombuffer(content, ">u4").astype("<u4").tobytes()
            archive.writestr(entry, b"big" if entry.endswith("/byteorder") else content)
    torch.save({**state, "3.weight": torch.ones(2, 2)}, folder / "deeper.pth")
    torch.save({**state, "2.weight": torch.ones(7, 4), "2.bias": torch.ones(7)}, folder / "seven.pth")
    torch.save({k: v.to_sparse() if v.dim() == 2 else v for k, v in state.items()}, folder / "sparse.pth")
    torch.save({k: v.long() for k, v in state.items()}, folder / "integers.pth")
    torch.save(surroundings(network()), folder / "nothing.pth")
    with zipfile.ZipFile(folder / "compressed.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 100_000_000)
    floats = {k: v for k, v in state.items() if not k.endswith("tracked")}
    extra = {
        "index": torch.zeros(3, dtype=torch.int32),
        "mask": torch.zeros(3, dtype=torch.bool),
        "bytes": torch.zeros(5, dtype=torch.uint8),
        "small": torch.zeros(3).to(torch.float8_e4m3fn),
    }
    save_file(
        {**{f"module.{k}": v for k, v in state.items()}, **extra},
        folder / "prefix.safetensors",
        {"architecture": "tiny", "format": "pt"},
    )
    parts = {"part-00001-of-00002.safetensors": [], "part-00002-of-00002.safetensors": []}
    for index, key in enumerate(floats):
        list(parts.values())[index % 2].append(key)
    for name, keys in parts.items():
        save_file({k: floats[k] for k in keys}, folder / name)
    (folder / "model.safetensors.index.json").write_text(
        json.dumps(
            {"metadata": {"total_size": 1}, "weight_map": {k: name for name, keys in parts.items() for k in keys}}
        )
    )


def kinds(folder: Path) -> None:
    """Files of several programs, under names that say something else."""
    import zipfile

    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(8, 3)).eval()
    images = torch.zeros(1, 1, 4, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(model, (images,)), folder / "program.pt2")
        torch.jit.script(model).save(folder / "script.onnx")
    torch.save(model.state_dict(), folder / "plain.safetensors")
    torch.save(model.state_dict(), folder / "legacy.zip", _use_new_zipfile_serialization=False)
    export_onnx(model, images, folder / "exported.bin")
    with open(folder / "arrays.pth", "wb") as file:
        numpy.savez(file, a=numpy.eye(2))
    for name, entry in (("other.pth", "model.pth"), ("keras.keras", "model.weights.h5")):
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr(entry, b"nothing")
    (folder / "cut.pth").write_bytes((folder / "plain.safetensors").read_bytes()[:600])


def photographs(folder: Path) -> None:
    """Ten classes of striped images, where there is no folder of images yet, and networks for as many classes."""
    from PIL import Image

    numbers = numpy.random.default_rng(0)
    if not (folder / "photographs").exists():
        for part, count in (("train", 12), ("test", 6)):
            for label in range(10):
                place = folder / "photographs" / part / f"class{label}"
                place.mkdir(parents=True)
                for index in range(count):
                    rows, columns = numpy.mgrid[0:72, 0:80]
                    angle = numpy.pi * (label % 5) / 5 + numbers.normal(0, 0.05)
                    wave = numpy.sin((rows * numpy.sin(angle) + columns * numpy.cos(angle)) / (2 + 3 * (label // 5)))
                    pixels = 128 + 80 * wave[..., None] + numbers.normal(0, 20, (72, 80, 3))
                    Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8)).save(place / f"{index}.png")
    for name, build in (("resnet18", narrow_resnet18), ("mobilenet_v2", narrow_mobilenet_v2)):
        torch.manual_seed(0)
        export_onnx(with_statistics(build()), torch.randn(1, 3, 64, 64), folder / f"{name}.onnx")


def pickle(folder: Path) -> None:
    """The weights in NAME.weights.safetensors as torch.save writes them, NAME.pth."""
    from safetensors.torch import load_file

    for file in folder.glob("*.weights.safetensors"):
        torch.save(load_file(file), folder / file.name.replace(".weights.safetensors", ".pth"))


def with_statistics(model: torch.nn.Module) -> torch.nn.Module:
    """The model in evaluation with the statistics of random images, without which its outputs are nearly constant."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        model.train()(torch.randn(32, 3, 64, 64))
    return model.eval()


def narrow_resnet18():
    """torchvision's ResNet-18 with a quarter of the units in every block, so that a walk takes seconds."""
    from torchvision.models.resnet import BasicBlock, ResNet

    class NarrowResNet(ResNet):
        def _make_layer(self, block, planes, *others, **more):
            return super()._make_layer(block, planes // 4, *others, **more)

    model = NarrowResNet(BasicBlock, [2, 2, 2, 2], num_classes=10)
    model.fc = torch.nn.Linear(128, 10)
    return model


def narrow_mobilenet_v2():
    """torchvision's MobileNet-v2 with a quarter of the units."""
    import torchvision

    return torchvision.models.mobilenet_v2(num_classes=10, width_mult=0.25)


def foreign(folder: Path) -> None:
    """Dark, middle and bright images, and a classifier that is right about all, normalised as ImageNet's are."""
    from onnx import TensorProto, helper, numpy_helper, save
    from PIL import Image

    numbers = numpy.random.default_rng(0)
    for part, count in (("train", 12), ("test", 4)):
        for name, level in (("bright", 200), ("dark", 50), ("middle", 115)):
            place = folder / "images" / part / name
            place.mkdir(parents=True)
            for index in range(count):
                pixels = level + numbers.normal(0, 10, (32, 32, 3))
                Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8)).save(place / f"{index}.png")
    mean, std = numpy.array([0.485, 0.456, 0.406]), numpy.array([0.229, 0.224, 0.225])
    # Four units for what is above the mean, four for what is below.
    weight = numpy.repeat([1, -1], 4)[:, None] * numbers.uniform(0.3, 0.4, (8, 3))
    head = numpy.stack([numpy.repeat([1, 0], 4), numpy.repeat([0, 1], 4), numpy.zeros(8)])

    def write(
        name,
        begin=(),
        end=(),
        more=(),
        read=TensorProto.FLOAT,
        kind=numpy.float32,
        size=32,
        outputs=("classes",),
        shapes=None,
    ):
        stored = {
            "conv.weight": weight[..., None, None],
            "head.weight": head,
            "head.bias": [0, 0, 2],
            "mean": 255 * mean[:, None, None],
            "std": 255 * std[:, None, None],
            "aux.weight": -head,
            "wide.weight": numbers.normal(0, 0.1, (32, 8, 3, 3)),
            "deep.weight": numbers.normal(0, 0.1, (16, 32, 3, 3)),
            "map.weight": numbers.normal(0, 1, (3, 16, 1, 1)),
            "scale": 0.1,
            "zero": 0,
        }
        stored = [
            numpy_helper.from_array(numpy.asarray(v, numpy.uint8 if k == "zero" else kind), k)
            for k, v in stored.items()
        ]
        nodes = [
            *begin,
            helper.make_node("Conv", ["begun" if begin else "photograph", "conv.weight"], ["conv"]),
            helper.make_node("Relu", ["conv"], ["relu"]),
            helper.make_node("GlobalAveragePool", ["relu"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["features"]),
            helper.make_node(
                "Gemm", ["features", "head.weight", "head.bias"], ["logits" if end else "classes"], transB=1
            ),
            *end,
            *more,
        ]
        real = TensorProto.FLOAT16 if kind == numpy.float16 else TensorProto.FLOAT
        graph = helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info("photograph", read, ["N", 3, size, size])],
            [helper.make_tensor_value_info(o, real, ["N", *(shapes or {}).get(o, [3])]) for o in outputs],
            stored,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        save(model, folder / f"{name}.onnx")

    normalised = [
        helper.make_node("Sub", ["photograph", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["begun"]),
    ]
    real = helper.make_node("Cast", ["photograph"], ["real"], to=1)
    write("plain")
    write("inside", normalised)
    centred = helper.make_node("Sub", ["real", "mean"], ["centred"])
    write("bytes", [real, centred, normalised[1]], read=TensorProto.UINT8)
    write("softmax", end=[helper.make_node("Softmax", ["logits"], ["classes"], axis=1)])
    write("sigmoid", end=[helper.make_node("Sigmoid", ["logits"], ["classes"])])
    write("half", read=TensorProto.FLOAT16, kind=numpy.float16)
    write("free", size=None)
    auxiliary = helper.make_node("Gemm", ["features", "aux.weight"], ["aux"], transB=1)
    write("two", more=[auxiliary], outputs=("aux", "classes"))
    # What deeper layers give: a map of probabilities, a vector, and the activations themselves.
    deeper = [
        helper.make_node("Conv", ["relu", "wide.weight"], ["wide"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["wide"], ["wide_relu"]),
        helper.make_node("Conv", ["wide_relu", "deep.weight"], ["narrow"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["narrow"], ["deep"]),
        helper.make_node("GlobalAveragePool", ["deep"], ["mean_deep"]),
        helper.make_node("Flatten", ["mean_deep"], ["vector"]),
        helper.make_node("Conv", ["deep", "map.weight"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["map"], axis=1),
    ]
    shapes = {"map": [3, 32, 32], "vector": [16], "deep": [16, 32, 32]}
    write("several", more=deeper, outputs=("map", "vector", "deep"), shapes=shapes)
    detector(folder, "detector", 17, size=(24, 40), scaled=True)
    write("maps", more=deeper, outputs=("map",), shapes=shapes)
    write(
        "quantised",
        [
            helper.make_node("DynamicQuantizeLinear", ["photograph"], ["q", "scale", "zero"]),
            helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["begun"]),
        ],
    )


def classify(folder: Path) -> None:
    """The class and its lead over the next, as a share of the largest output, for each of the test images."""
    import onnxruntime
    from PIL import Image
    from torchvision import transforms

    session = onnxruntime.InferenceSession(folder / "small.onnx", providers=["CPUExecutionProvider"])
    given = session.get_modelmeta().custom_metadata_map
    how, classes = json.loads(given["preprocessing"]), json.loads(given["classes"])
    size = how["height"]
    prepare = transforms.Compose(
        [
            transforms.Resize(size * 256 // 224),
            transforms.CenterCrop(size),
            transforms.ToTensor(),
            transforms.Normalize(how["mean"], how["std"]),
        ]
    )
    seen = {}
    for file in sorted((folder / "photographs/test").glob("*/*")):
        image = prepare(Image.open(file).convert("RGB")).numpy()[None]
        output = session.run(None, {session.get_inputs()[0].name: image})[0][0]
        last, best = numpy.argsort(output)[-2:]
        lead = float((output[best] - output[last]) / abs(output).max())
        seen[str(file.relative_to(folder))] = {"class": classes[best], "lead": lead}
    (folder / "classes.json").write_text(json.dumps(seen))


def coreml(folder: Path) -> None:
    """Loads packages and infers every shape and type of their programs anew; Linux does not run them."""
    import coremltools
    from coremltools.converters.mil.frontend.milproto.load import load

    for file in sorted(folder.glob("*.mlpackage")):
        model = coremltools.models.MLModel(str(file), skip_model_load=True)
        spec = model.get_spec()
        program = load(spec, spec.specificationVersion, model.weights_dir)
        operations = list(program.functions["main"].operations)
        stored = [operation.outputs[0].val for operation in operations if operation.op_type == "const"]
        numbers = [value for value in stored if getattr(value, "dtype", None) in (numpy.float16, numpy.float32)]
        classes = next(operation for operation in operations if operation.op_type == "classify").classes.val
        read = {
            "version": spec.specificationVersion,
            "label": spec.description.predictedFeatureName,
            "probabilities": spec.description.predictedProbabilitiesName,
            "image": [spec.description.input[0].type.imageType.width, spec.description.input[0].type.imageType.height],
            "classes": [str(value) for value in classes],
            "metadata": dict(model.user_defined_metadata),
            "sum": float(sum(value.astype(numpy.float64).sum() for value in numbers)),
        }
        file.with_suffix(".json").write_text(json.dumps(read))


if __name__ == "__main__":
    torch.set_num_threads(1)
    commands = {
        "run": run,
        "export": export,
        "modules": modules,
        "checkpoints": checkpoints,
        "kinds": kinds,
        "photographs": photographs,
        "pickle": pickle,
        "foreign": foreign,
        "classify": classify,
        "coreml": coreml,
        "operators": write_operators,
        "tails": write_tails,
        "same": same,
    }
    commands[sys.argv[1]](Path(sys.argv[2]))
