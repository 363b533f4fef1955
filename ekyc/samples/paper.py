"""Backgrounds and marks that card and document share: security pattern, star disc, signature, round stamp."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.imaging.draw import Canvas, Colour, TextStyle
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.values import BgrImage

INK: Final[Colour] = (24, 24, 32)
RED: Final[Colour] = (178, 24, 32)
STAMP_RED: Final[Colour] = (206, 44, 48)
PEN_BLUE: Final[Colour] = (32, 48, 140)


def guilloche(
    width: int, height: int, *, top: Colour, bottom: Colour, line: Colour, waves: int
) -> BgrImage:
    """A pale vertical gradient crossed by fine interlaced waves.

    Returns:
        uint8, shape (height, width, 3), blue-green-red.
    """
    ramp = np.linspace(np.array(top[::-1]), np.array(bottom[::-1]), height)
    paper = np.repeat(np.rint(ramp).astype(np.uint8)[:, None, :], width, axis=1)
    canvas = Canvas.on(paper)
    x = np.arange(0, width + 8, 8)
    for i in range(waves):
        phase = 2 * math.pi * i / waves
        swing = height * 0.045 * math.sin(3 * phase)
        base = height * (i + 0.5) / waves
        y = base + swing * np.sin(x * 2 * math.pi / (width * 0.31) + phase)
        y += height * 0.02 * np.sin(x * 2 * math.pi / (width * 0.083) - phase)
        canvas.line(list(zip(x.tolist(), y.tolist(), strict=True)), line)
    return canvas.picture()


def star_disc(canvas: Canvas, x: float, y: float, radius_px: float) -> None:
    """A red disc with a yellow star, in the place of the national emblem, which is not reproduced."""
    box = BoxPx(left=x - radius_px, top=y - radius_px, right=x + radius_px, bottom=y + radius_px)
    canvas.ellipse(box, fill=RED, outline=(214, 160, 40), line_px=max(2, round(radius_px / 14)))
    canvas.star(x, y, radius_px * 0.66, (246, 208, 70))


def signature(canvas: Canvas, box: BoxPx, random: np.random.Generator) -> None:
    """A scribble of loops from left to right that fills ``box``."""
    steps = np.linspace(0.0, 1.0, 120)
    loops = random.uniform(4.0, 6.5)
    phase = random.uniform(0.0, 2 * math.pi)
    swing = 0.30 + 0.16 * np.sin(steps * math.pi * random.uniform(2.0, 4.0) + phase)
    x = box.left + box.width * (0.88 * steps + 0.06 * (1 + np.cos(steps * loops * 2 * math.pi)))
    y = box.top + box.height * (0.5 + swing * np.sin(steps * loops * 2 * math.pi + phase))
    y += box.height * 0.12 * np.sin(steps * math.pi * 3)
    canvas.line(list(zip(x.tolist(), y.tolist(), strict=True)), PEN_BLUE, 3)


def round_stamp(diameter_px: int, *, around: str, below: str, middle: str) -> Canvas:
    """A round red office stamp on white, to be laid over the signature.

    Args:
        diameter_px: outer diameter; the canvas is a little larger.
        around: text along the upper part of the ring.
        below: text along the lower part of the ring.
        middle: short text under the star.
    """
    side = diameter_px + 8
    canvas = Canvas(side, side)
    centre, radius = side / 2, diameter_px / 2
    for share, line_px in ((1.0, 5), (0.66, 2)):
        r = radius * share
        ring = BoxPx(left=centre - r, top=centre - r, right=centre + r, bottom=centre + r)
        canvas.ellipse(ring, outline=STAMP_RED, line_px=line_px)
    style = TextStyle(size_px=round(diameter_px * 0.088), weight="bold", colour=STAMP_RED)
    span = min(250.0, math.degrees(style.width_of(around) * 1.12 / (radius * 0.76)))
    canvas.round_text(
        centre, centre, around, style, radius_px=radius * 0.75, from_deg=-span / 2, to_deg=span / 2
    )
    span = math.degrees(style.width_of(below) * 1.12 / (radius * 0.76))
    canvas.round_text(
        centre,
        centre,
        below,
        style,
        radius_px=radius * 0.75,
        from_deg=180 - span / 2,
        to_deg=180 + span / 2,
    )
    canvas.star(centre, centre - radius * 0.12, radius * 0.26, STAMP_RED)
    small = TextStyle(size_px=round(diameter_px * 0.1), weight="bold", colour=STAMP_RED)
    canvas.text(centre, centre + radius * 0.38, middle, small, "centre")
    return canvas
