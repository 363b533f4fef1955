"""What a suite is given: the caller's options, and the recorder for metrics, peers and raw observations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure, how many observations it rests on, and its 95 % interval. Rates are fractions, 0 to 1."""

    value: float
    n: int
    low: float
    high: float
    unit: str


class Recorder:
    """Collects the results of one run. What was recorded survives an interruption."""

    def __init__(self, *, seed: int, report: Report = lambda _what, _done, _total: None) -> None:
        self.seed = seed
        self.models: dict[str, str] = {}
        self.metrics: dict[str, Metric] = {}
        self.peers: dict[str, dict[str, Metric]] = {}
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

    def exact(self, name: str, value: float, *, n: int, unit: str) -> None:
        """A count or an extreme: it has no spread of its own."""
        self._put(name, Metric(value=value, n=n, low=value, high=value, unit=unit), None)

    def as_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "models": self.models,
            "metrics": {name: asdict(metric) for name, metric in self.metrics.items()},
            "peers": {
                peer: {name: asdict(metric) for name, metric in metrics.items()}
                for peer, metrics in self.peers.items()
            },
            "raw": self.raw,
        }

    def _put(self, name: str, metric: Metric, peer: str | None) -> None:
        target = self.metrics if peer is None else self.peers.setdefault(peer, {})
        target[name] = metric
