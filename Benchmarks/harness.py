"""Runs the sides of a comparison in turns (A B A B …), so that whatever disturbs the machine disturbs all of them."""

import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

Answer = dict[str, Any]

# Threads of a side that has just run spin for a while before they sleep, and would take a core from the next.
PAUSE = 0.2


PROGRAM = Path(__file__).resolve().parents[1] / ".build/release/thresh"


def thresh(*words: Any, program: Path = PROGRAM, **environment: str) -> str:
    """Runs the program to its end and gives what it printed."""
    return subprocess.run(
        [program, *map(str, words)],
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | environment,
    ).stdout


class BenchmarkError(Exception):
    """A side that could not be measured; the message is for the person at the terminal."""


class Runner(Protocol):
    about: Answer

    def run(self) -> Answer: ...

    def close(self) -> None: ...


class Worker:
    """A process that stays alive between runs and is spoken to in lines of JSON (the protocol: README.md)."""

    def __init__(self, command: list[str], request: Answer) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": str(request["threads"])}
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
            )
        except OSError as error:
            raise BenchmarkError(f"{command[0]} did not start ({error.strerror}); build it first") from error
        assert self.process.stdin and self.process.stdout  # both are pipes
        self.name, self.questions, self.replies = command[0], self.process.stdin, self.process.stdout
        self.about = self._ask(request)
        if self.about.pop("ready", None) is not True:
            raise BenchmarkError(f'{command[0]} answered {self.about}, expected a line with "ready": true')

    def run(self) -> Answer:
        return self._ask({"run": True})

    def close(self) -> None:
        self.questions.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def _ask(self, question: Answer) -> Answer:
        try:
            self.questions.write(json.dumps(question) + "\n")
            self.questions.flush()
            line = self.replies.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise BenchmarkError(f"{self.name} ended with status {self.process.wait()} after {json.dumps(question)}")
        try:
            answer = json.loads(line)
        except json.JSONDecodeError as error:
            raise BenchmarkError(f"{self.name} answered {line.strip()!r}, expected one line of JSON") from error
        if "error" in answer:
            self.close()
            raise BenchmarkError(f"{self.name}: {answer['error']}")
        return answer


class Program:
    """A program timed from start to end, as its user waits for it."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.about: Answer = {"framework": " ".join(command[:2])}

    def run(self) -> Answer:
        start = time.perf_counter()
        try:
            process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        except OSError as error:
            raise BenchmarkError(f"{self.command[0]} did not start ({error.strerror}); build it first") from error
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise BenchmarkError(f"{' '.join(self.command)} ended with status {process.returncode}")
        peak = usage.ru_maxrss / (1024 if os.uname().sysname == "Linux" else 2**20)
        return {"seconds": seconds, "peak_rss_mb": peak}

    def close(self) -> None:
        pass


@dataclass
class Side:
    """One of the things compared: a command, and the request it is prepared with (none: timed start to end)."""

    label: str
    command: list[str]
    request: Answer | None = None

    def start(self) -> Runner:
        return Program(self.command) if self.request is None else Worker(self.command, self.request)


@dataclass
class Comparison:
    """Sides that do the same work; `ratios` names the pairs to divide, `images` what one run of a side handles."""

    name: str
    title: str
    sides: list[Side]
    ratios: list[tuple[str, str]]
    images: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass
class Measured:
    """All answers of one side, in order, warm-up left out."""

    label: str
    about: Answer
    answers: list[Answer]

    @property
    def seconds(self) -> list[float]:
        return [answer["seconds"] for answer in self.answers]


def measure(comparison: Comparison, rounds: int, warm_up: int) -> list[Measured]:
    """Starts every side, lets each run in turn `warm_up` + `rounds` times, keeps the last `rounds` answers."""
    runners: list[Runner] = []
    try:
        for side in comparison.sides:
            runners.append(side.start())
        answers: list[list[Answer]] = [[] for _ in runners]
        for _ in range(warm_up + rounds):
            for runner, its_answers in zip(runners, answers):
                its_answers.append(runner.run())
                time.sleep(PAUSE)
    finally:
        for runner in runners:
            runner.close()
    return [
        Measured(side.label, runner.about, its_answers[warm_up:])
        for side, runner, its_answers in zip(comparison.sides, runners, answers)
    ]
