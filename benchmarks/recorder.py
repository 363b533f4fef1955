"""What a suite is given: the caller's options, and the recorder for metrics, peers and raw observations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ekyc.benchmarks.statistics import bootstrap
from ekyc.intervals import clopper_pearson

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ekyc.inference import RegistryEntry

Report = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the caller chose."""

    data: Path | None = None
    seed: int = 20261122
    quick: bool = False
    """Fewer repetitions: shows that the suite works, gives no figure to quote."""
    pages: int | None = None
    """How many papers a suite that draws its own draws; None for the suite's own size."""
    database: str | None = None
    """Address of an empty PostgreSQL database, or ``postgresql`` for a cluster of our own, for suites that store."""
    peers: bool = False
    """Measure other engines on the same material in the same run, where they are installed (``make bench-peers``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure, how many observations it rests on, and its 95 % interval. Rates are fractions, 0 to 1."""

    value: float
    n: int
    low: float
    high: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a metric must reach."""

    bound: float
    sense: Literal["at_most", "at_least"]

    def met_by(self, value: float) -> bool:
        return value <= self.bound if self.sense == "at_most" else value >= self.bound


class Recorder:
    """Collects the results of one run. What was recorded survives an interruption."""

    def __init__(self, *, seed: int, report: Report = lambda _what, _done, _total: None) -> None:
        self.seed = seed
        self.models: dict[str, str] = {}
        self.metrics: dict[str, Metric] = {}
        self.peers: dict[str, dict[str, Metric]] = {}
        self.targets: dict[str, Target] = {}
        self.raw: list[dict[str, Any]] = []
        self.progress = report

    def uses(self, entry: RegistryEntry) -> None:
        """A model that the figures depend on, by the hash of its published file."""
        self.models[entry.id] = entry.sha256

    def observe(self, **observation: Any) -> None:
        """One raw observation: plain JSON values."""
        self.raw.append(observation)

    def rate(self, name: str, successes: int, trials: int, *, peer: str | None = None) -> None:
        """A fraction with its Clopper-Pearson interval."""
        low, high = clopper_pearson(successes, trials)
        value = successes / trials
        self._put(name, Metric(value=value, n=trials, low=low, high=high, unit="fraction"), peer)

    def samples(
        self,
        name: str,
        values: Sequence[float],
        *,
        unit: str,
        statistic: Callable[..., NDArray[np.float64]] = np.median,
        peer: str | None = None,
    ) -> None:
        """The median (or another statistic) of measured values with its bootstrap interval."""
        value, low, high = bootstrap(values, statistic, seed=self.seed)
        self._put(name, Metric(value=value, n=len(values), low=low, high=high, unit=unit), peer)

    def exact(self, name: str, value: float, *, n: int, unit: str, peer: str | None = None) -> None:
        """A count or an extreme: it has no spread of its own."""
        self._put(name, Metric(value=value, n=n, low=value, high=value, unit=unit), peer)

    def must(
        self, name: str, *, at_most: float | None = None, at_least: float | None = None
    ) -> None:
        """What our own metric of this name has to reach; the result says whether it does. Give one bound."""
        if at_most is not None:
            self.targets[name] = Target(bound=at_most, sense="at_most")
        elif at_least is not None:
            self.targets[name] = Target(bound=at_least, sense="at_least")

    def as_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "models": self.models,
            "metrics": {name: asdict(metric) for name, metric in self.metrics.items()},
            "peers": {
                peer: {name: asdict(metric) for name, metric in metrics.items()}
                for peer, metrics in self.peers.items()
            },
            "targets": {
                name: {**asdict(target), "met": target.met_by(self.metrics[name].value)}
                for name, target in self.targets.items()
                if name in self.metrics
            },
            "raw": self.raw,
        }

    def _put(self, name: str, metric: Metric, peer: str | None) -> None:
        target = self.metrics if peer is None else self.peers.setdefault(peer, {})
        target[name] = metric
