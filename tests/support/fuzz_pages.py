"""What hostile bytes must never do to the decoders of pages and to what stands in codes on cards.

Pixels are read in process. PDF files are rendered in a child process, a quarter of a second each: few mutations of
:func:`pdf` are part of the tests, and :func:`pdf_rendering` does in process what the child does.
"""

from __future__ import annotations

import io
from dataclasses import asdict

import numpy as np
import pypdfium2
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from ekyc.errors import EkycError, InputError
from ekyc.imaging.decode import ImageLimits, decode_image
from ekyc.imaging.document_pages import PaperLimits, decode_pages
from ekyc.imaging.pdf_child import write_answer
from ekyc.imaging.pdf_pages import PdfLimits, is_pdf, pages_of_answer, render_pdf_pages
from ekyc.ocr import parse_card_qr

_PAPER = PaperLimits(
    max_pages=3,
    long_side_px=20,
    image=ImageLimits(max_bytes=4096, max_pixels=2000, max_side_px=100),
)
"""So narrow that pages are shrunk, and that no input takes its time for pixels alone."""


def pages(data: bytes) -> None:
    """JPEG, PNG, WebP, JPEG 2000 and TIFF: pages within bounds, or an error that names the input and nothing else."""
    if is_pdf(data):
        return
    try:
        found = decode_pages(data, name="scan", limits=_PAPER)
    except EkycError as error:
        assert error.code.startswith("image."), error.code
        assert error.subject == "scan"
        return
    assert 1 <= len(found) <= _PAPER.max_pages
    for page in found:
        assert page.dtype == np.uint8
        assert page.ndim == 3
        assert page.shape[2] == 3
        assert max(page.shape) <= _PAPER.long_side_px


_SMALL = ImageLimits(max_bytes=4096, max_pixels=1000, max_side_px=64)


def picture(data: bytes) -> None:
    """One still picture within bounds so narrow that what only pretends to keep them is seen."""
    try:
        found = decode_image(data, name="photo", limits=_SMALL)
    except EkycError as error:
        assert error.code.startswith("image."), error.code
        assert error.subject == "photo"
        assert "/" not in str(error)
        return
    assert found.shape[0] * found.shape[1] <= _SMALL.max_pixels
    assert max(found.shape) <= _SMALL.max_side_px
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous


_PDF_LIMITS = PdfLimits(
    max_pages=3, max_pixels=500_000, max_side_px=2000, max_total_pixels=800_000, timeout_s=5.0
)


def pdf(data: bytes) -> None:
    """PDF files through the child process: pages within bounds, or an error that names the input."""
    try:
        found = render_pdf_pages(data, name="paper", dpi=36, limits=_PDF_LIMITS)
    except EkycError as error:
        assert error.code.startswith("pdf."), error.code
        assert error.subject == "paper"
        return
    assert 1 <= len(found) <= _PDF_LIMITS.max_pages
    assert sum(page.shape[0] * page.shape[1] for page in found) <= _PDF_LIMITS.max_total_pixels


_SMALL_PDF = PdfLimits(
    max_pages=3, max_pixels=8000, max_side_px=300, long_side_px=60, max_total_pixels=16_000
)


def pdf_rendering(data: bytes) -> None:
    """What the child process does with a PDF file, and what its parent does with the answer, without the process.

    A crash of PDFium, of which the child would die alone, ends the run.
    """
    answer = io.BytesIO()
    try:
        write_answer(data, {"dpi": 36, **asdict(_SMALL_PDF)}, answer)
    except pypdfium2.PdfiumError:
        return
    try:
        found = pages_of_answer(answer.getvalue(), "paper", _SMALL_PDF)
    except EkycError as error:
        assert error.code.startswith("pdf."), error.code
        return
    assert 1 <= len(found) <= _SMALL_PDF.max_pages
    assert all(max(page.shape) <= _SMALL_PDF.long_side_px for page in found)


def qr(data: bytes) -> None:
    """The text of a card's QR code: a number of twelve digits, or a code that says what is wrong."""
    text = data.decode("utf-8", "replace")
    try:
        found = parse_card_qr(text)
    except InputError as error:
        assert error.code == "card.qr_format", error.code
        return
    number = found.personal_number.reveal()
    assert len(number) == 12
    assert number.isascii()
    assert number.isdigit()
    assert number not in repr(found)


def pdf_seeds() -> tuple[bytes, ...]:
    """A plain file of two pages, one with a picture in it, and one behind a password."""
    picture = Image.radial_gradient("L").resize((24, 16))
    plain, pictured, locked = (io.BytesIO() for _ in range(3))
    canvas = Canvas(plain, pagesize=(120, 160), pageCompression=0)
    for _ in range(2):
        canvas.drawString(10, 100, "Page")
        canvas.showPage()
    canvas.save()
    canvas = Canvas(pictured, pagesize=(120, 160))
    canvas.drawInlineImage(picture, 10, 10, 40, 30)
    canvas.save()
    canvas = Canvas(locked, pagesize=(120, 160), encrypt="secret")
    canvas.save()
    return plain.getvalue(), pictured.getvalue(), locked.getvalue()


def qr_seeds() -> tuple[bytes, ...]:
    """Codes of both generations, of a person that does not exist."""
    name = "NGUYỄN THỊ MẪU|19041985|Nữ|Tổ 12, phường Hòa Thuận Tây|21082023"
    return (
        f"048185012345|201234567|{name}".encode(),
        f"048185012345||{name}".encode(),
        f"048185012345||{name}||TRẦN VĂN A|LÊ THỊ B".encode(),
    )


def page_seeds() -> tuple[bytes, ...]:
    """Small sound pictures of every format, among them those of odd kinds of pixels."""
    grey = Image.radial_gradient("L").resize((24, 16))
    colour = Image.merge("RGB", (grey, grey.rotate(90, expand=False), grey))
    turned = Image.Exif()
    turned[0x0112] = 6
    return (
        _encoded(colour, "JPEG", exif=turned),
        _encoded(colour.convert("CMYK"), "JPEG"),
        _encoded(colour, "PNG"),
        _encoded(grey.convert("I;16"), "PNG"),
        _encoded(colour.convert("P"), "PNG", transparency=0),
        _encoded(colour, "WEBP", lossless=True),
        _encoded(colour, "WEBP", save_all=True, append_images=[colour.rotate(180)]),
        _encoded(colour, "JPEG2000"),
        _encoded(grey.convert("1"), "TIFF", compression="group4"),
        _encoded(colour, "TIFF", save_all=True, append_images=[grey], compression="tiff_lzw"),
    )


def _encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()
