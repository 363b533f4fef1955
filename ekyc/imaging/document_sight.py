"""A picture in which a document is sought, at the sizes at which it is looked at, and whether a quadrilateral of it shows
one.

Sides alone do not make a document (see :mod:`ekyc.imaging.document_corners`): looked at straight, it carries rows of print
along them, and its sides are no printed frame.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.imaging.edge_lines import to_lab
from ekyc.imaging.geometry import resize_long_side
from ekyc.imaging.printed_rows import PrintedRows, find_printed_rows
from ekyc.imaging.quad_hypotheses import steps_at_sides

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.values import BgrImage

    _Floats = NDArray[np.float64]

SEARCH_LONG_SIDE_PX: Final = 720
FIT_LONG_SIDE_PX: Final = 1600
FULL_STEP: Final = 10.0
"""Levels between inside and outside of a side that is beyond doubt."""
_FAR_PX: Final = (8.0, 9.5, 11.0)
"""Beside a side, where a printed frame has the same paper on both of its sides."""
_LEAST_FAR_STEP: Final = 1.5

# Limits of print. Of 260 generated scenes of seeds 101 and 102 every true outline keeps a wide distance from them, and
# so does nearly every other quadrilateral that passes all else when the true one is taken away (docs/cards.md).
_LEAST_ROWS: Final = 8
_MOST_SLANT: Final = {"id-1": 0.006, "iso-a": 0.015}
"""A card is cut by its print; paper goes through printers and copiers a little askew."""
_MOST_FAN: Final = 0.008
_LEAST_REACH: Final = {"id-1": (0.45, 0.6), "iso-a": (0.45, 0.3)}
"""Of the rows, in width and height; a page may be half empty."""


class DocumentShape(StrEnum):
    """Proportions that are looked for."""

    CARD = "id-1"
    """85.60 × 53.98 mm (ISO/IEC 7810 ID-1)."""
    PAGE = "iso-a"
    """1 : √2 (ISO 216)."""

    @property
    def aspect(self) -> float:
        """Width divided by height: of a card lying, of a page standing."""
        return 85.60 / 53.98 if self is DocumentShape.CARD else 2**-0.5


class Sight:
    """A picture, and its colours at the sizes at which sides are looked for and fitted.

    Args:
        image: uint8, shape (height, width, 3), blue-green-red.
        shape: what is looked for.
    """

    def __init__(self, image: BgrImage, shape: DocumentShape) -> None:
        self.image, self.shape = image, shape
        self.small = _shrunk(image, SEARCH_LONG_SIDE_PX)
        self.lab = to_lab(self.small)
        self.fine = to_lab(_shrunk(image, FIT_LONG_SIDE_PX))
        self.scale = max(image.shape[:2]) / max(self.small.shape[:2])
        """Pixels of the picture per pixel of the search."""

    def in_picture(self, quad: _Floats) -> _Floats:
        """Pixels of the search, counted by their centres, as pixels of the picture, counted between them."""
        return np.asarray((quad + 0.5) * self.scale)

    def steps(self, quad: _Floats) -> tuple[float, float]:
        """Levels between inside and outside of a quadrilateral's weakest side, and the least share that a side has of
        what the picture differs farther inside and outside of it.
        """
        sides = quad[None] / self.scale - 0.5
        near, far = steps_at_sides(self.lab, sides)[0], steps_at_sides(self.lab, sides, _FAR_PX)[0]
        return float(near.min()), float((near / np.maximum(far, 1.0)).min())

    def shows_document(self, quad: _Floats) -> bool:
        """Whether a quadrilateral of the picture carries a document's print and is no printed frame."""
        sides = quad[None] / self.scale - 0.5
        far = steps_at_sides(self.lab, sides, _FAR_PX) > _LEAST_FAR_STEP
        # Far from a side another document of the same colour may lie.
        clear = steps_at_sides(self.lab, sides) > FULL_STEP
        if not (far | clear).all():
            return False
        rows = find_printed_rows(self.image, quad, self.shape.aspect)
        return _is_set_along(rows, self.shape)


def _is_set_along(rows: PrintedRows, shape: DocumentShape) -> bool:
    width, height = _LEAST_REACH[shape.value]
    return (
        rows.count >= _LEAST_ROWS
        and rows.slant <= _MOST_SLANT[shape.value]
        and rows.fan <= _MOST_FAN
        and rows.width >= width
        and rows.height >= height
    )


def _shrunk(image: BgrImage, long_side: int) -> BgrImage:
    return image if max(image.shape[:2]) <= long_side else resize_long_side(image, long_side)
