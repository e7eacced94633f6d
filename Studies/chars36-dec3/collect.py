"""Puts the runs of this study into results.json, results.csv and the table of README.md.

usage: collect.py RUNS FOLDER
"""
import csv
import json
import statistics
import sys
from pathlib import Path

CONTENDERS = {
    "ordinary": "dense, ordinary training",
    "joint": "trained for compression, compact",
    "truncated-0": "ordinary, truncated",
    "truncated-40": "ordinary, truncated, trained on for 40 epochs",
    "small": "small dense network",
}


def figures(runs: Path, contender: str, seed: int) -> dict | None:
    """The figures of one run, or nothing when it is not there yet."""
    if contender.startswith("truncated"):
        file = runs / f"{contender}-{seed}.json"
    else:
        file = runs / f"{contender}-{seed}" / "result.json"
    if not file.exists():
        return None
    found = json.loads(file.read_text())
    return {
        "contender": contender,
        "seed": seed,
        "top1": found["test"]["top1"],
        "parameters": found["parameters"],
        "macs": found["macs"],
    }


def row(name: str, rows: list[dict], reference: dict[int, float]) -> str:
    """One line of the table: means over seeds, the spread, and the loss against ordinary training seed by seed."""
    top1 = [r["top1"] for r in rows]
    lost = [reference[r["seed"]] - r["top1"] for r in rows if r["seed"] in reference]
    parameters = statistics.mean(r["parameters"] for r in rows)
    macs = statistics.mean(r["macs"] for r in rows)
    spread = f"{min(top1):.2f} – {max(top1):.2f}"
    return (
        f"| {name} | {len(rows)} | {statistics.mean(top1):.2f} | {spread} | {statistics.mean(lost):.2f} "
        f"| {parameters / 1000:.1f} k | {macs / 1e6:.2f} M |"
    )


def main() -> None:
    runs, folder = Path(sys.argv[1]), Path(sys.argv[2])
    rows = [f for c in CONTENDERS for seed in range(3) if (f := figures(runs, c, seed))]
    (folder / "results.json").write_text(json.dumps(rows, indent=1) + "\n")
    with open(folder / "results.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    reference = {r["seed"]: r["top1"] for r in rows if r["contender"] == "ordinary"}
    lines = [
        "| network | seeds | top-1 | spread | points lost | parameters | MACs |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for contender, name in CONTENDERS.items():
        own = [r for r in rows if r["contender"] == contender]
        if own:
            lines.append(row(name, own, reference))
    table = "\n".join(lines)
    print(table)
    page = folder / "README.md"
    start, end = "<!-- results -->\n", "<!-- end of results -->"
    text = page.read_text()
    before, rest = text.split(start)
    page.write_text(before + start + table + "\n" + end + rest.split(end)[1])


if __name__ == "__main__":
    main()
