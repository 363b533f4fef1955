"""Pages of a PDF as pictures, rendered in a child process, because the file comes from anyone.

PDFium is a large C++ program that parses hostile input. So it runs in a process of its own that may use a bounded
amount of memory and time and is killed when it exceeds either; a crash of it is a typed error of ours.

1. The child opens the file; encrypted, broken and empty files are told apart.
2. Pages and the pixels of every page box are counted **before** anything is rendered.
3. Pages are rendered one by one, none larger than it is needed, and sent as raw pixels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from ekyc.errors import InputError, LimitError
from ekyc.imaging.limited_child import ChildFailed, ChildFault, ChildLimits, run_child

if TYPE_CHECKING:
    from ekyc.values import BgrImage

_ERRORS = {
    "encrypted": "the PDF file is protected by a password",
    "broken": "the PDF file cannot be read",
    "empty": "the PDF file has no pages",
}
_LIMITS = {
    "too_many_pages": "the PDF file has more than {max_pages} pages",
    "too_many_pixels": "the pages of the PDF file are larger than {max_pixels} pixels each, {max_side_px} a side or"
    " {max_total_pixels} together",
    "too_slow": "rendering the PDF file took longer than {timeout_s:g} seconds",
}
_HEADER_BYTES = 12
_VERDICT_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfLimits:
    """Bounds on a PDF and on its rendering."""

    max_bytes: int = 32 * 1024 * 1024
    max_pages: int = 50
    max_pixels: int = 50_000_000
    """Width times height of one rendered page."""
    max_side_px: int = 20_000
    """Longest side of one rendered page."""
    long_side_px: int = 3600
    """A page that would be longer is rendered at so many pixels instead, as long as it keeps the other bounds."""
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
            f"the PDF file has more than {limits.max_bytes} bytes",
            code="pdf.too_large",
            subject=name,
        )
    pixels = limits.max_total_pixels * 3 + limits.max_pages * _HEADER_BYTES
    bounds = ChildLimits(timeout_s=limits.timeout_s, max_output_bytes=pixels + _VERDICT_BYTES)
    try:
        answer = run_child("ekyc.imaging.pdf_child", {"dpi": dpi, **asdict(limits)}, data, bounds)
    except ChildFailed as failed:
        _refuse("too_slow" if failed.fault is ChildFault.TOO_SLOW else "broken", name, limits)
    return pages_of_answer(answer, name, limits)


def pages_of_answer(answer: bytes, name: str, limits: PdfLimits) -> tuple[BgrImage, ...]:
    """The pages that a child sent (:func:`ekyc.imaging.pdf_child.write_answer`).

    Raises:
        InputError, LimitError: it refused the file; as :func:`render_pdf_pages`.
    """
    verdict = answer[:_VERDICT_BYTES].partition(b"\n")[0]
    if verdict != b"ok":
        _refuse(verdict.decode("ascii", "replace"), name, limits)
    return _pages(answer, len(verdict) + 1, name)


def _refuse(verdict: str, name: str, limits: PdfLimits) -> NoReturn:
    if verdict in _LIMITS:
        message = _LIMITS[verdict].format(**asdict(limits))
        raise LimitError(message, code=f"pdf.{verdict}", subject=name)
    kind = verdict if verdict in _ERRORS else "broken"
    raise InputError(_ERRORS[kind], code=f"pdf.{kind}", subject=name)


def _pages(stream: bytes, at: int, name: str) -> tuple[BgrImage, ...]:
    """Split the child's answer from ``at``: for each page height and width (6 digits each) and the pixels."""
    pages: list[BgrImage] = []
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
