"""How a fixture is stored: a JSON file, and beside it a safetensors file where there are tensors."""

import json
import sys
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

FOLDER = Path(__file__).resolve().parent
sys.path.append(str(FOLDER.parents[1] / "Benchmarks"))  # where `peers` is, the architectures

Tensors = dict[str, Tensor]


def write(name: str, description: dict[str, Any], tensors: Tensors | None = None) -> None:
    (FOLDER / f"{name}.json").write_text(json.dumps(description, indent=1) + "\n")
    if tensors:
        stored = {key: value.detach().contiguous().clone() for key, value in tensors.items()}
        file = FOLDER / f"{name}.safetensors"
        save_file(stored, file)
        file.chmod(0o644)  # safetensors makes files that only their owner can read
