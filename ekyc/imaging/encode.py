"""Pictures back to bytes. No metadata are written: an encoded picture tells nothing but its pixels."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from ekyc.values import BgrImage


def encode_jpeg(image: BgrImage, quality: int = 90) -> bytes:
    """Baseline JPEG, full colour resolution.

    Args:
        image: uint8, shape (height, width, 3), blue-green-red.
        quality: libjpeg scale, 1–95.
    """
    return _encode(image, "JPEG", quality=quality, subsampling=0)


def jpeg_uri(image: BgrImage, quality: int = 85) -> str:
    """The picture as a ``data:`` address, for pages that load nothing from outside."""
    data = base64.b64encode(encode_jpeg(image, quality)).decode("ascii")
    return f"data:image/jpeg;base64,{data}"


def encode_png(image: BgrImage) -> bytes:
    """Lossless PNG, 8-bit RGB."""
    return _encode(image, "PNG")


def encode_jpeg2000(image: BgrImage, rate: float = 20.0) -> bytes:
    """JP2 (ISO/IEC 15444-1), irreversible, as chips store portraits.

    Args:
        image: uint8, shape (height, width, 3), blue-green-red.
        rate: compression ratio; 20 leaves about 1.2 bits per pixel.
    """
    return _encode(
        image, "JPEG2000", quality_mode="rates", quality_layers=[rate], irreversible=True
    )


def _encode(image: BgrImage, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image[:, :, ::-1])).save(buffer, kind, **options)
    return buffer.getvalue()
