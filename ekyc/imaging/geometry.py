"""Size, cut-out and perspective of pictures. Pure: the argument is never changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ekyc.values import BoxPx, PointPx

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.values import BgrImage, FloatArray, GrayImage, QuadPx

WHITE = (255, 255, 255)
BLACK = (0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterbox:
    """A picture fitted into a frame without distortion, and the way back to the source."""

    image: BgrImage
    """uint8, shape of the frame, blue-green-red."""
    scale: float
    """Frame pixels per source pixel."""
    left: int
    top: int
    """Where the source's top left corner lies in the frame."""

    def to_source(self, point: PointPx) -> PointPx:
        """A point of the frame in pixels of the source picture."""
        return PointPx((point.x - self.left) / self.scale, (point.y - self.top) / self.scale)


def resize(image: BgrImage, width: int, height: int) -> BgrImage:
    """Scale to exactly ``width`` × ``height``: area mean when shrinking, bilinear when enlarging."""
    shrinking = width * height < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), dtype=np.uint8)


def resize_long_side(image: BgrImage, long_side: int) -> BgrImage:
    """Scale so that the longer side has ``long_side`` pixels and the shorter at least one."""
    height, width = image.shape[:2]
    scale = long_side / max(height, width)
    return resize(image, max(1, round(width * scale)), max(1, round(height * scale)))


def crop(image: BgrImage, box: BoxPx, *, fill: tuple[int, int, int] | None = None) -> BgrImage:
    """Cut out a box, edges rounded to whole pixels, at least one pixel on each side.

    Args:
        image: the source.
        box: in pixels of the source; may reach outside.
        fill: colour (blue, green, red) of what lies outside; None clamps the box to the picture instead.

    Returns:
        A copy.
    """
    height, width = image.shape[:2]
    if fill is None:
        box = clamp_box(box, width, height)
    left, top = round(box.left), round(box.top)
    right, bottom = max(left + 1, round(box.right)), max(top + 1, round(box.bottom))
    if fill is None:
        return image[top:bottom, left:right].copy()
    result = np.empty((bottom - top, right - left, 3), dtype=np.uint8)
    result[:] = fill
    inner = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    y, x = max(0, -top), max(0, -left)
    result[y : y + inner.shape[0], x : x + inner.shape[1]] = inner
    return result


def clamp_box(box: BoxPx, width: int, height: int) -> BoxPx:
    """The part of a box that lies in a picture, at least one pixel on each side."""
    left = min(max(0.0, box.left), width - 1.0)
    top = min(max(0.0, box.top), height - 1.0)
    return BoxPx(
        left=left,
        top=top,
        right=max(left + 1.0, min(float(width), box.right)),
        bottom=max(top + 1.0, min(float(height), box.bottom)),
    )


def letterbox(
    image: BgrImage, width: int, height: int, *, fill: tuple[int, int, int] = BLACK
) -> Letterbox:
    """Fit a picture into a frame, centred, keeping its proportions; the rest is ``fill``."""
    source_height, source_width = image.shape[:2]
    scale = min(width / source_width, height / source_height)
    inner_width = min(width, max(1, round(source_width * scale)))
    inner_height = min(height, max(1, round(source_height * scale)))
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    frame = np.empty((height, width, 3), dtype=np.uint8)
    frame[:] = fill
    frame[top : top + inner_height, left : left + inner_width] = resize(
        image, inner_width, inner_height
    )
    return Letterbox(image=frame, scale=scale, left=left, top=top)


def pad_to_multiple(
    image: BgrImage, multiple: int, *, fill: tuple[int, int, int] = BLACK
) -> BgrImage:
    """Extend to the right and below until both sides divide by ``multiple``; coordinates stay.

    A picture that fits already is returned itself.
    """
    height, width = image.shape[:2]
    below, right = -height % multiple, -width % multiple
    if not below and not right:
        return image
    padded = np.empty((height + below, width + right, 3), dtype=np.uint8)
    padded[:height, :width] = image
    padded[height:] = fill
    padded[:height, width:] = fill
    return padded


def warp_quad(image: BgrImage, quad: QuadPx, width: int, height: int) -> BgrImage:
    """Look straight at a quadrilateral: its corners become those of a ``width`` × ``height`` picture.

    What lies outside the source repeats its border.
    """
    source = np.array([(p.x, p.y) for p in quad.corners], dtype=np.float32)
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    # Corners are edges between pixels, OpenCV counts pixel centres: half a pixel apart.
    matrix = cv2.getPerspectiveTransform(source - 0.5, target - 0.5)
    warped = cv2.warpPerspective(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, dtype=np.uint8)


def overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Intersection over union of two convex polygons: corners in order, shape (n, 2). 0 to 1."""
    a, b = one.astype(np.float32), other.astype(np.float32)
    common = float(cv2.intersectConvexConvex(a, b)[0])
    union = float(cv2.contourArea(a)) + float(cv2.contourArea(b)) - common
    return min(1.0, common / union) if union > 0 else 0.0


def turn_quarters(image: BgrImage, quarters: int) -> BgrImage:
    """Turned clockwise by so many right angles; a copy."""
    return np.ascontiguousarray(np.rot90(image, -quarters))


def flip_horizontally(image: BgrImage) -> BgrImage:
    """Mirror image, left and right exchanged."""
    return np.ascontiguousarray(image[:, ::-1])


def to_gray(image: BgrImage) -> GrayImage:
    """Luma, ITU-R BT.601: uint8, shape (height, width)."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def to_bgr_planes(image: BgrImage) -> FloatArray:
    """float32, shape (3, height, width), planes **blue, green, red**, 0–255."""
    return np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)


def to_rgb_planes(image: BgrImage) -> FloatArray:
    """float32, shape (3, height, width), planes **red, green, blue**, 0–255."""
    return np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1), dtype=np.float32)
