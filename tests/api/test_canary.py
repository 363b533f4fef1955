"""Canary: a number, a name and a portrait, planted wherever a request has room, come out nowhere but in its answer.

Every operation of the OpenAPI document is called with them; what was logged, in both formats, every span of the traces and
every problem document are searched for them in the forms in which they could have been written. On the way, a probe hears whether
any operation asks the database on the event loop.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import urllib.parse
from contextlib import suppress

import httpx
import pytest
from canaries import NAME, NUMBER, PLAIN_NAME, PORTRAIT, WORDS, found_in, requests_of
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import event

from ekyc.api import create_app
from ekyc.api.access.proxy import ProxySettings
from ekyc.api.tracing import TracedVerifier, Tracing
from ekyc.api.v1 import ResourceFront
from ekyc.api.v1.front import ResourceLimits
from ekyc.api.v1.rates import RateLimit
from ekyc.errors import InputError
from ekyc.logs import AllowListFormatter, LogFormat
from ekyc.storage import ServiceKey


@pytest.fixture
def asked_on_loop(storage):
    """Every statement that was executed where the event loop runs, by its first word."""
    asked = []

    def listen(_connection, _cursor, statement, *_):
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            asked.append(statement.split()[0])

    event.listen(storage._engine, "before_cursor_execute", listen)
    return asked


@pytest.fixture
def shown(verifier, storage, scratch, caplog):
    """Run requests against one service, and return the answers and everything that was logged or traced."""

    def run(planned):
        limits = ResourceLimits(rate=RateLimit(requests=1_000_000))
        front = ResourceFront(storage.dossiers(ServiceKey(bytes(32))), limits=limits)
        storage.measure_time()
        spans = InMemorySpanExporter()
        proxy = ProxySettings(tls=True, trusted=("127.0.0.1/32",))
        tracing = Tracing(SimpleSpanProcessor(spans), proxy=proxy)
        app = create_app(
            TracedVerifier(verifier, tracing),
            storage,
            scratch_parent=scratch,
            resources=front,
            tracing=tracing,
        )

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
        traced = [span.to_json(indent=None) for span in spans.get_finished_spans()]
        assert len(traced) >= len(answers)
        return answers, "\n".join([*written, *own, *traced])

    return run


def test_nothing_planted_comes_out_of_logs_traces_and_problems(shown, asked_on_loop):
    answers, logged = shown(requests_of)
    assert asked_on_loop == []

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
    case = f'schema = "ekyc.case/1"\nprofile = "identity"\n# {NAME}\n'
    parts = [("case", (None, case.encode())), ("file", (f"{NUMBER}.jpg", PORTRAIT))]
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
