"""What a whole case needs: both clients send the same, to operations that the OpenAPI document has, and read the answer."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest

from ekyc.client import AsyncClient, Client, LivenessSession
from ekyc.errors import UpstreamError

CREDENTIAL = {
    "id": "c",
    "session_id": "s",
    "status": "valid",
    "sample": False,
    "code": "EKYC1:…",
    "expires_at": "2027-01-01T00:00:00Z",
}
REQUEST = {"id": "r", "session_id": "s", "state": "signed", "failure": None}
LIVE = {"id": "l", "capture_token": "k1", "result_token": "k2", "expires_at": "2027"}
PROPOSAL = {
    "documents": [{"title": "t", "sha256": "0"}],
    "method": "verification",
    "webauthn": None,
    "expires_at": "2027",
}
VIEW = {"id": "r", "state": "signed", "title": "t", "failure": None}
CHALLENGE = {"id": "n", "nonce_hex": "00ff", "expires_at": "2027"}
ENDPOINT = {"id": "e", "url": "u", "keys": [{"form": "v1", "key": "whsec_x", "expires_at": None}]}
FACTORS = {"data": [{"id": "f", "kind": "totp", "confirmed_at": "2027"}]}
CASES = [
    ("presence.challenge", (), {}, CHALLENGE),
    ("presence.challenge", (), {"dg14": b"x"}, CHALLENGE),
    (
        "presence.liveness_session",
        ("case", "person"),
        {"challenge_id": "n", "idempotency_key": "k"},
        LIVE,
    ),
    ("results.issue", ("s",), {"idempotency_key": "k"}, CREDENTIAL),
    ("results.get", ("c",), {}, CREDENTIAL),
    ("results.reusable", ("s",), {}, {"data": [CREDENTIAL], "next": None}),
    ("results.page", ("c",), {}, b"%PDF"),
    ("results.change", ("c", "revoked"), {"reason": "fraud", "idempotency_key": "k"}, CREDENTIAL),
    ("signatures.ask", ("s", "t"), {"credential_id": "c", "idempotency_key": "k"}, REQUEST),
    ("signatures.get", ("r",), {}, REQUEST),
    ("signatures.cancel", ("r",), {"idempotency_key": "k"}, REQUEST),
    ("signatures.document", ("r",), {}, b"%PDF"),
    ("signatures.view", ("r",), {}, VIEW),
    ("signatures.original", ("r",), {}, b"%PDF"),
    ("signatures.propose", ("r",), {"idempotency_key": "k"}, PROPOSAL),
    ("signatures.authorise", ("r",), {"approve": True, "idempotency_key": "k"}, VIEW),
    (
        "factors.open",
        ("s",),
        {"idempotency_key": "k"},
        {"enrolment_token": "t", "expires_at": "2027"},
    ),
    (
        "factors.offer_codes",
        (),
        {"code": "1", "idempotency_key": "k"},
        {"factor": "f", "uri": None},
    ),
    (
        "factors.offer_authenticator",
        (),
        {"agreement": {"challenge_id": "c", "webauthn": {}}, "idempotency_key": "k"},
        {"challenge_id": "c", "options": {}},
    ),
    ("factors.register_authenticator", ("c", {"id": "i"}), {"idempotency_key": "k"}, FACTORS),
    (
        "factors.ask_agreement",
        (),
        {"idempotency_key": "k"},
        {"challenge_id": "c", "webauthn": {}},
    ),
    ("factors.confirm_codes", ("f", "1"), {"idempotency_key": "k"}, FACTORS),
    ("factors.standing", (), {}, FACTORS),
    ("factors.end", ("f", "1"), {"idempotency_key": "k"}, FACTORS),
    ("webhooks.create", ("u",), {"events": ("a.b",), "idempotency_key": "k"}, ENDPOINT),
]


class Script:
    """Answers everything alike, and remembers what was asked."""

    def __init__(self, answer):
        self.asked, self._answer = [], answer

    def __call__(self, request):
        headers = {"idempotency-key": request.headers.get("idempotency-key")}
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, request.url.raw_path.decode(), headers, body))
        if isinstance(self._answer, bytes):
            return httpx.Response(
                200, content=self._answer, headers={"content-type": "application/pdf"}
            )
        return httpx.Response(200, json=self._answer)


def called(client, name, arguments, options):
    group, _, method = name.partition(".")
    return getattr(getattr(client, group), method)(*arguments, **options)


@pytest.fixture(scope="module")
def described(repository_root):
    paths = json.loads((repository_root / "docs/openapi.json").read_text("utf-8"))["paths"]
    return [
        (re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + r"\Z"), set(told))
        for path, told in paths.items()
    ]


@pytest.mark.parametrize(("name", "arguments", "options", "answer"), CASES)
def test_both_clients_ask_alike_what_the_document_has(described, name, arguments, options, answer):
    first, second = Script(answer), Script(answer)
    with Client("http://localhost", transport=httpx.MockTransport(first)) as client:
        one = called(client, name, arguments, options)

    async def converse():
        transport = httpx.MockTransport(second)
        async with AsyncClient("http://localhost", transport=transport) as client:
            return await called(client, name, arguments, options)

    assert one == asyncio.run(converse())
    assert first.asked == second.asked
    ((method, path, _, _),) = first.asked
    bare = path.partition("?")[0]
    assert any(pattern.match(bare) and method.lower() in told for pattern, told in described)


def test_a_page_that_is_none_is_not_taken_for_one():
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    with (
        Client("http://localhost", transport=transport) as client,
        pytest.raises(UpstreamError) as caught,
    ):
        client.results.page("c")
    assert caught.value.code == "http.foreign"


def test_tokens_are_not_in_what_is_printed():
    names = {"id": "l", "case": "c", "subject": "079185001234", "expires_at": "2027"}
    live = LivenessSession(**names, capture_token="secret-1", result_token="secret-2")
    assert not {"secret-1", "secret-2", "079185001234"} & set(re.split(r"[^\w-]+", repr(live)))
    assert json.loads(live.as_part())["result_token"] == "secret-2"
