"""Spans of a worker: which timer ran, which step of a batch's item, which delivery; how it ended, and never of whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ekyc.api.tracing import put

if TYPE_CHECKING:
    from ekyc.api.tracing import Tracing
    from ekyc.flows.webhook_worker import Sender
    from ekyc.storage import DeliveryAttempt, DeliveryClaim
    from ekyc.workflow import Job, Timer


def traced_timer(timer: Timer, tracing: Tracing) -> Timer:
    """The same timer, with a span for each run."""
    sweep = timer.sweep

    def run(at: datetime) -> object:
        with tracing.work(f"timer {timer.name}"):
            return sweep(at)

    return replace(timer, sweep=run)


def traced_job(job: Job, tracing: Tracing) -> Job:
    """The same job, with a span for each step."""

    def traced(name: str, do: Callable[..., None]) -> Callable[..., None]:
        def run(*ids: Any) -> None:
            with tracing.work(f"{job.name} {name}"):
                do(*ids)

        return run

    return replace(
        job, steps=tuple(replace(step, do=traced(step.name, step.do)) for step in job.steps)
    )


class TracedSender:
    """What another sender does, with a span for each attempt: what the receiver answered, not who it is."""

    def __init__(self, sender: Sender, tracing: Tracing) -> None:
        self._sender = sender
        self._tracing = tracing

    def attempt(self, claim: DeliveryClaim) -> DeliveryAttempt:
        with self._tracing.work("delivery") as span:
            attempt = self._sender.attempt(claim)
            put(span, "http.response.status_code", attempt.status)
            put(span, "ekyc.cause", attempt.cause)
        return attempt
