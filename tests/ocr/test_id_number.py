"""The personal number of twelve digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.ocr.id_number import parse_personal_number, provinces


@pytest.mark.parametrize(
    ("digits", "province", "sex", "year"),
    [
        ("048185012345", "Đà Nẵng", "F", 1985),
        ("001091000001", "Hà Nội", "M", 1991),
        ("079201000001", "Hồ Chí Minh", "M", 2001),
        ("096324000001", "Cà Mau", "F", 2024),
        ("001499000001", "Hà Nội", "M", 2199),
        ("001999000001", "Hà Nội", "F", 2399),
        ("999000000001", None, "M", 1900),
    ],
)
def test_digits_say_what_the_decree_says(digits, province, sex, year):
    number = parse_personal_number(digits)
    assert (number.province, number.sex, number.birth_year) == (province, sex, year)
    assert digits not in repr(number)


def test_all_63_provinces_stand_in_the_table():
    assert len(provinces()) == 63
    assert len(set(provinces().values())) == 63


@given(st.text(max_size=14).filter(lambda t: not (len(t) == 12 and t.isascii() and t.isdigit())))
def test_anything_else_is_refused_without_showing_it(text):
    with pytest.raises(InputError) as caught:
        parse_personal_number(text)
    assert caught.value.code == "card.number_format"
    assert str(caught.value) == "a personal number has twelve digits"
