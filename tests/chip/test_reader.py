"""Reading files and whole chips: bounds, refusals, and cards that lie about lengths."""

import tracemalloc

import pytest
from chip_links import Stranger
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip.access_key import CanKey, MrzKey
from ekyc.chip.apdu import CommandApdu
from ekyc.chip.file_reading import FileReader
from ekyc.chip.files import ElementaryFile
from ekyc.chip.program import PlainChannel, run_program
from ekyc.chip.reader import AccessProtocol, read_chip
from ekyc.chip.sim import VIETNAMESE_QUIRKS, CardQuirks, CardSimulator
from ekyc.errors import ChipError, EkycError, InputError, LimitError
from ekyc.pki import der
from ekyc.ports import SystemRandom

OK = b"\x90\x00"
DG2 = ElementaryFile.DG2


class FileCard:
    """One file in clear. Options are habits of real cards."""

    max_command_bytes = 65_545

    def __init__(
        self, content, *, limit=256, extended=True, end_of_file=b"\x62\x82", wrong_le=False
    ):
        self.content, self.limit, self.end_of_file, self.wrong_le = (
            content,
            limit,
            end_of_file,
            wrong_le,
        )
        self.extended_length = extended
        self.knows_extended = extended
        self.asked = []

    def transceive(self, command):
        parsed = CommandApdu.parse(command)
        if parsed.needs_extended_length and not self.knows_extended:
            return b"\x67\x00"
        if parsed.ins == 0xA4:
            return OK
        self.asked.append(parsed)
        if parsed.ins == 0xB1:
            offset = int.from_bytes(
                der.content_of(parsed.data, der.single(parsed.data, 0x54)), "big"
            )
            return self._piece(
                offset, parsed.le - 2 if parsed.le <= 130 else parsed.le - 3, odd=True
            )
        return self._piece(parsed.p1 << 8 | parsed.p2, parsed.le, odd=False)

    def _piece(self, offset, size, *, odd):
        if size > self.limit:
            return bytes((0x6C, self.limit)) if self.wrong_le else b"\x67\x00"
        piece = self.content[offset : offset + size]
        if not piece:
            return b"\x6b\x00"
        status = OK if len(piece) == size else self.end_of_file
        return (der.encode(0x53, piece) if odd else piece) + status


def read(card, file=DG2, **options):
    return run_program(FileReader(PlainChannel(), **options).read(file), card)


def a_file(size, tag=0x75):
    return der.encode(tag, bytes(index % 251 for index in range(size)))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 100, 127, 128, 219, 220, 255, 256, 5000])
@pytest.mark.parametrize("chunk", [64, 223, 256])
def test_files_of_any_length(size, chunk):
    assert read(FileCard(a_file(size)), chunk_bytes=chunk) == a_file(size)


def test_what_follows_the_file_is_not_read():
    assert read(FileCard(a_file(100) + bytes(500))) == a_file(100)


def test_a_two_octet_tag():
    assert read(FileCard(a_file(300, 0x7F61))) == a_file(300, 0x7F61)


def test_beyond_32_kib_the_odd_instruction_is_used():
    content = a_file(100_000)
    card = FileCard(content)
    assert read(card) == content
    assert {parsed.ins for parsed in card.asked} == {0xB0, 0xB1}


def test_extended_length_reads_in_fewer_commands():
    content = a_file(20_000)
    card = FileCard(content, limit=65_536)
    assert read(card, chunk_bytes=8_000) == content
    assert len(card.asked) == 4


def test_a_card_without_extended_length_is_asked_for_less():
    content = a_file(2_000)
    assert read(_pretender(content), chunk_bytes=8_000) == content


def _pretender(content):
    """The link carries extended length; the card does not know it."""
    card = FileCard(content, extended=False)
    card.extended_length = True
    return card


@pytest.mark.parametrize("limit", [64, 100, 128, 200])
def test_a_card_with_a_small_buffer_is_asked_for_less(limit):
    assert read(FileCard(a_file(1_000), limit=limit)) == a_file(1_000)
    assert read(FileCard(a_file(1_000), limit=limit, wrong_le=True)) == a_file(1_000)


def test_a_card_that_refuses_every_length():
    with pytest.raises(ChipError) as error:
        read(FileCard(a_file(1_000), limit=3))
    assert error.value.code == "chip.status.wrong_length"
    assert error.value.subject == DG2


@pytest.mark.parametrize("header", ["7584ffffffff", "7583ffffff", "758302ffff", "7f6184ffffffff"])
def test_a_huge_claim_is_refused_before_anything_is_read(header):
    card = FileCard(bytes.fromhex(header) + bytes(300), end_of_file=OK)
    tracemalloc.start()
    try:
        with pytest.raises(LimitError) as error:
            read(card)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.value.code == "chip.file_too_large"
    assert len(card.asked) <= 2
    assert peak < 1_000_000


def test_a_claim_within_bounds_is_believed_only_as_far_as_bytes_come():
    tracemalloc.start()
    try:
        with pytest.raises(ChipError):
            read(FileCard(bytes.fromhex("758301ff00") + bytes(300), end_of_file=OK))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (OK, "chip.read_stalled"),
        (b"\x62\x82", "chip.read_stalled"),
        (b"\x75" + OK, "chip.read_malformed"),
        (b"\x75\x80\x00\x00" + OK, "chip.read_malformed"),
        (b"\x75\x85\x00\x00" + OK, "chip.read_malformed"),
        (b"\x7f\x61" + OK, "chip.read_malformed"),
        (bytes(5) + OK, "chip.read_stalled"),
        (b"\x69\x82", "chip.status.access_denied"),
        (b"\x6f\x00", "chip.status"),
    ],
)
def test_answers_that_are_no_file(answer, code):
    with pytest.raises(ChipError) as error:
        read(Stranger(lambda command: OK if command[1] == 0xA4 else answer))
    assert error.value.code == code
    assert error.value.subject == DG2


def test_a_file_that_stops_in_the_middle():
    content = a_file(1_000)
    card = FileCard(content[:600], end_of_file=OK)
    with pytest.raises(ChipError) as error:
        read(card)
    assert error.value.code == "chip.status"


def test_a_card_that_gives_one_octet_at_a_time_is_read_to_the_end():
    content = a_file(300)

    def answer(command):
        if command[1] == 0xA4:
            return OK
        offset = command[2] << 8 | command[3]
        return content[offset : offset + 1] + OK

    def by_four(command):
        return (
            content[:4] + OK
            if command[1] == 0xB0 and not command[3] | command[2]
            else answer(command)
        )

    assert read(Stranger(by_four)) == content


@given(
    noise=st.binary(max_size=20), sw=st.sampled_from([OK, b"\x62\x82", b"\x6c\x05", b"\x61\x04"])
)
def test_noise_ends_soon_with_a_type(noise, sw):
    card = Stranger(lambda command: OK if command[1] == 0xA4 else noise + sw, patience=3_000)
    try:
        read(card, ElementaryFile.COM)
    except EkycError as error:
        assert error.code != "upstream.failed"


def test_a_missing_file_names_itself():
    with pytest.raises(ChipError) as error:
        read(Stranger(lambda command: b"\x6a\x82"), ElementaryFile.DG11)
    assert (error.value.code, error.value.subject) == ("chip.status.file_not_found", "EF.DG11")


@pytest.mark.parametrize(
    ("file", "identifier"),
    [
        ("EF.CardAccess", "011c"),
        ("EF.SOD", "011d"),
        ("EF.COM", "011e"),
        ("EF.DG1", "0101"),
        ("EF.DG16", "0110"),
    ],
)
def test_files_are_selected_by_their_identifier(file, identifier):
    seen = []
    with pytest.raises(ChipError):
        read(
            Stranger(lambda command: seen.append(command.hex()) or b"\x6a\x82"),
            ElementaryFile(file),
        )
    assert seen == ["00a4020c02" + identifier]


# -- whole chips with habits of their own


class Habits(CardSimulator):
    """A simulated card whose answers to some commands are replaced."""

    def __init__(self, card, replaced, **options):
        super().__init__(card, **options)
        self._replaced = replaced

    def transceive(self, command):
        replacement = self._replaced(command)
        return super().transceive(command) if replacement is None else replacement


def open_card(chip, card, **options):
    options.setdefault("files", (ElementaryFile.DG1, ElementaryFile.DG14))
    key = options.pop("key", None) or MrzKey(*card.mrz_key)
    return run_program(read_chip(key, random=SystemRandom(), **options), chip)


def _set_pace(command):
    return command[:4].hex() == "0022c1a4"


def test_a_chip_that_takes_no_mrz_for_pace_is_opened_by_bac_and_says_so(card):
    chip = CardSimulator(card, quirks=VIETNAMESE_QUIRKS)
    access = open_card(chip, card).access
    assert (access.protocol, access.pace_error) == (AccessProtocol.BAC, "chip.pace_unavailable")
    assert open_card(CardSimulator(card), card).access.pace_error is None


def test_a_card_access_number_opens_no_other_way(card):
    assert open_card(CardSimulator(card), card, key=CanKey(card.can)).access.name.startswith("PACE")
    refusing = Habits(card, lambda command: b"\x6a\x88" if _set_pace(command) else None)
    with pytest.raises(ChipError) as error:
        open_card(refusing, card, key=CanKey(card.can))
    assert error.value.code == "chip.pace_unavailable"
    without = Habits(
        card, lambda command: b"\x6a\x82" if command.hex() == "00a4020c02011c" else None
    )
    with pytest.raises(InputError) as unfit:
        open_card(without, card, key=CanKey(card.can))
    assert unfit.value.code == "chip.access_key_unfit"


def test_a_chip_that_minds_named_parameters_gets_them_unnamed(card):
    def minding(command):
        return b"\x6a\x80" if _set_pace(command) and b"\x84\x01" in command else None

    assert open_card(Habits(card, minding), card).access.name.startswith("PACE")


def test_a_chip_whose_pace_does_not_hold_is_not_tried_in_a_weaker_way(card):
    def lying(command):
        return (
            der.encode(0x7C, der.encode(0x86, bytes(8))) + OK
            if command[:2] == b"\x00\x86"
            else None
        )

    with pytest.raises(ChipError) as error:
        open_card(Habits(card, lying), card)
    assert error.value.code == "chip.pace_failed"


@pytest.mark.parametrize("access_file", [b"\x31\x02\x05\x00", b"\x04\x02\x05\x00", b"\x31\x00"])
def test_an_odd_card_access_file_leaves_bac(card, access_file):
    selected = []

    def odd(command):
        if command[1] == 0xA4:
            selected.append(command.hex())
        reading = command[1] == 0xB0 and selected[-1] == "00a4020c02011c"
        if reading:
            return access_file + OK
        return OK if selected[-1] == "00a4020c02011c" and command[1] == 0xA4 else None

    assert open_card(Habits(card, odd), card).access.protocol is AccessProtocol.BAC


def test_a_hidden_offer_of_pace_is_noticed_in_dg14(issuer, citizen, card):
    """DG14 repeats what EF.CardAccess offers; who hides the one cannot change the other."""
    offer = bytes.fromhex("3012060a04007f0007020204020202010202010d")
    honest = card.files.get(ElementaryFile.DG14)
    infos = der.content_of(honest, der.single(honest, 0x6E))
    content = der.content_of(infos, der.single(infos, 0x31))
    repeating = card.with_file(
        ElementaryFile.DG14, der.encode(0x6E, der.encode(0x31, content, offer))
    )
    hiding = Habits(
        repeating, lambda command: b"\x6a\x82" if command.hex() == "00a4020c02011c" else None
    )
    assert open_card(hiding, card).access.pace_error == "chip.pace_hidden"


def test_without_a_readable_list_every_group_is_asked_for(card):
    bare = card.without(ElementaryFile.COM).with_file(ElementaryFile.SOD, b"\x77\x02\x05\x00")
    reading = open_card(CardSimulator(bare), card, files=None)
    assert set(card.files.data_groups) <= set(reading.files.data_groups)
    assert reading.unread[ElementaryFile.DG11] == "chip.status.file_not_found"
    assert ElementaryFile.DG3 not in reading.unread
    by_com = open_card(CardSimulator(card.without(ElementaryFile.SOD)), card, files=None)
    assert set(by_com.files.data_groups) == set(card.files.data_groups)


def test_an_unreadable_dg14_or_dg15_costs_only_itself(card):
    odd = card.with_file(ElementaryFile.DG14, b"\x6e\x02\x05\x00")
    odd = odd.with_file(ElementaryFile.DG15, b"\x6f\x02\x05\x00")
    reading = open_card(CardSimulator(odd), card, files=None, nonce=bytes(8))
    assert reading.chip_authentication is None
    assert reading.active_authentication_signature


def test_a_chip_without_dg15_signs_nothing(card):
    reading = open_card(CardSimulator(card), card, nonce=bytes(8))
    assert reading.active_authentication_signature is None


@pytest.mark.parametrize("nonce", [b"", bytes(7), bytes(9)])
def test_a_nonce_has_eight_octets(card, nonce):
    with pytest.raises(InputError) as error:
        open_card(CardSimulator(card), card, nonce=nonce)
    assert error.value.code == "chip.aa_nonce"


@pytest.mark.parametrize("knows_extended_length", [True, False])
def test_a_long_signature_is_asked_for_in_extended_length_first(card, knows_extended_length):
    """RSA-2048 signatures do not fit a short response under secure messaging."""
    modulus = der.encode(2, b"\0" + b"\xff" * 256)
    algorithm = der.encode(0x30, bytes.fromhex("06092a864886f70d010101"), b"\x05\x00")
    key = der.encode(3, b"\0", der.encode(0x30, modulus, b"\x02\x03\x01\x00\x01"))
    long = card.with_file(ElementaryFile.DG15, der.encode(0x6F, der.encode(0x30, algorithm, key)))
    quirks = CardQuirks(extended_length=knows_extended_length)
    sent = []
    chip = Habits(long, sent.append, quirks=quirks)
    chip.extended_length, chip.max_command_bytes = True, 65_545
    reading = open_card(chip, card, files=(ElementaryFile.DG15,), nonce=bytes(8))
    assert reading.active_authentication_signature
    asked = [
        CommandApdu.parse(command).needs_extended_length for command in sent if command[1] == 0x88
    ]
    assert asked == ([True] if knows_extended_length else [True, False])
