"""Figures for Prometheus: what was asked, how long it took, what was decided, what waits.

Every label has a bounded set of values, and none comes from a caller: routes are templates of ours, methods a list, statuses
numbers, verdicts an enumeration. Nothing tells of a person, a tenant or a client.
"""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import ekyc
from ekyc.api.readiness import OK, Ask, states_of
from ekyc.logs import METHODS
from ekyc.policy import Verdict
from ekyc.values import NOBODY_IN_PARTICULAR, Owner, Receipt

if TYPE_CHECKING:
    from ekyc.api.admission import Admission
    from ekyc.api.batches.quota import CaseQuota
    from ekyc.api.ports import CaseVerifier
    from ekyc.flows import LiveUse

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_MOST_SERIES: Final = 5000
"""Of one metric; there are some hundred routes with a few statuses each. More is a defect, and not counted."""
Labels = tuple[str, ...]

disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped there; drops a second series for each


class BoundedSeries:
    """The combinations of labels of one metric, up to :data:`_MOST_SERIES`. Safe across threads."""

    def __init__(self) -> None:
        self._seen: set[Labels] = set()
        self._lock = threading.Lock()

    def admits(self, values: Labels) -> bool:
        """Whether these were seen before, or there is room for them."""
        with self._lock:
            if values not in self._seen and len(self._seen) >= _MOST_SERIES:
                return False
            self._seen.add(values)
            return True


class Asked(Collector):
    """A figure that is asked for when the figures are: what is so at that moment.

    Args:
        name: of the metric; one that ends in ``_total`` only ever rises.
        about: a sentence.
        labels: their names.
        ask: gives the value of each combination of labels.
    """

    def __init__(
        self, name: str, about: str, labels: Labels, ask: Callable[[], Mapping[Labels, float]]
    ) -> None:
        self._name, self._about, self._labels, self._ask = name, about, labels, ask

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily if self._name.endswith("_total") else GaugeMetricFamily
        metric = family(self._name, self._about, labels=self._labels)
        for values, value in sorted(self._ask().items()):
            metric.add_metric(values, value)
        yield metric

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not ask."""
        return iter(())


class ServiceMetrics:
    """The figures of one process. Safe across threads."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "ekyc_requests_total",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._durations = Histogram(
            "ekyc_request_seconds",
            "From the head of a request to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._verifications = Counter(
            "ekyc_verifications_total",
            "Verifications by verdict; failed: none was reached.",
            ("verdict",),
            registry=self._registry,
        )
        self._verifying = Histogram(
            "ekyc_verification_seconds",
            "Verifying, without waiting.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        build = Info("ekyc_build", "What runs.", registry=self._registry)
        build.info({"version": ekyc.__version__, "python": platform.python_version()})
        self._answered, self._timed = BoundedSeries(), BoundedSeries()

    def add(self, *figures: Collector) -> None:
        """Expose further figures."""
        for figure in figures:
            self._registry.register(figure)

    def answered(self, method: str, route: str, status: int | None, seconds: float) -> None:
        """A request has ended; ``status`` is ``None`` where the caller was gone before."""
        labels = (method if method in METHODS else "OTHER", route, str(status or 0))
        if self._answered.admits(labels):
            self._requests.labels(*labels).inc()
        if self._timed.admits((route,)):
            self._durations.labels(route).observe(seconds)

    def verified(self, verdict: object, seconds: float) -> None:
        """A verification has ended."""
        self._verifications.labels(verdict if isinstance(verdict, Verdict) else "failed").inc()
        self._verifying.observe(seconds)

    def render(self) -> bytes:
        """Everything, as Prometheus reads it (:data:`CONTENT_TYPE`)."""
        return generate_latest(self._registry)


class CountingVerifier:
    """A :class:`~ekyc.api.ports.CaseVerifier` that counts what another one decides."""

    def __init__(self, verifier: CaseVerifier, metrics: ServiceMetrics) -> None:
        self._verifier = verifier
        self._metrics = metrics

    def verify_folder(
        self,
        folder: Path,
        *,
        challenge_id: str | None,
        live: LiveUse | None = None,
        owner: Owner = NOBODY_IN_PARTICULAR,
        receipt: Receipt | None = None,
    ) -> Mapping[str, Any]:
        began = time.monotonic()
        verdict: Verdict | None = None
        try:
            result = self._verifier.verify_folder(
                folder, challenge_id=challenge_id, live=live, owner=owner, receipt=receipt
            )
            verdict = _verdict_of(result)
        finally:
            self._metrics.verified(verdict, time.monotonic() - began)
        return result

    def require_ready(self) -> None:
        self._verifier.require_ready()


def expose_admission(metrics: ServiceMetrics, queues: Mapping[str, Admission]) -> None:
    """Add how much work runs and waits in each queue, and how much was turned away."""
    metrics.add(
        Asked(
            "ekyc_admission_taken",
            "Work that runs or waits.",
            ("queue",),
            lambda: {(name,): float(queue.taken) for name, queue in queues.items()},
        ),
        Asked(
            "ekyc_admission_turned_away_total",
            "Work for which there was no room.",
            ("queue",),
            lambda: {(name,): float(queue.turned_away) for name, queue in queues.items()},
        ),
    )


def expose_case_quota(metrics: ServiceMetrics, quota: CaseQuota) -> None:
    """Add how often a tenant had too many uploaded cases open for another."""
    metrics.add(
        Asked(
            "ekyc_case_quota_turned_away_total",
            "Uploads for batches that were refused since too much of their tenant lay open.",
            (),
            lambda: {(): float(quota.turned_away)},
        )
    )


def expose_readiness(metrics: ServiceMetrics, parts: Mapping[str, Ask]) -> None:
    """Add whether each part of the service is ready: 1, or 0."""
    metrics.add(
        Asked(
            "ekyc_ready",
            "Whether a part that the service needs is there, as of /readyz.",
            ("part",),
            lambda: {(name,): float(state == OK) for name, state in states_of(parts).items()},
        )
    )


def _verdict_of(result: Mapping[str, Any]) -> Verdict | None:
    decision = result.get("decision")
    told = decision.get("verdict") if isinstance(decision, Mapping) else None
    return Verdict(told) if told in set(Verdict) else None
