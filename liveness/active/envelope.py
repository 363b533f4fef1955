"""How frames travel: chunks with a key of the session, each sealed and chained to the one before.

::

    "EKL1"                      4 bytes
    session                    16
    sequence number             4    0, 1, 2 …
    prompt                      2    index of the prompt that the client shows
    digest of the chunk before 32    of the session's id for the first
    number of frames            2    1 … 16
      capture time              8    microseconds since the client began, below ten minutes
      length                    4    1 … 524,288
      picture                   …    a JPEG as the camera's encoder gave it
    seal                       32    HMAC-SHA-256 of all before under the session's key

All numbers are unsigned and big-endian; nothing may follow. The digest of a chunk is the SHA-256 of all its bytes. A
chunk therefore fits one place of one session: it cannot be left out, moved, repeated or taken from another session.

What a seal does not prove: that a camera took the pictures. Whoever controls the client holds the key.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from typing import Final

from ekyc.errors import InputError, LimitError, TrustError

MAGIC: Final = b"EKL1"
ID_BYTES: Final = 16
DIGEST_BYTES: Final = 32
MAX_FRAMES_PER_CHUNK: Final = 16
MAX_FRAME_BYTES: Final = 512 * 1024
MAX_CHUNK_BYTES: Final = 2 * 1024 * 1024
MAX_CAPTURE_US: Final = 600_000_000

_HEAD: Final = struct.Struct(f">4s{ID_BYTES}sIH{DIGEST_BYTES}sH")
_FRAME: Final = struct.Struct(">QI")
_CHAIN_LABEL: Final = b"ekyc active liveness: first chunk of "


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkFrame:
    """One picture on its way."""

    captured_us: int
    """By the client's clock; evidence only where it agrees with the verifier's."""
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Frames that travel together."""

    session_id: bytes = field(repr=False)
    sequence: int
    prompt: int
    previous: bytes = field(repr=False)
    frames: tuple[ChunkFrame, ...]
    digest: bytes = field(repr=False, default=b"")
    """SHA-256 of the sealed chunk; empty before it is sealed."""


def chain_start(session_id: bytes) -> bytes:
    """What the first chunk names as the digest before it."""
    return hashlib.sha256(_CHAIN_LABEL + session_id).digest()


def seal_chunk(chunk: Chunk, key: bytes) -> bytes:
    """The bytes that a client sends.

    Raises:
        InputError, LimitError: a number or a size out of its bounds.
    """
    count = len(chunk.frames)
    try:
        head = _HEAD.pack(
            MAGIC, chunk.session_id, chunk.sequence, chunk.prompt, chunk.previous, count
        )
        frames = [_FRAME.pack(f.captured_us, len(f.payload)) + f.payload for f in chunk.frames]
    except struct.error as exc:
        raise _malformed("a number out of its bounds") from exc
    body = head + b"".join(frames)
    sealed = body + hmac.digest(key, body, "sha256")
    parse_chunk(sealed)
    return sealed


def open_chunk(data: bytes, *, session_id: bytes, key: bytes) -> Chunk:
    """Parse a chunk of a session and verify its seal.

    Raises:
        LimitError: ``liveness.chunk_too_large``, before anything is read.
        InputError: ``liveness.chunk_malformed``.
        TrustError: ``liveness.other_session``, ``liveness.stream_tampered``.
    """
    chunk = parse_chunk(data)
    if not hmac.compare_digest(chunk.session_id, session_id):
        raise TrustError("sealed for another session", code="liveness.other_session")
    seal = hmac.digest(key, data[:-DIGEST_BYTES], "sha256")
    if not hmac.compare_digest(seal, data[-DIGEST_BYTES:]):
        raise TrustError("the seal does not hold", code="liveness.stream_tampered")
    return chunk


def parse_chunk(data: bytes) -> Chunk:
    """Read a chunk without believing it.

    Raises:
        LimitError: ``liveness.chunk_too_large``.
        InputError: ``liveness.chunk_malformed``.
    """
    if len(data) > MAX_CHUNK_BYTES:
        raise LimitError(f"more than {MAX_CHUNK_BYTES} bytes", code="liveness.chunk_too_large")
    if len(data) < _HEAD.size + DIGEST_BYTES:
        raise _malformed("shorter than its head and seal")
    magic, session_id, sequence, prompt, previous, count = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise _malformed("does not begin with EKL1")
    if not 1 <= count <= MAX_FRAMES_PER_CHUNK:
        raise _malformed(f"{count} frames")
    frames, at, end = [], _HEAD.size, len(data) - DIGEST_BYTES
    for _ in range(count):
        frame, at = _read_frame(data, at, end)
        frames.append(frame)
    if at != end:
        raise _malformed("bytes follow the last frame")
    return Chunk(
        session_id=session_id,
        sequence=sequence,
        prompt=prompt,
        previous=previous,
        frames=tuple(frames),
        digest=hashlib.sha256(data).digest(),
    )


def _read_frame(data: bytes, at: int, end: int) -> tuple[ChunkFrame, int]:
    if end - at < _FRAME.size:
        raise _malformed("cut off before a frame")
    captured_us, length = _FRAME.unpack_from(data, at)
    at += _FRAME.size
    if captured_us >= MAX_CAPTURE_US:
        raise _malformed("captured later than ten minutes after the client began")
    if length == 0:
        raise _malformed("a frame without bytes")
    if length > MAX_FRAME_BYTES:
        raise LimitError(
            f"a frame of more than {MAX_FRAME_BYTES} bytes", code="liveness.chunk_too_large"
        )
    if length > end - at:
        raise _malformed("cut off inside a frame")
    return ChunkFrame(captured_us=captured_us, payload=data[at : at + length]), at + length


def _malformed(what: str) -> InputError:
    return InputError(what, code="liveness.chunk_malformed")
