"""A page as it was submitted – turned, slanted, lying on a desk – brought upright and read.

1. Lines of text are looked for on the whole picture.
2. Where the picture is nothing but a sheet and its lines run level, it is read as it is. Otherwise the outline of a page
   is looked for (:mod:`ekyc.imaging.document_corners`). It counts only if it cuts through no line of text: paper ends
   beside its print, never in the middle of it. What lies inside it is looked at straight.
3. Where there is no clear outline, the picture stays whole; if its lines are slanted, it is turned until they are level.
   A wrong cut would lose text that nobody sees is missing; a reader of lines copes with a desk around the page.
4. Lines that run up or down: a right angle more.
5. The page is read. A net that reads print upside down is hardly ever sure of a whole line, so where the longest lines
   are certain, the page is upright. Otherwise they are read the other way round as well, and the way that is more certain
   counts. An upright page costs nothing for that.
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
from ekyc.imaging.flattening import FlatPage, as_it_is, levelled, looked_at_straight
from ekyc.imaging.orientation import TextDirection, fills_the_picture, text_direction
from ekyc.imaging.text_regions import quad_size
from ekyc.ocr.reading import read_regions
from ekyc.values import QuadPx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.imaging.text_regions import TextRegion
    from ekyc.ocr.lines import ReadLine
    from ekyc.ocr.reading import PageReading, Reader
    from ekyc.ocr.recognise import LineText
    from ekyc.values import BgrImage

_LEVEL_DEG: Final = 4.0
"""Lines that run so nearly level, or straight up, are read as they are."""
_FANNED_DEG: Final = 1.5
_CUT_HEIGHTS: Final = 1.5
"""Least length, in its heights, of a line on either side of an outline that cuts through it: places of lines are found
with some margin around."""
_SAMPLE: Final = 6
_UPRIGHT: Final = 0.6
"""Certainty of the longest lines from which a page is upright. Generated and real print upright: 0.9 and more; upside
down: below 0.1."""
_LEAD: Final = 0.05
"""By which the other way round must be more certain."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PageView:
    """A page as it was read."""

    flat: FlatPage
    """Straight and upright, with the way back to the submitted picture."""
    reading: PageReading
    """Places are pixels of ``flat.image``."""
    search: DocumentSearch | None
    """What the search for the page's outline found; None when none was needed."""
    picture_size: tuple[int, int]
    """Width and height of the submitted picture."""
    turned_deg: float
    """How the text runs on the submitted picture, clockwise from level, −180 exclusive to 180 inclusive: what had to be
    taken back."""

    @property
    def image(self) -> BgrImage:
        """The page alone where its outline was clear, else the whole picture; upright."""
        return self.flat.image


def view_page(picture: BgrImage, reader: Reader) -> PageView:
    """Find, straighten, turn and read one page.

    Args:
        picture: uint8, shape (height, width, 3); the page may lie on anything and be turned by any angle.
        reader: reads pages.

    Raises:
        ModelError: a model's output contradicts its registry entry.
        BusyError: a model's queue is full.
    """
    flat, search, regions = _with_level_lines(picture, reader)
    reading = read_regions(flat.image, regions, reader)
    if _is_upside_down(flat.image, regions, reading, reader):
        flat = flat.turned(2)
        reading = read_regions(flat.image, reader.find_lines(flat.image), reader)
    return PageView(
        flat=flat,
        reading=reading,
        search=search,
        picture_size=(picture.shape[1], picture.shape[0]),
        turned_deg=_turned_deg(flat),
    )


def straighten_page(picture: BgrImage, reader: Reader) -> FlatPage:
    """Straighten and turn one page without reading more of it than its longest lines; an upright scan stays as it is.

    Raises:
        ModelError: a model's output contradicts its registry entry.
        BusyError: a model's queue is full.
    """
    flat, _, regions = _with_level_lines(picture, reader)
    return flat.turned(2) if _runs_backwards(flat.image, regions, reader) else flat


def certainty_of(texts: Sequence[LineText | ReadLine]) -> float:
    """Mean certainty of lines, each counting by its characters, 0–1; 0 for no text.

    Of a recogniser that is not calibrated, the excess of its mean confidence over four fifths counts instead.
    """
    letters = sum(len(text.chars) for text in texts)
    if not letters:
        return 0.0
    sure = 0.0
    for text in texts:
        mean = sum(char.confidence for char in text.chars) / max(len(text.chars), 1)
        certainty = text.certainty if text.certainty is not None else max(0.0, 5 * mean - 4)
        sure += len(text.chars) * certainty
    return sure / letters


def _with_level_lines(
    picture: BgrImage, reader: Reader
) -> tuple[FlatPage, DocumentSearch | None, tuple[TextRegion, ...]]:
    """Steps 1 to 4: the page, what the search for its outline found, and its lines, which may still be upside down."""
    regions = reader.find_lines(picture)
    direction = _direction(regions)
    flat, search = _flattened(picture, regions, direction)
    if flat.image is not picture:
        regions = reader.find_lines(flat.image)
        direction = _direction(regions)
    if direction is not None and abs(direction.slant_deg) > 45:
        flat = flat.turned(3 if direction.slant_deg > 0 else 1)
        regions = reader.find_lines(flat.image)
    return flat, search, regions


def _direction(regions: Sequence[TextRegion]) -> TextDirection | None:
    return text_direction([region.quad for region in regions])


def _flattened(
    picture: BgrImage, regions: Sequence[TextRegion], direction: TextDirection | None
) -> tuple[FlatPage, DocumentSearch | None]:
    """Steps 2 and 3."""
    search: DocumentSearch | None = None
    if not (_runs_straight(direction) and fills_the_picture(picture)):
        search = find_document(picture, DocumentShape.PAGE)
        document = search.document
        if document is not None and _cuts_text(document.quad, regions):
            search = DocumentSearch(document=None, refusal=NotFound.UNCLEAR)
        elif document is not None:
            flat = looked_at_straight(picture, document.quad, DocumentShape.PAGE.aspect)
            return flat, search
    if direction is None or _is_level(direction):
        return as_it_is(picture), search
    return levelled(picture, direction.slant_deg), search


def _is_level(direction: TextDirection) -> bool:
    """Whether lines run level or straight up."""
    slant = abs(direction.slant_deg)
    return slant < _LEVEL_DEG or slant > 90 - _LEVEL_DEG


def _runs_straight(direction: TextDirection | None) -> bool:
    return direction is None or (_is_level(direction) and direction.spread_deg < _FANNED_DEG)


def _cuts_text(outline: QuadPx, regions: Sequence[TextRegion]) -> bool:
    """Whether a line of text lies on both sides of an outline."""
    corners = np.array([(p.x, p.y) for p in outline.corners])
    edges = np.roll(corners, -1, axis=0) - corners
    for region in regions:
        a, b, c, d = (np.array([p.x, p.y]) for p in region.quad.corners)
        wide, high = quad_size(region.quad)
        ends = ((a + d) / 2, (b + c) / 2) if wide >= high else ((a + b) / 2, (c + d) / 2)
        at = np.linspace(0.0, 1.0, 21)[:, None]
        points = ends[0] + at * (ends[1] - ends[0])
        away = points[:, None] - corners[None]
        cross = edges[None, :, 0] * away[..., 1] - edges[None, :, 1] * away[..., 0]
        inside = float((cross > 0).all(axis=1).mean())
        if min(inside, 1 - inside) * max(wide, high) > _CUT_HEIGHTS * min(wide, high):
            return True
    return False


def _is_upside_down(
    image: BgrImage, regions: Sequence[TextRegion], reading: PageReading, reader: Reader
) -> bool:
    """Step 5."""
    longest = sorted(reading.lines, key=lambda line: -len(line.chars))[:_SAMPLE]
    return certainty_of(longest) < _UPRIGHT and _runs_backwards(image, regions, reader)


def _runs_backwards(image: BgrImage, regions: Sequence[TextRegion], reader: Reader) -> bool:
    """Whether the longest lines say more when they are read from their other end."""
    sample = sorted(regions, key=lambda region: -quad_size(region.quad)[0])[:_SAMPLE]
    upright = certainty_of(reader.read_quads(image, [region.quad for region in sample]))
    if upright >= _UPRIGHT:
        return False
    turned = certainty_of(reader.read_quads(image, [_other_way(r.quad) for r in sample]))
    return turned > upright + _LEAD


def _other_way(quad: QuadPx) -> QuadPx:
    """The same place, read from its other end."""
    a, b, c, d = quad.corners
    return replace(quad, top_left=c, top_right=d, bottom_right=a, bottom_left=b)


def _turned_deg(flat: FlatPage) -> float:
    """Direction on the picture of what runs level in the middle of the flat page."""
    height, width = flat.image.shape[:2]
    ends = np.array([(0.25 * width, height / 2, 1.0), (0.75 * width, height / 2, 1.0)])
    seen = ends @ flat.to_picture.T
    x, y = seen[1, :2] / seen[1, 2] - seen[0, :2] / seen[0, 2]
    angle = float(np.degrees(np.arctan2(y, x)))
    return 180.0 if angle <= -180.0 else angle
