"""Proofs in files: an entry is in the log, or one checkpoint continues another. With the key, a file proves it alone.

JSON; ``docs/audit.md`` describes the members.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ekyc.errors import EkycError, InputError
from ekyc.outcomes import Check, Outcome
from ekyc.storage.evidence.merkle import HASH_BYTES, leaf_hash, verify_consistency, verify_inclusion
from ekyc.storage.evidence.notes import Checkpoint, CheckpointKey, read_checkpoint

if TYPE_CHECKING:
    from ekyc.storage.evidence.checkpoints import CheckpointStore, KeptCheckpoint
    from ekyc.storage.evidence.log import EvidenceLog

SCHEMA: Final = "ekyc.audit-proof/1"
MAX_PROOF_BYTES: Final = 1 << 18
_MAX_HASHES: Final = 128
_HASH: Final = re.compile(rf"[0-9a-f]{{{2 * HASH_BYTES}}}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofReport:
    """What a proof proves."""

    check: Check
    kind: str
    """``inclusion`` or ``consistency``."""
    number: int | None
    """Of the entry."""
    event: dict[str, Any] | None
    """The entry, if it is proved."""
    checkpoints: tuple[Checkpoint, ...]


def prove_inclusion(log: EvidenceLog, checkpoints: CheckpointStore, number: int) -> dict[str, Any]:
    """An entry with the first checkpoint that covers it.

    Raises:
        InputError: ``audit.no_such_entry``; ``audit.no_checkpoint``: none covers it yet.
    """
    entry = log.entry(number)
    kept = checkpoints.following(number, log.size())
    if kept is None:
        raise InputError("no checkpoint covers this entry yet", code="audit.no_checkpoint")
    return {
        "schema": SCHEMA,
        "kind": "inclusion",
        "number": number,
        "event": entry.event.decode(),
        "hashes": [one.hex() for one in log.inclusion_proof(number, kept.size)],
        "checkpoints": [kept.note],
    }


def prove_consistency(log: EvidenceLog, checkpoints: CheckpointStore, old: int) -> dict[str, Any]:
    """The checkpoint of a size with the latest one.

    Raises:
        InputError: ``audit.no_checkpoint``: there is none of this size.
    """
    first: KeptCheckpoint | None = checkpoints.at(old)
    if first is None:
        raise InputError("there is no checkpoint of this size", code="audit.no_checkpoint")
    last = checkpoints.latest()
    return {
        "schema": SCHEMA,
        "kind": "consistency",
        "hashes": [one.hex() for one in log.consistency_proof(first.size, last.size)],
        "checkpoints": [first.note, last.note],
    }


def inspect_proof(data: bytes, *, keys: tuple[CheckpointKey, ...] = ()) -> ProofReport:
    """Check a proof.

    Args:
        data: of the file.
        keys: whose checkpoints count; without one nothing passes.

    Raises:
        InputError: ``audit.not_a_proof``.
    """
    proof = _read(data)
    kind, hashes, checkpoints = proof["kind"], proof["hashes"], proof["checkpoints"]
    is_entry = kind == "inclusion"
    number: int = proof.get("number", 0)
    event: str = proof.get("event", "{}")
    reasons: tuple[str, ...] = () if keys else ("audit.no_key",)
    outcome = Outcome.PASSED if keys else Outcome.INDETERMINATE
    try:
        for checkpoint in checkpoints if keys else ():
            checkpoint.require_signed(keys)
        if is_entry:
            (only,) = checkpoints
            verify_inclusion(
                leaf=leaf_hash(event.encode()),
                number=number,
                size=only.size,
                proof=hashes,
                root=only.root,
            )
        else:
            old, new = checkpoints
            if old.origin != new.origin:
                raise InputError("of two logs", code="audit.other_log")
            verify_consistency(
                old=old.size, old_root=old.root, new=new.size, new_root=new.root, proof=hashes
            )
    except EkycError as error:
        outcome, reasons = Outcome.FAILED, (error.code,)
    return ProofReport(
        check=Check(id="audit.proof", outcome=outcome, reasons=reasons),
        kind=kind,
        number=number if is_entry else None,
        event=json.loads(event) if is_entry and outcome is not Outcome.FAILED else None,
        checkpoints=checkpoints,
    )


def _read(data: bytes) -> dict[str, Any]:
    """Members of a proof: hashes as bytes, checkpoints as read."""
    try:
        proof: Any = json.loads(data)
        if len(data) > MAX_PROOF_BYTES or not _is_proof(proof):
            raise _not_a_proof()
        if "event" in proof:
            json.loads(
                proof["event"].encode()
            )  # of what JSON may escape, half a surrogate is no text
        return {
            **proof,
            "hashes": tuple(bytes.fromhex(one) for one in proof["hashes"]),
            "checkpoints": tuple(read_checkpoint(note) for note in proof["checkpoints"]),
        }
    except (ValueError, TypeError, AttributeError, RecursionError, InputError) as exc:
        raise _not_a_proof() from exc


def _is_proof(proof: object) -> bool:
    if not isinstance(proof, dict) or proof.get("schema") != SCHEMA:
        return False
    members = {"schema", "kind", "hashes", "checkpoints"}
    if proof.get("kind") == "inclusion":
        members |= {"number", "event"}
    elif proof.get("kind") != "consistency":
        return False
    if set(proof) != members or type(proof.get("number", 0)) is not int:
        return False
    hashes, notes, event = proof["hashes"], proof["checkpoints"], proof.get("event", "")
    return (
        isinstance(event, str)
        and isinstance(hashes, list)
        and isinstance(notes, list)
        and len(hashes) <= _MAX_HASHES
        and all(isinstance(one, str) and _HASH.match(one) for one in hashes)
        and len(notes) == (1 if event else 2)
    )


def _not_a_proof() -> InputError:
    return InputError("not a proof of an evidence log", code="audit.not_a_proof")
