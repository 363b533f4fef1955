"""What is said of a card's two sides, with readings made by hand."""

import numpy as np
import pytest

from ekyc.imaging import effects
from ekyc.imaging.draw import Canvas
from ekyc.imaging.geometry import resize, turn_quarters
from ekyc.mrz import build_td1, vietnamese_optional_1
from ekyc.ocr import PageReading, compare_sources, read_card
from ekyc.outcomes import Outcome
from ekyc.samples import SampleCitizen, render_card_back, render_card_front
from ekyc.samples.cards import qr_code
from ekyc.values import BoxPx, PointPx

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
    "nationality": ("Quốc tịch / Nationality: Việt Nam", 680, 370),
    "origin": ("Quê quán / Place of origin: Điện Bàn, Quảng Nam", 380, 430),
    "residence": ("Nơi thường trú / Place of residence: Hải Châu, Đà Nẵng", 380, 490),
    "expiry": ("Có giá trị đến / Date of expiry: 19/04/2045", 20, 600),
}
ISSUED = "Ngày, tháng, năm / Date, month, year: 21/08/2023"
BLANK = np.full((300, 480, 3), 230, np.uint8)
CITIZEN = SampleCitizen.default()
BACK = render_card_back(CITIZEN)


def with_qr(text=QR):
    """A front whose code says something else; None leaves white paper in its place."""
    canvas = Canvas.on(render_card_front(CITIZEN, np.full((416, 312, 3), 150, np.uint8)))
    canvas.rectangle(BoxPx(left=900, top=0, right=1200, bottom=270), fill=(240, 240, 236))
    if text is not None:
        qr_code(canvas, text, right=1156, top=40)
    return canvas.picture()


class Pages:
    """A reader that gives prepared pages, and empty ones when it has no more."""

    def __init__(self, *pages):
        self._pages = list(pages)

    def read_page(self, image, *, long_side=0):
        return self._pages.pop(0) if self._pages else PageReading(width=1, height=1, lines=())


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
            zone = ((text, 60, 590 + 60 * i) for i, text in enumerate(back))
            pages.append(build.page((ISSUED, 60, 120), *zone))
        reading = read_card(with_qr(qr), None if back is None else BACK, Pages(*pages))
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
        (
            {"front": {"nationality": None}},
            "card.read",
            "INDETERMINATE",
            "card.field_missing",
        ),
        (
            {"front": {"nationality": ("Quốc tịch / Nationality: Na ton gàny", 680, 370)}},
            "card.read",
            "INDETERMINATE",
            "card.field_missing",
        ),
        (
            {"front": {"name": ("NGUYỄN THỊ", 380, 250)}},
            "card.read",
            "INDETERMINATE",
            "card.sources_disagree",
        ),
        (
            {"front": {"residence": ("Nơi thường trú / Place of residence: Hải Châu", 380, 490)}},
            "card.read",
            "INDETERMINATE",
            "card.sources_disagree",
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


def test_every_two_sources_are_compared_field_by_field(read):
    reading, _ = read(front={"name": ("NGUYỄN THỊ MÃU", 380, 250)})
    verdicts = {
        (item.field, item.one.value, item.other.value): item.verdict.value
        for item in compare_sources(reading.sources)
    }
    assert verdicts["full_name", "print", "qr"] == "DIACRITICS_DIFFER"
    assert verdicts["full_name", "print", "mrz"] == "EQUAL"
    assert verdicts["personal_number", "mrz", "qr"] == "EQUAL"
    assert verdicts["expiry_date", "print", "qr"] == "ABSENT"


def test_a_back_in_the_place_of_the_front_is_the_wrong_side(build):
    zone = build.page(
        *((text, 60, 590 + 60 * i) for i, text in enumerate((ZONE[:30], ZONE[30:60], ZONE[60:])))
    )
    check = read_card(BACK, None, Pages(zone)).checks[0]
    assert "card.wrong_side" in check.reasons


def test_what_is_wrong_with_a_picture_is_named(build):
    front = with_qr()
    page = build.page(*(build.line(*line) for line in FRONT.values()))

    def reasons(picture):
        return read_card(picture, None, Pages(page)).checks[0].reasons

    gray = np.repeat(front.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    spot = effects.glare(front, PointPx(700, 420), 90, 250)
    assert reasons(front) == ()
    assert reasons(gray) == ("card.grayscale",)
    assert reasons(effects.adjust(front, gain=0.15)) == ("card.too_dark",)
    assert reasons(effects.blur(front, 6)) == ("card.blurred",)
    assert reasons(spot) == ("card.glare",)
    assert "card.too_small" in reasons(resize(front, 400, 252))


def test_a_card_that_fills_no_picture_is_cut_out_and_turned(build):
    front = with_qr()
    table = np.full((1000, 1500, 3), (60, 70, 90), np.uint8)
    table[120:877, 150:1350] = front
    upside_down = turn_quarters(table, 2)
    page = build.page(*(build.line(*line) for line in FRONT.values()))
    reading = read_card(upside_down, None, Pages(build.page(), page))
    side = reading.sides[0]
    assert side.search.document is not None
    assert side.quarters == 2
    assert side.long_side_px == pytest.approx(1200, abs=3)
    assert np.abs(resize(side.image, 1200, 757).astype(int) - front).mean() < 8
    assert reading.qr is not None


def two_beside_each_other(first, second):
    table = np.full((700, 1500, 3), (60, 70, 90), np.uint8)
    table[120:555, 40:730] = resize(first, 690, 435)
    table[120:555, 745:1435] = resize(second, 690, 435)
    return table


def test_a_second_card_beside_the_first_stops_the_picture(build):
    page = build.page(*(build.line(*line) for line in FRONT.values()))
    reading = read_card(two_beside_each_other(with_qr(), with_qr()), None, Pages(page, page))
    assert reading.sides[0].cards == 2
    assert "card.several_documents" in reading.checks[0].reasons


def test_a_sheet_beside_the_card_is_no_second_card(build):
    page = build.page(*(build.line(*line) for line in FRONT.values()))
    sheet = build.page(("BIÊN LAI THU TIỀN", 40, 40))
    picture = two_beside_each_other(with_qr(), BACK)
    for order in ((page, sheet), (sheet, sheet, page)):
        reading = read_card(picture, None, Pages(*order))
        assert reading.kind == "cccd-2021"
        assert "card.several_documents" not in reading.checks[0].reasons


def test_two_titles_on_a_picture_read_whole_are_two_cards(build):
    lines = [build.line(*line) for line in FRONT.values()]
    second = build.line("CĂN CƯỚC CÔNG DÂN", 40, 1400)
    picture = np.full((900, 900, 3), 200, np.uint8)
    reading = read_card(picture, None, Pages(build.page(*lines, second)))
    assert "card.several_documents" in reading.checks[0].reasons
    assert "card.several_documents" not in (
        read_card(picture, None, Pages(build.page(*lines))).checks[0].reasons
    )


def test_where_nothing_of_a_card_stands_on_what_was_cut_out_the_whole_picture_is_read(build):
    page = build.page(*(build.line(*line) for line in FRONT.values()))
    table = np.full((1000, 1500, 3), (60, 70, 90), np.uint8)
    table[120:877, 150:1350] = with_qr()
    reading = read_card(table, None, Pages(build.page(), build.page(), page))
    assert reading.sides[0].search.document is None
    assert reading.sides[0].image.shape == table.shape
    assert reading.kind == "cccd-2021"


def test_a_picture_without_text_has_no_text(build):
    reading = read_card(BLANK, None, Pages(build.page()))
    assert reading.checks[0].reasons[0] == "card.no_text"
    assert reading.kind == "unknown"
