"""Outcomes of checks and the published registry of reason codes.

A security verdict is never a bare bool. A check has one of four outcomes and carries the reasons for it.
``INDETERMINATE`` and ``NOT_PERFORMED`` count neither for nor against a person: they can never lead to *accept*,
and never to *reject*.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from ekyc.errors import InputError


class Outcome(StrEnum):
    """What a check found."""

    PASSED = "PASSED"
    """The question was asked of sufficient evidence and the answer is yes."""
    FAILED = "FAILED"
    """The question was asked of sufficient evidence and the answer is no."""
    INDETERMINATE = "INDETERMINATE"
    """The question was asked, but the evidence does not decide it."""
    NOT_PERFORMED = "NOT_PERFORMED"
    """The question was not asked: evidence, model or permission is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """An entry of the reason registry (``ekyc/data/reasons/*.toml``)."""

    code: str
    """Stable identifier, ``<family>.<what>``, lower case."""
    vi: str
    """Text for citizens and officers, Vietnamese."""
    en: str
    """The same in English."""
    retryable: bool
    """Whether the person can mend it by trying again, e.g. taking a better photograph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A number that a check looked at, with its unit and the threshold that it was held against."""

    name: str
    value: float
    unit: str = ""
    threshold: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One named question and what was found.

    ``id`` is stable and dotted, e.g. ``chip.signature``. ``reasons`` are registry codes, empty only for a plain
    PASSED. ``subjects`` name what the reasons are about (a data group, a field, a page) and hold no personal data.
    """

    id: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    duration_ms: float = 0.0

    def __post_init__(self) -> None:
        known = reason_registry()
        for code in self.reasons:
            if code not in known:
                raise InputError(f"unknown reason code {code!r}", code="reason.unknown")
        if self.outcome is not Outcome.PASSED and not self.reasons:
            raise InputError(
                f"check {self.id!r} is {self.outcome} without a reason",
                code="reason.missing",
            )


def check_as_json(check: Check) -> dict[str, Any]:
    """The one JSON form of a check, used by every command, report and API response."""
    return {
        "id": check.id,
        "outcome": check.outcome.value,
        "reasons": list(check.reasons),
        "subjects": list(check.subjects),
        "measurements": [
            {"name": m.name, "value": m.value, "unit": m.unit, "threshold": m.threshold}
            for m in check.measurements
        ],
        "duration_ms": round(check.duration_ms, 3),
    }


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Combine outcomes: any FAILED, else any INDETERMINATE, else any NOT_PERFORMED, else PASSED.

    Nothing at all is NOT_PERFORMED, so that an empty set never passes.
    """
    found = set(outcomes)
    for outcome in (Outcome.FAILED, Outcome.INDETERMINATE, Outcome.NOT_PERFORMED):
        if outcome in found:
            return outcome
    return Outcome.PASSED if found else Outcome.NOT_PERFORMED


@cache
def reason_registry() -> Mapping[str, Reason]:
    """All reasons by code, read once from ``ekyc/data/reasons/*.toml``."""
    registry: dict[str, Reason] = {}
    folder = resources.files("ekyc.data.reasons")
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if not file.name.endswith(".toml"):
            continue
        for code, entry in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if code in registry:
                raise InputError(f"reason {code!r} stands twice", subject=file.name)
            registry[code] = Reason(
                code=code,
                vi=entry["vi"],
                en=entry["en"],
                retryable=entry["retryable"],
            )
    return MappingProxyType(registry)


@cache
def _check_titles() -> Mapping[str, Mapping[str, str]]:
    text = (resources.files("ekyc.data") / "checks.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


def check_title(check_id: str, language: str = "en") -> str:
    """What a check asks, in ``"vi"`` or ``"en"``; the id itself for a check without a title."""
    titles = _check_titles().get(check_id)
    return check_id if titles is None else titles["vi" if language == "vi" else "en"]


def describe_reason(code: str, language: str = "en") -> str:
    """Text of a reason in ``"vi"`` or ``"en"``.

    Raises:
        InputError: the code is not in the registry.
    """
    try:
        reason = reason_registry()[code]
    except KeyError as exc:
        raise InputError(f"unknown reason code {code!r}", code="reason.unknown") from exc
    return reason.vi if language == "vi" else reason.en
