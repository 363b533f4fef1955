"""Both sides of an identity card: printed fields, machine readable zone, QR code, and what they say of each other.

1. Both sides are read line by line; the title decides which card it is.
2. Fields stand behind or below their labels (:mod:`ekyc.ocr.fields`).
3. The zone and the QR code are looked for on both sides.
4. Print, zone and QR code are held against each other. All three are paper: agreement proves nothing about the
   card's origin, only contradiction means something. The chip decides (:mod:`ekyc.ocr.cross_check`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ekyc.imaging.barcode import read_qr_texts
from ekyc.ocr.card_facts import (
    SURE,
    CardFacts,
    Verdict,
    compare,
    facts_of_mrz,
    facts_of_print,
    facts_of_qr,
)
from ekyc.ocr.detect import LONG_SIDE_CARD
from ekyc.ocr.fields import ReadField, read_fields
from ekyc.ocr.id_number import parse_personal_number
from ekyc.ocr.mrz_reader import MrzReading, read_mrz
from ekyc.ocr.qr import CardQr, find_card_qr
from ekyc.ocr.templates import Template, choose_template, load_templates
from ekyc.outcomes import Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.mrz import Mrz
    from ekyc.ocr.reading import PageReading, Reader
    from ekyc.values import BgrImage


@dataclass(frozen=True, slots=True, kw_only=True)
class CardReading:
    """What a card's two sides say. Untrusted: nothing here is signed."""

    kind: str
    """``cccd-2021``, ``can-cuoc-2024`` or ``unknown``."""
    fields: tuple[ReadField, ...]
    mrz: Mrz | None
    qr: CardQr | None
    checks: tuple[Check, ...]
    """``card.read``, ``card.mrz`` and ``card.qr``."""
    pages: tuple[PageReading, ...]
    """The front, and the back if there is one."""

    def field(self, name: str) -> ReadField | None:
        """The field of that name, if it was read."""
        return next((field for field in self.fields if field.name == name), None)

    @property
    def printed(self) -> CardFacts:
        """The printed fields in the form that is compared."""
        return facts_of_print(self.fields)


def read_card(front: BgrImage, back: BgrImage | None, reader: Reader) -> CardReading:
    """Read a card.

    Args:
        front: picture of the front, upright, the card filling most of it.
        back: picture of the back, or None.
        reader: reads pages.

    Raises:
        ModelError: a model's output contradicts its registry entry.
        BusyError: a model's queue is full.
    """
    started = time.perf_counter()
    sides = (front,) if back is None else (front, back)
    pages = tuple(reader.read_page(side, long_side=LONG_SIDE_CARD) for side in sides)
    template = choose_template(pages, load_templates("cards"))
    fields = _fields(pages, template or load_templates("cards")[0])
    printed = facts_of_print(fields)
    read_ms = (time.perf_counter() - started) * 1000
    zone = _zone(pages)
    qr = find_card_qr(text for side in sides for text in read_qr_texts(side))
    decoded = [] if zone.mrz is None else [facts_of_mrz(zone.mrz)]
    decoded += [] if qr is None else [facts_of_qr(qr)]
    checks = (
        _check_read(pages, template, printed, decoded, read_ms),
        _check_mrz(zone, printed, has_back=back is not None),
        _check_qr(qr, printed),
    )
    return CardReading(
        kind=template.id if template else "unknown",
        fields=fields,
        mrz=zone.mrz,
        qr=qr,
        checks=checks,
        pages=pages,
    )


def _fields(pages: tuple[PageReading, ...], template: Template) -> tuple[ReadField, ...]:
    """Fields of all sides; of a field found twice the first."""
    found: dict[str, ReadField] = {}
    for index, page in enumerate(pages):
        for field in read_fields(page, template.fields, index=index):
            found.setdefault(field.name, field)
    return tuple(found.values())


def _zone(pages: tuple[PageReading, ...]) -> MrzReading:
    reading = MrzReading(reason="card.mrz_missing")
    for page in reversed(pages):
        candidate = read_mrz([line.text for line in page.lines])
        if candidate.mrz is not None:
            return candidate
        if candidate.reason == "card.mrz_check_digit":
            reading = candidate
    return reading


def _check_read(
    pages: tuple[PageReading, ...],
    template: Template | None,
    printed: CardFacts,
    decoded: Sequence[CardFacts],
    duration_ms: float,
) -> Check:
    """``card.read``: the card is of a known kind, required fields are there, certain, and do not contradict."""
    reason, subjects = "", list[str]()
    if not any(page.lines for page in pages):
        reason = "card.no_text"
    elif template is None:
        reason = "card.unknown_kind"
    elif subjects := [name for name in template.required if printed.get(name) is None]:
        reason = "card.field_missing"
    elif subjects := [name for name in template.required if _is_unsure(name, printed, decoded)]:
        reason = "card.low_confidence"
    elif _number_contradicts(printed):
        reason, subjects = "card.number_contradicts", ["personal_number"]
    return Check(
        id="card.read",
        outcome=Outcome.INDETERMINATE if reason else Outcome.PASSED,
        reasons=(reason,) if reason else (),
        subjects=tuple(subjects),
        duration_ms=duration_ms,
    )


def _is_unsure(name: str, printed: CardFacts, decoded: Sequence[CardFacts]) -> bool:
    """Whether a field was read with little certainty and neither zone nor QR code says the same."""
    fact = printed.get(name)
    if fact is None or fact.confidence >= SURE:
        return False
    return all(compare(name, printed, other) is not Verdict.EQUAL for other in decoded)


def _number_contradicts(printed: CardFacts) -> bool:
    """Whether the personal number states another year or sex than the printed fields."""
    fact, born, sex = (printed.get(name) for name in ("personal_number", "birth_date", "sex"))
    if fact is None:
        return False
    number = parse_personal_number(fact.value.reveal())
    other_year = born is not None and born.value.reveal()[:4] != f"{number.birth_year:04d}"
    return other_year or (sex is not None and sex.value.reveal() != number.sex)


def _check_mrz(zone: MrzReading, printed: CardFacts, *, has_back: bool) -> Check:
    """``card.mrz``: the zone's check digits hold and it says what is printed."""
    if zone.mrz is None:
        absent = not has_back and zone.reason == "card.mrz_missing"
        return Check(
            id="card.mrz",
            outcome=Outcome.NOT_PERFORMED if absent else Outcome.INDETERMINATE,
            reasons=("card.back_missing" if absent else zone.reason,),
        )
    return _contradiction("card.mrz", "card.mrz_contradicts_print", printed, facts_of_mrz(zone.mrz))


def _check_qr(qr: CardQr | None, printed: CardFacts) -> Check:
    """``card.qr``: the code is a card's and says what is printed."""
    if qr is None:
        return Check(id="card.qr", outcome=Outcome.INDETERMINATE, reasons=("card.qr_missing",))
    return _contradiction("card.qr", "card.qr_contradicts_print", printed, facts_of_qr(qr))


def _contradiction(check_id: str, reason: str, printed: CardFacts, other: CardFacts) -> Check:
    """FAILED when a certain printed character says something else, INDETERMINATE when an uncertain one does."""
    verdicts = {
        name: compare(name, printed, other)
        for name in ("personal_number", "birth_date", "expiry_date")
    }
    differing = tuple(name for name, verdict in verdicts.items() if verdict is Verdict.DIFFERS)
    if differing:
        return Check(id=check_id, outcome=Outcome.FAILED, reasons=(reason,), subjects=differing)
    unsure = tuple(name for name, verdict in verdicts.items() if verdict is Verdict.UNREADABLE)
    if unsure:
        return Check(
            id=check_id,
            outcome=Outcome.INDETERMINATE,
            reasons=("card.low_confidence",),
            subjects=unsure,
        )
    return Check(id=check_id, outcome=Outcome.PASSED)
