"""Suite ``chip``: what does passive authentication cost beyond the arithmetic that it cannot do without?

CPU milliseconds of one thread. For every algorithm in use the same work is measured three ways in the same run, each
the least of several rounds: the **bare** operations (the verifications with keys ready and digests made, the hashes of
the data groups), the whole passive authentication of a document whose signer was **never seen** (EF.SOD parsed, the
signer's certificate verified under its authority), and of one whose signer is **known** to the trust store. The
documents are made here, because nobody publishes data groups with a genuine EF.SOD; with ``--data`` the genuine EF.SODs
are measured as well, without data groups, and the master lists from the file and from the index.

Besides: what a file costs in memory that claims four gigabytes, read from a card and submitted.
"""

from __future__ import annotations

import tempfile
import time
import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.benchmarks.chip_material import (
    ALGORITHMS,
    AT,
    Document,
    bare_operations,
    make_document,
)
from ekyc.benchmarks.chip_relay import measure_relay
from ekyc.chip import ChainVerdict, inspect_chip
from ekyc.chip.access_key import MrzKey
from ekyc.chip.files import ElementaryFile
from ekyc.chip.lds.sod import parse_sod
from ekyc.chip.program import run_program
from ekyc.chip.reader import read_chip
from ekyc.chip.sim import CardSimulator, CitizenData, SimulatedIssuer
from ekyc.chip.sim.hostile import with_lying_file
from ekyc.errors import EkycError, InputError, TrustError
from ekyc.pki import (
    Certificate,
    PassiveAuthentication,
    TrustDatabase,
    TrustStore,
    inspect_passive_authentication,
    names,
)
from ekyc.pki.path import verify_issued_by
from ekyc.ports import SystemRandom

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder, RunOptions

ALLOWED_UNSEEN_MS: Final = 0.6
ALLOWED_KNOWN_MS: Final = 0.3
ALLOWED_LIST_COLD_MS: Final = 2000.0
ALLOWED_LIST_INDEXED_MS: Final = 50.0
ALLOWED_CLAIM_BYTES: Final = 1_000_000
_CALLS: Final = 10


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's question for every algorithm, every genuine EF.SOD and the largest master list."""
    assert options.data is not None  # the runner saw to it
    rounds = 3 if options.quick else 60
    lists = sorted((options.data / "chip/masterlists").glob("*.ml"))
    if not lists:
        raise InputError("no master list", code="bench.no_data", subject="chip/masterlists")
    made = [make_document(algorithm, seed=options.seed) for algorithm in ALGORITHMS]
    documents = made + _genuine(options.data / "chip/sods", TrustStore.load(lists))
    worst = {"unseen": 0.0, "known": 0.0}
    for done, document in enumerate(documents):
        recorder.progress(document.name, done, len(documents) + 1)
        for kind, above in _measure_document(recorder, document, rounds).items():
            worst[kind] = max(worst[kind], above)
    recorder.exact("worst.unseen_above_bare", worst["unseen"], n=len(documents), unit="ms")
    recorder.must("worst.unseen_above_bare", at_most=ALLOWED_UNSEEN_MS)
    recorder.exact("worst.known_above_bare", worst["known"], n=len(documents), unit="ms")
    recorder.must("worst.known_above_bare", at_most=ALLOWED_KNOWN_MS)
    measure_relay(recorder)
    recorder.progress("master list", len(documents), len(documents) + 1)
    _measure_list(recorder, max(lists, key=lambda path: path.stat().st_size), min(rounds, 20))
    _measure_claims(recorder)


def _genuine(folder: Path, trust: TrustStore) -> list[Document]:
    """Genuine EF.SODs that chain. Their data groups are personal and nowhere: only signature and path are measured."""
    found = []
    for path in sorted(folder.glob("*.bin")):
        document = Document(name=path.stem, sod=path.read_bytes(), groups={}, trust=trust)
        try:
            chained = _authenticate(document).chain.chain.verdict is ChainVerdict.CHAINED
        except EkycError:
            continue  # EF.CardSecurity, or damaged
        if chained:
            found.append(document)
    return found


def _measure_document(recorder: Recorder, document: Document, rounds: int) -> dict[str, float]:
    """Medians of what passive authentication takes above the bare operations of the same round."""
    passive = _authenticate(document)
    evidence, anchor = passive.signature.evidence, passive.chain.chain.anchor
    assert evidence is not None
    assert anchor is not None  # it chained
    signature, certificate, hashes = bare_operations(document, evidence, anchor.certificate)
    tasks: dict[str, Callable[[], object]] = {
        "bare_signature": signature,
        "bare_certificate": certificate,
        "bare_hashes": hashes,
        "parse": lambda: parse_sod(document.sod),
        "unseen": lambda: _authenticate_unseen(document),
        "known": lambda: _authenticate(document),
    }
    measured: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            measured[name].append(_cpu_ms(task))
    known_bare = [
        s + h for s, h in zip(*_pick(measured, "bare_signature", "bare_hashes"), strict=True)
    ]
    unseen_bare = [b + c for b, c in zip(known_bare, measured["bare_certificate"], strict=True)]
    above = {
        "unseen": [a - b for a, b in zip(measured["unseen"], unseen_bare, strict=True)],
        "known": [a - b for a, b in zip(measured["known"], known_bare, strict=True)],
    }
    for name, values in measured.items():
        recorder.samples(f"{document.name}.{name}", values, unit="ms")
    for name, values in above.items():
        recorder.samples(f"{document.name}.{name}_above_bare", values, unit="ms")
    medians = {name: float(np.median(values)) for name, values in above.items()}
    parts = {name: float(np.median(values)) for name, values in measured.items()}
    recorder.observe(
        document=document.name,
        groups=len(document.groups),
        parts_ms=parts,
        above_bare_ms=medians,
    )
    return medians


def _pick(measured: dict[str, list[float]], *wanted: str) -> list[list[float]]:
    return [measured[name] for name in wanted]


def _authenticate(document: Document) -> PassiveAuthentication:
    sod = parse_sod(document.sod)
    return inspect_passive_authentication(
        sod.signed, sod.security_object, document.groups, trust=document.trust, at=AT
    )


def _authenticate_unseen(document: Document) -> PassiveAuthentication:
    """The same with nothing remembered of the signer."""
    document.trust.verdicts.clear()
    names.forget_names()
    return _authenticate(document)


def _measure_list(recorder: Recorder, path: Path, rounds: int) -> None:
    """A master list from the file and from the index, and the signature of every certificate in it."""
    cold = [_cpu_ms(lambda: _load_cold(path), calls=1) for _ in range(rounds)]
    trust = TrustStore.load([path])
    certificates = _cpu_ms(lambda: _verify_all(trust), calls=1)
    with tempfile.TemporaryDirectory() as folder:
        database = TrustDatabase.create(Path(folder) / "trust")
        database.import_files([path], at=AT)
        indexed = [
            _cpu_ms(lambda: TrustStore.load([database.folder]), calls=1) for _ in range(rounds)
        ]
    recorder.exact("list.certificates", len(trust), n=1, unit="certificates")
    recorder.exact(
        "list.consistent_certificates", _verify_all(trust), n=len(trust), unit="certificates"
    )
    recorder.samples("list.cold", cold, unit="ms")
    recorder.must("list.cold", at_most=ALLOWED_LIST_COLD_MS)
    recorder.exact(
        "list.cold_with_every_certificate", float(np.median(cold)) + certificates, n=1, unit="ms"
    )
    recorder.must("list.cold_with_every_certificate", at_most=ALLOWED_LIST_COLD_MS)
    recorder.samples("list.from_index", indexed, unit="ms")
    recorder.must("list.from_index", at_most=ALLOWED_LIST_INDEXED_MS)


def _measure_claims(recorder: Recorder) -> None:
    """The most memory held at once for a DG2 that claims four gigabytes."""
    citizen = CitizenData(
        personal_number="048185012345",
        full_name="NGUYỄN THỊ MẪU",
        birth_date=date(1985, 4, 19),
        sex="F",
        issue_date=date(2023, 8, 21),
    )
    issuer = SimulatedIssuer.create()
    card = with_lying_file(issuer.issue_card(citizen, b"\xff\xd8\xff\xd9"), ElementaryFile.DG2)
    trust = TrustStore.from_certificates([issuer.csca_certificate_der])
    link, key = CardSimulator(card), MrzKey(*card.mrz_key)
    claims: dict[str, Callable[[], object]] = {
        "claim.read_peak": lambda: run_program(read_chip(key, random=SystemRandom()), link),
        "claim.submitted_peak": lambda: inspect_chip(card.files, trust=trust, at=AT),
    }
    for name, task in claims.items():
        recorder.exact(name, _peak_bytes(task), n=1, unit="bytes")
        recorder.must(name, at_most=ALLOWED_CLAIM_BYTES)


def _peak_bytes(task: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        task()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _load_cold(path: Path) -> TrustStore:
    names.forget_names()
    return TrustStore.load([path])


def _verify_all(trust: TrustStore) -> int:
    """How many certificates verify under an issuer of the same list."""
    return sum(_verifies(trust, anchor.certificate) for anchor in trust.anchors)


def _verifies(trust: TrustStore, certificate: Certificate) -> bool:
    for issuer in trust.issuers_of(certificate):
        try:
            verify_issued_by(certificate, issuer.certificate)
        except (InputError, TrustError):
            continue
        return True
    return False


def _cpu_ms(task: Callable[[], object], *, calls: int = _CALLS) -> float:
    before = time.process_time()
    for _ in range(calls):
        task()
    return (time.process_time() - before) * 1e3 / calls
