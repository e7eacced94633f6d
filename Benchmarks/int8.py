#!/usr/bin/env python3
"""Files of 8 bits by Thresh and by onnxruntime's quantize_static: top-1 on CIFAR-10 and milliseconds, in onnxruntime.

    thresh export resnet20 --weights FILE --fold-batch-norm --to onnx --output float.onnx
    thresh quantize resnet20 --weights FILE --data cifar10 --output int8.onnx
    THRESH_DATA=… .venv/bin/python Benchmarks/int8.py float.onnx int8.onnx

quantize_static is given the float file, 512 training images, and every setting below.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy
import onnxruntime
from deployed import compare, processor
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

METHODS = {"min-max": CalibrationMethod.MinMax, "entropy": CalibrationMethod.Entropy,
           "percentile": CalibrationMethod.Percentile}  # fmt: skip
# Types of values, bits of weights are 7 where the range is reduced.
TYPES = {"uint8": (QuantType.QUInt8, False), "uint8, 7 bits": (QuantType.QUInt8, True),
         "int8": (QuantType.QInt8, False)}  # fmt: skip
CALIBRATION = 512


def cifar10(name: str, file: Path) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Images, normalised as the file says, and labels."""
    folder = Path(os.environ["THRESH_DATA"]) / "cifar-10-batches-bin"
    records = numpy.frombuffer((folder / f"{name}.bin").read_bytes(), numpy.uint8).reshape(-1, 3073)
    given = onnxruntime.InferenceSession(str(file)).get_modelmeta().custom_metadata_map["preprocessing"]
    how = json.loads(given)
    mean, std = (numpy.array(how[key], numpy.float32).reshape(1, 3, 1, 1) for key in ("mean", "std"))
    images = records[:, 1:].reshape(-1, 3, 32, 32).astype(numpy.float32) / 255
    return (images - mean) / std, records[:, 0].astype(int)


class Images(CalibrationDataReader):
    def __init__(self, images: numpy.ndarray, name: str):
        self.batches = iter([{name: images[start : start + 32]} for start in range(0, len(images), 32)])

    def get_next(self) -> dict | None:
        return next(self.batches, None)


def top1(file: Path, images: numpy.ndarray, labels: numpy.ndarray) -> float:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    found = [session.run(None, {name: images[i : i + 250]})[0].argmax(1) for i in range(0, len(images), 250)]
    return 100 * float((numpy.concatenate(found) == labels).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("float", type=Path)
    parser.add_argument("int8", nargs="+", type=Path)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    test, training = cifar10("test_batch", arguments.float), cifar10("data_batch_1", arguments.float)
    name = onnxruntime.InferenceSession(str(arguments.float)).get_inputs()[0].name
    with tempfile.TemporaryDirectory() as folder:
        files = {"float32": arguments.float} | {f"thresh: {file.stem}": file for file in arguments.int8}
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(arguments.float), str(prepared))
        for kind, (type, reduces) in TYPES.items():
            for method, calibration in METHODS.items():
                file = Path(folder) / f"{kind}-{method}.onnx"
                quantize_static(
                    prepared, file, Images(training[0][:CALIBRATION], name), per_channel=True, reduce_range=reduces,
                    activation_type=type, weight_type=QuantType.QInt8, calibrate_method=calibration,
                    extra_options={"ActivationSymmetric": kind == "int8"},
                )  # fmt: skip
                files[f"quantize_static: {kind}, {method}"] = file
        times = [compare(list(files.values()), batch, arguments.threads, arguments.turns) for batch in (1, 32)]
        where = f"{processor()}, {arguments.threads} threads, n = {arguments.turns}"
        print(f"onnxruntime {onnxruntime.__version__}, {where}")
        print("| file | kB | top-1 | ms, one image | of float32 | ms, 32 | of float32 |\n|---|--:|--:|--:|--:|--:|--:|")
        for index, (title, file) in enumerate(files.items()):
            cells = [f"{file.stat().st_size / 1e3:.0f}", f"{top1(file, *test):.2f} %"]
            for rows in times:
                cells += [f"{rows[index]['milliseconds']:.3f}", f"{rows[index]['share']:.3f}"]
            print(f"| {title} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
