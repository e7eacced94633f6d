"""Thresh against PyTorch, interleaved: `make bench`, or `python Benchmarks/bench.py --help`.

What is compared stands here; how is in harness.py, what is printed and written in report.py.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import report
from harness import Comparison, Side

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "Benchmarks" / "peers"


def train_step(options: argparse.Namespace, model: str, precision: str, batch: int, steps: int) -> Comparison:
    """Forward, loss, backward and SGD step on one fixed batch: nothing but the compute."""
    request = _request(options, "train_step", model, precision, batch, steps=steps)
    return Comparison(
        name=f"train_step-{model}-{precision}",
        title=f"Training step: {model}, {precision}, batch {batch}, {steps} steps a run",
        sides=[Side("thresh", options.thresh_worker, request), Side("pytorch", options.peer_worker, request)],
        ratios=[("thresh", "pytorch")],
        images=batch * steps,
    )


def compact_step(options: argparse.Namespace, network: str, precision: str, batch: int, steps: int) -> Comparison:
    """A training step of a network and of what `compress` makes of it: what a smaller network saves in training."""
    sides, files = [], network_files(options, network)
    for kind, file in files.items():
        request = _request(options, "train_step", network, precision, batch, steps=steps, file=str(file))
        sides.append(Side(f"{kind} thresh", options.thresh_worker, request))
        sides.append(Side(f"{kind} pytorch", options.peer_worker, request))
    return Comparison(
        name=f"compact_step-{network}-{precision}-{options.threads}",
        title=f"Training step, dense and compact: {network}, {precision}, batch {batch}, {options.threads} thread(s), "
        f"{steps} steps a run",
        sides=sides,
        ratios=[(f"{kind} thresh", f"{kind} pytorch") for kind in files]
        + [(f"{kind} {side}", f"dense {side}") for kind in files if kind != "dense" for side in ("thresh", "pytorch")],
        images=batch * steps,
    )


def regularized_step(options: argparse.Namespace, model: str, batch: int) -> Comparison:
    """What the regulariser adds: ten steps with one application of both proximal operators, against ten without."""
    plain = _request(options, "train_step", model, "float32", batch, steps=10)
    regularized = plain | {"task": "regularized_step", "every": 10}
    return Comparison(
        name=f"regularized_step-{model}",
        title=f"Regularised step: {model}, float32, batch {batch}, low rank and groups every 10 of 10 steps a run",
        sides=[Side("regularized", options.thresh_worker, regularized), Side("plain", options.thresh_worker, plain)],
        ratios=[("regularized", "plain")],
        images=batch * 10,
    )


def proximal_step(options: argparse.Namespace, model: str, precision: str, batch: int) -> Comparison:
    """One application of both proximal operators to all layers, in units of a training step."""
    step = _request(options, "train_step", model, precision, batch, steps=1)
    return Comparison(
        name=f"proximal_step-{model}-{precision}",
        title=f"Proximal step: {model}, against a training step in {precision}, batch {batch}",
        sides=[
            Side("proximal", options.thresh_worker, step | {"task": "proximal_step"}),
            Side("step", options.thresh_worker, step),
        ],
        ratios=[("proximal", "step")],
    )


def epoch(options: argparse.Namespace, model: str, precision: str, batch: int, images: int) -> Comparison:
    """What feeding the network costs: augmented images against the same number of steps on one fixed batch."""
    request = _request(options, "epoch", model, precision, batch, images=images, data=options.cifar)
    fixed, memory, loader = ({**request, "source": source} for source in ("fixed", "memory", "loader"))
    sides = [
        Side("thresh", options.thresh_worker, memory),
        Side("thresh bare", options.thresh_worker, fixed),
        Side("pytorch memory", options.peer_worker, memory),
        Side("pytorch loader", options.peer_worker, loader),
        Side("pytorch bare", options.peer_worker, fixed),
    ]
    against_bare = [("thresh", "thresh bare")] + [(f"pytorch {s}", "pytorch bare") for s in ("memory", "loader")]
    return Comparison(
        name=f"epoch-{model}-{precision}",
        title=f"Epoch over {images} augmented images: {model}, {precision}, batch {batch}",
        sides=sides,
        ratios=[*against_bare, ("thresh", "pytorch memory"), ("thresh", "pytorch loader")],
        images=images // batch * batch,
        notes=[f"images: {'CIFAR-10' if options.cifar else 'made up (give --cifar for CIFAR-10)'}"],
    )


def memory_growth(options: argparse.Namespace) -> Comparison:
    """Memory over small steps once warm, 25 a round; a leak of one tensor a step shows."""
    request = _request(options, "train_step", "lenet5", "float32", 32, steps=25)
    steps = 25 * (options.n - 1)
    return Comparison(
        name="memory",
        title=f"Memory: lenet5, float32, batch 32; growth over the last {steps} steps",
        sides=[Side("thresh", options.thresh_worker, request), Side("pytorch", options.peer_worker, request)],
        ratios=[("thresh", "pytorch")],
        images=32 * 25,
    )


def inspect(options: argparse.Namespace) -> Comparison:
    """From pressing return to the figures of a stored network: parameters and MACs as JSON."""
    file, thresh = options.inspect, str(ROOT / ".build/release/thresh")
    architecture = Path(file).name.split("-")[0]
    return Comparison(
        name="inspect",
        title=f"Inspect, start to end: {Path(file).name}",
        sides=[
            Side("thresh", [thresh, "inspect", architecture, "--weights", file, "--json"]),
            Side("pytorch", [options.python, str(PEERS / "inspect_weights.py"), file]),
        ],
        ratios=[("thresh", "pytorch")],
    )


def forward(options: argparse.Namespace, network: str, batch: int, threads: int, calls: int) -> Comparison:
    """A network and what `compress` makes of it, in every runtime, all in turns."""
    shape = [3, 32, 32] if network == "resnet20" else [3, 224, 224]
    sides, files = [], network_files(options, network)
    for kind, file in files.items():
        request = {
            "task": "forward",
            "model": network,
            "precision": "float32",
            "batch": batch,
            "threads": threads,
            "steps": calls,
            "file": str(file),
            "shape": shape,
        }
        sides.append(Side(f"{kind} thresh", options.thresh_worker, request))
        for runtime in ("eager", "compile", "onnxruntime"):
            peer = [options.python, str(PEERS / "forward.py")]
            sides.append(Side(f"{kind} {runtime}", peer, request | {"runtime": runtime}))
    runtimes = ("eager", "compile", "onnxruntime")
    return Comparison(
        name=f"forward-{network}-{batch}-{threads}",
        title=f"Forward: {network}, float32, batch {batch}, {threads} thread(s), {calls} passes a run",
        sides=sides,
        ratios=[(f"{kind} thresh", f"{kind} {runtime}") for kind in files for runtime in runtimes]
        + [
            (f"dense {runtime}", f"{kind} {runtime}")
            for kind in files
            if kind != "dense"
            for runtime in ("thresh", *runtimes)
        ],
        images=batch * calls,
    )


def network_files(options: argparse.Namespace, network: str) -> dict[str, Path]:
    """A network, the same with half of its MACs by units and ranks, and by ranks alone, each as ONNX too."""
    folder = ROOT / ".build/forward"
    folder.mkdir(parents=True, exist_ok=True)
    weights = options.inspect if network == "resnet20" else str(folder / f"{network}-random.safetensors")
    if network != "resnet20" and not Path(weights).exists():
        subprocess.run([options.python, str(PEERS / "write_weights.py"), weights], check=True)
    cuts = {"dense": ["--energy", "1"], "half": ["--macs", "0.5"], "ranks": ["--macs", "0.5", "--units", "zero"]}
    thresh, files = str(ROOT / ".build/release/thresh"), {}
    for kind, cut in cuts.items():
        files[kind] = folder / f"{network}-{kind}.safetensors"
        compress = [thresh, "compress", network, "--weights", weights, *cut, "--output", str(files[kind])]
        export = [thresh, "export", str(files[kind]), "--to", "onnx", "--output", str(files[kind].with_suffix(".onnx"))]
        for command in (compress, export):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return files


def comparisons(options: argparse.Namespace) -> dict[str, list[Callable[[], Comparison]]]:
    """All of them, by the name that `--only` takes.

    Batches of 128 in float32. In bfloat16, 32 and few steps: a CPU without bfloat16 instructions emulates it,
    about ten times slower than float32, and the whole is to stay under 12 minutes there too. So an epoch in bfloat16
    is measured only where the CPU has the instructions.
    """
    has_bfloat16 = any(name.endswith("bf16") for name in report.machine(options.threads)["instructions"])
    epoch_precisions = ["float32", "bfloat16"] if has_bfloat16 else ["float32"]
    return {
        "train_step": [
            lambda: train_step(options, "resnet20", "float32", batch=128, steps=3),
            lambda: train_step(options, "dec3", "float32", batch=128, steps=5),
            lambda: train_step(options, "resnet20", "bfloat16", batch=32, steps=1),
            lambda: train_step(options, "dec3", "bfloat16", batch=32, steps=2),
        ],
        "compact_step": [
            partial(compact_step, options, "resnet20", precision, 128, 2) for precision in epoch_precisions
        ],
        "regularized_step": [lambda: regularized_step(options, "resnet20", batch=128)],
        "proximal_step": [
            partial(proximal_step, options, "resnet20", precision, 128) for precision in ("float32", "bfloat16")
        ],
        "epoch": [partial(epoch, options, "resnet20", precision, 128, 1280) for precision in epoch_precisions],
        "forward": [
            lambda: forward(options, "resnet20", batch=1, threads=1, calls=200),
            lambda: forward(options, "resnet20", batch=1, threads=2, calls=200),
            lambda: forward(options, "resnet20", batch=32, threads=2, calls=20),
            lambda: forward(options, "resnet20", batch=64, threads=1, calls=5),
            lambda: forward(options, "resnet20", batch=64, threads=2, calls=10),
            lambda: forward(options, "resnet18", batch=1, threads=2, calls=20),
            lambda: forward(options, "resnet18", batch=32, threads=2, calls=2),
        ],
        "memory": [lambda: memory_growth(options)],
        "inspect": [lambda: inspect(options)],
    }


def _request(options: argparse.Namespace, task: str, model: str, precision: str, batch: int, **more: Any) -> dict:
    return {"task": task, "model": model, "precision": precision, "batch": batch, "threads": options.threads, **more}


def _self_check(comparison: Comparison, peer: list[str]) -> Comparison:
    """PyTorch in Thresh's place: the ratios of a driver that favours no side are 1."""
    for side in comparison.sides:
        if side.request is not None:
            side.command = peer
    comparison.title += "  [self-check: PyTorch in Thresh's place]"
    return comparison


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Thresh against PyTorch, interleaved, both sides in one run.")
    names = ("train_step", "compact_step", "regularized_step", "proximal_step", "epoch", "forward", "memory", "inspect")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="the comparisons to make")
    parser.add_argument("--n", type=int, default=9, help="runs of each side after warm-up, at least 7 (default: 9)")
    parser.add_argument("--warm-up", type=int, default=1, help="runs of each side that are not counted (default: 1)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of each side (default: all cores)")
    parser.add_argument("--python", default=sys.executable, help="the Python of the PyTorch side (default: this one)")
    parser.add_argument("--cifar", default=os.environ.get("THRESH_CIFAR10"), help="folder of CIFAR-10's binary files")
    parser.add_argument(
        "--inspect",
        default=os.environ.get("THRESH_INSPECT"),
        help="the stored network to inspect; without one, a new resnet20 is written",
    )
    parser.add_argument("--output", type=Path, default=ROOT / "Benchmarks" / "results", help="folder of the JSON files")
    parser.add_argument("--self-check", action="store_true", help="measure PyTorch against itself; writes no results")
    options = parser.parse_args()
    if options.n < 7:
        parser.error(f"--n is {options.n}, expected at least 7: fewer runs do not show the spread")
    options.thresh_worker = [str(ROOT / ".build/release/thresh-bench")]
    options.peer_worker = [options.python, str(PEERS / "worker.py")]
    return options


def main() -> int:
    options = _options()
    about = report.machine(options.threads)
    print(f"{about['cpu']}, {about['cores']} cores, {about['threads']} threads, {' '.join(about['instructions'])}")
    if about["load_before"] > 0.5:
        print(f"load average is {about['load_before']}: something else is running and will widen the spread")
    failures = 0
    for name in options.only:
        if name in ("inspect", "forward", "compact_step") and not options.inspect:
            options.inspect = str(ROOT / ".build/resnet20-random.safetensors")
            subprocess.run([options.python, str(PEERS / "write_weights.py"), options.inspect], check=True)
        if options.self_check and name in ("compact_step", "regularized_step", "proximal_step", "forward", "inspect"):
            continue
        for make in comparisons(options)[name]:
            comparison = make()
            if options.self_check:
                comparison = _self_check(comparison, options.peer_worker)
            folder = None if options.self_check else options.output
            failures += not report.run(comparison, options.n, options.warm_up, about, folder)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
