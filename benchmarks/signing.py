"""Suite ``signing``: what do a signature and its validation cost?

CPU milliseconds of the process, each call measured by itself, one at a time: EC P-256, timestamps and revocation lists
made in this process. Keys are software keys, or those of a PKCS#11 token where ``EKYC_TOKEN_MODULE``,
``EKYC_TOKEN_LABEL`` and ``EKYC_TOKEN_PIN`` name one (it gets a key of a name of its own); an authority across a network adds
its own time. With ``peers`` stock pyHanko signs the same page, and openssl a detached CMS, in the same run.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ekyc.benchmarks import signing_formats, signing_sam
from ekyc.outcomes import Check, Outcome
from ekyc.policy import load_profile
from ekyc.signing import (
    EmbeddedAuthority,
    Level,
    Party,
    ResultDocument,
    SigningIdentity,
    inspect_pdf,
    render_result_pdf,
    sign_pdf,
)
from ekyc.signing.authority.ca import SubjectName
from ekyc.signing.authority.ceremony import Authorities, hold_ceremony, open_authorities
from ekyc.signing.authority.certificates import CertificateProfile
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.pkcs11 import TokenKeys
from ekyc.signing.keys.port import KeyStore
from ekyc.signing.keys.software import EmbeddedKeys
from ekyc.storage import Storage

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder, RunOptions

_SUBJECT: Final = SubjectName(common_name="SAMPLE benchmark")
_FULL: Final = 100
_QUICK: Final = 5
_BOUNDS_MS: Final = {
    "sign_b_b_invisible": 20.0,
    "sign_b_b_visible": 30.0,
    "sign_b_lta_invisible": 42.0,
    "one_shot": 2.0,
    "sign_hash_beyond_key": 0.5,
    "sign_hash_over_socket_beyond_key": 0.5,
}


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's question; no data and no models needed."""
    repetitions = _QUICK if options.quick else _FULL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = EmbeddedAuthority.create(folder / "embedded", "benchmark")
        opening = _cpu_ms(
            lambda: EmbeddedAuthority.open(folder / "embedded", "benchmark"), min(repetitions, 10)
        )
        software = EmbeddedKeys.create(folder / "issuing", "benchmark")
        hold_ceremony(folder, root_passphrase="benchmark", keys=software)  # noqa: S106  # a folder that is gone after
        keys = _token_keys() or software
        with Storage.open(folder / "state.sqlite3") as storage:
            authorities = open_authorities(folder, keys=software, register=storage.certificates)
            party = _party(authorities, keys)
            tasks = _validations(authority) | _signatures(authorities, keys, party)
            if options.peers:
                _measure_peers(recorder, authority, folder, repetitions)
            _measure_activation(recorder, storage, party, max(_QUICK, repetitions // 5))
            whole, key = signing_sam.socket_ms(
                folder, storage, authorities, keys, max(_QUICK, repetitions // 5)
            )
            _record_beyond(recorder, "sign_hash_over_socket", whole, key)
            for done, (what, task) in enumerate(tasks.items()):
                recorder.progress(what.replace("_", " "), done, len(tasks))
                measured = _cpu_ms(task, repetitions)
                recorder.samples(f"{what}_cpu_ms", measured, unit="ms")
                recorder.observe(what=what, slowest_ms=max(measured), keys=keys.protection.value)
    recorder.samples("open_keystore_cpu_ms", opening, unit="ms")
    for what, bound in _BOUNDS_MS.items():
        recorder.must(f"{what}_cpu_ms", at_most=bound)


def _party(authorities: Authorities, keys: KeyStore) -> Party:
    """An agency with a long-term key."""
    ca = authorities.ca
    key = keys.generate(f"benchmark-{os.urandom(6).hex()}", SignatureAlgorithm.ECDSA_P256)
    certificate_der = ca.certify(
        key.public_key_der,
        profile=CertificateProfile.SEAL,
        subject=_SUBJECT,
        credential="benchmark",
    )
    return Party(
        signer=SigningIdentity(key=key, certificate_der=certificate_der, issuers_der=ca.chain_der),
        ask_for_time=authorities.timestamp_authority.answer,
        vouch=ca.material,
    )


def _signatures(
    authorities: Authorities, keys: KeyStore, party: Party
) -> dict[str, Callable[[], object]]:
    """Signing at every level with a long-term key, and a one-shot credential from its making to its end."""
    document = _document()
    page = render_result_pdf(document)
    shown = document.appearance(_SUBJECT.common_name)

    def one_shot() -> None:
        with authorities.ca.one_shot(keys, subject=_SUBJECT, credential="benchmark"):
            return

    return {
        "render_result_pdf": lambda: render_result_pdf(document),
        "sign_b_b_invisible": lambda: sign_pdf(page, party, level=Level.B_B),
        "sign_b_b_visible": lambda: sign_pdf(page, party, level=Level.B_B, appearance=shown),
        "sign_b_t_invisible": lambda: sign_pdf(page, party),
        "sign_b_t_visible": lambda: sign_pdf(page, party, appearance=shown),
        "sign_b_lta_invisible": lambda: sign_pdf(page, party, level=Level.B_LTA),
        "sign_b_lta_visible": lambda: sign_pdf(page, party, level=Level.B_LTA, appearance=shown),
        "sign_batch_of_10_b_t": signing_formats.batch_task(page, party),
        **signing_formats.tasks(party),
        "one_shot": one_shot,
    }


def _measure_activation(
    recorder: Recorder, storage: Storage, party: Party, repetitions: int
) -> None:
    whole, key = signing_formats.activation_ms(storage, party, repetitions)
    recorder.samples("sign_hash_of_100_cpu_ms", whole, unit="ms")
    _record_beyond(recorder, "sign_hash", whole, key)


def _record_beyond(recorder: Recorder, what: str, whole: list[float], key: list[float]) -> None:
    """What is left of a signature without its key."""
    beyond = [max(0.0, both - alone) for both, alone in zip(whole, key, strict=True)]
    recorder.samples(f"{what}_beyond_key_cpu_ms", beyond, unit="ms")


def _validations(authority: EmbeddedAuthority) -> dict[str, Callable[[], object]]:
    page = render_result_pdf(_document())
    signed = sign_pdf(page, authority, document=_document())
    invisible = sign_pdf(page, authority)
    preserved = sign_pdf(page, authority, level=Level.B_LTA)
    return {
        "validate_visible": lambda: _passed(signed, authority),
        "validate_invisible": lambda: _passed(invisible, authority),
        "validate_b_lta": lambda: _passed(preserved, authority),
    }


def _measure_peers(
    recorder: Recorder, authority: EmbeddedAuthority, folder: Path, repetitions: int
) -> None:
    from ekyc.benchmarks.signing_peers import StockPyHanko  # noqa: PLC0415  # only with --peers

    peer, document = StockPyHanko(authority), _document()
    page = render_result_pdf(document)
    shown = document.appearance("SAMPLE benchmark")
    tasks: dict[str, Callable[[], object]] = {
        "sign_b_b_invisible": lambda: peer.sign_b_b(page),
        "sign_b_b_visible": lambda: peer.sign_b_b(page, shown),
        "sign_b_lta_invisible": lambda: peer.sign_b_lta(page),
    }
    for what, task in tasks.items():
        measured = _cpu_ms(task, max(_QUICK, repetitions // 10))
        recorder.samples(f"{what}_cpu_ms", measured, unit="ms", peer=StockPyHanko.name)
    few = max(_QUICK, repetitions // 10)
    with suppress(OSError, subprocess.CalledProcessError):  # where openssl is not installed
        measured = signing_formats.openssl_cades_ms(authority, folder, few)
        recorder.samples("sign_cades_b_b_cpu_ms", measured, unit="ms", peer="openssl cms")


def _token_keys() -> KeyStore | None:
    settings = [os.environ.get(f"EKYC_TOKEN_{name}") for name in ("MODULE", "LABEL", "PIN")]
    module, label, pin = settings
    if module is None or label is None or pin is None:
        return None
    return TokenKeys(module, label, pin)


def _cpu_ms(task: Callable[[], object], repetitions: int) -> list[float]:
    task()
    measured = []
    for _ in range(repetitions):
        before = time.process_time()
        task()
        measured.append((time.process_time() - before) * 1000)
    return measured


def _passed(pdf: bytes, authority: EmbeddedAuthority) -> None:
    if inspect_pdf(pdf, anchors=authority.anchors).outcome is not Outcome.PASSED:
        raise AssertionError("a benchmark of validations that fail would measure the wrong thing")


def _document() -> ResultDocument:
    profile = load_profile("demo")
    return ResultDocument(
        record_id="0193b7a2-6f41-7c3e-9d11-6a2f0c7e8b55",
        profile_title_vi=profile.title_vi,
        profile_title_en=profile.title_en,
        issued_at=datetime(2026, 1, 15, tzinfo=UTC),
        verdict="accept",
        checks=tuple(Check(id=name, outcome=Outcome.PASSED) for name in profile.required),
        required=profile.required,
        case_digest=hashlib.sha256(b"case").hexdigest(),
        report_digest=hashlib.sha256(b"report").hexdigest(),
        sample=True,
    )
