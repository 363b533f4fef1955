"""What the signature's appearance and the result page share: the font, a QR code, a line that fits its width."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import segno
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from ekyc.data.fonts import font_path
from ekyc.errors import LimitError

REGULAR: Final = "EkycNotoSans"
BOLD: Final = "EkycNotoSans-Bold"
_QUIET_MODULES: Final = 4
"""ISO/IEC 18004 §6.3.8: the empty border of a QR code."""
_MAX_QR_CHARACTERS: Final = 300

Canvas = Any
"""``reportlab.pdfgen.canvas.Canvas``; reportlab publishes no types."""


_ONE_DRAWING: Final = threading.RLock()


@contextmanager
def drawing() -> Iterator[None]:
    """Hold this, or decorate with it, from first stroke to saved page: fonts are known, and no other thread draws.

    reportlab keeps one font object for all documents, and that object one reading position in the font's file:
    two threads that embed glyphs at once read each other's place, and a signed page would say something else.
    """
    with _ONE_DRAWING:
        _register_fonts()
        yield


@cache
def _register_fonts() -> None:
    """Make the shipped font known to reportlab, once."""
    pdfmetrics.registerFont(TTFont(REGULAR, str(font_path("regular"))))
    pdfmetrics.registerFont(TTFont(BOLD, str(font_path("bold"))))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD)


def draw_qr(
    canvas: Canvas,
    text: str,
    *,
    left: float,
    bottom: float,
    side: float,
    most: int = _MAX_QR_CHARACTERS,
) -> None:
    """Draw a QR code (error correction M) of ``side`` points, quiet zone included, as filled rectangles.

    Args:
        canvas: of reportlab.
        text: what it says.
        left: of the code, in points.
        bottom: of the code, in points.
        side: of the code, in points.
        most: the most characters that a code of this side may have.

    Raises:
        LimitError: the text would need modules too small to photograph.
    """
    if len(text) > most:
        raise LimitError("the text is too long for a QR code in print", code="signing.qr.too_long")
    code = segno.make(text, error="m", micro=False)
    rows = [bytes(row) for row in code.matrix]
    module = side / (len(rows) + 2 * _QUIET_MODULES)
    path = canvas.beginPath()
    for y, row in enumerate(rows):
        for start, length in _runs(row):
            path.rect(
                left + (start + _QUIET_MODULES) * module,
                bottom + side - (y + 1 + _QUIET_MODULES) * module,
                length * module,
                module,
            )
    canvas.setFillGray(0)
    canvas.drawPath(path, stroke=0, fill=1)


def draw_fitting(
    canvas: Canvas, text: str, *, left: float, baseline: float, width: float, size: float
) -> None:
    """Draw one line; a line too long is set smaller, down to two thirds, then cut with an ellipsis."""
    natural = pdfmetrics.stringWidth(text, REGULAR, size)
    if natural > width:
        size = max(size * width / natural, size * 2 / 3)
    while text and pdfmetrics.stringWidth(text, REGULAR, size) > width + 0.01:
        text = text.rstrip("…")[:-1] + "…" if len(text) > 1 else ""
    canvas.setFont(REGULAR, size)
    canvas.drawString(left, baseline, text)


def _runs(row: bytes) -> list[tuple[int, int]]:
    """Start and length of each run of dark modules."""
    runs: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if dark and runs and sum(runs[-1]) == x:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        elif dark:
            runs.append((x, 1))
    return runs
