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
    device: torch.device
    # Of weights that autocast made bfloat16; a CUDA graph may not keep it from one step to the next.
    caches: bool = True

    def step(self, images: Tensor, labels: Tensor) -> None:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16, cache_enabled=self.caches):
            loss = F.cross_entropy(self.model(images), labels)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def trainer(request: dict[str, Any], fused: bool) -> Trainer:
    torch.manual_seed(0)
    stored = request.get("file")
    model = (
        thresh_file.load(Path(stored)) if stored else models.build(request["model"], 3, CLASSES, image_size(request))
    )
    device = torch.device(request.get("device", "cpu"))
    model = model.to(device, memory_format=torch.channels_last).train()
    # `None` leaves the choice to PyTorch, which is what a script that names neither gets.
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=fused or None
    )
    return Trainer(model, optimizer, request["precision"] == "bfloat16", device)


def image_size(request: dict[str, Any]) -> int:
    return request.get("image", 32)


def fixed_batch(request: dict[str, Any]) -> tuple[Tensor, Tensor]:
    generator, size = torch.Generator().manual_seed(0), image_size(request)
    images = torch.randn(request["batch"], 3, size, size, generator=generator)
    labels = torch.randint(0, CLASSES, (request["batch"],), generator=generator)
    device = request.get("device", "cpu")
    return images.to(device).contiguous(memory_format=torch.channels_last), labels.to(device)


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def fastest_trainer(request: dict[str, Any]) -> tuple[Trainer, str]:
    """PyTorch's own best: SGD fused or with its default, whichever took less time here, the two taking turns."""
    batch = fixed_batch(request)
    candidates = {"fused": trainer(request, fused=True), "default": trainer(request, fused=False)}
    seconds = {name: float("inf") for name in candidates}
    for _ in range(3):
        for name, candidate in candidates.items():
            start = time.perf_counter()
            candidate.step(*batch)
            synchronize(candidate.device)
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    best = min(seconds, key=seconds.__getitem__)
    return candidates[best], best


def repeated_steps(learner: Trainer, batch: tuple[Tensor, Tensor], steps: int) -> None:
    for _ in range(steps):
        learner.step(*batch)
    synchronize(learner.device)


def graph_replays(learner: Trainer, batch: tuple[Tensor, Tensor], steps: int) -> Callable[[], None]:
    """The same steps as replays of one CUDA graph, which spares the host the launching of every kernel."""
    learner.caches = False
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            learner.step(*batch)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        learner.step(*batch)

    def run() -> None:
        for _ in range(steps):
            graph.replay()
        synchronize(learner.device)

    return run


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
        if request.get("graph"):
            return graph_replays(learner, fixed_batch(request), steps), about
        return partial(repeated_steps, learner, fixed_batch(request), steps), about
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
