"""The other runtimes of the `forward` benchmark: PyTorch eager and compiled, and onnxruntime, on Thresh's own files.

Speaks the protocol of worker.py (Benchmarks/README.md); the request names the runtime and the file.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from peers import thresh_file, worker  # the line above makes it importable when this runs as a script


def prepare(request: dict[str, Any]) -> tuple[Callable[[], None], dict[str, Any]]:
    """A run is so many forward passes of one batch, the outputs thrown away."""
    torch.set_num_threads(request["threads"])
    call, framework = {"eager": eager, "compile": compiled, "onnxruntime": onnxruntime}[request["runtime"]](request)
    call()

    def run() -> None:
        for _ in range(request["steps"]):
            call()

    return run, {"framework": framework}


def images(request: dict[str, Any]) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(request["batch"], *request["shape"], generator=generator)


def eager(request: dict[str, Any]) -> tuple[Callable[[], Any], str]:
    model = thresh_file.load(Path(request["file"])).eval()
    batch = images(request).contiguous(memory_format=torch.channels_last)

    def call() -> torch.Tensor:
        with torch.inference_mode():
            return model(batch)

    return call, f"PyTorch {torch.__version__}"


def compiled(request: dict[str, Any]) -> tuple[Callable[[], Any], str]:
    """With weights frozen into the program, as whoever wants speed would have it."""
    import torch._inductor.config

    torch._inductor.config.freezing = True
    model = torch.compile(thresh_file.load(Path(request["file"])).eval())
    batch = images(request).contiguous(memory_format=torch.channels_last)

    def call() -> torch.Tensor:
        with torch.no_grad():
            return model(batch)

    return call, f"PyTorch {torch.__version__}, torch.compile, frozen"


def onnxruntime(request: dict[str, Any]) -> tuple[Callable[[], Any], str]:
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = request["threads"]
    file = str(Path(request["file"]).with_suffix(".onnx"))
    session = runtime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    batch = {session.get_inputs()[0].name: images(request).numpy()}
    return lambda: session.run(None, batch), f"onnxruntime {runtime.__version__}"


if __name__ == "__main__":
    worker.main(prepare)
