"""The application: what it is made of, and how it starts and ends."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, FastAPI

import ekyc
from ekyc.api.access import Gate, refuse_undeclared
from ekyc.api.access.consent_routes import router as consent_router
from ekyc.api.access.front import AccessFront
from ekyc.api.access.routers import access_routers
from ekyc.api.admission import Admission
from ekyc.api.batches import batch_body_bytes
from ekyc.api.batches.quota import CaseQuota
from ekyc.api.chip_relay import ChipRelays
from ekyc.api.chip_relay_routes import router as chip_relay_router
from ekyc.api.chip_relay_sessions import DEFAULT_CHIP_LIMITS, ChipSessionLimits, ChipSessions
from ekyc.api.credentials import CredentialFront
from ekyc.api.credentials import router as credential_router
from ekyc.api.csc import CscFront, csc_body_bytes, csc_routers
from ekyc.api.described import describe_problems
from ekyc.api.envelope import Envelope
from ekyc.api.errors import install_handlers
from ekyc.api.limits import DEFAULT_LIMITS, ServiceLimits
from ekyc.api.liveness_front import LivenessFront, liveness_body_bytes
from ekyc.api.liveness_routes import router as liveness_router
from ekyc.api.metrics import CountingVerifier, ServiceMetrics, expose_admission, expose_case_quota
from ekyc.api.ports import CaseVerifier
from ekyc.api.publication import Publication
from ekyc.api.publication_routes import router as publication_router
from ekyc.api.readiness import NOTHING_MORE, Ask, Readiness
from ekyc.api.routes import router
from ekyc.api.scratch import Scratch
from ekyc.api.serving import UPLOAD_PATH
from ekyc.api.signatures import (
    SignatureFront,
    authenticator_router,
    factor_router,
    signer_router,
)
from ekyc.api.signatures import router as signature_router
from ekyc.api.tools import Tools, tool_body_bytes, tool_routers
from ekyc.api.v1 import (
    ResourceFront,
    ResponseExtras,
    Workshop,
    carrying,
    resource_routers,
    takes_a_case,
)
from ekyc.api.v1.once import Once
from ekyc.api.v1.rates import RateLimit, Rates
from ekyc.api.webhooks import Addresses
from ekyc.api.webhooks import router as webhook_router
from ekyc.pki import TrustStore
from ekyc.ports import Clock, SystemClock, SystemRandom
from ekyc.storage import Storage

if TYPE_CHECKING:
    from ekyc.api.tracing import Tracing

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
    tool_admission: Admission
    """A share of their own: a rush of questions turns no verification away, and the reverse."""
    case_quota: CaseQuota
    scratch: Scratch
    chip_relays: ChipRelays
    liveness: LivenessFront | None
    tools: Tools | None


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
    tools: Tools | None = None,
    credentials: CredentialFront | None = None,
    signatures: SignatureFront | None = None,
    publication: Publication | None = None,
    webhooks: Addresses | None = None,
    metrics: ServiceMetrics | None = None,
    tracing: Tracing | None = None,
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
        tools: answers single questions, with resources; without it only chip files are inspected.
        credentials: in whose name results are issued, with resources; nothing is issued without.
        signatures: what carries requests for signatures on, with resources; nothing is signed without.
        publication: what others check results with; without it its operations answer 404.
        webhooks: which addresses may be told of events, with resources; without it there are no such operations.
        metrics: counts what is asked and decided; the caller exposes it.
        tracing: makes spans of requests; the caller opens and closes it, and has it watch the verifier.
        needed: what must be there to be ready beside database and models, and how it is asked.
        clock: of relayed readings.
    """
    verifier = verifier if metrics is None else CountingVerifier(verifier, metrics)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        scratch = Scratch.open(scratch_parent)
        admission, tool_admission = Admission(limits), Admission(limits)
        case_quota = CaseQuota(limits)
        queues = {"verifications": admission, "tools": tool_admission}
        _expose_queues(metrics, queues, case_quota, liveness, csc)
        app.state.service = Service(
            verifier=verifier,
            storage=storage,
            limits=limits,
            admission=admission,
            tool_admission=tool_admission,
            case_quota=case_quota,
            scratch=scratch,
            chip_relays=ChipRelays(
                sessions=ChipSessions(chip_limits, clock=clock, random=SystemRandom()),
                trust=trust or TrustStore(),
            ),
            liveness=liveness,
            tools=tools,
        )
        async with AsyncExitStack() as stack:
            stack.callback(scratch.close)
            if resources is not None:
                workshop = Workshop(admission=admission, verifier=verifier, scratch=scratch)
                await stack.enter_async_context(carrying(resources, workshop))
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
        # The framework's own would export paths, queries and what exceptions say, if the environment asked it to.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    app.state.readiness = Readiness(
        {"database": storage.ping, "models": verifier.require_ready, **needed}
    )
    _mount_access(app, access, gate, resources)
    _mount(app, router, chip_relay_router, liveness_router)
    _mount_counting(app, resources)
    app.state.publication = publication
    _mount(app, publication_router)
    if csc is not None:
        app.state.csc = csc
        _mount(app, *csc_routers())
    if resources is not None:
        app.state.credentials = credentials or CredentialFront()
        app.state.signatures = signatures or SignatureFront()
        _mount_resources(app, resources, webhooks)
    describe_problems(app)
    install_handlers(app, retry_after_s=limits.retry_after_s)
    app.add_middleware(
        Envelope,
        body_bytes=partial(_body_bytes, limits),
        body_s=limits.upload_s,
        hosts=hosts,
        metrics=metrics,
        tracing=tracing,
    )
    return app


def _body_bytes(limits: ServiceLimits, path: str) -> int:
    """How large the body of a request may be."""
    if path == UPLOAD_PATH or takes_a_case(path):
        return limits.body_bytes
    own = liveness_body_bytes(path) or csc_body_bytes(path) or tool_body_bytes(path)
    return own or batch_body_bytes(path, limits) or limits.small_body_bytes


def _mount(app: FastAPI, *routers: APIRouter) -> None:
    for one in routers:
        app.include_router(one)


def _mount_resources(app: FastAPI, resources: ResourceFront, webhooks: Addresses | None) -> None:
    app.state.resources = resources
    _mount(app, *resource_routers(), credential_router)
    _mount(app, signature_router, signer_router, factor_router, authenticator_router)
    _mount(app, *tool_routers)
    if webhooks is not None:
        app.state.webhook_addresses = webhooks
        _mount(app, webhook_router)


def _mount_counting(app: FastAPI, resources: ResourceFront | None) -> None:
    """Rates and keys of requests, which operations without a resource count by too."""
    if resources is None:
        app.state.once = Once(secrets.token_bytes(32))
        app.state.rates = Rates(RateLimit(), time.monotonic)
    else:
        app.state.once, app.state.rates = resources.once, resources.rates
    app.add_middleware(ResponseExtras)


def _mount_access(
    app: FastAPI, access: AccessFront | None, gate: Gate | None, resources: ResourceFront | None
) -> None:
    app.state.gate = gate
    if access is None:
        return
    app.state.gate, app.state.access = access.gate, access
    _mount(app, *access_routers)
    if resources is not None:
        _mount(app, consent_router)


def _expose_queues(
    metrics: ServiceMetrics | None,
    queues: Mapping[str, Admission],
    case_quota: CaseQuota,
    liveness: LivenessFront | None,
    csc: CscFront | None,
) -> None:
    if metrics is None:
        return
    fronts = {"liveness": liveness, "signing": csc}
    others = {name: front.admission for name, front in fronts.items() if front is not None}
    expose_admission(metrics, {**queues, **others})
    expose_case_quota(metrics, case_quota)
