"""LDIF as the ICAO PKD publishes it (RFC 2849): entries with their binary attributes, nothing more.

Only content records are read. A value that is a link to a file or a web address (``:<``) is never followed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ekyc.errors import InputError

_MAX_ENTRIES: Final = 500_000
_MAX_VALUES: Final = 64
_MAX_NAME_CHARACTERS: Final = 300
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class LdifEntry:
    """One entry of the directory."""

    line: int
    """Where it begins, from 1."""
    name: str
    """Distinguished name as written, cut to 300 characters."""
    values: tuple[tuple[str, bytes], ...] = field(repr=False)
    """Binary attributes in order: type in lower case without options (``;binary``), and value."""


def looks_like_ldif(data: bytes) -> bool:
    """Whether the first line that says something begins a record or a version line."""
    for line in data.removeprefix(BYTE_ORDER_MARK)[:4096].splitlines():
        if line.strip() and not line.startswith(b"#"):
            return line.lower().startswith((b"dn:", b"version:"))
    return False


def parse_ldif(data: bytes) -> Iterator[LdifEntry]:
    """Entries one after the other, as they are read.

    Raises:
        InputError: ``trust.ldif_malformed``, with the line: a line without a colon, base64 that is none, a change
            record, or absurd counts.
    """
    record: list[tuple[int, bytes]] = []
    count = 0
    for number, line in _unfolded(data.removeprefix(BYTE_ORDER_MARK)):
        if line:
            record.append((number, line))
            continue
        entry = _parse_record(record)
        if entry:
            count += 1
            yield entry
        if count > _MAX_ENTRIES:
            raise _malformed(number, "too many entries")
        record = []


def _unfolded(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Logical lines with the number of their first line; comments left out, an empty one closes the last record."""
    parts: list[bytes] = []
    first = 0
    for number, line in enumerate(data.splitlines(), start=1):
        if line[:1] == b" ":  # §2, note 2: a folded line goes on
            if not parts:
                raise _malformed(number, "a folded line has no beginning")
            parts.append(line[1:])
            continue
        if parts and parts[0][:1] != b"#":
            yield first, b"".join(parts)
        if not line:
            yield number, b""
        parts, first = ([line], number) if line else ([], number)
    if parts and parts[0][:1] != b"#":
        yield first, b"".join(parts)
    yield first, b""


def _parse_record(record: list[tuple[int, bytes]]) -> LdifEntry | None:
    """An entry; None for the version line or an empty record."""
    name: str | None = None
    values: list[tuple[str, bytes]] = []
    for number, line in record:
        kind, binary, value = _parse_line(number, line)
        if kind == "changetype":
            raise _malformed(number, "change records are not read")
        if kind == "dn":
            name = value.decode("utf-8", "replace")
        elif binary and name is not None:
            values.append((kind, value))
        if len(values) > _MAX_VALUES:
            raise _malformed(number, "too many values")
    if name is None:
        return None
    shown = "".join(character for character in name if character.isprintable())
    return LdifEntry(line=record[0][0], name=shown[:_MAX_NAME_CHARACTERS], values=tuple(values))


def _parse_line(number: int, line: bytes) -> tuple[str, bool, bytes]:
    """Attribute type in lower case without options, whether the value came in base64, and the value."""
    described, colon, value = line.partition(b":")
    if not colon:
        raise _malformed(number, "a line has no colon")
    kind = described.partition(b";")[0].strip().lower().decode("ascii", "replace")
    if value[:1] != b":":
        return kind, False, value.strip()
    try:
        return kind, True, base64.b64decode(value[1:].replace(b" ", b""), validate=True)
    except binascii.Error as exc:
        raise _malformed(number, "a value is not base64") from exc


def _malformed(line: int, message: str) -> InputError:
    return InputError(f"line {line}: {message}", code="trust.ldif_malformed")
