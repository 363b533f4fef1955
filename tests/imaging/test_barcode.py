"""QR codes are read from pictures; anything else gives nothing."""

import numpy as np
import pytest
import segno

from ekyc.imaging.barcode import read_qr_texts

TEXT = "048185012345||Nguyễn Thị Mẫu|19041985|Nữ|Hải Châu, Đà Nẵng|21082023"


def picture(text, module_px, margin=60):
    rows = np.array([list(row) for row in segno.make(text, error="m", encoding="utf-8").matrix])
    code = (255 - 255 * np.kron(rows, np.ones((module_px, module_px)))).astype(np.uint8)
    padded = np.pad(code, margin, constant_values=255)
    return np.repeat(padded[:, :, None], 3, axis=2)


@pytest.mark.parametrize("module_px", [2, 3, 5])
def test_a_code_is_read_with_its_diacritics(module_px):
    assert read_qr_texts(picture(TEXT, module_px)) == (TEXT,)


def test_a_picture_without_a_code_gives_nothing():
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    assert read_qr_texts(noise) == ()
    assert read_qr_texts(np.zeros((1, 1, 3), np.uint8)) == ()
