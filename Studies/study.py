"""What the studies share: runs that resume, several at a time, and their figures as JSON, CSV, plots and tables.

A study is a folder with a program `run`, which says what is trained and compared, and a README.md, into which the
tables go between markers `<!-- NAME -->` and `<!-- end of NAME -->`.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Study:
    """The runs of one study in a folder of their own, and its results beside its program."""

    def __init__(self, program: str, about: str, cases: tuple = ()):
        self.home = Path(program).resolve().parent
        parser = argparse.ArgumentParser(description=about)
        parser.add_argument(
            "folder",
            nargs="?",
            type=Path,
            default=Path("runs") / self.home.name,
            help="where the runs go; what is there already is not done again (default: %(default)s)",
        )
        parser.add_argument(
            "--jobs", type=int, default=os.cpu_count(), help="runs at a time, one thread each (default: all cores)"
        )
        parser.add_argument("--seeds", type=int, default=3, help="seeds of every contender (default: %(default)s)")
        parser.add_argument("--collect", action="store_true", help="run nothing, take the figures of what is there")
        if cases:
            parser.add_argument(
                "--cases", nargs="+", choices=cases, default=cases, help="parts of the study (default: all)"
            )
        arguments = parser.parse_args()
        self.cases = arguments.cases if cases else ()
        self.folder, self.jobs, self.collects = arguments.folder, arguments.jobs, arguments.collect
        self.seeds = range(arguments.seeds)
        self.thresh = os.environ.get("THRESH", str(ROOT / ".build/release/thresh"))
        self.folder.mkdir(parents=True, exist_ok=True)

    def train(self, name: str, *options) -> None:
        """`thresh train` in a run's folder, resumed where it stopped; a run that has its result is done."""
        run = self.folder / name
        if not self.collects and not (run / "result.json").exists():
            self._call(name, ["train", *options, "--threads", 1, "--resume", "--output", run])

    def compress(self, run: str, name: str, *options) -> None:
        """`thresh compress` of a run, its figures kept as NAME.json."""
        target = self.folder / f"{name}.json"
        if self.collects or target.exists():
            return
        model = self.folder / f"{name}.safetensors"
        text = self._call(name, ["compress", self.folder / run, *options, "--threads", 1, "--json", "--output", model])
        part = target.with_suffix(".part")
        part.write_text(text)
        part.rename(target)

    def result(self, name: str) -> dict | None:
        """The figures of a run or a compression; nothing when it is not done."""
        for file in (self.folder / name / "result.json", self.folder / f"{name}.json"):
            if file.exists():
                return json.loads(file.read_text())
        return None

    def metrics(self, name: str) -> list[dict]:
        """Every epoch of a run."""
        file = self.folder / name / "metrics.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def parallel(self, work, tasks) -> None:
        """`work` on every task, so many at a time; one that fails ends the study after those that run."""
        tasks = list(tasks)
        start = time.monotonic()
        with ThreadPoolExecutor(self.jobs) as pool:
            for index, _ in enumerate(pool.map(lambda task: work(*task), tasks), 1):
                if not self.collects:
                    left = (time.monotonic() - start) / index * (len(tasks) - index) / 60
                    print(f"{index} of {len(tasks)} done, about {left:.0f} min left", file=sys.stderr, flush=True)

    def write(self, name: str, rows: list[dict]) -> Path:
        """Figures as NAME.json and NAME.csv beside the study's program."""
        file = self.home / f"{name}.json"
        file.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
        keys = list(dict.fromkeys(key for row in rows for key in row))
        with open(self.home / f"{name}.csv", "w", newline="") as out:
            writer = csv.DictWriter(out, keys)
            writer.writeheader()
            writer.writerows(rows)
        return file

    def plot(self, table: Path, output: str, *options) -> None:
        """`thresh plot` of a table into an SVG beside the study's program."""
        command = [self.thresh, "plot", table, *options, "--output", self.home / output]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)

    def show(self, name: str, table: str) -> None:
        """Prints a table and puts it between its markers in README.md."""
        print(table)
        page = self.home / "README.md"
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, rest = page.read_text().split(start)
        page.write_text(before + start + table + "\n" + end + rest.split(end)[1])

    def seconds(self, name: str) -> float | None:
        """Processor seconds of a run over all its resumptions; with one thread, those of an idle core."""
        file = self.folder / f"{name}.seconds"
        return float(file.read_text()) if file.exists() else None

    def _call(self, name: str, words: list) -> str:
        log, output = self.folder / f"{name}.log", self.folder / f"{name}.out"
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "w") as errors, open(output, "w") as out:
            process = subprocess.Popen([self.thresh, *map(str, words)], stdout=out, stderr=errors)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        spent = (self.seconds(name) or 0) + usage.ru_utime + usage.ru_stime
        (self.folder / f"{name}.seconds").write_text(f"{spent:.2f}\n")
        if process.returncode != 0:
            sys.exit(f"{name} failed: {log.read_text().splitlines()[-1]} (see {log})")
        text = output.read_text()
        output.unlink()
        return text


def mean(values) -> float:
    return statistics.mean(values)


def spread(values, digits: int = 2) -> str:
    """The least and the greatest, as 87.60 – 88.91."""
    values = list(values)
    return f"{min(values):.{digits}f} – {max(values):.{digits}f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table whose first column is text and whose others are numbers."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
