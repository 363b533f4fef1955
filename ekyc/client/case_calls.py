"""What a whole case needs beside its session, as calls for both clients: proofs of presence, results, signatures."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ekyc.client.calls import Operation, delete, get, items_of, page_of, post
from ekyc.client.exchange import Call, Reply
from ekyc.client.values import Page
from ekyc.errors import UpstreamError

_PDF: Final = "application/pdf"
_REQUESTS: Final = "/v1/signature-requests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a chip is to sign; its id goes into the submission."""

    id: str
    nonce: bytes
    expires_at: str
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Challenge:
        """From its JSON."""
        return cls(
            id=body["id"],
            nonce=bytes.fromhex(body["nonce_hex"]),
            expires_at=body["expires_at"],
            raw=body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LivenessSession:
    """A test for a live person: ``capture_token`` is for the device before them, the rest stays with the portal."""

    id: str
    case: str
    subject: str = field(repr=False)
    capture_token: str = field(repr=False)
    result_token: str = field(repr=False)
    expires_at: str

    def as_part(self) -> bytes:
        """As a submission names it."""
        names = {"session_id": self.id, "result_token": self.result_token}
        return json.dumps({**names, "case": self.case, "subject": self.subject}).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class LivenessReport:
    """How far a test for a live person is. For the portal: never tell what it says to whoever is before the camera."""

    state: str
    """``waiting``, ``running``, ``finished`` or ``used``."""
    outcome: str
    reasons: tuple[str, ...]
    raw: Mapping[str, Any] = field(repr=False)
    """The whole answer, with the signed report once it is finished."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> LivenessReport:
        """From its JSON."""
        reasons = tuple(body["reasons"])
        return cls(state=body["state"], outcome=body["outcome"], reasons=reasons, raw=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A result that was issued for a decision."""

    id: str
    session_id: str
    status: str
    """``valid``, ``revoked``, ``suspended`` or ``superseded``."""
    sample: bool
    code: str | None
    """Text of the QR code."""
    expires_at: str
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Credential:
        """From its JSON."""
        names = ("id", "session_id", "status", "sample", "code", "expires_at")
        return cls(**{name: body[name] for name in names}, raw=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRequest:
    """A request that whoever was verified signs a document."""

    id: str
    session_id: str
    state: str
    """``awaiting_signer``, ``signing``, ``signed``, ``failed``, ``expired`` or ``canceled``."""
    failure: str | None
    signer_token: str | None = field(repr=False)
    """For the signer's device; told once, when the request is made."""
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> SignatureRequest:
        """From its JSON."""
        return cls(
            id=body["id"],
            session_id=body["session_id"],
            state=body["state"],
            failure=body["failure"],
            signer_token=body.get("signer_token"),
            raw=body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What the signer is to be shown and asked."""

    documents: tuple[tuple[str, str], ...]
    """Title and SHA-256 (hex) of each."""
    method: str
    webauthn: Mapping[str, Any] | None
    """For ``navigator.credentials.get()``, where the method wants it."""
    expires_at: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Proposal:
        """From its JSON."""
        return cls(
            documents=tuple((one["title"], one["sha256"]) for one in body["documents"]),
            method=body["method"],
            webauthn=body["webauthn"],
            expires_at=body["expires_at"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerView:
    """What the signer's device hears."""

    id: str
    state: str
    title: str | None
    failure: str | None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> SignerView:
        """From its JSON."""
        return cls(**{name: body[name] for name in ("id", "state", "title", "failure")})


@dataclass(frozen=True, slots=True, kw_only=True)
class _File(Operation[bytes]):
    """An operation that answers a PDF."""

    def result(self, reply: Reply) -> bytes:
        """The file.

        Raises:
            UpstreamError: ``http.foreign``: what answered is not this service.
        """
        if not reply.headers.get("content-type", "").startswith(_PDF):
            raise UpstreamError("not an answer of this service", code="http.foreign")
        return reply.content


def challenge(dg14: bytes | None, ttl_s: int) -> Operation[Challenge]:
    """A challenge for a chip."""
    body: dict[str, Any] = {"ttl_s": ttl_s}
    if dg14 is not None:
        body |= {"purpose": "chip-authentication", "dg14": base64.b64encode(dg14).decode()}
    call = Call(method="POST", path="/v1/challenges", body=body)
    return Operation(call=call, read=Challenge.of)


def liveness_session(
    case: str, subject: str, challenge_id: str | None, key: str | None
) -> Operation[LivenessSession]:
    """An order of a test for a live person."""

    def read(body: Mapping[str, Any]) -> LivenessSession:
        names = ("id", "capture_token", "result_token", "expires_at")
        return LivenessSession(case=case, subject=subject, **{name: body[name] for name in names})

    body = {"case": case, "subject": subject, "challenge_id": challenge_id}
    return post("/v1/liveness-sessions", read, key=key, body=body)


def liveness_report(live: LivenessSession) -> Operation[LivenessReport]:
    """How far a test is."""
    call = Call(method="GET", path=_place(live), headers=_result_token(live))
    return Operation(call=call, read=LivenessReport.of)


def forget_liveness(live: LivenessSession) -> Operation[None]:
    """Let go of a test."""
    return delete(_place(live), headers=_result_token(live))


def _place(live: LivenessSession) -> str:
    return f"/v1/liveness-sessions/{live.id}"


def _result_token(live: LivenessSession) -> dict[str, str]:
    return {"Authorization": f"Bearer {live.result_token}"}


def issue(session_id: str, key: str | None) -> Operation[Credential]:
    """The result of a session's decision."""
    body = {"session_id": session_id}
    return post("/v1/credentials", Credential.of, key=key, body=body)


def credential(credential_id: str) -> Operation[Credential]:
    """One result."""
    return get(f"/v1/credentials/{credential_id}", Credential.of)


def revoke(credential_id: str, reason: str, status: str, key: str | None) -> Operation[Credential]:
    """How a result is to stand from now on."""
    body = {"status": status, "reason": reason}
    return post(f"/v1/credentials/{credential_id}/revocations", Credential.of, key=key, body=body)


def credentials(cursor: str | None, filters: Mapping[str, str]) -> Operation[Page[Credential]]:
    """A page of results."""
    read = page_of(Credential.of)
    return get("/v1/credentials", read, limit=200, cursor=cursor, **filters)


def reusable(session_id: str) -> Operation[tuple[Credential, ...]]:
    """Results in force of the person of a session."""
    return get("/v1/credentials", items_of(Credential.of), reusable_for=session_id, limit=200)


def page(credential_id: str) -> Operation[bytes]:
    """The signed page of a result."""
    return _file(f"/v1/credentials/{credential_id}/document")


def ask_signature(
    session_id: str,
    title: str,
    *,
    credential_id: str | None,
    artefact_id: str | None,
    lasts_s: int,
    key: str | None,
) -> Operation[SignatureRequest]:
    """A request for a signature."""
    document = {"credential_id": credential_id, "artefact_id": artefact_id}
    named = {name: value for name, value in document.items() if value is not None}
    body = {"session_id": session_id, "title": title, "lasts_s": lasts_s, **named}
    return post(_REQUESTS, SignatureRequest.of, key=key, body=body)


def signature_request(request_id: str) -> Operation[SignatureRequest]:
    """One request."""
    return get(f"{_REQUESTS}/{request_id}", SignatureRequest.of)


def signature_requests(
    cursor: str | None, filters: Mapping[str, str]
) -> Operation[Page[SignatureRequest]]:
    """A page of requests."""
    return get(_REQUESTS, page_of(SignatureRequest.of), limit=200, cursor=cursor, **filters)


def cancel_signature(request_id: str, key: str | None) -> Operation[SignatureRequest]:
    """Call a request off."""
    return post(f"{_REQUESTS}/{request_id}/cancel", SignatureRequest.of, key=key)


def signed_document(request_id: str) -> Operation[bytes]:
    """The signed file."""
    return _file(f"{_REQUESTS}/{request_id}/document")


def signer_view(request_id: str) -> Operation[SignerView]:
    """How far it is, for the signer."""
    return get(f"{_REQUESTS}/{request_id}/signer", SignerView.of)


def original(request_id: str) -> Operation[bytes]:
    """What is to be signed."""
    return _file(f"{_REQUESTS}/{request_id}/signer/original")


def propose(request_id: str, method: str | None, key: str | None) -> Operation[Proposal]:
    """Be asked."""
    path, body = f"{_REQUESTS}/{request_id}/signer/proposals", {"method": method}
    return post(path, Proposal.of, key=key, body=body)


def authorise(
    request_id: str,
    *,
    approve: bool,
    code: str | None,
    webauthn: Mapping[str, Any] | None,
    key: str | None,
) -> Operation[SignerView]:
    """Say yes or no."""
    path = f"{_REQUESTS}/{request_id}/signer/authorisations"
    body = {"approve": approve, "code": code, "webauthn": webauthn}
    return post(path, SignerView.of, key=key, body=body)


def _file(path: str) -> Operation[bytes]:
    call = Call(method="GET", path=path, query={})
    return _File(call=call, read=lambda _: b"")
