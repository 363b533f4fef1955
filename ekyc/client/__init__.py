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
from ekyc.client.synchronous import Client
from ekyc.client.values import (
    CaptureToken,
    Check,
    Decision,
    Dossier,
    Page,
    Procedure,
    Reason,
    Session,
)

__all__ = [
    "ApiError",
    "AsyncClient",
    "CaptureToken",
    "Check",
    "Client",
    "ConflictError",
    "Decision",
    "DeniedError",
    "Dossier",
    "InvalidError",
    "MemberFault",
    "NotFoundError",
    "Page",
    "Procedure",
    "Reason",
    "RetryPolicy",
    "Session",
    "UnavailableError",
    "UnreachableError",
]
