"""Fakes for the Protocols of :mod:`ekyc.ports`, shipped so that users can test against them too.

They are insecure by construction and say so: nothing here may stand behind a real verification.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ekyc.values import FloatArray


class InsecureFakeWarning(UserWarning):
    """A fake was built that must never serve a real verification."""


class FixedClock:
    """A clock that stands still until told to move."""

    def __init__(self, at: datetime = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)) -> None:
        self._now = at

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the hands forward."""
        self._now += by


class SeededRandom:
    """Reproducible bytes: SHA-256 in counter mode over a seed. **Predictable**, and warns of it."""

    def __init__(self, seed: int) -> None:
        warnings.warn(
            "SeededRandom is predictable; use it in tests only", InsecureFakeWarning, stacklevel=2
        )
        self._seed = seed
        self._counter = 0

    def token_bytes(self, count: int) -> bytes:
        blocks: list[bytes] = []
        while sum(map(len, blocks)) < count:
            block = f"{self._seed}:{self._counter}".encode()
            blocks.append(hashlib.sha256(block).digest())
            self._counter += 1
        return b"".join(blocks)[:count]


class StaticModel:
    """A model whose answer is a function of the item; no inference engine behind it."""

    def __init__(
        self, model_id: str, answer: Callable[[FloatArray], tuple[FloatArray, ...]]
    ) -> None:
        self._id = model_id
        self._answer = answer

    @property
    def id(self) -> str:
        return self._id

    def infer(self, item: FloatArray) -> tuple[FloatArray, ...]:
        return self._answer(item)
