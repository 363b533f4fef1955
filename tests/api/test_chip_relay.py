"""Chip sessions of the service: ordered, relayed over a WebSocket, fetched; and everybody who should not."""

import asyncio
import json
import logging
from contextlib import contextmanager
from copy import copy
from datetime import date, timedelta

import pytest
from asgi_client import AsgiSocket, SocketClosedError, running
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from relay_links import TOKEN
from sent_once import once

from ekyc.api import create_app
from ekyc.api.chip_relay_sessions import ChipSessionLimits, ChipSessions
from ekyc.api.envelope import Envelope
from ekyc.api.tracing import Tracing
from ekyc.chip import RecordedSession, verify_session
from ekyc.chip.access_key import CanKey
from ekyc.chip.files import ElementaryFile
from ekyc.chip.handover import hand_over
from ekyc.chip.program import run_program
from ekyc.chip.relay import (
    PROTOCOL,
    CardWork,
    Hello,
    RelayClient,
    RelayLimits,
    RelayMode,
    RelaySession,
    encode_frame,
)
from ekyc.chip.sim import AccessProtocol, CardSimulator, CitizenData, SimulatedIssuer
from ekyc.errors import BusyError, InputError, UpstreamError
from ekyc.pki import TrustStore
from ekyc.ports import SystemRandom
from ekyc.testing import FixedClock
from ekyc.values import Owner, Redacted

SESSIONS = "/v1/chip-sessions"


@pytest.fixture(scope="module")
def issuer():
    return SimulatedIssuer.create(clock=FixedClock())


@pytest.fixture(scope="module")
def card(issuer):
    citizen = CitizenData(
        personal_number="048185012345",
        full_name="NGUYỄN THỊ MẪU",
        birth_date=date(1985, 4, 19),
        sex="F",
        issue_date=date(2023, 8, 21),
        expiry_date=date(2045, 4, 19),
    )
    return issuer.issue_card(citizen, b"\xff\xd8\xff\xe0 no real picture \xff\xd9")


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def service(verifier, storage, scratch, issuer, clock):
    """``with service(**limits) as client``: a running application."""

    @contextmanager
    def run(*, tracing=None, **limits):
        app = create_app(
            verifier,
            storage,
            scratch_parent=scratch,
            tracing=tracing,
            trust=TrustStore.from_certificates([issuer.csca_certificate_der], source="simulator"),
            chip_limits=ChipSessionLimits(**limits),
            clock=clock,
            hosts=frozenset({"localhost"}),
        )
        with running(app) as client:
            yield client

    return run


def order(client, card, *, mode="full", mrz=False):
    body = {"mode": mode}
    if mode == "full":
        number, birth, expiry = card.mrz_key
        zone = {"document_number": number, "birth": birth, "expiry": expiry}
        body |= {"mrz": zone} if mrz else {"can": card.can}
    answer = client.post(SESSIONS, json=body, headers=once())
    assert answer.status_code == 201, answer.text
    return answer.json()


def converse(socket, token, simulator, *, handover=None, stop_after=None):
    """The client's side of a relay, to its end."""
    client = RelayClient(Redacted(token), simulator)
    socket.send_text(client.hello())
    while not client.finished:
        step = client.receive(socket.receive_text())
        if isinstance(step, CardWork):
            if step.sequence == stop_after:
                return client
            socket.send_text(client.carry_out(step))
        elif step is not None and step.mode is RelayMode.HYBRID:
            for frame in client.hand_over(run_program(handover, simulator)):
                socket.send_text(frame)
    return client


def relay(client, session, simulator, **options):
    with client.websocket(session["relay_path"], subprotocols=[PROTOCOL]) as socket:
        assert socket.accepted_subprotocol == PROTOCOL
        return converse(socket, session["token"], simulator, **options)


def fetch(client, session, what="", token=None):
    headers = {"Authorization": f"Bearer {token or session['result_token']}"}
    return client.get(f"{SESSIONS}/{session['id']}{what}", headers=headers)


def refusal(client, session, token=None):
    """Code under which the service turns a client away."""
    with client.websocket(session["relay_path"]) as socket:
        hello = Hello(
            token=Redacted(token or session["token"]),
            max_command_bytes=261,
            max_response_bytes=258,
            extended_length=False,
        )
        socket.send_text(encode_frame(hello))
        return json.loads(socket.receive_text())["code"]


def test_a_relay_is_traced_to_its_end_without_a_word_of_the_card(service, card):
    """Read, refused, left, and no such place; names of the session, token, number and holder are nowhere."""
    exporter = InMemorySpanExporter()
    with Tracing(SimpleSpanProcessor(exporter)) as tracing, service(tracing=tracing) as client:
        session, left = order(client, card), order(client, card)
        relay(client, session, CardSimulator(card))
        assert refusal(client, session, token="079185001234") == "chip.relay_frame_malformed"
        with client.websocket(left["relay_path"]) as socket:
            converse(socket, left["token"], CardSimulator(card), stop_after=2)
        with pytest.raises(SocketClosedError), client.websocket("/nowhere/079185001234"):
            pass
        shown = fetch(client, session).json()
    spans = [one for one in exporter.get_finished_spans() if one.name.startswith("WEBSOCKET")]
    place = "/v1/chip-sessions/{session_id}/relay"
    assert [one.name for one in spans] == [f"WEBSOCKET {place}"] * 3 + ["WEBSOCKET -"]
    read, refused, gone, _ = (dict(one.attributes) for one in spans)
    assert read["ekyc.round_trips"] > 5
    assert read["ekyc.websocket.closed_with"] == 1000
    assert "ekyc.problem" not in read
    assert refused["ekyc.problem"] == "chip.relay_frame_malformed"
    assert refused["ekyc.websocket.closed_with"] == 1008
    assert gone["ekyc.problem"] == "chip.relay_disconnected"
    assert "ekyc.websocket.closed_with" not in gone
    assert shown["state"] == "finished"
    text = "".join(one.to_json() for one in spans)
    number, birth, expiry = card.mrz_key
    secrets = (session["id"], session["token"], session["result_token"], left["id"], card.can)
    planted = ("079185001234", "048185012345", "NGUYỄN", number, str(birth), str(expiry))
    assert not [one for one in (*secrets, *planted) if one in text]


@pytest.mark.parametrize("mrz", [False, True])
def test_a_card_is_read_judged_and_recorded(service, card, clock, validate_against, mrz):
    access = frozenset({AccessProtocol.BAC}) if mrz else frozenset(AccessProtocol)
    with service() as client:
        session = order(client, card, mrz=mrz)
        validate_against("ekyc.chip-session-new.1", session)
        waiting = fetch(client, session).json()
        validate_against("ekyc.chip-session.1", waiting)
        assert (waiting["state"], waiting["outcome"]) == ("waiting", "NOT_PERFORMED")

        relayed = relay(client, session, CardSimulator(card, access=access))
        result = fetch(client, session).json()
        validate_against("ekyc.chip-session.1", result)
        evidence = fetch(client, session, "/evidence").content

    assert (result["state"], result["outcome"]) == ("finished", "PASSED"), result
    passed = {check["id"] for check in result["checks"] if check["outcome"] == "PASSED"}
    assert {
        "chip.chain",
        "chip.hashes",
        "chip.active_authentication",
        "chip.chip_authentication",
    } <= passed
    assert result["access"]["protocol"] == ("BAC" if mrz else "PACE")
    assert result["transcript_sha256"] == relayed.transcript
    assert result["round_trips"] <= 25
    record = RecordedSession.decode(evidence)
    assert record.transcript.digest.hex() == relayed.transcript
    assert verify_session(record).files.get("EF.DG1") == card.files.get("EF.DG1")


def test_in_hybrid_mode_the_phone_brings_an_open_session(service, card):
    phone = hand_over(CanKey(card.can), random=SystemRandom())
    with service() as client:
        session = order(client, card, mode="hybrid")
        relay(client, session, CardSimulator(card), handover=phone)
        result = fetch(client, session).json()
        evidence = fetch(client, session, "/evidence").content
    assert result["outcome"] == "PASSED", result
    assert result["access"]["name"] == "PACE, by the phone"
    assert verify_session(RecordedSession.decode(evidence)).chip_authentication


def test_files_alone_do_not_pass_for_a_chip(service, card):
    """A device that has copied files and knows the number plays the chip, and leaves out what would prove its key."""
    clone = copy(card)
    clone.files = card.files.without(ElementaryFile.DG14, ElementaryFile.DG15)
    with service() as client:
        session = order(client, card)
        relay(client, session, CardSimulator(clone))
        result = fetch(client, session).json()
    assert (result["state"], result["outcome"]) == ("finished", "NOT_PERFORMED"), result
    outcomes = {check["id"]: check["outcome"] for check in result["checks"]}
    assert outcomes["chip.chain"] == "PASSED"
    assert outcomes["chip.genuine"] == "NOT_PERFORMED"
    assert {"chip.aa_key_withheld", "chip.ca_key_withheld"} <= set(result["reasons"])


def test_nothing_of_the_holder_in_answers_and_log(service, card, caplog):
    with caplog.at_level(logging.INFO, logger="ekyc.api"), service() as client:
        session = order(client, card, mrz=True)
        relay(client, session, CardSimulator(card, access=frozenset({AccessProtocol.BAC})))
        answer = fetch(client, session).text
    shown = answer + caplog.text
    assert '"event": "chip-relay"' in caplog.text
    secrets = [*card.mrz_key, "MẪU", session["token"], session["result_token"]]
    assert not [secret for secret in secrets if secret in shown]


# -- who may


def test_the_token_works_once(service, card):
    with service() as client:
        session = order(client, card)
        relay(client, session, CardSimulator(card))
        assert refusal(client, session) == "chip.session_used"
        assert fetch(client, session).json()["state"] == "finished"


def test_a_wrong_token_opens_nothing_and_spoils_nothing(service, card):
    with service() as client:
        session = order(client, card)
        assert refusal(client, session, TOKEN) == "chip.session_unknown"
        assert refusal(client, session, session["result_token"]) == "chip.session_unknown"
        assert refusal(client, session | {"relay_path": f"{SESSIONS}/none/relay"}) == (
            "chip.session_unknown"
        )
        relay(client, session, CardSimulator(card))
        assert fetch(client, session).json()["state"] == "finished"


@pytest.mark.parametrize("what", ["", "/evidence"])
def test_only_whoever_ordered_it_sees_the_result(service, card, what):
    with service() as client:
        session = order(client, card)
        for headers in (
            {},
            {"Authorization": f"Bearer {session['token']}"},
            {"Authorization": "Basic x"},
            {"Authorization": "Bearer é".encode("latin-1")},
        ):
            answer = client.get(f"{SESSIONS}/{session['id']}{what}", headers=headers)
            assert answer.status_code == 404
            assert answer.json()["code"] == "chip.session_unknown"
        assert fetch(client, session | {"id": "none"}, what).status_code == 404


def test_there_is_no_evidence_before_the_end(service, card):
    with service() as client:
        answer = fetch(client, order(client, card), "/evidence")
    assert (answer.status_code, answer.json()["code"]) == (409, "chip.session_unfinished")


def test_a_session_is_forgotten_on_demand_and_in_time(service, card, clock):
    with service(waiting_s=60, keeping_s=300) as client:
        first, second, third = (order(client, card) for _ in range(3))
        headers = {"Authorization": f"Bearer {first['result_token']}"}
        assert client.delete(f"{SESSIONS}/{first['id']}", headers=headers).status_code == 204
        assert fetch(client, first).status_code == 404

        relay(client, second, CardSimulator(card))
        clock.advance(timedelta(seconds=61))
        assert refusal(client, third) == "chip.session_unknown"
        assert fetch(client, second).json()["state"] == "finished"
        clock.advance(timedelta(seconds=300))
        assert fetch(client, second).status_code == 404


def test_a_foreign_host_name_gets_no_socket(service, card):
    with service() as client:
        session = order(client, card)
        with (
            pytest.raises(SocketClosedError),
            client.websocket(session["relay_path"], host="evil.example"),
        ):
            pass


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"mode": "full"}, "chip.relay_mode"),
        ({"mode": "hybrid", "can": "123456"}, "chip.relay_mode"),
        ({"mode": "half"}, "request.invalid"),
        ({"can": "12345"}, "chip.access_key"),
        ({"can": "1234567"}, "request.invalid"),
        ({"can": "123456", "more": 1}, "request.invalid"),
        (
            {
                "can": "123456",
                "mrz": {"document_number": "1", "birth": "850419", "expiry": "450419"},
            },
            "chip.access_key",
        ),
        (
            {"mrz": {"document_number": "?", "birth": "850419", "expiry": "450419"}},
            "chip.access_key",
        ),
        ({"mrz": {"document_number": "1" * 28, "birth": "", "expiry": ""}}, "request.invalid"),
    ],
)
def test_an_order_that_is_none(service, body, code):
    with service() as client:
        answer = client.post(SESSIONS, json=body, headers=once())
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert "123456" not in answer.text


def test_a_large_body_is_not_read(service):
    with service() as client:
        answer = client.post(SESSIONS, content=b" " * 5_000_000, headers=once())
    assert answer.status_code == 413


# -- bounds


def test_sessions_are_bounded(service, card):
    with service(sessions=2) as client:
        order(client, card)
        order(client, card)
        answer = client.post(SESSIONS, json={"can": card.can}, headers=once())
    assert (answer.status_code, answer.json()["code"]) == (503, "busy.queue_full")


def test_kept_evidence_is_bounded(service, card):
    with service(evidence_bytes=1000) as client:
        relay(client, order(client, card), CardSimulator(card))
        answer = client.post(SESSIONS, json={"can": card.can}, headers=once())
    assert answer.status_code == 503


def test_relays_are_bounded_and_a_turned_away_client_may_come_again(service, card):
    with service(relays=1) as client:
        first, second = order(client, card), order(client, card)
        with client.websocket(first["relay_path"]) as socket:
            converse(socket, first["token"], CardSimulator(card), stop_after=5)
            assert fetch(client, first).json()["state"] == "relaying"
            assert refusal(client, second) == "busy.queue_full"
        relay(client, second, CardSimulator(card))
        assert fetch(client, second).json()["outcome"] == "PASSED"


def test_connections_that_do_not_greet_are_bounded(service, card):
    with service(greetings=1) as client:
        session = order(client, card)
        with client.websocket(session["relay_path"]):
            assert refusal(client, session) == "busy.queue_full"


def test_a_connection_that_does_not_greet_is_closed(service, card):
    with service(greeting_s=0.01) as client:
        session = order(client, card)
        with client.websocket(session["relay_path"]) as socket:
            assert json.loads(socket.receive_text())["code"] == "chip.relay_answer_late"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"text": "garbage"}, "chip.relay_frame_malformed"),
        ({"bytes": b"garbage"}, "chip.relay_frame_malformed"),
        ({"text": " " * 300_000}, "chip.relay_frame_too_large"),
        ({"text": '{"type":"abort","code":"x"}'}, "chip.relay_unexpected_frame"),
    ],
)
def test_who_greets_otherwise_is_turned_away(service, card, message, code):
    with service() as client:
        session = order(client, card)
        with client.websocket(session["relay_path"]) as socket:
            socket.send({"type": "websocket.receive", **message})
            assert json.loads(socket.receive_text()) == {"type": "error", "code": code}
        assert fetch(client, session).json()["state"] == "waiting"


# -- how a relay ends


def test_a_client_that_vanishes_frees_its_place(service, card):
    with service(relays=1) as client:
        for _ in range(3):
            session = order(client, card)
            relay(client, session, CardSimulator(card), stop_after=9)
            result = wait_for_end(client, session)
            assert result["state"] == "failed"
            assert result["error"]["code"] == "chip.relay_disconnected"


def wait_for_end(client, session):
    """The service notices on its own time that a client is gone."""
    for _ in range(10_000):
        result = fetch(client, session).json()
        if result["state"] != "relaying":
            return result
    return pytest.fail("the session never ended")


def test_what_ends_a_relay_is_in_the_result(service, card, validate_against):
    with service() as client:
        session = order(client, card)
        with client.websocket(session["relay_path"]) as socket:
            converse(socket, session["token"], CardSimulator(card), stop_after=3)
            socket.send_text("garbage")
            assert json.loads(socket.receive_text())["code"] == "chip.relay_frame_malformed"
        result = wait_for_end(client, session)
    validate_against("ekyc.chip-session.1", result)
    assert (result["outcome"], result["reasons"]) == ("ERROR", ["chip.relay_frame_malformed"])


def test_a_relay_that_failed_keeps_nothing_of_the_chip(clock):
    """A traceback holds every frame that the error went through, with keys and files in them."""
    sessions = ChipSessions(ChipSessionLimits(), clock=clock, random=SystemRandom())
    ordered = sessions.order(RelayMode.FULL, CanKey("123456"))
    session, plan = sessions.admit(ordered.session.id, ordered.relay_token)
    link = Hello(
        token=Redacted(TOKEN), max_command_bytes=261, max_response_bytes=258, extended_length=False
    )
    relayed = RelaySession(plan, link, random=SystemRandom(), clock=clock)
    with pytest.raises(InputError) as caught:
        relayed.receive("garbage")
    assert caught.value.__cause__
    sessions.close(session, error=caught.value)
    kept = session.error
    assert kept.code == "chip.relay_frame_malformed"
    assert (kept.__traceback__, kept.__cause__, kept.__context__) == (None, None, None)


@pytest.mark.parametrize("greeted", [False, True])
def test_what_nobody_foresaw_closes_the_socket_and_is_logged_without_its_text(caplog, greeted):
    async def faulty(scope, receive, send):
        await receive()
        if greeted:
            await send({"type": "websocket.accept"})
        raise ValueError("NGUYỄN THỊ MẪU")

    app = Envelope(faulty, body_bytes=lambda path: 0)
    with asyncio.Runner() as runner, caplog.at_level(logging.INFO, logger="ekyc.api"):
        socket = AsgiSocket(app, runner.get_loop(), "/", (), "localhost")
        if greeted:
            socket.connect()
        with pytest.raises(SocketClosedError, match="1011"):
            (socket.receive_text if greeted else socket.connect)()
        socket.disconnect()
    assert '"error": "ValueError"' in caplog.text
    assert "MẪU" not in caplog.text


def test_the_wrong_number_is_the_chips_refusal(service, card):
    with service() as client:
        session = client.post(SESSIONS, json={"can": "999999"}, headers=once()).json()
        with pytest.raises(UpstreamError) as error:
            relay(client, session, CardSimulator(card))
        assert error.value.subject == "chip.pace_refused"
        assert wait_for_end(client, session)["error"]["code"] == "chip.pace_refused"


def test_an_answer_that_never_comes_ends_the_relay(service, card, clock):
    with service(relay=RelayLimits(answer_s=0.2)) as client:
        session = order(client, card)
        with client.websocket(session["relay_path"]) as socket:
            converse(socket, session["token"], CardSimulator(card), stop_after=4)
            clock.advance(timedelta(seconds=1))
            assert json.loads(socket.receive_text())["code"] == "chip.relay_answer_late"
        assert wait_for_end(client, session)["error"]["code"] == "chip.relay_answer_late"


def test_one_login_does_not_use_up_the_readings_of_all():
    sessions = ChipSessions(
        ChipSessionLimits(sessions=9, of_citizen=2), clock=FixedClock(), random=SystemRandom()
    )
    greedy, neighbour, office = (
        Owner(tenant="a", subject=one) for one in ("c" * 64, "d" * 64, None)
    )
    for _ in range(2):
        sessions.order(RelayMode.HYBRID, None, owner=greedy)
    with pytest.raises(BusyError):
        sessions.order(RelayMode.HYBRID, None, owner=greedy)
    for other in (neighbour, office, office, office):
        sessions.order(RelayMode.HYBRID, None, owner=other)


def test_an_order_sent_twice_is_carried_out_once(service, clock):
    with service(sessions=1) as client:
        headers = once()
        first = client.post(SESSIONS, json={"mode": "hybrid"}, headers=headers)
        again = client.post(SESSIONS, json={"mode": "hybrid"}, headers=headers)
        other = client.post(SESSIONS, json={"can": "123456"}, headers=headers)
        none = client.post(SESSIONS, json={"mode": "hybrid"})
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert "Idempotency-Replayed" not in first.headers
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (other.status_code, other.json()["code"]) == (422, "idempotency.other_request")
        assert (none.status_code, none.json()["code"]) == (400, "idempotency.missing")
        assert first.headers["RateLimit"]

        clock.advance(timedelta(hours=1))  # its session is over: nothing is left to be told of
        anew = client.post(SESSIONS, json={"mode": "hybrid"}, headers=headers)
        assert anew.status_code == 201
        assert anew.json()["id"] != first.json()["id"]


def test_one_tenant_does_not_use_up_the_readings_of_all():
    limits = ChipSessionLimits(sessions=4, of_tenant=3, relays=3, relays_of_tenant=2)
    sessions = ChipSessions(limits, clock=FixedClock(), random=SystemRandom())
    greedy, neighbour = Owner(tenant="a"), Owner(tenant="b")
    theirs = [sessions.order(RelayMode.HYBRID, None, owner=greedy) for _ in range(3)]
    with pytest.raises(BusyError):
        sessions.order(RelayMode.HYBRID, None, owner=greedy)
    other = sessions.order(RelayMode.HYBRID, None, owner=neighbour)

    running, _ = [sessions.admit(one.session.id, one.relay_token) for one in theirs[:2]]
    with pytest.raises(BusyError):
        sessions.admit(theirs[2].session.id, theirs[2].relay_token)
    sessions.admit(other.session.id, other.relay_token)
    sessions.close(running[0])
    sessions.admit(theirs[2].session.id, theirs[2].relay_token)


def test_the_record_of_one_tenant_leaves_room_for_others():
    limits = ChipSessionLimits(evidence_bytes=10, evidence_bytes_of_tenant=6)
    sessions = ChipSessions(limits, clock=FixedClock(), random=SystemRandom())
    greedy = Owner(tenant="a")
    made = sessions.order(RelayMode.HYBRID, None, owner=greedy)
    session, _ = sessions.admit(made.session.id, made.relay_token)
    sessions.close(session, evidence=bytes(6))
    with pytest.raises(BusyError):
        sessions.order(RelayMode.HYBRID, None, owner=greedy)
    sessions.order(RelayMode.HYBRID, None, owner=Owner(tenant="b"))
