"""What a signature looks like in two viewers that nobody here wrote: QR code readable, Vietnamese letters well spaced."""

import hashlib

import numpy as np
import pytest
import zxingcpp
from pdf_viewers import chromium_picture, poppler_picture
from signing_pilot import Pilot, make_pdf

from ekyc.imaging.decode import read_image
from ekyc.ports import SystemClock
from ekyc.signing import Appearance, Level, sign_pdf

pytestmark = [pytest.mark.system, pytest.mark.timeout(300), pytest.mark.enable_socket]

SHOWN = Appearance(
    box_pt=(56, 50, 330, 140),
    signer_name="Nguyễn Thị Ưỡng",
    record_id="HS-2026-0001",
    evidence_digest=hashlib.sha256(b"x").hexdigest(),
    lookup_url="https://tra-cuu.example/HS",
)


@pytest.fixture(scope="module")
def pdf(tmp_path_factory):
    place = tmp_path_factory.mktemp("pictures")
    pilot = Pilot(place, clock=SystemClock())
    party = pilot.party("officer", SHOWN.signer_name)
    file = place / "signed.pdf"
    file.write_bytes(sign_pdf(make_pdf(), party, level=Level.B_LTA, appearance=SHOWN))
    pilot.close()
    return file


def codes(picture):
    return [code.text for code in zxingcpp.read_barcodes(read_image(picture))]


@pytest.fixture(scope="module")
def pictures(pdf):
    return {
        "poppler": poppler_picture(pdf, pdf.with_name("poppler.png")),
        "chromium": chromium_picture(pdf, pdf.with_name("chromium.png"), shows=codes),
    }


@pytest.mark.parametrize("viewer", ["poppler", "chromium"])
def test_the_qr_code_is_read(pictures, viewer):
    assert codes(pictures[viewer]) == [SHOWN.qr_text]


def test_letters_stand_where_the_fonts_widths_put_them(pictures):
    """Gaps between letters: a wrong width pulls them apart, in one viewer or in both (seen with 2048-unit fonts).

    Of the line with the signer's name, in each viewer: the widest gap is a word space, about a quarter of the line's
    height; letters set by wrong widths leave gaps as wide as that between all of them.
    """
    for viewer, picture in pictures.items():
        gaps = _gaps_of_first_line(read_image(picture), picture)
        words = f"Ký bởi: {SHOWN.signer_name}".count(" ")
        assert sum(gap > 0.45 * max(gaps) for gap in gaps) == words, (viewer, gaps)


def _gaps_of_first_line(image, picture):
    """Widths of the white columns between the ink of the first line beside the QR code, in pixels."""
    (code,) = zxingcpp.read_barcodes(image)
    corners = code.position
    right = max(corners.top_right.x, corners.bottom_right.x)
    side = right - corners.top_left.x
    ink = image.mean(axis=2) < 128
    region = ink[
        corners.top_left.y : corners.bottom_left.y,
        right + side // 6 : right + round(side * 2.0),
    ]
    rows = np.flatnonzero(region.any(axis=1))
    breaks = np.flatnonzero(np.diff(rows) > 1)
    first = region[rows[0] : rows[breaks[0]] + 1] if len(breaks) else region
    columns = np.flatnonzero(first.any(axis=0))
    assert len(columns) > 20, f"no line of text in {picture}"
    gaps = np.diff(columns) - 1
    return [int(gap) for gap in gaps if gap > 0]
