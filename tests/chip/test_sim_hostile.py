"""Every hostile mode of the simulated card, and that the reader meets each with a typed error, bounded in effort."""

import tracemalloc

import pytest

from ekyc.chip.access_key import CanKey, MrzKey
from ekyc.chip.files import ElementaryFile
from ekyc.chip.program import run_program
from ekyc.chip.reader import read_chip
from ekyc.chip.sim import AccessProtocol, CardSimulator
from ekyc.chip.sim.hostile import Attack, HostileCard, with_lying_file, with_truncated_file
from ekyc.errors import EkycError, LimitError
from ekyc.ports import SystemRandom

BAC_ONLY = frozenset({AccessProtocol.BAC})
PACE_ONLY = frozenset({AccessProtocol.PACE})
HONEST_COMMANDS = 200
"""More than an honest reading of the sample card takes."""


def read(card, link, *, pace=False):
    key = CanKey(card.can) if pace else MrzKey(*card.mrz_key)
    return run_program(read_chip(key, random=SystemRandom(), nonce=bytes(8)), link)


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
    with pytest.raises(EkycError):
        read(card, link, pace=pace)
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
    link = CardSimulator(lying, access=BAC_ONLY)
    tracemalloc.start()
    try:
        with pytest.raises(LimitError) as caught:
            read(lying, link)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.code == "chip.file_too_large"
    assert caught.value.subject == name
    assert peak < 1_000_000


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 40])
def test_a_file_that_ends_early_is_not_taken_for_whole(card, length):
    short = with_truncated_file(card, ElementaryFile.DG2, length)
    reading = read(short, CardSimulator(short, access=BAC_ONLY))
    assert ElementaryFile.DG2 not in reading.files.names
    assert ElementaryFile.DG2 in reading.unread
    assert ElementaryFile.DG13 in reading.files.names


def test_a_clone_cannot_take_part_in_chip_authentication(card):
    clone = card.clone_with_own_key()
    with pytest.raises(EkycError) as caught:
        read(clone, CardSimulator(clone, access=BAC_ONLY))
    assert caught.value.code == "chip.ca_invalid"
