"""Traces: what a span says, what it never says, whose parent it takes, and that nobody waits for the collector."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from ekyc.api import create_app
from ekyc.api.access.proxy import ProxySettings
from ekyc.api.tracing import ATTRIBUTES, TracedVerifier, Tracing, collector_url, open_tracing, put
from ekyc.api.v1 import ResourceFront
from ekyc.api.wiring import FlowVerifier
from ekyc.errors import InputError
from ekyc.flows.stages import Stage, StageFinished
from ekyc.outcomes import Check, Outcome
from ekyc.storage import ServiceKey
from ekyc.storage.database_time import counting_database

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CASE = [("case", (None, b'schema = "ekyc.case/1"\nprofile = "identity"\n'))]


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter):
    with Tracing(SimpleSpanProcessor(exporter)) as opened:
        yield opened


@pytest.fixture
def talk(verifier, storage, scratch):
    """``talk(conversation, tracing)``: with a service that is traced."""
    storage.measure_time()

    def run(conversation, tracing, *, client=("127.0.0.1", 4711)):
        front = ResourceFront(storage.dossiers(ServiceKey(bytes(32))))
        app = create_app(
            TracedVerifier(verifier, tracing),
            storage,
            scratch_parent=scratch,
            resources=front,
            tracing=tracing,
        )

        async def converse():
            transport = httpx.ASGITransport(app=app, client=client)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
            ):
                return await conversation(http)

        return asyncio.run(converse())

    return run


def spans_of(exporter):
    return exporter.get_finished_spans()


def test_a_request_is_named_by_its_route_and_tells_the_time_of_the_database(
    talk, tracing, exporter
):
    async def conversation(http):
        made = await http.post(
            "/v1/sessions", json={"procedure": "identity"}, headers={"idempotency-key": "k"}
        )
        await http.get(f"/v1/sessions/{made.json()['id']}?q=secret")
        await http.get("/v1/sessions/nobody")
        await http.get("/nowhere/at/all")

    talk(conversation, tracing)
    made, seen, refused, nowhere = spans_of(exporter)
    assert made.name == "POST /v1/sessions"
    assert made.attributes["http.response.status_code"] == 201
    assert made.attributes["ekyc.database.statements"] >= 4
    assert 0 < made.attributes["ekyc.database.time_ms"] < 10_000
    assert seen.name == "GET /v1/sessions/{session_id}"
    assert 0 < seen.attributes["ekyc.database.statements"] < 10
    assert refused.attributes["ekyc.problem"] == "request.invalid"
    assert (nowhere.name, nowhere.attributes["http.route"]) == ("GET -", "-")
    assert nowhere.attributes["ekyc.database.statements"] == 0
    assert {span.parent for span in spans_of(exporter)} == {None}


def test_a_verification_lies_beneath_its_request(talk, tracing, exporter, verifier):
    async def conversation(http):
        return (await http.post("/v1/verifications", files=CASE)).status_code

    assert talk(conversation, tracing) == 200
    verification, request = spans_of(exporter)
    assert (verification.name, request.name) == ("verification", "POST /v1/verifications")
    assert verification.parent.span_id == request.context.span_id
    assert verification.context.trace_id == request.context.trace_id


def test_a_verification_that_fails_tells_its_code_and_no_text(talk, tracing, exporter, verifier):
    verifier.error = InputError("079185001234", code="request.case_missing")

    async def conversation(http):
        return (await http.post("/v1/verifications", files=CASE)).status_code

    assert talk(conversation, tracing) == 422
    verification, _ = spans_of(exporter)
    assert dict(verification.attributes) == {"ekyc.problem": "request.case_missing"}
    assert (verification.status.description, verification.events) == (None, ())


def test_what_nobody_foresaw_is_an_error_without_words(talk, tracing, exporter, verifier):
    verifier.error = ValueError("079185001234")

    async def conversation(http):
        return (await http.post("/v1/verifications", files=CASE)).status_code

    assert talk(conversation, tracing) == 500
    verification, request = spans_of(exporter)
    assert request.status.status_code is StatusCode.ERROR
    for span in (verification, request):
        assert (span.status.description, span.events, span.links) == (None, (), ())
        assert "079185001234" not in span.to_json()


def test_stages_lie_beneath_the_verification_whatever_thread_they_end_on(tracing, exporter):
    finished = StageFinished(
        stage=Stage.CHIP,
        duration_ms=250.0,
        checks=(Check(id="chip.signature", outcome=Outcome.PASSED),),
    )
    with tracing.verification():
        on_stage = tracing.stages()
        thread = threading.Thread(target=on_stage, args=(finished,))
        thread.start()
        thread.join()
    stage, verification = spans_of(exporter)
    assert stage.parent.span_id == verification.context.span_id
    assert stage.end_time - stage.start_time == 250_000_000
    assert dict(stage.attributes) == {"ekyc.stage": "chip", "ekyc.checks": 1}


def test_a_verifier_of_the_rooms_tells_its_stages():
    seen = []

    class Rooms:
        def verify(self, _case, *, progress, **_options):
            progress("a stage")
            raise InputError("enough", code="case.invalid")

    verifier = FlowVerifier(Rooms(), stages=lambda: seen.append)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ekyc.api.wiring.load_case", lambda folder: folder)
        with pytest.raises(InputError):
            verifier.verify_folder(None, challenge_id=None)
    assert seen == ["a stage"]


@pytest.mark.parametrize(
    ("trusted", "peer", "header", "taken"),
    [
        (("10.0.0.0/8",), "10.0.0.7", PARENT, True),
        (("10.0.0.0/8",), "192.0.2.7", PARENT, False),
        ((), "10.0.0.7", PARENT, False),
        (("10.0.0.0/8",), "10.0.0.7", PARENT.upper(), False),
        (("10.0.0.0/8",), "10.0.0.7", f"{PARENT}-x", False),
        (("10.0.0.0/8",), "10.0.0.7", f"00-{'0' * 32}-b7ad6b7169203331-01", False),
        (("10.0.0.0/8",), "10.0.0.7", f"00-{'a' * 32}-{'0' * 16}-01", False),
        (("10.0.0.0/8",), "10.0.0.7", "", False),
    ],
)
def test_only_a_declared_proxy_says_to_which_trace_a_request_belongs(
    talk, exporter, trusted, peer, header, taken
):
    proxy = ProxySettings(tls=True, trusted=trusted)

    async def conversation(http):
        headers = {"traceparent": header, "tracestate": "a=079185001234", "baggage": "b=1"}
        await http.get("/livez", headers=headers)

    with Tracing(SimpleSpanProcessor(exporter), proxy=proxy) as tracing:
        talk(conversation, tracing, client=(peer, 4711))
    [span] = spans_of(exporter)
    assert (span.parent is not None) is taken
    assert (f"{span.context.trace_id:032x}" == PARENT[3:35]) is taken
    assert "079185001234" not in span.to_json()


def test_a_trace_that_its_proxy_does_not_sample_is_not_sent(talk, exporter):
    async def conversation(http):
        await http.get("/livez", headers={"traceparent": f"{PARENT[:-1]}0"})

    proxy = ProxySettings(tls=True, trusted=("10.0.0.0/8",))
    with Tracing(SimpleSpanProcessor(exporter), proxy=proxy) as tracing:
        talk(conversation, tracing, client=("10.0.0.7", 4711))
    assert spans_of(exporter) == ()


def test_an_attribute_that_is_not_on_the_list_is_a_defect_and_a_value_of_another_form_withheld(
    tracing, exporter
):
    with tracing.verification() as span:
        with pytest.raises(KeyError):
            put(span, "subject", "x")
        put(span, "ekyc.verdict", "Nguyễn Thị Mẫu")
        put(span, "ekyc.stage", "079185001234")
        put(span, "http.route", "/v1/sessions/Nguyễn")
    [ended] = spans_of(exporter)
    assert set(ended.attributes.values()) == {"-"}


def test_the_environment_adds_nothing(monkeypatch, exporter):
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "host.name=somebodys")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "somebodys")
    with Tracing(SimpleSpanProcessor(exporter)) as tracing, tracing.verification():
        pass
    [span] = spans_of(exporter)
    assert set(span.resource.attributes) == {"service.name", "service.version"}
    assert span.resource.attributes["service.name"] == "ekyc"


class Refusing(SpanExporter):
    """A collector that holds on, and then fails."""

    def __init__(self):
        self.go_on = threading.Event()
        self.asked = threading.Event()

    def export(self, spans):
        self.asked.set()
        assert self.go_on.wait(30)
        raise ConnectionError("079185001234")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_collector_that_hangs_or_fails_holds_nobody_up(talk, caplog):
    refusing = Refusing()
    processor = BatchSpanProcessor(
        refusing, max_queue_size=4, max_export_batch_size=2, schedule_delay_millis=1
    )

    async def conversation(http):
        answers = [(await http.get("/livez")).status_code]
        await asyncio.to_thread(refusing.asked.wait, 30)
        answers += [(await http.get("/livez")).status_code for _ in range(20)]  # five times a queue
        return answers

    with Tracing(processor) as tracing:
        assert talk(conversation, tracing) == [200] * 21
        refusing.go_on.set()


def test_a_request_lasts_no_longer_for_a_processor_that_drops(talk):
    class Drops(SpanProcessor):
        def on_end(self, span):
            del span

    async def conversation(http):
        return (await http.get("/livez")).headers

    with Tracing(Drops()) as tracing:
        headers = talk(conversation, tracing)
    assert "traceparent" not in headers
    assert headers["x-request-id"]


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("https://collector.example.vn", "https://collector.example.vn/v1/traces"),
        ("https://collector.example.vn:4318/", "https://collector.example.vn:4318/v1/traces"),
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("http://[::1]:4318/v1/traces", "http://[::1]:4318/v1/traces"),
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
    ],
)
def test_the_address_of_a_collector(address, url):
    assert collector_url(address) == url


@pytest.mark.parametrize(
    "address",
    [
        "",
        "collector.example.vn",
        "http://collector.example.vn",
        "http://127.0.0.1.example.vn",
        "http://10.0.0.1:4318",
        "https://user:password@collector.example.vn",
        "https://collector.example.vn/?key=1",
        "https://collector.example.vn/#x",
        "https://collector.example.vn/other",
        "https://collector.example.vn:99999",
        "https://[::1",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
    ],
)
def test_no_other_address_is_sent_to(address):
    with pytest.raises(InputError) as caught:
        open_tracing(address)
    assert caught.value.code == "traces.address"
    assert not address or address not in str(caught.value)


def test_no_other_thread_is_counted(storage):
    storage.measure_time()
    with counting_database() as spent:
        thread = threading.Thread(target=storage.ping)
        thread.start()
        thread.join()
        assert spent.statements == 0
        storage.ping()
    seen = spent.statements
    storage.ping()
    assert spent.statements == seen > 0


def test_every_attribute_has_a_form():
    assert all(not fits(object()) for fits in ATTRIBUTES.values())
    assert all(not fits("Nguyễn Thị Mẫu") for fits in ATTRIBUTES.values())
