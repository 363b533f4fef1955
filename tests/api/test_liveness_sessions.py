"""Liveness sessions over HTTP: ordered, answered, finished, fetched; and everybody who should not."""

from __future__ import annotations

import base64
import json
import logging
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from asgi_client import running
from known_callers import NamedGate, person, portal
from live_service import BINDING, CountingObserver, TestDetection, opened_storage, sessions_of
from liveness_client import reply_of
from sent_once import once

from ekyc.api import LivenessFront, LivenessLimits, create_app
from ekyc.api.access import Role
from ekyc.api.liveness_schemas import PROMPT_TEXTS
from ekyc.errors import InputError, ModelError
from ekyc.flows import LiveBinding, load_case, with_live_session
from ekyc.liveness.active import (
    AttemptLimits,
    AttestationVerdict,
    PromptKind,
    Reply,
    ReplyKind,
    Step,
)
from ekyc.liveness.active.envelope import MAX_CHUNK_BYTES
from ekyc.liveness.active.simulated_client import SimulatedClient
from ekyc.outcomes import Outcome
from ekyc.storage import SessionBounds
from ekyc.testing import FixedClock

pytestmark = pytest.mark.filterwarnings(
    "ignore::ekyc.liveness.active.simulated_client.InsecureSimulationWarning"
)
SESSIONS = "/v1/liveness-sessions"
ORDER = {"case": BINDING.case, "subject": BINDING.subject, "challenge_id": BINDING.challenge_id}
FREELY = AttemptLimits(most=100, pause=timedelta(0))


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def storage(tmp_path, clock):
    with opened_storage(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def service(verifier, storage, scratch, clock):
    """``with service(**parts) as client``: a running application; ``client.live`` are its sessions."""

    @contextmanager
    def run(limits=None, **parts):
        live = sessions_of(storage, clock, **({"attempts": FREELY} | parts))
        front = LivenessFront(sessions=live, limits=limits or LivenessLimits(), clock=clock)
        app = create_app(
            verifier,
            storage,
            scratch_parent=scratch,
            liveness=front,
            hosts=frozenset({"localhost"}),
        )
        with running(app) as client:
            client.live = live
            yield client

    return run


def order(client, **changes):
    answer = client.post(SESSIONS, json=ORDER | changes, headers=once())
    assert answer.status_code == 201, answer.text
    return answer.json()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def ask(client, session, what, method="POST", token=None, **options):
    headers = bearer(session["capture_token"] if token is None else token)
    return client.request(method, f"{SESSIONS}/{session['id']}{what}", headers=headers, **options)


def fetch(client, session, token=None):
    return ask(client, session, "", "GET", token or session["result_token"])


def begin(client, session):
    answer = ask(client, session, "/begin")
    assert answer.status_code == 200, answer.text
    return answer.json()


def respond(client, session, clock, seed=0, heard=None, **changes):
    """A simulated client answers over HTTP; the last reply."""
    simulated = SimulatedClient(seed)
    for name, value in changes.items():
        setattr(simulated.person, name, value)
    begun, began = begin(client, session), clock.now()

    def send(sealed, arrived_s):
        at = began + timedelta(seconds=arrived_s)
        clock.advance(max(timedelta(0), at - clock.now()))
        answer = ask(client, session, "/chunks", content=sealed)
        assert answer.status_code == 200, answer.text
        if heard is not None:
            heard.append(answer.json())
        return reply_of(answer.json())

    key = base64.b64decode(begun["key_base64"])
    simulated.talk(bytes.fromhex(session["id"]), key, reply_of(begun), send)
    return simulated


def finish(client, session, **body):
    answer = ask(client, session, "/finish", json=body) if body else ask(client, session, "/finish")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_session_from_order_to_report(service, clock, validate_against):
    with service() as client:
        session = order(client)
        validate_against("ekyc.liveness-session-new.1", session)
        waiting = fetch(client, session).json()
        validate_against("ekyc.liveness-session.1", waiting)
        assert (waiting["state"], waiting["outcome"], waiting["report"]) == (
            "waiting",
            "NOT_PERFORMED",
            None,
        )
        respond(client, session, clock)
        assert finish(client, session) == {
            "schema": "ekyc.liveness-ended/1",
            "passed": True,
            "advice": [],
        }
        result = fetch(client, session).json()
    validate_against("ekyc.liveness-session.1", result)
    validate_against("ekyc.active-liveness.1", result["report"])
    assert (result["state"], result["outcome"]) == ("finished", "PASSED")
    signed = json.loads(base64.b64decode(result["signature"]["payload_base64"]))
    assert signed == result["report"]
    binding = BINDING.digest(session["id"], session["result_token"])
    assert signed["bound_to"] == binding.hex()


def test_the_client_is_told_prompts_and_an_end_and_nothing_else(service, clock):
    """Whatever the operator's report says, the client's words are the same few."""
    heard = []
    detection = TestDetection(Outcome.FAILED, "liveness.screen_pattern")
    with service(passive=detection) as client:
        session = order(client)
        respond(client, session, clock, heard=heard)
        ended = finish(client, session)
        report = fetch(client, session).json()["report"]
    assert report["outcome"] == "FAILED"
    assert {key for answer in heard for key in answer} == {"schema", "state", "prompt"}
    assert {answer["state"] for answer in heard} == {"continue", "done"}
    assert [entry["code"] for entry in ended["advice"]] == ["liveness.capture_again"]
    assert not ended["passed"]
    words = json.dumps([heard, ended])
    for cue in ("screen_pattern", "attack", "FAILED", "score", "colour_p", "reasons", "checks"):
        assert cue not in words


def test_every_prompt_has_words_in_both_languages():
    shown = {PromptKind.LOOK_STRAIGHT, PromptKind.COLOURS, *Step}
    assert set(PROMPT_TEXTS) == shown
    assert all(vi != en for vi, en in PROMPT_TEXTS.values())


def test_a_lost_answer_and_a_repeated_finish(service, clock):
    with service() as client:
        session = order(client)
        simulated = respond(client, session, clock)
        last = simulated.exchange.sealed[-1][0]
        again = ask(client, session, "/chunks", content=last).json()
        assert again["state"] == "done"
        assert finish(client, session) == finish(client, session)
        frames = fetch(client, session).json()["report"]["frames_sha256"]
        assert len(frames) == len(set(frames))
        assert ask(client, session, "/chunks", content=last).json()["state"] == "over"


# -- who may


def test_tokens(service):
    with service() as client:
        session, other = order(client), order(client)
        for what, method in (("/begin", "POST"), ("/chunks", "POST"), ("/finish", "POST")):
            for token in (session["result_token"], other["capture_token"], "x"):
                answer = ask(client, session, what, method, token)
                assert (answer.status_code, answer.json()["code"]) == (
                    404,
                    "liveness.session_unknown",
                )
        for method in ("GET", "DELETE"):
            for token in (session["capture_token"], other["result_token"], "x"):
                assert ask(client, session, "", method, token).status_code == 404
            assert client.request(method, f"{SESSIONS}/{session['id']}").status_code == 404
        assert client.post(f"{SESSIONS}/none/begin", headers=bearer("x")).status_code == 404
        begin(client, session)


def test_a_session_begins_once(service):
    with service() as client:
        session = order(client)
        assert ask(client, session, "/finish").status_code == 409
        assert ask(client, session, "/chunks", content=b"x").status_code == 409
        begin(client, session)
        answer = ask(client, session, "/begin")
    assert (answer.status_code, answer.json()["code"]) == (409, "freshness.already_used")


def test_a_session_that_nobody_begins_is_gone(service, clock):
    with service() as client:
        session = order(client)
        clock.advance(timedelta(seconds=181))
        assert ask(client, session, "/begin").status_code == 404


def test_a_session_is_forgotten_on_demand(service, clock):
    with service() as client:
        session = order(client)
        respond(client, session, clock)
        finish(client, session)
        assert ask(client, session, "", "DELETE", session["result_token"]).status_code == 204
        assert fetch(client, session).status_code == 404


def test_without_sessions_the_operations_say_so(verifier, storage, scratch):
    with running(create_app(verifier, storage, scratch_parent=scratch)) as client:
        answer = client.post(SESSIONS, json=ORDER, headers=once())
    assert (answer.status_code, answer.json()["code"]) == (404, "liveness.not_offered")


# -- bounds


@pytest.fixture
def logged_in(verifier, storage, scratch, clock):
    """``with logged_in(**parts) as client``: a service to callers of which ``X-Caller`` names one."""

    @contextmanager
    def run(**parts):
        callers = {"portal": portal(), **{one: person(one * 64, Role.CITIZEN) for one in "cd"}}
        front = LivenessFront(sessions=sessions_of(storage, clock, **parts), clock=clock)
        gate = NamedGate(callers)
        options = {"scratch_parent": scratch, "liveness": front, "gate": gate}
        with running(create_app(verifier, storage, **options)) as client:
            yield (
                lambda caller, **changes: (
                    client.post(
                        SESSIONS, json=ORDER | changes, headers=once(**{"X-Caller": caller})
                    ).status_code
                )
            )

    return run


def test_a_login_gets_no_new_attempts_by_naming_others(logged_in):
    with logged_in(attempts=AttemptLimits(most=2, pause=timedelta(0))) as ask_as:
        tried = [ask_as("c", case=f"case-{n}", subject=f"somebody-{n}") for n in range(3)]
    assert tried == [201, 201, 429]


def test_a_login_uses_up_nobody_elses_attempts(logged_in):
    with logged_in(attempts=AttemptLimits(most=1, pause=timedelta(0))) as ask_as:
        assert ask_as("c", case="its-own") == 201  # and names the other as its subject
        assert [ask_as("d", case="other"), ask_as("portal", case="third")] == [201, 201]


def test_a_login_does_not_leave_out_the_colours(logged_in):
    with logged_in() as ask_as:
        assert [ask_as(one, colours=False) for one in ("c", "portal")] == [403, 201]


def test_too_many_attempts_wait(service, clock):
    with service(attempts=AttemptLimits(most=2)) as client:
        order(client)
        answer = client.post(SESSIONS, json=ORDER, headers=once(**{"Accept-Language": "vi"}))
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
        problem = answer.json()
        assert (problem["code"], problem["retryable"]) == ("liveness.too_many_attempts", True)
        assert problem["title"].startswith("Đã thử quá nhiều lần")
        clock.advance(timedelta(seconds=5))
        order(client)
        answer = client.post(SESSIONS, json=ORDER, headers=once())
        assert int(answer.headers["retry-after"]) > 800
        order(client, subject="another", case="other")


@pytest.mark.parametrize(
    "changes",
    [
        {"case": ""},
        {"case": "a b"},
        {"subject": "số"},
        {"subject": "x" * 129},
        {"subject": None},
        {"device": "a\n"},
        {"challenge_id": "short"},
        {"colours": "maybe"},
        {"more": 1},
    ],
)
def test_an_order_that_is_none(service, changes):
    with service() as client:
        answer = client.post(SESSIONS, json=ORDER | changes, headers=once())
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    assert BINDING.subject not in answer.text


def test_open_sessions_are_bounded(service):
    with service(bounds=SessionBounds(open_sessions=1)) as client:
        order(client)
        answer = client.post(SESSIONS, json=ORDER, headers=once())
    assert (answer.status_code, answer.json()["code"]) == (503, "busy.queue_full")


def test_bodies_are_bounded_where_they_arrive(service):
    with service() as client:
        session = order(client)
        begin(client, session)
        over = bytes(MAX_CHUNK_BYTES + 1)
        assert ask(client, session, "/chunks", content=over).status_code == 413
        assert ask(client, session, "/finish", content=bytes(200_000)).status_code == 413
        assert client.post(SESSIONS, content=bytes(70_000), headers=once()).status_code == 413
        assert fetch(client, session).json()["state"] == "running"


@pytest.mark.parametrize("body", [b"", b"EKL1", b"x" * 1000, bytes(MAX_CHUNK_BYTES)])
def test_what_is_no_chunk_ends_the_session_without_an_error(service, body):
    with service() as client:
        session = order(client)
        begin(client, session)
        answer = ask(client, session, "/chunks", content=body)
        assert (answer.status_code, answer.json()["state"]) == (200, "over")
        assert not finish(client, session)["passed"]
        reasons = fetch(client, session).json()["reasons"]
    assert {"liveness.chunk_malformed", "liveness.other_session"} & set(reasons)


def test_work_is_bounded_and_the_service_still_answers(service, clock):
    """One worker, nobody may wait: while it is busy a second client is turned away, and /livez answers."""
    import asyncio

    import httpx

    hold, looking = threading.Event(), threading.Event()

    class Slow:
        def __init__(self, observer):
            self._observer = observer

        def observe(self, payload):
            looking.set()
            assert hold.wait(30)
            return self._observer.observe(payload)

    limits = LivenessLimits(workers=1, waiting=0)
    with service(limits=limits, observer=Slow(CountingObserver())) as client:
        first, second = order(client), order(client, case="case-2", subject="b")
        sealed = {}
        for session in (first, second):
            simulated = SimulatedClient(0)
            begun = begin(client, session)

            def keep(body, at_s, session=session):
                sealed[session["id"]] = body
                return Reply(kind=ReplyKind.OVER)

            key = base64.b64decode(begun["key_base64"])
            simulated.talk(bytes.fromhex(session["id"]), key, reply_of(begun), keep)
        clock.advance(timedelta(seconds=1.5))

        async def converse():
            async with httpx.AsyncClient(
                transport=client._http._transport, base_url="http://localhost"
            ) as http:

                def post(session):
                    return http.post(
                        f"{SESSIONS}/{session['id']}/chunks",
                        content=sealed[session["id"]],
                        headers=bearer(session["capture_token"]),
                    )

                slow = asyncio.ensure_future(post(first))
                assert await asyncio.to_thread(looking.wait, 30)
                alive = await http.get("/livez")
                refused = await post(second)
                hold.set()
                return alive, refused, await slow

        alive, refused, answered = client._run(converse())
    assert alive.status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (503, "busy.queue_full")
    assert "retry-after" in refused.headers
    assert (answered.status_code, answered.json()["state"]) == (200, "continue")


def test_a_model_that_fails_is_a_problem_and_no_verdict(service, clock):
    observer = CountingObserver()
    with service(observer=observer) as client:
        session = order(client)
        respond(client, session, clock)
        other = order(client)
        begun = begin(client, other)
        observer.error = ModelError("absent", code="model.not_installed")
        bodies = []

        def keep(body, at_s):
            bodies.append(body)
            return Reply(kind=ReplyKind.OVER)

        key = base64.b64decode(begun["key_base64"])
        SimulatedClient(0).talk(bytes.fromhex(other["id"]), key, reply_of(begun), keep)
        clock.advance(timedelta(seconds=1.5))
        answer = ask(client, other, "/chunks", content=bodies[0])
        assert (answer.status_code, answer.json()["code"]) == (503, "model.not_installed")
        observer.error = None
        assert ask(client, other, "/chunks", content=bodies[0]).json()["state"] == "continue"


# -- statements about the client


class FakeAttestor:
    """Believes a statement that repeats the challenge. **Insecure.**"""

    def verify(self, kind, token, challenge):
        return AttestationVerdict.GENUINE if token == challenge else AttestationVerdict.REFUTED


@pytest.mark.parametrize("honest", [True, False])
def test_a_statement_of_the_platform(service, clock, honest):
    with service(attestor=FakeAttestor()) as client:
        session = order(client)
        simulated = SimulatedClient(0)
        begun, began = begin(client, session), clock.now()

        def send(sealed, arrived_s):
            clock.advance(max(timedelta(0), began + timedelta(seconds=arrived_s) - clock.now()))
            return reply_of(ask(client, session, "/chunks", content=sealed).json())

        key = base64.b64decode(begun["key_base64"])
        simulated.talk(bytes.fromhex(session["id"]), key, reply_of(begun), send)
        token = begun["attestation_challenge_base64"] if honest else "AAAA"
        ended = finish(client, session, attestation={"kind": "app_attest", "token": token})
        report = fetch(client, session).json()["report"]
    assert ended["passed"] is honest
    assert ("liveness.attestation_refuted" in report["reasons"]) is not honest
    assert "liveness.client_unattested" not in report["reasons"]


@pytest.mark.parametrize(
    "body",
    [
        {"attestation": {"kind": "trust_me", "token": "AAAA"}},
        {"attestation": {"kind": "app_attest", "token": "A"}},
        {"attestation": {"kind": "app_attest"}},
        {"passed": True},
    ],
)
def test_a_finish_that_is_none(service, clock, body):
    with service() as client:
        session = order(client)
        respond(client, session, clock)
        answer = ask(client, session, "/finish", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
        assert finish(client, session)["passed"]


# -- with a case


def test_a_verification_names_its_session(service, verifier, clock):
    with service() as client:
        session = order(client)
        respond(client, session, clock)
        finish(client, session)
        live = {
            "session_id": session["id"],
            "result_token": session["result_token"],
            "case": BINDING.case,
            "subject": BINDING.subject,
        }
        parts = [
            ("case", (None, 'schema = "ekyc.case/1"\nprofile = "identity-present"\n')),
            ("liveness", (None, json.dumps(live))),
            ("challenge_id", (None, BINDING.challenge_id)),
        ]
        answer = client.post("/v1/verifications", files=parts)
        assert answer.status_code == 200, answer.text
        use = verifier.live
        evidence = client.live.use(
            use.session_id,
            use.result_token.reveal(),
            LiveBinding(
                case=use.case, subject=use.subject, challenge_id=answer.json()["challenge_id"]
            ),
        )
    assert evidence.best_frame
    assert session["result_token"] not in repr(use)
    assert BINDING.subject not in repr(use)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"session_id": "x"}', "x" * 5000, '{"case": "079185001234"}', "\udcff"],
)
def test_a_part_that_names_no_session(service, text):
    with service() as client:
        parts = [
            ("case", (None, 'schema = "ekyc.case/1"\nprofile = "identity"\n')),
            ("liveness", (None, text.encode("utf-8", "surrogateescape"))),
        ]
        answer = client.post("/v1/verifications", files=parts)
    assert answer.status_code in {413, 422}
    assert answer.json()["subject"] == "liveness"
    assert "079185001234" not in answer.text


def test_a_service_without_sessions_refuses_a_case_that_brings_one(tmp_path):
    from ekyc.api.wiring import FlowVerifier
    from ekyc.flows import LiveUse
    from ekyc.values import Redacted

    (tmp_path / "case.toml").write_text('schema = "ekyc.case/1"\nprofile = "identity"\n')
    live = LiveUse(session_id="0" * 32, result_token=Redacted("x"), case="c", subject="s")
    with pytest.raises(InputError) as caught:
        FlowVerifier(None).verify_folder(tmp_path, challenge_id=None, live=live)
    assert caught.value.code == "liveness.not_offered"
    assert load_case(tmp_path).live is None
    assert callable(with_live_session)


# -- what is seen from outside


def test_nothing_of_person_case_or_keys_in_the_log(service, clock, caplog):
    with caplog.at_level(logging.DEBUG), service() as client:
        session = order(client, device="device-of-somebody")
        respond(client, session, clock)
        finish(client, session)
        fetch(client, session)
    secrets = [
        *(BINDING.case, BINDING.subject, "device-of-somebody", session["id"]),
        *(session["capture_token"], session["result_token"]),
    ]
    assert '"route": "/v1/liveness-sessions/{session_id}/chunks"' in caplog.text
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("ekyc")]
    assert not [secret for secret in secrets if any(secret in line for line in lines)]


def test_the_document_describes_every_operation_in_both_languages(service):
    with service() as client:
        paths = client.get("/openapi.json").json()["paths"]
    described = {path: paths[path] for path in paths if path.startswith(SESSIONS)}
    assert len(described) == 5
    for operations in described.values():
        for operation in operations.values():
            assert " / " in operation["summary"]
            assert "\n\n" in operation["description"]
            assert operation["operationId"]


def test_an_order_sent_twice_is_one_attempt(service):
    """The answer was lost: whoever sends the order again gets its session, and no attempt more is counted."""
    one_attempt = AttemptLimits(most=1)
    with service(attempts=one_attempt) as client:
        headers = once()
        first = client.post(SESSIONS, json=ORDER, headers=headers)
        again = client.post(SESSIONS, json=ORDER, headers=headers)
        other = client.post(SESSIONS, json=ORDER | {"case": "another"}, headers=headers)
        none = client.post(SESSIONS, json=ORDER)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert "Idempotency-Replayed" not in first.headers
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (other.status_code, other.json()["code"]) == (422, "idempotency.other_request")
        assert (none.status_code, none.json()["code"]) == (400, "idempotency.missing")
        assert first.headers["RateLimit"]
        assert fetch(client, again.json()).status_code == 200
        assert client.post(SESSIONS, json=ORDER, headers=once()).status_code == 429
