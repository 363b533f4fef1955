"""Rows of announced commands: the same files in fewer round trips, whatever the chip makes of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ekyc.chip.access_key import CanKey, MrzKey
from ekyc.chip.apdu import CommandApdu, ResponseApdu
from ekyc.chip.file_reading import FileReader
from ekyc.chip.file_rows import prefetch
from ekyc.chip.files import ElementaryFile
from ekyc.chip.program import PlainChannel, run_program
from ekyc.chip.reader import read_chip
from ekyc.chip.sim import (
    VIETNAMESE_QUIRKS,
    AccessProtocol,
    CardQuirks,
    CardSimulator,
    Cipher,
    PaceConfiguration,
)
from ekyc.chip.sim.profile import ChipProfile
from ekyc.errors import ChipError
from ekyc.pki import der
from ekyc.ports import SystemRandom

NONCE = bytes(range(8))
FILES = (ElementaryFile.DG1, ElementaryFile.DG2, ElementaryFile.DG13, ElementaryFile.DG15)


def row_by_row(program, transceiver):
    """Run a program as a relay does, and hold every announcement against what came: result, rows, commands."""
    rows = commands = 0
    try:
        command = next(program)
        while True:
            row, answers = (command, *command.ahead), []
            rows += 1
            for sent in row:
                answers.append(ResponseApdu.parse(transceiver.transceive(sent.encode())))
                if not answers[-1].ok:
                    break
            commands += len(answers)
            for sent, answer in zip(row, answers, strict=False):
                assert command == sent
                command = program.send(answer)
    except StopIteration as stop:
        return stop.value, rows, commands


class Files:
    """A card in clear: SELECT and READ BINARY over a few files, with limits of its own."""

    extended_length = True
    max_command_bytes = 1000

    def __init__(self, files, *, most=256, wrong_length=None, exact=None, locked=()):
        self._files = {0x0100 + file.data_group: data for file, data in files.items()}
        self._most, self._wrong_length, self._exact = most, wrong_length, exact
        self._locked = {0x0100 + file.data_group for file in locked}
        self._selected = b""

    def transceive(self, octets):
        command = CommandApdu.parse(octets)
        if command.ins == 0xA4:
            wanted = int.from_bytes(command.data, "big")
            if wanted in self._locked:
                return b"\x69\x82"
            self._selected = self._files.get(wanted)
            return b"\x6a\x82" if self._selected is None else b"\x90\x00"
        if self._wrong_length and command.le > self._wrong_length:
            return b"\x67\x00"
        if self._exact and command.le > self._exact:
            return bytes((0x6C, self._exact))
        if command.ins == 0xB1:
            at = int.from_bytes(der.content_of(command.data, der.single(command.data, 0x54)), "big")
            piece = self._selected[at : at + self._most]
            while len(der.encode(0x53, piece)) > command.le:
                piece = piece[:-1]
            return der.encode(0x53, piece) + b"\x90\x00"
        at = command.p1 << 8 | command.p2
        return self._selected[at : at + min(self._most, command.le)] + b"\x90\x00"


def fetched(card, files, *, row=48, chunk=223):
    reader = FileReader(PlainChannel(), chunk_bytes=chunk)
    _, rows, _ = row_by_row(prefetch(reader, files, row=row), card)
    return reader, rows


@pytest.mark.parametrize("row", [2, 3, 8, 48, 256])
@pytest.mark.parametrize("quirks", [CardQuirks(), VIETNAMESE_QUIRKS, CardQuirks(max_response=100)])
@pytest.mark.parametrize("access", [frozenset({AccessProtocol.BAC}), frozenset(AccessProtocol)])
def test_rows_give_the_reading_that_single_commands_give(card, row, quirks, access):
    key = CanKey(card.can) if AccessProtocol.PACE in access else MrzKey(*card.mrz_key)

    def reading(row):
        simulator = CardSimulator(card, access=access, quirks=quirks)
        program = read_chip(key, random=SystemRandom(), nonce=NONCE, row=row)
        return row_by_row(program, simulator)

    plain, plain_rows, plain_commands = reading(1)
    found, rows, _ = reading(row)
    assert plain_rows == plain_commands  # without rows nothing is announced
    assert (found.files, found.access, found.unread) == (plain.files, plain.access, plain.unread)
    assert found.chip_authentication == plain.chip_authentication
    assert found.active_authentication_signature
    assert rows < plain_rows


@pytest.mark.parametrize("cipher", list(Cipher))
def test_every_cipher_foresees_its_own_commands(issuer, citizen, cipher):
    profile = ChipProfile(pace=(PaceConfiguration(cipher=cipher),))
    card = issuer.issue_card(citizen, bytes(5000), profile=profile)
    program = read_chip(CanKey(card.can), random=SystemRandom(), row=48)
    found, _, _ = row_by_row(program, CardSimulator(card))
    assert found.files.get(ElementaryFile.DG2) == card.files.get(ElementaryFile.DG2)


def test_who_does_not_look_ahead_sees_the_same_program(card):
    program = read_chip(MrzKey(*card.mrz_key), random=SystemRandom(), row=48)
    assert run_program(program, CardSimulator(card)).unread == {}


@given(
    sizes=st.lists(st.integers(0, 1000), min_size=1, max_size=4),
    most=st.integers(2, 256),
    row=st.integers(2, 60),
    chunk=st.integers(5, 600),
)
@settings(max_examples=60, deadline=None)
def test_files_come_whole_however_little_is_given(sizes, most, row, chunk):
    files = {
        file: der.encode(0x61, bytes(i % 251 for i in range(size)))
        for file, size in zip(FILES, sizes, strict=False)
    }
    reader, _ = fetched(Files(files, most=most), tuple(files), row=row, chunk=chunk)
    assert reader.fetched == files


def test_beyond_32_kilobytes_the_odd_instruction_is_used():
    files = {ElementaryFile.DG2: der.encode(0x75, bytes(i % 251 for i in range(40_000)))}
    reader, _ = fetched(Files(files), tuple(files))
    assert reader.fetched == files


@pytest.mark.parametrize("refusal", [{"wrong_length": 223}, {"exact": 60}])
def test_a_refused_length_costs_one_row(refusal):
    files = {ElementaryFile.DG2: der.encode(0x75, bytes(3000))}
    reader, _ = fetched(Files(files, **refusal), tuple(files), chunk=1000)
    assert reader.fetched == files
    assert reader.chunk_bytes == next(iter(refusal.values()))


def test_locked_and_absent_files_cost_only_themselves():
    files = {file: der.encode(0x61, bytes(300)) for file in FILES}
    wanted = (ElementaryFile.DG3, *FILES, ElementaryFile.DG16)
    card = Files(files | {ElementaryFile.DG3: b"x"}, locked=(ElementaryFile.DG3,))
    reader, _ = fetched(card, wanted)
    assert reader.fetched[ElementaryFile.DG3].code == "chip.status.access_denied"
    assert reader.fetched[ElementaryFile.DG16].code == "chip.status.file_not_found"
    with pytest.raises(ChipError) as error:
        run_program(reader.read(ElementaryFile.DG3), card)
    assert error.value.subject == ElementaryFile.DG3
    assert {file: reader.fetched[file] for file in files} == files


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "chip.read_stalled"),
        (b"\x61\x85\xff\xff\xff\xff\xff", "chip.read_malformed"),
        (b"\x61\x84\xff\xff\xff\xff", "chip.file_too_large"),
        (b"\x61\x82\x03\x00 too short", "chip.read_stalled"),
    ],
)
def test_a_lying_file_costs_only_itself(content, code):
    honest = der.encode(0x6D, bytes(500))
    card = Files({ElementaryFile.DG1: content, ElementaryFile.DG13: honest})
    reader, _ = fetched(card, (ElementaryFile.DG1, ElementaryFile.DG13))
    assert reader.fetched[ElementaryFile.DG1].code == code
    assert reader.fetched[ElementaryFile.DG13] == honest


def test_without_rows_nothing_is_fetched():
    reader, rows = fetched(Files({}), (ElementaryFile.DG1,), row=1)
    assert reader.fetched == {}
    assert rows == 0
