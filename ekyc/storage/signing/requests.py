"""Requests that somebody sign a document: rows of one tenant, and what each holds, sealed.

The columns say whose it is and how far; everything else, such as the title, the prepared document's place, the
activation data and the signature value, lies sealed under the service's key. A row moves from a version to the next one:
of two processes at the same step one goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, insert, select, update

from ekyc.errors import InputError
from ekyc.storage.dossiers.rows import page_query
from ekyc.storage.sealed.protections import NameKind, require_unrestricted
from ekyc.storage.tables import Instant, metadata
from ekyc.storage.webhooks.outbox import Outbox, SignatureMoved

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from ekyc.storage.dossiers.rows import PageOf
    from ekyc.storage.service_key import Sealer

signature_requests: Final = Table(
    "signature_requests",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", String(40), primary_key=True),
    Column("session_id", String(40), nullable=False),
    Column("procedure", String(64), nullable=False),
    Column("office", String(64), nullable=True),
    Column("subject", String(64), nullable=True),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("token_digest", LargeBinary, nullable=False),
    Column("failure", String(64), nullable=True),
    Column("document", String(40), nullable=True),
    Column("body", LargeBinary, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("deadline", Instant, nullable=True),
    Index("ix_signature_requests_created_at", "tenant_id", "created_at"),
    Index("ix_signature_requests_session_id", "tenant_id", "session_id"),
    Index("ix_signature_requests_token_digest", "token_digest", unique=True),
)


class SignatureState(StrEnum):
    """How far a request is."""

    AWAITING_SIGNER = "awaiting_signer"
    SIGNING = "signing"
    SIGNED = "signed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELED = "canceled"


class SignatureRequestError(InputError):
    """A request for a signature does not allow that.

    Codes: ``signature.unknown``, ``signature.state``, ``signature.token``, ``signature.not_proposed``.
    """

    default_code = "signature.state"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRequest:
    """One request."""

    id: str
    session_id: str
    procedure: str
    office: str | None
    subject: str | None
    """Pseudonym of the login whose session it was, where it was a citizen's own."""
    state: SignatureState
    version: int
    failure: str | None
    """Code, in *failed*."""
    document: str | None
    """Artefact of the signed document, in *signed*."""
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    deadline: datetime | None
    """In *signing*: after this the attempt is taken for lost."""
    body: Mapping[str, Any] | None = field(repr=False)
    """What is sealed; ``None`` once the person was erased."""


_PLAIN: Final = tuple(name for name in SignatureRequest.__slots__ if name not in {"state", "body"})


class SignatureRequests:
    """Requests of one tenant inside one transaction."""

    def __init__(
        self, connection: Connection, tenant: str, *, sealer: Sealer, now: datetime, outbox: Outbox
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._sealer = sealer
        self._now = now
        self._outbox = outbox

    def add(self, request: SignatureRequest, token_digest: bytes) -> None:
        """Record a new request."""
        self._connection.execute(
            insert(signature_requests).values(
                tenant_id=self._tenant,
                token_digest=token_digest,
                state=request.state.value,
                body=self._sealed(request),
                **{name: getattr(request, name) for name in _PLAIN},
            )
        )
        self._tell(request)

    def get(self, request_id: str, *, lock: bool = False) -> SignatureRequest | None:
        """One by its id; with ``lock``, held until the transaction ends."""
        table = signature_requests.c
        query = select(signature_requests).where(
            table.tenant_id == self._tenant, table.id == request_id
        )
        row = self._connection.execute(query.with_for_update() if lock else query).one_or_none()
        return None if row is None else self._opened(row)

    def page(self, page: PageOf) -> tuple[SignatureRequest, ...]:
        """The newest first."""
        rows = self._connection.execute(page_query(signature_requests, self._tenant, page))
        return tuple(self._opened(row) for row in rows)

    def move(self, request: SignatureRequest, **changes: Any) -> SignatureRequest:
        """Bring a request to its next version; whoever waits for it is told of another state.

        Args:
            request: as it was read.
            changes: members and their new values.

        Raises:
            SignatureRequestError: ``signature.state``: another was faster.
            ProtectedError: ``subject.restricted``: nobody signs with a person's restricted data.
        """
        if changes.get("state") is SignatureState.SIGNING:
            session = (NameKind.SESSION, request.session_id)
            require_unrestricted(self._connection, self._tenant, [session])
        moved = replace(request, version=request.version + 1, updated_at=self._now, **changes)
        table = signature_requests.c
        done = self._connection.execute(
            update(signature_requests)
            .where(
                table.tenant_id == self._tenant,
                table.id == request.id,
                table.version == request.version,
            )
            .values(
                state=moved.state.value,
                body=self._sealed(moved),
                **{name: getattr(moved, name) for name in _PLAIN},
            )
        )
        if done.rowcount != 1:
            raise SignatureRequestError("it was moved by another")
        if moved.state is not request.state:
            self._tell(moved)
        return moved

    def forget(self, session_id: str) -> None:
        """Erase what the requests of a session hold; those that are open end."""
        table = signature_requests.c
        query = select(signature_requests).where(
            table.tenant_id == self._tenant, table.session_id == session_id
        )
        open_ones = {SignatureState.AWAITING_SIGNER, SignatureState.SIGNING}
        for row in self._connection.execute(query.with_for_update()).all():
            request = self._opened(row)
            state = SignatureState.CANCELED if request.state in open_ones else request.state
            self.move(request, state=state, body=None, deadline=None)

    @staticmethod
    def place_of(connection: Connection, token_digest: bytes) -> tuple[str, str] | None:
        """Tenant and id of the request that a token is for."""
        table = signature_requests.c
        query = select(table.tenant_id, table.id).where(table.token_digest == token_digest)
        row = connection.execute(query).one_or_none()
        return None if row is None else (row.tenant_id, row.id)

    def _tell(self, request: SignatureRequest) -> None:
        moved = SignatureMoved(id=request.id, state=request.state.value)
        self._outbox.put(moved, office=request.office)

    def _sealed(self, request: SignatureRequest) -> bytes | None:
        if request.body is None:
            return None
        return self._sealer.seal(json.dumps(dict(request.body)).encode(), _place(request.id))

    def _opened(self, row: Row[Any]) -> SignatureRequest:
        body = None
        if row.body is not None:
            body = json.loads(self._sealer.open(row.body, _place(row.id)))
        plain = {name: getattr(row, name) for name in _PLAIN}
        return SignatureRequest(state=SignatureState(row.state), body=body, **plain)


def _place(request_id: str) -> str:
    return f"signature_requests/{request_id}/body"
