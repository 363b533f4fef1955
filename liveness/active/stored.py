"""A session that outlives its process: what was seen in a chunk as bytes, and the session again from what was kept.

A session follows from its secret, its policy, and its accepted chunks with their times of arrival and what was seen in
them. Nothing is looked at twice: :func:`resume_session` asks no observer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ekyc.errors import InputError
from ekyc.liveness.active.envelope import open_chunk
from ekyc.liveness.active.observation import (
    FaceObservation,
    FrameObservation,
    ObservationProblem,
)
from ekyc.liveness.active.session import SeenFrame, Session, receive
from ekyc.values import BoxPx


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptChunk:
    """An accepted chunk."""

    arrived_s: float
    """By the verifier's clock, as it was given to the session."""
    body: bytes = field(repr=False)
    """Sealed, as it came."""
    seen: bytes = field(repr=False)
    """Of :func:`encode_seen`."""


def encode_seen(frames: Iterable[SeenFrame]) -> bytes:
    """What was seen in the frames of a chunk. **Personal data**: keep it sealed."""
    return json.dumps([_as_json(frame.seen) for frame in frames], allow_nan=False).encode()


def decode_seen(data: bytes) -> tuple[FrameObservation, ...]:
    """What :func:`encode_seen` wrote.

    Raises:
        InputError: ``liveness.observations_mismatch``: it was written by something else.
    """
    try:
        return tuple(_observation(entry) for entry in json.loads(data))
    except (ValueError, KeyError, TypeError) as exc:
        raise InputError(
            "what was seen in a chunk cannot be read", code="liveness.observations_mismatch"
        ) from exc


def resume_session(session: Session, chunks: Sequence[KeptChunk]) -> Session:
    """The session after chunks that were accepted before.

    Raises:
        InputError, TrustError: a chunk is not one that this session accepted.
    """
    for kept in chunks:
        chunk = open_chunk(kept.body, session_id=session.id, key=session.key)
        seen = decode_seen(kept.seen)
        if len(seen) != len(chunk.frames):
            raise InputError("one observation a frame", code="liveness.observations_mismatch")
        digests = (hashlib.sha256(frame.payload).hexdigest() for frame in chunk.frames)
        session = receive(session, chunk, list(zip(digests, seen, strict=True)), kept.arrived_s)
    return session


def _as_json(seen: FrameObservation) -> dict[str, Any]:
    return {
        "face": None if seen.face is None else asdict(seen.face),
        "problem": seen.problem,
        "picture_hash": f"{seen.picture_hash:x}",
    }


def _observation(entry: dict[str, Any]) -> FrameObservation:
    face, problem = entry["face"], entry["problem"]
    return FrameObservation(
        face=None if face is None else _face(face),
        problem=None if problem is None else ObservationProblem(problem),
        picture_hash=int(entry["picture_hash"], 16),
    )


def _face(entry: dict[str, Any]) -> FaceObservation:
    embedding = entry.pop("embedding")
    return FaceObservation(
        box=BoxPx(**entry.pop("box")),
        face_bgr=_triple(entry.pop("face_bgr")),
        background_bgr=_triple(entry.pop("background_bgr")),
        embedding=None if embedding is None else tuple(embedding),
        points=tuple((x, y) for x, y in entry.pop("points")),
        **entry,
    )


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    blue, green, red = values
    return blue, green, red
