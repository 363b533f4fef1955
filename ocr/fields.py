"""Fields of a page: values that stand behind or below printed labels.

1. Every line is searched for the labels of the template (:mod:`ekyc.ocr.labels`).
2. The value of a label is the rest of its line up to the next label.
3. Nothing there: the line to the right in the same row, else the line below, if they hold no label.
4. A field of several lines takes the following lines below as well, as long as they are near and hold no label and
   no print that the template names as a stop.
5. The same label may belong to several people; a *section* label (mother, father, wife, husband) above it decides:
   the lowest row of section labels above the line, in it the last one that starts left of the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ekyc.imaging.text_regions import part_of_quad
from ekyc.ocr.field_kinds import PROSE, FieldKind, Standing, standing_of
from ekyc.ocr.labels import LabelHit, find_labels, value_behind
from ekyc.ocr.rows import PlacedLine, place_lines
from ekyc.values import QuadPx, Redacted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.ocr.ctc import ReadChar
    from ekyc.ocr.reading import PageReading
    from ekyc.ocr.templates import FieldSpec

_NEAR_LINES = 1.9
"""A line belongs to the field above it when their middles differ by less than this many line heights."""
_FAR_LINES = 20
"""A value to the right of its label starts within this many line heights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSpan:
    """A stretch of one line of a page."""

    line: int
    """Index of the line in the page's lines."""
    start: int
    end: int
    """Characters of the line, ``start`` to ``end`` exclusive."""
    quad: QuadPx
    """The whole line, in pixels of the page."""
    value_quad: QuadPx | None = None
    """The stretch itself, in pixels of the page, as far as the recogniser tells where characters stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadField:
    """A field as read."""

    name: str
    value: Redacted[str]
    confidences: tuple[float, ...]
    """Confidence of each character of the value, 0–1."""
    spans: tuple[LineSpan, ...]
    """Where the value stands."""
    page: int = 0
    kind: FieldKind = FieldKind.TEXT
    likely: Redacted[str] | None = None
    """The value as language makes it likely, where that is another one; never for numbers, dates in digits and codes. A hint
    for whoever looks at the paper: the value is what was read."""

    @property
    def confidence(self) -> float:
        """The least certain character's."""
        return min(self.confidences)

    @property
    def standing(self) -> Standing:
        """What the reading is worth: certain, uncertain, nothing that such a field can hold, or not read at all.

        A value that language would have otherwise is not certain.
        """
        mean = sum(self.confidences) / len(self.confidences)
        standing = standing_of(
            self.kind, self.value.reveal(), self.confidence, mean_confidence=mean
        )
        doubted = standing is Standing.CERTAIN and self.likely is not None
        return Standing.UNCERTAIN if doubted else standing


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of one line."""

    place: PlacedLine
    start: int
    end: int

    @property
    def chars(self) -> tuple[ReadChar, ...]:
        return self.place.line.chars[self.start : self.end]

    @property
    def likely_chars(self) -> tuple[ReadChar, ...]:
        """The same stretch as language makes it likely; as read where language has no say."""
        likely = self.place.line.likely
        return self.chars if likely is None else likely.chars[self.start : self.end]


@dataclass(frozen=True, slots=True)
class _Found:
    """A label with its line and the stretch behind it."""

    hit: LabelHit
    piece: _Piece


def read_fields(
    page: PageReading,
    specs: Sequence[FieldSpec],
    *,
    stops: Sequence[str] = (),
    index: int = 0,
) -> tuple[ReadField, ...]:
    """Values of the template's fields on a page; a field whose label or value is missing is left out.

    Args:
        page: the page.
        specs: fields of the template.
        stops: print that is no label and yet ends the value above it.
        index: number of the page in its document, from 0.
    """
    labels = list(dict.fromkeys((spec.name, label) for spec in specs for label in spec.labels))
    lines = place_lines(page.lines)
    found = _labels_of(lines, labels, specs, stops)
    labelled = {id(item.piece.place) for item in found}
    fields: dict[str, ReadField] = {}
    for item in found:
        spec = _spec_for(item, found, specs)
        if spec is None or spec.name in fields:
            continue
        field = _value(item, spec, lines, labelled, index)
        if field is not None:
            fields[spec.name] = field
    return tuple(fields.values())


def _labels_of(
    lines: Sequence[PlacedLine],
    labels: Sequence[tuple[str, str]],
    specs: Sequence[FieldSpec],
    stops: Sequence[str],
) -> list[_Found]:
    """Labels with the stretch behind each, a label and its translation counted once; stops belong to no field."""
    # Fields of several sections share a label: the label is looked for once, under the first field's name.
    first = {label: name for name, label in reversed(labels)}
    alike = {spec.name: first[spec.labels[0]] for spec in specs}
    wanted = [(alike[name], label) for label, name in first.items()]
    wanted += [("", stop) for stop in stops]
    found: list[_Found] = []
    for place in lines:
        text = place.line.text
        hits = find_labels(text, wanted)
        for i, hit in enumerate(hits):
            following = hits[i + 1] if i + 1 < len(hits) else None
            if following is not None and following.field == hit.field:
                continue  # the translation follows; the value stands behind that
            stop = following.start if following is not None else len(text)
            start, end = value_behind(text, hit.end, stop)
            found.append(_Found(hit, _Piece(place, start, end)))
    return found


def _spec_for(
    item: _Found, found: Sequence[_Found], specs: Sequence[FieldSpec]
) -> FieldSpec | None:
    name = next((spec for spec in specs if spec.name == item.hit.field), None)
    if name is None:
        return None
    alike = [spec for spec in specs if spec.labels[0] == name.labels[0]]
    if len(alike) == 1 and not alike[0].section:
        return alike[0]
    section = _section_of(item, found, specs)
    return next((spec for spec in alike if spec.section == section), None)


def _section_of(item: _Found, found: Sequence[_Found], specs: Sequence[FieldSpec]) -> str:
    opens = {spec.name: spec.opens for spec in specs if spec.opens}
    here = item.piece.place
    above = [
        other
        for other in found
        if other.hit.field in opens and other.piece.place.middle < here.middle - 0.5 * here.height
    ]
    if not above:
        return ""
    lowest = max(other.piece.place.middle for other in above)
    row = [other for other in above if other.piece.place.middle > lowest - here.height]
    left_of = [other for other in row if other.piece.place.left <= here.left + 2 * here.height]
    chosen = max(left_of or row, key=lambda other: other.piece.place.left)
    return opens[chosen.hit.field]


def _value(
    item: _Found,
    spec: FieldSpec,
    lines: Sequence[PlacedLine],
    labelled: set[int],
    index: int,
) -> ReadField | None:
    label = item.piece.place
    pieces = [item.piece] if item.piece.start < item.piece.end else []
    if not pieces:
        pieces = _to_the_right(label, lines, labelled)
    if pieces or spec.below:
        pieces = _continued(label, pieces, spec.lines, lines, labelled)
    if not pieces:
        return None
    comma = spec.breaks_at_comma and pieces[0].place is label
    chars = _joined(pieces, [piece.chars for piece in pieces], comma=comma)
    value = likely = _text(chars)
    if spec.kind in PROSE:
        likely = _text(_joined(pieces, [piece.likely_chars for piece in pieces], comma=comma))
    return ReadField(
        name=spec.name,
        value=Redacted(value),
        likely=None if likely == value else Redacted(likely),
        confidences=tuple(confidence for _, confidence in chars),
        spans=tuple(
            LineSpan(
                line=piece.place.index,
                start=piece.start,
                end=piece.end,
                quad=piece.place.line.quad,
                value_quad=_quad_of(piece),
            )
            for piece in pieces
        ),
        page=index,
        kind=spec.kind,
    )


def _quad_of(piece: _Piece) -> QuadPx:
    """The part of the line's quad in which the piece stands, half a character's width added at both ends."""
    chars = piece.chars
    height = piece.place.height
    width = max(1.0, piece.place.right - piece.place.left)
    slack = 0.25 * height / width
    left = max(0.0, chars[0].left - slack)
    right = min(1.0, chars[-1].right + slack)
    return part_of_quad(piece.place.line.quad, left, right)


def _joined(
    pieces: Sequence[_Piece], read: Sequence[tuple[ReadChar, ...]], *, comma: bool
) -> list[tuple[str, float]]:
    """Characters of all pieces, as given for each, with their confidence."""
    chars: list[tuple[str, float]] = []
    for i, own in enumerate(read):
        if i:
            before = pieces[i - 1]
            printed = before.place.line.text[before.end : before.end + 1] == ","
            with_comma = (printed or (comma and i == 1)) and chars[-1][0] != ","
            chars += [(char, 1.0) for char in (", " if with_comma else " ")]
        chars += [(char.char, char.confidence) for char in own]
    return chars


def _text(chars: Sequence[tuple[str, float]]) -> str:
    return "".join(char for char, _ in chars)


def _whole(place: PlacedLine) -> _Piece:
    text = place.line.text
    return _Piece(place, *value_behind(text, 0, len(text)))


def _to_the_right(
    label: PlacedLine, lines: Sequence[PlacedLine], labelled: set[int]
) -> list[_Piece]:
    """The next line in the same row, if it holds no label."""
    beside = [
        line
        for line in lines
        if -label.height < line.left - label.right < _FAR_LINES * label.height
        and abs(line.middle - label.middle) < 0.5 * label.height
        and line is not label
    ]
    nearest = min(beside, key=lambda line: line.left, default=None)
    return [] if nearest is None or id(nearest) in labelled else [_whole(nearest)]


def _continued(
    label: PlacedLine,
    pieces: Sequence[_Piece],
    wanted: int,
    lines: Sequence[PlacedLine],
    labelled: set[int],
) -> list[_Piece]:
    """The pieces and the lines below that continue them: near, in the label's column, holding no label."""
    taken = list(pieces)
    while len(taken) < wanted:
        last = taken[-1].place if taken else label
        height = max(last.height, label.height)
        below = [
            line
            for line in lines
            if 0.4 * height < line.middle - last.middle < _NEAR_LINES * height
            and line.left < max(label.right, last.right)
            and line.right > label.left
        ]
        nearest = min(below, key=lambda line: (line.middle, line.left), default=None)
        if nearest is None or id(nearest) in labelled:
            break
        if not label.left - 2 * height < nearest.left < label.right + height:
            break
        piece = _whole(nearest)
        if piece.start == piece.end:
            break
        taken.append(piece)
    return taken
