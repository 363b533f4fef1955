"""A surface to draw documents on: text in the shipped font, shapes, pictures, QR modules, round stamps.

Coordinates are pixels, x to the right, y down; colours are (red, green, blue), 0–255. Text stands on its baseline.
No system font is used, so the same call gives the same pixels everywhere. A character that the font lacks is an
error, never an empty box.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image, ImageChops, ImageDraw, ImageFont

from ekyc.data.fonts import Weight, font_path
from ekyc.errors import InputError
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ekyc.values import BgrImage

Colour = tuple[int, int, int]
"""Red, green, blue, each 0–255."""

Align = Literal["left", "centre", "right"]

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)

_ANCHOR: dict[Align, str] = {"left": "ls", "centre": "ms", "right": "rs"}
_CELL_FILL = 0.84  # share of a cell that the widest letter may cover


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStyle:
    """How text looks."""

    size_px: int
    """Pixels per em; capitals are about 0.71 of it."""
    weight: Weight = "regular"
    colour: Colour = BLACK
    face: Path | None = None
    """Another font file, for material that must not look all alike; None is the shipped font in ``weight``."""

    def width_of(self, text: str) -> float:
        """Advance width of one line, in pixels."""
        return self.font.getlength(text)

    @property
    def font(self) -> ImageFont.FreeTypeFont:
        """The font as Pillow knows it."""
        return _font(self.face or font_path(self.weight), self.size_px)


class Canvas:
    """A drawing surface. Mutable; :meth:`picture` takes a copy."""

    def __init__(self, width: int, height: int, background: Colour = WHITE) -> None:
        self._image = Image.new("RGB", (width, height), background)
        self._draw = ImageDraw.Draw(self._image)

    @classmethod
    def on(cls, picture: BgrImage) -> Canvas:
        """A canvas that starts as a copy of ``picture``."""
        canvas = cls(1, 1)
        canvas._replace(Image.fromarray(np.ascontiguousarray(picture[:, :, ::-1])))
        return canvas

    @property
    def width(self) -> int:
        return self._image.width

    @property
    def height(self) -> int:
        return self._image.height

    def picture(self) -> BgrImage:
        """What has been drawn: uint8, shape (height, width, 3), blue-green-red."""
        return np.ascontiguousarray(np.asarray(self._image, dtype=np.uint8)[:, :, ::-1])

    def text(self, x: float, y: float, text: str, style: TextStyle, align: Align = "left") -> float:
        """One line of text with its baseline at ``y``.

        Returns:
            Width in pixels.

        Raises:
            InputError: the font lacks a character (``draw.glyph_missing``).
        """
        require_glyphs(text, style.weight, face=style.face)
        font = style.font
        self._draw.text((x, y), text, fill=style.colour, font=font, anchor=_ANCHOR[align])
        return font.getlength(text)

    def cells(self, x: float, y: float, text: str, style: TextStyle, *, pitch_px: float) -> None:
        """One line of text, each character centred in a cell of its own, as in a machine readable zone.

        Letters wider than their cell are squeezed. ``y`` is the baseline.
        """
        require_glyphs(text, style.weight, face=style.face)
        font = style.font
        for i, char in enumerate(text):
            if char == " ":
                continue
            left, top, right, bottom = font.getbbox(char, anchor="ls")
            glyph = Image.new("L", (math.ceil(right - left), math.ceil(bottom - top)))
            ImageDraw.Draw(glyph).text((-left, -top), char, fill=255, font=font, anchor="ls")
            width = min(glyph.width, round(pitch_px * _CELL_FILL))
            glyph = glyph.resize((width, glyph.height), Image.Resampling.LANCZOS)
            place = (round(x + (i + 0.5) * pitch_px - width / 2), round(y + top))
            self._image.paste(style.colour, place, glyph)

    def rectangle(
        self,
        box: BoxPx,
        *,
        fill: Colour | None = None,
        outline: Colour | None = None,
        line_px: int = 1,
        radius_px: float = 0,
    ) -> None:
        """A rectangle, with round corners where ``radius_px`` is above zero."""
        corners = (box.left, box.top, box.right, box.bottom)
        self._draw.rounded_rectangle(
            corners, radius=radius_px, fill=fill, outline=outline, width=line_px
        )

    def ellipse(
        self,
        box: BoxPx,
        *,
        fill: Colour | None = None,
        outline: Colour | None = None,
        line_px: int = 1,
    ) -> None:
        """An ellipse that fills ``box``."""
        corners = (box.left, box.top, box.right, box.bottom)
        self._draw.ellipse(corners, fill=fill, outline=outline, width=line_px)

    def line(
        self, points: Sequence[tuple[float, float]], colour: Colour = BLACK, line_px: int = 1
    ) -> None:
        """A polyline with round joints."""
        self._draw.line(list(points), fill=colour, width=line_px, joint="curve")

    def star(self, x: float, y: float, radius_px: float, colour: Colour) -> None:
        """A filled five-pointed star, one point up."""
        points = []
        for i in range(10):
            radius = radius_px if i % 2 == 0 else radius_px * 0.382
            angle = math.pi * (i / 5 - 0.5)
            points.append((x + radius * math.cos(angle), y + radius * math.sin(angle)))
        self._draw.polygon(points, fill=colour)

    def paste(self, picture: BgrImage, box: BoxPx) -> None:
        """``picture`` scaled to fill ``box``."""
        size = (round(box.width), round(box.height))
        source = Image.fromarray(np.ascontiguousarray(picture[:, :, ::-1]))
        scaled = source.resize(size, Image.Resampling.LANCZOS)
        self._image.paste(scaled, (round(box.left), round(box.top)))

    def modules(
        self,
        left: int,
        top: int,
        rows: Sequence[Sequence[int]],
        *,
        module_px: int,
        colour: Colour = BLACK,
    ) -> None:
        """The dark modules of a two-dimensional code; every non-zero entry of ``rows`` is one square."""
        bits = (np.asarray(rows, dtype=np.uint8) != 0).astype(np.uint8) * 255
        mask = Image.fromarray(bits.repeat(module_px, axis=0).repeat(module_px, axis=1), mode="L")
        self._image.paste(colour, (left, top), mask)

    def round_text(
        self,
        x: float,
        y: float,
        text: str,
        style: TextStyle,
        *,
        radius_px: float,
        from_deg: float,
        to_deg: float,
    ) -> None:
        """Text along a circle around (x, y), heads outwards, clockwise; 0° is up."""
        require_glyphs(text, style.weight, face=style.face)
        font = style.font
        total = font.getlength(text)
        used = 0.0
        for char in text:
            advance = font.getlength(char)
            angle = from_deg + (to_deg - from_deg) * (used + advance / 2) / total
            used += advance
            turn = math.radians(angle)
            foot = (x + radius_px * math.sin(turn), y - radius_px * math.cos(turn))
            self._turned_glyph(foot, char, style, angle)

    def stamp(self, other: Canvas, left: float, top: float, *, opacity: float = 1.0) -> None:
        """Ink from ``other`` laid over what is there: dark stays dark, white paper adds nothing."""
        place = (round(left), round(top))
        box = (*place, place[0] + other.width, place[1] + other.height)
        below = self._image.crop(box)
        inked = ImageChops.multiply(below, other._image)
        self._image.paste(Image.blend(below, inked, opacity), place)

    def turned(self, degrees: float) -> Canvas:
        """A copy turned counter-clockwise about its centre, same size, white where nothing was."""
        canvas = Canvas(1, 1)
        canvas._replace(
            self._image.rotate(degrees, resample=Image.Resampling.BICUBIC, fillcolor=WHITE)
        )
        return canvas

    def _turned_glyph(
        self, foot: tuple[float, float], char: str, style: TextStyle, angle_deg: float
    ) -> None:
        side = 3 * style.size_px
        glyph = Image.new("L", (side, side))
        font = style.font
        ImageDraw.Draw(glyph).text((side / 2, side / 2), char, fill=255, font=font, anchor="ms")
        glyph = glyph.rotate(-angle_deg, resample=Image.Resampling.BICUBIC)
        place = (round(foot[0] - side / 2), round(foot[1] - side / 2))
        self._image.paste(style.colour, place, glyph)

    def _replace(self, image: Image.Image) -> None:
        self._image = image
        self._draw = ImageDraw.Draw(image)


def missing_glyphs(
    text: str, weight: Weight = "regular", *, face: Path | None = None
) -> frozenset[str]:
    """Characters of ``text`` that the shipped font, or the font file ``face``, cannot draw."""
    known = _coverage(face or font_path(weight))
    return frozenset(char for char in text if ord(char) not in known)


def require_glyphs(text: str, weight: Weight = "regular", *, face: Path | None = None) -> None:
    """Refuse text that would come out as empty boxes.

    Raises:
        InputError: ``draw.glyph_missing``, naming the code points.
    """
    if missing := missing_glyphs(text, weight, face=face):
        names = ", ".join(sorted(f"U+{ord(char):04X}" for char in missing))
        raise InputError(f"the font lacks {names}", code="draw.glyph_missing", subject="text")


@cache
def _font(path: Path, size_px: int) -> ImageFont.FreeTypeFont:
    # The basic layout engine needs no optional library, so widths agree on every machine.
    return ImageFont.truetype(path, size_px, layout_engine=ImageFont.Layout.BASIC)


@cache
def _coverage(path: Path) -> frozenset[int]:
    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap() or ())
