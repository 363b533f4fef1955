"""What the suite ``signing`` measures besides PDF: CAdES, XAdES, JWS, and an activation over a hundred hashes."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ekyc.policy import Verdict
from ekyc.ports import SystemClock, SystemRandom
from ekyc.signing import (
    ActivationModule,
    Credential,
    EmbeddedAuthority,
    Evidence,
    Level,
    Party,
    SadIssuer,
    ShownDocument,
)
from ekyc.signing.activation.batch import BatchDocument, complete_batch, prepare_batch
from ekyc.signing.formats.cades import sign_cades
from ekyc.signing.formats.jades import sign_json
from ekyc.signing.formats.xades import sign_xml
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.software import SoftwareKey
from ekyc.storage import Storage
from ekyc.values import Sha256Hex

BATCH: Final = 100
_DIGEST: Final = hashlib.sha256(b"content").digest()
_XML: Final = "<hồSơ mã='1'><tên>Nguyễn Thị Mẫu</tên></hồSơ>".encode()
_JSON: Final = json.dumps({"tên": "Nguyễn Thị Mẫu"}, ensure_ascii=False).encode()
_HEX: Final = Sha256Hex(hashlib.sha256(b"benchmark").hexdigest())
_TASKS: Final[Mapping[str, Callable[[Party, Level], bytes]]] = {
    "sign_cades": lambda party, level: sign_cades(_DIGEST, party, level=level),
    "sign_xades": lambda party, level: sign_xml(_XML, party, level=level),
    "sign_jws": lambda party, level: sign_json(_JSON, party, level=level),
}


def tasks(party: Party) -> dict[str, Callable[[], object]]:
    """One signature of each format and level."""
    return {
        f"{name}_{level.lower().replace('-', '_')}": _bound(sign, party, level)
        for name, sign in _TASKS.items()
        for level in (Level.B_B, Level.B_LT)
    }


def batch_task(page: bytes, party: Party) -> Callable[[], object]:
    """Ten PDFs prepared, signed and completed together, B-T."""

    def run() -> object:
        documents = [BatchDocument(pdf=page)] * 10
        prepared = prepare_batch(documents, party.signer, party)
        values = [party.signer.key.sign_digest(digest) for digest in prepared.to_be_signed]
        return complete_batch(prepared, values, party)

    return run


def activation_ms(
    storage: Storage, party: Party, repetitions: int
) -> tuple[list[float], list[float]]:
    """CPU milliseconds a signature of one SAD over a hundred hashes: of all, and of the key alone.

    A signature beyond the key costs their difference: checking the SAD, burning it, checking every value, releasing.
    """
    issuer_key = SoftwareKey.generate(SignatureAlgorithm.ECDSA_P256)
    clock, random = SystemClock(), SystemRandom()
    credential = Credential(id="benchmark", holder=_HEX, identity=party.signer)
    issuer = SadIssuer("benchmark", key=issuer_key, clock=clock, random=random)
    module = ActivationModule(
        public_key_of={"benchmark": issuer_key.public_key_der}.get,
        credential_of={"benchmark": credential}.get,
        activations=storage.activations,
        results=storage.results,
        material=party.material,
        clock=clock,
    )
    hashes = [hashlib.sha256(bytes((number,))).digest() for number in range(BATCH)]
    shown = [ShownDocument(title="Văn bản", shown_digest=_HEX, to_be_signed=h) for h in hashes]
    whole, alone = [], []
    for _ in range(repetitions + 1):
        sad = issuer.issue(credential, shown, evidence=_evidence(storage), session=_HEX)
        begun = time.process_time()
        module.sign(sad, credential_id="benchmark", hashes=hashes, algorithm=credential.algorithm)
        between = time.process_time()
        for digest in hashes:
            party.signer.key.sign_digest(digest)
        ended = time.process_time()
        whole.append((between - begun) * 1000 / BATCH)
        alone.append((ended - between) * 1000 / BATCH)
    return whole[1:], alone[1:]


def openssl_cades_ms(authority: EmbeddedAuthority, folder: Path, repetitions: int) -> list[float]:
    """CPU milliseconds of ``openssl cms -sign -cades``, a process each time, as it is used.

    Raises:
        FileNotFoundError, CalledProcessError: there is no openssl, or it does not sign.
    """
    key = authority.signer.key
    assert isinstance(key, SoftwareKey)
    for name, data in {
        "key.der": key.pkcs8_der(),
        "cert.der": authority.signer.certificate_der,
        "content": b"content",
    }.items():
        (folder / name).write_bytes(data)
    for kind in ("pkey", "x509"):
        source, target = ("key.der", "key.pem") if kind == "pkey" else ("cert.der", "cert.pem")
        _openssl(folder, kind, "-inform", "DER", "-in", source, "-out", target)
    command = ["cms", "-sign", "-cades", "-binary", "-outform", "DER", "-md", "sha256"]
    command += ["-signer", "cert.pem", "-inkey", "key.pem", "-in", "content", "-out", "signed"]
    measured = []
    for _ in range(repetitions + 1):
        before = _children_s()
        _openssl(folder, *command)
        measured.append((_children_s() - before) * 1000)
    return measured[1:]


def _bound(
    sign: Callable[[Party, Level], bytes], party: Party, level: Level
) -> Callable[[], object]:
    return lambda: sign(party, level)


def _evidence(storage: Storage) -> Evidence:
    stored = storage.results.record(
        case_digest=_HEX, profile="demo", verdict=Verdict.ACCEPT, reasons=(), report_digest=_HEX
    )
    return Evidence(
        result_id=stored.id,
        report_digest=_HEX,
        verdict=Verdict.ACCEPT,
        holder=_HEX,
        session=_HEX,
        at=SystemClock().now(),
    )


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(  # noqa: S603  # fixed words
        ["openssl", *words],  # noqa: S607  # the one that an operator would use
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=60,
    )
