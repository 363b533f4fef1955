"""Files that nobody should hand in as a paper, by name: each as bytes, with the reason that it must be given."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ekyc.values import BgrImage


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A picture as a file."""
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def pdf(pages: int = 1, size: tuple[float, float] = (200, 280), **options: str) -> bytes:
    """A PDF file of sparse pages; sides in points."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=size, **options)
    for _ in range(pages):
        canvas.drawString(20, 200, "Page")
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def refused() -> Mapping[str, tuple[bytes, str]]:
    """Files of which nothing is decoded, and the code of the error."""
    small = Image.new("L", (9, 9))
    return {
        "60-megapixels.png": (encoded(Image.new("1", (10_000, 6_001))), "image.too_many_pixels"),
        "300-pages.pdf": (pdf(300), "pdf.too_many_pages"),
        "encrypted.pdf": (pdf(encrypt="secret"), "pdf.encrypted"),
        "huge-page-box.pdf": (pdf(size=(14_400, 14_400)), "pdf.too_many_pixels"),
        "animated.webp": (
            encoded(small, "WEBP", save_all=True, append_images=[Image.new("L", (9, 9), 255)]),
            "image.multiple_frames",
        ),
        "cut-off.jpg": (encoded(small, "JPEG")[:-40], "image.unreadable"),
        "empty.png": (b"", "image.empty"),
        "other.gif": (b"GIF89a" + bytes(40), "image.wrong_type"),
    }


def odd_but_sound(page: BgrImage) -> Mapping[str, bytes]:
    """One page stored in ways that decoders treat differently; each shows the same upright page."""
    picture = Image.fromarray(np.ascontiguousarray(page[:, :, ::-1]))
    turned = Image.Exif()
    turned[0x0112] = 6
    deep = np.asarray(picture.convert("L"), dtype=np.uint16) * 257
    return {
        "cmyk.jpg": encoded(picture.convert("CMYK"), "JPEG", quality=90),
        "16-bit.png": encoded(Image.fromarray(deep)),
        "exif-turned.jpg": encoded(
            picture.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=turned, quality=90
        ),
        "upside-down.png": encoded(picture.transpose(Image.Transpose.ROTATE_180)),
        "transparent.png": encoded(picture.convert("RGBA")),
        "fax.tif": encoded(picture.convert("1"), "TIFF", compression="group4"),
    }
