"""Figures for Prometheus (text format 0.0.4): what was asked, how long it took, what was decided, what waits.

Every label has a bounded set of values, and none comes from a caller: routes are templates of ours, methods a list, statuses
numbers, verdicts an enumeration. Nothing tells of a person, a tenant or a client.
"""

from __future__ import annotations

import platform
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import ekyc
from ekyc.api.logs import METHODS
from ekyc.api.readiness import OK, Ask, states_of
from ekyc.policy import Verdict

if TYPE_CHECKING:
    from ekyc.api.admission import Admission
    from ekyc.api.ports import CaseVerifier
    from ekyc.flows import LiveUse

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_MOST_SERIES: Final = 5000
"""Of one metric; there are some hundred routes with a few statuses each. More is a defect, and not counted."""
Labels = tuple[str, ...]


class Counter:
    """A sum for each combination of labels."""

    kind = "counter"

    def __init__(self, name: str, about: str, labels: Labels = ()) -> None:
        self.name, self.about, self.labels = name, about, labels
        self._sums: dict[Labels, float] = {}
        self._lock = threading.Lock()

    def add(self, *values: str, amount: float = 1.0) -> None:
        """Add to the sum of these labels."""
        with self._lock:
            if values in self._sums or len(self._sums) < _MOST_SERIES:
                self._sums[values] = self._sums.get(values, 0.0) + amount

    def lines(self) -> Iterator[str]:
        """The samples."""
        with self._lock:
            sums = sorted(self._sums.items())
        for values, total in sums:
            yield f"{self.name}{_labelled(self.labels, values)} {_number(total)}"


class Histogram:
    """Durations in seconds for each combination of labels."""

    kind = "histogram"

    def __init__(self, name: str, about: str, labels: Labels = ()) -> None:
        self.name, self.about, self.labels = name, about, labels
        self._seen: dict[Labels, tuple[list[int], float]] = {}
        self._lock = threading.Lock()

    def observe(self, seconds: float, *values: str) -> None:
        """Count one duration."""
        with self._lock:
            if values not in self._seen and len(self._seen) >= _MOST_SERIES:
                return
            counts, total = self._seen.get(values, ([0] * (len(_SECONDS) + 1), 0.0))
            counts[bisect_left(_SECONDS, seconds)] += 1
            self._seen[values] = (counts, total + seconds)

    def lines(self) -> Iterator[str]:
        """The samples, buckets cumulative."""
        with self._lock:
            seen = sorted(
                (values, list(counts), total) for values, (counts, total) in self._seen.items()
            )
        for values, counts, total in seen:
            below = 0
            for bound, count in zip((*map(str, _SECONDS), "+Inf"), counts, strict=True):
                below += count
                labels = _labelled((*self.labels, "le"), (*values, bound))
                yield f"{self.name}_bucket{labels} {below}"
            labels = _labelled(self.labels, values)
            yield f"{self.name}_sum{labels} {_number(total)}"
            yield f"{self.name}_count{labels} {below}"


class Gauge:
    """What is so at the moment of asking."""

    def __init__(
        self,
        name: str,
        about: str,
        labels: Labels,
        ask: Callable[[], Mapping[Labels, float]],
        *,
        kind: str = "gauge",
    ) -> None:
        self.name, self.about, self.labels, self._ask, self.kind = name, about, labels, ask, kind

    def lines(self) -> Iterator[str]:
        """The samples."""
        for values, value in sorted(self._ask().items()):
            yield f"{self.name}{_labelled(self.labels, values)} {_number(value)}"


class ServiceMetrics:
    """The figures of one process. Safe across threads."""

    def __init__(self) -> None:
        self._requests = Counter(
            "ekyc_requests_total", "Requests answered.", ("method", "route", "status")
        )
        self._durations = Histogram(
            "ekyc_request_seconds",
            "From the head of a request to the end of its answer.",
            ("route",),
        )
        self._verifications = Counter(
            "ekyc_verifications_total",
            "Verifications by verdict; failed: none was reached.",
            ("verdict",),
        )
        self._verifying = Histogram("ekyc_verification_seconds", "Verifying, without waiting.")
        build: dict[Labels, float] = {(ekyc.__version__, platform.python_version()): 1.0}
        self._metrics: list[Counter | Histogram | Gauge] = [
            *(self._requests, self._durations, self._verifications, self._verifying),
            Gauge("ekyc_build_info", "What runs.", ("version", "python"), lambda: build),
        ]

    def add(self, *metrics: Counter | Gauge) -> None:
        """Expose further figures."""
        self._metrics += metrics

    def answered(self, method: str, route: str, status: int | None, seconds: float) -> None:
        """A request has ended; ``status`` is ``None`` where the caller was gone before."""
        named = method if method in METHODS else "OTHER"
        self._requests.add(named, route, str(status or 0))
        self._durations.observe(seconds, route)

    def verified(self, verdict: object, seconds: float) -> None:
        """A verification has ended."""
        self._verifications.add(verdict if isinstance(verdict, Verdict) else "failed")
        self._verifying.observe(seconds)

    def render(self) -> str:
        """Everything, as Prometheus reads it."""
        return "".join(f"{line}\n" for metric in self._metrics for line in _exposed(metric))


class CountingVerifier:
    """A :class:`~ekyc.api.ports.CaseVerifier` that counts what another one decides."""

    def __init__(self, verifier: CaseVerifier, metrics: ServiceMetrics) -> None:
        self._verifier = verifier
        self._metrics = metrics

    def verify_folder(
        self, folder: Path, *, challenge_id: str | None, live: LiveUse | None = None
    ) -> Mapping[str, Any]:
        began = time.monotonic()
        verdict: Verdict | None = None
        try:
            result = self._verifier.verify_folder(folder, challenge_id=challenge_id, live=live)
            verdict = _verdict_of(result)
        finally:
            self._metrics.verified(verdict, time.monotonic() - began)
        return result

    def require_ready(self) -> None:
        self._verifier.require_ready()


def expose_admission(metrics: ServiceMetrics, queues: Mapping[str, Admission]) -> None:
    """Add how much work runs and waits in each queue, and how much was turned away."""
    metrics.add(
        Gauge(
            "ekyc_admission_taken",
            "Work that runs or waits.",
            ("queue",),
            lambda: {(name,): float(queue.taken) for name, queue in queues.items()},
        ),
        Gauge(
            "ekyc_admission_turned_away_total",
            "Work for which there was no room.",
            ("queue",),
            lambda: {(name,): float(queue.turned_away) for name, queue in queues.items()},
            kind="counter",
        ),
    )


def expose_readiness(metrics: ServiceMetrics, parts: Mapping[str, Ask]) -> None:
    """Add whether each part of the service is ready: 1, or 0."""
    metrics.add(
        Gauge(
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


def _exposed(metric: Counter | Histogram | Gauge) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.about}"
    yield f"# TYPE {metric.name} {metric.kind}"
    yield from metric.lines()


def _labelled(names: Iterable[str], values: Iterable[str]) -> str:
    pairs = ",".join(
        f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)
    )
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
