"""What a whole case needs beside its session, in groups of a client.

::

    with Client("https://ekyc.example.vn", key="ekyc_…") as ekyc:
        result = ekyc.results.issue(session.id)
        request = ekyc.signatures.ask(session.id, "Result", credential_id=result.id)
    with Client("https://ekyc.example.vn", key=request.signer_token) as signer:  # on the signer's device
        signer.signatures.propose(request.id)
        signer.signatures.authorise(request.id, approve=True, code="123456")
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from ekyc.client import case_calls
from ekyc.client.case_calls import (
    Challenge,
    Credential,
    LivenessReport,
    LivenessSession,
    Proposal,
    SignatureRequest,
    SignerView,
)
from ekyc.client.oversight import all_of, all_of_async
from ekyc.client.tools import Do, DoAsync


class Presence:
    """Proofs that the chip and the person are there, now."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def challenge(self, *, dg14: bytes | None = None, ttl_s: int = 300) -> Challenge:
        """A challenge that a chip answers; with EF.DG14 also the commands of chip authentication."""
        return self._do(case_calls.challenge(dg14, ttl_s))

    def liveness_session(
        self,
        case: str,
        subject: str,
        *,
        challenge_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> LivenessSession:
        """A test for a live person, for this case and subject alone; both are the portal's own references."""
        return self._do(case_calls.liveness_session(case, subject, challenge_id, idempotency_key))

    def liveness_report(self, live: LivenessSession) -> LivenessReport:
        """How far a test is, and once it is finished what it found."""
        return self._do(case_calls.liveness_report(live))

    def forget_liveness(self, live: LivenessSession) -> None:
        """Let go of a test and all that it holds, at once."""
        return self._do(case_calls.forget_liveness(live))


class AsyncPresence:
    """As :class:`Presence`, awaited."""

    def __init__(self, do: DoAsync) -> None:
        self._do = do

    async def challenge(self, *, dg14: bytes | None = None, ttl_s: int = 300) -> Challenge:
        """As :meth:`Presence.challenge`."""
        return await self._do(case_calls.challenge(dg14, ttl_s))

    async def liveness_session(
        self,
        case: str,
        subject: str,
        *,
        challenge_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> LivenessSession:
        """As :meth:`Presence.liveness_session`."""
        return await self._do(
            case_calls.liveness_session(case, subject, challenge_id, idempotency_key)
        )

    async def liveness_report(self, live: LivenessSession) -> LivenessReport:
        """As :meth:`Presence.liveness_report`."""
        return await self._do(case_calls.liveness_report(live))

    async def forget_liveness(self, live: LivenessSession) -> None:
        """As :meth:`Presence.forget_liveness`."""
        return await self._do(case_calls.forget_liveness(live))


class Results:
    """Results that are issued for final decisions."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def issue(self, session_id: str, *, idempotency_key: str | None = None) -> Credential:
        """The result of a session's final approval; one for each decision."""
        return self._do(case_calls.issue(session_id, idempotency_key))

    def get(self, credential_id: str) -> Credential:
        """One result."""
        return self._do(case_calls.credential(credential_id))

    def all(self, **filters: str) -> Iterator[Credential]:
        """All that are visible, the newest first; filters are ``status``, ``procedure``, ``session_id``."""
        return all_of(self._do, lambda cursor: case_calls.credentials(cursor, filters))

    def reusable(self, session_id: str) -> tuple[Credential, ...]:
        """Results in force of the very person of a decided session, for its procedure: use these again."""
        return self._do(case_calls.reusable(session_id))

    def page(self, credential_id: str) -> bytes:
        """The signed page of a result, with its QR code: a PDF."""
        return self._do(case_calls.page(credential_id))

    def change(
        self, credential_id: str, status: str, *, reason: str, idempotency_key: str | None = None
    ) -> Credential:
        """``revoked``, ``suspended`` or ``valid`` from now on, and why."""
        return self._do(case_calls.revoke(credential_id, reason, status, idempotency_key))


class AsyncResults:
    """As :class:`Results`, awaited."""

    def __init__(self, do: DoAsync) -> None:
        self._do = do

    async def issue(self, session_id: str, *, idempotency_key: str | None = None) -> Credential:
        """As :meth:`Results.issue`."""
        return await self._do(case_calls.issue(session_id, idempotency_key))

    async def get(self, credential_id: str) -> Credential:
        """As :meth:`Results.get`."""
        return await self._do(case_calls.credential(credential_id))

    def all(self, **filters: str) -> AsyncIterator[Credential]:
        """As :meth:`Results.all`."""
        return all_of_async(self._do, lambda cursor: case_calls.credentials(cursor, filters))

    async def reusable(self, session_id: str) -> tuple[Credential, ...]:
        """As :meth:`Results.reusable`."""
        return await self._do(case_calls.reusable(session_id))

    async def page(self, credential_id: str) -> bytes:
        """As :meth:`Results.page`."""
        return await self._do(case_calls.page(credential_id))

    async def change(
        self, credential_id: str, status: str, *, reason: str, idempotency_key: str | None = None
    ) -> Credential:
        """As :meth:`Results.change`."""
        return await self._do(case_calls.revoke(credential_id, reason, status, idempotency_key))


class Signatures:
    """Signatures of people who were verified."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def ask(
        self,
        session_id: str,
        title: str,
        *,
        credential_id: str | None = None,
        artefact_id: str | None = None,
        lasts_s: int = 900,
        idempotency_key: str | None = None,
    ) -> SignatureRequest:
        """Ask whoever a session verified to sign the page of a result, or a PDF that was submitted."""
        return self._do(
            case_calls.ask_signature(
                session_id,
                title,
                credential_id=credential_id,
                artefact_id=artefact_id,
                lasts_s=lasts_s,
                key=idempotency_key,
            )
        )

    def get(self, request_id: str) -> SignatureRequest:
        """How far a request is."""
        return self._do(case_calls.signature_request(request_id))

    def all(self, **filters: str) -> Iterator[SignatureRequest]:
        """All that are visible, the newest first; filters are ``state``, ``session_id``."""
        return all_of(self._do, lambda cursor: case_calls.signature_requests(cursor, filters))

    def cancel(self, request_id: str, *, idempotency_key: str | None = None) -> SignatureRequest:
        """Call a request off while it waits for its signer."""
        return self._do(case_calls.cancel_signature(request_id, idempotency_key))

    def document(self, request_id: str) -> bytes:
        """The signed PDF."""
        return self._do(case_calls.signed_document(request_id))

    def view(self, request_id: str) -> SignerView:
        """The signer, by ``signer_token``: how far it is."""
        return self._do(case_calls.signer_view(request_id))

    def original(self, request_id: str) -> bytes:
        """The signer: the PDF that is to be signed."""
        return self._do(case_calls.original(request_id))

    def propose(
        self, request_id: str, *, method: str | None = None, idempotency_key: str | None = None
    ) -> Proposal:
        """The signer: be asked. Nothing is authorised by it."""
        return self._do(case_calls.propose(request_id, method, idempotency_key))

    def authorise(
        self,
        request_id: str,
        *,
        approve: bool,
        code: str | None = None,
        webauthn: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> SignerView:
        """The signer: yes or no to what was proposed last."""
        return self._do(
            case_calls.authorise(
                request_id, approve=approve, code=code, webauthn=webauthn, key=idempotency_key
            )
        )


class AsyncSignatures:
    """As :class:`Signatures`, awaited."""

    def __init__(self, do: DoAsync) -> None:
        self._do = do

    async def ask(
        self,
        session_id: str,
        title: str,
        *,
        credential_id: str | None = None,
        artefact_id: str | None = None,
        lasts_s: int = 900,
        idempotency_key: str | None = None,
    ) -> SignatureRequest:
        """As :meth:`Signatures.ask`."""
        return await self._do(
            case_calls.ask_signature(
                session_id,
                title,
                credential_id=credential_id,
                artefact_id=artefact_id,
                lasts_s=lasts_s,
                key=idempotency_key,
            )
        )

    async def get(self, request_id: str) -> SignatureRequest:
        """As :meth:`Signatures.get`."""
        return await self._do(case_calls.signature_request(request_id))

    def all(self, **filters: str) -> AsyncIterator[SignatureRequest]:
        """As :meth:`Signatures.all`."""
        return all_of_async(self._do, lambda cursor: case_calls.signature_requests(cursor, filters))

    async def cancel(
        self, request_id: str, *, idempotency_key: str | None = None
    ) -> SignatureRequest:
        """As :meth:`Signatures.cancel`."""
        return await self._do(case_calls.cancel_signature(request_id, idempotency_key))

    async def document(self, request_id: str) -> bytes:
        """As :meth:`Signatures.document`."""
        return await self._do(case_calls.signed_document(request_id))

    async def view(self, request_id: str) -> SignerView:
        """As :meth:`Signatures.view`."""
        return await self._do(case_calls.signer_view(request_id))

    async def original(self, request_id: str) -> bytes:
        """As :meth:`Signatures.original`."""
        return await self._do(case_calls.original(request_id))

    async def propose(
        self, request_id: str, *, method: str | None = None, idempotency_key: str | None = None
    ) -> Proposal:
        """As :meth:`Signatures.propose`."""
        return await self._do(case_calls.propose(request_id, method, idempotency_key))

    async def authorise(
        self,
        request_id: str,
        *,
        approve: bool,
        code: str | None = None,
        webauthn: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> SignerView:
        """As :meth:`Signatures.authorise`."""
        return await self._do(
            case_calls.authorise(
                request_id, approve=approve, code=code, webauthn=webauthn, key=idempotency_key
            )
        )
