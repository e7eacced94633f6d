"""Makes the fixtures that the Swift tests compare Thresh with, from PyTorch's own answers.

    python3 -m venv .venv
    .venv/bin/pip install -r Benchmarks/requirements.txt
    .venv/bin/pip install torchvision==0.28.0                           # the one for torch 2.13.0
    .venv/bin/python Tests/Fixtures/make_fixtures.py                    # all but given_weights
    .venv/bin/python Tests/Fixtures/make_fixtures.py --weights FOLDER   # with resnet*-cifar10.safetensors

Each fixture is a JSON file that says what is in it and, where there are tensors, a safetensors file of the same
name that holds them under the names the JSON gives. The JSON is always an object whose arrays hold objects with
the same keys, so one Decodable struct reads one array. Shapes are N×C×H×W. The results depend on the seeds below
and, in the last bits, on the processor: compare with a tolerance.
"""

import argparse
from pathlib import Path

import torch
from augmentation import make_augmentation
from catalogue import make_catalogue
from fixture import FOLDER
from formula import make_formula
from forward import make_forward, make_given_weights
from macs import make_macs
from names import make_names
from operations import make_operations
from proximal import make_proximal
from training import make_class_weights, make_training


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, help="folder of resnet{20,32,44,56}-cifar10.safetensors")
    options = parser.parse_args()
    torch.set_num_threads(1)  # sums in one order: the same bits each time on the same processor
    made = (make_macs, make_names, make_formula, make_forward, make_operations, make_training, make_proximal)
    for make in (*made, make_catalogue, make_augmentation, make_class_weights):
        make()
    if options.weights:
        make_given_weights(options.weights)
    total = sum(file.stat().st_size for file in FOLDER.iterdir() if file.suffix in (".json", ".safetensors"))
    print(f"{total / 1e6:.2f} MB in {FOLDER}")


if __name__ == "__main__":
    main()
