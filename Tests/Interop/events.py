"""Checks that TensorBoard reads of a run what its metrics.jsonl says: the same steps, numbers and singular values.

.venv/bin/python Tests/Interop/events.py RUN
"""

import json
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


# metrics.jsonl has six digits.
def close(found: float, wanted: float) -> bool:
    return abs(found - wanted) <= 1e-5 * max(1, abs(wanted))


def main() -> None:
    run = Path(sys.argv[1])
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    events = EventAccumulator(str(run), size_guidance={"histograms": 0, "scalars": 0})
    events.Reload()
    tags = events.Tags()
    wanted = {
        "epoch": lambda line: line["epoch"],
        "lr": lambda line: line["learning_rate"],
        "train/loss": lambda line: line["training_loss"],
        "train/top1": lambda line: line["training_top1"],
        "val/loss": lambda line: line["validation"]["loss"],
        "val/top1": lambda line: line["validation"]["top1"],
    }
    if "strength" in lines[0]:
        wanted["compression/strength"] = lambda line: line["strength"]
    for index, layer in enumerate(lines[0]["layers"]):
        wanted[f"rank/{layer['name']}"] = lambda line, index=index: line["layers"][index]["planned_rank"]
        wanted[f"active_units/{layer['name']}"] = lambda line, index=index: line["layers"][index]["active_units"]
    for tag, value in wanted.items():
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        assert [step for step, _ in found] == [line["step"] for line in lines], (tag, found)
        for (_, number), line in zip(found, lines):
            assert close(number, value(line)), (tag, number, value(line))
    rates = events.Scalars("images_per_second")
    assert rates and all(event.value > 0 for event in rates), rates

    for index, layer in enumerate(lines[0]["layers"]):
        found = events.Histograms(f"singular_values/{layer['name']}")
        assert len(found) == len(lines), (layer["name"], len(found))
        for event, line in zip(found, lines):
            values, histogram = line["layers"][index]["singular_values"], event.histogram_value
            assert histogram.num == len(values) == sum(histogram.bucket), histogram
            assert close(histogram.sum, sum(values)) and close(histogram.max, max(values)), histogram
            assert close(histogram.sum_squares, sum(value * value for value in values)), histogram
            # The buckets hold what is below their edges and above the one before.
            below = 0
            for edge, count in zip(histogram.bucket_limit, histogram.bucket):
                below += count
                assert sum(value <= edge * (1 + 1e-5) + 1e-9 for value in values) >= below, (edge, values)
    expected = sorted(tag for tag in wanted) + ["images_per_second"]
    rest = set(tags["scalars"]) - set(expected) - {"compression/strength", "compression/predicted_size"}
    assert not rest, rest
    print(f"{len(lines)} epochs, {len(tags['scalars'])} scalars, {len(tags['histograms'])} histograms")


main()
