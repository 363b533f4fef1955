"""Fuzz targets of the evidence log: exports, checkpoints, proofs. What passes is what was logged."""

import io
import json
import tempfile
from functools import cache
from pathlib import Path

from ekyc.errors import EkycError
from ekyc.outcomes import Outcome
from ekyc.policy import Verdict
from ekyc.storage import ServiceKey, Storage
from ekyc.storage.evidence.audit import inspect_export
from ekyc.storage.evidence.canonical import decode
from ekyc.storage.evidence.export import write_export
from ekyc.storage.evidence.notes import CheckpointKey, ServiceCheckpointSigner, read_checkpoint
from ekyc.storage.evidence.proofs import inspect_proof, prove_consistency, prove_inclusion
from ekyc.testing import FixedClock

_SIGNER = ServiceCheckpointSigner(ServiceKey(bytes(range(32))))
_KEYS = (CheckpointKey(_SIGNER.public_key_der),)


@cache
def _genuine():
    """An export, its events, and proofs from it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Storage.open(Path(folder) / "s.sqlite3", clock=FixedClock()) as storage,
    ):
        notes = []
        for _ in range(2):
            for _ in range(4):
                storage.results.record(
                    case_digest="ab" * 32,
                    profile="demo",
                    verdict=Verdict.REVIEW,
                    reasons=("freshness.expired",),
                    report_digest="cd" * 32,
                )
            notes.append(storage.checkpoints.make(signer=_SIGNER).note)
        out = io.BytesIO()
        write_export(storage.evidence, storage.checkpoints, out)
        events = [entry.event for entry in storage.evidence.entries()]
        proofs = (
            prove_inclusion(storage.evidence, storage.checkpoints, 3),
            prove_consistency(storage.evidence, storage.checkpoints, 5),
        )
    return out.getvalue(), events, [json.dumps(proof).encode() for proof in proofs], notes


def audit_export(data):
    """An export. Passed, its entries are those that were logged; and as one event, canonical or none."""
    try:
        report = inspect_export(io.BytesIO(data), keys=_KEYS)
    except EkycError as error:
        _known(error)
    else:
        if report.outcome is Outcome.PASSED:
            shown = [line.split(b" ", 4)[4] for line in data.split(b"\n") if line[:6] == b"entry "]
            assert shown == _genuine()[1][: len(shown)]
            assert report.entries == len(shown)
        assert report.found == 0 or report.outcome is Outcome.FAILED
    read = decode(data)
    assert read is None or json.loads(data) == read[1]


def audit_proof(data):
    """A proof, and a checkpoint. Passed, it is of an entry or a past that was logged."""
    try:
        report = inspect_proof(data, keys=_KEYS)
    except EkycError as error:
        _known(error)
    else:
        if report.check.outcome is Outcome.PASSED and report.number is not None:
            assert (
                json.dumps(report.event, sort_keys=True, separators=(",", ":")).encode()
                == (_genuine()[1][report.number])
            )
    try:
        checkpoint = read_checkpoint(data.decode("utf-8", "replace"))
        checkpoint.require_signed(_KEYS)
    except EkycError as error:
        _known(error)
    else:
        assert any(note.startswith(checkpoint.text) for note in _genuine()[3])


def _known(error):
    assert error.code.startswith("audit."), error.code


TARGETS = {target.__name__: target for target in (audit_export, audit_proof)}


def audit_seeds():
    """Genuine ones: the key is theirs."""
    export, events, proofs, notes = _genuine()
    return {
        "audit_export": (export, events[3]),
        "audit_proof": (*proofs, *(note.encode() for note in notes)),
    }
