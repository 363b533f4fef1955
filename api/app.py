"""The application: what it is made of, and how it starts and ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import Depends, FastAPI

import ekyc
from ekyc.api.access import Gate, refuse_undeclared
from ekyc.api.access.front import AccessFront
from ekyc.api.access.routers import access_routers
from ekyc.api.admission import Admission
from ekyc.api.chip_relay import ChipRelays
from ekyc.api.chip_relay_routes import router as chip_relay_router
from ekyc.api.chip_relay_sessions import DEFAULT_CHIP_LIMITS, ChipSessionLimits, ChipSessions
from ekyc.api.csc import CscFront, csc_body_bytes, csc_routers
from ekyc.api.envelope import Envelope
from ekyc.api.errors import install_handlers
from ekyc.api.limits import DEFAULT_LIMITS, ServiceLimits
from ekyc.api.liveness_front import LivenessFront, liveness_body_bytes
from ekyc.api.liveness_routes import router as liveness_router
from ekyc.api.metrics import CountingVerifier, ServiceMetrics, expose_admission
from ekyc.api.ports import CaseVerifier
from ekyc.api.publication import Publication
from ekyc.api.publication_routes import router as publication_router
from ekyc.api.readiness import NOTHING_MORE, Ask
from ekyc.api.routes import UPLOAD_PATH, router
from ekyc.api.scratch import Scratch
from ekyc.api.v1 import (
    ResourceFront,
    ResponseExtras,
    resource_routers,
    takes_a_case,
    tool_body_bytes,
)
from ekyc.api.webhooks import Addresses
from ekyc.api.webhooks import router as webhook_router
from ekyc.pki import TrustStore
from ekyc.ports import Clock, SystemClock, SystemRandom
from ekyc.storage import Storage

_SYSTEM_CLOCK = SystemClock()
_DESCRIPTION = """\
Xác minh giấy tờ và danh tính trực tuyến: chip căn cước, bản chụp, bản sao, khuôn mặt.
Mọi quyết định kèm mã lý do; không chờ được thì chuyển cán bộ xem xét, không bao giờ tự chấp nhận.

Online verification of documents and identity: ID-card chip, photographs, copies, face.
Every decision carries reason codes; what cannot be decided goes to an officer and is never accepted by itself.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the operations work with."""

    verifier: CaseVerifier
    storage: Storage
    limits: ServiceLimits
    admission: Admission
    scratch: Scratch
    chip_relays: ChipRelays
    liveness: LivenessFront | None


def create_app(
    verifier: CaseVerifier,
    storage: Storage,
    *,
    limits: ServiceLimits = DEFAULT_LIMITS,
    hosts: frozenset[str] | None = None,
    scratch_parent: Path | None = None,
    trust: TrustStore | None = None,
    chip_limits: ChipSessionLimits = DEFAULT_CHIP_LIMITS,
    liveness: LivenessFront | None = None,
    csc: CscFront | None = None,
    gate: Gate | None = None,
    access: AccessFront | None = None,
    resources: ResourceFront | None = None,
    publication: Publication | None = None,
    webhooks: Addresses | None = None,
    metrics: ServiceMetrics | None = None,
    needed: Mapping[str, Ask] = NOTHING_MORE,
    clock: Clock = _SYSTEM_CLOCK,
) -> FastAPI:
    """Make the ASGI application.

    Args:
        verifier: verifies cases; the caller opens and closes it.
        storage: issues challenges; the caller opens and closes it. It must be the verifier's own.
        limits: bounds on requests.
        hosts: names that the ``Host`` header may give; ``None`` allows all.
        scratch_parent: folder for uploads; the system's temporary folder by default.
        trust: anchors by which relayed readings are judged; none by default, and no chip chains.
        chip_limits: bounds on relayed readings.
        liveness: sessions of the active challenge; without it their operations answer 404.
        csc: the interface of remote signing; without it there are no such operations.
        gate: finds out who calls; without it everybody may do everything, which is for development on one machine.
        access: clients, logins and consents, with a gate of its own; without it there are no such operations.
        resources: dossiers and verification sessions; without it there are no such operations.
        publication: what others check results with; without it its operations answer 404.
        webhooks: which addresses may be told of events, with resources; without it there are no such operations.
        metrics: counts what is asked and decided; the caller exposes it.
        needed: what must be there to be ready beside database and models, and how it is asked.
        clock: of relayed readings.
    """
    verifier = verifier if metrics is None else CountingVerifier(verifier, metrics)

    def body_bytes(path: str) -> int:
        if path == UPLOAD_PATH or takes_a_case(path):
            return limits.body_bytes
        own = liveness_body_bytes(path) or csc_body_bytes(path) or tool_body_bytes(path)
        return own or limits.small_body_bytes

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        scratch = Scratch.open(scratch_parent)
        admission = Admission(limits)
        _expose_queues(metrics, admission, liveness, csc)
        app.state.service = Service(
            verifier=verifier,
            storage=storage,
            limits=limits,
            admission=admission,
            scratch=scratch,
            chip_relays=ChipRelays(
                sessions=ChipSessions(chip_limits, clock=clock, random=SystemRandom()),
                trust=trust or TrustStore(),
            ),
            liveness=liveness,
        )
        async with AsyncExitStack() as stack:
            stack.callback(scratch.close)
            if resources is not None:
                await stack.enter_async_context(resources.running())
            yield

    app = FastAPI(
        title="ekyc",
        version=ekyc.__version__,
        description=_DESCRIPTION,
        docs_url=None,  # ours needs no script and no third party
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(refuse_undeclared)],
    )
    app.state.needed = {"database": storage.ping, "models": verifier.require_ready, **needed}
    _mount_access(app, access, gate)
    app.include_router(router)
    app.include_router(chip_relay_router)
    app.include_router(liveness_router)
    app.state.publication = publication
    app.include_router(publication_router)
    if csc is not None:
        app.state.csc = csc
        for csc_router in csc_routers():
            app.include_router(csc_router)
    if resources is not None:
        app.state.resources = resources
        for resource_router in resource_routers():
            app.include_router(resource_router)
        if webhooks is not None:
            app.state.webhook_addresses = webhooks
            app.include_router(webhook_router)
        app.add_middleware(ResponseExtras)
    install_handlers(app, retry_after_s=limits.retry_after_s)
    app.add_middleware(
        Envelope, body_bytes=body_bytes, body_s=limits.upload_s, hosts=hosts, metrics=metrics
    )
    return app


def _mount_access(app: FastAPI, access: AccessFront | None, gate: Gate | None) -> None:
    app.state.gate = gate
    if access is None:
        return
    app.state.gate, app.state.access = access.gate, access
    for access_router in access_routers:
        app.include_router(access_router)


def _expose_queues(
    metrics: ServiceMetrics | None,
    admission: Admission,
    liveness: LivenessFront | None,
    csc: CscFront | None,
) -> None:
    if metrics is None:
        return
    fronts = {"liveness": liveness, "signing": csc}
    others = {name: front.admission for name, front in fronts.items() if front is not None}
    expose_admission(metrics, {"verifications": admission, **others})
