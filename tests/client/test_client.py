"""Both clients: whole cases against the real application, and retries against a script."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import httpx
import pytest

from ekyc.client import (
    ApiError,
    AsyncClient,
    Client,
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    RetryPolicy,
    UnavailableError,
    UnreachableError,
)
from ekyc.errors import InputError, UpstreamError


def test_a_whole_case(client, case, verifier):
    dossier = client.create_dossier("identity", reference="HS-1")
    session = client.create_session(dossier_id=dossier.id)
    token = client.capture_token(session.id)
    done = client.submit(session.id, case, wait_s=20)

    assert verifier.seen == [["EF.SOD", "case.toml"]]
    assert (done.state, done.outcome, done.final) == ("decided", "approved", True)
    assert token.submit_to == f"/v1/captures/{session.id}/submissions"
    assert token.token not in repr(token)
    assert [check.code for check in client.checks(session.id)] == ["face.match"]
    assert [decision.automatic for decision in client.decisions(session.id)] == [True]
    assert client.dossier(dossier.id).flags == ("approved",)
    assert client.settled(session.id).raw == client.session(session.id).raw
    assert client.redact(session.id).state == "redacted"


def test_an_officer_decides_what_was_seen(client, case, verifier):
    verifier.verdict = "reject"
    session = client.submit(client.create_session(procedure="identity").id, case, wait_s=20)
    assert session.state == "needs_review"

    done = client.decide(session, "rejected", reasons=("policy.check_absent",))
    assert (done.outcome, done.final) == ("rejected", True)
    with pytest.raises(ConflictError) as caught:
        client.decide(session, "rejected", reasons=("policy.check_absent",))
    assert caught.value.code == "precondition.failed"


def test_lists_go_on_over_pages(client):
    made = [client.create_session(procedure="identity").id for _ in range(3)]
    client.cancel(made[0])

    assert sorted(session.id for session in client.sessions()) == sorted(made)
    assert [session.id for session in client.sessions(state="canceled")] == [made[0]]
    assert "identity" in {procedure.id for procedure in client.procedures()}
    dossier = client.create_dossier("identity")
    assert client.edit_dossier(dossier, state="closed").state == "closed"
    assert [one.id for one in client.dossiers(state="closed")] == [dossier.id]


def test_a_refusal_says_what_where_and_why(client):
    with pytest.raises(InvalidError) as caught:
        client.create_session(procedure="identity", attempts=99)
    error = caught.value
    assert (error.status, error.code) == (422, "request.invalid")
    assert [(fault.pointer, fault.message) for fault in error.faults] == [
        ("/body/attempts", "Too large: at most 9.")
    ]
    assert error.request_id.startswith("urn:ekyc:request:")
    with pytest.raises(NotFoundError) as caught:
        client.session("0" * 32)
    assert caught.value.code == "session.unknown"


def test_the_same_key_is_the_same_session(client):
    made = [client.create_session(procedure="identity", idempotency_key="k") for _ in range(2)]

    assert made[0] == made[1]


def test_a_folder_that_is_no_case_is_not_sent(client, tmp_path):
    with pytest.raises(InputError) as caught:
        client.submit("0" * 32, tmp_path)
    assert caught.value.code == "case.unreadable"


def test_the_async_client_does_the_same(app, case):
    async def conversation():
        async with (
            app.router.lifespan_context(app),
            AsyncClient("http://localhost", transport=httpx.ASGITransport(app=app)) as client,
        ):
            session = await client.create_session(procedure="identity")
            done = await client.submit(session.id, case, wait_s=20)
            listed = [one.id async for one in client.sessions()]
            return done, listed, await client.settled(session.id)

    done, listed, settled = asyncio.run(conversation())
    assert done.final
    assert listed == [done.id]
    assert settled == done


def test_both_clients_offer_the_same():
    def offered(made):
        return {name for name in vars(made) if name[0] != "_"}

    assert offered(Client) == offered(AsyncClient)


# --- retries, against a script ---

POLICY = RetryPolicy(attempts=3, first_wait_s=1.0, jitter=lambda: 1.0)
SESSION = {
    "id": "0" * 32,
    "version": 1,
    "state": "created",
    "procedure": {"id": "identity"},
    "dossier_id": None,
    "outcome": None,
    "final": False,
    "attempts": {"left": 3},
    "decision": None,
    "last_error": None,
}


def scripted(*answers):
    """A client that gets these answers one after the other, what it sent, and how long it waited."""
    left, sent, waited = list(answers), [], []

    def answer(request):
        sent.append(request)
        told = left.pop(0)
        if isinstance(told, Exception):
            raise told
        status, body, *headers = told
        return httpx.Response(status, json=body, headers=headers[0] if headers else {})

    client = Client(
        "https://ekyc.example",
        key="secret",
        retries=POLICY,
        transport=httpx.MockTransport(answer),
        sleep=waited.append,
    )
    return client, sent, waited


def problem(code, **members):
    return {"title": "x", "code": code, **members}


def test_a_busy_service_is_asked_again_when_it_says_with_the_same_key():
    client, sent, waited = scripted(
        (503, problem("busy.queue_full"), {"Retry-After": "7"}),
        httpx.ReadTimeout("slow"),
        (201, SESSION),
    )
    client.create_session(procedure="identity")

    assert waited == [7.0, 2.0]
    keys = {request.headers["idempotency-key"] for request in sent}
    assert len(sent) == 3
    assert len(keys) == 1
    assert len({request.content for request in sent}) == 1
    assert {request.headers["authorization"] for request in sent} == {"Bearer secret"}


def test_two_calls_have_two_keys():
    client, sent, _ = scripted((201, SESSION), (201, SESSION))
    client.create_session(procedure="identity")
    client.create_session(procedure="identity")

    assert sent[0].headers["idempotency-key"] != sent[1].headers["idempotency-key"]


def test_a_key_that_is_worked_on_is_asked_for_again_and_another_conflict_is_not():
    client, _, waited = scripted(
        (409, problem("idempotency.in_flight"), {"Retry-After": "1"}),
        (409, problem("session.state")),
    )
    with pytest.raises(ConflictError):
        client.cancel("0" * 32)
    assert waited == [1.0]


@pytest.mark.parametrize(
    ("answers", "kind", "count"),
    [
        ([(503, problem("busy"))] * 3, UnavailableError, 3),
        ([(500, problem("internal"))], UnavailableError, 1),
        ([httpx.ConnectError("no")] * 3, UnreachableError, 3),
        ([(403, problem("access.denied"))], DeniedError, 1),
        ([(502, ["no problem"])] * 3, UnavailableError, 3),
        ([(302, {}, {"Location": "https://elsewhere.example"})], ApiError, 1),
    ],
)
def test_retries_end(answers, kind, count):
    client, sent, _ = scripted(*answers)
    with pytest.raises(kind):
        client.session("0" * 32)
    assert len(sent) == count


def test_an_edit_without_an_answer_is_not_sent_again():
    client, sent, _ = scripted(httpx.ReadTimeout("slow"))
    dossier = {
        "id": "0" * 32,
        "version": 3,
        "state": "open",
        "flags": [],
        "procedure": {"id": "identity"},
        "reference": None,
        "office": None,
        "sessions": [],
    }
    from ekyc.client import Dossier

    with pytest.raises(UnreachableError):
        client.edit_dossier(Dossier.of(dossier), state="closed")
    assert len(sent) == 1
    assert sent[0].headers["if-match"] == '"3"'
    assert json.loads(sent[0].content) == {"state": "closed"}


def test_what_is_not_the_service_is_an_error():
    client, _, _ = scripted((200, {"hello": "world"}))
    with pytest.raises(UpstreamError) as caught:
        client.session("0" * 32)
    assert caught.value.code == "http.foreign"


def test_the_client_loads_nothing_of_the_service():
    code = "import ekyc.client, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"fastapi", "numpy", "sqlalchemy", "cv2", "onnxruntime", "pyhanko", "pydantic"}
    assert heavy & set(json.loads(done.stdout)) == set()


@pytest.mark.parametrize(
    "url", ["http://ekyc.example", "http://10.0.0.1", "ftp://localhost.example"]
)
def test_no_key_goes_over_plain_http(url):
    with pytest.raises(InputError) as caught:
        Client(url, key="secret")
    assert caught.value.code == "client.address"


def test_a_wait_is_bounded_whatever_the_service_says():
    assert POLICY.wait_s(1, "99999") == 30.0
    assert POLICY.wait_s(9, None) == 30.0
    assert POLICY.wait_s(1, "soon") == 1.0
