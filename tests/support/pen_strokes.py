"""Handwriting that says nothing: strokes with the loops, ascenders and marks of cursive letters, and no letter in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.values import BgrImage

_INK = (110, 40, 30)


def written_page(
    random: np.random.Generator,
    *,
    on: BgrImage | None = None,
    box: tuple[int, int, int, int] | None = None,
) -> BgrImage:
    """Twenty-two lines of it on a sheet, or one line written into a box of a picture, in place.

    Args:
        random: of every stroke.
        on: the picture to write on; a white sheet of 1240 × 1754 pixels if None.
        box: left, top, right, bottom of the one line.
    """
    slant, size, pen = (
        random.uniform(-0.1, 0.5),
        random.uniform(14, 26),
        int(random.integers(2, 5)),
    )
    if on is not None and box is not None:
        left, top, right, bottom = box
        _line(
            on,
            (left + 6, bottom - 0.3 * (bottom - top)),
            right,
            0.42 * (bottom - top),
            3,
            slant,
            random,
        )
        return on
    sheet = np.full((1754, 1240, 3), 246, np.uint8)
    for row in range(22):
        start = (random.uniform(90, 150), 160 + 68 * row)
        _line(sheet, start, random.uniform(700, 1150), size, pen, slant, random)
    noisy = cv2.GaussianBlur(sheet, (0, 0), 0.8) + random.normal(0, 3, (1754, 1240, 1))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _line(
    sheet: BgrImage,
    start: tuple[float, float],
    end: float,
    size: float,
    pen: int,
    slant: float,
    random: np.random.Generator,
) -> None:
    x, y = start
    while x < end - 2 * size:
        for _ in range(int(random.integers(2, 7))):
            width = size * random.uniform(0.45, 0.8)
            stroke = _letter(int(random.integers(0, 5)), width, size)
            stroke[:, 0] += x - slant * stroke[:, 1] + random.normal(0, 0.02 * size, len(stroke))
            stroke[:, 1] += y + random.normal(0, 0.03 * size, len(stroke))
            cv2.polylines(sheet, [np.rint(stroke).astype(np.int32)], False, _INK, pen, cv2.LINE_AA)
            if random.random() < 0.35:
                middle = (x + width / 2 + slant * size, y - size * random.uniform(1.3, 1.7))
                rise = 0.2 * size * random.uniform(-1, 1)
                ends = [
                    (round(middle[0] + s * 0.2 * size), round(middle[1] + s * rise))
                    for s in (-1, 1)
                ]
                cv2.line(sheet, ends[0], ends[1], _INK, pen, cv2.LINE_AA)
            x += width
        x += size * random.uniform(0.7, 1.4)


def _letter(kind: int, width: float, size: float) -> NDArray[np.float64]:
    """A stroke around the origin, y upwards negative; shape (14, 2)."""
    t = np.linspace(0, 1, 14)
    match kind:
        case 0:  # a bowl
            x, y = (
                width * (t - 0.5 * (1 - t) * np.cos(2 * np.pi * t)),
                -size / 2 * (1 - np.cos(2 * np.pi * t)),
            )
        case 1:  # arches
            x, y = width * t, -size * np.abs(np.sin(2 * np.pi * t))
        case 2:  # an ascender
            x, y = width * (t + 0.25 * np.sin(2 * np.pi * t)), -1.9 * size * np.sin(np.pi * t)
        case 3:  # a descender
            x = width * (t + 0.3 * np.sin(2 * np.pi * t))
            y = 0.9 * size * np.sin(np.pi * t) * np.sign(0.6 - t)
        case _:  # a wave
            x, y = width * t, -size / 2 * (1 - np.cos(4 * np.pi * t))
    return np.stack([x, y], axis=1)
