"""Two renderings of one page by the same renderer: where they differ, and what lay there before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.values import BgrImage

_EVEN = 16
"""Grey levels within which a neighbourhood is an even, empty ground, whatever its colour."""
_AROUND_PX = 5
_MARGIN_PX = 2
"""Lines of an appearance may reach so far beyond its rectangle: half a pen's width, and smoothing."""
_JOIN_PX = 9
_MAX_REGIONS = 30
_MARK_BGR = (40, 40, 230)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageChange:
    """How many pixels of a page changed, by where they lie and by what was there before."""

    elsewhere: int
    """Outside all boxes that explain changes."""
    first_on_blank: int
    """In the boxes of the first kind, on even ground."""
    first_on_ink: int
    """There, over something that was shown."""
    second_on_blank: int
    """In the boxes of the second kind alone, on even ground."""
    second_on_ink: int


def changed_pixels(before: BgrImage, after: BgrImage) -> NDArray[np.bool_]:
    """Pixels of another colour, shape (height, width); pictures of different size differ everywhere."""
    if before.shape != after.shape:
        return np.ones(before.shape[:2], dtype=np.bool_)
    return np.asarray((before != after).any(axis=2), dtype=np.bool_)


def inked_pixels(page: BgrImage) -> NDArray[np.bool_]:
    """Pixels whose surroundings are not all of one colour: letters, lines, pictures. Shape (height, width)."""
    near = np.ones((_AROUND_PX, _AROUND_PX), np.uint8)
    spread = cv2.subtract(cv2.dilate(page, near), cv2.erode(page, near))
    return np.asarray(spread.max(axis=2) >= _EVEN, dtype=np.bool_)


def explained_change(
    before: BgrImage, after: BgrImage, *, first: Iterable[BoxPx], second: Iterable[BoxPx]
) -> PageChange:
    """Count the changed pixels of one page.

    Args:
        before: uint8, shape (height, width, 3), blue-green-red.
        after: the same page later, as large.
        first: boxes in which changes are expected, such as those of signatures.
        second: boxes in which they can be explained, such as those of annotations.
    """
    changed = changed_pixels(before, after)
    inked = inked_pixels(before)
    in_first = _covered(changed.shape, first)
    in_second = _covered(changed.shape, second) & ~in_first
    return PageChange(
        elsewhere=int((changed & ~in_first & ~in_second).sum()),
        first_on_blank=int((changed & in_first & ~inked).sum()),
        first_on_ink=int((changed & in_first & inked).sum()),
        second_on_blank=int((changed & in_second & ~inked).sum()),
        second_on_ink=int((changed & in_second & inked).sum()),
    )


def changed_regions(before: BgrImage, after: BgrImage) -> tuple[BoxPx, ...]:
    """Boxes around what changed, the largest first, at most thirty."""
    changed = changed_pixels(before, after).astype(np.uint8)
    joined = cv2.dilate(changed, np.ones((_JOIN_PX, _JOIN_PX), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    boxes = [tuple(int(n) for n in stats[label][:4]) for label in range(1, count)]
    boxes.sort(key=lambda box: box[2] * box[3], reverse=True)
    return tuple(
        BoxPx(left=x, top=y, right=x + width, bottom=y + height)
        for x, y, width, height in boxes[:_MAX_REGIONS]
    )


def marked_regions(page: BgrImage, regions: Sequence[BoxPx]) -> BgrImage:
    """A copy of a page with red frames around regions."""
    marked = np.array(page, copy=True)
    for box in regions:
        corners = (int(box.left), int(box.top)), (int(box.right), int(box.bottom))
        cv2.rectangle(marked, *corners, _MARK_BGR, 2)
    return marked


def _covered(shape: tuple[int, ...], boxes: Iterable[BoxPx]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, dtype=np.bool_)
    for box in boxes:
        if box.width <= 0 or box.height <= 0:
            continue
        left, top = (max(0, int(side) - _MARGIN_PX) for side in (box.left, box.top))
        mask[top : int(box.bottom) + 1 + _MARGIN_PX, left : int(box.right) + 1 + _MARGIN_PX] = True
    return mask
