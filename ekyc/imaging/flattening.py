"""Pages looked at straight and upright, with the way back to the picture that was submitted.

Coordinates count edges between pixels, as :class:`~ekyc.values.QuadPx` does: the top left corner of a picture is (0, 0),
the middle of its first pixel (0.5, 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from ekyc.imaging.geometry import turn_quarters
from ekyc.values import PointPx, QuadPx

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.values import BgrImage

    _Matrix = NDArray[np.float64]

_LONG_SIDE_PX: Final = (1280, 3600)
"""A small page is enlarged, because lines are looked for at 1280 pixels; a large one has what its print needs."""
_HALF_PIXEL: Final = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlatPage:
    """A page as it is read, and where each of its points lies on the picture."""

    image: BgrImage
    to_picture: _Matrix
    """Homography, shape (3, 3): from points of ``image`` to points of the picture."""

    def on_picture(self, quad: QuadPx) -> QuadPx:
        """A quadrilateral of ``image`` in pixels of the picture; corners keep their order."""
        points = np.array([(p.x, p.y, 1.0) for p in quad.corners]) @ self.to_picture.T
        a, b, c, d = (PointPx(float(x / w), float(y / w)) for x, y, w in points)
        return QuadPx(top_left=a, top_right=b, bottom_right=c, bottom_left=d)

    def turned(self, quarters: int) -> FlatPage:
        """The page turned clockwise by so many right angles."""
        if quarters % 4 == 0:
            return self
        height, width = self.image.shape[:2]
        back = {
            1: np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, height], [0.0, 0.0, 1.0]]),
            2: np.array([[-1.0, 0.0, width], [0.0, -1.0, height], [0.0, 0.0, 1.0]]),
            3: np.array([[0.0, -1.0, width], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
        }[quarters % 4]
        return FlatPage(
            image=turn_quarters(self.image, quarters), to_picture=self.to_picture @ back
        )


def as_it_is(picture: BgrImage) -> FlatPage:
    """The whole picture as a page."""
    return FlatPage(image=picture, to_picture=np.eye(3))


def looked_at_straight(picture: BgrImage, quad: QuadPx, aspect: float) -> FlatPage:
    """What lies inside a quadrilateral, as a rectangle.

    Args:
        picture: where the page lies.
        quad: its corners.
        aspect: width divided by height of the flat page.
    """
    corners = np.array([(p.x, p.y) for p in quad.corners])
    sides = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    seen = float(sides.max())
    long_side = float(np.clip(seen, *_LONG_SIDE_PX))
    width = round(long_side * min(1.0, aspect))
    height = round(long_side * min(1.0, 1 / aspect))
    flat = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    to_picture = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
    return _seen_through(picture, np.asarray(to_picture, dtype=np.float64), width, height)


def levelled(picture: BgrImage, slant_deg: float) -> FlatPage:
    """The whole picture, turned back by a slant, on a ground that continues its border.

    Args:
        picture: any picture.
        slant_deg: by how much what shall become level falls to the right, clockwise.
    """
    height, width = picture.shape[:2]
    angle = np.deg2rad(slant_deg)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    wide = round(abs(width * cos) + abs(height * sin))
    high = round(abs(width * sin) + abs(height * cos))
    turn = np.array([[cos, -sin], [sin, cos]])
    shift = np.array([width, height]) / 2 - turn @ np.array([wide, high]) / 2
    to_picture = np.eye(3)
    to_picture[:2, :2], to_picture[:2, 2] = turn, shift
    return _seen_through(picture, to_picture, wide, high)


def _seen_through(picture: BgrImage, to_picture: _Matrix, width: int, height: int) -> FlatPage:
    # OpenCV counts middles of pixels.
    matrix = np.linalg.inv(_HALF_PIXEL) @ to_picture @ _HALF_PIXEL
    image = cv2.warpPerspective(
        picture,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return FlatPage(image=np.asarray(image, dtype=np.uint8), to_picture=to_picture)
