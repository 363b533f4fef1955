"""A hostile client, a hostile server, and every budget: each ends the session under its own code."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relay_links import TOKEN, begin, relay

from ekyc.chip.access_key import CanKey, MrzKey
from ekyc.chip.apdu import CommandApdu
from ekyc.chip.relay import (
    RelayClient,
    RelayLimits,
    RelayMode,
    RelayPlan,
    RelaySession,
    RelayState,
    encode_frame,
    parse_any,
)
from ekyc.chip.relay.frames import Abort, Commands, Failed, FileFrame, Finished, Hello, Ready
from ekyc.chip.sim import CardSimulator
from ekyc.errors import EkycError, InputError, LimitError, UpstreamError
from ekyc.ports import SystemRandom
from ekyc.testing import FixedClock
from ekyc.values import Redacted

LINK = Hello(
    token=Redacted(TOKEN), max_command_bytes=261, max_response_bytes=258, extended_length=False
)
FIRST_ROW = 8


@pytest.fixture
def fresh(card):
    """``fresh()``: client and session before the first frame."""

    def go(*, limits=None, clock=None):
        plan = RelayPlan(session_id="s", access_key=CanKey(card.can), nonce=bytes(8))
        simulator, clock = CardSimulator(card), clock or FixedClock()
        return begin(plan, simulator, random=SystemRandom(), clock=clock, limits=limits)

    return go


@pytest.fixture
def opened(fresh):
    """``opened(n)``: client, session and the work that is due after n answers."""

    def go(answers=0, **options):
        client, session = fresh(**options)
        ready, due = session.start()
        client.receive(ready)
        work = client.receive(due)
        for _ in range(answers):
            (due,) = session.receive(client.carry_out(work))
            work = client.receive(due)
        return client, session, work

    return go


def refused(session, text):
    with pytest.raises(EkycError) as error:
        session.receive(text)
    assert session.state is RelayState.FAILED
    assert session.error is error.value
    assert session.reading is None
    assert session.record is None
    return error.value


def spoilt(text, **changes):
    return json.dumps(json.loads(text) | changes)


# -- order


@pytest.mark.parametrize("sequence", [1, FIRST_ROW - 1, FIRST_ROW + 1, 1_000_000])
def test_an_answer_under_another_number(opened, sequence):
    client, session, work = opened(FIRST_ROW - 1)
    assert work.sequence == FIRST_ROW
    error = refused(session, spoilt(client.carry_out(work), sequence=sequence))
    assert error.code == "chip.relay_sequence"


def test_an_answer_given_twice(opened):
    client, session, work = opened(3)
    answer = client.carry_out(work)
    session.receive(answer)
    assert refused(session, answer).code == "chip.relay_sequence"


def test_an_old_answer_under_the_new_number_fails_at_the_chips_own_counter(opened):
    client, session, work = opened(9)  # past PACE and SELECT: under secure messaging
    answer = client.carry_out(work)
    (due,) = session.receive(answer)
    following = client.receive(due)
    error = refused(session, spoilt(answer, sequence=following.sequence))
    assert error.code in {
        "chip.sm.checksum_wrong",
        "chip.relay_batch_overrun",
        "chip.relay_truncated_batch",
    }


@pytest.mark.parametrize(
    "frame",
    [
        encode_frame(LINK),
        encode_frame(Ready(mode=RelayMode.FULL)),
        encode_frame(Finished(transcript="0" * 64)),
        encode_frame(Failed(code="chip.x")),
        encode_frame(FileFrame(name="EF.DG1", content=b"a")),
        encode_frame(Commands(sequence=1, commands=(b"\x00\xa4\x04\x00",))),
    ],
)
def test_a_frame_that_was_not_due(opened, frame):
    _, session, _ = opened(2)
    assert refused(session, frame).code == "chip.relay_unexpected_frame"


def test_nothing_is_taken_once_the_session_is_over(opened):
    client, session, work = opened(2)
    answer = client.carry_out(work)
    refused(session, "garbage")
    with pytest.raises(InputError) as error:
        session.receive(answer)
    assert error.value.code == "chip.relay_unexpected_frame"
    assert session.error.code == "chip.relay_frame_malformed"
    with pytest.raises(InputError):
        session.start()


# -- content


@given(noise=st.text(max_size=100))
@settings(max_examples=50)
def test_garbage(noise):
    session = RelaySession(
        RelayPlan(session_id="s", access_key=CanKey("123456")),
        LINK,
        random=SystemRandom(),
        clock=FixedClock(),
    )
    session.start()
    assert refused(session, noise).code == "chip.relay_frame_malformed"


def test_a_huge_frame(opened):
    _, session, _ = opened(1)
    assert refused(session, " " * 300_000).code == "chip.relay_frame_too_large"


def test_answers_that_are_missing(opened):
    client, session, work = opened(9)
    assert len(work.commands) > 1
    answer = json.loads(client.carry_out(work))
    cut = spoilt(json.dumps(answer), responses=answer["responses"][:-1])
    assert refused(session, cut).code == "chip.relay_truncated_batch"


def test_answers_beyond_the_row(opened):
    client, session, work = opened(9)
    answer = json.loads(client.carry_out(work))
    more = spoilt(json.dumps(answer), responses=[*answer["responses"], "kAA="])
    assert refused(session, more).code == "chip.relay_batch_overrun"


def test_answers_behind_one_that_failed(opened):
    client, session, work = opened(9)
    answer = json.loads(client.carry_out(work))
    gone_on = spoilt(json.dumps(answer), responses=["aYI=", *answer["responses"][1:]])
    assert refused(session, gone_on).code == "chip.relay_batch_overrun"


def test_an_answer_in_clear_under_secure_messaging(opened):
    client, session, work = opened(9)
    answer = json.loads(client.carry_out(work))
    plain = spoilt(json.dumps(answer), responses=["kAA=", *answer["responses"][1:]])
    assert refused(session, plain).code == "chip.sm.plain_response"


def test_answers_that_changed_places(opened):
    client, session, work = opened(9)
    answer = json.loads(client.carry_out(work))
    first, second, *rest = answer["responses"]
    swapped = spoilt(json.dumps(answer), responses=[second, first, *rest])
    assert refused(session, swapped).code == "chip.sm.checksum_wrong"


@pytest.mark.parametrize("answer", ["", "kA=="])
def test_an_answer_without_a_status_word(opened, answer):
    _, session, work = opened(2)
    text = json.dumps({"type": "responses", "sequence": work.sequence, "responses": [answer]})
    assert refused(session, text).code == "chip.apdu.malformed"


def test_the_client_says_that_it_cannot_go_on(opened):
    _, session, _ = opened(2)
    error = refused(session, encode_frame(Abort(code="chip.card_lost")))
    assert (error.code, error.subject) == ("chip.relay_aborted", "chip.card_lost")


def test_a_client_that_vanishes_leaves_nothing_behind(opened):
    _, session, _ = opened(9)
    session.lose()
    assert session.state is RelayState.FAILED
    assert session.error.code == "chip.relay_disconnected"
    assert session._program is None
    first = session.error
    session.lose()
    assert session.error is first


def test_a_link_that_is_too_short_for_a_command(card):
    link = Hello(
        token=Redacted(TOKEN), max_command_bytes=64, max_response_bytes=258, extended_length=False
    )
    plan = RelayPlan(session_id="s", access_key=CanKey(card.can))
    session = RelaySession(plan, link, random=SystemRandom(), clock=FixedClock())
    client = RelayClient(Redacted(TOKEN), CardSimulator(card))
    with pytest.raises(InputError) as error:
        relay(session, client)
    assert error.value.code == "chip.apdu.too_long"


def test_a_link_with_short_responses_is_asked_for_less(card):
    link = Hello(
        token=Redacted(TOKEN), max_command_bytes=261, max_response_bytes=128, extended_length=False
    )
    plan = RelayPlan(session_id="s", access_key=CanKey(card.can))
    session = RelaySession(plan, link, random=SystemRandom(), clock=FixedClock())
    client = RelayClient(Redacted(TOKEN), CardSimulator(card))
    longest = 0

    def measured(text):
        nonlocal longest
        answers = parse_any(text).responses
        longest = max(longest, *map(len, answers)) if session.round_trips > 10 else 0
        return text

    assert relay(session, client, spoil=measured).unread == {}
    assert 64 < longest <= 128


# -- hybrid


@pytest.fixture
def handing_over():
    plan = RelayPlan(session_id="s", mode=RelayMode.HYBRID, nonce=bytes(8))
    session = RelaySession(plan, LINK, random=SystemRandom(), clock=FixedClock())
    session.start()
    return session


def handover(**changes):
    frame = {
        "type": "handover",
        "access": "PACE",
        "suite": "AES-128",
        "encryption": "AAAAAAAAAAAAAAAAAAAAAA==",
        "mac": "AAAAAAAAAAAAAAAAAAAAAA==",
        "counter": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    return json.dumps(frame | changes)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"suite": "AES-64"}, "chip.relay_handover"),
        ({"mac": "AAA="}, "chip.handover_malformed"),
        ({"suite": "3DES"}, "chip.handover_malformed"),
        ({"access": "EAC"}, "chip.relay_frame_malformed"),
        ({"counter": ""}, "chip.relay_frame_malformed"),
    ],
)
def test_a_session_that_cannot_be_taken_over(handing_over, changes, code):
    changes = {"counter": "/////////////////////w=="} | changes if "suite" in changes else changes
    assert refused(handing_over, handover(**changes)).code == code


def test_a_file_twice(handing_over):
    frame = encode_frame(FileFrame(name="EF.DG1", content=b"a"))
    assert handing_over.receive(frame) == ()
    error = refused(handing_over, frame)
    assert (error.code, error.subject) == ("chip.relay_handover", "EF.DG1")


def test_a_file_that_is_too_large(handing_over):
    handing_over.receive(encode_frame(FileFrame(name="EF.COM", content=bytes(2000))))
    assert refused(handing_over, handover()).code == "chip.file_too_large"


def test_answers_before_there_is_a_session(handing_over):
    text = '{"type":"responses","sequence":1,"responses":["kAA="]}'
    assert refused(handing_over, text).code == "chip.relay_unexpected_frame"


@pytest.mark.parametrize("key", [None, CanKey("123456")])
def test_a_plan_has_a_key_or_takes_over(key):
    mode = RelayMode.FULL if key is None else RelayMode.HYBRID
    with pytest.raises(InputError) as error:
        RelayPlan(session_id="s", mode=mode, access_key=key)
    assert error.value.code == "chip.relay_mode"


# -- budgets


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (RelayLimits(frames=5), "chip.relay_too_many_frames"),
        (RelayLimits(commands=20), "chip.relay_too_many_commands"),
        (RelayLimits(octets=2000), "chip.relay_too_many_bytes"),
    ],
)
def test_every_budget_has_its_code(fresh, limits, code):
    client, session = fresh(limits=limits)
    with pytest.raises(LimitError) as error:
        relay(session, client)
    assert error.value.code == code
    assert session.state is RelayState.FAILED


def test_an_answer_that_comes_too_late(opened):
    clock = FixedClock()
    client, session, work = opened(clock=clock, limits=RelayLimits(answer_s=20))
    clock.advance(timedelta(seconds=20))
    assert session.wait_s == 0
    (due,) = session.receive(client.carry_out(work))  # in time, just
    work = client.receive(due)
    assert session.wait_s == 20
    clock.advance(timedelta(seconds=21))
    with pytest.raises(LimitError) as error:
        session.require_time()
    assert error.value.code == "chip.relay_answer_late"
    assert session.state is RelayState.FAILED


def test_a_session_that_takes_too_long_although_every_answer_is_in_time(fresh):
    clock = FixedClock()
    client, session = fresh(clock=clock, limits=RelayLimits(total_s=60, answer_s=20))

    def slow(text):
        clock.advance(timedelta(seconds=15))
        return text

    with pytest.raises(LimitError) as error:
        relay(session, client, spoil=slow)
    assert error.value.code == "chip.relay_deadline"


def test_no_frame_carries_more_commands_than_it_may(opened):
    client, session, work = opened(limits=RelayLimits(row=5))
    most = 0
    while session.state is RelayState.RUNNING:
        most = max(most, len(work.commands))
        (due,) = session.receive(client.carry_out(work))
        if session.state is RelayState.RUNNING:
            work = client.receive(due)
    assert most == 5


@pytest.mark.parametrize("change", [{"frames": 0}, {"row": 129}, {"total_s": -1}])
def test_limits_that_are_none(change):
    with pytest.raises(ValueError, match="limit"):
        RelayLimits(**change)


# -- a hostile server


def commands(sequence, *apdus):
    return encode_frame(Commands(sequence=sequence, commands=apdus))


@pytest.fixture
def client(card):
    return RelayClient(Redacted(TOKEN), CardSimulator(card))


@pytest.mark.parametrize("ins", [0x20, 0x24, 0x2A, 0xD6, 0xDA, 0xE0, 0xE4, 0x44])
def test_the_client_carries_no_command_that_reading_does_not_need(client, ins):
    harmless = CommandApdu(0, 0xA4, 0, 0, b"\x01\x1e").encode()
    with pytest.raises(EkycError) as error:
        client.receive(commands(1, harmless, CommandApdu(0, ins, 0, 0, b"\x00").encode()))
    assert error.value.code == "chip.relay_command_refused"
    assert client.commands == 0


def test_nor_one_of_a_class_of_its_own(client):
    with pytest.raises(EkycError) as error:
        client.receive(commands(1, CommandApdu(0x80, 0xB0, 0, 0, le=4).encode()))
    assert error.value.code == "chip.relay_command_refused"


@pytest.mark.parametrize(
    "command",
    [
        "0022c1a40f800a04007f00070202040204830103",  # PACE with the PIN
        "0022c1a40f800a04007f00070202040204830104",  # PACE with the PUK
        "0022c1a412800a04007f00070202040204830101830103",  # one of two
        "0022c1a40c800a04007f00070202040204",  # none named
        "0022c1a403830201",  # torn
        "0c22c1a40a8e081122334455667788",  # under secure messaging, unseen
        "002281a403830101",  # terminal authentication
        "0022c1b603830101",
        "0082008108112233445566778800",  # a key of the card's own
    ],
)
def test_nor_one_that_tries_a_secret_of_the_card(client, command):
    with pytest.raises(EkycError) as error:
        client.receive(commands(1, bytes.fromhex(command)))
    assert error.value.code == "chip.relay_command_refused"


@pytest.mark.parametrize("password", ["01", "02"])
def test_pace_with_what_the_holder_shows_is_carried(client, password):
    command = bytes.fromhex(f"0022c1a40f800a04007f000702020402048301{password}")
    assert len(client.receive(commands(1, command)).commands) == 1


@pytest.mark.parametrize("sequence", [2, 1_000_000])
def test_the_client_notices_a_missing_frame(client, sequence):
    with pytest.raises(InputError) as error:
        client.receive(commands(sequence, b"\x00\xa4\x04\x00"))
    assert error.value.code == "chip.relay_sequence"


def test_the_client_is_told_why(client):
    with pytest.raises(UpstreamError) as error:
        client.receive(encode_frame(Failed(code="chip.bac_refused")))
    assert (error.value.code, error.value.subject) == ("chip.relay_refused", "chip.bac_refused")
    with pytest.raises(InputError):
        client.receive(encode_frame(Abort(code="x")))


def test_the_token_and_the_key_show_nowhere(card):
    plan = RelayPlan(session_id="s", access_key=MrzKey(*card.mrz_key), nonce=b"\xabNONCE\xab\xab")
    assert card.mrz_key[0] not in repr(plan)
    assert "NONCE" not in repr(plan)
    assert TOKEN not in repr(LINK)
