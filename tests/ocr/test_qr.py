"""The QR code of the card: known form, more fields, hostile text."""

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.ocr.qr import find_card_qr, parse_card_qr

CARD = "048185012345|201234567|Nguyễn Thị Mẫu|19041985|Nữ|Tổ 12, Hải Châu, Đà Nẵng|21082023"


def test_the_card_of_2021():
    qr = parse_card_qr(CARD)
    assert qr.personal_number.reveal() == "048185012345"
    assert qr.old_number.reveal() == "201234567"
    assert qr.full_name.reveal() == "Nguyễn Thị Mẫu"
    assert qr.birth_date.reveal() == date(1985, 4, 19)
    assert qr.sex == "F"
    assert qr.residence.reveal().endswith("Đà Nẵng")
    assert qr.issue_date.reveal() == date(2023, 8, 21)
    assert qr.further_fields == 0
    assert qr.raw.reveal() == CARD


def test_the_old_number_may_be_empty():
    assert parse_card_qr(CARD.replace("201234567", "")).old_number.reveal() == ""


def test_the_card_of_2024_has_more_fields():
    assert parse_card_qr(f"{CARD}||Cha Mẫu|Mẹ Mẫu").further_fields == 3


def test_no_personal_data_in_the_repr():
    shown = repr(parse_card_qr(CARD))
    assert not any(part in shown for part in CARD.split("|") if len(part) > 3)


@pytest.mark.parametrize(
    "text",
    [
        CARD.rsplit("|", 1)[0],
        "048185012345|Nguyễn Thị Mẫu|19041985|Nữ|Tổ 12, Hải Châu, Đà Nẵng|21082023|201234567",
        "048185012345|Nguyễn Thị Mẫu|Nữ|19041985|21082023|Tổ 12, Hải Châu, Đà Nẵng|Cha Mẫu|Mẹ Mẫu",
        "048185012345|21082023|Nguyễn Thị Mẫu|19041985",
        unicodedata.normalize("NFD", CARD),
        CARD.replace("Nữ", "NU"),
    ],
)
def test_fields_are_known_by_their_form_whatever_their_order(text):
    qr = parse_card_qr(text)
    assert qr.personal_number.reveal() == "048185012345"
    assert unicodedata.normalize("NFC", qr.full_name.reveal()) == "Nguyễn Thị Mẫu"
    assert qr.birth_date.reveal() == date(1985, 4, 19)
    assert qr.sex in {"F", ""}
    assert qr.issue_date.reveal() in {date(2023, 8, 21), None}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.org",
        "048185012345|19041985",
        "048185012345||Nguyễn Thị Mẫu|21082023",
        CARD.replace("048185012345", "04818501234"),
        CARD.replace("048185012345", "04818501234٥"),
        CARD.replace("19041985", "31021985"),
        CARD.replace("Nguyễn Thị Mẫu", " "),
        CARD + "|" + "x" * 2000,
    ],
)
def test_what_is_no_card_is_refused(text):
    with pytest.raises(InputError) as caught:
        parse_card_qr(text)
    assert caught.value.code == "card.qr_format"


@given(st.text(max_size=200))
def test_any_text_gives_a_card_or_a_typed_error(text):
    try:
        parse_card_qr(text)
    except InputError as error:
        assert error.code == "card.qr_format"


@given(st.lists(st.text("0123456789|Nữ ", max_size=30), min_size=7, max_size=9))
def test_near_misses_never_crash(parts):
    find_card_qr(["|".join(parts)])


def test_the_cards_code_is_found_among_others():
    found = find_card_qr(["WIFI:S:x;;", CARD])
    assert found is not None
    assert find_card_qr(["WIFI:S:x;;"]) is None
