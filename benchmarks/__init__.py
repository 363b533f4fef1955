"""The auditors' suites behind ``ekyc bench``: measured figures with their spread, and everything to recompute them.

A suite is a function that is given a :class:`~ekyc.benchmarks.recorder.Recorder`; :mod:`.suites` lists them. A
result names the code's commit, the seed, the models by hash and the machine, and carries the raw observations.
"""

from ekyc.benchmarks.recorder import Metric, Recorder, RunOptions
from ekyc.benchmarks.runner import run_suite
from ekyc.benchmarks.suites import SUITES, Suite

__all__ = ["SUITES", "Metric", "Recorder", "RunOptions", "Suite", "run_suite"]
