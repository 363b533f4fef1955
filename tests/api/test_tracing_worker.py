"""Traces of a worker: what it did and how that ended. Whatever it was given of a person is in none of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ekyc.api.tracing import ATTRIBUTES, TracedVerifier, Tracing
from ekyc.api.tracing_worker import TracedSender, traced_job, traced_timer
from ekyc.errors import InputError, UpstreamError
from ekyc.flows.guarded_link import GuardedAnswer
from ekyc.flows.webhook_worker import WebhookSender
from ekyc.ports import SystemRandom
from ekyc.storage import DeliveryClaim, EndpointState, Storage, WebhookEndpoint
from ekyc.testing import FixedClock
from ekyc.workflow import Job, Step, Timer

NUMBER, NAME = "079185001234", "nguyen-thi-mau"
PLANTED = (NUMBER, NAME)
CLOCK = FixedClock()
HOUR = timedelta(hours=1)
ENDPOINT = WebhookEndpoint(
    id=NAME,
    tenant=NAME,
    url=f"https://{NAME}.example.vn/{NUMBER}",
    kinds=(),
    state=EndpointState.ENABLED,
    disabled_by=None,
    created_at=CLOCK.now(),
    changed_at=CLOCK.now(),
    failing_since=None,
    paused_until=None,
)


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter):
    with Tracing(SimpleSpanProcessor(exporter)) as opened:
        yield opened


def told(exporter):
    """Names and attributes, once it is sure that nothing else is told and nothing of a person."""
    spans = exporter.get_finished_spans()
    for span in spans:
        assert (span.status.description, span.events, span.links) == (None, (), ())
        assert set(span.attributes) <= set(ATTRIBUTES)
        assert not any(planted in span.to_json() for planted in PLANTED)
    kept = ("ekyc.database.time_ms", "ekyc.database.statements")
    return [
        (span.name, {key: value for key, value in span.attributes.items() if key not in kept})
        for span in spans
    ]


def test_a_timer_says_that_it_ran_and_what_the_database_took(tmp_path, tracing, exporter):
    with Storage.open(tmp_path / "state.sqlite3") as storage:
        storage.measure_time()
        timer = Timer(name="sessions", every=HOUR, sweep=lambda _: storage.ping())
        traced_timer(timer, tracing).sweep(CLOCK.now())
    assert told(exporter) == [("timer sessions", {})]
    [span] = exporter.get_finished_spans()
    assert span.attributes["ekyc.database.statements"] > 0


def test_a_timer_that_fails_says_by_which_code(tracing, exporter):
    def fail(_):
        raise UpstreamError(f"{NUMBER} is away", code="storage.unavailable", subject=NAME)

    timer = traced_timer(Timer(name="retention", every=HOUR, sweep=fail), tracing)
    with pytest.raises(UpstreamError):
        timer.sweep(CLOCK.now())
    assert told(exporter) == [("timer retention", {"ekyc.problem": "storage.unavailable"})]


def test_what_nobody_foresaw_leaves_no_text(tracing, exporter):
    def fail(_):
        raise ValueError(NUMBER)

    timer = traced_timer(Timer(name="clocks", every=HOUR, sweep=fail), tracing)
    with pytest.raises(ValueError, match=NUMBER):
        timer.sweep(CLOCK.now())
    assert told(exporter) == [("timer clocks", {})]


def test_a_verification_of_a_batch_lies_beneath_its_step(tmp_path, tracing, exporter):
    class Reads:
        def verify_folder(self, folder, **_):
            if folder.name == NUMBER:
                raise InputError(NUMBER, code="case.invalid", subject=NAME)
            return {"decision": {"verdict": "review", "blocking": [NAME]}, "reasons": [NUMBER]}

    verifier = TracedVerifier(Reads(), tracing)

    def verify(_tenant, item):
        verifier.verify_folder(tmp_path / item, challenge_id=None)

    job = traced_job(
        Job(name="batch-item", steps=(Step(name="verify", do=verify),), at_once=3), tracing
    )
    [step] = job.steps
    step.do(NAME, "item")
    with pytest.raises(InputError):
        step.do(NAME, NUMBER)
    assert (job.at_once, step.name) == (3, "verify")
    assert told(exporter) == [
        ("verification", {"ekyc.verdict": "review"}),
        ("batch-item verify", {}),
        ("verification", {"ekyc.problem": "case.invalid"}),
        ("batch-item verify", {"ekyc.problem": "case.invalid"}),
    ]
    verification, step_span, *_ = exporter.get_finished_spans()
    assert verification.parent.span_id == step_span.context.span_id
    assert step_span.parent is None


class Queue:
    """Takes what it is told."""

    def succeeded(self, claim, attempt):
        pass

    def failed(self, claim, attempt, failure):
        pass


class Link:
    """Answers as it is told, or fails."""

    def __init__(self, answer):
        self.answer = answer

    def send(self, *_arguments, **_options):
        if isinstance(self.answer, Exception):
            raise self.answer
        return GuardedAnswer(status=self.answer, headers={"x-name": NAME}, body=b"")


@pytest.mark.parametrize(
    ("answer", "attributes"),
    [
        (204, {"http.response.status_code": 204, "ekyc.cause": "delivered"}),
        (503, {"http.response.status_code": 503, "ekyc.cause": "status"}),
        (UpstreamError(NUMBER, code="link.refused", subject=NAME), {"ekyc.cause": "refused"}),
    ],
)
def test_a_delivery_says_what_was_answered_and_not_by_whom(tracing, exporter, answer, attributes):
    sender = TracedSender(
        WebhookSender(Queue(), Link(answer), clock=CLOCK, random=SystemRandom()), tracing
    )
    sender.attempt(
        DeliveryClaim(
            delivery_id=NAME,
            lease=NAME,
            number=1,
            event_id=NAME,
            body=NUMBER.encode(),
            endpoint=ENDPOINT,
            secrets=(),
        )
    )
    assert told(exporter) == [("delivery", attributes)]
