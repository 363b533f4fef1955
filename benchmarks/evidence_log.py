"""Rows of the suite ``credentials`` about the evidence log: what an append costs beside the commit, what checking costs.

A log in a new SQLite file; blocks of two hundred appends within one transaction, so that a two-hundredth of the commit is in
each. CPU time of the process; the interval is over blocks.
"""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ekyc.outcomes import Outcome
from ekyc.ports import SystemRandom
from ekyc.storage import ServiceKey, Storage
from ekyc.storage.evidence.audit import inspect_export
from ekyc.storage.evidence.events import DecisionRecorded, Reference
from ekyc.storage.evidence.export import write_export
from ekyc.storage.evidence.merkle import HASH_BYTES
from ekyc.storage.evidence.notes import CheckpointKey, ServiceCheckpointSigner
from ekyc.storage.evidence.proofs import prove_inclusion

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder

_BLOCK: Final = 200
_PEOPLE: Final = 50


def measure_log(recorder: Recorder, *, quick: bool) -> None:
    """Append, checkpoint, prove, export and check."""
    with (
        tempfile.TemporaryDirectory(prefix="ekyc-bench-") as folder,
        Storage.open(Path(folder) / "state.sqlite3") as storage,
    ):
        samples = _append(storage, blocks=5 if quick else 100)
        recorder.samples("log_append_cpu_us", samples, unit="us")
        recorder.must("log_append_cpu_us", at_most=50.0)
        signer = ServiceCheckpointSigner(ServiceKey(SystemRandom().token_bytes(32)))
        _check(recorder, storage, signer)


def _append(storage: Storage, *, blocks: int) -> list[float]:
    """Microseconds of CPU for one append, by blocks: decisions on people, as the service records them."""
    random, samples = SystemRandom(), []
    for _ in range(blocks):
        events = [
            DecisionRecorded(
                result=random.token_bytes(16).hex(),
                case=random.token_bytes(32).hex(),
                report=random.token_bytes(32).hex(),
                profile="birth-registration",
                verdict="review",
                reasons=("chip.no_anchor", "document.copy_too_worn"),
                subject=Reference(kind="holder", text=f"{number % _PEOPLE}"),
            )
            for number in range(_BLOCK)
        ]
        before = time.process_time_ns()
        storage.evidence.append_alone(*events)
        samples.append((time.process_time_ns() - before) / _BLOCK / 1e3)
    return samples


def _check(recorder: Recorder, storage: Storage, signer: ServiceCheckpointSigner) -> None:
    log, size = storage.evidence, storage.evidence.size()
    before = time.process_time_ns()
    storage.checkpoints.make(signer=signer)
    recorder.exact("log_checkpoint_cpu_ms", (time.process_time_ns() - before) / 1e6, n=1, unit="ms")
    steps = range(0, size, max(1, size // 200))
    proofs = [len(log.inclusion_proof(number, size)) * HASH_BYTES for number in steps]
    recorder.samples("log_inclusion_proof_bytes", proofs, unit="bytes")
    proofs = [len(log.consistency_proof(old + 1, size)) * HASH_BYTES for old in steps]
    recorder.samples("log_consistency_proof_bytes", proofs, unit="bytes")
    prove_inclusion(log, storage.checkpoints, size // 2)
    out = io.BytesIO()
    write_export(log, storage.checkpoints, out)
    recorder.exact("log_export_bytes_per_entry", len(out.getvalue()) / size, n=size, unit="bytes")
    out.seek(0)
    before = time.process_time_ns()
    report = inspect_export(out, keys=(CheckpointKey(signer.public_key_der),))
    spent = (time.process_time_ns() - before) / size / 1e3
    if report.outcome is not Outcome.PASSED:
        raise AssertionError("a benchmark of a log that fails would measure the wrong thing")
    recorder.exact("log_verify_cpu_us_per_entry", spent, n=size, unit="us")
