"""Pages of a PDF as pictures, rendered in a child process, because the file comes from anyone.

PDFium is a large C++ program that parses hostile input. So it runs in a process of its own that may use a bounded
amount of memory and time and is killed when it exceeds either; a crash of it is a typed error of ours.

1. The child opens the file; encrypted, broken and empty files are told apart.
2. Pages and the pixels of every page box are counted **before** anything is rendered.
3. Pages are rendered one by one and sent as raw pixels.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from ekyc.errors import InputError, LimitError

if TYPE_CHECKING:
    from ekyc.values import BgrImage

_ERRORS = {
    "encrypted": "the PDF file is protected by a password",
    "broken": "the PDF file cannot be read",
    "empty": "the PDF file has no pages",
}
_LIMITS = {
    "too_many_pages": "the PDF file has more pages than allowed",
    "too_many_pixels": "a page of the PDF file is larger than allowed",
}
_HEADER_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfLimits:
    """Bounds on a PDF and on its rendering."""

    max_bytes: int = 32 * 1024 * 1024
    max_pages: int = 20
    max_pixels: int = 50_000_000
    """Width times height of one rendered page."""
    max_side_px: int = 20_000
    """Longest side of one rendered page."""
    max_total_pixels: int = 200_000_000
    """All pages together."""
    max_memory_bytes: int = 2 * 1024 * 1024 * 1024
    """Address space of the child process."""
    timeout_s: float = 30.0


DEFAULT_PDF_LIMITS = PdfLimits()


def is_pdf(data: bytes) -> bool:
    """Whether bytes begin as a PDF file does."""
    return data.startswith(b"%PDF-")


def render_pdf_pages(
    data: bytes, *, name: str, dpi: int = 150, limits: PdfLimits = DEFAULT_PDF_LIMITS
) -> tuple[BgrImage, ...]:
    """Render all pages of a PDF.

    Args:
        data: the file.
        name: what error messages call it.
        dpi: dots per inch; A4 at 150 has 1240 × 1754 pixels.
        limits: bounds.

    Returns:
        One picture a page: uint8, shape (height, width, 3), blue-green-red, on white.

    Raises:
        InputError: encrypted, broken or empty (codes ``pdf.encrypted``, ``pdf.broken``, ``pdf.empty``).
        LimitError: too many bytes, pages, pixels, or too much time or memory (codes ``pdf.too_large``,
            ``pdf.too_many_pages``, ``pdf.too_many_pixels``, ``pdf.too_slow``).
    """
    if len(data) > limits.max_bytes:
        raise LimitError(
            "the PDF file has more bytes than allowed", code="pdf.too_large", subject=name
        )
    order = json.dumps({"dpi": dpi, **asdict(limits)})
    command = (sys.executable, "-m", "ekyc.imaging.pdf_child", order)
    try:
        done = subprocess.run(  # noqa: S603  # our own module, by absolute interpreter path
            command, input=data, capture_output=True, timeout=limits.timeout_s, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise LimitError(
            "rendering the PDF file took longer than allowed", code="pdf.too_slow", subject=name
        ) from exc
    verdict, _, pixels = done.stdout.partition(b"\n")
    if done.returncode != 0 or verdict != b"ok":
        _refuse(verdict.decode("ascii", "replace"), name)
    return _pages(pixels, name)


def _refuse(verdict: str, name: str) -> None:
    if verdict in _LIMITS:
        raise LimitError(_LIMITS[verdict], code=f"pdf.{verdict}", subject=name)
    kind = verdict if verdict in _ERRORS else "broken"
    raise InputError(_ERRORS[kind], code=f"pdf.{kind}", subject=name)


def _pages(stream: bytes, name: str) -> tuple[BgrImage, ...]:
    """Split the child's answer: for each page height and width (6 digits each) and the pixels."""
    pages: list[BgrImage] = []
    at = 0
    while at < len(stream):
        header = stream[at : at + _HEADER_BYTES]
        height, width = int(header[:6]), int(header[6:])
        at += _HEADER_BYTES
        size = height * width * 3
        if at + size > len(stream):
            raise InputError(_ERRORS["broken"], code="pdf.broken", subject=name)
        flat = np.frombuffer(stream, dtype=np.uint8, count=size, offset=at)
        pages.append(flat.reshape(height, width, 3).copy())
        at += size
    return tuple(pages)
