"""The threat table of a running session, one row per attack: each ends with a code of its own, and none is believed.

The table of what is submitted stands in ``test_threats.py``, that of the verifier's nonces there as well.
"""

import pytest

from ekyc.chip import inspect_chip
from ekyc.chip.access_key import CanKey, MrzKey
from ekyc.chip.files import ElementaryFile
from ekyc.chip.program import run_program
from ekyc.chip.reader import read_chip
from ekyc.chip.sim import AccessProtocol, CardSimulator
from ekyc.errors import EkycError
from ekyc.outcomes import Outcome
from ekyc.ports import SystemRandom

OK = b"\x90\x00"
AGREEMENT = 0x86
"""GENERAL AUTHENTICATE; under secure messaging it belongs to chip authentication."""


class Spoilt:
    """A card simulator whose protected responses are changed, from a point of the session on."""

    extended_length = True

    def __init__(self, card, spoil, *, after_agreement, skip=0, access):
        self._card = CardSimulator(card, access=frozenset({access}))
        self.max_command_bytes = self._card.max_command_bytes
        self._spoil = spoil
        self._armed = not after_agreement
        self._skip = skip
        self._seen = []

    def transceive(self, command):
        secured = command[0] & 0x0C == 0x0C
        response = self._card.transceive(command)
        if not secured:
            return response
        if not self._armed:
            self._armed = command[1] == AGREEMENT
            return response
        if self._skip:
            self._skip -= 1
            self._seen.append(response)
            return response
        return self._spoil(response, self._seen)


def wrong_checksum(response, _seen):
    return (
        response[:-3] + bytes((response[-3] ^ 1,)) + response[-2:]
        if len(response) > 2
        else response
    )


def bare_status(_response, _seen):
    return OK


def data_in_clear(_response, _seen):
    return b"\x61\x5b\x5f\x1f" + bytes(100) + OK


def checksum_left_out(response, _seen):
    return response[:-12] + response[-2:]


def status_left_out(response, _seen):
    at = response.rindex(b"\x99\x02")
    return response[:at] + response[at + 4 :]


def another_status(response, _seen):
    return response[:-2] + b"\x62\x82"


def an_earlier_response(response, seen):
    return seen[0] if seen else response


ROWS = {
    "downgrade: data in clear": (data_in_clear, "chip.sm.plain_response"),
    "downgrade: a bare status": (bare_status, "chip.sm.plain_response"),
    "downgrade: no checksum": (checksum_left_out, "chip.sm.checksum_missing"),
    "no status inside": (status_left_out, "chip.sm.status_missing"),
    "another status outside": (another_status, "chip.sm.status_differs"),
    "wrong checksum": (wrong_checksum, "chip.sm.checksum_wrong"),
    "replayed response": (an_earlier_response, "chip.sm.checksum_wrong"),
}


def reading(card, spoil, **options):
    access = options["access"]
    key = CanKey(card.can) if access is AccessProtocol.PACE else MrzKey(*card.mrz_key)
    return run_program(read_chip(key, random=SystemRandom()), Spoilt(card, spoil, **options))


@pytest.mark.parametrize("access", AccessProtocol)
@pytest.mark.parametrize(("spoil", "code"), ROWS.values(), ids=ROWS)
def test_after_the_chip_was_opened(card, access, spoil, code):
    with pytest.raises(EkycError) as caught:
        reading(card, spoil, after_agreement=False, skip=1, access=access)
    assert caught.value.code == code


@pytest.mark.parametrize("access", AccessProtocol)
@pytest.mark.parametrize(("spoil", "code"), ROWS.values(), ids=ROWS)
def test_under_the_keys_of_chip_authentication(card, access, spoil, code):
    """The chip proved itself and then the link goes bad: an error of the link, not a verdict on the chip."""
    with pytest.raises(EkycError) as caught:
        reading(card, spoil, after_agreement=True, skip=1, access=access)
    assert caught.value.code == code


FIRST_ANSWERS = {name: row for name, row in ROWS.items() if name != "replayed response"}


@pytest.mark.parametrize("access", AccessProtocol)
@pytest.mark.parametrize("spoil", [row[0] for row in FIRST_ANSWERS.values()], ids=FIRST_ANSWERS)
def test_wrong_first_answer_after_chip_authentication(card, trust, clock, access, spoil):
    """The first answer under the new keys is the proof; any other one refutes, and never counts as not done."""
    found = reading(card, spoil, after_agreement=True, access=access)
    assert found.chip_authentication is None
    assert found.chip_authentication_error == "chip.ca_invalid"
    report = inspect_chip(
        found.files,
        trust=trust,
        chip_authentication=found.chip_authentication_evidence,
        at=clock.now(),
    )
    check = report.check("chip.chip_authentication")
    assert (check.outcome, check.reasons) == (Outcome.FAILED, ("chip.ca_invalid",))
    assert report.chip_authentication is None


def test_the_honest_session_behind_the_wrapper(card):
    found = reading(
        card, lambda response, _seen: response, after_agreement=True, access=AccessProtocol.PACE
    )
    assert found.chip_authentication is not None
    assert found.files.get(ElementaryFile.DG2) == card.files.get(ElementaryFile.DG2)
