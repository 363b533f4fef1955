"""Is a log what it was? Checked on an export, offline, in one pass, with as much memory for a billion entries as for one.

1. Entries count from 0 without a gap; none stands twice or in another place.
2. The leaf hash and the chain hash of each follow from its event and from the chain hash before it.
3. Each event is one that the log may hold, and bears its own number.
4. Each checkpoint, in the file or published elsewhere, has the root and the chain hash of the entries up to it.
5. One of the given keys signed it; a timestamp on it is over it.
6. No entry is missing at the end that a published checkpoint covers, and the last line says what was read.

A finding says where: the entry, and which hash. Once a row was changed, its successors are held against what stands in
the file, so that one change is one finding; the next checkpoint shows it too, as a wrong root. What nobody signed –
entries behind the last checkpoint, or a file without the key – is INDETERMINATE: whoever wrote the file could have written
anything there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from ekyc.errors import EkycError
from ekyc.outcomes import Check, Outcome, worst
from ekyc.storage.evidence.canonical import decode
from ekyc.storage.evidence.export import (
    ExportedCheckpoint,
    ExportEnd,
    ExportReader,
    UnreadLine,
)
from ekyc.storage.evidence.log import FIRST_CHAIN, Entry, chain_hash, origin_of
from ekyc.storage.evidence.merkle import Frontier, leaf_hash
from ekyc.storage.evidence.notes import Checkpoint, CheckpointKey, read_checkpoint

MAX_FINDINGS: Final = 100

JudgeTimestamp = Callable[[bytes, bytes], object]
"""(SHA-256 of a note, DER of a token) → anything; raises :class:`EkycError` where the token is not over it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it must be, and where."""

    code: str
    number: int
    """Of the first entry concerned; of the line, for ``audit.line_unread``."""
    last: int | None = None
    """Of the last one, where it is a range."""
    which: str | None = None
    """``leaf``, ``chain`` or ``root``: the hash that does not follow."""
    stated: bytes | None = None
    """The hash as it stands in the file or checkpoint."""
    computed: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What was found in an export."""

    outcome: Outcome
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    """The first hundred."""
    found: int
    """How many there are."""
    origin: str
    entries: int
    checkpoints: int
    signed_entries: int
    """Covered by a checkpoint that one of the given keys signed."""
    timestamps: int
    last_checkpoint: Checkpoint | None
    """The last one whose root and signature hold."""
    root: bytes


def inspect_export(
    stream: BinaryIO,
    *,
    keys: Sequence[CheckpointKey] = (),
    published: Sequence[Checkpoint] = (),
    judge_timestamp: JudgeTimestamp | None = None,
) -> AuditReport:
    """Check an export.

    Args:
        stream: read once, from its beginning.
        keys: whose checkpoints count; without one nothing passes.
        published: checkpoints that were kept elsewhere; their signatures are checked too.
        judge_timestamp: checks timestamps; without it they are counted and not checked.

    Raises:
        InputError: ``audit.not_an_export``. Everything else is a finding.
    """
    reader = ExportReader(stream)
    audit = _Audit(reader.origin, tuple(keys), tuple(published), judge_timestamp)
    for item in reader.items():
        if isinstance(item, Entry):
            audit.take_entry(item)
        elif isinstance(item, ExportedCheckpoint):
            audit.take_exported(item)
        elif isinstance(item, ExportEnd):
            audit.take_end(item)
        else:
            audit.take_unread(item)
    return audit.report()


class _Audit:
    def __init__(
        self,
        origin: str,
        keys: tuple[CheckpointKey, ...],
        published: tuple[Checkpoint, ...],
        judge_timestamp: JudgeTimestamp | None,
    ) -> None:
        self._origin = origin
        self._keys = keys
        self._published = sorted(published, key=lambda one: one.size)
        self._judge_timestamp = judge_timestamp
        self._found: dict[str, list[str]] = {"file": [], "entries": [], "checkpoints": []}
        self._found |= {"complete": [], "timestamps": []}
        self._findings: list[Finding] = []
        self._count = 0
        self._expected = 0
        self._chain: bytes | None = FIRST_CHAIN
        self._tree = Frontier()
        self._ended = False
        self._checkpoints = self._timestamps = self._judged = 0
        self._signed = self._sound = 0
        self._last: Checkpoint | None = None

    def take_entry(self, entry: Entry) -> None:
        if self._ended:
            self._find("file", Finding(code="audit.behind_the_end", number=entry.number))
        self._order(entry.number)  # (1)
        leaf = leaf_hash(entry.event)
        if leaf != entry.leaf:  # (2)
            self._mismatch("audit.entry_changed", entry.number, "leaf", entry.leaf, leaf)
        elif self._chain is not None:
            chain = chain_hash(self._chain, entry.event)
            if chain != entry.chain:
                self._mismatch("audit.chain_broken", entry.number, "chain", entry.chain, chain)
        read = decode(entry.event)  # (3)
        if read is None:
            self._find("entries", Finding(code="audit.event_unknown", number=entry.number))
        elif read[0] != entry.number:
            self._find("entries", Finding(code="audit.entry_renumbered", number=entry.number))
        elif entry.number == 0 and origin_of(str(read[1]["facts"].get("log"))) != self._origin:
            self._find("entries", Finding(code="audit.other_log", number=0))
        self._chain = entry.chain
        self._tree.append(leaf)
        while self._published and self._published[0].size == self._tree.size:
            self._take_checkpoint(self._published.pop(0))

    def take_exported(self, exported: ExportedCheckpoint) -> None:
        self._checkpoints += 1
        try:
            checkpoint = read_checkpoint(exported.note)
        except EkycError:
            checkpoint = None
        if checkpoint is None or exported.size != checkpoint.size:
            code = "audit.checkpoint_malformed"
            self._find("checkpoints", Finding(code=code, number=exported.size))
            return
        self._take_checkpoint(checkpoint)
        if exported.timestamp is not None:
            self._take_timestamp(exported.note, exported.timestamp, checkpoint.size)

    def take_end(self, end: ExportEnd) -> None:
        self._ended = True
        root = self._tree.root()
        if end.size == self._tree.size and self._found["entries"]:
            return  # the root differs by what was found already
        if (end.size, end.chain, end.root) != (self._tree.size, self._chain or b"", root):
            wrong = Finding(
                code="audit.end_wrong",
                number=end.size,
                which="root",
                stated=end.root,
                computed=root,
            )
            self._find("file", wrong)

    def take_unread(self, item: UnreadLine) -> None:
        self._find("file", Finding(code="audit.line_unread", number=item.line))

    def report(self) -> AuditReport:
        if not self._ended:
            self._find("file", Finding(code="audit.cut_off", number=self._tree.size))
        for checkpoint in self._published:  # (6)
            last = checkpoint.size - 1
            found = Finding(code="audit.truncated", number=self._tree.size, last=last)
            self._find("complete", found)
        checks = self._checks()
        return AuditReport(
            outcome=worst(
                check.outcome for check in checks if check.outcome is not Outcome.NOT_PERFORMED
            ),
            checks=checks,
            findings=tuple(self._findings),
            found=self._count,
            origin=self._origin,
            entries=self._tree.size,
            checkpoints=self._checkpoints,
            signed_entries=self._signed,
            timestamps=self._timestamps,
            last_checkpoint=self._last,
            root=self._tree.root(),
        )

    def _order(self, number: int) -> None:
        if number > self._expected:
            missing = Finding(code="audit.entry_missing", number=self._expected, last=number - 1)
            self._find("entries", missing)
            self._chain = None  # what the chain hash stands on is not there
        elif number < self._expected:
            self._find("entries", Finding(code="audit.entry_misplaced", number=number))
            self._chain = None
        self._expected = max(self._expected, number + 1)

    def _take_checkpoint(self, checkpoint: Checkpoint) -> None:  # (4), (5)
        size = checkpoint.size
        try:
            if checkpoint.origin != self._origin:
                self._find("checkpoints", Finding(code="audit.other_log", number=size))
                return
            if self._keys:
                checkpoint.require_signed(self._keys)
        except EkycError as error:
            self._find("checkpoints", Finding(code=error.code, number=size))
            return
        if size != self._tree.size:
            self._find("checkpoints", Finding(code="audit.checkpoint_misplaced", number=size))
            return
        root, chain = self._tree.root(), self._chain or b""
        for which, stated, computed in (
            ("root", checkpoint.root, root),
            ("chain", checkpoint.chain, chain),
        ):
            if stated != computed:
                found = Finding(
                    code="audit.checkpoint_mismatch",
                    number=min(self._sound, size - 1),
                    last=size - 1,
                    which=which,
                    stated=stated,
                    computed=computed,
                )
                self._find("checkpoints", found)
                return
        self._sound = size
        if self._keys:
            self._signed, self._last = size, checkpoint

    def _take_timestamp(self, note: str, token: bytes, size: int) -> None:
        self._timestamps += 1
        if self._judge_timestamp is None:
            return
        try:
            self._judge_timestamp(hashlib.sha256(note.encode()).digest(), token)
            self._judged += 1
        except EkycError:
            self._find("timestamps", Finding(code="audit.timestamp_wrong", number=size))

    def _mismatch(self, code: str, number: int, which: str, stated: bytes, computed: bytes) -> None:
        self._find(
            "entries",
            Finding(code=code, number=number, which=which, stated=stated, computed=computed),
        )

    def _find(self, check: str, finding: Finding) -> None:
        self._count += 1
        if finding.code not in self._found[check]:
            self._found[check].append(finding.code)
        if len(self._findings) < MAX_FINDINGS:
            self._findings.append(finding)

    def _checks(self) -> tuple[Check, ...]:
        unsigned: tuple[str, ...] = ()
        if not self._keys:
            unsigned = ("audit.no_key",)
        elif self._last is None:
            unsigned = ("audit.no_checkpoint",)
        tail = () if self._signed == self._tree.size else ("audit.tail_unsigned",)
        stamps = Check(
            id="audit.timestamps",
            outcome=Outcome.PASSED if self._judged else Outcome.NOT_PERFORMED,
            reasons=() if self._judged else ("audit.no_timestamp",),
        )
        if self._found["timestamps"]:
            stamps = self._check("timestamps", ())
        return (
            self._check("file", ()),
            self._check("entries", ()),
            self._check("checkpoints", unsigned),
            self._check("complete", tail),
            stamps,
        )

    def _check(self, name: str, undecided: tuple[str, ...]) -> Check:
        failed = tuple(self._found[name])
        if failed:
            return Check(id=f"audit.{name}", outcome=Outcome.FAILED, reasons=failed)
        outcome = Outcome.INDETERMINATE if undecided else Outcome.PASSED
        return Check(id=f"audit.{name}", outcome=outcome, reasons=undecided)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How two exports stand to each other."""

    check: Check
    finding: Finding | None
    old_entries: int
    """As far as they were read: to the first difference."""
    new_entries: int


def compare_exports(old: BinaryIO, new: BinaryIO) -> Comparison:
    """Does the newer export begin with the older one? Two answers of one log that do not are a fork.

    Raises:
        InputError: ``audit.not_an_export``.
    """
    first, second = ExportReader(old), ExportReader(new)
    finding: Finding | None = None
    if first.origin != second.origin:
        finding = Finding(code="audit.other_log", number=0)
    older, newer = _entries(first), _entries(second)
    count = extra = 0
    while finding is None and (was := next(older, None)) is not None:
        now = next(newer, None)
        if now is None:
            finding = Finding(code="audit.shorter", number=count)
        elif (was.number, was.event) != (now.number, now.event):
            leaves = leaf_hash(was.event), leaf_hash(now.event)
            finding = Finding(
                code="audit.fork", number=count, which="leaf", stated=leaves[0], computed=leaves[1]
            )
        else:
            count += 1
    if finding is None:
        extra = sum(1 for _ in newer)
    outcome = Outcome.PASSED if finding is None else Outcome.FAILED
    reasons = () if finding is None else (finding.code,)
    return Comparison(
        check=Check(id="audit.consistent", outcome=outcome, reasons=reasons),
        finding=finding,
        old_entries=count,
        new_entries=count + extra,
    )


def _entries(reader: ExportReader) -> Iterator[Entry]:
    return (item for item in reader.items() if isinstance(item, Entry))
