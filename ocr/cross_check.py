"""The card against its chip: print, zone and QR code, field by field.

The chip's statements are signed, the card's are ink. So the chip is right, and the question is whether the card that
was photographed is the card whose chip was read:

1. Each source's statement on each field gets a verdict: EQUAL, DIACRITICS_DIFFER, DIFFERS, UNREADABLE or ABSENT.
2. A critical field (number, name, date of birth, sex, expiry) that DIFFERS in any source → FAILED.
3. Otherwise a critical field that differs in diacritics only, or is unreadable → INDETERMINATE.
4. Number, name and date of birth must be EQUAL in print; otherwise INDETERMINATE.
5. Addresses are shown and decide nothing: chips shorten them, and people move.

What stays with the caller: whether the chip itself was authentic.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from ekyc.ocr.card_facts import (
    CardFacts,
    Source,
    Verdict,
    compare,
    facts_of_mrz,
    facts_of_qr,
    facts_of_values,
)
from ekyc.outcomes import Check, Measurement, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.chip import ChipIdentity
    from ekyc.ocr.cards import CardReading
    from ekyc.values import Redacted

_CRITICAL = ("personal_number", "full_name", "birth_date", "sex", "expiry_date")
_REQUIRED = ("personal_number", "full_name", "birth_date")
_SHOWN = ("nationality", "residence", "origin")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMatch:
    """One field of one source against the chip."""

    field: str
    source: Source
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldComparison:
    """What two sources say about one field."""

    field: str
    one: Source
    other: Source
    verdict: Verdict


def compare_sources(sources: Sequence[CardFacts]) -> tuple[FieldComparison, ...]:
    """Every field between every two of the sources, as long as one of the two states it."""
    return tuple(
        FieldComparison(
            field=name, one=one.source, other=other.source, verdict=compare(name, one, other)
        )
        for name in (*_CRITICAL, *_SHOWN)
        for one, other in combinations(sources, 2)
        if one.get(name) is not None or other.get(name) is not None
    )


def match_card(reading: CardReading, chip: CardFacts) -> tuple[FieldMatch, ...]:
    """Verdicts of all sources on all fields that the chip states."""
    sources = [reading.printed]
    if reading.mrz is not None:
        sources.append(facts_of_mrz(reading.mrz))
    if reading.qr is not None:
        sources.append(facts_of_qr(reading.qr))
    return tuple(
        FieldMatch(field=name, source=facts.source, verdict=compare(name, facts, chip))
        for facts in sources
        for name in (*_CRITICAL, *_SHOWN)
        if chip.get(name) is not None
    )


def cross_check_card(reading: CardReading, chip_identity: ChipIdentity) -> tuple[Check, ...]:
    """Check ``card.matches_chip``."""
    return (judge(match_card(reading, chip_facts(chip_identity))),)


def judge(matches: tuple[FieldMatch, ...]) -> Check:
    """Steps 2 to 4: one check from all verdicts. ``subjects`` name source and field, e.g. ``print.full_name``."""
    critical = [match for match in matches if match.field in _CRITICAL]
    equal_in_print = {
        match.field
        for match in critical
        if match.source is Source.PRINT and match.verdict is Verdict.EQUAL
    }
    differing = _named(critical, Verdict.DIFFERS)
    diacritics = _named(critical, Verdict.DIACRITICS_DIFFER)
    unreadable = _named(critical, Verdict.UNREADABLE)
    unproven = tuple(f"print.{name}" for name in _REQUIRED if name not in equal_in_print)
    outcome, reasons = Outcome.PASSED, list[str]()
    if differing:
        outcome, reasons = Outcome.FAILED, ["card.differs_from_chip"]
    elif diacritics or unreadable or unproven:
        outcome = Outcome.INDETERMINATE
        reasons = ["card.diacritics_differ_from_chip"] if diacritics else []
        if unreadable or set(unproven) - set(diacritics):
            reasons.append("card.not_comparable")
    subjects = differing or tuple(dict.fromkeys((*diacritics, *unreadable, *unproven)))
    equal = sum(match.verdict is Verdict.EQUAL for match in matches)
    return Check(
        id="card.matches_chip",
        outcome=outcome,
        reasons=tuple(reasons),
        subjects=() if outcome is Outcome.PASSED else subjects,
        measurements=(Measurement(name="equal_statements", value=float(equal)),),
    )


def _named(matches: list[FieldMatch], verdict: Verdict) -> tuple[str, ...]:
    return tuple(f"{m.source.value}.{m.field}" for m in matches if m.verdict is verdict)


def chip_facts(identity: ChipIdentity) -> CardFacts:
    """The chip's statements in the form that is compared."""
    texts = {
        "nationality": identity.nationality,
        "residence": identity.place_of_residence,
        "origin": identity.place_of_origin,
    }
    name = _text(identity.full_name)
    # Only DG13 states the day of issue; without DG13 the name comes from the zone in DG1.
    from_zone = identity.issue_date is None and name.isascii()
    return facts_of_values(
        Source.CHIP,
        personal_number=_text(identity.personal_number),
        full_name=name,
        birth_date=identity.birth_date.reveal() if identity.birth_date else None,
        expiry_date=identity.expiry_date.reveal() if identity.expiry_date else None,
        sex=_text(identity.sex),
        texts={field: _text(value) for field, value in texts.items()},
        stripped_name=from_zone,
    )


def _text(value: Redacted[str] | None) -> str:
    return value.reveal() if value is not None else ""
