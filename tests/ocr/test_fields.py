"""Fields out of lists of lines: no picture, no net."""

from dataclasses import replace

import pytest

from ekyc.ocr.documents import interpret_document
from ekyc.ocr.field_kinds import Standing
from ekyc.ocr.fields import read_fields
from ekyc.ocr.recognise import LikelyText
from ekyc.ocr.templates import choose_template, load_templates
from ekyc.outcomes import Outcome

CARD = {
    "personal_number": "048185012345",
    "full_name": "NGUYỄN THỊ MẪU",
    "birth_date": "19/04/1985",
    "sex": "Nữ",
    "nationality": "Việt Nam",
    "origin": "Điện Phước, Điện Bàn, Quảng Nam",
    "residence": "Tổ 12, Hòa Thuận Tây, Hải Châu",
    "expiry_date": "19/04/2045",
}

BIRTH = [
    ("GIẤY KHAI SINH", 400, 200),
    ("Số: 127/2024", 500, 300),
    ("Họ, chữ đệm, tên: TRẦN NGỌC MẪU", 100, 400),
    ("Ngày, tháng, năm sinh: 17/03/2024", 100, 460),
    ("Ghi bằng chữ: Ngày mười bảy, tháng ba, năm hai nghìn", 100, 520),
    ("không trăm hai mươi bốn", 290, 570),
    ("Giới tính: Nữ", 100, 640),
    ("Dân tộc: Kinh", 500, 640),
    ("Quốc tịch: Việt Nam", 850, 640),
    ("Họ, chữ đệm, tên người mẹ: NGUYỄN THỊ MẪU", 100, 740),
    ("Năm sinh: 1985", 100, 800),
    ("Dân tộc: Tày", 500, 800),
    ("Họ, chữ đệm, tên người cha: TRẦN VĂN MẪU", 100, 900),
    ("Năm sinh: 1983", 100, 960),
    ("Dân tộc: Thái", 500, 960),
]


def card_page(build):
    return build.page(
        ("CĂN CƯỚC CÔNG DÂN", 500, 40),
        ("Citizen Identity Card", 520, 90),
        ("Số / No.: 048185012345", 380, 150),
        ("Họ và tên / Full name:", 380, 210),
        ("NGUYỄN THỊ MẪU", 380, 250),
        ("Ngày sinh / Date of birth: 19/04/1985", 380, 310),
        ("Giới tính / Sex: Nữ", 380, 370),
        ("Quốc tịch / Nationality: Việt Nam", 750, 370),
        ("Quê quán / Place of origin:", 380, 430),
        ("Điện Phước, Điện Bàn, Quảng Nam", 380, 470),
        ("Nơi thường trú / Place of residence: Tổ 12", 380, 530),
        ("Hòa Thuận Tây, Hải Châu", 380, 570),
        ("Có giá trị đến / Date of expiry:", 20, 600),
        ("19/04/2045", 60, 640),
    )


def values(page, specs):
    return {field.name: field.value.reveal() for field in read_fields(page, specs)}


def cccd():
    return load_templates("cards")[0]


@pytest.mark.parametrize("degrees", [0, -8, 3, 9])
def test_the_card_of_2021_at_any_slant(build, degrees):
    page = build.turned(card_page(build), degrees)
    assert values(page, cccd().fields) == CARD


def test_the_card_of_2024_has_its_values_below_the_labels(build):
    page = build.page(
        ("CĂN CƯỚC", 500, 40),
        ("Số định danh cá nhân / Personal identification number", 380, 150),
        ("048185012345", 380, 190),
        ("Họ, chữ đệm và tên khai sinh / Full name", 380, 250),
        ("NGUYỄN THỊ MẪU", 380, 290),
        ("Ngày, tháng, năm sinh / Date of birth", 380, 350),
        ("19/04/1985", 380, 390),
        (
            "Giới tính / Sex",
            850,
            350,
        ),
        ("Nữ", 850, 390),
    )
    template = choose_template([page], load_templates("cards"))
    assert template is not None
    assert template.id == "can-cuoc-2024"
    found = values(page, template.fields)
    assert {name: CARD[name] for name in found} == found
    assert set(found) == {"personal_number", "full_name", "birth_date", "sex"}


def test_titles_choose_the_template(build):
    assert choose_template([card_page(build)], load_templates("cards")) is cccd()
    assert (
        choose_template([build.page(("CÃN CƯỚC CÔNG DAN", 0, 0))], load_templates("cards"))
        is cccd()
    )
    assert (
        choose_template([build.page(("GIẤY PHÉP LÁI XE", 0, 0))], load_templates("cards")) is None
    )
    assert choose_template([], load_templates("cards")) is None


@pytest.mark.parametrize("degrees", [0, -6, 9])
def test_sections_decide_whose_field_it_is(build, degrees):
    reading = interpret_document((build.turned(build.page(*BIRTH), degrees),))
    found = {field.name: field.value.reveal() for field in reading.fields}
    assert reading.kind == "birth-certificate"
    assert found["registration_number"] == "127/2024"
    assert found["full_name"] == "TRẦN NGỌC MẪU"
    assert found["ethnicity"] == "Kinh"
    assert found["mother.full_name"] == "NGUYỄN THỊ MẪU"
    assert (found["mother.birth_year"], found["mother.ethnicity"]) == ("1985", "Tày")
    assert (found["father.birth_year"], found["father.ethnicity"]) == ("1983", "Thái")
    assert found["birth_date_words"].endswith("hai nghìn không trăm hai mươi bốn")
    assert {check.outcome for check in reading.checks} == {Outcome.PASSED}


def test_columns_decide_on_a_marriage_certificate(build):
    page = build.page(
        ("GIẤY CHỨNG NHẬN KẾT HÔN", 700, 100),
        ("Họ, chữ đệm, tên vợ: LÊ THỊ A", 100, 300),
        ("Họ, chữ đệm, tên chồng: BÙI VĂN B", 1200, 300),
        ("Dân tộc: Kinh", 100, 380),
        ("Dân tộc: Dao", 1200, 380),
        width=2300,
    )
    reading = interpret_document((page,))
    found = {field.name: field.value.reveal() for field in reading.fields}
    assert found["wife.ethnicity"] == "Kinh"
    assert found["husband.ethnicity"] == "Dao"


def test_digits_and_words_that_disagree_are_for_an_officer(build):
    lines = [(text.replace("17/03", "14/03"), x, y) for text, x, y in BIRTH]
    check = interpret_document((build.page(*lines),)).checks[1]
    assert check.id == "document.dates_agree"
    assert check.outcome is Outcome.INDETERMINATE
    assert check.reasons == ("document.date_words_differ",)


def test_an_unknown_paper_has_no_fields(build):
    reading = interpret_document((build.page(("HÓA ĐƠN", 0, 0), ("Số: 1", 0, 50)),))
    assert reading.kind == "unknown"
    assert reading.fields == ()
    assert reading.checks[0].reasons == ("document.unknown_kind",)


def test_an_empty_page_has_no_text(build):
    reading = interpret_document((build.page(),))
    assert reading.checks[0].reasons == ("document.no_text",)


def test_a_label_without_a_value_gives_no_field(build):
    page = build.page(("Họ và tên / Full name:", 380, 210), ("Giới tính / Sex: Nữ", 380, 250))
    assert values(page, cccd().fields) == {"sex": "Nữ"}


def test_a_field_knows_where_it_stands(build):
    page = card_page(build)
    field = next(f for f in read_fields(page, cccd().fields) if f.name == "birth_date")
    (span,) = field.spans
    assert page.lines[span.line].text[span.start : span.end] == "19/04/1985"
    assert "1985" not in repr(field)


def hinted(build, text, likely, *, confidence=1.0):
    line = build.line(text, 100, 200, confidence=confidence)
    return replace(line, likely=LikelyText(chars=build.chars(likely, 0.7)))


def test_language_hints_at_words_and_leaves_what_was_read(build):
    page = build.page(
        hinted(
            build, "Họ và tên / Full name: NGUYỂN THỊ MẪU", "Họ và tên / Full name: NGUYỄN THỊ MẪU"
        )
    )
    (field,) = read_fields(page, cccd().fields)
    assert field.value.reveal() == "NGUYỂN THỊ MẪU"
    assert field.likely is not None
    assert field.likely.reveal() == "NGUYỄN THỊ MẪU"
    assert "NGUY" not in repr(field)
    assert field.confidences == (1.0,) * len("NGUYỂN THỊ MẪU")
    assert field.standing is Standing.UNCERTAIN


def test_language_that_would_have_no_other_letter_gives_no_hint(build):
    text = "Họ và tên / Full name: NGUYỄN THỊ MẪU"
    for line in (hinted(build, text, text), build.line(text, 100, 200)):
        (field,) = read_fields(build.page(line), cccd().fields)
        assert field.likely is None
        assert field.standing is Standing.CERTAIN


def test_language_has_no_say_about_numbers_and_dates(build):
    page = build.page(
        hinted(
            build, "Ngày sinh / Date of birth: 19/O4/1985", "Ngày sinh / Date of birth: 19/Ô4/1985"
        )
    )
    (field,) = read_fields(page, cccd().fields)
    assert (field.name, field.value.reveal()) == ("birth_date", "19/O4/1985")
    assert field.likely is None


def test_a_hint_runs_over_all_lines_of_a_value(build):
    page = build.page(
        ("Nơi thường trú / Place of residence: Tổ 12", 380, 530),
        replace(
            build.line("Hõa Thuận Tây, Hải Châu", 380, 570),
            likely=LikelyText(chars=build.chars("Hòa Thuận Tây, Hải Châu")),
        ),
    )
    (field,) = read_fields(page, cccd().fields)
    assert field.value.reveal() == "Tổ 12, Hõa Thuận Tây, Hải Châu"
    assert field.likely is not None
    assert field.likely.reveal() == "Tổ 12, Hòa Thuận Tây, Hải Châu"
