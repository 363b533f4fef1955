"""What cameras, scanners and screens do to a picture, to make samples and to degrade test material.

Every function is pure: the argument is never changed, and randomness comes in as a seeded NumPy generator, so that
the same seed gives the same picture. The effects are simulations: they stand for no real device, and a check that
passes them has proven nothing about real recaptures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ekyc.values import BoxPx, PointPx, QuadPx

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.values import BgrImage


def blur(image: BgrImage, sigma_px: float) -> BgrImage:
    """Gaussian blur, as of a lens a little out of focus."""
    return _u8(cv2.GaussianBlur(image, (0, 0), sigma_px))


def add_noise(
    image: BgrImage, sigma: float, random: np.random.Generator, *, grain_px: int = 1
) -> BgrImage:
    """Sensor noise: one normal deviate of ``sigma`` levels per grain, equal on all three channels."""
    height, width = image.shape[:2]
    rows, columns = -(-height // grain_px), -(-width // grain_px)
    grain = random.standard_normal((rows, columns), dtype=np.float32) * np.float32(sigma)
    spread = cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR)
    levels = np.rint(spread).astype(np.int16)
    return _u8(np.clip(image + levels[:, :, None], 0, 255))


def adjust(image: BgrImage, *, gain: float = 1.0, offset: float = 0.0) -> BgrImage:
    """Brightness: ``gain`` times the level plus ``offset``, clipped to 0–255."""
    levels = np.arange(256, dtype=np.float32) * gain + offset
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return _u8(cv2.LUT(image, table))


def tint(image: BgrImage, *, red: float = 1.0, green: float = 1.0, blue: float = 1.0) -> BgrImage:
    """Colour cast: a gain per channel, clipped to 0–255."""
    levels = np.arange(256, dtype=np.float32)[:, None] * np.array([blue, green, red], np.float32)
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)[:, None, :]
    return _u8(cv2.LUT(image, table))


def shade(image: BgrImage, *, angle_deg: float, darkest: float) -> BgrImage:
    """Light that falls off across the picture, from 1 down to ``darkest`` (0–1) in the given direction."""
    height, width = image.shape[:2]
    turn = np.deg2rad(angle_deg)
    x = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :] * np.float32(np.cos(turn))
    y = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None] * np.float32(np.sin(turn))
    ramp = x + y
    ramp = (ramp - ramp.min()) / max(float(np.ptp(ramp)), 1e-6)
    light = np.float32(1.0) - ramp * np.float32(1.0 - darkest)
    return _u8(cv2.multiply(image, cv2.merge([light, light, light]), dtype=cv2.CV_8U))


def glare(image: BgrImage, centre: PointPx, radius_px: float, strength: float) -> BgrImage:
    """A soft bright spot, as a lamp makes on glass: adds up to ``strength`` levels."""
    height, width = image.shape[:2]
    x = np.arange(width, dtype=np.float32)[None, :] - np.float32(centre.x)
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32(centre.y)
    spot = np.exp(-(x * x + y * y) / np.float32(2 * radius_px * radius_px)) * np.float32(strength)
    levels = np.rint(spot).astype(np.uint8)
    return _u8(cv2.add(image, cv2.merge([levels, levels, levels])))


def move(
    image: BgrImage,
    *,
    shift_px: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
    turn_deg: float = 0.0,
    paper: tuple[int, int, int] | None = None,
) -> BgrImage:
    """Turn (counter-clockwise), scale and shift about the centre; same size.

    Args:
        image: uint8 (height, width, 3).
        shift_px: to the right and down.
        scale: above 1 enlarges.
        turn_deg: degrees, counter-clockwise as seen.
        paper: colour (blue, green, red) beyond the edge; None mirrors the picture there, so no border shows.
    """
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), turn_deg, scale)
    matrix[:, 2] += np.array(shift_px)
    border = cv2.BORDER_REFLECT_101 if paper is None else cv2.BORDER_CONSTANT
    moved = cv2.warpAffine(
        image,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=border,
        borderValue=paper or (0, 0, 0),
    )
    return _u8(moved)


def lay_on(image: BgrImage, quad: QuadPx, table: BgrImage) -> BgrImage:
    """``image`` seen in perspective on ``table``: its corners come to lie on ``quad`` (pixels of the table)."""
    height, width = table.shape[:2]
    rows, columns = image.shape[:2]
    source = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], dtype=np.float32)
    target = np.array([(p.x, p.y) for p in quad.corners], dtype=np.float32)
    # Corners are edges between pixels, OpenCV counts pixel centres: half a pixel apart.
    matrix = cv2.getPerspectiveTransform(source - 0.5, target - 0.5)
    warped = cv2.warpPerspective(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    mask = np.zeros((height, width), dtype=np.uint8)
    # Four fractional bits keep the edge smooth where the quad lies between pixels.
    outline = np.rint((target - 0.5) * 16).astype(np.int32)
    cv2.fillConvexPoly(mask, outline, 255, lineType=cv2.LINE_AA, shift=4)
    return blend(table, _u8(warped), mask)


def blend(below: BgrImage, above: BgrImage, mask: NDArray[np.uint8]) -> BgrImage:
    """``above`` where ``mask`` is 255, ``below`` where it is 0, mixed in between. All of one size."""
    share = cv2.merge([mask, mask, mask]).astype(np.uint16)
    mixed = above.astype(np.uint16) * share + below.astype(np.uint16) * (255 - share) + 127
    return (mixed // 255).astype(np.uint8)


def curl(image: BgrImage, *, depth_px: float, angle_deg: float, phase: float) -> BgrImage:
    """Paper that does not lie flat: the picture waves by up to ``depth_px`` across the given direction.

    ``phase`` (0–1) says where along the page the wave begins; one and a half waves fill the page. Same size; what
    comes in from outside repeats the edge.
    """
    height, width = image.shape[:2]
    turn = np.deg2rad(angle_deg)
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    along = (x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn))) / max(height, width)
    wave = np.sin((along * 1.5 + phase) * 2 * np.pi).astype(np.float32) * np.float32(depth_px)
    map_x = np.ascontiguousarray(x - wave * np.float32(np.sin(turn)))
    map_y = np.ascontiguousarray(y + wave * np.float32(np.cos(turn)))
    waved = cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return _u8(waved)


def photocopy(
    image: BgrImage, random: np.random.Generator, *, contrast: float, speckles: int
) -> BgrImage:
    """Grey, hard in contrast, sprinkled with toner.

    Args:
        image: uint8 (height, width, 3).
        random: draws the speckles.
        contrast: slope around middle grey; 1 keeps the greys, 4 is nearly black and white.
        speckles: dots of toner, one to three pixels wide.
    """
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    paper = max(float(np.percentile(gray, 70)), 1.0)
    levels = (gray / paper - 0.72) * contrast * 255 + 0.72 * 255
    copy = _u8(levels.clip(12, 252))
    height, width = copy.shape
    for x, y, radius in zip(
        random.integers(0, width, speckles),
        random.integers(0, height, speckles),
        random.integers(0, 2, speckles),
        strict=True,
    ):
        cv2.circle(copy, (int(x), int(y)), int(radius), 40, cv2.FILLED, cv2.LINE_AA)
    return _u8(cv2.cvtColor(copy, cv2.COLOR_GRAY2BGR))


def show_on_pixels(image: BgrImage, *, dots_per_pixel: int = 3) -> BgrImage:
    """The picture as a panel shows it: each pixel a cell of red, green and blue stripes with a dark gap below.

    Returns:
        uint8, ``dots_per_pixel`` times as wide and high; mean brightness falls to about two thirds.
    """
    big = image.repeat(dots_per_pixel, axis=0).repeat(dots_per_pixel, axis=1)
    cell = np.full((dots_per_pixel, dots_per_pixel, 3), 115, dtype=np.uint8)
    for channel, column in ((2, 0), (1, 1), (0, 2)):
        cell[:, column * dots_per_pixel // 3, channel] = 255
    cell[-1] //= 2
    rows, columns = image.shape[:2]
    return _u8(cv2.multiply(big, np.tile(cell, (rows, columns, 1)), scale=1 / 255))


def jpeg_round_trip(image: BgrImage, quality: int) -> BgrImage:
    """What is left after JPEG at ``quality`` (1–95)."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return _u8(cv2.imdecode(data, cv2.IMREAD_COLOR))


def quad_of(box: BoxPx) -> QuadPx:
    """The corners of a box."""
    return QuadPx(
        top_left=PointPx(box.left, box.top),
        top_right=PointPx(box.right, box.top),
        bottom_right=PointPx(box.right, box.bottom),
        bottom_left=PointPx(box.left, box.bottom),
    )


def shaken(quad: QuadPx, most_px: float, random: np.random.Generator) -> QuadPx:
    """Each corner moved by up to ``most_px`` in both directions."""
    offsets = random.uniform(-most_px, most_px, (4, 2))
    points = [
        PointPx(corner.x + float(dx), corner.y + float(dy))
        for corner, (dx, dy) in zip(quad.corners, offsets, strict=True)
    ]
    return QuadPx(
        top_left=points[0], top_right=points[1], bottom_right=points[2], bottom_left=points[3]
    )


def _u8(array: object) -> BgrImage:
    return np.asarray(array, dtype=np.uint8)
