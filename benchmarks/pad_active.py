"""Suite ``pad-active``: does the challenge let honest clients through and keep attacks on its protocol out?

Every session is generated: an imagined person before an imagined camera, in numbers (see
:mod:`ekyc.liveness.active.simulated_client`). Detection of faces and of presentation attacks plays no part. What is
measured is the protocol: order, seals, windows of time, transitions, colours, repetition, one person.

``accepted.NAME`` counts attack sessions whose checks all passed; each attacker has the session's key. ``noticed.NAME``
counts those that ended FAILED, as an attack, not merely undecided. ``steered_clips`` has no target: an attacker who has a
clip for every step is stopped by the colours alone, and by nothing where the client cannot show them.
"""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING, Final

from ekyc.benchmarks.pad_attacks import ATTACKS, honest, steered_clips
from ekyc.liveness.active.simulated_client import InsecureSimulationWarning, NumbersObserver
from ekyc.outcomes import Outcome

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder
    from ekyc.benchmarks.runner import RunOptions

SESSIONS: Final = 1000
_QUICK: Final = 20

_Ending = tuple[Outcome, tuple[str, ...]]


def run(recorder: Recorder, options: RunOptions) -> None:
    """Generate sessions of every kind and count how they end."""
    count = _QUICK if options.quick else SESSIONS
    kinds = {"honest": honest, **ATTACKS, "steered_clips": steered_clips}
    endings: dict[str, Counter[_Ending]] = {name: Counter() for name in kinds}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureSimulationWarning)
        observer = NumbersObserver()
        for index in range(count):
            recorder.progress("sessions of each kind", index, count)
            for name, kind in kinds.items():
                report = kind(options.seed + index, observer)
                endings[name][report.outcome, report.reasons] += 1
    for name, found in endings.items():
        _record(recorder, name, found, count)
    recorder.must("passed.honest", at_least=0.99)
    for name in ATTACKS:
        recorder.must(f"accepted.{name}", at_most=0.0)


def _record(recorder: Recorder, name: str, endings: Counter[_Ending], count: int) -> None:
    labels = {"accepted": Outcome.PASSED, "noticed": Outcome.FAILED}
    if name == "honest":
        labels = {"passed": Outcome.PASSED, "taken_for_attack": Outcome.FAILED}
    for label, counted in labels.items():
        ended = sum(n for (outcome, _), n in endings.items() if outcome is counted)
        recorder.rate(f"{label}.{name}", ended, count)
    for (outcome, reasons), sessions in endings.most_common():
        recorder.observe(kind=name, outcome=outcome.value, reasons=list(reasons), sessions=sessions)
