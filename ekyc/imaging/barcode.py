"""Bar codes on pictures (QR and the like), read with zxing-cpp. Contents are untrusted text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import zxingcpp

from ekyc.imaging.geometry import resize

if TYPE_CHECKING:
    from ekyc.values import BgrImage

_ENLARGED_BELOW_PX = 1400
"""Pictures with a smaller long side get a second, enlarged try: a module under 3 px is rarely read at once."""


def read_qr_texts(image: BgrImage) -> tuple[str, ...]:
    """Texts of all QR codes on a picture; empty when there is none that can be read.

    Small pictures are tried again at twice the size. Contents come from whoever printed the code.
    """
    texts = _texts(image)
    height, width = image.shape[:2]
    if not texts and max(height, width) < _ENLARGED_BELOW_PX:
        texts = _texts(resize(image, width * 2, height * 2))
    return texts


def _texts(image: BgrImage) -> tuple[str, ...]:
    codes = zxingcpp.read_barcodes(
        np.ascontiguousarray(image), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    )
    return tuple(code.text for code in codes if code.valid)
