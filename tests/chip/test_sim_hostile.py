"""Every hostile mode of the simulated card, and that the reader meets each with a typed error, bounded in effort."""

import tracemalloc
from functools import partial

import pytest

from ekyc.chip.access_key import CanKey, MrzKey
from ekyc.chip.files import MAX_TOTAL_BYTES, ElementaryFile, data_group_file
from ekyc.chip.program import run_program
from ekyc.chip.reader import read_chip
from ekyc.chip.sim import AccessProtocol, CardSimulator
from ekyc.chip.sim.hostile import Attack, HostileCard, with_lying_file, with_truncated_file
from ekyc.errors import EkycError
from ekyc.pki import der
from ekyc.ports import SystemRandom

BAC_ONLY = frozenset({AccessProtocol.BAC})
PACE_ONLY = frozenset({AccessProtocol.PACE})
HONEST_COMMANDS = 200
"""More than an honest reading of the sample card takes."""


def read(card, link, *, pace=False):
    key = CanKey(card.can) if pace else MrzKey(*card.mrz_key)
    return run_program(read_chip(key, random=SystemRandom(), nonce=bytes(8)), link)


def traced(act):
    """What an act gives, and the most memory that it held at once."""
    tracemalloc.start()
    try:
        result = act()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def hostile(card, attack, *, pace=False, after=0):
    honest = CardSimulator(card, access=PACE_ONLY if pace else BAC_ONLY)
    return HostileCard(honest, attack, after=after)


@pytest.mark.parametrize("pace", [False, True], ids=["BAC", "PACE"])
@pytest.mark.parametrize("attack", Attack)
def test_no_attack_from_the_first_response_on_is_believed(card, attack, pace):
    link = hostile(card, attack, pace=pace)
    with pytest.raises(EkycError) as caught:
        read(card, link, pace=pace)
    assert caught.value.code
    assert link.commands < 700


# The channel stands after 5 responses with BAC and after 8 with PACE (SELECT MF and EF.CardAccess included).
@pytest.mark.parametrize("after", range(4, 24, 3))
@pytest.mark.parametrize("pace", [False, True], ids=["BAC", "PACE"])
@pytest.mark.parametrize("attack", Attack)
def test_no_attack_within_the_session_is_believed(card, attack, pace, after):
    link = hostile(card, attack, pace=pace, after=after)
    try:
        reading = read(card, link, pace=pace)
    except EkycError:
        pass
    else:  # what broke was chip authentication: that is a finding, not an end
        assert reading.chip_authentication is None
        assert reading.chip_authentication_error == "chip.ca_invalid"
        assert set(reading.unread) > {ElementaryFile.DG1, ElementaryFile.DG2}
    assert link.commands < 700


@pytest.mark.parametrize("attack", [Attack.PLAIN_DATA, Attack.PLAIN_STATUS])
def test_plain_answers_after_the_channel_stands_have_a_code_of_their_own(card, attack):
    with pytest.raises(EkycError) as caught:
        read(card, hostile(card, attack))
    assert caught.value.code.startswith("chip.sm.")


@pytest.mark.parametrize("attack", [Attack.WRONG_MAC, Attack.WRONG_CRYPTOGRAM, Attack.REPLAY])
def test_a_spoilt_checksum_has_a_code_of_its_own(card, attack):
    with pytest.raises(EkycError) as caught:
        read(card, hostile(card, attack))
    assert caught.value.code.startswith("chip.sm.")


def test_an_honest_card_behind_the_wrapper_is_read(card):
    link = hostile(card, Attack.WRONG_MAC, after=10_000)
    assert read(card, link).files.names
    assert link.commands < HONEST_COMMANDS


@pytest.mark.parametrize("name", [ElementaryFile.DG2, ElementaryFile.SOD, ElementaryFile.COM])
def test_a_file_that_claims_four_gigabytes_costs_no_memory(card, name):
    lying = with_lying_file(card, name)
    reading, peak = traced(partial(read, lying, CardSimulator(lying, access=BAC_ONLY)))
    assert reading.unread == {name: "chip.file_too_large"}
    assert set(reading.files.names) | {name} == set(card.files.names)
    assert reading.active_authentication_signature
    assert peak < 1_000_000


def test_a_claim_of_four_gigabytes_by_the_very_first_file_hides_no_reason(card):
    """EF.CardAccess is optional; one that lies is not the same as none."""
    honest = CardSimulator(card, access=BAC_ONLY)
    link = _Answering(honest, "00a4020c02011c", b"\x90\x00", b"\x31\x84\xff\xff")
    reading = read(card, link)
    assert reading.unread == {ElementaryFile.CARD_ACCESS: "chip.file_too_large"}
    assert set(reading.files.names) == set(card.files.names)


class _Answering:
    """Answers one SELECT by itself, and the READ BINARY after it with a header that lies."""

    extended_length = True

    def __init__(self, card, select, answer, header):
        self.max_command_bytes = card.max_command_bytes
        self._card, self._select, self._answer, self._header = card, select, answer, header
        self._lies = False

    def transceive(self, command):
        if command.hex() == self._select:
            self._lies = True
            return self._answer
        if self._lies and command[1] == 0xB0:
            return (self._header + b"\xff" * 4)[command[3] :][: command[4]] + b"\x90\x00"
        self._lies = False
        return self._card.transceive(command)


def test_files_that_are_too_much_together_are_left_out_one_by_one(card):
    """A card may hold as much as a reading may; with EF.CardAccess it is more."""
    full = card
    for number in (5, 6, 7, 8, 9, 10, 11, 16):
        full = full.with_file(data_group_file(number), der.encode(0x75, bytes(120_000)))
    room = MAX_TOTAL_BYTES - sum(len(data) for _, data in full.files.items())
    full = full.with_file(ElementaryFile.DG12, der.encode(0x6C, bytes(room - 10)))
    files = [name for name, _ in full.files.items() if name is not ElementaryFile.DG12]
    program = read_chip(
        MrzKey(*card.mrz_key),
        random=SystemRandom(),
        files=(*files, ElementaryFile.DG12),
        chunk_bytes=60_000,
    )
    reading = run_program(program, CardSimulator(full))
    assert reading.unread == {ElementaryFile.DG12: "chip.files_too_large"}
    assert set(files) < set(reading.files.names)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 40])
def test_a_file_that_ends_early_is_not_taken_for_whole(card, length):
    short = with_truncated_file(card, ElementaryFile.DG2, length)
    reading = read(short, CardSimulator(short, access=BAC_ONLY))
    assert ElementaryFile.DG2 not in reading.files.names
    assert ElementaryFile.DG2 in reading.unread
    assert ElementaryFile.DG13 in reading.files.names


def test_a_clone_cannot_take_part_in_chip_authentication(card):
    clone = card.clone_with_own_key()
    reading = read(clone, CardSimulator(clone, access=BAC_ONLY))
    assert reading.chip_authentication is None
    assert reading.chip_authentication_error == "chip.ca_invalid"
