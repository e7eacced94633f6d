"""Figures with their spread and the machine they come from: as a table for people, as JSON for programs."""

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness import BenchmarkError, Comparison, Measured, measure


def machine(threads: int) -> dict[str, Any]:
    """What a figure means nothing without."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": _cpu(),
        "cores": cores,
        "threads": threads,
        "instructions": _instructions(),
        "system": platform.platform(),
        "load_before": round(os.getloadavg()[0], 2),
        "commit": _output(["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def summary(values: list[float]) -> dict[str, float]:
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "quartile_1": low,
        "quartile_3": high,
    }


def results(comparison: Comparison, measured: list[Measured], about: dict[str, Any]) -> dict[str, Any]:
    """Everything that was measured, with the raw answers, so that it can be judged again."""
    by_label = {side.label: side for side in measured}
    requests = {side.label: side.request or {"command": side.command} for side in comparison.sides}
    sides = [
        {"label": side.label, **side.about, "request": requests[side.label], "n": len(side.answers)}
        | {"seconds": summary(side.seconds), "memory": _memory(side), "answers": side.answers}
        for side in measured
    ]
    return {
        "name": comparison.name,
        "title": comparison.title,
        "images": comparison.images,
        "machine": about,
        "sides": sides,
        "ratios": [_ratio(by_label[a], by_label[b]) for a, b in comparison.ratios],
        "notes": comparison.notes,
    }


def table(result: dict[str, Any]) -> str:
    """One comparison as text: a line a side, then a line a ratio."""
    lines = [result["title"]]
    width = max(len(side["label"]) for side in result["sides"])
    lines.append(f"  {'':{width}}  n   median s   min – max            IQR       images/s   peak MiB   growth MiB")
    for side in result["sides"]:
        s, memory = side["seconds"], side["memory"]
        rate = f"{result['images'] / s['median']:8.0f}" if result["images"] else f"{'–':>8}"
        growth = f"{memory['growth_mb']:+.1f}" if "growth_mb" in memory else "–"
        lines.append(
            f"  {side['label']:{width}} {side['n']:2}   {s['median']:8.4f}   {s['min']:8.4f} – {s['max']:8.4f}"
            f"  {s['quartile_3'] - s['quartile_1']:8.4f}   {rate}   {memory['peak_rss_mb']:8.0f}   {growth:>10}"
        )
    for ratio in result["ratios"]:
        lines.append(
            f"  {ratio['of']} / {ratio['to']}: {ratio['rounds']['median']:.3f}, median of the rounds"
            f" ({ratio['rounds']['min']:.3f} – {ratio['rounds']['max']:.3f}); of the medians {ratio['medians']:.3f}"
        )
    about = "; ".join(f"{side['label']}: {side.get('framework', '?')}" for side in result["sides"])
    return "\n".join([*lines, f"  {about}", *(f"  {note}" for note in result["notes"])])


def run(comparison: Comparison, rounds: int, warm_up: int, about: dict[str, Any], folder: Path | None) -> bool:
    """Measures and prints a comparison, and writes it where there is a folder; false, and told, when a side fails."""
    try:
        measured = measure(comparison, rounds, warm_up)
    except BenchmarkError as error:
        print(f"\n{comparison.title}\n  failed: {error}", file=sys.stderr)
        return False
    result = results(comparison, measured, about)
    print("\n" + table(result), flush=True)
    if folder:
        print(f"  → {write(result, folder)}")
    return True


def write(result: dict[str, Any], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{result['name']}.json"
    file.write_text(json.dumps(result, indent=1) + "\n")
    return file


def _ratio(a: Measured, b: Measured) -> dict[str, Any]:
    """The ratio in each round, whose two runs are neighbours and share their disturbances, and of the medians."""
    rounds = [x / y for x, y in zip(a.seconds, b.seconds)]
    medians = statistics.median(a.seconds) / statistics.median(b.seconds)
    return {"of": a.label, "to": b.label, "medians": medians, "rounds": summary(rounds)}


def _memory(side: Measured) -> dict[str, float]:
    memory = {"peak_rss_mb": side.answers[-1]["peak_rss_mb"]}
    if "rss_mb" in side.answers[0]:
        memory["growth_mb"] = side.answers[-1]["rss_mb"] - side.answers[0]["rss_mb"]
    return memory


def _cpu() -> str:
    if platform.system() == "Darwin":
        return _output(["sysctl", "-n", "machdep.cpu.brand_string"])
    fields = _processor_fields()
    family = f"family {fields.get('cpu family', '?')}, model {fields.get('model', '?')}"
    return f"{fields.get('model name', platform.machine())} ({family})"


def _instructions() -> list[str]:
    """The vector instructions that decide how fast float32 and bfloat16 can be."""
    flags = _processor_fields().get("flags", "").split()
    return [flag for flag in ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]


def _processor_fields() -> dict[str, str]:
    file = Path("/proc/cpuinfo")
    if not file.exists():
        return {}
    first = file.read_text().split("\n\n")[0]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def show(name: str, *parts: str) -> None:
    """Prints a text and puts it into its place in README.md."""
    text = "\n\n".join(parts)
    print(text)
    fill(Path(__file__).with_name("README.md"), name, text)


def fill(page: Path, name: str, text: str) -> None:
    """Puts a text between the markers `<!-- NAME -->` and `<!-- end of NAME -->` of a page."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, rest = page.read_text().split(start)
    page.write_text(before + start + text + "\n" + end + rest.split(end)[1])
