"""ONNX's own tests of its operators as networks of images: what Thresh reads, and whether it computes the same.

Thresh reads each network (node_tests.py) and writes it again; onnxruntime runs both files. What they give is compared
with the outputs that come with the test, and with each other on more images. Prints a row for each operator.

    .venv/bin/python Tests/Interop/corpus.py [OPERATOR …]
"""

import collections
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnx
import onnxruntime
from node_tests import Form, forms, load, operator
from onnx.reference import ReferenceEvaluator

ROOT = Path(__file__).resolve().parent.parent.parent
THRESH = os.environ.get("THRESH", str(ROOT / ".build/release/thresh"))


def runner(model: onnx.ModelProto):
    """A function of images by onnxruntime, or by ONNX's own reference where the opset is too new for it."""
    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception:
        session = ReferenceEvaluator(model)
    return lambda images: session.run(None, {"images": images})


def same(found: list, wanted: list, tolerance: float = 1e-4) -> bool:
    """Whether all values agree, relative to the largest of each; axes of one element may differ."""
    for a, b in zip(found, wanted):
        a, b = numpy.asarray(a, numpy.float64), numpy.asarray(b, numpy.float64)
        if a.size != b.size:
            return False
        a, finite = a.reshape(b.shape), numpy.isfinite(b)
        scale = numpy.abs(b[finite]).max(initial=1e-3)
        if not numpy.array_equal(a[~finite], b[~finite], equal_nan=True):
            return False
        if not numpy.allclose(a[finite], b[finite], rtol=0, atol=tolerance * scale):
            return False
    return len(found) == len(wanted)


def mixes(form: Form, run) -> bool:
    """Whether an image's outputs depend on the images beside it, or do not come first in the batch."""
    images = form.more()
    try:
        whole = run(images)
        if any(len(value) != len(images) for value in whole):
            return True
        each = [run(images[index : index + 1]) for index in range(len(images))]
    except Exception:
        return True
    return not same([numpy.concatenate(rows) for rows in zip(*each)], whole)


def outcome(form: Form, folder: Path) -> tuple[str, str]:
    """What becomes of a network: passed, refused, WRONG, or left out; and why."""
    try:
        run = runner(form.model)
        computed = run(form.images)
        # Some tests give their outputs with four digits.
        if not same(computed, form.wanted, 1e-3):
            return "left out", "the test itself fails"
    except Exception as error:
        return "left out", str(error).splitlines()[0]
    file, again = folder / "test.onnx", folder / "again.onnx"
    onnx.save(form.model, file)
    words = [THRESH, "export", file, "--to", "onnx", "--output", again]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode < 0:
        return "WRONG", f"ended by signal {-done.returncode}"
    if done.returncode != 0:
        return "left out" if mixes(form, run) else "refused", done.stderr.strip().splitlines()[-1]
    rewritten = runner(onnx.load(again))
    if not same(rewritten(form.images), computed):
        return "WRONG", "differs from the test's outputs"
    try:
        wanted = run(form.more())
    except Exception:
        # The test's batch is written into it.
        return "passed", ""
    return ("passed", "") if same(rewritten(form.more()), wanted) else ("WRONG", "differs on more images")


def reason(sentence: str) -> str:
    """A refusal without the names of file and node."""
    return re.sub(r"^.*?cannot be read: ", "", re.sub(r" \([^)]*\)", "", sentence, count=1)).strip()


def main() -> None:
    rows, reasons = collections.defaultdict(collections.Counter), collections.defaultdict(set)
    with tempfile.TemporaryDirectory() as folder:
        for case in load():
            if sys.argv[1:] and operator(case) not in sys.argv[1:]:
                continue
            # A test counts as read in whichever form it is, and as wrong in whichever it is.
            found = [outcome(form, Path(folder)) for form in forms(case)]
            kinds = [kind for kind, _ in found]
            if not kinds or set(kinds) == {"left out"}:
                continue
            kind = next(kind for kind in ("WRONG", "passed", "refused") if kind in kinds)
            rows[operator(case)][kind] += 1
            if kind != "passed":
                reasons[operator(case)] |= {reason(why) for k, why in found if k == kind}
    print("| operator | tests | passed | refused | WRONG | why |\n|---|---:|---:|---:|---:|---|")
    for name, counts in [*sorted(rows.items()), ("all", sum(rows.values(), collections.Counter()))]:
        figures = [counts.total(), *(counts[kind] or "" for kind in ("passed", "refused", "WRONG"))]
        print(f"| {name} | " + " | ".join(map(str, figures)) + f" | {'; '.join(sorted(reasons[name]))} |", flush=True)


if __name__ == "__main__":
    main()
