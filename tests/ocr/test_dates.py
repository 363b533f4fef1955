"""Dates in digits and in words, every day of two centuries."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.mrz import strip_diacritics
from ekyc.ocr.dates import (
    date_from_digits,
    date_from_words,
    date_in_words,
    number_in_words,
)

SPECIAL = {
    1: "một",
    10: "mười",
    11: "mười một",
    15: "mười lăm",
    20: "hai mươi",
    21: "hai mươi mốt",
    24: "hai mươi bốn",
    31: "ba mươi mốt",
    55: "năm mươi lăm",
    105: "một trăm linh năm",
    1900: "một nghìn chín trăm",
    1901: "một nghìn chín trăm linh một",
    1945: "một nghìn chín trăm bốn mươi lăm",
    1991: "một nghìn chín trăm chín mươi mốt",
    2000: "hai nghìn",
    2005: "hai nghìn không trăm linh năm",
    2021: "hai nghìn không trăm hai mươi mốt",
    2100: "hai nghìn một trăm",
}


@pytest.mark.parametrize(("number", "words"), SPECIAL.items())
def test_numbers_are_written_by_the_rules(number, words):
    assert number_in_words(number) == words


def test_no_two_numbers_are_written_alike():
    assert len({strip_diacritics(number_in_words(n)) for n in range(10_000)}) == 10_000


def test_every_day_from_1900_to_2100_is_read_back():
    day = date(1900, 1, 1)
    while day <= date(2100, 12, 31):
        assert date_from_words(date_in_words(day)) == day
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ngày mười lăm, tháng tư, năm hai ngàn không trăm lẻ năm", date(2005, 4, 15)),
        ("ngay muoi, thang sau, nam mot nghin chin tram chin muoi mot", date(1991, 6, 10)),
        ("Ngày mười, tháng sáo, năm một nghìn chín trăm chín mươi mốt", date(1991, 6, 10)),
        ("Ngày ba mươi mốt, tháng hai, năm hai nghìn", None),
        ("Ngày bi, tháng hai, năm hai nghìn", None),
        ("Ngày, tháng, năm sinh", None),
        ("", None),
    ],
)
def test_words_with_variants_and_misreadings(text, expected):
    assert date_from_words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("19/04/1985", date(1985, 4, 19)),
        ("sinh 19 - 4 - 1985.", date(1985, 4, 19)),
        ("Ngày 27 tháng 10 năm 1992", date(1992, 10, 27)),
        ("31/02/1985", None),
        ("119/04/1985", None),
        ("19/04/19855", None),
        ("", None),
    ],
)
def test_dates_in_digits(text, expected):
    assert date_from_digits(text) == expected


@given(st.text(max_size=80))
def test_any_text_is_judged_without_an_error(text):
    date_from_digits(text)
    date_from_words(text)


@pytest.mark.parametrize("number", [-1, 10_000])
def test_numbers_outside_the_range_are_refused(number):
    with pytest.raises(InputError):
        number_in_words(number)
