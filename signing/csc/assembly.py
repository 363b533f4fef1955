"""The authorising side over a signing process that runs elsewhere on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ekyc.ports import Clock, Random, SystemClock, SystemRandom
from ekyc.signing.csc.configuration import SigningSide
from ekyc.signing.evidence import StoredEvidence
from ekyc.signing.factors import SecondFactorDesk
from ekyc.signing.remote import RemoteSigning
from ekyc.signing.remote_service import SigningService
from ekyc.signing.sad_issuer import SadIssuer
from ekyc.signing.sam import SamClient, StoredDirectory
from ekyc.signing.sam.assembly import RevocationFiles
from ekyc.signing.software_keys import EmbeddedKeys
from ekyc.storage import ServiceKey, Storage


@contextmanager
def open_remote_signing(
    side: SigningSide,
    passphrase: str,
    *,
    storage: Storage,
    service_key: ServiceKey,
    clock: Clock | None = None,
    random: Random | None = None,
) -> Iterator[RemoteSigning]:
    """Remote signing, while the connection to the signing process is open.

    Args:
        side: where that process is, and our key.
        passphrase: of the folder of our key.
        storage: decisions, credentials and second factors; the signing process reads the same database.
        service_key: under which they are sealed.
        clock: the machine's by default.
        random: the operating system's by default.

    Raises:
        InputError: ``signing.key.…``, ``signing.keystore.…``: the key cannot be opened.
    """
    clock, random = clock or SystemClock(), random or SystemRandom()
    key = EmbeddedKeys.unlock(side.issuer_keys, passphrase).open(side.issuer)
    with SamClient(side.socket) as client:
        yield SigningService(
            issuer=SadIssuer(side.issuer, key=key, clock=clock, random=random),
            module=client,
            credentials=StoredDirectory(storage.credentials(service_key)),
            evidence=StoredEvidence(storage.persons),
            material=RevocationFiles(side.revocation_lists).read,
            clock=clock,
            factors=SecondFactorDesk(storage.factors(service_key), clock=clock, party=side.party),
        )
