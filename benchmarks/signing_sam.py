"""What the signing process costs beyond the key: one SAD over a hundred hashes, asked for over its socket.

Both sides run in this process, the signing side as a thread, so that the CPU time of both is counted.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Final

from ekyc.policy import Verdict
from ekyc.ports import SystemClock, SystemRandom
from ekyc.signing import ActivationModule, Evidence, SadIssuer, ShownDocument
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.authority.ca import SubjectName
from ekyc.signing.authority.ceremony import Authorities
from ekyc.signing.authority.certificates import CertificateProfile
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.port import KeyStore
from ekyc.signing.keys.software import SoftwareKey
from ekyc.signing.sam import (
    SamClient,
    SamCredentials,
    SamServer,
    SignatureActivationModule,
    StoredDirectory,
    open_credential,
)
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.storage import CredentialStore, ServiceKey, Storage
from ekyc.values import Sha256Hex

BATCH: Final = 100
_HEX: Final = Sha256Hex(hashlib.sha256(b"benchmark").hexdigest())
_METHODS: Final = frozenset({ActivationMethod.VERIFICATION})


def socket_ms(
    folder: Path, storage: Storage, authorities: Authorities, keys: KeyStore, repetitions: int
) -> tuple[list[float], list[float]]:
    """CPU milliseconds a signature, of both sides together and of the key alone.

    Args:
        folder: for the socket.
        storage: of a pilot.
        authorities: who certifies the credential.
        keys: where its key is made, EC P-256.
        repetitions: how many batches.
    """
    clock, random = SystemClock(), SystemRandom()
    records = storage.credentials(ServiceKey(random.token_bytes(32)))
    name = open_credential(
        records,
        keys,
        authorities.ca,
        issuers_der=authorities.ca.chain_der,
        holder=_HEX,
        subject=SubjectName(common_name="SAMPLE benchmark"),
        profile=CertificateProfile.CITIZEN,
        random=random,
        methods=_METHODS,
    )
    issuer_key = SoftwareKey.generate(SignatureAlgorithm.ECDSA_P256)
    issuer = SadIssuer("benchmark", key=issuer_key, clock=clock, random=random)
    credential = StoredDirectory(records).find(name)
    assert credential is not None, "it was made above"
    hashes = [hashlib.sha256(bytes((number,))).digest() for number in range(BATCH)]
    shown = [ShownDocument(title="Văn bản", shown_digest=_HEX, to_be_signed=h) for h in hashes]
    key = keys.open(name)
    whole, alone = [], []
    with _served(folder / "sam.sock", storage, records, keys, issuer_key) as client:
        for _ in range(repetitions + 1):
            sad = issuer.issue(credential, shown, evidence=_evidence(storage), session=_HEX)
            begun = time.process_time()
            client.sign(sad, credential_id=name, hashes=hashes, algorithm=credential.algorithm)
            between = time.process_time()
            for digest in hashes:
                key.sign_digest(digest)
            ended = time.process_time()
            whole.append((between - begun) * 1000 / BATCH)
            alone.append((ended - between) * 1000 / BATCH)
    return whole[1:], alone[1:]


@contextmanager
def _served(
    path: Path,
    storage: Storage,
    records: CredentialStore,
    keys: KeyStore,
    issuer_key: SoftwareKey,
) -> Iterator[SamClient]:
    credentials = SamCredentials(records, keys, methods=_METHODS, register=storage.certificates)
    activation = ActivationModule(
        public_key_of={"benchmark": issuer_key.public_key_der}.get,
        credential_of=credentials.find,
        certificate_of=credentials.certificate,
        activations=storage.activations,
        results=storage.results,
        persons=storage.persons,
        material=ValidationMaterial,
        clock=SystemClock(),
    )
    module = SignatureActivationModule(
        activation=activation, credentials=credentials, protection=keys.protection
    )
    server = SamServer(module.answer, path, users=frozenset({os.getuid()}))
    thread = Thread(target=server.serve)
    thread.start()
    try:
        with SamClient(path) as client:
            yield client
    finally:
        server.stop()
        thread.join()


def _evidence(storage: Storage) -> Evidence:
    stored = storage.results.record(
        case_digest=_HEX, profile="demo", verdict=Verdict.ACCEPT, reasons=(), report_digest=_HEX
    )
    storage.persons.bind(stored.id, holder=_HEX, session=_HEX)
    return Evidence(
        result_id=stored.id,
        report_digest=_HEX,
        verdict=Verdict.ACCEPT,
        holder=_HEX,
        session=_HEX,
        at=stored.created_at,
    )
