"""Were these frames seen before? A hash that survives compression, and a store that remembers it for a while.

A hash tells little, but it is made from a face: keep it no longer than replays are worth, and erase it with the
person.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ekyc.errors import InputError
from ekyc.imaging import resize, to_gray
from ekyc.liveness.active.observation import HASH_BITS

if TYPE_CHECKING:
    from ekyc.values import BgrImage

SAME_PICTURE_BITS: Final = 16
"""Two hashes of 256 bits that differ in no more show one picture. Tried on generated noise only, not on video."""
_SIDE_PX: Final = 64
_WAVES: Final = 16


class FrameMemory(Protocol):
    """Hashes of frames of earlier sessions. Shared by all processes of a service, erased after a while."""

    def count_known(self, hashes: Sequence[int], *, session_id: bytes) -> int:
        """How many of ``hashes`` lie within :data:`SAME_PICTURE_BITS` of a frame of **another** session.

        Zeros stand for frames without a picture and are like nothing.
        """
        ...

    def remember(self, hashes: Sequence[int], *, session_id: bytes) -> None:
        """Keep the hashes of a session, whatever became of it."""
        ...


class RecentFrames:
    """A memory of this process alone: the last sessions, oldest forgotten first. Not safe across processes."""

    def __init__(self, most_sessions: int = 1000) -> None:
        if most_sessions < 1:
            raise InputError("remember at least one session", subject="most_sessions")
        self._most = most_sessions
        self._kept: OrderedDict[bytes, NDArray[np.uint64]] = OrderedDict()

    def count_known(self, hashes: Sequence[int], *, session_id: bytes) -> int:
        others = [kept for known, kept in self._kept.items() if known != session_id]
        if not others:
            return 0
        known = np.concatenate(others)
        return sum(
            bool((np.bitwise_count(known ^ one).sum(axis=1) <= SAME_PICTURE_BITS).any())
            for one in _words(hashes)
        )

    def remember(self, hashes: Sequence[int], *, session_id: bytes) -> None:
        self._kept[session_id] = _words(hashes)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


def picture_hash(image: BgrImage) -> int:
    """256 bits of a picture: which of its coarse waves are stronger than their median.

    The picture is shrunk to 64 × 64 grey pixels and transformed (DCT-II); 16 × 16 long waves count, none of them
    constant along a side. Compression and scaling move few of them, another moment of the same scene many.

    Args:
        image: uint8, shape (height, width, 3), blue-green-red.
    """
    gray = to_gray(resize(image, _SIDE_PX, _SIDE_PX)).astype(np.float64)
    waves = (_COSINES @ gray @ _COSINES.T).ravel()
    bits = waves > np.median(waves)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def mirrored_hash(picture: int) -> int:
    """The hash that the mirrored picture has, a few bits aside: every second wave along a row changes its sign."""
    return picture ^ _ODD_WAVES if picture else 0


def count_replayed(memory: FrameMemory, hashes: Sequence[int], *, session_id: bytes) -> int:
    """How many frames are known from another session, as they are or mirrored, whichever are more."""
    mirrored = [mirrored_hash(one) for one in hashes]
    return max(
        memory.count_known(hashes, session_id=session_id),
        memory.count_known(mirrored, session_id=session_id),
    )


def _words(hashes: Sequence[int]) -> NDArray[np.uint64]:
    """Shape (hashes of pictures, 4)."""
    raw = b"".join(one.to_bytes(HASH_BITS // 8, "big") for one in hashes if one)
    return np.frombuffer(raw, dtype=">u8").astype(np.uint64).reshape(-1, HASH_BITS // 64)


def _cosines() -> NDArray[np.float64]:
    wave = np.arange(1, _WAVES + 1)[:, None]
    place = np.arange(_SIDE_PX)[None, :] + 0.5
    return np.asarray(np.cos(np.pi * wave * place / _SIDE_PX))


_COSINES: Final = _cosines()
_ODD_WAVES: Final = int.from_bytes(bytes([0b10101010]) * (HASH_BITS // 8), "big")
"""Bits of the waves that are odd along a row; a row of waves begins with the first, which is odd."""
