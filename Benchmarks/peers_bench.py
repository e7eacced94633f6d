"""Thresh beside other ways to make a network smaller: `make bench-peers`, or `python Benchmarks/peers_bench.py --help`.

The same ResNet-20, images, start weights, epochs, rate, seed, target size and machine for all; one table.
"""

import argparse
import importlib
import json
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import report
import torch
from peers import cost, data, training
from peers_table import BATCHES, Result, caption, table
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
TRAIN_IMAGES, TEST_IMAGES = 50_000, 10_000
ROUNDS = 9
IMAGES_A_TURN = 64

Made = tuple[nn.Module, Result]


def made_in_pytorch(module: str, regularizes: bool, task: training.Task, _: argparse.Namespace) -> Made:
    """Compress, measure batch norm again, fine-tune; looking at the test images is not timed.

    The module is imported here, so that a library that is missing fails its own row alone.
    """
    method = importlib.import_module(f"peers.{module}")
    torch.manual_seed(task.seed)
    start = time.perf_counter()
    network = method.compress(task.network(), task)
    training.recalibrate(network, task)
    seconds = time.perf_counter() - start
    top1_cut = training.top1(network, task)
    start = time.perf_counter()
    epochs = task.finetune_epochs + (0 if regularizes else task.epochs)
    training.train(network, task, epochs, training.cosine, training.FINETUNE_DECAY)
    seconds += time.perf_counter() - start
    return network, {"top1_cut": top1_cut, "seconds": seconds}


def made_by_thresh(name: str, regularizes: bool, task: training.Task, options: argparse.Namespace) -> Made:
    from peers import thresh_program

    whole = (options.images, options.test_images) == (TRAIN_IMAGES, TEST_IMAGES)
    images = thresh_program.same_images(task, options.cifar, whole, options.runs / "images")
    made = thresh_program.run(task, options.thresh, images, options.threads, options.runs / name, regularizes)
    figures = {"seconds": made.seconds, "top1_reported": made.reported_top1}
    return made.compact, {"top1_cut": training.top1(made.cut, task), **figures}


@dataclass(frozen=True)
class Peer:
    title: str
    make: Callable[[training.Task, argparse.Namespace], Made]


PEERS = {
    "svd": Peer("SVD of the pretrained weights", partial(made_in_pytorch, "svd_truncation", False)),
    "tucker": Peer("Tucker of the pretrained weights (tensorly-torch)", partial(made_in_pytorch, "tucker", False)),
    "pruning": Peer("group-norm pruning (torch-pruning)", partial(made_in_pytorch, "group_norm_pruning", True)),
    "paper": Peer("the paper's method in PyTorch", partial(made_in_pytorch, "compression_aware", True)),
    "thresh": Peer("Thresh, trained for compression", partial(made_by_thresh, "thresh", True)),
    "thresh-cut": Peer("Thresh, cut at once", partial(made_by_thresh, "thresh-cut", False)),
}


def result_of(name: str, task: training.Task, options: argparse.Namespace) -> Result:
    """A method's figures, its network beside them; made unless the folder of runs has them. Failures are not kept."""
    file = options.runs / f"{name}.json"
    if file.exists() and not options.fresh:
        return json.loads(file.read_text())
    print(f"{PEERS[name].title} …", file=sys.stderr, flush=True)
    result = {"method": name, "title": PEERS[name].title, "load_before": round(os.getloadavg()[0], 2)}
    try:
        network, figures = PEERS[name].make(task, options)
        figures |= {"top1": training.top1(network, task), **costs(network)}
    except Exception as error:  # the others still get their rows
        traceback.print_exc()
        # The methods' own refusals are ValueErrors and whole sentences.
        return result | {"error": str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"}
    torch.save(network, file.with_suffix(".pt"))
    file.write_text(json.dumps(result | figures, indent=1) + "\n")
    return result | figures


def dense_result(task: training.Task) -> Result:
    network = task.network()
    figures = {"top1": training.top1(network, task), **costs(network)}
    return {"method": "dense", "title": "dense, the pretrained weights", **figures}


def costs(network: nn.Module) -> Result:
    return {"parameters": cost.parameters(network), "macs": cost.macs(network)}


def measure(results: list[Result], task: training.Task, runs: Path) -> None:
    """Adds what an image takes, all networks in turns."""
    networks = {"dense": task.network()}
    for result in results[1:]:
        if "error" not in result:
            # Written above by this program; it holds modules of the libraries' own classes, not tensors alone.
            networks[result["method"]] = torch.load(runs / f"{result['method']}.pt", weights_only=False)
    for batch in BATCHES:
        times = cost.milliseconds(networks, batch, ROUNDS, calls=max(4, IMAGES_A_TURN // batch))
        for result in results:
            if result["method"] in times:
                result[f"milliseconds_{batch}"] = report.summary(times[result["method"]])


def parsed_options() -> argparse.Namespace:
    environment, default = os.environ.get, " (default: %(default)s)"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--only", nargs="+", choices=PEERS, default=list(PEERS), metavar="METHOD", help=f"of {', '.join(PEERS)}")
    add("--macs", type=float, default=0.5, help="share of the dense network's MACs that may be left" + default)
    add("--epochs", type=int, default=2, help="with a regulariser; fine-tuning for a method without one" + default)
    add("--finetune-epochs", type=int, default=2, help="epochs of the compact network" + default)
    add("--lr", type=float, default=0.02, help="learning rate" + default)
    add("--seed", type=int, default=0, help="of order and augmentation" + default)
    add("--images", type=int, default=TRAIN_IMAGES, help="training images, fewer for a quick check" + default)
    add("--test-images", type=int, default=TEST_IMAGES, help="test images" + default)
    add("--threads", type=int, default=os.cpu_count(), help="threads of every method (default: all cores)")
    add(
        "--data", default=environment("THRESH_DATA"), help="has cifar-10-batches-bin and weights (default: THRESH_DATA)"
    )
    built = str(ROOT / ".build/release/thresh")
    add("--thresh", default=environment("THRESH", built), help="program (default: THRESH, or what is built)")
    add("--runs", type=Path, default=ROOT / "runs" / "peers", help="where networks go; what is there is not made again")
    add("--fresh", action="store_true", help="make everything again")
    add("--output", type=Path, default=ROOT / "Benchmarks" / "results", help="folder of the JSON file")
    options = parser.parse_args()
    if options.data is None:
        parser.error("no data; set THRESH_DATA or give --data, a folder with cifar-10-batches-bin and weights")
    if options.images < training.BATCH:
        parser.error(f"--images is {options.images}, expected at least one batch of {training.BATCH}")
    if min(options.epochs, options.finetune_epochs) < 1 or not 0 < options.macs < 1:
        parser.error("expected 1 epoch or more of both kinds, and --macs between 0 and 1")
    options.cifar = Path(options.data) / "cifar-10-batches-bin"
    return options


def settings(options: argparse.Namespace) -> Result:
    """What decides a result; the runs of each lie in a folder of their own."""
    names = ("macs", "epochs", "finetune_epochs", "lr", "seed", "images", "test_images", "threads")
    return {name: getattr(options, name) for name in names}


def main() -> int:
    options = parsed_options()
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")  # the libraries' own would bury the table
    about = report.machine(options.threads)
    options.runs /= "-".join(f"{name}={value}" for name, value in settings(options).items())
    options.runs.mkdir(parents=True, exist_ok=True)
    task = training.Task(
        Path(options.data) / "weights" / "resnet20-cifar10.safetensors",
        *data.images(str(options.cifar), options.images),
        *data.images(str(options.cifar), options.test_images, "test_batch.bin"),
        options.macs,
        options.epochs,
        options.finetune_epochs,
        options.lr,
        options.seed,
    )
    results = [dense_result(task), *(result_of(name, task, options) for name in options.only)]
    measure(results, task, options.runs)
    text = caption(options, about, ROUNDS) + "\n\n" + table(results)
    print(text)
    if (options.images, options.test_images, set(options.only)) == (TRAIN_IMAGES, TEST_IMAGES, set(PEERS)):
        report.fill(ROOT / "Benchmarks" / "README.md", "peers", text)
    result = {"name": "peers", "settings": settings(options), "machine": about, "results": results}
    print(f"→ {report.write(result, options.output)}")
    return 1 if any("error" in result for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
