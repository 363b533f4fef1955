"""Surfaces that documents are photographed on, drawn at random: wood, cloth, stone, clutter, desks. Nothing is photographed.

Each function takes the size in pixels and a seeded generator and returns uint8 (height, width, 3), blue-green-red.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.imaging import effects
from ekyc.imaging.draw import Canvas, Colour, TextStyle
from ekyc.values import BoxPx, PointPx, QuadPx

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.values import BgrImage

Surface = Callable[[int, int, np.random.Generator], "BgrImage"]

_WORDS: Final = [
    "BIÊN",
    "LAI",
    "HÓA",
    "ĐƠN",
    "THÔNG",
    "BÁO",
    "DANH",
    "SÁCH",
    "QUẢNG",
    "CÁO",
    "SỐ",
    "NGÀY",
    "THÁNG",
    "CỘNG",
    "TỔNG",
    "PHIẾU",
    "THU",
    "CHI",
]


def colour(random: np.random.Generator, low: int = 20, high: int = 235) -> Colour:
    """Any colour."""
    red, green, blue = (int(v) for v in random.integers(low, high, 3))
    return (red, green, blue)


def plain(width: int, height: int, random: np.random.Generator) -> BgrImage:
    """One colour, a little grain."""
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[:] = random.integers(15, 160, 3)
    return effects.add_noise(picture, 6, random, grain_px=3)


def wood(width: int, height: int, random: np.random.Generator) -> BgrImage:
    """Planks with grain along them and dark joints; the grain runs at any angle."""
    side = int(np.hypot(width, height)) + 2
    light = np.array([70, 120, 170]) * random.uniform(0.5, 1.25)
    rows = np.zeros(side)
    for period, strength in ((90, 14), (31, 10), (11, 8), (5, 5)):
        rows += _smooth_row(side, period, random) * strength
    wavy = (np.arange(side)[None, :] * 0.0 + np.arange(side)[:, None]).astype(np.float32)
    wavy += (_smooth_row(side, 160, random) * 9)[None, :]
    at = np.clip(np.rint(wavy), 0, side - 1).astype(int)
    grain = rows[at] + random.normal(0, 3, (side, side))
    picture = np.clip(light[None, None, :] + grain[:, :, None], 0, 255).astype(np.uint8)
    for joint in range(int(random.integers(60, 240)), side, int(random.integers(150, 420))):
        picture[joint : joint + 3] = (picture[joint : joint + 3] * 0.35).astype(np.uint8)
    turned = effects.move(picture, turn_deg=float(random.uniform(0, 180)))
    y, x = (side - height) // 2, (side - width) // 2
    return np.ascontiguousarray(turned[y : y + height, x : x + width])


def cloth(width: int, height: int, random: np.random.Generator) -> BgrImage:
    """A weave or a tartan with folds."""
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    base = random.integers(30, 220, 3).astype(np.float64)
    pitch = random.uniform(4, 9)
    weave = 9 * (np.sin(2 * np.pi * x / pitch) + np.sin(2 * np.pi * y / pitch))
    picture = base[None, None, :] + weave[:, :, None]
    if random.random() < 0.5:
        stripe = random.integers(-70, 70, 3)
        period = int(random.integers(60, 200))
        band = ((x % period) < period // 3).astype(float) + ((y % period) < period // 3)
        picture = picture + band[:, :, None] * stripe[None, None, :] * 0.5
    folds = _smooth_row(width, 170, random)[None, :] + _smooth_row(height, 220, random)[:, None]
    picture = picture * (1 + 0.13 * folds[:, :, None])
    return effects.add_noise(np.clip(picture, 0, 255).astype(np.uint8), 6, random, grain_px=2)


def stone(width: int, height: int, random: np.random.Generator) -> BgrImage:
    """Speckled granite or terrazzo."""
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[:] = random.integers(70, 200, 3)
    for grain, sigma in ((2, 16), (7, 16), (23, 12)):
        picture = effects.add_noise(picture, sigma, random, grain_px=grain)
    canvas = Canvas.on(picture)
    for _ in range(int(random.integers(60, 260))):
        px, py, r = random.uniform(0, width), random.uniform(0, height), random.uniform(2, 13)
        canvas.ellipse(
            BoxPx(left=px - r, top=py - r, right=px + r, bottom=py + r),
            fill=colour(random, 30, 230),
        )
    return canvas.picture()


def clutter(width: int, height: int, random: np.random.Generator) -> BgrImage:
    """A desk full of things: boxes, discs, cables, printed words, at all angles."""
    picture = plain(width, height, random)
    for _ in range(int(random.integers(10, 24))):
        w, h = int(random.integers(60, width // 2)), int(random.integers(40, height // 3))
        thing = Canvas(w, h, colour(random))
        if random.random() < 0.6:
            style = TextStyle(size_px=int(random.integers(14, 40)), colour=colour(random))
            for row in range(1, 1 + h // 50):
                thing.text(8, 46 * row, " ".join(random.choice(_WORDS, 3)), style)
        else:
            box = BoxPx(left=w * 0.15, top=h * 0.15, right=w * 0.85, bottom=h * 0.85)
            thing.ellipse(box, fill=colour(random), outline=colour(random), line_px=4)
        centre = (random.uniform(0, width), random.uniform(0, height))
        picture = laid(picture, thing.picture(), centre, float(random.uniform(0, 360)))
    canvas = Canvas.on(picture)
    for _ in range(int(random.integers(2, 7))):
        points = [(random.uniform(0, width), random.uniform(0, height)) for _ in range(4)]
        canvas.line(points, colour(random), int(random.integers(3, 12)))
    return effects.add_noise(canvas.picture(), 4, random)


def tiles(width: int, height: int, random: np.random.Generator) -> BgrImage:
    """Floor tiles: a grid of straight joints, which is what a finder of straight lines likes best."""
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[:] = random.integers(90, 215, 3)
    picture = effects.add_noise(picture, 10, random, grain_px=19)
    canvas = Canvas.on(picture)
    joint = colour(random, 30, 200)
    angle = random.uniform(0, np.pi)
    pitch = random.uniform(150, 380)
    reach = float(np.hypot(width, height))
    for turn in (angle, angle + np.pi / 2):
        along, across = (
            np.array([np.cos(turn), np.sin(turn)]),
            np.array([-np.sin(turn), np.cos(turn)]),
        )
        for k in range(-12, 13):
            middle = np.array([width / 2, height / 2]) + across * (k + 0.37) * pitch
            a, b = middle - along * reach, middle + along * reach
            canvas.line([(a[0], a[1]), (b[0], b[1])], joint, 5)
    return effects.add_noise(canvas.picture(), 4, random)


def white_desk(width: int, height: int, random: np.random.Generator) -> BgrImage:
    """A white table."""
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[:] = int(random.integers(214, 250)) + random.integers(-4, 5, 3)
    return effects.add_noise(picture, 2.5, random, grain_px=29)


def laid(
    below: BgrImage, thing: BgrImage, centre: tuple[float, float], turn_deg: float
) -> BgrImage:
    """``thing`` lying flat on ``below``, turned about ``centre``."""
    h, w = thing.shape[:2]
    turn = np.deg2rad(turn_deg)
    right = np.array([np.cos(turn), np.sin(turn)]) * w / 2
    down = np.array([-np.sin(turn), np.cos(turn)]) * h / 2
    middle = np.array(centre)
    corners = [
        middle - right - down,
        middle + right - down,
        middle + right + down,
        middle - right + down,
    ]
    return effects.lay_on(thing, quad_from(np.array(corners)), below)


def quad_from(corners: NDArray[np.float64]) -> QuadPx:
    """Four corners, shape (4, 2), clockwise from the top left of what is drawn."""
    a, b, c, d = (PointPx(float(x), float(y)) for x, y in corners)
    return QuadPx(top_left=a, top_right=b, bottom_right=c, bottom_left=d)


def _smooth_row(length: int, period: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Noise along a line, deviation 1, that changes over ``period`` pixels."""
    knots = random.normal(0, 1, max(2, int(length / period) + 2)).astype(np.float32)
    return np.interp(np.linspace(0, len(knots) - 1, length), np.arange(len(knots)), knots)


SURFACES: Final[Mapping[str, Surface]] = MappingProxyType(
    {
        "plain": plain,
        "wood": wood,
        "cloth": cloth,
        "stone": stone,
        "clutter": clutter,
        "tiles": tiles,
        "white": white_desk,
    }
)
