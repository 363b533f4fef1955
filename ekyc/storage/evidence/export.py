"""A log as one file of lines, to be checked somewhere else. ``docs/audit.md`` gives it byte by byte.

::

    ekyc evidence log export 1
    origin ekyc-evidence-log/0f…
    entry 0 <chain, hex> <leaf, hex> <event, canonical JSON>
    …
    checkpoint 42 <note, base64> <timestamp token, base64, or ->
    …
    end 57 <chain of the last entry, hex> <Merkle root, hex>

A checkpoint stands behind the last entry that it covers. A line feed ends every line; there is no other byte below space.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

from ekyc.errors import InputError
from ekyc.storage.evidence.canonical import MAX_EVENT_BYTES
from ekyc.storage.evidence.log import Entry
from ekyc.storage.evidence.notes import MAX_NOTE_BYTES

if TYPE_CHECKING:
    from ekyc.storage.evidence.checkpoints import CheckpointStore, KeptCheckpoint
    from ekyc.storage.evidence.log import EvidenceLog

HEAD: Final = b"ekyc evidence log export 1\n"
MAX_TOKEN_BYTES: Final = 65_536
_MAX_LINE: Final = MAX_EVENT_BYTES + 4 * (MAX_NOTE_BYTES + MAX_TOKEN_BYTES) // 3 + 256
_NUMBER: Final = rb"(?:0|[1-9][0-9]{0,15})"
_HASH: Final = rb"[0-9a-f]{64}"
_BASE64: Final = rb"[A-Za-z0-9+/]*={0,2}"
_ORIGIN: Final = re.compile(rb"origin (ekyc-evidence-log/[0-9a-f]{32})\n\Z")
_ENTRY: Final = re.compile(rb"entry (%s) (%s) (%s) ([ -~\x80-\xff]+)\n\Z" % (_NUMBER, _HASH, _HASH))
_CHECKPOINT: Final = re.compile(rb"checkpoint (%s) (%s) (-|%s)\n\Z" % (_NUMBER, _BASE64, _BASE64))
_END: Final = re.compile(rb"end (%s) (%s) (%s)\n\Z" % (_NUMBER, _HASH, _HASH))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedCheckpoint:
    """A checkpoint line."""

    size: int
    note: str
    timestamp: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportEnd:
    """The last line."""

    size: int
    chain: bytes
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadLine:
    """A line that is none of these."""

    line: int
    """From 1."""


Item = Entry | ExportedCheckpoint | ExportEnd | UnreadLine


def write_export(
    log: EvidenceLog, checkpoints: CheckpointStore, out: BinaryIO, *, size: int | None = None
) -> int:
    """Write the log up to a size, all of it by default, one batch of rows in memory at a time.

    Returns:
        The number of entries written.

    Raises:
        InputError: ``audit.empty``, ``audit.no_such_entry``.
    """
    state = log.state(size)
    out.write(HEAD + f"origin {state.origin}\n".encode())
    following = checkpoints.following(0, state.size)
    for entry in log.entries(0, state.size):
        line = f"entry {entry.number} {entry.chain.hex()} {entry.leaf.hex()} "
        out.write(line.encode() + entry.event + b"\n")
        if following is not None and following.size <= entry.number + 1:
            out.write(_checkpoint_line(following))
            following = checkpoints.following(following.size, state.size)
    out.write(f"end {state.size} {state.chain.hex()} {state.root.hex()}\n".encode())
    return state.size


class ExportReader:
    """Reads an export line by line, within bounds."""

    def __init__(self, stream: BinaryIO) -> None:
        """
        Raises:
            InputError: ``audit.not_an_export``.
        """
        self._stream = stream
        origin = None
        if stream.readline(len(HEAD) + 1) == HEAD:
            origin = _ORIGIN.match(stream.readline(200))
        if origin is None:
            raise InputError("not an export of an evidence log", code="audit.not_an_export")
        self.origin: Final = origin[1].decode()

    def items(self) -> Iterator[Item]:
        """Everything behind the first two lines, in order; a line that is too long counts as its pieces."""
        number = 2
        while line := self._stream.readline(_MAX_LINE):
            number += 1
            yield _read(line) or UnreadLine(line=number)


def _checkpoint_line(kept: KeptCheckpoint) -> bytes:
    token = b"-" if kept.timestamp is None else base64.b64encode(kept.timestamp)
    note = base64.b64encode(kept.note.encode())
    return b"checkpoint %d %s %s\n" % (kept.size, note, token)


def _read(line: bytes) -> Item | None:
    if found := _ENTRY.match(line):
        return Entry(
            number=int(found[1]),
            chain=bytes.fromhex(found[2].decode()),
            leaf=bytes.fromhex(found[3].decode()),
            event=found[4],
        )
    if found := _CHECKPOINT.match(line):
        try:
            return ExportedCheckpoint(
                size=int(found[1]),
                note=base64.b64decode(found[2], validate=True).decode(),
                timestamp=None if found[3] == b"-" else base64.b64decode(found[3], validate=True),
            )
        except ValueError:
            return None
    if found := _END.match(line):
        hashes = (bytes.fromhex(part.decode()) for part in (found[2], found[3]))
        return ExportEnd(size=int(found[1]), chain=next(hashes), root=next(hashes))
    return None
