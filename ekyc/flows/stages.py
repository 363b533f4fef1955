"""Run one stage of a verification: timed, reported, and never able to take the worker down."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

from ekyc.errors import EkycError, place_of
from ekyc.outcomes import Check, Outcome

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Stage(StrEnum):
    """The stages of a verification, in the order in which they are reported."""

    INTAKE = "intake"
    CHIP = "chip"
    CARD = "card"
    DOCUMENTS = "documents"
    FACE = "face"
    LIVENESS = "liveness"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFinished:
    """Progress event: a stage ended and these checks came out of it."""

    stage: Stage
    duration_ms: float
    checks: tuple[Check, ...]


Progress = Callable[[StageFinished], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult(Generic[_T]):
    """What a stage found: the room's own value, if it got that far, and its checks."""

    value: _T | None
    checks: tuple[Check, ...]


def not_performed(check_ids: tuple[str, ...], reason: str) -> tuple[Check, ...]:
    """Checks that were not asked, all for one reason."""
    return tuple(
        Check(id=check_id, outcome=Outcome.NOT_PERFORMED, reasons=(reason,))
        for check_id in check_ids
    )


def undecided(check_ids: tuple[str, ...], reason: str) -> tuple[Check, ...]:
    """Checks that were asked and not decided, all for one reason."""
    return tuple(
        Check(id=check_id, outcome=Outcome.INDETERMINATE, reasons=(reason,))
        for check_id in check_ids
    )


def run_stage(
    stage: Stage,
    check_ids: tuple[str, ...],
    work: Callable[[], StageResult[_T]],
    progress: Progress | None,
) -> StageResult[_T]:
    """Run ``work``; time it; turn an unforeseen exception into INDETERMINATE checks.

    A typed error (:class:`~ekyc.errors.EkycError`) passes through: it names the caller's file, a model or a full
    queue. Anything else is our own fault; the log gets its type and place, never its text, which might repeat
    personal data.
    """
    started = time.perf_counter()
    try:
        result = work()
    except EkycError:
        raise
    except Exception as exc:  # noqa: BLE001  # the worker must live, whatever a room does
        _log.error("stage %s failed: %s at %s", stage, type(exc).__name__, place_of(exc))
        result = StageResult(value=None, checks=undecided(check_ids, "case.check_error"))
    elapsed_ms = (time.perf_counter() - started) * 1000
    result = replace(result, checks=_with_durations(result.checks, elapsed_ms))
    if progress is not None:
        progress(StageFinished(stage=stage, duration_ms=elapsed_ms, checks=result.checks))
    return result


def _with_durations(checks: tuple[Check, ...], elapsed_ms: float) -> tuple[Check, ...]:
    """Give the time that no check claimed for itself to the first that was asked and claims none."""
    unclaimed_ms = max(0.0, elapsed_ms - sum(check.duration_ms for check in checks))
    for i, check in enumerate(checks):
        if check.duration_ms == 0.0 and check.outcome is not Outcome.NOT_PERFORMED:
            return (*checks[:i], replace(check, duration_ms=unclaimed_ms), *checks[i + 1 :])
    return checks
