"""What our code consumes from outside, as Protocols: time, randomness, cards, models.

Product code takes these as parameters, so that recorded sessions replay bit for bit and tests need no mock.
Fakes ship in :mod:`ekyc.testing`.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ekyc.values import FloatArray


class Clock(Protocol):
    """Wall-clock time."""

    def now(self) -> datetime:
        """Current time, aware, UTC."""
        ...


class Random(Protocol):
    """Cryptographic randomness."""

    def token_bytes(self, count: int) -> bytes:
        """``count`` unpredictable bytes."""
        ...


class Transceiver(Protocol):
    """A card within reach: PC/SC reader, relay, recorded session, simulated card."""

    @property
    def max_command_bytes(self) -> int:
        """Longest encoded command that the link carries."""
        ...

    @property
    def extended_length(self) -> bool:
        """Whether the link carries commands in extended length. Whether the card does, is another question."""
        ...

    def transceive(self, command: bytes) -> bytes:
        """Send one command APDU and return the response APDU with its status word.

        Raises:
            UpstreamError: the card was removed, or did not answer in time.
        """
        ...


class Model(Protocol):
    """One inference model. Safe to call from many threads; batching happens behind it."""

    @property
    def id(self) -> str:
        """Identifier in the model registry."""
        ...

    def infer(self, item: FloatArray) -> tuple[FloatArray, ...]:
        """Run the model on one item.

        Args:
            item: float32 array **without** batch axis, shaped and normalised as the registry entry says.

        Returns:
            One array per graph output, each without the batch axis. The result never depends on what else
            shared the batch.

        Raises:
            ModelError: shape or dtype contradicts the registry.
            BusyError: the queue is full or the deadline passed.
        """
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SystemRandom:
    """The operating system's generator."""

    def token_bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)
