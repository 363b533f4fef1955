"""TD1 zones: the worked example of ICAO 9303-5, round trips, and every way to be wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.mrz import build_td1, check_digit, parse_td1, strip_diacritics, vietnamese_optional_1

# ICAO 9303-5, Appendix B: the example of a TD1 official travel document.
UTOPIA = (
    "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
)


def test_icao_example_parses():
    mrz = parse_td1(UTOPIA)
    assert (mrz.document_code, mrz.issuer, mrz.document_number) == ("I", "UTO", "D23145890")
    assert (mrz.birth_yymmdd, mrz.sex, mrz.expiry_yymmdd) == ("740812", "F", "120415")
    assert (mrz.surname, mrz.given_names) == ("ERIKSSON", "ANNA MARIA")
    assert mrz.full_name == "ERIKSSON ANNA MARIA"


def test_icao_example_is_rebuilt_letter_for_letter():
    built = build_td1(
        document_code="I",
        issuer="UTO",
        document_number="D23145890",
        birth_yymmdd="740812",
        sex="F",
        expiry_yymmdd="120415",
        nationality="UTO",
        surname="Eriksson",
        given_names="Anna Maria",
    )
    assert built == UTOPIA.replace("\n", "")


def test_icao_check_digit_example():
    assert check_digit("520727") == "3"  # ICAO 9303-3 §4.9, example 1


def test_a_long_document_number_continues_in_the_optional_data():
    # ICAO 9303-5 §4.2.2.1 note j, with the number D23145890734
    zone = "I<UTOD23145890<7349<<<<<<<<<<<" + "3407127M9507122UTO<<<<<<<<<<<" + "2"
    mrz = parse_td1(zone + "STEVENSON<<PETER<JOHN<<<<<<<<<")
    assert mrz.document_number == "D23145890734"


PROTECTED = (*range(5, 30), *range(30, 37), *range(38, 45), *range(48, 60))
DIGITS = [i for i in PROTECTED if UTOPIA.replace("\n", "")[i].isdigit()]


@pytest.mark.parametrize("position", DIGITS)
def test_no_single_changed_digit_in_a_protected_field_passes(position):
    zone = UTOPIA.replace("\n", "")
    changed = zone[:position] + str((int(zone[position]) + 1) % 10) + zone[position + 1 :]
    with pytest.raises(InputError) as caught:
        parse_td1(changed)
    assert caught.value.code == "mrz.check_digit"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "mrz.length"),
        ("I<UTO", "mrz.length"),
        (UTOPIA.replace("\n", "") + "<", "mrz.length"),
        (UTOPIA.lower(), "mrz.character"),
        (UTOPIA.replace("ERIKSSON<<ANNA<MARIA", "<" * 20), "mrz.name"),
    ],
)
def test_malformed_zones_are_named(text, code):
    with pytest.raises(InputError) as caught:
        parse_td1(text)
    assert caught.value.code == code


def test_impossible_dates_are_refused_even_with_good_check_digits():
    zone = build_td1(
        document_number="123456789",
        birth_yymmdd="991332",
        sex="M",
        expiry_yymmdd="300101",
        surname="A",
        given_names="B",
    )
    with pytest.raises(InputError) as caught:
        parse_td1(zone)
    assert (caught.value.code, caught.value.subject) == ("mrz.date", "birth date")


def test_vietnamese_names_lose_every_mark():
    zone = build_td1(
        document_number="185991234",
        optional_1=vietnamese_optional_1("031185991234"),
        birth_yymmdd="850214",
        sex="F",
        expiry_yymmdd="350214",
        surname="Đặng",
        given_names="Thị Ngọc Huyền",
    )
    mrz = parse_td1(zone)
    assert (mrz.surname, mrz.given_names) == ("DANG", "THI NGOC HUYEN")
    assert mrz.optional_1[:12] == "031185991234"


def test_strip_diacritics_covers_the_vietnamese_alphabet():
    marked = "ăâđêôơưáàảãạắằẳẵặấầẩẫậéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ"
    assert strip_diacritics(marked + marked.upper()).isascii()


def test_repr_shows_no_personal_data():
    assert "ERIKSSON" not in repr(parse_td1(UTOPIA))


digits = st.text("0123456789", min_size=1, max_size=9)
names = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=12)
dates = st.dates().map(lambda day: day.strftime("%y%m%d"))


@given(digits, dates, st.sampled_from("MF<"), dates, names, names)
def test_what_is_built_parses_back(number, birth, sex, expiry, surname, given_names):
    zone = build_td1(
        document_number=number,
        birth_yymmdd=birth,
        sex=sex,
        expiry_yymmdd=expiry,
        surname=surname,
        given_names=given_names,
    )
    mrz = parse_td1(zone)
    assert (mrz.document_number, mrz.birth_yymmdd, mrz.sex) == (number, birth, sex)
    assert (mrz.expiry_yymmdd, mrz.surname, mrz.given_names) == (expiry, surname, given_names)


@given(st.text(max_size=120))
def test_any_text_parses_or_gives_a_typed_error(text):
    try:
        parse_td1(text)
    except InputError as error:
        assert error.code.startswith("mrz.")


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<", min_size=90, max_size=90))
def test_any_ninety_allowed_characters_parse_or_give_a_typed_error(text):
    try:
        parse_td1(text)
    except InputError as error:
        assert error.code.startswith("mrz.")
