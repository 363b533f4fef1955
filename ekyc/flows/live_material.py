"""Between what the store keeps of a liveness session and the session itself: times, chunks, pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from ekyc.face import DEFAULT_MATCH
from ekyc.liveness.active import (
    KeptChunk,
    PromptKind,
    ReplyKind,
    Session,
    best_frame,
    open_chunk,
)

if TYPE_CHECKING:
    from ekyc.liveness.active.session import SeenFrame
    from ekyc.storage import StoredChunk, StoredSession

_PASSIVE_FRAMES: Final = 12
_OTHER_FRAMES: Final = 4
_LENGTH_BYTES: Final = 4


def kept_chunk(chunk: StoredChunk, stored: StoredSession) -> KeptChunk:
    """A chunk of the store, on the session's clock."""
    return KeptChunk(
        arrived_s=seconds_of(stored, chunk.arrived_at), body=chunk.body, seen=chunk.seen
    )


def pictures_of(
    session: Session, chunks: Sequence[StoredChunk], digests: set[str]
) -> tuple[bytes, ...]:
    """The encoded frames with these digests, in their order."""
    opened = (open_chunk(chunk.body, session_id=session.id, key=session.key) for chunk in chunks)
    return tuple(
        frame.payload
        for chunk in opened
        for frame in chunk.frames
        if hashlib.sha256(frame.payload).hexdigest() in digests
    )


def hashes_of(session: Session) -> list[int]:
    """Hashes of the session's frames; 0 where there is no picture."""
    return [frame.seen.picture_hash for frame in session.frames]


def seconds_of(stored: StoredSession, at: datetime) -> float:
    """Since the session was begun, by the verifier's clock."""
    assert stored.opened_at is not None  # it was begun
    return (at - stored.opened_at).total_seconds()


def instant_of(stored: StoredSession, seconds: float) -> datetime:
    """The moment so many seconds after the session was begun, in whole microseconds."""
    assert stored.opened_at is not None  # it was begun
    return stored.opened_at + timedelta(seconds=seconds)


def straight_frames(session: Session, most: int = _PASSIVE_FRAMES) -> set[str]:
    """Digests of frames for passive detection: the one that is compared with the chip, and others evenly among those that
    look straight and show the same person. Where frames lie is the client's choice: whoever mixes two people must not
    have the living one examined and the pictured one compared.
    """
    compared = best_frame(session)
    if compared is None:
        return set()
    straight = {
        prompt.index for prompt in session.plan.prompts if prompt.kind is PromptKind.LOOK_STRAIGHT
    }
    usable = [
        frame.digest
        for frame in session.frames
        if frame.prompt in straight and frame is not compared and _same_person(frame, compared)
    ]
    evenly = usable[:: max(1, len(usable) // most)][: most - 1]
    return {compared.digest, *evenly}


def _same_person(frame: SeenFrame, compared: SeenFrame) -> bool:
    """Whether a frame has a face that is not told apart from the compared one."""
    one, other = frame.seen.face, compared.seen.face
    if one is None or other is None:
        return False
    if (
        one.embedding is None or other.embedding is None
    ):  # nobody tells people apart; the stream is undecided then
        return one.embedding is other.embedding
    likeness = sum(a * b for a, b in zip(one.embedding, other.embedding, strict=False))
    return likeness >= DEFAULT_MATCH.reject_below


def kept_pictures(session: Session, chunks: Sequence[StoredChunk]) -> tuple[bytes, ...]:
    """What is kept of a session's frames: the best one, then four more; none where not everything was asked."""
    chosen = best_frame(session) if session.ended is ReplyKind.DONE else None
    if chosen is None:
        return ()
    others = straight_frames(session, _OTHER_FRAMES + 1) - {chosen.digest}
    best = pictures_of(session, chunks, {chosen.digest})[0]
    return (best, *dict.fromkeys(pictures_of(session, chunks, others)))


def join_pictures(pictures: Sequence[bytes]) -> bytes | None:
    """Each with its length before it, for the store to seal; None without any."""
    joined = b"".join(len(one).to_bytes(_LENGTH_BYTES, "big") + one for one in pictures)
    return joined or None


def split_pictures(joined: bytes | None) -> tuple[bytes, ...]:
    """What :func:`join_pictures` joined."""
    pictures: list[bytes] = []
    rest = joined or b""
    while rest:
        end = _LENGTH_BYTES + int.from_bytes(rest[:_LENGTH_BYTES], "big")
        pictures.append(rest[_LENGTH_BYTES:end])
        rest = rest[end:]
    return tuple(pictures)
