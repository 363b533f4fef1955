"""What hostile bytes must never do to the decoders of pages: one target for everything that reads pixels in process.

PDF files are rendered in a child process, a tenth of a second each; ``tests/imaging/test_bad_pages.py`` mutates those.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from ekyc.errors import EkycError
from ekyc.imaging.decode import DEFAULT_LIMITS
from ekyc.imaging.document_pages import DEFAULT_PAPER_LIMITS, decode_pages
from ekyc.imaging.pdf_pages import is_pdf


def pages(data: bytes) -> None:
    """JPEG, PNG, WebP, JPEG 2000 and TIFF: pages within bounds, or an error that names the input and nothing else."""
    if is_pdf(data):
        return
    try:
        found = decode_pages(data, name="scan")
    except EkycError as error:
        assert error.code.startswith("image."), error.code
        assert error.subject == "scan"
        return
    assert 1 <= len(found) <= DEFAULT_PAPER_LIMITS.max_pages
    for page in found:
        assert page.dtype == np.uint8
        assert page.ndim == 3
        assert page.shape[2] == 3
        assert max(page.shape) <= DEFAULT_PAPER_LIMITS.long_side_px
        assert page.size <= 3 * DEFAULT_LIMITS.max_pixels


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
