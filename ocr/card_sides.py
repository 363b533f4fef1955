"""One side of a card: found on its ground, looked at straight, turned upright, read.

1. The outline is looked for (:mod:`ekyc.imaging.document_corners`); where it is clear, the side is cut out and looked
   at straight. Where it is not, the picture stays as it is: a reader of lines copes with a table around the card, but
   not with a card that was warped wrongly.
2. The side is read. If a title, a label or the machine readable zone stands on it, it is upright.
3. Otherwise it is read in the other directions that its shape allows, and the one that says most is taken. Where none
   says anything the first stays.
4. If nothing of a card stands on what was cut out, it was another sheet: further outlines are read in its place, then
   the whole picture.
5. Further outlines count as cards if something of a card stands on them, and so do a second title and a second zone on
   a picture that was read whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.imaging.document_corners import (
    DocumentSearch,
    NotFound,
    find_document,
)
from ekyc.imaging.document_sight import DocumentShape
from ekyc.imaging.geometry import turn_quarters, warp_quad
from ekyc.ocr.detect import LONG_SIDE_CARD
from ekyc.ocr.labels import find_labels, fold
from ekyc.ocr.mrz_reader import zone_text
from ekyc.ocr.templates import choose_template, fills_line, load_templates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.ocr.reading import PageReading, Reader
    from ekyc.values import BgrImage, QuadPx

_WIDTHS_PX: Final = (1000, 1600)
"""A small card is enlarged: print and code are read better so."""
_ENOUGH_LABELS: Final = 2
_ZONE_CHARS: Final = 24
_ZONE_LINES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSide:
    """A side as it was read."""

    image: BgrImage
    """The side alone where it was found, else the whole picture; upright."""
    page: PageReading
    """Places are pixels of ``image``."""
    search: DocumentSearch
    quarters: int
    """Right angles, clockwise, by which what was cut out had to be turned."""
    labels: int
    """Labels of cards found."""
    has_title: bool
    has_zone: bool
    """Whether at least two lines look like a machine readable zone."""
    long_side_px: float
    """Length of the card's long side on the submitted picture; of a card not found the picture's."""
    cards: int = 1
    """Cards that the picture shows, as far as they were noticed."""


def read_side(picture: BgrImage, reader: Reader) -> CardSide:
    """Find, straighten, turn and read one side.

    Raises:
        ModelError: a model's output contradicts its registry entry.
        BusyError: a model's queue is full.
    """
    search = find_document(picture, DocumentShape.CARD)
    if search.document is None:
        whole = _read_whole(picture, search, reader)
        return replace(whole, cards=max(1, _cards_on(whole.page)))
    quads = (search.document.quad, *search.others)
    read = [_read_cut_out(picture, quad, search, reader) for quad in quads]
    cards = [side for side in read if is_upright(side)]
    if cards:
        return replace(cards[0], cards=len(cards))
    whole = _read_whole(picture, replace(search, document=None, refusal=NotFound.UNCLEAR), reader)
    return replace(whole, cards=max(1, _cards_on(whole.page))) if is_upright(whole) else read[0]


def _read_cut_out(
    picture: BgrImage, quad: QuadPx, search: DocumentSearch, reader: Reader
) -> CardSide:
    flat, long_side = straightened(picture, quad)
    return _best_way_up(flat, (0, 2), search, long_side, reader)


def _read_whole(picture: BgrImage, search: DocumentSearch, reader: Reader) -> CardSide:
    long_side = float(max(picture.shape[:2]))
    return _best_way_up(picture, (0, 2, 1, 3), search, long_side, reader)


def _best_way_up(
    flat: BgrImage,
    directions: Sequence[int],
    search: DocumentSearch,
    long_side: float,
    reader: Reader,
) -> CardSide:
    """The first direction in which something of a card is read, else the one that says most."""
    best: CardSide | None = None
    for quarters in directions:
        image = turn_quarters(flat, quarters) if quarters else flat
        side = _read(image, quarters, search, long_side, reader)
        if best is None or _says(side) > _says(best):
            best = side
        if is_upright(best):
            break
    if best is None:
        raise ValueError("no direction to read in")
    return best


def _cards_on(page: PageReading) -> int:
    """How many cards a picture shows: how often its most frequent title stands on it, or how many zones."""
    lines = [fold(line.text).letters for line in page.lines]
    titles = {fold(t).letters for template in load_templates("cards") for t in template.titles}
    stands = [sum(fills_line(title, line) for line in lines) for title in titles]
    zones = sum(_is_zone_line(line.text) for line in page.lines) // _ZONE_LINES
    return max(*stands, zones)


def is_upright(side: CardSide) -> bool:
    """Whether enough was read to know that the side is not upside down."""
    return side.has_title or side.has_zone or side.labels >= _ENOUGH_LABELS


def straightened(picture: BgrImage, quad: QuadPx) -> tuple[BgrImage, float]:
    """The card alone, looked at straight and lying, and the length of its long side on the picture."""
    corners = np.array([(p.x, p.y) for p in quad.corners])
    lengths = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    long_side = float(max(lengths[0], lengths[2]))
    width = min(max(_WIDTHS_PX[0], round(long_side)), _WIDTHS_PX[1])
    height = round(width / DocumentShape.CARD.aspect)
    return warp_quad(picture, quad, width, height), long_side


def _read(
    image: BgrImage, quarters: int, search: DocumentSearch, long_side: float, reader: Reader
) -> CardSide:
    page = reader.read_page(image, long_side=LONG_SIDE_CARD)
    templates = load_templates("cards")
    labels = list(
        dict.fromkeys(
            (spec.name, label)
            for template in templates
            for spec in template.fields
            for label in spec.labels
            if len(label) > 3
        )
    )
    found = {hit.field for line in page.lines for hit in find_labels(line.text, labels)}
    zone = sum(_is_zone_line(line.text) for line in page.lines)
    return CardSide(
        image=image,
        page=page,
        search=search,
        quarters=quarters,
        labels=len(found),
        has_title=choose_template([page], templates) is not None,
        has_zone=zone >= 2,
        long_side_px=long_side,
    )


def _is_zone_line(text: str) -> bool:
    zone = zone_text(text)
    return (
        len(zone) >= _ZONE_CHARS and "<<" in zone and len(zone) > 0.8 * len(text.replace(" ", ""))
    )


def _says(side: CardSide) -> float:
    """How much a reading says: labels count most, then certain letters."""
    letters = sum(
        len(line.chars) * max(0.0, float(np.mean([char.confidence for char in line.chars])) - 0.5)
        for line in side.page.lines
        if line.chars
    )
    return 1000.0 * (side.labels + 3 * side.has_title + 3 * side.has_zone) + letters
