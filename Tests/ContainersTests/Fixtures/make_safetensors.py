"""Makes the safetensors fixtures beside this script: pip install safetensors==0.8.0 numpy==2.4.6."""

from pathlib import Path

import numpy as np
from safetensors import TensorSpec, serialize

here = Path(__file__).parent

arrays = {
    "conv1.weight": ("float32", np.arange(6, dtype="<f4").reshape(1, 2, 3) / 2 - 1),
    "spectrum": ("float64", np.array([3.5, 0.25], "<f8")),
    "half": ("float16", np.array([1, -2, 0.5], "<f2")),
    "brain": ("bfloat16", np.array([0x3F80, 0xC000], "<u2")),
    "count": ("int64", np.array(-7, "<i8")),
    "index": ("int32", np.array([1, -1], "<i4")),
    "short": ("int16", np.array([256], "<i2")),
    "signed": ("int8", np.array([-128], "<i1")),
    "pixel": ("uint8", np.array([255, 0], "<u1")),
    "mask": ("bool", np.array([True, False, True])),
    "empty": ("float32", np.zeros((0, 4), "<f4")),
    'größe/"x"': ("float32", np.array([2], "<f4")),
}
specs = {
    name: TensorSpec(dtype=dtype, shape=list(a.shape), data_ptr=a.ctypes.data, data_len=a.nbytes)
    for name, (dtype, a) in arrays.items()
}
# One key only: the reference implementation writes several in a random order.
metadata = {"note": 'é "quoted" \\ \n\t\x01\x7f / 😀'}
(here / "python.safetensors").write_bytes(serialize(specs, metadata))
