"""The differences of a comparison as an officer sees them: one card a line, region, stamp or signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ekyc.imaging.effects import quad_of
from ekyc.imaging.encode import jpeg_uri
from ekyc.imaging.geometry import warp_quad
from ekyc.imaging.marks import MarkKind, Presence
from ekyc.imaging.registration import lay_over
from ekyc.imaging.text_regions import grow_quad, quad_size
from ekyc.ocr.alignment import DifferenceClass, text_differences
from ekyc.ocr.copy_lines import CopyDifference, DifferenceScope, DifferenceStatus
from ekyc.ocr.templates import load_templates
from ekyc.values import BoxPx, PointPx, QuadPx

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ekyc.imaging.registration import Registration
    from ekyc.ocr.compare import DocumentComparison
    from ekyc.values import BgrImage

MAX_CARDS: Final = 40
_ZOOM_PX: Final = 120
_ZOOM_WIDTH_PX: Final = 560
_LINE_PX: Final = 44
_REGION_PX: Final = 300
_ROOM: Final = 1.2
"""Shown before and behind a difference, in heights of the line."""
_ABOVE: Final = 0.3
_ASPECT: Final = 6.4
"""Least width of what is shown, in heights of the line, so that cards look alike."""
_MAX_ASPECT: Final = 14.0

_KIND_WORDS: Final = {
    DifferenceClass.DIGIT: ("Chữ số khác", "digit differs"),
    DifferenceClass.LETTER: ("Chữ cái khác", "letter differs"),
    DifferenceClass.DIACRITIC: ("Dấu khác", "diacritic differs"),
    DifferenceClass.PUNCTUATION: ("Dấu câu, khoảng trắng hoặc chữ hoa khác", "punctuation differs"),
    DifferenceClass.MISSING: ("Thiếu chữ", "text missing"),
    DifferenceClass.ADDED: ("Thêm chữ", "text added"),
    DifferenceClass.MOVED: ("Dòng chữ nằm ở chỗ khác", "line moved"),
    DifferenceClass.CUT_OFF: ("Ảnh bản sao cắt mất chỗ này", "cut off in the copy's picture"),
}
_PICTURE_WORDS: Final = ("Hình ảnh khác nhau", "pictures differ")
_LINE_WORDS: Final = {
    DifferenceClass.MISSING: ("Mất cả dòng", "line missing"),
    DifferenceClass.ADDED: ("Thêm dòng", "line added"),
}
_MARK_WORDS: Final = {
    (MarkKind.STAMP, Presence.ABSENT): ("Mất con dấu", "stamp absent"),
    (MarkKind.STAMP, Presence.UNCLEAR): ("Con dấu không rõ", "stamp unclear"),
    (MarkKind.PEN, Presence.ABSENT): ("Mất chữ ký", "signature absent"),
    (MarkKind.PEN, Presence.UNCLEAR): ("Chữ ký không rõ", "signature unclear"),
}
_WEIGHT: Final = tuple(_KIND_WORDS)
"""Of several kinds in one line the first of these gives the card its title."""

_PERSONS: Final = {"mother": "mẹ", "father": "cha", "wife": "vợ", "husband": "chồng"}

Piece = tuple[str, bool]
"""A stretch of text, and whether it differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceCard:
    """One place, with both pictures."""

    number: int
    tone: str
    """``no`` confirmed, ``open`` for an officer."""
    words: tuple[str, str]
    field: str
    page: int
    box: BoxPx
    """In pixels of the original's page."""
    original: str
    copy: str
    """Pictures of the place, magnified."""
    spots: tuple[tuple[float, float], ...]
    """Where in those pictures: left edge and width, in percent."""
    line_original: str
    line_copy: str
    """Pictures of the whole line; empty where the place is no part of a line."""
    text_original: tuple[Piece, ...]
    text_copy: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What a card will show."""

    tone: str
    words: tuple[str, str]
    field: str
    page: int
    quad: QuadPx
    spots: tuple[QuadPx, ...]
    line: int


def difference_cards(
    comparison: DocumentComparison, copies: Sequence[BgrImage]
) -> tuple[tuple[DifferenceCard, ...], int]:
    """The cards, confirmed ones first, and how many more there would be."""
    places = sorted(
        (*_lines(comparison), *_regions(comparison), *_marks(comparison)),
        key=lambda place: (place.tone != "no", place.page, place.quad.top_left.y),
    )
    cards = tuple(
        _card(number, place, comparison, copies)
        for number, place in enumerate(places[:MAX_CARDS], start=1)
    )
    return cards, max(0, len(places) - MAX_CARDS)


def field_label(comparison: DocumentComparison, name: str) -> str:
    """The printed label of a field, with the person it belongs to; its name where the template has none."""
    person, _, _ = name.rpartition(".")
    for template in load_templates("documents"):
        spec = template.spec(name)
        if template.id == comparison.original.kind and spec is not None:
            said = _PERSONS.get(person, "")
            return spec.labels[0] if said in spec.labels[0] else f"{spec.labels[0]} ({said})"
    return name


def _lines(comparison: DocumentComparison) -> Iterable[_Place]:
    by_line: dict[tuple[int, int], list[CopyDifference]] = {}
    for item in comparison.differences:
        if item.line >= 0:
            by_line.setdefault((item.page, item.line), []).append(item)
    for (page, line), items in by_line.items():
        inside = {
            id(item): field.field for field in comparison.fields for item in field.differences
        }
        fields = [inside[id(item)] for item in items if id(item) in inside]
        yield _Place(
            tone=_tone(items),
            words=_words(items),
            field=field_label(comparison, fields[0]) if fields else "",
            page=page,
            quad=items[0].quad,
            spots=tuple(item.spot for item in items if item.kind is not DifferenceClass.MOVED),
            line=line,
        )


def _regions(comparison: DocumentComparison) -> Iterable[_Place]:
    for item in comparison.differences:
        if item.line < 0:
            yield _Place(
                tone=_tone([item]),
                words=_words([item]),
                field="",
                page=item.page,
                quad=item.quad,
                spots=(),
                line=-1,
            )


def _marks(comparison: DocumentComparison) -> Iterable[_Place]:
    for index, page in enumerate(comparison.pages):
        for mark in page.marks:
            if mark.presence is not Presence.PRESENT:
                yield _Place(
                    tone="no" if mark.presence is Presence.ABSENT else "open",
                    words=_MARK_WORDS[mark.kind, mark.presence],
                    field="",
                    page=index,
                    quad=quad_of(mark.box),
                    spots=(),
                    line=-1,
                )


def _tone(items: Sequence[CopyDifference]) -> str:
    return "no" if any(item.status is DifferenceStatus.CONFIRMED for item in items) else "open"


def _words(items: Sequence[CopyDifference]) -> tuple[str, str]:
    whole = next((item.kind for item in items if item.scope is DifferenceScope.LINE), None)
    if whole is not None and whole in _LINE_WORDS:
        return _LINE_WORDS[whole]
    sure = [item for item in items if item.status is DifferenceStatus.CONFIRMED] or items
    kinds = sorted((item.kind for item in sure if item.kind), key=_WEIGHT.index)
    return _KIND_WORDS[kinds[0]] if kinds else _PICTURE_WORDS


def _card(
    number: int,
    place: _Place,
    comparison: DocumentComparison,
    copies: Sequence[BgrImage],
) -> DifferenceCard:
    page = comparison.pages[place.page]
    registration = page.registration
    assert registration is not None  # a page without one has no differences
    assert page.copy_page is not None
    pictures = (comparison.originals[place.page], copies[page.copy_page])
    if place.words == _KIND_WORDS[DifferenceClass.CUT_OFF]:  # white, not the smeared edge
        pictures, registration = (pictures[0], lay_over(*pictures, registration)), None
    shown, spots = _view_of(place)
    one, other = _both(pictures, registration, shown, _ZOOM_PX if spots else _REGION_PX)
    line_one, line_other = "", ""
    texts: tuple[tuple[Piece, ...], tuple[Piece, ...]] = ((), ())
    if place.line >= 0:
        line_one, line_other = _both(pictures, registration, _grown(place.quad, 0.3, 0.3), _LINE_PX)
        texts = _texts(comparison, place)
    return DifferenceCard(
        number=number,
        tone=place.tone,
        words=place.words,
        field=place.field,
        page=place.page,
        box=place.quad.box,
        original=one,
        copy=other,
        spots=spots,
        line_original=line_one,
        line_copy=line_other,
        text_original=texts[0],
        text_copy=texts[1],
    )


def _view_of(place: _Place) -> tuple[QuadPx, tuple[tuple[float, float], ...]]:
    """What is magnified, and where in it the differences stand; regions are shown with their surroundings."""
    if not place.spots:
        width, height = quad_size(place.quad)
        room = max(30.0, 0.25 * min(width, height))
        return grow_quad(place.quad, along=room, across=room), ()
    stretches = _joined(
        [
            (_along(place.quad, spot.top_left), _along(place.quad, spot.top_right))
            for spot in place.spots
        ]
    )
    width, height = quad_size(place.quad)
    unit = height / max(width, 1.0)
    start, end = stretches[0][0] - _ROOM * unit, stretches[-1][1] + _ROOM * unit
    missing = _ASPECT * unit - (end - start)
    if missing > 0:
        start, end = start - missing / 2, end + missing / 2
    # Differences all over a long line: its beginning is magnified, the whole line stands below.
    end = min(end, start + _MAX_ASPECT * unit)
    a, b, c, d = place.quad.corners
    shown = QuadPx(
        top_left=_between(a, b, start),
        top_right=_between(a, b, end),
        bottom_right=_between(d, c, end),
        bottom_left=_between(d, c, start),
    )
    spots = tuple(
        (
            round(100 * (left - start) / (end - start), 2),
            round(100 * (min(right, end) - left) / (end - start), 2),
        )
        for left, right in stretches
        if left < end
    )
    return _grown(shown, 0.0, _ABOVE), spots


def _joined(stretches: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Stretches from left to right; those that touch become one."""
    joined: list[tuple[float, float]] = []
    for left, right in sorted(stretches):
        if joined and left <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], right))
        else:
            joined.append((left, right))
    return joined


def _both(
    pictures: tuple[BgrImage, BgrImage],
    registration: Registration | None,
    quad: QuadPx,
    height_px: int,
) -> tuple[str, str]:
    """The same place of both pages, ``height_px`` high; without a registration the second is laid over already."""
    width, height = quad_size(quad)
    scale = min(height_px / max(height, 1.0), _ZOOM_WIDTH_PX * 2 / max(width, 1.0))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    views = (
        warp_quad(pictures[0], quad, *size),
        warp_quad(pictures[1], registration.quad_to_copy(quad) if registration else quad, *size),
    )
    one, other = (jpeg_uri(view, quality=88) for view in views)
    return one, other


def _texts(
    comparison: DocumentComparison, place: _Place
) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both lines as read, the differing characters marked; empty where the copy was not read."""
    original = comparison.original.pages[place.page].lines[place.line].text
    read = comparison.pages[place.page].copy_lines[place.line]
    if read is None:
        return (), ()
    counted = {
        item.at
        for item in comparison.differences
        if (item.page, item.line) == (place.page, place.line)
    }
    found = [d for d in text_differences(original, read.text) if d.at_original in counted]
    missing = {d.at_original for d in found if d.kind is not DifferenceClass.ADDED}
    added = {d.at_copy for d in found if d.kind is not DifferenceClass.MISSING}
    return _pieces(original, missing), _pieces(read.text, added)


def _pieces(text: str, marked: set[int]) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for i, char in enumerate(text):
        if pieces and pieces[-1][1] == (i in marked):
            pieces[-1] = (pieces[-1][0] + char, pieces[-1][1])
        else:
            pieces.append((char, i in marked))
    return tuple(pieces)


def _grown(quad: QuadPx, along: float, across: float) -> QuadPx:
    """Grown by parts of its height."""
    height = quad_size(quad)[1]
    return grow_quad(quad, along=along * height, across=across * height)


def _along(quad: QuadPx, point: PointPx) -> float:
    """How far along a line a point of its upper edge stands, 0–1."""
    a, b = quad.top_left, quad.top_right
    dx, dy = b.x - a.x, b.y - a.y
    return ((point.x - a.x) * dx + (point.y - a.y) * dy) / max(dx * dx + dy * dy, 1e-9)


def _between(one: PointPx, other: PointPx, share: float) -> PointPx:
    return PointPx(one.x + share * (other.x - one.x), one.y + share * (other.y - one.y))
