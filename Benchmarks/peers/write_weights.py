"""Writes a new network's weights, named after its architecture: something to inspect where no file was given."""

import sys
from pathlib import Path

from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from peers import models  # the line above makes it importable when this runs as a script


def main(file: str) -> None:
    name = Path(file).name.split("-")[0]
    classes, image = (10, 32) if name in models.RESNETS else (1000, 224)
    model = models.build(name, 3, classes, image)
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in models.state(model).items()}, file)


if __name__ == "__main__":
    main(sys.argv[1])
