"""Draws one line of text as ink on an empty sheet, with what stands around it on a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw

from training.fonts import Face, family_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.ImageFont import FreeTypeFont

    from training.corpus import Corpus

    Gray = NDArray[np.uint8]

_PAD_EM = 1.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A line and its surroundings."""

    ink: Gray
    """0 where there is none, 255 where it is full; shape (height, width)."""
    box: tuple[float, float, float, float]
    """Left, top, right, bottom of the line's own ink, in pixels of ``ink``."""
    em_px: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How often something besides the line stands on the sheet."""

    neighbours: float = 0.45
    rules: float = 0.16
    altered: float = 1.0
    """Factor on the chances of odd spacing, width and slant."""


def pick_face(families: tuple[tuple[Face, ...], ...], rng: np.random.Generator) -> Face:
    """A family by its weight, then one of its faces; half of the time an upright face of normal weight."""
    shares = family_weights(tuple(faces[0].family for faces in families))
    faces = families[min(int(np.searchsorted(shares, rng.random())), len(families) - 1)]
    if len(faces) > 8 and rng.random() < 0.5:
        plain = [face for face in faces if "Regular" in face.path] or list(faces)
        return plain[int(rng.integers(len(plain)))]
    return faces[int(rng.integers(len(faces)))]


def draw_sheet(
    text: str,
    face: Face,
    em_px: int,
    corpus: Corpus,
    rng: np.random.Generator,
    *,
    setting: Setting | None = None,
) -> Sheet:
    """One line on a sheet of its own; letters that the face lacks are left out of the text."""
    setting = setting or Setting()
    text = " ".join("".join(c for c in text if c not in face.missing).split()) or "0"
    font = face.at(em_px)
    spacing = (
        float(rng.uniform(0.02, 0.18)) * em_px if rng.random() < 0.06 * setting.altered else 0.0
    )
    if rng.random() < 0.03 * setting.altered:
        spacing = -0.03 * em_px
    width = _width(font, text, spacing)
    pad = round(_PAD_EM * em_px)
    size = (int(width) + 2 * pad, round(2.4 * em_px) + 2 * pad)
    baseline = pad + round(1.35 * em_px)
    sheet = Image.new("L", size, 0)
    _write(ImageDraw.Draw(sheet), (pad, baseline), text, font, spacing)
    box = sheet.getbbox() or (pad, pad, size[0] - pad, size[1] - pad)
    ink = np.asarray(sheet, dtype=np.uint8)
    extra = Image.new("L", size, 0)
    pen = ImageDraw.Draw(extra)
    if rng.random() < setting.neighbours:
        _neighbours(pen, (pad, baseline), face, corpus, rng, em_px=em_px)
    if rng.random() < setting.rules:
        _rules(pen, size, (pad, baseline), em_px, rng)
    if extra.getbbox():
        ink = np.maximum(ink, np.asarray(extra, dtype=np.uint8))
    ink, box, em = _stretch(ink, box, em_px, rng, setting.altered)
    return Sheet(ink=ink, box=box, em_px=em, text=text)


def _width(font: FreeTypeFont, text: str, spacing: float) -> float:
    if not spacing:
        return font.getlength(text)
    return sum(font.getlength(letter) + spacing for letter in text)


def _write(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, font: FreeTypeFont, spacing: float
) -> None:
    if not spacing:
        pen.text(at, text, fill=255, font=font, anchor="ls")
        return
    x = at[0]
    for letter in text:
        pen.text((x, at[1]), letter, fill=255, font=font, anchor="ls")
        x += font.getlength(letter) + spacing


def _neighbours(
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    face: Face,
    corpus: Corpus,
    rng: np.random.Generator,
    *,
    em_px: int,
) -> None:
    pitch = float(rng.uniform(1.12, 1.9)) * em_px
    font = face.at(em_px)
    sides = [side for side in (-1, 1) if rng.random() < 0.75]
    for side in sides:
        text = "".join(c for c in corpus.line() if c not in face.missing)
        x = at[0] + float(rng.uniform(-3, 1)) * em_px * (rng.random() < 0.5)
        pen.text((x, at[1] + side * pitch), text, fill=255, font=font, anchor="ls")


def _rules(
    pen: ImageDraw.ImageDraw,
    size: tuple[int, int],
    at: tuple[int, int],
    em_px: int,
    rng: np.random.Generator,
) -> None:
    thick = max(1, round(em_px * float(rng.uniform(0.02, 0.07))))
    shade = int(rng.integers(90, 256))
    kind = int(rng.integers(6))
    y = round(at[1] + float(rng.uniform(0.08, 0.5)) * em_px)
    if kind in {0, 1}:  # the dotted line of a form to be filled in
        step = max(2, round(em_px * float(rng.uniform(0.12, 0.35))))
        start = 0 if rng.random() < 0.6 else int(rng.integers(size[0]))
        for x in range(start, size[0], step):
            pen.rectangle((x, y, x + thick - 1, y + thick - 1), fill=shade)
    elif kind == 2:  # underlined
        pen.line((0, y, size[0], y), fill=shade, width=thick)
    else:  # the frame of a table
        above = at[1] - float(rng.uniform(1.15, 1.6)) * em_px
        below = at[1] + float(rng.uniform(0.45, 0.9)) * em_px
        if kind != 3:
            pen.line((0, above, size[0], above), fill=shade, width=thick)
        pen.line((0, below, size[0], below), fill=shade, width=thick)
        for x in (at[0] - 0.5 * em_px, size[0] - at[0] + 0.5 * em_px):
            if rng.random() < 0.5:
                pen.line((x, 0, x, size[1]), fill=shade, width=thick)


def _stretch(
    ink: Gray, box: tuple[int, int, int, int], em_px: float, rng: np.random.Generator, share: float
) -> tuple[Gray, tuple[float, float, float, float], float]:
    """Sometimes narrower, wider or slanted, as cheap typesetting does."""
    left, top, right, bottom = (float(side) for side in box)
    if rng.random() < 0.2 * share:
        factor = float(rng.uniform(0.72, 1.25))
        size = (max(8, round(ink.shape[1] * factor)), ink.shape[0])
        ink = np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        left, right = left * factor, right * factor
    if rng.random() < 0.08 * share:
        lean = float(rng.uniform(-0.12, 0.25))
        shear = np.array([[1.0, -lean, lean * bottom], [0.0, 1.0, 0.0]])
        ink = np.asarray(cv2.warpAffine(ink, shear, ink.shape[1::-1]), dtype=np.uint8)
        right += max(0.0, lean) * (bottom - top)
    return ink, (left, top, right, bottom), em_px
