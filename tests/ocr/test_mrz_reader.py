"""The zone found among lines and repaired where the position allows one kind of character only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.mrz import build_td1, vietnamese_optional_1
from ekyc.ocr.mrz_reader import read_mrz, zone_text

ZONE = build_td1(
    document_number="185012345",
    optional_1=vietnamese_optional_1("048185012345"),
    birth_yymmdd="850419",
    sex="F",
    expiry_yymmdd="450419",
    surname="NGUYEN",
    given_names="THI MAU",
)
ONE, TWO, THREE = ZONE[:30], ZONE[30:60], ZONE[60:]


def read(*lines):
    return read_mrz(["Ngón trỏ phải", *lines])


def test_a_clean_zone_is_read():
    mrz = read(ONE, TWO, THREE).mrz
    assert mrz is not None
    assert (mrz.surname, mrz.given_names, mrz.birth_yymmdd) == ("NGUYEN", "THI MAU", "850419")


@pytest.mark.parametrize(
    "lines",
    [
        (ONE.replace("0", "O"), TWO, THREE),
        (ONE.replace("1", "I"), TWO.replace("1", "I"), THREE),
        (ONE.replace("5", "S").replace("8", "B"), TWO.replace("5", "S").replace("8", "B"), THREE),
        ("1" + ONE[1:], TWO, THREE),
        (ONE, TWO.replace("VNM", "VNM "), THREE.replace("<", " <")),
        (ONE, TWO.replace("<<<<<", "<<<"), THREE),
        (ONE, TWO.replace("<<<<<", "<<<<<<<<"), THREE.rstrip("<")),
        (ONE.replace("<<", "<"), TWO, THREE + "<<<"),
        (ONE.replace("<<", "«"), TWO, THREE.replace("<<THI<", "«THI-")),
        (ONE.lower(), TWO.lower(), THREE.lower()),
    ],
)
def test_planted_confusions_are_repaired(lines):
    mrz = read(*lines).mrz
    assert mrz is not None
    assert mrz.optional_1.startswith("048185012345")
    assert mrz.full_name.replace(" ", "") == "NGUYENTHIMAU"


@pytest.mark.parametrize("line", [0, 1])
@pytest.mark.parametrize("at", range(5, 14))
def test_a_wrong_digit_is_never_repaired(line, at):
    lines = [ONE, TWO, THREE]
    char = lines[line][at]
    if not char.isdigit():
        pytest.skip("no digit here")
    lines[line] = lines[line][:at] + str((int(char) + 1) % 10) + lines[line][at + 1 :]
    reading = read(*lines)
    assert reading.mrz is None
    assert reading.reason == "card.mrz_check_digit"


@pytest.mark.parametrize(
    ("digit", "letters"), [("0", "OQD"), ("1", "IL"), ("8", "B"), ("5", "S"), ("2", "Z")]
)
def test_each_lookalike_is_put_right_in_every_place(digit, letters):
    for letter in letters:
        for line in (0, 1):
            for at in range(5, 30) if line == 0 else (*range(7), *range(8, 15), 29):
                lines = [ONE, TWO, THREE]
                if lines[line][at] == digit:
                    lines[line] = f"{lines[line][:at]}{letter}{lines[line][at + 1 :]}"
                    mrz = read(*lines).mrz
                    assert mrz is not None
                    assert mrz.optional_1.startswith("048185012345")


def test_a_letter_that_two_digits_explain_is_put_right_by_the_check_digits():
    assert ONE.count("2") == 2
    mrz = read(ONE.replace("2", "Z"), TWO, THREE).mrz
    assert mrz is not None
    assert mrz.document_number == "185012345"


def test_a_letter_that_no_check_digit_allows_stays_unread():
    reading = read(ONE[:5] + "B" + ONE[6:], TWO, THREE)  # a B reads 8, here stands 1
    assert reading.mrz is None
    assert reading.reason == "card.mrz_check_digit"


def test_too_many_unclear_characters_are_not_guessed():
    reading = read("IDVNM" + "Z" * 22 + "<<Z", "Z" * 7 + "F" + "Z" * 7 + "VNM<<<<<<<<<<<Z", THREE)
    assert reading.reason == "card.mrz_ambiguous"


def test_a_lost_check_digit_is_never_invented():
    assert read(ONE[:-1], TWO, THREE).mrz is None
    assert read(ONE, TWO[:-1], THREE).mrz is None


@pytest.mark.parametrize("lines", [(), (ONE, TWO), (ONE, "x", TWO, THREE), ("abc", "def", "ghi")])
def test_incomplete_zones_are_missing(lines):
    assert read(*lines).reason == "card.mrz_missing"


@given(st.lists(st.text("IDVNM0123456789<ABCO ", max_size=40), max_size=6))
def test_any_lines_give_a_zone_or_a_reason(lines):
    reading = read_mrz(lines)
    assert (reading.mrz is None) == bool(reading.reason)


@given(st.text(max_size=50))
def test_zone_text_keeps_to_its_alphabet(text):
    assert set(zone_text(text)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<")
