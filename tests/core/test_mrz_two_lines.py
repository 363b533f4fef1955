"""TD2 and TD3 zones: the worked examples of ICAO 9303-4, -6 and -11, round trips, and every way to be wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.mrz import (
    MrzFormat,
    build_td1,
    build_td2,
    build_td3,
    check_digit,
    parse_mrz,
    parse_td1,
    parse_td2,
    parse_td3,
)

# ICAO 9303-6, Appendix B and ICAO 9303-4, Appendix B: the examples of a TD2 document and of a passport.
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
# ICAO 9303-11, Appendix D.2: a number of twelve characters in a TD2 document.
STEVENSON = "I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<\nD23145890<UTO3407127M95071227349<<<8"
ANNA = {
    "issuer": "UTO",
    "birth_yymmdd": "740812",
    "sex": "F",
    "expiry_yymmdd": "120415",
    "nationality": "UTO",
    "surname": "Eriksson",
    "given_names": "Anna Maria",
}


def flat(zone):
    return zone.replace("\n", "")


def test_td2_example_of_icao():
    mrz = parse_td2(TD2)
    assert (mrz.format, mrz.document_code, mrz.issuer) == (MrzFormat.TD2, "I", "UTO")
    assert (mrz.document_number, mrz.optional_1, mrz.optional_2) == ("D23145890", "", "")
    assert (mrz.birth_yymmdd, mrz.sex, mrz.expiry_yymmdd) == ("740812", "F", "120415")
    assert (mrz.nationality, mrz.full_name) == ("UTO", "ERIKSSON ANNA MARIA")
    assert build_td2(document_number="D23145890", **ANNA) == flat(TD2)


def test_td3_example_of_icao():
    mrz = parse_td3(TD3)
    assert (mrz.format, mrz.document_code, mrz.issuer) == (MrzFormat.TD3, "P", "UTO")
    assert (mrz.document_number, mrz.optional_1) == ("L898902C3", "ZE184226B")
    assert (mrz.birth_yymmdd, mrz.sex, mrz.expiry_yymmdd) == ("740812", "F", "120415")
    assert (mrz.nationality, mrz.full_name) == ("UTO", "ERIKSSON ANNA MARIA")
    built = build_td3(document_number="L898902C3", personal_number="ZE184226B", **ANNA)
    assert built == flat(TD3)


def test_long_document_number_in_td2():
    assert parse_td2(STEVENSON).document_number == "D23145890734"
    built = build_td2(
        issuer="UTO",
        document_number="D23145890734",
        birth_yymmdd="340712",
        sex="M",
        expiry_yymmdd="950712",
        nationality="UTO",
        surname="Stevenson",
        given_names="Peter John",
    )
    assert built == flat(STEVENSON)


@pytest.mark.parametrize(
    ("text", "digit"),
    [
        ("520727", "3"),
        ("AB2134<<<", "5"),
        ("HA672242<658022549601086<<<<<<<<<<<<<<0", "8"),
        ("D231458907<<<<<<<<<<<<<<<34071279507122<<<<<<<<<<<", "2"),
        ("HA672242<658022549601086<<<<<<<", "8"),
    ],
)
def test_check_digit_examples(text, digit):
    """ICAO 9303-3, Appendix A."""
    assert check_digit(text) == digit


def test_empty_personal_number_of_a_passport_has_no_digit_or_a_zero():
    built = build_td3(document_number="C1234567", **ANNA)
    assert built[44 + 42] == "<"
    assert parse_td3(built).optional_1 == ""
    with_zero = built[: 44 + 42] + "0" + built[-1]
    assert parse_td3(with_zero).optional_1 == ""  # the composite weighs < and 0 alike
    with pytest.raises(InputError) as caught:
        parse_td3(built[: 44 + 42] + "1" + built[-1])
    assert caught.value.subject == "personal number"


def test_vietnamese_passport_carries_the_personal_number():
    built = build_td3(
        document_number="C1234567",
        personal_number="048185012345",
        birth_yymmdd="850419",
        sex="F",
        expiry_yymmdd="330419",
        surname="Nguyễn",
        given_names="Thị Mẫu",
    )
    mrz = parse_mrz(built)
    assert (mrz.issuer, mrz.document_number, mrz.optional_1) == ("VNM", "C1234567", "048185012345")
    assert mrz.full_name == "NGUYEN THI MAU"


@pytest.mark.parametrize(("zone", "parse"), [(TD2, parse_td2), (TD3, parse_td3)])
def test_no_single_changed_digit_of_the_second_line_passes(zone, parse):
    lines = zone.split("\n")
    for at, char in enumerate(lines[1]):
        if not char.isdigit():
            continue
        changed = lines[1][:at] + str((int(char) + 1) % 10) + lines[1][at + 1 :]
        with pytest.raises(InputError) as caught:
            parse(lines[0] + changed)
        assert caught.value.code == "mrz.check_digit"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "mrz.length"),
        (TD2 + "<", "mrz.length"),
        (TD3[:-1], "mrz.length"),
        (TD2.lower(), "mrz.character"),
        (TD3.replace("ERIKSSON<<ANNA<MARIA", "<" * 20), "mrz.name"),
        (TD2.replace("F120415", "X120415"), "mrz.sex"),
    ],
)
def test_malformed_zones_are_named(text, code):
    with pytest.raises(InputError) as caught:
        parse_mrz(text)
    assert caught.value.code == code


def test_format_is_told_by_length():
    td1 = build_td1(document_number="D23145890", **ANNA)
    for zone, form in ((td1, "TD1"), (TD2, "TD2"), (TD3, "TD3")):
        assert parse_mrz(zone).format == form
        assert repr(parse_mrz(zone)) == f"Mrz({form}, issuer='UTO', …)"
    for parse, other in ((parse_td1, TD2), (parse_td2, TD3), (parse_td3, td1)):
        with pytest.raises(InputError) as caught:
            parse(other)
        assert caught.value.code == "mrz.length"


def test_impossible_date_with_good_check_digits():
    zone = build_td3(document_number="C1", **(ANNA | {"expiry_yymmdd": "301301"}))
    with pytest.raises(InputError) as caught:
        parse_td3(zone)
    assert (caught.value.code, caught.value.subject) == ("mrz.date", "expiry date")


@pytest.mark.parametrize("build", [build_td2, build_td3])
def test_fields_that_do_not_fit_are_refused(build):
    for change in ({"issuer": "UTOX"}, {"birth_yymmdd": "7408121"}, {"sex": "FF"}):
        with pytest.raises(InputError) as caught:
            build(document_number="C1", **(ANNA | change))
        assert caught.value.code == "mrz.length"
    with pytest.raises(InputError):
        build(document_number="D23145890734567890", **ANNA)


@pytest.mark.parametrize(("build", "room"), [(build_td2, 31), (build_td3, 39)])
def test_long_names_are_cut_where_the_field_ends(build, room):
    zone = build(document_number="C1", **(ANNA | {"given_names": "ANNA " * 20}))
    assert zone[5 : 5 + room].startswith("ERIKSSON<<ANNA<ANNA")
    assert parse_mrz(zone).full_name.startswith("ERIKSSON ANNA ANNA")


numbers = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=9)
names = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=12)
dates = st.dates().map(lambda day: day.strftime("%y%m%d"))


@given(st.sampled_from([build_td2, build_td3]), numbers, dates, dates, names, names)
def test_what_is_built_parses_back(build, number, birth, expiry, surname, given_names):
    zone = build(
        document_number=number,
        birth_yymmdd=birth,
        sex="M",
        expiry_yymmdd=expiry,
        surname=surname,
        given_names=given_names,
    )
    mrz = parse_mrz(zone)
    assert (mrz.document_number, mrz.birth_yymmdd, mrz.expiry_yymmdd) == (number, birth, expiry)
    assert (mrz.surname, mrz.given_names) == (surname, given_names)


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=10, max_size=13))
def test_long_numbers_of_td2_read_back(number):
    assert parse_td2(build_td2(document_number=number, **ANNA)).document_number == number


@given(st.sampled_from([72, 88, 90]), st.data())
def test_allowed_characters_parse_or_give_a_typed_error(size, data):
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<"
    try:
        parse_mrz(data.draw(st.text(alphabet, min_size=size, max_size=size)))
    except InputError as error:
        assert error.code.startswith("mrz.")


@given(st.text(max_size=100))
def test_any_text_parses_or_gives_a_typed_error(text):
    try:
        parse_mrz(text)
    except InputError as error:
        assert error.code.startswith("mrz.")
