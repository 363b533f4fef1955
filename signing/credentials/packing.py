"""DEFLATE (RFC 1951) with a preset dictionary, within bounds: a few bytes may claim to become gigabytes.

The dictionary (``data/dictionary-1.txt``: its bytes without the line feeds) holds words of Vietnamese civil-status papers:
names of provinces and units, frequent names of people, the fixed parts of the claims. A birth extract becomes about a
third shorter by it, and it tells nothing: it is the same for all. It never changes; another one is another version of
the format, with another prefix. The stream is bare: a ZLIB frame would name the dictionary, which the prefix does, and sum
up the content, which a signature covers, in ten bytes, fifteen characters of the code.
"""

from __future__ import annotations

import zlib
from functools import cache
from importlib import resources
from typing import Final

from ekyc.errors import InputError, LimitError

_BARE: Final = -zlib.MAX_WBITS
"""Neither header nor trailer."""


@cache
def dictionary() -> bytes:
    """The preset dictionary of version 1."""
    file = resources.files("ekyc.signing.credentials.data") / "dictionary-1.txt"
    return file.read_bytes().replace(b"\n", b"")


def pack(data: bytes) -> bytes:
    """The smallest stream that zlib gives."""
    stream = zlib.compressobj(9, zlib.DEFLATED, _BARE, 9, zdict=dictionary())
    return stream.compress(data) + stream.flush()


def unpack(data: bytes, *, most: int) -> bytes:
    """What a stream holds: the whole stream, and nothing behind it.

    Args:
        data: a bare stream with the preset dictionary.
        most: bytes that may come out.

    Raises:
        LimitError: ``credential.too_large``: more would come out. No more than ``most`` + 1 bytes are made.
        InputError: ``credential.packing``: no such stream, cut off, or followed by anything.
    """
    return _content(zlib.decompressobj(_BARE, zdict=dictionary()), data, most)


def inflate(data: bytes, *, most: int) -> bytes:
    """The same for a ZLIB stream (RFC 1950) without a dictionary, as status lists have it."""
    return _content(zlib.decompressobj(zlib.MAX_WBITS), data, most)


def _content(stream: zlib._Decompress, data: bytes, most: int) -> bytes:
    try:
        content = stream.decompress(data, most + 1)
    except zlib.error as exc:
        raise malformed() from exc
    if len(content) > most:
        raise LimitError("unpacks to more than is allowed", code="credential.too_large")
    if not stream.eof or stream.unused_data:
        raise malformed()
    return content


def malformed() -> InputError:
    return InputError("not one whole stream", code="credential.packing")
