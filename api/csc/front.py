"""What the routes of the signing interface work with, behind a bounded set of workers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ekyc.api.admission import Admission
from ekyc.api.limits import MEBIBYTE
from ekyc.ports import Clock, SystemClock
from ekyc.signing.csc import (
    AuthorizationServer,
    ClientRegister,
    Consent,
    CscService,
    CscSettings,
)

if TYPE_CHECKING:
    from ekyc.signing.activation.remote import RemoteSigning
    from ekyc.signing.signatory import Services
    from ekyc.storage import GrantStore

ROOT: Final = "/csc"
V1: Final = "/csc/v1"
V2: Final = "/csc/v2"
OAUTH: Final = "/csc/oauth2"
CONSENT: Final = "/csc/consent"
_DOCUMENT_BODY_BYTES: Final = 32 * MEBIBYTE
_WITH_DOCUMENTS: Final = (f"{V2}/credentials/authorize", f"{V2}/signatures/signDoc")


@dataclass(frozen=True, slots=True, kw_only=True)
class CscLimits:
    """What the signing interface may cost one process."""

    workers: int = 4
    """Calls that wait for keys and database at once."""
    waiting: int = 64
    """That may wait for a worker; the next one is turned away."""


@dataclass(slots=True, kw_only=True)
class CscFront:
    """The signing interface behind a bounded set of workers. Lives in one event loop."""

    settings: CscSettings
    clients: ClientRegister
    server: AuthorizationServer
    consent: Consent
    service: CscService
    limits: CscLimits = field(default_factory=CscLimits)
    admission: Admission = field(init=False)

    def __post_init__(self) -> None:
        self.admission = Admission(self.limits)


def open_csc_front(
    settings: CscSettings,
    clients: ClientRegister,
    *,
    signing: RemoteSigning,
    grants: GrantStore,
    services: Services | None = None,
    limits: CscLimits | None = None,
    clock: Clock | None = None,
) -> CscFront:
    """Put the interface together over a signing service.

    Args:
        settings: how it presents itself.
        clients: who may call.
        signing: keys and persons' words.
        grants: codes and tokens; of the same clock.
        services: time and status, for whole documents and timestamps; without, neither is offered.
        limits: bounds.
        clock: for what is left of a token's life.
    """
    clock = clock or SystemClock()
    server = AuthorizationServer(
        issuer=settings.issuer,
        login_url=settings.login_url,
        clients=clients,
        grants=grants,
        clock=clock,
    )
    consent = Consent(signing=signing, server=server, clients=clients, grants=grants)
    service = CscService(
        signing=signing,
        server=server,
        consent=consent,
        grants=grants,
        services=services,
        clock=clock,
    )
    return CscFront(
        settings=settings,
        clients=clients,
        server=server,
        consent=consent,
        service=service,
        limits=limits or CscLimits(),
    )


def csc_body_bytes(path: str) -> int | None:
    """Bound on a request body, for the operations that carry documents."""
    return _DOCUMENT_BODY_BYTES if path in _WITH_DOCUMENTS else None
