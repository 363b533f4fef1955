"""Search bytes for personal data that were planted: as they are, encoded, and within whatever decompresses."""

import base64
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_STREAM = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
_MOST_INFLATED = 1 << 20


def forms(secret: bytes) -> Iterator[bytes]:
    """As it is, in hexadecimal, and in base64 at each of its three offsets."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # The first and last characters mix with what lies beside it.
            encoded = encode(bytes(shift) + secret).rstrip(b"=")
            yield encoded[4 if shift else 0 : len(encoded) - 2]


def inflated(data: bytes) -> Iterator[bytes]:
    """The beginning of every zlib and gzip stream in it, wherever one begins."""
    view = memoryview(data)
    for start in _STREAM.finditer(data):
        at = start.start()
        try:
            yield zlib.decompressobj(wbits=47).decompress(
                view[at : at + _MOST_INFLATED], _MOST_INFLATED
            )
        except zlib.error:
            continue


def hits(data: bytes, secrets: Iterable[bytes]) -> list[bytes]:
    """Whatever form of whichever secret is in it."""
    wanted = [form for secret in secrets for form in forms(secret)]
    return [form for part in (data, *inflated(data)) for form in wanted if form in part]


def everything(folder: Path) -> bytes:
    """The bytes of all files of a folder."""
    return b"\n".join(one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file())
