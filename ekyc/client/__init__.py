"""A typed client of the HTTP service, sync and async, with retries and idempotency keys built in.

::

    with Client("https://ekyc.example.vn", key="ekyc_…") as ekyc:
        session = ekyc.create_session(procedure="identity")
        session = ekyc.submit(session.id, Path("case"), wait_s=20)
        if session.final and session.outcome == "approved":
            ...

Every POST carries an ``Idempotency-Key`` that stays the same when it is sent again, so a retry never does a thing twice.
Pass ``idempotency_key`` yourself where a retry must outlive your process. What the service refuses is an
:class:`ApiError` with its stable ``code``.
"""

from ekyc.client.asynchronous import AsyncClient
from ekyc.client.batch_calls import Batch, BatchItem
from ekyc.client.batches import AsyncBatches, Batches
from ekyc.client.captures import AsyncCaptures, Captures, CaptureState
from ekyc.client.case import (
    AsyncPresence,
    AsyncResults,
    AsyncSignatures,
    Presence,
    Results,
    Signatures,
)
from ekyc.client.case_calls import (
    Challenge,
    Credential,
    LivenessReport,
    LivenessSession,
    Proposal,
    SignatureRequest,
    SignerView,
)
from ekyc.client.chips import AsyncChips, ChipReading, Chips, ChipSession
from ekyc.client.consents import AsyncConsents, Consent, Consents
from ekyc.client.errors import (
    ApiError,
    ConflictError,
    DeniedError,
    InvalidError,
    MemberFault,
    NotFoundError,
    UnavailableError,
    UnreachableError,
)
from ekyc.client.exchange import RetryPolicy
from ekyc.client.factors import (
    AsyncFactors,
    AuthenticatorOffer,
    CodeGenerator,
    Factor,
    FactorAgreement,
    FactorEnrolment,
    Factors,
)
from ekyc.client.oversight import (
    AsyncAudit,
    AsyncReports,
    AsyncRights,
    Audit,
    Reports,
    Rights,
)
from ekyc.client.oversight_calls import (
    AuditCheckpoint,
    AuditEntry,
    DataAccess,
    Statement,
    SubjectRequest,
)
from ekyc.client.protections import AsyncProtections, Protection, Protections
from ekyc.client.synchronous import Client
from ekyc.client.tool_calls import ToolAnswer
from ekyc.client.tools import AsyncTools, Tools
from ekyc.client.values import (
    Artefact,
    CaptureToken,
    Check,
    Comparison,
    Decision,
    Dossier,
    Page,
    Procedure,
    Reason,
    Session,
    TimelineEntry,
)
from ekyc.client.webhooks import AsyncWebhooks, Delivery, WebhookEndpoint, Webhooks

__all__ = [
    "ApiError",
    "Artefact",
    "AsyncAudit",
    "AsyncBatches",
    "AsyncCaptures",
    "AsyncChips",
    "AsyncClient",
    "AsyncConsents",
    "AsyncFactors",
    "AsyncPresence",
    "AsyncProtections",
    "AsyncReports",
    "AsyncResults",
    "AsyncRights",
    "AsyncSignatures",
    "AsyncTools",
    "AsyncWebhooks",
    "Audit",
    "AuditCheckpoint",
    "AuditEntry",
    "AuthenticatorOffer",
    "Batch",
    "BatchItem",
    "Batches",
    "CaptureState",
    "CaptureToken",
    "Captures",
    "Challenge",
    "Check",
    "ChipReading",
    "ChipSession",
    "Chips",
    "Client",
    "CodeGenerator",
    "Comparison",
    "ConflictError",
    "Consent",
    "Consents",
    "Credential",
    "DataAccess",
    "Decision",
    "Delivery",
    "DeniedError",
    "Dossier",
    "Factor",
    "FactorAgreement",
    "FactorEnrolment",
    "Factors",
    "InvalidError",
    "LivenessReport",
    "LivenessSession",
    "MemberFault",
    "NotFoundError",
    "Page",
    "Presence",
    "Procedure",
    "Proposal",
    "Protection",
    "Protections",
    "Reason",
    "Reports",
    "Results",
    "RetryPolicy",
    "Rights",
    "Session",
    "SignatureRequest",
    "Signatures",
    "SignerView",
    "Statement",
    "SubjectRequest",
    "TimelineEntry",
    "ToolAnswer",
    "Tools",
    "UnavailableError",
    "UnreachableError",
    "WebhookEndpoint",
    "Webhooks",
]
