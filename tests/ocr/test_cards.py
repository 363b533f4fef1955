"""What is said of a card's two sides, with readings made by hand."""

import numpy as np
import pytest

from ekyc.imaging.draw import Canvas
from ekyc.mrz import build_td1, vietnamese_optional_1
from ekyc.ocr import read_card
from ekyc.outcomes import Outcome
from ekyc.samples.cards import qr_rows

QR = "048185012345||Nguyễn Thị Mẫu|19041985|Nữ|Hải Châu, Đà Nẵng|21082023"
ZONE = build_td1(
    document_number="185012345",
    optional_1=vietnamese_optional_1("048185012345"),
    birth_yymmdd="850419",
    sex="F",
    expiry_yymmdd="450419",
    surname="NGUYEN",
    given_names="THI MAU",
)
FRONT = {
    "title": ("CĂN CƯỚC CÔNG DÂN", 500, 40),
    "number": ("Số / No.: 048185012345", 380, 150),
    "label": ("Họ và tên / Full name:", 380, 210),
    "name": ("NGUYỄN THỊ MẪU", 380, 250),
    "born": ("Ngày sinh / Date of birth: 19/04/1985", 380, 310),
    "sex": ("Giới tính / Sex: Nữ", 380, 370),
    "expiry": ("Có giá trị đến / Date of expiry: 19/04/2045", 20, 600),
}
BLANK = np.full((300, 480, 3), 230, np.uint8)


def with_qr(text=QR):
    rows = qr_rows(text)
    canvas = Canvas(len(rows) * 4 + 40, len(rows) * 4 + 40)
    canvas.modules(20, 20, rows, module_px=4)
    return canvas.picture()


class Pages:
    """A reader that gives prepared pages."""

    def __init__(self, *pages):
        self._pages = list(pages)

    def read_page(self, image, *, long_side=0):
        return self._pages.pop(0)


@pytest.fixture
def read(build):
    def run(front=None, back=(ZONE[:30], ZONE[30:60], ZONE[60:]), qr=QR, confidence=1.0):
        lines = FRONT | (front or {})
        page = build.page(
            *(
                build.line(*line, confidence=confidence)
                for line in lines.values()
                if line is not None
            )
        )
        pages = [page]
        if back is not None:
            pages.append(build.page(*((text, 60, 590 + 60 * i) for i, text in enumerate(back))))
        picture = with_qr(qr) if qr else BLANK
        reading = read_card(picture, None if back is None else BLANK, Pages(*pages))
        return reading, {check.id: check for check in reading.checks}

    return run


def test_a_whole_card_passes_all_three(read):
    reading, checks = read()
    assert reading.kind == "cccd-2021"
    assert {check.outcome for check in checks.values()} == {Outcome.PASSED}
    assert "MẪU" not in repr(reading)


@pytest.mark.parametrize(
    ("how", "check_id", "outcome", "reason"),
    [
        (
            {"front": {"name": None, "label": None}},
            "card.read",
            "INDETERMINATE",
            "card.field_missing",
        ),
        ({"front": {"title": None}}, "card.read", "INDETERMINATE", "card.unknown_kind"),
        (
            {"front": {"sex": ("Giới tính / Sex: Nam", 380, 370)}},
            "card.read",
            "INDETERMINATE",
            "card.number_contradicts",
        ),
        (
            {"front": {"born": ("Ngày sinh / Date of birth: 19/04/1986", 380, 310)}},
            "card.read",
            "INDETERMINATE",
            "card.number_contradicts",
        ),
        (
            {"confidence": 0.5, "back": None, "qr": None},
            "card.read",
            "INDETERMINATE",
            "card.low_confidence",
        ),
        ({"back": None}, "card.mrz", "NOT_PERFORMED", "card.back_missing"),
        ({"back": ("x", "y", "z")}, "card.mrz", "INDETERMINATE", "card.mrz_missing"),
        (
            {"back": (ZONE[:30], ZONE[30:60].replace("850419", "850418"), ZONE[60:])},
            "card.mrz",
            "INDETERMINATE",
            "card.mrz_check_digit",
        ),
        (
            {"front": {"born": ("Ngày sinh / Date of birth: 18/04/1985", 380, 310)}},
            "card.mrz",
            "FAILED",
            "card.mrz_contradicts_print",
        ),
        ({"qr": None}, "card.qr", "INDETERMINATE", "card.qr_missing"),
        ({"qr": "WIFI:S:x;;"}, "card.qr", "INDETERMINATE", "card.qr_missing"),
        (
            {"qr": QR.replace("19041985", "18041985")},
            "card.qr",
            "FAILED",
            "card.qr_contradicts_print",
        ),
        (
            {"qr": QR.replace("19041985", "18041985"), "confidence": 0.5},
            "card.qr",
            "INDETERMINATE",
            "card.low_confidence",
        ),
    ],
)
def test_each_defect_has_its_reason(read, how, check_id, outcome, reason):
    _, checks = read(**how)
    assert checks[check_id].outcome.value == outcome
    assert checks[check_id].reasons == (reason,)


def test_an_uncertain_reading_that_zone_and_code_confirm_is_certain(read):
    _, checks = read(confidence=0.5)
    assert checks["card.read"].outcome is Outcome.PASSED


def test_a_picture_without_text_has_no_text(build):
    reading = read_card(BLANK, None, Pages(build.page()))
    assert reading.checks[0].reasons == ("card.no_text",)
    assert reading.kind == "unknown"
