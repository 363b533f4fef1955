"""What was said to a chip and what it answered, in order, each entry chained to the one before it by its hash.

An entry's digest is SHA-256 over the digest before it, the direction, the time in microseconds and the octets. Whoever
keeps only the last digest can tell later whether one entry was changed, left out, put in or moved.

A chain shows that nothing was touched *after* its last digest was given away. It does not show who wrote it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any, Final, TypeVar

from ekyc.chip.apdu import CommandApdu, ResponseApdu
from ekyc.errors import ChipError, InputError, TrustError

_FORMAT: Final = b"ekyc-chip-transcript-1\x00"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DIGEST_BYTES: Final = 32

Exchange = tuple[CommandApdu, ResponseApdu]
_Apdu = TypeVar("_Apdu", CommandApdu, ResponseApdu)


class Direction(StrEnum):
    """Which way an entry went."""

    TO_CHIP = "to-chip"
    FROM_CHIP = "from-chip"


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptEntry:
    """One APDU on its way. ``repr`` shows no octets."""

    direction: Direction
    octets: bytes = field(repr=False)
    at: datetime
    """Aware; when it was handed to the link, or came from it."""
    digest: bytes = field(repr=False)
    """SHA-256 over this entry and the digest before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The chained entries of one session."""

    session_id: str
    """What the chain begins with: entries of one session cannot stand in another."""
    entries: tuple[TranscriptEntry, ...] = ()

    @property
    def digest(self) -> bytes:
        """Digest of the last entry: the one to keep, to log or to have timestamped."""
        return self.entries[-1].digest if self.entries else _first_digest(self.session_id)

    def verify(self) -> None:
        """Return if every digest follows from the one before it.

        Raises:
            TrustError: ``chip.transcript_altered``, with the number of the first entry that does not.
        """
        digest = _first_digest(self.session_id)
        for number, entry in enumerate(self.entries):
            digest = _chained(digest, entry.direction, entry.octets, entry.at).digest
            if not hmac.compare_digest(digest, entry.digest):
                raise TrustError(
                    "an entry does not follow from the one before it",
                    code="chip.transcript_altered",
                    subject=f"entry {number}",
                )

    def exchanges(self) -> tuple[Exchange, ...]:
        """Commands with their answers. Commands behind one that failed were never put to the chip.

        Raises:
            TrustError: ``chip.transcript_incoherent``: answers that no command asked for, or too few.
        """
        return tuple(self._paired())

    def _paired(self) -> Iterator[Exchange]:
        commands: list[CommandApdu] = []
        for direction, group in groupby(self.entries, key=lambda entry: entry.direction):
            octets = [entry.octets for entry in group]
            if direction is Direction.TO_CHIP:
                commands = [_parsed(CommandApdu, item) for item in octets]
                continue
            answers = [_parsed(ResponseApdu, item) for item in octets]
            stopped_short = len(answers) < len(commands) and answers[-1].ok
            if len(answers) > len(commands) or stopped_short:
                raise _incoherent()
            yield from zip(commands, answers, strict=False)
            commands = []

    def as_json(self) -> dict[str, Any]:
        """Session and entries: direction, microseconds since 1970, octets, digest. **Keys and personal data.**"""
        return {
            "session": self.session_id,
            "entries": [
                [
                    entry.direction.value,
                    _microseconds(entry.at),
                    entry.octets.hex(),
                    entry.digest.hex(),
                ]
                for entry in self.entries
            ],
        }

    @classmethod
    def from_json(cls, content: Any) -> Transcript:
        """The counterpart of :meth:`as_json`. Nothing is verified yet.

        Raises:
            ValueError, LookupError, TypeError, AttributeError, OverflowError: it has another form; the reader of the
                record says so in its own words.
        """
        return cls(
            session_id=str(content["session"]),
            entries=tuple(
                TranscriptEntry(
                    direction=Direction(direction),
                    octets=bytes.fromhex(octets),
                    at=_EPOCH + int(at) * _MICROSECOND,
                    digest=_digest(digest),
                )
                for direction, at, octets, digest in content["entries"]
            ),
        )


class TranscriptWriter:
    """Writes one transcript, entry by entry."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._entries: list[TranscriptEntry] = []
        self._digest = _first_digest(session_id)

    def add(self, direction: Direction, octets: bytes, at: datetime) -> None:
        """Write one entry."""
        self._entries.append(_chained(self._digest, direction, octets, at))
        self._digest = self._entries[-1].digest

    def finish(self) -> Transcript:
        """What was written so far."""
        return Transcript(session_id=self._session_id, entries=tuple(self._entries))


def _first_digest(session_id: str) -> bytes:
    return hashlib.sha256(_FORMAT + session_id.encode()).digest()


def _chained(before: bytes, direction: Direction, octets: bytes, at: datetime) -> TranscriptEntry:
    head = before + direction.value.encode() + b"\x00" + str(_microseconds(at)).encode() + b"\x00"
    digest = hashlib.sha256(head + octets).digest()
    return TranscriptEntry(direction=direction, octets=octets, at=at, digest=digest)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _digest(encoded: str) -> bytes:
    digest = bytes.fromhex(encoded)
    if len(digest) != _DIGEST_BYTES:
        raise ValueError("a digest has 32 octets")
    return digest


def _parsed(kind: type[_Apdu], octets: bytes) -> _Apdu:
    try:
        return kind.parse(octets)
    except (ChipError, InputError) as exc:
        raise _incoherent() from exc


def _incoherent() -> TrustError:
    return TrustError(
        "answers and commands of a transcript do not fit", code="chip.transcript_incoherent"
    )
