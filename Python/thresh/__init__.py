"""Makes networks of images smaller and faster, and proves that they compute what the plan says.

    import thresh
    small, report = thresh.compress(model, train_loader, macs=0.5, epochs=8)

Everything is done by the program `thresh`, which comes with this package and is on the path as well.
"""

from thresh.compression import Plan, Report, compress, plan, verify
from thresh.program import ThreshError, run

__all__ = ["Plan", "Report", "ThreshError", "compress", "plan", "run", "verify"]
