"""Copies of a chip that a reader meets: what they show is read, and what they are is said."""

import pytest

from ekyc.chip import inspect_chip
from ekyc.chip.access_key import MrzKey
from ekyc.chip.files import ElementaryFile
from ekyc.chip.program import run_program
from ekyc.chip.reader import read_chip
from ekyc.chip.sim import AccessProtocol, CardSimulator
from ekyc.chip.sim.commands import StatusError
from ekyc.outcomes import Outcome
from ekyc.ports import SystemRandom


def key_of(card):
    return MrzKey(*card.mrz_key)


@pytest.fixture
def judged(trust, clock):
    """Outcome and reasons of chip authentication after a reading."""

    def run(reading):
        report = inspect_chip(
            reading.files,
            trust=trust,
            chip_authentication=reading.chip_authentication_evidence,
            at=clock.now(),
        )
        check = report.check("chip.chip_authentication")
        return check.outcome, check.reasons

    return run


def test_what_a_copy_shows_is_read_and_refuted(card, judged):
    """The channel dies with the failure. The chip is opened once more and nothing that it shows is lost."""
    clone = card.clone_with_own_key()
    program = read_chip(key_of(clone), random=SystemRandom(), nonce=bytes(8))
    reading = run_program(program, CardSimulator(clone))
    assert set(reading.files.data_groups) == set(card.files.data_groups)
    assert reading.unread == {}
    assert reading.active_authentication_signature
    assert judged(reading) == (Outcome.FAILED, ("chip.ca_invalid",))


def test_a_copy_that_opens_only_once_is_refuted_all_the_same(card, judged):
    class Once(CardSimulator):
        opened = 0

        def _external_authenticate(self, command):
            self.opened += 1
            if self.opened > 1:
                raise StatusError(0x6985)
            return super()._external_authenticate(command)

    clone = card.clone_with_own_key()
    reading = run_program(
        read_chip(key_of(clone), random=SystemRandom(), nonce=bytes(8)),
        Once(clone, access=frozenset({AccessProtocol.BAC})),
    )
    assert reading.unread[ElementaryFile.DG1] == "chip.bac_refused"
    assert judged(reading) == (Outcome.FAILED, ("chip.ca_invalid",))
