"""Invented papers for the suite ``ocr-copy``: four forms, many looks.

The forms carry the labels of the real ones; layouts, people and offices are invented, and every page says that it is a
sample. Fonts are those of the machine where it has some that draw Vietnamese, else the one that ships.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.benchmarks.copy_forms import FORMS, Row, invented_name
from ekyc.imaging.draw import Canvas, TextStyle, missing_glyphs
from ekyc.samples.paper import INK, PEN_BLUE, RED, guilloche, round_stamp, signature
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.imaging.draw import Colour
    from ekyc.values import BgrImage

WIDTH_PX: Final = 1240
HEIGHT_PX: Final = 1754
"""A4 at 150 dots per inch."""

OFFICE: Final = "ỦY BAN NHÂN DÂN PHƯỜNG"
_FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
_FAMILIES = ("Tinos", "Arimo", "DejaVuSerif", "FreeSerif", "Carlito", "Cousine", "Roboto")
_ALPHABET = "ẠậặỆễợữỳỵỹđĐƠƯ0123456789/:,.-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a sheet is set."""

    regular: Path | None
    bold: Path | None
    size_px: int
    line_px: int
    left_px: int
    paper: str
    """``white``, ``cream`` or ``pattern``."""
    pen: Colour
    stamp_deg: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One page."""

    title: str
    number: str
    rows: tuple[Row, ...]
    signer: str
    look: Look
    office: str | None = OFFICE
    """Who stamped it; None for nobody."""
    signed: bool = True
    note: str = ""
    """A line above the rows, in their letters."""
    portrait: int | None = None
    """Seed of the picture of its holder; None for a paper without one."""


def invented_paper(
    random: np.random.Generator, *, pages: int = 1, portrait: bool = False
) -> tuple[Sheet, ...]:
    """A paper of so many pages, drawn at random; all pages look alike but say different things."""
    look = _look(random)
    sheets = (
        invented_sheet(random, replace(look, seed=int(random.integers(1 << 30))))
        for _ in range(pages)
    )
    return tuple(replace(sheet, portrait=sheet.look.seed if portrait else None) for sheet in sheets)


def draw_sheet(sheet: Sheet) -> BgrImage:
    """The page as it came from the printer, stamped and signed.

    Returns:
        uint8, shape (1754, 1240, 3), blue-green-red.
    """
    look = sheet.look
    canvas = Canvas.on(_paper(look))
    bold = TextStyle(size_px=look.size_px + 1, weight="bold", colour=INK, face=look.bold)
    plain = TextStyle(size_px=look.size_px, colour=INK, face=look.regular)
    middle = WIDTH_PX / 2
    canvas.text(middle, 110, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", bold, "centre")
    width = canvas.text(middle, 152, "Độc lập - Tự do - Hạnh phúc", bold, "centre")
    canvas.line([(middle - width / 2, 168), (middle + width / 2, 168)], INK, 2)
    title = TextStyle(size_px=46, weight="bold", colour=RED, face=look.bold)
    canvas.text(middle, 258, sheet.title, title, "centre")
    if sheet.number:
        canvas.text(middle, 310, f"Số: {sheet.number}", plain, "centre")
    if sheet.note:
        canvas.text(look.left_px, 351, sheet.note, plain)
    if sheet.portrait is not None:
        canvas.paste(_portrait(sheet.portrait), _PORTRAIT)
    y = 390.0
    for row in sheet.rows:
        _draw_row(canvas, row, y, look)
        y += look.line_px
    _sign_off(canvas, sheet, y + 30, bold)
    foot = TextStyle(size_px=20, colour=INK, face=look.regular)
    canvas.text(middle, HEIGHT_PX - 40, "TÀI LIỆU MẪU - KHÔNG CÓ GIÁ TRỊ PHÁP LÝ", foot, "centre")
    return canvas.picture()


_SMALLEST_PX: Final = 13


def _draw_row(canvas: Canvas, row: Row, y: float, look: Look) -> None:
    """Label and value, in smaller letters where they would run off the page."""
    room = WIDTH_PX - 60 - look.left_px
    size_px = look.size_px
    while True:
        plain = TextStyle(size_px=size_px, colour=INK, face=look.regular)
        bold = TextStyle(size_px=size_px + 1, weight="bold", colour=INK, face=look.bold)
        style = bold if row.is_name else plain
        used = plain.width_of(row.label) + 12 if row.label else 0.0
        if used + style.width_of(row.value) <= room or size_px <= _SMALLEST_PX:
            break
        size_px -= 1
    canvas.text(look.left_px, y, row.label, plain)
    canvas.text(look.left_px + used, y, row.value, style)


def _sign_off(canvas: Canvas, sheet: Sheet, y: float, bold: TextStyle) -> None:
    look = sheet.look
    random = np.random.default_rng(look.seed)
    centre = 860 + float(random.uniform(-60, 40))
    canvas.text(centre, y, "CHỦ TỊCH", bold, "centre")
    if sheet.signed:
        box = BoxPx(left=centre - 150, top=y + 22, right=centre + 140, bottom=y + 128)
        _sign(canvas, box, look, random)
    if sheet.office is not None:
        stamp = round_stamp(224, around=sheet.office, below="SAMPLE", middle="DẤU MẪU").turned(
            look.stamp_deg
        )
        canvas.stamp(stamp, centre - 300, y - 30, opacity=0.9)
    canvas.text(centre, y + 176, sheet.signer, bold, "centre")


def _sign(canvas: Canvas, box: BoxPx, look: Look, random: np.random.Generator) -> None:
    if look.pen == PEN_BLUE:
        signature(canvas, box, random)
        return
    steps = np.linspace(0.0, 1.0, 90)
    turns, swing = random.uniform(3.0, 6.0), random.uniform(0.28, 0.42)
    x = box.left + box.width * (0.9 * steps + 0.06 * np.sin(steps * turns * 6))
    y = box.top + box.height * (0.5 + swing * np.sin(steps * turns * 5 + random.uniform(0, 6)))
    canvas.line(list(zip(x.tolist(), y.tolist(), strict=True)), look.pen, 3)


_PORTRAIT: Final = BoxPx(left=66, top=60, right=216, bottom=260)


def _portrait(seed: int) -> BgrImage:
    """Nobody: a head, hair and shoulders of drawn size, place and colour."""
    random = np.random.default_rng(seed)
    canvas = Canvas(150, 200, (206, 188, 170))
    x, y = 75 + float(random.uniform(-6, 6)), 88 + float(random.uniform(-6, 6))
    wide, high = float(random.uniform(33, 42)), float(random.uniform(44, 54))
    hair = int(random.integers(20, 60))
    skin = (int(random.integers(130, 190)), int(random.integers(160, 205)), 225)

    def round_shape(cx: float, cy: float, rx: float, ry: float, colour: Colour) -> None:
        box = BoxPx(left=cx - rx, top=cy - ry, right=cx + rx, bottom=cy + ry)
        canvas.ellipse(box, fill=colour)

    round_shape(x, 205, float(random.uniform(58, 70)), 66, (90, int(random.integers(60, 200)), 60))
    down = float(random.uniform(-14, 10))
    round_shape(x, y - 6 + down / 2, wide + 7, high + 8 + abs(down), (hair, hair, hair))
    round_shape(x, y + 8, wide, high, skin)
    apart = wide * float(random.uniform(0.36, 0.5))
    for side in (-1, 1):
        round_shape(x + side * apart, y, 5, 3, (40, 40, 50))
    round_shape(x, y + high * float(random.uniform(0.5, 0.66)), 11, 3, (90, 80, 180))
    return canvas.picture()


def _paper(look: Look) -> BgrImage:
    if look.paper == "pattern":
        return guilloche(
            WIDTH_PX,
            HEIGHT_PX,
            top=(250, 248, 240),
            bottom=(244, 242, 236),
            line=(236, 226, 216),
            waves=30,
        )
    level = (255, 255, 255) if look.paper == "white" else (250, 246, 232)
    return Canvas(WIDTH_PX, HEIGHT_PX, level).picture()


def _look(random: np.random.Generator) -> Look:
    regular, bold = faces()[int(random.integers(len(faces())))]
    return Look(
        regular=regular,
        bold=bold,
        size_px=int(random.integers(24, 31)),
        line_px=int(random.integers(50, 58)),
        left_px=int(random.integers(90, 150)),
        paper=str(random.choice(["white", "cream", "pattern"])),
        pen=PEN_BLUE if random.random() < 0.7 else (28, 28, 34),
        stamp_deg=float(random.uniform(-25, 25)),
        seed=int(random.integers(1 << 30)),
    )


@cache
def faces() -> tuple[tuple[Path | None, Path | None], ...]:
    """Regular and bold files of families that draw Vietnamese, the shipped one (None) first."""
    found: list[tuple[Path | None, Path | None]] = [(None, None)]
    for family in _FAMILIES:
        pair = [_font_file(f"{family}-Regular"), _font_file(f"{family}-Bold")]
        pair[0] = pair[0] or _font_file(family)
        pair[1] = pair[1] or _font_file(f"{family}Bold")
        if pair[0] and pair[1] and not any(missing_glyphs(_ALPHABET, face=p) for p in pair):
            found.append((pair[0], pair[1]))
    return tuple(found)


def _font_file(name: str) -> Path | None:
    files = (path for folder in _FONT_FOLDERS for path in folder.rglob(f"{name}.ttf"))
    return min(files, default=None)


def invented_sheet(random: np.random.Generator, look: Look) -> Sheet:
    """One page of any form in the given look."""
    form = FORMS[int(random.integers(len(FORMS)))]
    title, rows = form(random)
    return Sheet(
        title=title,
        number=f"{int(random.integers(1, 900))}/{int(random.integers(2000, 2026))}",
        rows=rows,
        signer=invented_name(random),
        look=look,
    )
