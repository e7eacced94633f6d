"""How near foretold times come to measured ones: `python Benchmarks/forecast.py MODEL…`, a minute a model.

`thresh calibrate` with an empty cache, so that every layer is timed anew, in several settings and several times over;
each tells the sum of its parts and the whole as it ran. The table, error of the sum against the whole, goes into
README.md. The machine should rest meanwhile.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import report
from harness import thresh

SETTINGS = [
    (1, 1, "float32"),
    (1, 2, "float32"),
    (32, 1, "float32"),
    (32, 2, "float32"),
    (64, 2, "float32"),
    (32, 2, "bfloat16"),
]


def error(model: Path, batch: int, threads: int, precision: str) -> float:
    """Percent by which the foretold time is off the measured one."""
    with tempfile.TemporaryDirectory() as cache:
        made = thresh(
            "calibrate",
            model,
            "--batch-size",
            batch,
            "--threads",
            threads,
            "--precision",
            precision,
            "--json",
            XDG_CACHE_HOME=cache,
        )
    whole = json.loads(made)["whole"]
    return 100 * (whole["predicted"] / whole["measured"] - 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path, help="files of networks, or folders of runs")
    parser.add_argument("--n", type=int, default=5, help="times each is calibrated (default: %(default)s)")
    options = parser.parse_args()
    heads = [
        f"batch {batch}, {threads} thread{'s' if threads > 1 else ''}, {precision}"
        for batch, threads, precision in SETTINGS
    ]
    lines = [f"| network | {' | '.join(heads)} |", "| --- |" + " ---: |" * len(heads)]
    for model in options.models:
        cells = []
        for setting in SETTINGS:
            errors = [error(model, *setting) for _ in range(options.n)]
            cells.append(f"{statistics.median(errors):+.1f} ({min(errors):+.1f} – {max(errors):+.1f})")
        lines.append(f"| {model.stem} | {' | '.join(cells)} |")
        print(lines[-1], file=sys.stderr, flush=True)
    report.show("forecast", "\n".join(lines), f"{report.machine(2)['cpu']}, n = {options.n}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
