"""The PyTorch worker of the benchmarks: answers the driver's requests, one line of JSON each (Benchmarks/README.md)."""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from peers import data, models, thresh_file  # the line above makes it importable when this runs as a script

CLASSES = 10


@dataclass
class Trainer:
    """A model and its optimiser; `step` is what one line of any PyTorch training script does."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    bfloat16: bool

    def step(self, images: Tensor, labels: Tensor) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            loss = F.cross_entropy(self.model(images), labels)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def trainer(request: dict[str, Any], fused: bool) -> Trainer:
    torch.manual_seed(0)
    stored = request.get("file")
    model = thresh_file.load(Path(stored)) if stored else models.build(request["model"], 3, CLASSES, 32)
    model = model.to(memory_format=torch.channels_last).train()
    # `None` leaves the choice to PyTorch, which is what a script that names neither gets.
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=fused or None
    )
    return Trainer(model, optimizer, request["precision"] == "bfloat16")


def fixed_batch(size: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(size, 3, 32, 32, generator=generator).contiguous(memory_format=torch.channels_last)
    return images, torch.randint(0, CLASSES, (size,), generator=generator)


def fastest_trainer(request: dict[str, Any]) -> tuple[Trainer, str]:
    """PyTorch's own best: SGD fused or with its default, whichever took less time here, the two taking turns."""
    batch = fixed_batch(request["batch"])
    candidates = {"fused": trainer(request, fused=True), "default": trainer(request, fused=False)}
    seconds = {name: float("inf") for name in candidates}
    for _ in range(3):
        for name, candidate in candidates.items():
            start = time.perf_counter()
            candidate.step(*batch)
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    best = min(seconds, key=seconds.__getitem__)
    return candidates[best], best


def repeated_steps(learner: Trainer, batch: tuple[Tensor, Tensor], steps: int) -> None:
    for _ in range(steps):
        learner.step(*batch)


def epoch(learner: Trainer, batches: Callable[[], data.Batches]) -> None:
    for images, labels in batches():
        learner.step(images.contiguous(memory_format=torch.channels_last), labels)


def prepare(request: dict[str, Any]) -> tuple[Callable[[], None], dict[str, Any]]:
    """Builds everything that is not to be timed; returns the work of one run and what the driver should know of it."""
    torch.set_num_threads(request["threads"])
    task, size = request["task"], request["batch"]
    if task not in ("train_step", "epoch"):
        raise ValueError(f"the PyTorch worker has no task {task!r}; it has train_step and epoch")
    learner, optimizer = fastest_trainer(request)
    about = {"framework": f"PyTorch {torch.__version__}", "optimizer": f"SGD ({optimizer})"}
    if task == "train_step" or request["source"] == "fixed":
        steps = request["steps"] if task == "train_step" else request["images"] // size
        return partial(repeated_steps, learner, fixed_batch(size), steps), about
    pixels, labels = data.images(request["data"], request["images"])
    if request["source"] == "memory":
        return partial(epoch, learner, partial(data.in_memory, pixels, labels, size)), about
    return partial(epoch, learner, data.data_loader(pixels, labels, size).__iter__), about


def memory() -> dict[str, float]:
    """Resident and peak resident memory in MiB: of this process alone, not of its loader processes."""
    if sys.platform == "linux":
        lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return {
            "rss_mb": int(lines["VmRSS"].split()[0]) / 1024,
            "peak_rss_mb": int(lines["VmHWM"].split()[0]) / 1024,
        }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"rss_mb": int(os.popen(f"ps -o rss= -p {os.getpid()}").read()) / 1024, "peak_rss_mb": peak}


def main(prepare: Callable[[dict[str, Any]], tuple[Callable[[], None], dict[str, Any]]] = prepare) -> None:
    work: Callable[[], None] | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "task" in request:
                work, about = prepare(request)
                answer = {"ready": True, **about}
            elif work is None:
                raise ValueError("asked to run before any task was given")
            else:
                start = time.perf_counter()
                work()
                answer = {"seconds": time.perf_counter() - start, **memory()}
        except Exception as error:  # the driver reports it; a worker never prints anything but answers
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
