"""What each kind of field can hold, and the forms that hold them."""

import pytest

from ekyc.ocr.documents import interpret_document
from ekyc.ocr.field_kinds import FieldKind, Standing, can_be, standing_of
from ekyc.ocr.templates import load_templates

GOOD = {
    FieldKind.NAME: ["NGUYỄN THỊ MẪU", "H'Hen Niê", "Y Thông Ê-ban"],
    FieldKind.DATE: ["19/04/1985", "ngày 19 tháng 4 năm 1985"],
    FieldKind.DATE_WORDS: ["Ngày mười, tháng sáu, năm một nghìn chín trăm chín mươi mốt"],
    FieldKind.YEAR: ["1985", "2024"],
    FieldKind.NUMBER: ["127/2024", "12/2019/TLKS-BS"],
    FieldKind.PERSONAL_NUMBER: ["048185012345", "048 185 012345"],
    FieldKind.PAPER: ["CCCD số 048185012345", "Hộ chiếu B1234567 cấp ngày 01/02/2020", "012345678"],
    FieldKind.SEX: ["Nam", "Nữ", "NỮ"],
    FieldKind.ETHNICITY: ["Kinh", "Gia Rai", "Gia-rai", "H'Mông", "Bru - Vân Kiều", "Ngái"],
    FieldKind.NATIONALITY: ["Việt Nam", "Hoa Kỳ"],
    FieldKind.TEXT: ["bất kỳ"],
    FieldKind.ADDRESS: ["Tổ 12, phường Hòa Thuận Tây"],
}
BAD = {
    FieldKind.NAME: ["NGUYỄN", "NGUYỄN THỊ 1", "", "A  :"],
    FieldKind.DATE: ["31/02/1985", "19/04", "mười"],
    FieldKind.DATE_WORDS: ["Ngày mười", "19/04/1985"],
    FieldKind.YEAR: ["1785", "198", "19855"],
    FieldKind.NUMBER: ["không"],
    FieldKind.PERSONAL_NUMBER: ["04818501234", "0481850123456", "O48185012345"],
    FieldKind.PAPER: ["CCCD", "1234567890"],
    FieldKind.SEX: ["Nu", "Nữa", "N"],
    FieldKind.ETHNICITY: ["Ngai", "Kinhh", ""],
    FieldKind.NATIONALITY: ["Việt Nam 1", ""],
    FieldKind.TEXT: [""],
}


@pytest.mark.parametrize(("kind", "value"), [(k, v) for k, values in GOOD.items() for v in values])
def test_what_a_field_can_hold(kind, value):
    assert can_be(kind, value)
    assert standing_of(kind, value, 0.95) is Standing.CERTAIN
    assert standing_of(kind, value, 0.5) is Standing.UNCERTAIN


@pytest.mark.parametrize(("kind", "value"), [(k, v) for k, values in BAD.items() for v in values])
def test_what_it_cannot(kind, value):
    assert standing_of(kind, value, 1.0) is Standing.MALFORMED


@pytest.mark.parametrize("template", load_templates("documents"), ids=lambda item: item.id)
def test_a_form_is_consistent(template):
    names = [spec.name for spec in template.fields]
    assert len(set(names)) == len(names)
    assert set(template.required) <= set(names)
    assert {name for pair in template.dates_in_words for name in pair} <= set(names)
    opened = {spec.opens for spec in template.fields}
    assert {spec.section for spec in template.fields} <= opened | {""}


DEATH = [
    ("TRÍCH LỤC KHAI TỬ", 400, 200),
    ("(BẢN SAO)", 520, 250),
    ("Số: 12/2026/TLKT-BS", 500, 300),
    ("Họ, chữ đệm, tên: ......TRẦN VĂN MẪU......", 100, 400),
    ("Ngày, tháng, năm sinh: 02/09/1945", 100, 460),
    ("Giới tính: Nam", 100, 520),
    ("Dân tộc: Kinh", 400, 520),
    ("Quốc tịch: Việt Nam", 700, 520),
    ("Nơi cư trú cuối cùng: Số 12 đường Lê Lợi,", 100, 580),
    ("Số 3 tổ 5, phường Hải Châu", 110, 630),
    ("Đã chết vào lúc: 08 giờ 15 phút, ngày 03 tháng 02 năm 2026", 100, 690),
    ("Ghi bằng chữ: Ngày ba, tháng hai, năm hai nghìn không trăm hai mươi sáu", 100, 750),
    ("Nơi chết: Bệnh viện Đà Nẵng", 100, 810),
    ("Nguyên nhân chết: bệnh tim", 100, 870),
    ("NGƯỜI KÝ TRÍCH LỤC", 110, 915),
]

MARITAL = [
    ("GIẤY XÁC NHẬN TÌNH TRẠNG HÔN NHÂN", 300, 200),
    ("XÁC NHẬN:", 500, 300),
    ("Họ, chữ đệm, tên: LÊ THỊ MẪU", 100, 360),
    ("Ngày, tháng, năm sinh: 01/01/1990", 100, 420),
    ("Giấy tờ tùy thân: CCCD số 048190012345", 100, 480),
    ("Tình trạng hôn nhân: Hiện tại chưa đăng ký kết hôn", 100, 540),
    ("với ai", 110, 585),
    ("Giấy này được cấp để: đăng ký kết hôn", 100, 650),
]


def found(build, lines):
    reading = interpret_document((build.page(*lines),))
    return reading, {field.name: field for field in reading.fields}


def test_the_extract_of_a_death(build):
    reading, fields = found(build, DEATH)
    assert reading.kind == "death-extract"
    assert fields["full_name"].value.reveal() == "TRẦN VĂN MẪU"
    assert fields["residence"].value.reveal() == "Số 12 đường Lê Lợi, Số 3 tổ 5, phường Hải Châu"
    assert fields["registration_number"].value.reveal() == "12/2026/TLKT-BS"
    assert fields["death_cause"].value.reveal() == "bệnh tim"
    assert {check.id: check.outcome for check in reading.checks} == {
        "document.read": "PASSED",
        "document.dates_agree": "PASSED",
    }
    assert {field.standing for field in fields.values()} == {Standing.CERTAIN}


def test_the_confirmation_of_marital_status(build):
    reading, fields = found(build, MARITAL)
    assert reading.kind == "marital-status-confirmation"
    assert fields["marital_status"].value.reveal() == "Hiện tại chưa đăng ký kết hôn với ai"
    assert fields["paper"].kind is FieldKind.PAPER


def test_a_value_knows_its_own_box(build):
    _, fields = found(build, MARITAL)
    (span,) = fields["birth_date"].spans
    assert span.value_quad is not None
    line = span.quad.top_left.x, span.quad.top_right.x
    left, right = span.value_quad.top_left.x, span.value_quad.top_right.x
    assert right == pytest.approx(line[1], abs=1)
    share = len("Ngày, tháng, năm sinh: ") / len("Ngày, tháng, năm sinh: 01/01/1990")
    assert left == pytest.approx(line[0] + share * (line[1] - line[0]), abs=15)
