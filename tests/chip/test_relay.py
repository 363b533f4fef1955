"""The relay in one process: the reading that a reader on the spot would give, in few round trips, and its record."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from relay_links import begin, relay

from ekyc.chip.access_key import CanKey, MrzKey
from ekyc.chip.active_auth import ActiveAuthenticationExchange
from ekyc.chip.evidence import RecordedSession, verify_session
from ekyc.chip.files import ElementaryFile
from ekyc.chip.handover import hand_over
from ekyc.chip.inspect import inspect_chip
from ekyc.chip.reader import AccessProtocol
from ekyc.chip.relay import RelayLimits, RelayMode, RelayPlan, RelayState
from ekyc.chip.sim import AccessProtocol as CardAccess
from ekyc.chip.sim import CardQuirks, CardSimulator
from ekyc.chip.sim.hostile import Attack, HostileCard
from ekyc.chip.transcript import Direction
from ekyc.errors import EkycError, InputError, TrustError
from ekyc.outcomes import Outcome, worst
from ekyc.ports import SystemRandom
from ekyc.testing import FixedClock

NONCE = bytes(range(8))
ROUND_TRIP_S = 0.060
BAC_ONLY = frozenset({CardAccess.BAC})


def full(card, *, can=True):
    key = CanKey(card.can) if can else MrzKey(*card.mrz_key)
    return RelayPlan(session_id="s-1", access_key=key, nonce=NONCE)


def changed(program, change):
    """A phone that hands over other files than it read."""
    handover = yield from program
    return replace(handover, files=change(handover.files))


@pytest.fixture
def run():
    """``run(plan, simulator)``: session and reading."""

    def go(plan, simulator, *, limits=None, clock=None, **options):
        clock = clock or FixedClock()
        client, session = begin(plan, simulator, random=SystemRandom(), clock=clock, limits=limits)
        return session, relay(session, client, **options)

    return go


def check_all(reading, trust, at):
    exchange = ActiveAuthenticationExchange(
        nonce=NONCE, signature=reading.active_authentication_signature
    )
    report = inspect_chip(
        reading.files,
        trust=trust,
        challenge=exchange,
        chip_authentication=reading.chip_authentication_evidence,
        at=at,
    )
    return worst(check.outcome for check in report.checks)


@pytest.mark.parametrize("can", [True, False])
def test_the_server_reads_a_card_that_is_somewhere_else(run, card, trust, clock, can):
    access = frozenset(CardAccess) if can else BAC_ONLY
    session, reading = run(full(card, can=can), CardSimulator(card, access=access))
    assert reading.files.get(ElementaryFile.DG2) == card.files.get(ElementaryFile.DG2)
    assert reading.access.protocol is (AccessProtocol.PACE if can else AccessProtocol.BAC)
    assert check_all(reading, trust, clock.now()) is Outcome.PASSED
    assert session.state is RelayState.FINISHED


@pytest.mark.parametrize("quirks", [CardQuirks(), CardQuirks(max_response=128)])
@pytest.mark.parametrize("can", [True, False])
def test_a_portrait_of_16_kb_takes_a_second_and_a_half_of_network(
    run, issuer, citizen, can, quirks
):
    card = issuer.issue_card(citizen, bytes(16_384))
    access = frozenset(CardAccess) if can else BAC_ONLY
    session, reading = run(full(card, can=can), CardSimulator(card, access=access, quirks=quirks))
    assert len(reading.files.get(ElementaryFile.DG2)) > 16_384
    assert session.round_trips * ROUND_TRIP_S <= 1.5


def test_in_hybrid_mode_the_phone_opens_and_the_server_makes_it_prove(run, card, trust, clock):
    plan = RelayPlan(session_id="s-2", mode=RelayMode.HYBRID, nonce=NONCE)
    phone = hand_over(MrzKey(*card.mrz_key), random=SystemRandom())
    session, reading = run(plan, CardSimulator(card), handover=phone)
    assert reading.chip_authentication is not None
    assert reading.access.name == "PACE, by the phone"
    assert check_all(reading, trust, clock.now()) is Outcome.PASSED
    assert session.round_trips <= 5


@pytest.mark.parametrize("kept_back", [(ElementaryFile.DG14,), tuple(ElementaryFile)])
def test_in_hybrid_mode_keeping_files_back_spares_the_chip_no_proof(
    run, card, trust, clock, kept_back
):
    plan = RelayPlan(session_id="s-8", mode=RelayMode.HYBRID, nonce=NONCE)
    phone = changed(
        hand_over(CanKey(card.can), random=SystemRandom()), lambda files: files.without(*kept_back)
    )
    _, reading = run(plan, CardSimulator(card), handover=phone)
    assert reading.chip_authentication
    assert check_all(reading, trust, clock.now()) is Outcome.PASSED


def test_in_hybrid_mode_a_copy_fails_as_it_does_everywhere(run, issuer, citizen, trust, clock):
    genuine = issuer.issue_card(citizen, b"\xff\xd8\xff\xd9")
    copy = _without_key(genuine)
    plan = RelayPlan(session_id="s-3", mode=RelayMode.HYBRID, nonce=NONCE)
    phone = hand_over(MrzKey(*copy.mrz_key), random=SystemRandom())
    _, reading = run(plan, CardSimulator(copy), handover=phone)
    assert reading.chip_authentication_error == "chip.ca_invalid"
    assert check_all(reading, trust, clock.now()) is Outcome.FAILED


def _without_key(card):
    return type(card)(
        files=card.files,
        citizen=card._citizen,
        key=card._key,
        profile=card.profile,
        agreement_key=card.agreement_key + 1,
        access_files=card.access_files,
    )


def test_what_the_phone_kept_back_the_server_reads_itself(run, card):
    plan = RelayPlan(session_id="s-4", mode=RelayMode.HYBRID, nonce=NONCE)
    phone = changed(
        hand_over(MrzKey(*card.mrz_key), random=SystemRandom()),
        lambda files: files.without(ElementaryFile.DG1, ElementaryFile.DG2),
    )
    _, reading = run(plan, CardSimulator(card), handover=phone)
    assert reading.files.get(ElementaryFile.DG1) == card.files.get(ElementaryFile.DG1)
    assert reading.files.get(ElementaryFile.DG2) == card.files.get(ElementaryFile.DG2)


def test_a_key_that_is_not_the_chips_ends_the_session(run, card):
    plan = RelayPlan(session_id="s-5", mode=RelayMode.HYBRID, nonce=NONCE)

    def lying(program):
        handover = yield from program
        return replace(handover, counter=handover.counter + 2)

    phone = lying(hand_over(MrzKey(*card.mrz_key), random=SystemRandom()))
    with pytest.raises(EkycError) as error:
        run(plan, CardSimulator(card), handover=phone)
    assert error.value.code == "chip.sm.plain_response"


@pytest.mark.parametrize("attack", list(Attack))
@pytest.mark.parametrize("after", [0, 12, 40])
def test_a_hostile_chip_ends_the_session_or_costs_what_it_costs_on_the_spot(
    run, card, attack, after
):
    hostile = HostileCard(CardSimulator(card), attack, after=after)
    limits = RelayLimits(commands=3000)
    try:
        session, reading = run(full(card), hostile, limits=limits)
    except EkycError as error:
        assert error.code.startswith("chip."), error.code
    else:
        assert reading.unread or reading.chip_authentication_error or reading.access.pace_error
        assert session.record


# -- the record


@pytest.fixture(scope="module")
def recorded(card):
    clock = FixedClock()
    client, session = begin(full(card), CardSimulator(card), random=SystemRandom(), clock=clock)

    def later(text):
        clock.advance(timedelta(milliseconds=60))
        return text

    relay(session, client, spoil=later)
    return session


def test_years_later_a_relayed_session_gives_the_same_reading(recorded, card, trust):
    record = RecordedSession.decode(recorded.record.encode())
    assert record == recorded.record
    reading = verify_session(record)
    assert reading == recorded.reading
    assert check_all(reading, trust, record.recorded_at) is Outcome.PASSED


def test_so_does_one_in_hybrid_mode(run, card):
    plan = RelayPlan(session_id="s-6", mode=RelayMode.HYBRID, nonce=NONCE)
    phone = hand_over(MrzKey(*card.mrz_key), random=SystemRandom())
    session, reading = run(plan, CardSimulator(card), handover=phone)
    record = RecordedSession.decode(session.record.encode())
    assert record == session.record
    assert verify_session(record) == reading
    shown = repr(record) + repr(session.record.options)
    assert record.options.handover.keys.mac.hex() not in shown
    assert str(record.options.handover.keys.mac) not in shown


def test_a_handover_that_leaves_nothing_to_ask_gives_a_record_all_the_same(run, card, trust, clock):
    plan = RelayPlan(session_id="s-7", mode=RelayMode.HYBRID)
    phone = changed(
        hand_over(MrzKey(*card.mrz_key), random=SystemRandom()),
        lambda files: files.with_file(ElementaryFile.DG14, b"\x6e\x00"),
    )
    session, reading = run(plan, CardSimulator(card), handover=phone)
    assert session.record.exchanges == ()
    assert verify_session(RecordedSession.decode(session.record.encode())) == reading
    assert check_all(reading, trust, clock.now()) is Outcome.FAILED


def _changed(entry, what):
    if what == "octets":
        turned = bytes((entry.octets[0] ^ 1,)) + entry.octets[1:]
        return replace(entry, octets=turned)
    if what == "time":
        return replace(entry, at=entry.at + timedelta(microseconds=1))
    if what == "digest":
        return replace(entry, digest=bytes(32))
    other = next(way for way in Direction if way is not entry.direction)
    return replace(entry, direction=other)


@pytest.mark.parametrize("what", ["octets", "time", "digest", "direction"])
def test_every_altered_entry_is_found(recorded, what):
    transcript = recorded.record.transcript
    for number, entry in enumerate(transcript.entries):
        entries = list(transcript.entries)
        entries[number] = _changed(entry, what)
        altered = replace(recorded.record, transcript=replace(transcript, entries=tuple(entries)))
        assert altered.digest != recorded.record.digest
        with pytest.raises(TrustError) as error:
            verify_session(altered)
        assert error.value.code == "chip.transcript_altered"
        assert error.value.subject == f"entry {number}"


@pytest.mark.parametrize(
    ("cut", "code"),
    [
        (lambda entries: entries[1:], "chip.transcript_altered"),
        (lambda entries: (entries[1], entries[0], *entries[2:]), "chip.transcript_altered"),
        (lambda entries: (*entries, entries[-1]), "chip.transcript_altered"),
        (lambda entries: entries[:-2], "chip.evidence_differs"),
        (lambda entries: (), "chip.evidence_differs"),
    ],
    ids=["first missing", "moved", "put in", "cut short", "empty"],
)
def test_entries_that_were_taken_out_put_in_or_moved(recorded, cut, code):
    transcript = recorded.record.transcript
    altered = replace(transcript, entries=tuple(cut(transcript.entries)))
    with pytest.raises(TrustError) as error:
        verify_session(replace(recorded.record, transcript=altered))
    assert error.value.code == code


def test_the_entries_of_one_session_cannot_stand_in_another(recorded):
    transcript = replace(recorded.record.transcript, session_id="another")
    with pytest.raises(TrustError) as error:
        verify_session(replace(recorded.record, transcript=transcript))
    assert error.value.code == "chip.transcript_altered"


def test_a_touched_record_is_refused(recorded):
    content = json.loads(recorded.record.encode())
    content["transcript"]["entries"][3][1] += 1
    with pytest.raises(TrustError) as error:
        RecordedSession.decode(json.dumps(content).encode())
    assert error.value.code == "chip.evidence_altered"


@pytest.mark.parametrize(
    "transcript",
    [
        5,
        [],
        {"session": "s"},
        {"session": "s", "entries": [["sideways", 1, "00", "00" * 32]]},
        {"session": "s", "entries": [["to-chip", 1, "00", "00"]]},
        {"session": "s", "entries": [["to-chip", 10**30, "00", "00" * 32]]},
        {"session": "s", "entries": [["to-chip", 1, "00"]]},
    ],
)
def test_what_is_no_transcript_is_refused(recorded, transcript):
    content = json.loads(recorded.record.encode()) | {"transcript": transcript}
    with pytest.raises(InputError) as error:
        RecordedSession.decode(json.dumps(content).encode())
    assert error.value.code == "chip.evidence_malformed"


def test_two_sessions_begin_with_different_randomness(run, card):
    first, second = (run(full(card), CardSimulator(card))[0] for _ in range(2))
    assert not set(first.record.randomness) & set(second.record.randomness)
