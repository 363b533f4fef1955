"""Hashes of frames of earlier sessions, shared by all processes: have these frames been here before?

A hash has 256 bits; two that differ in at most 16 show one picture. Cut into 17 bands, such two agree in one band at
least, for 16 differences cannot touch them all. So each remembered frame is found by 17 marks (HMAC of a band under the
service's key, 63 bits of it), and the few sessions that share marks are opened and compared bit by bit. The hashes
themselves lie sealed. Marks tell which sessions look alike, and nothing of the pictures.

A hash is made from a face: it is kept no longer than replays are worth, and erased with the person; longer under a legal hold
or a restriction, where it tells no replay any more.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, insert, select

from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.sealed.protections import NameKind, is_kept
from ekyc.storage.tables import liveness_frame_marks, liveness_frames

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.service_key import ServiceKey

HASH_BYTES: Final = 32
SAME_PICTURE_BITS: Final = 16
MOST_REMEMBERED: Final = 32
"""Frames of a session that are remembered, evenly spaced."""
MOST_LOOKED_UP: Final = 300
_BANDS: Final = SAME_PICTURE_BITS + 1
_BAND_BITS: Final = 256 // _BANDS
_MOST_SESSIONS: Final = 24
"""Earlier sessions, those that share most marks, whose hashes are compared."""
_MARKS_AT_ONCE: Final = 900
_PURGE_BATCH: Final = 50

_frames, _marks = liveness_frames, liveness_frame_marks


class FrameStore:
    """A :class:`~ekyc.liveness.active.FrameMemory` in the database. Safe across threads and processes."""

    def __init__(
        self,
        engine: Engine,
        *,
        key: ServiceKey,
        retention: timedelta,
        clock: Clock,
        random: Random,
        subject: str,
    ) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._mark_key = key.derive("marks of frames")
        self._sealer = key.sealer("hashes of frames", random)
        self._retention = retention
        self._clock = clock
        self._subject = subject

    def count_known(self, hashes: Sequence[int], *, session_id: bytes) -> int:
        """How many of ``hashes`` are like a remembered frame of **another** session; zeros are like nothing.

        Raises:
            StorageError, BusyError: the database failed.
        """
        asked = evenly([one for one in hashes if one], MOST_LOOKED_UP)
        marks = sorted({mark for one in asked for mark in self._marks_of(one)})
        shared: dict[str, int] = {}
        now = self._clock.now()
        kept: list[int] = []
        with storage_errors(self._subject), self._reading.begin() as connection:
            for some in _in_batches(marks):
                query = (
                    select(_marks.c.session_id, func.count())
                    .join(_frames, _frames.c.session_id == _marks.c.session_id)
                    .where(_marks.c.mark.in_(some), _marks.c.session_id != session_id.hex())
                    .where(_frames.c.expires_at > now)
                    .group_by(_marks.c.session_id)
                )
                for other, count in connection.execute(query):
                    shared[other] = shared.get(other, 0) + count
            likeliest = sorted(shared, key=lambda other: -shared[other])[:_MOST_SESSIONS]
            for row in connection.execute(
                select(_frames.c.session_id, _frames.c.hashes).where(
                    _frames.c.session_id.in_(likeliest), _frames.c.expires_at > now
                )
            ):
                kept += _split(self._sealer.open(bytes(row.hashes), _place(row.session_id)))
        return sum(
            any((one ^ other).bit_count() <= SAME_PICTURE_BITS for other in kept) for one in asked
        )

    def remember(self, hashes: Sequence[int], *, session_id: bytes) -> None:
        """Keep hashes of a session, in place of those kept before.

        Raises:
            StorageError, BusyError: the database failed; then nothing changed.
        """
        name = session_id.hex()
        chosen = evenly([one for one in hashes if one], MOST_REMEMBERED)
        marks = {mark for one in chosen for mark in self._marks_of(one)}
        joined = b"".join(one.to_bytes(HASH_BYTES, "big") for one in chosen)
        now = self._clock.now()
        with storage_errors(self._subject), self._engine.begin() as connection:
            dead = select(_frames.c.session_id).where(
                _frames.c.expires_at <= now, ~is_kept(NameKind.LIVENESS, _frames.c.session_id)
            )
            _erase(connection, connection.execute(dead.limit(_PURGE_BATCH)).scalars().all())
            _erase(connection, [name])
            if not chosen:
                return
            connection.execute(
                insert(_frames).values(
                    session_id=name,
                    expires_at=now + self._retention,
                    hashes=self._sealer.seal(joined, _place(name)),
                )
            )
            connection.execute(
                insert(_marks), [{"mark": mark, "session_id": name} for mark in sorted(marks)]
            )

    def forget(self, session_ids: Iterable[str]) -> None:
        """Erase what is remembered of sessions, given by their ids in hexadecimal."""
        with storage_errors(self._subject), self._engine.begin() as connection:
            _erase(connection, list(session_ids))

    def _marks_of(self, one: int) -> list[int]:
        return [
            int.from_bytes(hmac.digest(self._mark_key, band, "sha256")[:8], "big") >> 1
            for band in _bands(one)
        ]


def evenly(values: Sequence[int], most: int) -> list[int]:
    """At most ``most`` of the values, evenly spaced, first and last among them."""
    if len(values) <= most:
        return list(values)
    return [values[index * (len(values) - 1) // (most - 1)] for index in range(most)]


def _bands(one: int) -> list[bytes]:
    """17 pieces that hold every bit once; the last is one bit longer."""
    pieces: list[bytes] = []
    for index in range(_BANDS):
        shift = index * _BAND_BITS
        last = index == _BANDS - 1
        bits = one >> shift if last else one >> shift & (1 << _BAND_BITS) - 1
        pieces.append(bytes([index]) + bits.to_bytes(4, "big"))
    return pieces


def _split(joined: bytes) -> list[int]:
    return [
        int.from_bytes(joined[at : at + HASH_BYTES], "big")
        for at in range(0, len(joined), HASH_BYTES)
    ]


def _in_batches(marks: Sequence[int]) -> Iterable[Sequence[int]]:
    return (marks[at : at + _MARKS_AT_ONCE] for at in range(0, len(marks), _MARKS_AT_ONCE))


def _erase(connection: Connection, ids: Sequence[str]) -> None:
    if ids:
        connection.execute(delete(_marks).where(_marks.c.session_id.in_(ids)))
        connection.execute(delete(_frames).where(_frames.c.session_id.in_(ids)))


def _place(session_id: str) -> str:
    return f"liveness_frames/{session_id}/hashes"
