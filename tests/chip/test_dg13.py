"""The Vietnamese data group: grammar, long texts, families of any size, and one bad field among good ones."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip.lds.dg13 import Dg13Field, parse_dg13
from ekyc.chip.sim.files import build_dg13
from ekyc.errors import ChipError
from ekyc.pki import der

UTF8, PRINTABLE = 0x0C, 0x13
TEXT_FIELDS = sorted(set(Dg13Field) - {Dg13Field.PARENTS, Dg13Field.SPOUSE})


def field(index, *values):
    return der.encode(0x30, der.encode(0x02, bytes((index,))), *values)


def group(*fields, wrappers=1):
    content = b"".join(fields)
    for _ in range(wrappers):
        content = der.encode(0x30, content)
    return der.encode(0x6D, content)


def utf8(text):
    return der.encode(UTF8, text.encode())


def test_simulated_card(citizen):
    dg13 = parse_dg13(build_dg13(citizen))
    assert dg13.text(Dg13Field.PERSONAL_NUMBER) == citizen.personal_number
    assert dg13.text(Dg13Field.FULL_NAME) == citizen.full_name
    assert dg13.text(Dg13Field.BIRTH_DATE) == "19/04/1985"
    assert dg13.text(Dg13Field.SEX) == "Nữ"
    assert dg13.text(Dg13Field.PLACE_OF_RESIDENCE) == citizen.residence
    assert dg13.names[Dg13Field.PARENTS].reveal() == ("NGUYỄN VĂN MẪU", "LÊ THỊ MẪU")
    assert dg13.names[Dg13Field.SPOUSE].reveal() == ("TRẦN VĂN MẪU",)
    assert (dg13.unreadable, dict(dg13.unknown)) == ((), {})
    assert citizen.full_name not in repr(dg13)


def test_prefixes_of_the_known_readers():
    """Constant byte prefixes that independent readers of the card search for."""
    assert field(1, der.encode(PRINTABLE, b"0" * 12)).hex().startswith("3011020101130c")
    assert field(3, der.encode(PRINTABLE, b"01/01/2000")).hex().startswith("300f020103130a")
    assert field(12, der.encode(UTF8, b"01/01/2000")).hex().startswith("300f02010c0c0a")


@given(
    st.dictionaries(st.sampled_from(TEXT_FIELDS), st.text(min_size=1, max_size=300), min_size=1),
    st.integers(1, 4),
)
def test_texts_of_any_length_read_back_in_form_c(texts, wrappers):
    data = group(*(field(index, utf8(text)) for index, text in texts.items()), wrappers=wrappers)
    dg13 = parse_dg13(data)
    for index, text in texts.items():
        expected = unicodedata.normalize("NFC", text).strip()
        assert dg13.text(index) == (expected or None)


@given(st.lists(st.text("ABCĐỄ ", min_size=1).filter(str.strip), max_size=5))
def test_families_of_any_size(names):
    data = group(field(13, *(der.encode(0x30, utf8(name)) for name in names)))
    found = parse_dg13(data).names[Dg13Field.PARENTS].reveal()
    assert found == tuple(unicodedata.normalize("NFC", name).strip() for name in names)


def test_decomposed_text_becomes_form_c():
    text = unicodedata.normalize("NFD", "Nguyễn Thị Mẫu")
    assert parse_dg13(group(field(2, utf8(text)))).text(Dg13Field.FULL_NAME) == "Nguyễn Thị Mẫu"


def test_text_that_looks_like_a_field_is_text():
    """Readers that scan for 30 ?? 02 01 idx break here."""
    pattern = bytes.fromhex("3003020102").decode()
    dg13 = parse_dg13(group(field(9, utf8(f"Tổ {pattern} 5")), field(2, utf8("NGUYỄN"))))
    assert dg13.text(Dg13Field.FULL_NAME) == "NGUYỄN"
    assert dg13.text(Dg13Field.PLACE_OF_RESIDENCE) == f"Tổ {pattern} 5"


def test_wrapper_with_a_version_number_in_front():
    inner = der.encode(0x30, field(1, utf8("1")), field(2, utf8("A")))
    data = der.encode(
        0x6D, der.encode(0x30, b"\x02\x01\x00", field(1, utf8("1")), field(2, utf8("A")))
    )
    assert parse_dg13(data).text(Dg13Field.FULL_NAME) == "A"
    assert parse_dg13(der.encode(0x6D, inner)).text(Dg13Field.FULL_NAME) == "A"


def test_absent_and_empty_fields_are_absent():
    dg13 = parse_dg13(group(field(2, utf8("A")), field(15), field(7, utf8("")), field(14)))
    assert set(dg13.texts) == {Dg13Field.FULL_NAME}
    assert dg13.names[Dg13Field.SPOUSE].reveal() == ()
    assert dg13.unreadable == ()


def test_unknown_fields_are_kept_raw():
    strange = field(42, der.encode(0x04, b"\x00\xff"))
    dg13 = parse_dg13(group(field(2, utf8("A")), strange))
    assert dg13.unknown[42].reveal() == strange


@pytest.mark.parametrize(
    "bad",
    [
        der.encode(UTF8, b"\xff\xfe"),
        der.encode(0x04, b"octets"),
        der.encode(PRINTABLE, "ễ".encode()),
        b"\x0c\x7fcut",
        b"\x0c\x84\xff\xff\xff\xffcut",
        utf8("A") + utf8("B"),
        utf8("x" * 5000),
        b"\x0c\x80",
    ],
)
def test_one_bad_field_never_loses_the_group(bad):
    dg13 = parse_dg13(group(field(1, utf8("048185012345")), field(9, bad), field(2, utf8("A"))))
    assert dg13.unreadable == (9,)
    assert dg13.text(Dg13Field.PERSONAL_NUMBER) == "048185012345"
    assert dg13.text(Dg13Field.FULL_NAME) == "A"
    assert dg13.text(Dg13Field.PLACE_OF_RESIDENCE) is None


def test_a_field_that_stands_twice_is_believed_neither_time():
    dg13 = parse_dg13(group(field(2, utf8("A")), field(2, utf8("B")), field(1, utf8("1"))))
    assert dg13.unreadable == (2,)
    assert dg13.text(Dg13Field.FULL_NAME) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x6d\x00",
        group(),
        b"\x6e\x00",
        group(field(2, utf8("A")), wrappers=8),
        group(*(field(i, utf8("A")) for i in range(17, 90))),
        group(field(2, utf8("A"))) + b"\x00",
        b"\x6d\x84\xff\xff\xff\xff",
    ],
)
def test_no_walkable_structure(data):
    with pytest.raises(ChipError) as caught:
        parse_dg13(data)
    assert caught.value.code == "chip.dg13_malformed"


def test_truncation_at_every_byte(citizen):
    data = build_dg13(citizen)
    for end in range(len(data)):
        with pytest.raises(ChipError):
            parse_dg13(data[:end])


@given(st.data())
def test_damage_gives_typed_errors_only(citizen, data):
    content = bytearray(build_dg13(citizen))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse_dg13(bytes(content))
    except ChipError as error:
        assert error.code == "chip.dg13_malformed"
        assert citizen.full_name not in str(error)


@given(st.binary(max_size=120))
def test_noise(noise):
    for content in (noise, der.encode(0x6D, noise), group(noise), group(der.encode(0x30, noise))):
        try:
            parse_dg13(content)
        except ChipError:
            continue
