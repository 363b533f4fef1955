import pytest
from chip_links import RecordedCard, Stranger
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip.apdu import CommandApdu, ResponseApdu, status_error
from ekyc.chip.program import PlainChannel, run_program
from ekyc.errors import ChipError, EkycError, InputError, LimitError

octets = st.integers(0, 255)
commands = st.builds(
    CommandApdu,
    octets,
    octets,
    octets,
    octets,
    st.binary(max_size=700),
    st.none() | st.integers(1, 65536),
)


@given(command=commands, extended=st.booleans())
def test_a_command_survives_its_encoding(command, extended):
    assert CommandApdu.parse(command.encode(extended)) == command


@given(data=st.binary(max_size=600), sw=st.integers(0, 0xFFFF))
def test_a_response_survives_its_encoding(data, sw):
    assert ResponseApdu.parse(ResponseApdu(data, sw).encode()) == ResponseApdu(data, sw)


@given(encoded=st.binary(max_size=80))
def test_any_octets_are_a_command_or_a_typed_error(encoded):
    try:
        command = CommandApdu.parse(encoded)
    except EkycError as error:
        assert error.code == "chip.apdu.malformed"
    else:
        assert CommandApdu.parse(command.encode()) == command


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (CommandApdu(0, 0xA4, 0, 0), "00a40000"),
        (CommandApdu(0, 0x84, 0, 0, le=8), "0084000008"),
        (CommandApdu(0, 0xB0, 0, 0, le=256), "00b0000000"),
        (CommandApdu(0, 0xB0, 0, 0, le=65536), "00b00000000000"),
        (CommandApdu(0, 0xB0, 0, 0, le=257), "00b00000000101"),
        (CommandApdu(0, 0xA4, 2, 12, b"\x01\x1e"), "00a4020c02011e"),
        (CommandApdu(0, 0x88, 0, 0, b"\xaa" * 8, 256), "0088000008aaaaaaaaaaaaaaaa00"),
        (CommandApdu(0, 0x88, 0, 0, b"\xaa", 65536), "00880000000001aa0000"),
    ],
)
def test_the_cases_of_iso_7816_are_encoded_as_printed_there(command, expected):
    assert command.encode().hex() == expected


def test_extended_length_can_be_asked_for():
    assert CommandApdu(0, 0x84, 0, 0, le=8).encode(extended=True).hex() == "00840000000008"


@pytest.mark.parametrize(
    "encoded", ["", "00a4", "00a4000002aa", "00a4000001aabbcc", "00a40000000000aa"]
)
def test_lengths_that_disagree_are_refused(encoded):
    with pytest.raises(ChipError) as error:
        CommandApdu.parse(bytes.fromhex(encoded))
    assert error.value.code == "chip.apdu.malformed"


@pytest.mark.parametrize("encoded", [b"", b"\x90", bytes(65539)])
def test_a_response_has_a_status_word_and_a_bound(encoded):
    with pytest.raises(ChipError) as error:
        ResponseApdu.parse(encoded)
    assert error.value.code == "chip.apdu.malformed"


def test_impossible_commands_cannot_be_made():
    for make in (
        lambda: CommandApdu(256, 0, 0, 0),
        lambda: CommandApdu(0, 0, 0, 0, bytes(65536)),
        lambda: CommandApdu(0, 0, 0, 0, le=0),
    ):
        with pytest.raises(InputError):
            make()


def test_repr_shows_no_data():
    assert "aa" not in repr(CommandApdu(0, 0xA4, 0, 0, b"\xaa")) + repr(
        ResponseApdu(b"\xaa", 0x9000)
    )


@pytest.mark.parametrize(
    ("sw", "code"),
    [
        (0x6982, "chip.status.access_denied"),
        (0x6A82, "chip.status.file_not_found"),
        (0x6F00, "chip.status"),
    ],
)
def test_status_words_have_codes(sw, code):
    assert status_error(sw, "x").code == code


def _send(card, command):
    return run_program(PlainChannel().send(command), card)


def test_a_response_in_parts_is_put_together():
    card = RecordedCard(
        [
            (bytes.fromhex("00b0000000"), b"\x01\x02\x61\x02"),
            (bytes.fromhex("00c0000002"), b"\x03\x04\x90\x00"),
        ]
    )
    assert _send(card, CommandApdu(0, 0xB0, 0, 0, le=256)) == ResponseApdu(b"\1\2\3\4", 0x9000)
    assert card.finished


def test_a_wrong_le_is_corrected_once():
    card = RecordedCard(
        [
            (bytes.fromhex("00b0000000"), b"\x6c\x03"),
            (bytes.fromhex("00b0000003"), b"\1\2\3\x90\x00"),
        ]
    )
    assert _send(card, CommandApdu(0, 0xB0, 0, 0, le=256)).data == b"\1\2\3"
    stubborn = Stranger(lambda command: b"\x6c\x03")
    assert _send(stubborn, CommandApdu(0, 0xB0, 0, 0, le=256)).sw == 0x6C03
    assert stubborn.commands == 2


@pytest.mark.parametrize(("piece", "patience"), [(b"", 302), (b"\xaa" * 255, 258)])
def test_a_response_that_never_ends_is_ended(piece, patience):
    card = Stranger(lambda command: piece + b"\x61\xff")
    with pytest.raises(ChipError) as error:
        _send(card, CommandApdu(0, 0xB0, 0, 0, le=256))
    assert error.value.code == "chip.apdu.endless"
    assert card.commands <= patience


def test_a_program_that_never_ends_is_ended():
    def forever():
        while True:
            yield CommandApdu(0, 0x84, 0, 0, le=8)

    with pytest.raises(LimitError) as error:
        run_program(forever(), Stranger(lambda command: b"\x90\x00"))
    assert error.value.code == "chip.program_too_long"


def test_a_command_that_the_link_cannot_carry_is_not_sent():
    card = Stranger(lambda command: b"\x90\x00")
    card.extended_length = False
    with pytest.raises(InputError) as error:
        _send(card, CommandApdu(0, 0xB0, 0, 0, le=1000))
    assert error.value.code == "chip.apdu.too_long"
    card.extended_length, card.max_command_bytes = True, 6
    with pytest.raises(InputError):
        _send(card, CommandApdu(0, 0xA4, 0, 0, b"\x01\x02\x03"))
    assert card.commands == 0
