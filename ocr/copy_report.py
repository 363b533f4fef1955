"""A self-contained page that shows a comparison to the officer who decides.

The verdict stands on top, then every difference with both pictures magnified, then fields, then whole pages with numbered
boxes. It loads nothing from anywhere and runs no script. It holds pictures and text of the papers: personal data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, StrictUndefined

import ekyc
from ekyc.imaging.encode import jpeg_uri
from ekyc.imaging.geometry import resize_long_side
from ekyc.imaging.registration import lay_over
from ekyc.ocr.copy_report_cards import DifferenceCard, difference_cards, field_label
from ekyc.outcomes import Outcome, Reason, reason_registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.ocr.compare import DocumentComparison
    from ekyc.ocr.copy_pages import PageComparison
    from ekyc.values import BgrImage

_PAGE_LONG_SIDE_PX: Final = 1300
_PAGE_QUALITY: Final = 72
_WORDS: Final = {
    Outcome.PASSED: (
        "Không thấy chỗ nào khác bản chính",
        "No difference from the original was found",
    ),
    Outcome.FAILED: ("Bản sao khác bản chính", "The copy differs from the original"),
    Outcome.INDETERMINATE: ("Cần cán bộ xem lại", "An officer has to look"),
}
_PAGE_WORDS: Final = {
    "COMPARED": ("đã đối chiếu", "compared"),
    "BLANK": ("trang trắng", "blank"),
    "MISSING": ("bản sao không có trang này", "missing from the copy"),
    "NOT_COMPARED": ("không đối chiếu được", "could not be compared"),
}
_FIELD_WORDS: Final = {
    "MATCHES": ("khớp", "matches"),
    "DIFFERS": ("khác", "differs"),
    "UNCLEAR": ("chưa rõ", "unclear"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """A numbered box on a page, in percent of its sides."""

    number: int
    tone: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    title: str
    words: tuple[str, str]
    tone: str
    original: str
    copy: str
    boxes: tuple[_Box, ...]
    notes: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    label: str
    value: str
    outcome: str
    words: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    outcome: str
    words: tuple[str, str]
    reasons: tuple[Reason, ...]
    cards: tuple[DifferenceCard, ...]
    hidden: int
    fields: tuple[_Field, ...]
    pages: tuple[_Page, ...]
    extra: tuple[tuple[int, str], ...]
    made_at: str
    version: str


def comparison_page(
    comparison: DocumentComparison,
    copies: Sequence[BgrImage],
    *,
    made_at: datetime | None = None,
) -> str:
    """The page as HTML.

    Args:
        comparison: what was found, with the original's pages as they were compared.
        copies: the copy's pages as they were given to :func:`ekyc.ocr.compare_copy`.
        made_at: shown at the foot; now, if None.
    """
    source = (resources.files("ekyc.ocr") / "comparison.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    check = comparison.checks[0]
    registry = reason_registry()
    cards, hidden = difference_cards(comparison, copies)
    shown = {
        *comparison.matching.extra,
        *comparison.matching.duplicates,
        *comparison.matching.blank,
    }
    view = _View(
        outcome=check.outcome.value,
        words=_WORDS[check.outcome],
        reasons=tuple(registry[code] for code in check.reasons),
        cards=cards,
        hidden=hidden,
        fields=_fields(comparison),
        pages=tuple(
            _page(index, page, comparison.originals[index], copies, cards)
            for index, page in enumerate(comparison.pages)
        ),
        extra=tuple((j + 1, _whole(copies[j])) for j in sorted(shown)),
        made_at=(made_at or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC"),
        version=ekyc.__version__,
    )
    return environment.from_string(source).render(view=view)


def _fields(comparison: DocumentComparison) -> tuple[_Field, ...]:
    """Differing fields first."""
    order = ("DIFFERS", "UNCLEAR", "MATCHES")
    fields = sorted(comparison.fields, key=lambda field: order.index(field.outcome.value))
    return tuple(
        _Field(
            label=field_label(comparison, field.field),
            value=field.original.reveal(),
            outcome=field.outcome.value,
            words=_FIELD_WORDS[field.outcome.value],
        )
        for field in fields
    )


def _page(
    index: int,
    page: PageComparison,
    original: BgrImage,
    copies: Sequence[BgrImage],
    cards: Sequence[DifferenceCard],
) -> _Page:
    copy = ""
    if page.registration is not None and page.copy_page is not None:
        copy = _whole(lay_over(original, copies[page.copy_page], page.registration))
    elif page.copy_page is not None:
        copy = _whole(copies[page.copy_page])
    title = f"Trang {index + 1}"
    if page.copy_page is not None:
        title += f" ↔ trang {page.copy_page + 1} của bản sao"
    if page.turned_deg:
        title += f", bị xoay {page.turned_deg}°"
    boxes = tuple(_box(card, original) for card in cards if card.page == index)
    tone = "ok" if page.status.value in {"COMPARED", "BLANK"} and not boxes else "open"
    if page.status.value == "MISSING" or any(box.tone == "no" for box in boxes):
        tone = "no"
    registry = reason_registry()
    return _Page(
        title=title,
        words=_PAGE_WORDS[page.status.value],
        tone=tone,
        original=_whole(original),
        copy=copy,
        boxes=boxes,
        notes=tuple(registry[code] for code in page.reasons),
    )


def _box(card: DifferenceCard, page: BgrImage) -> _Box:
    height, width = page.shape[:2]
    box = card.box
    return _Box(
        number=card.number,
        tone=card.tone,
        left=round(100 * box.left / width, 2),
        top=round(100 * box.top / height, 2),
        width=round(100 * box.width / width, 2),
        height=round(100 * box.height / height, 2),
    )


def _whole(page: BgrImage) -> str:
    long_side = min(max(page.shape[:2]), _PAGE_LONG_SIDE_PX)
    return jpeg_uri(resize_long_side(page, long_side), quality=_PAGE_QUALITY)
