"""What `thresh inspect FILE --json` is compared with: load a network, count parameters and MACs, print JSON.

The architecture is taken from the file's name (`resnet20-….safetensors`), the input is CIFAR's.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from peers import models  # the line above makes it importable when this runs as a script


def main(file: str) -> None:
    model = models.build(Path(file).name.split("-")[0], 3, 10, 32).eval()
    models.load(model, load_file(file))
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, 32, 32))
    parameters = sum(p.numel() for p in model.parameters())
    print(json.dumps({"parameters": parameters, "macs": counter.get_total_flops() // 2}))


if __name__ == "__main__":
    main(sys.argv[1])
