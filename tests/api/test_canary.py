"""Canary: a number, a name and a portrait, planted wherever a request has room, come out nowhere but in its answer.

Every operation of the OpenAPI document is called with them; what was logged, in both formats, and every problem document
are searched for them in the forms in which they could have been written.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import urllib.parse

import httpx
import pytest

from ekyc.api import create_app
from ekyc.api.logs import AllowListFormatter, LogFormat
from ekyc.api.v1 import ResourceFront
from ekyc.api.v1.front import ResourceLimits
from ekyc.api.v1.rates import RateLimit
from ekyc.errors import InputError
from ekyc.storage import ServiceKey

NUMBER = "079185001234"
NAME = "Nguyễn Canary Thị Mẫu"
PLAIN_NAME = "NGUYEN-CANARY-THI-MAU"
PORTRAIT = b"\xff\xd8\xff\xe0portrait-canary\x00\x01\x02\xff\xd9"
WORDS = (NUMBER, NAME, PLAIN_NAME)
METHODS = frozenset({"get", "put", "post", "patch", "delete"})
HEADERS = (
    *("x-request-id", "idempotency-key", "user-agent", "referer", "accept-language", "if-match"),
    *("content-digest", "last-event-id", "prefer", "traceparent"),
)
PROXIED = ("x-forwarded-for", "forwarded")  # refused at once, where there are no clients
JSON = {"content-type": "application/json"}


def forms_of(text):
    raw = text if isinstance(text, bytes) else text.encode()
    shown = raw.decode("latin-1") if isinstance(text, bytes) else text
    yield from (shown, repr(raw)[2:-1], base64.b64encode(raw).decode().rstrip("=")[:-1], raw.hex())
    yield from (urllib.parse.quote(raw), json.dumps(shown)[1:-1], shown.lower())


CANARIES = sorted({form for word in (*WORDS, PORTRAIT[4:]) for form in forms_of(word)})


def found_in(text):
    return [form for form in CANARIES if form in text]


def requests_of(document):
    """Method, path and options of requests to every operation, with canaries in each place."""
    for template, operations in document["paths"].items():
        for method in METHODS & operations.keys():
            for word in WORDS:
                quoted = urllib.parse.quote(word)
                path = "/".join(
                    quoted if part.startswith("{") else part for part in template.split("/")
                )
                headers = dict.fromkeys(HEADERS, quoted)
                yield method, f"{path}?{quoted}={quoted}&limit={quoted}", {"headers": headers}
                yield method, path, {"headers": dict.fromkeys(PROXIED, quoted)}
                for body in bodies_of(word):
                    yield method, path, body
    for word in WORDS:
        quoted = urllib.parse.quote(word)
        yield "get", f"/{quoted}", {"headers": {"authorization": f"Bearer {PLAIN_NAME}.{NUMBER}"}}
        yield "get", f"/v1/{quoted}/{quoted}", {"headers": {"cookie": f"{NUMBER}={NUMBER}"}}
    for method in (NUMBER, PLAIN_NAME):
        yield method, "/livez", {}


def bodies_of(word):
    key = {"idempotency-key": "0af7651916cd43dd8448eb211c80319c"}
    nested = {word: {word: [word]}, "purpose": word, "subject": word, "reference": word}
    yield {"content": json.dumps(nested), "headers": {**JSON, **key}}
    yield {"content": json.dumps({"citizen": {word: word}, "case": {word: 1}}), "headers": JSON}
    yield {"content": json.dumps(word), "headers": JSON}
    yield {"content": f'{{"{word}": '.encode() + PORTRAIT, "headers": {**JSON, **key}}
    yield {"content": PORTRAIT, "headers": {"content-type": f"image/{NUMBER}", **key}}
    yield {"files": [(word, (f"{word}.jpg", PORTRAIT, f"image/{NUMBER}"))], "headers": key}
    yield {"files": [("file", (f"../{word}", PORTRAIT)), ("case", (None, word))], "headers": key}
    yield {
        "files": [
            ("case", (None, word)),
            ("challenge_id", (None, word)),
            ("liveness", (None, word)),
        ],
        "headers": key,
    }
    yield {"files": [("case", (f"{word}.zip", PORTRAIT))], "headers": key}


@pytest.fixture
def shown(verifier, storage, scratch, caplog):
    """Run requests against one service, and return the problem documents and everything that was logged."""

    def run(planned):
        limits = ResourceLimits(rate=RateLimit(requests=1_000_000))
        front = ResourceFront(storage.dossiers(ServiceKey(bytes(32))), limits=limits)
        app = create_app(verifier, storage, scratch_parent=scratch, resources=front)

        async def talk():
            transport = httpx.ASGITransport(app=app)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
            ):
                return [
                    await client.request(method, path, **options)
                    for method, path, options in planned(app.openapi())
                ]

        with caplog.at_level(logging.DEBUG):
            answers = asyncio.run(talk())
        written = [
            AllowListFormatter(style).format(record)
            for record in caplog.records
            if record.name not in {"httpx", "asyncio"}
            for style in LogFormat
        ]
        own = [one.getMessage() for one in caplog.records if one.name.startswith("ekyc")]
        return answers, "\n".join([*written, *own])

    return run


def test_nothing_planted_comes_out_of_logs_and_problems(shown):
    answers, logged = shown(requests_of)

    problems = [one for one in answers if "problem+json" in one.headers["content-type"]]
    assert len(problems) > 500
    assert found_in(logged) == []
    leaking = [
        (one.request.method, one.request.url.path, one.json()["code"])
        for one in problems
        if found_in(one.text + str(one.headers))
    ]
    assert leaking == []
    lines = [json.loads(line) for line in logged.splitlines() if '"event": "request"' in line]
    codes = {line["problem"] for line in lines if line["problem"]}
    assert {"request.invalid", "http.not_found", "request.part"} <= codes
    assert {line["method"] for line in lines} >= {"GET", "POST", "OTHER"}
    routes = {line["route"] for line in lines}
    assert {"-", "/v1/verifications", "/v1/chip-sessions/{session_id}"} <= routes


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"{NUMBER} {NAME} {PORTRAIT!r}"),
        UnicodeDecodeError("utf-8", NAME.encode(), 0, 1, NUMBER),
        InputError("a constant text", code="request.case_missing"),
        type(NAME, (RuntimeError,), {})(PLAIN_NAME),
        KeyError(NUMBER),
    ],
)
def test_an_operation_that_fails_tells_type_and_place_alone(shown, verifier, error):
    verifier.error = error
    parts = [("case", (None, NAME.encode())), ("file", (f"{NUMBER}.jpg", PORTRAIT))]
    answers, logged = shown(lambda _: [("post", "/v1/verifications", {"files": parts})])

    assert answers[0].status_code in {422, 500}
    assert found_in(answers[0].text) == []
    assert found_in(logged) == []


def test_the_search_would_find_what_leaks():
    for word in (*WORDS, PORTRAIT[4:]):
        raw = word if isinstance(word, bytes) else word.encode()
        assert found_in(f"x{raw!r}y")
        assert found_in(json.dumps({"a": base64.b64encode(raw).decode()}))
        assert found_in(urllib.parse.quote(raw))
