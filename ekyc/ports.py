"""What our code consumes from outside, as Protocols: time, randomness, cards, models, keys of keys, blobs.

Product code takes these as parameters, so that recorded sessions replay bit for bit and tests need no mock.
Fakes ship in :mod:`ekyc.testing`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A key as it is stored: encrypted, and which key it takes to open it."""

    version: int
    """Of the tenant's key-encryption key, from 1."""
    wrapped: bytes = field(repr=False)


class KeyProvider(Protocol):
    """Key-encryption keys of tenants, which never leave it: a folder, a token (PKCS#11), a key-management service.

    A key has versions. The newest wraps, every one that was not destroyed unwraps.
    """

    def versions(self, tenant: str) -> tuple[int, ...]:
        """The versions that there are, rising. Asked anew each time: another process may have made one."""
        ...

    def make_version(self, tenant: str) -> int:
        """Make the next version, lastingly, and return it. Callers take turns, by a lock of the database."""
        ...

    def wrap(self, tenant: str, key: bytes, *, context: bytes) -> WrappedKey:
        """Encrypt a key of 32 bytes under the newest version.

        Args:
            tenant: whose key-encryption key is used.
            key: 32 bytes.
            context: what the key is for; authenticated, not stored.

        Raises:
            EkycError: there is no version, or the provider failed; retryable if another attempt may do.
        """
        ...

    def unwrap(self, tenant: str, wrapped: WrappedKey, *, context: bytes) -> bytes:
        """The key.

        Raises:
            EkycError: altered, of another tenant or context, of a version that was destroyed, or the provider failed.
        """
        ...

    def destroy(self, tenant: str, version: int) -> None:
        """Destroy a version for good; one that is gone already is no error."""
        ...


class BlobStore(Protocol):
    """Immutable byte strings under random names. It sees ciphertext only."""

    def put(self, chunks: Iterable[bytes]) -> str:
        """Store and return the name: 32 lower-case hexadecimal digits. It is lasting, whole, before this returns."""
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """The bytes, in pieces.

        Raises:
            EkycError: ``blob.unknown``; the store failed.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove for good; a name that is gone already is no error."""
        ...

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Every name there is with the time it was stored, in no order."""
        ...

    def sweep_unfinished(self, before: datetime) -> int:
        """Remove what writers that died left before a moment; how much that was."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SystemRandom:
    """The operating system's generator."""

    def token_bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)
