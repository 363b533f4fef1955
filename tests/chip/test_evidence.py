"""Recorded sessions: gone through again without the chip, and of no use once touched."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip.access_key import CanKey, MrzKey
from ekyc.chip.active_auth import ActiveAuthenticationExchange
from ekyc.chip.apdu import CommandApdu, ResponseApdu
from ekyc.chip.evidence import RecordedSession, record_chip, verify_session
from ekyc.chip.files import ElementaryFile
from ekyc.chip.inspect import inspect_chip
from ekyc.chip.options import ReadingOptions
from ekyc.chip.sim import CardSimulator, ChipProfile, PaceConfiguration, PaceMapping
from ekyc.errors import EkycError, InputError, LimitError, TrustError
from ekyc.outcomes import Outcome, worst
from ekyc.ports import SystemRandom

NONCE = bytes(range(8))
PORTRAIT = b"\xff\xd8\xff\xe0 no real picture \xff\xd9"


@pytest.fixture(scope="module")
def recorded(card, clock):
    options = ReadingOptions(access_key=MrzKey(*card.mrz_key), nonce=NONCE)
    return record_chip(options, CardSimulator(card), random=SystemRandom(), at=clock.now())


@pytest.fixture(scope="module")
def session(recorded):
    return recorded[1]


def test_a_session_gives_the_same_reading_again(recorded):
    reading, session = recorded
    assert verify_session(RecordedSession.decode(session.encode())) == reading


def test_years_later_every_check_passes_as_on_the_day(session, trust):
    reading = verify_session(RecordedSession.decode(session.encode()))
    report = inspect_chip(
        reading.files,
        trust=trust,
        challenge=ActiveAuthenticationExchange(
            nonce=session.options.nonce, signature=reading.active_authentication_signature
        ),
        chip_authentication=reading.chip_authentication,
        at=session.recorded_at,
    )
    assert worst(check.outcome for check in report.checks) is Outcome.PASSED


def test_a_session_with_mapping_and_card_access_number(issuer, citizen, clock):
    profile = ChipProfile(pace=(PaceConfiguration(mapping=PaceMapping.CHIP_AUTHENTICATION),))
    card = issuer.issue_card(citizen, PORTRAIT, profile=profile)
    options = ReadingOptions(access_key=CanKey(card.can), files=(ElementaryFile.DG1,))
    reading, session = record_chip(
        options, CardSimulator(card), random=SystemRandom(), at=clock.now()
    )
    again = RecordedSession.decode(session.encode())
    assert again == session
    assert verify_session(again) == reading
    assert reading.chip_authentication is not None


def test_every_altered_exchange_is_noticed(session):
    for position, (command, response) in enumerate(session.exchanges):
        turned = (
            ResponseApdu(response.data[:-1] + bytes((response.data[-1] ^ 1,)), 0x9000)
            if response.data
            else ResponseApdu(b"", response.sw ^ 1)
        )
        exchanges = list(session.exchanges)
        exchanges[position] = (command, turned)
        with pytest.raises(EkycError):
            _reading_differs(replace(session, exchanges=tuple(exchanges)), session)


def _reading_differs(altered, session):
    """SELECT MF may fail in many ways without consequence; then only the digest tells."""
    assert altered.digest != session.digest
    verify_session(altered)
    raise TrustError("the digest alone tells", code="test.digest_only")


def test_a_command_that_does_not_follow_is_noticed(session):
    command, response = session.exchanges[-1]
    other = CommandApdu(
        command.cla, command.ins, command.p1, command.p2 ^ 1, command.data, command.le
    )
    altered = replace(session, exchanges=(*session.exchanges[:-1], (other, response)))
    with pytest.raises(TrustError) as error:
        verify_session(altered)
    assert error.value.code == "chip.evidence_differs"


@pytest.mark.parametrize(
    "change",
    [
        lambda s: replace(s, exchanges=s.exchanges[:-1]),
        lambda s: replace(s, exchanges=(*s.exchanges, s.exchanges[-1])),
        lambda s: replace(s, exchanges=()),
        lambda s: replace(s, randomness=s.randomness[:-1]),
        lambda s: replace(s, randomness=(s.randomness[0][:-1], *s.randomness[1:])),
        lambda s: replace(s, randomness=(bytes(31) + b"\1", *s.randomness[1:])),
        lambda s: replace(s, options=replace(s.options, chunk_bytes=100)),
        lambda s: replace(s, options=replace(s.options, nonce=bytes(8))),
        lambda s: replace(s, options=replace(s.options, chip_authentication=False)),
    ],
    ids=[
        "cut short",
        "gone on",
        "empty",
        "randomness missing",
        "randomness cut",
        "other randomness",
        "other chunks",
        "another nonce",
        "chip authentication denied",
    ],
)
def test_a_record_that_does_not_follow_from_itself(session, change):
    with pytest.raises(TrustError) as error:
        verify_session(change(session))
    assert error.value.code == "chip.evidence_differs"


def test_the_digest_covers_everything(session):
    changed = (
        replace(session, recorded_at=session.recorded_at.replace(year=2020)),
        replace(session, randomness=session.randomness[::-1]),
        replace(session, exchanges=session.exchanges[::-1]),
        replace(session, options=replace(session.options, nonce=None)),
        replace(session, options=replace(session.options, access_key=CanKey("123456"))),
    )
    assert len({session.digest, *(other.digest for other in changed)}) == 1 + len(changed)


def test_a_touched_record_is_refused(session):
    content = json.loads(session.encode())
    content["exchanges"][-1][1] = content["exchanges"][-1][1][:-4] + "9001"
    with pytest.raises(TrustError) as error:
        RecordedSession.decode(json.dumps(content).encode())
    assert error.value.code == "chip.evidence_altered"


@pytest.mark.parametrize(
    "change",
    [
        {"format": "ekyc-chip-session-0"},
        {"recorded_at": "2026-01-15T08:00:00"},
        {"recorded_at": 5},
        {"access_key": {}},
        {"access_key": {"can": "12"}},
        {"access_key": None},
        {"files": ["EF.DG99"]},
        {"nonce": "xy"},
        {"chunk_bytes": "many"},
        {"randomness": [5]},
        {"exchanges": [["00a40000"]]},
        {"exchanges": [["00", "9000"]]},
        {"exchanges": None},
        {"digest": None},
    ],
)
def test_what_is_no_record_is_refused(session, change):
    with pytest.raises(InputError) as error:
        RecordedSession.decode(json.dumps(json.loads(session.encode()) | change).encode())
    assert error.value.code == "chip.evidence_malformed"


@given(noise=st.binary(max_size=60) | st.builds(lambda n: b"[" * n, st.integers(0, 100_000)))
def test_noise_is_no_record(noise):
    with pytest.raises(InputError):
        RecordedSession.decode(noise)


def test_a_record_has_a_bound():
    with pytest.raises(LimitError) as error:
        RecordedSession.decode(b" " * (8 * 1024 * 1024 + 1))
    assert error.value.code == "chip.evidence_too_large"


def test_a_record_shows_nothing_of_the_holder(session, card):
    shown = repr(session)
    assert all(part not in shown for part in card.mrz_key)
    assert NONCE.hex() not in shown
