"""Both sides of an identity card: printed fields, machine readable zone, QR code, and what they say of each other.

1. Each side is found on its ground, looked at straight and turned upright where its outline is clear
   (:mod:`ekyc.ocr.card_sides`), then read line by line; the title decides which card it is.
2. Fields stand behind or below their labels (:mod:`ekyc.ocr.fields`); what a misread label left of itself in front of
   them is cut off (:mod:`ekyc.ocr.card_values`).
3. The zone and the QR code are looked for on both sides.
4. Faults of the pictures are named (:mod:`ekyc.ocr.card_capture`). A field that every card of the kind has must be
   there: what is covered is missing, or says less than zone or code.
5. Print, zone and QR code are held against each other. All three are paper: agreement proves nothing about the
   card's origin, only contradiction means something. The chip decides (:mod:`ekyc.ocr.cross_check`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ekyc.imaging.barcode import read_qr_texts
from ekyc.mrz import strip_diacritics
from ekyc.ocr.card_capture import capture_faults
from ekyc.ocr.card_facts import (
    SURE,
    CardFacts,
    Verdict,
    compare,
    facts_of_mrz,
    facts_of_print,
    facts_of_qr,
)
from ekyc.ocr.card_sides import CardSide, read_side
from ekyc.ocr.card_values import without_remains
from ekyc.ocr.fields import ReadField, read_fields
from ekyc.ocr.id_number import parse_personal_number
from ekyc.ocr.labels import best_match, fold
from ekyc.ocr.mrz_reader import MrzReading, read_mrz
from ekyc.ocr.qr import CardQr, find_card_qr
from ekyc.ocr.templates import Template, choose_template, load_templates
from ekyc.outcomes import Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.mrz import Mrz
    from ekyc.ocr.reading import PageReading, Reader
    from ekyc.values import BgrImage


_MANDATORY: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = MappingProxyType(
    {
        "cccd-2021": (
            (
                "personal_number",
                "full_name",
                "birth_date",
                "sex",
                "nationality",
                "origin",
                "residence",
                "expiry_date",
            ),
            ("issue_date",),
        ),
        "can-cuoc-2024": (
            ("personal_number", "full_name", "birth_date", "sex", "nationality"),
            ("residence", "birth_place", "issue_date", "expiry_date"),
        ),
    }
)
"""Fields that every card of the kind has, on its front and on its back."""

_TEXTS: Final[Mapping[str, int]] = MappingProxyType({"origin": 6, "residence": 6, "birth_place": 6})
"""Letters that a text must have to count as there; shorter ones are what a finger left of it."""

_NATIONALITY: Final = ("vietnam", 2)
"""What every card of a citizen says, and how many of its letters may be misread: else a remnant of the label counts."""

_LEAST_SHARE: Final = 0.8
"""Share of the code's address that print must show."""


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
    """The front, and the back if there is one, in pixels of ``sides``."""
    sides: tuple[CardSide, ...] = ()
    """The sides as they were read: found, straightened, upright."""

    def field(self, name: str) -> ReadField | None:
        """The field of that name, if it was read."""
        return next((field for field in self.fields if field.name == name), None)

    @property
    def printed(self) -> CardFacts:
        """The printed fields in the form that is compared."""
        return facts_of_print(self.fields)

    @property
    def sources(self) -> tuple[CardFacts, ...]:
        """What each source on the card says: print, and zone and code where they were read."""
        decoded = [] if self.mrz is None else [facts_of_mrz(self.mrz)]
        decoded += [] if self.qr is None else [facts_of_qr(self.qr)]
        return (self.printed, *decoded)


def read_card(front: BgrImage, back: BgrImage | None, reader: Reader) -> CardReading:
    """Read a card.

    Args:
        front: picture of the front, any way up, on any ground.
        back: picture of the back, or None.
        reader: reads pages.

    Raises:
        ModelError: a model's output contradicts its registry entry.
        BusyError: a model's queue is full.
    """
    started = time.perf_counter()
    sides = tuple(read_side(side, reader) for side in (front, back) if side is not None)
    pages = tuple(side.page for side in sides)
    template = choose_template(pages, load_templates("cards"))
    fields = _fields(pages, template or load_templates("cards")[0])
    printed = facts_of_print(fields)
    zone = _zone(pages)
    qr = _code([side.image for side in sides], [front] if back is None else [front, back])
    decoded = [] if zone.mrz is None else [facts_of_mrz(zone.mrz)]
    decoded += [] if qr is None else [facts_of_qr(qr)]
    faults, measurements = capture_faults(sides[0], sides[1] if back is not None else None)
    reasons, subjects = _reading_reason(sides, template, printed, decoded)
    reasons = tuple(dict.fromkeys((*reasons, *faults)))
    read = Check(
        id="card.read",
        outcome=Outcome.INDETERMINATE if reasons else Outcome.PASSED,
        reasons=reasons,
        subjects=subjects,
        measurements=measurements,
        duration_ms=(time.perf_counter() - started) * 1000,
    )
    return CardReading(
        kind=template.id if template else "unknown",
        fields=fields,
        mrz=zone.mrz,
        qr=qr,
        checks=(read, _check_mrz(zone, printed, has_back=back is not None), _check_qr(qr, printed)),
        pages=pages,
        sides=sides,
    )


def _fields(pages: tuple[PageReading, ...], template: Template) -> tuple[ReadField, ...]:
    """Fields of all sides; of a field found twice the first."""
    found: dict[str, ReadField] = {}
    for index, page in enumerate(pages):
        for field in read_fields(page, template.fields, index=index):
            found.setdefault(field.name, without_remains(field))
    return tuple(found.values())


def _code(sides: Sequence[BgrImage], pictures: Sequence[BgrImage]) -> CardQr | None:
    """The code of a straightened side, else of a picture as it was submitted: its own pixels are sharper."""
    straightened = find_card_qr(text for image in sides for text in read_qr_texts(image))
    if straightened is not None:
        return straightened
    return find_card_qr(text for image in pictures for text in read_qr_texts(image))


def _zone(pages: tuple[PageReading, ...]) -> MrzReading:
    reading = MrzReading(reason="card.mrz_missing")
    for page in reversed(pages):
        candidate = read_mrz([line.text for line in page.lines])
        if candidate.mrz is not None:
            return candidate
        if candidate.reason == "card.mrz_check_digit":
            reading = candidate
    return reading


def _reading_reason(
    sides: Sequence[CardSide],
    template: Template | None,
    printed: CardFacts,
    decoded: Sequence[CardFacts],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Why the card does not count as read, and the fields that the reason is about; both empty where it does."""
    if not any(side.page.lines for side in sides):
        return ("card.no_text",), ()
    if template is None:
        return ("card.unknown_kind",), ()
    names = [name for fields in _MANDATORY[template.id][: len(sides)] for name in fields]
    number = ("personal_number",) if _number_contradicts(printed) else ()
    questions = (
        ("card.field_missing", tuple(name for name in names if not _is_there(name, printed))),
        (
            "card.low_confidence",
            tuple(name for name in template.required if _is_unsure(name, printed, decoded)),
        ),
        ("card.number_contradicts", number),
        ("card.sources_disagree", _disagreeing(printed, decoded)),
    )
    return next((((reason,), fields) for reason, fields in questions if fields), ((), ()))


def _is_there(name: str, printed: CardFacts) -> bool:
    """Whether a field has a value of its form; of a text that is at least a few letters."""
    fact = printed.get(name)
    if fact is None:
        return False
    if name == "nationality":
        wanted, misread = _NATIONALITY
        return best_match(wanted, fold(fact.value.reveal()).letters, misread) is not None
    if name not in _TEXTS:
        return True
    letters = [char for char in fact.value.reveal() if char.isalpha()]
    return len(letters) >= _TEXTS[name]


def _disagreeing(printed: CardFacts, decoded: Sequence[CardFacts]) -> tuple[str, ...]:
    """Fields whose print says something else than zone or code, or so much less that a part must be covered."""
    names = [
        name
        for name in ("full_name", "sex")
        if any(compare(name, printed, other) is Verdict.DIFFERS for other in decoded)
    ]
    here = printed.get("residence")
    there = next((fact for other in decoded if (fact := other.get("residence"))), None)
    if here is not None and there is not None:
        wanted = _LEAST_SHARE * _letter_count(there.value.reveal())
        names += ["residence"] if _letter_count(here.value.reveal()) < wanted else []
    return tuple(names)


def _letter_count(text: str) -> int:
    return sum(char.isalnum() for char in strip_diacritics(text))


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
