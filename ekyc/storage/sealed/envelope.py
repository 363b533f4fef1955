"""What lies encrypted: the format, byte by byte, and nothing else. No key is kept here and nothing is stored.

Three keys, each wrapped by the next: a random *data key* for every value, the *subject key* of the person it is about,
and the *key-encryption key* of the tenant (:class:`ekyc.ports.KeyProvider`). Destroy the subject key and whatever was
sealed under it is noise, in every copy.

::

    offset  bytes
         0      4  45 4B 59 43 ("EKYC")
         4      1  version of this format: 01
         5      1  algorithm: 01, AES-256-GCM in STREAM construction
         6      1  size of a segment as a power of two: 10 (65,536 bytes) to 14 (1,048,576 bytes)
         7      1  00
         8     12  nonce of the wrapped data key
        20     48  the data key, AES-256-GCM under the subject key (32 bytes and the tag of 16)
        68      7  prefix of the segments' nonces
        75      …  segments: each of the full size and a tag of 16 bytes; the last one is of 0 bytes to the full size

The nonce of a segment is the prefix, its number in four bytes, the first being 0, and 01 for the last, else 00
(STREAM: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance",
CRYPTO 2015, §7). So segments cannot be exchanged, left out, repeated or cut off. No nonce serves twice: the data key is
fresh for every value and the number counts; the wrap's nonce is 96 random bits, under a key that wraps some hundreds
of data keys.

Associated data, of the wrap and of every segment: bytes 0 to 7, then the place, which is
``tenant|subject|kind|id|version`` in ASCII; a name holds no ``|``. A value that is moved to another person, kind, id or
version does not open, nor one whose header says another format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ekyc.errors import InputError, LimitError
from ekyc.storage.errors import StorageError

if TYPE_CHECKING:
    from ekyc.ports import Random

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
HEADER_BYTES: Final = 75
SEGMENT_BITS: Final = 16
MAX_BYTES: Final = 1 << 30
"""Longest value: 1 GiB. A video of a session has some tens of MB."""

_MAGIC: Final = b"EKYC"
_FORMAT, _ALGORITHM = 1, 1
_SEGMENT_BITS_ALLOWED: Final = range(10, 21)
_PREFIX_BYTES: Final = 7
_FIXED_BYTES: Final = 8
_WRAPPED_BYTES: Final = KEY_BYTES + TAG_BYTES
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_MAX_VERSION: Final = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a sealed value belongs; it opens nowhere else."""

    tenant: str
    subject: str
    """Id of the person, a pseudonym."""
    kind: str
    """What it is: ``card-front``, ``portrait`` …; or table and column."""
    id: str
    version: int = 1
    """Of the value, for whatever is replaced: an older one then does not pass for the present one."""

    def __post_init__(self) -> None:
        """
        Raises:
            InputError: a name has other characters than letters, digits, ``.``, ``_``, ``-``, or more than 64.
        """
        for name in ("tenant", "subject", "kind", "id"):
            if not _NAME.match(getattr(self, name)):
                raise InputError("not a name that a sealed value can have", subject=name)
        if not 1 <= self.version <= _MAX_VERSION:
            raise InputError("a version counts from 1", subject="version")

    def encode(self) -> bytes:
        """``tenant|subject|kind|id|version``."""
        return f"{self.tenant}|{self.subject}|{self.kind}|{self.id}|{self.version}".encode("ascii")


def seal_stream(
    chunks: Iterable[bytes],
    *,
    subject_key: bytes,
    place: Place,
    random: Random,
    segment_bits: int = SEGMENT_BITS,
    max_bytes: int = MAX_BYTES,
) -> Iterator[bytes]:
    """Seal a value that arrives in pieces; header and segments, never more than one segment in memory.

    Args:
        chunks: the value, in pieces of any length.
        subject_key: 32 bytes.
        place: where it belongs.
        random: source of the data key and the nonces.
        segment_bits: size of a segment as a power of two, 10 to 20.
        max_bytes: longest value.

    Raises:
        LimitError: ``storage.too_large``.
        InputError: the segment size is out of bounds.
    """
    if segment_bits not in _SEGMENT_BITS_ALLOWED:
        raise InputError("a segment has 2^10 to 2^20 bytes", subject="segment_bits")
    fixed = _MAGIC + bytes((_FORMAT, _ALGORITHM, segment_bits, 0))
    data_key, nonce = random.token_bytes(KEY_BYTES), random.token_bytes(NONCE_BYTES)
    prefix = random.token_bytes(_PREFIX_BYTES)
    known = fixed + place.encode()
    yield fixed + nonce + AESGCM(subject_key).encrypt(nonce, data_key, known) + prefix
    aead = AESGCM(data_key)
    for number, segment, last in _segments(_counted(chunks, max_bytes), 1 << segment_bits):
        yield aead.encrypt(_nonce(prefix, number, last), segment, known)


def open_stream(
    chunks: Iterable[bytes], *, subject_key: bytes, place: Place, max_bytes: int = MAX_BYTES
) -> Iterator[bytes]:
    """Open a sealed value in pieces. Each piece is genuine; whether the end is missing shows only at the end.

    So whoever acts on a piece before the iterator is exhausted may act on the beginning of a value only.

    Raises:
        StorageError: ``storage.unsealable``: altered, cut off, lengthened, of another place, of another key, or of a
            format that this version does not know.
        LimitError: ``storage.too_large``.
    """
    source = _Buffered(chunks)
    header = source.take(HEADER_BYTES)
    fixed, rest = header[:_FIXED_BYTES], header[_FIXED_BYTES:]
    if len(header) < HEADER_BYTES or not _known_format(fixed):
        raise _unsealable(place)
    nonce, wrapped = rest[:NONCE_BYTES], rest[NONCE_BYTES : NONCE_BYTES + _WRAPPED_BYTES]
    prefix, known = rest[NONCE_BYTES + _WRAPPED_BYTES :], fixed + place.encode()
    bits = fixed[6]
    try:
        aead = AESGCM(AESGCM(subject_key).decrypt(nonce, wrapped, known))
        sealed = _segments(source.rest(), (1 << bits) + TAG_BYTES)
        total = 0
        for number, segment, last in sealed:
            opened = aead.decrypt(_nonce(prefix, number, last), segment, known)
            total += len(opened)
            if total > max_bytes:
                raise LimitError("the value is too large", code="storage.too_large")
            yield opened
    except (InvalidTag, ValueError) as exc:
        raise _unsealable(place) from exc


def seal(data: bytes, *, subject_key: bytes, place: Place, random: Random) -> bytes:
    """:func:`seal_stream` for a value that is at hand."""
    return b"".join(seal_stream((data,), subject_key=subject_key, place=place, random=random))


def open_sealed(sealed: bytes, *, subject_key: bytes, place: Place) -> bytes:
    """:func:`open_stream` for a value that is at hand: all of it, or an error."""
    return b"".join(open_stream((sealed,), subject_key=subject_key, place=place))


def wrap_key(key: bytes, *, under: bytes, context: bytes, random: Random) -> bytes:
    """A key under another one: nonce (12 bytes), AES-256-GCM with ``context`` as associated data. 60 bytes for 32."""
    nonce = random.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(under).encrypt(nonce, key, context)


def unwrap_key(wrapped: bytes, *, under: bytes, context: bytes) -> bytes:
    """The key that :func:`wrap_key` wrapped.

    Raises:
        StorageError: ``storage.unsealable``: altered, of another context, or of another key.
    """
    try:
        return AESGCM(under).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as exc:
        raise StorageError(
            "a wrapped key does not open: altered, or wrapped under another key",
            code="storage.unsealable",
            subject="key",
        ) from exc


def _known_format(fixed: bytes) -> bool:
    known = _MAGIC + bytes((_FORMAT, _ALGORITHM))
    return fixed[:6] == known and fixed[6] in _SEGMENT_BITS_ALLOWED and fixed[7] == 0


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes((last,))


def _counted(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > max_bytes:
            raise LimitError("the value is too large", code="storage.too_large")
        yield chunk


def _segments(chunks: Iterable[bytes], size: int) -> Iterator[tuple[int, bytes, bool]]:
    """Number, bytes and whether it is the last; the last one may be empty, and there is always one."""
    source = _Buffered(chunks)
    segment, number = source.take(size), 0
    while following := source.take(size):
        yield number, segment, False
        segment, number = following, number + 1
    yield number, segment, True


class _Buffered:
    """Pieces of any length, taken out in pieces of a given length."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = bytearray()

    def take(self, count: int) -> bytes:
        """``count`` bytes, or fewer where there are no more."""
        while len(self._left) < count:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._left += chunk
        taken = bytes(self._left[:count])
        del self._left[:count]
        return taken

    def rest(self) -> Iterator[bytes]:
        """All that was not taken."""
        yield bytes(self._left)
        self._left.clear()
        yield from self._chunks


def _unsealable(place: Place) -> StorageError:
    return StorageError(
        "a sealed value does not open: altered, cut off, from another place, or under another key",
        code="storage.unsealable",
        subject=place.kind,
    )
