"""The authorising side over a signing process that runs elsewhere on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from ekyc.errors import UpstreamError
from ekyc.ports import Clock, Random, SystemClock, SystemRandom
from ekyc.signing.activation.enrolment import Enrolment
from ekyc.signing.activation.evidence import StoredEvidence
from ekyc.signing.activation.factors import SecondFactorDesk
from ekyc.signing.activation.remote import RemoteSigning
from ekyc.signing.activation.remote_service import SigningService
from ekyc.signing.activation.sad_issuer import SadIssuer
from ekyc.signing.authority.http_exchange import HttpExchange
from ekyc.signing.authority.timestamp_client import HttpTimestampAuthority
from ekyc.signing.csc.configuration import CscConfiguration, SigningSide
from ekyc.signing.keys.software import EmbeddedKeys
from ekyc.signing.sam import SamClient, StoredDirectory
from ekyc.signing.sam.assembly import RevocationFiles
from ekyc.signing.signatory import Services
from ekyc.signing.validation.material import ValidationMaterial
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


def open_enrolment(
    said: CscConfiguration, *, storage: Storage, service_key: ServiceKey, clock: Clock | None = None
) -> Enrolment | None:
    """What enrols second factors; ``None`` where no procedure is named for it.

    Args:
        said: the operator's description; its name is shown in people's generators of codes.
        storage: decisions and second factors.
        service_key: under which they are sealed.
        clock: the machine's by default.
    """
    if said.signing.enrolment_procedure is None:
        return None
    return Enrolment(
        storage.factors(service_key),
        nonces=storage.nonces,
        evidence=StoredEvidence(storage.persons),
        clock=clock or SystemClock(),
        party=said.signing.party,
        service_name=said.settings.name,
    )


@contextmanager
def open_time_services(
    said: CscConfiguration, *, clock: Clock | None = None, random: Random | None = None
) -> Iterator[Services | None]:
    """Time and status for whole documents and timestamps, while connections are kept; ``None`` where no authority is named.

    Args:
        said: the operator's description.
        clock: the machine's by default.
        random: the operating system's by default.

    Raises:
        InputError: ``signing.fetch.…``: the authority's address; or a file of trust cannot be read.
    """
    side = said.timestamp
    if side is None:
        yield None
        return
    files = RevocationFiles((*said.signing.revocation_lists, *side.trust))
    files.read()  # a mistake in a name shows now
    with closing(HttpExchange([side.url])) as exchange:
        authority = HttpTimestampAuthority(side.url, exchange=exchange, policies=side.policies)
        yield _TimeServices(
            clock=clock or SystemClock(),
            random=random or SystemRandom(),
            ask=authority.stamp,
            vouch=files.read,
        )


def services_without_time(said: CscConfiguration) -> Services:
    """Status alone, where no time-stamping authority is named: enough for signatures without a time (B-B)."""
    files = RevocationFiles(said.signing.revocation_lists)
    return _TimeServices(clock=SystemClock(), random=SystemRandom(), ask=_no_time, vouch=files.read)


def _no_time(request_der: bytes) -> bytes:
    del request_der
    raise UpstreamError("no time-stamping authority is named", code="signing.timestamp.failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class _TimeServices:
    clock: Clock
    random: Random
    ask: Callable[[bytes], bytes]
    vouch: Callable[[], ValidationMaterial]

    def stamp(self, request_der: bytes) -> bytes:
        return self.ask(request_der)

    def material(self) -> ValidationMaterial:
        return self.vouch()
