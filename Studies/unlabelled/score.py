"""Prints how good a network of originals.py is on its test images, in onnxruntime: the PSNR in dB of a super-resolution
network, the IoU in percent of a U-Net.

    python score.py FOLDER/sr/test.npz MODEL.onnx
"""

import sys

import numpy
import onnxruntime

with numpy.load(sys.argv[1]) as test:
    inputs, targets = test["inputs"], test["targets"]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[2], options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
found = numpy.concatenate([session.run(None, {name: inputs[i : i + 1]})[0] for i in range(len(inputs))])
if targets.shape[1] == 3:
    errors = ((found.clip(0, 1) - targets) ** 2).mean((1, 2, 3))
    print(f"{(-10 * numpy.log10(errors)).mean():.4f}")
else:
    mask, truth = found > 0, targets > 0.5
    print(f"{100 * (mask & truth).sum() / (mask | truth).sum():.4f}")
