"""The program `thresh`: where it is, and how it is run."""

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

Progress = Callable[[str], None]


class ThreshError(RuntimeError):
    """What the program said was wrong, in one sentence; `status` is its exit code."""

    def __init__(self, sentence: str, status: int = 1):
        super().__init__(sentence)
        self.status = status


def path() -> Path:
    """The program of this package."""
    found = Path(os.environ.get("THRESH", Path(__file__).with_name("bin") / "thresh"))
    if not found.is_file():
        raise ThreshError(f"{found} is not there; install the wheel again, or set THRESH to the program's path")
    return found


def environment() -> dict[str, str]:
    """The environment it runs in: libtorch is that of the installed torch, wherever that is."""
    torch = importlib.util.find_spec("torch")
    if torch is None or not torch.submodule_search_locations:
        raise ThreshError("torch is not installed; run: pip install 'torch==2.13.*'")
    libraries = str(Path(torch.submodule_search_locations[0]) / "lib")
    others = [folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if folder]
    return os.environ | {"LD_LIBRARY_PATH": os.pathsep.join([libraries, *others])}


def run(*words: object, progress: Progress | None = None) -> str:
    """Runs `thresh WORDS…` and returns what it prints.

    :param progress: told every line that the program says of how far it is.
    :raises ThreshError: with the program's sentence when it fails.
    """
    command = [str(path()), *map(str, words)]
    said: list[str] = []
    with subprocess.Popen(
        command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:

        def listen() -> None:
            for line in process.stderr or []:
                said.append(line.rstrip())
                if progress:
                    progress(said[-1])

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            printed = process.stdout.read() if process.stdout else ""
        except KeyboardInterrupt:
            # It saves what it has, as it does in a terminal.
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            process.wait()
            raise
        status = process.wait()
        listener.join()
    if status != 0:
        sentences = [line.removeprefix("thresh: ") for line in said if line.startswith("thresh: ")]
        raise ThreshError((sentences or said or [f"thresh ended with status {status}"])[-1], status)
    return printed


def main() -> None:
    """The command `thresh`: becomes the program."""
    try:
        os.execve(path(), ["thresh", *sys.argv[1:]], environment())
    except ThreshError as error:
        sys.exit(f"thresh: {error}")
