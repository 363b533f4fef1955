"""What stands in a SAD: its parts as values, written to claims and read back strictly.

Reading accepts exactly what writing gives: no further claim, no other type, no other order of hashes.

The *body* is every claim but the proof of a second factor. Its SHA-256 is the challenge that an authenticator signs, so
that the authenticator itself vouches for the credential, the hashes, the titles and the time.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from ekyc.errors import InputError
from ekyc.policy import Verdict
from ekyc.signing.activation.jws import canonical_json
from ekyc.signing.keys.algorithms import DIGEST_BYTES, SHA256_OID

MAX_DOCUMENTS: Final = 100
MAX_TITLE: Final = 200
SHOWN_CHARACTER: Final = r"[^\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
"""Of a title: none that is invisible, ends a line or turns what follows around, for it is read by whoever signs."""
MAX_ASSERTION_BYTES: Final = 4096
"""Of each of an assertion's parts; real ones have some hundred."""
_TITLE: Final = re.compile(rf"{SHOWN_CHARACTER}+\Z")
_HEX: Final = re.compile(r"[0-9a-f]{64}\Z")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


class ActivationMethod(StrEnum):
    """How the person authorised."""

    VERIFICATION = "verification"
    """By being verified, just now: chip, face, liveness."""
    WEBAUTHN = "verification+webauthn"
    """And by an authenticator of theirs, which signed the body of the SAD."""
    TOTP = "verification+totp"
    """And by a one-time code. It is bound to no document; that it was right is the authorising side's word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What an authenticator said over a challenge (W3C WebAuthn Level 2 §5.2.2)."""

    authenticator_data: bytes
    client_data: bytes
    signature: bytes

    def __repr__(self) -> str:
        return "Assertion(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorProof:
    """A second factor that was used."""

    factor: str
    """Which one, as enrolled."""
    assertion: Assertion | None = None
    """Of an authenticator; none for a one-time code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A decision on a person, as the side that verified states it."""

    result_id: str
    """Record of the decision (:class:`ekyc.storage.ResultStore`)."""
    report_digest: str
    """SHA-256 (hex) of its report."""
    verdict: Verdict
    holder: str
    """SHA-256 (hex) pseudonym of the person who was verified."""
    session: str
    """SHA-256 (hex) of the session in which that happened."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDocument:
    """A document as it was shown to the person, and what its signature covers. ``repr`` hides its title."""

    title: str = field(repr=False)
    shown_digest: str
    """SHA-256 (hex) of the file whose pages were shown."""
    to_be_signed: bytes
    """The SHA-256 that the key is to sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sad:
    """The claims of one activation."""

    issuer: str
    credential: str
    jti: str
    issued_at: datetime
    expires_at: datetime
    algorithm: str
    """Dotted identifier of the signature algorithm."""
    documents: tuple[ShownDocument, ...]
    evidence: Evidence
    method: ActivationMethod
    proof: FactorProof | None = None
    """Of the second factor, where :attr:`method` names one."""

    @property
    def challenge(self) -> bytes:
        """SHA-256 over the body: what an authenticator is asked to sign."""
        return hashlib.sha256(canonical_json(write_body(self))).digest()

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """What may be signed, sorted."""
        return tuple(sorted(document.to_be_signed for document in self.documents))

    def __repr__(self) -> str:
        return f"Sad({self.credential}, {len(self.documents)} documents)"


def write_claims(sad: Sad) -> dict[str, Any]:
    """The claims as they are signed."""
    body = write_body(sad)
    return body if sad.proof is None else {**body, "factor": _write_proof(sad.proof)}


def write_body(sad: Sad) -> dict[str, Any]:
    """The claims without the proof of a second factor."""
    evidence = sad.evidence
    return {
        "iss": sad.issuer,
        "sub": sad.credential,
        "jti": sad.jti,
        "iat": int(sad.issued_at.timestamp()),
        "exp": int(sad.expires_at.timestamp()),
        "scal": 2,
        "hashAlg": SHA256_OID,
        "signAlg": sad.algorithm,
        "hashes": [_text(digest) for digest in sad.hashes],
        "documents": [
            {
                "title": document.title,
                "shown": document.shown_digest,
                "hash": _text(document.to_be_signed),
            }
            for document in sad.documents
        ],
        "evidence": {
            "result": evidence.result_id,
            "digest": evidence.report_digest,
            "verdict": evidence.verdict.value,
            "holder": evidence.holder,
            "session": evidence.session,
            "at": int(evidence.at.timestamp()),
        },
        "method": sad.method.value,
    }


def read_claims(claims: Mapping[str, Any]) -> Sad:
    """The claims of a token whose signature holds.

    Raises:
        InputError: ``activation.malformed``: not exactly what :func:`write_claims` gives, or the proof does not fit the
            method.
    """
    sad = read_body(claims)
    if (sad.proof is not None) is (sad.method is ActivationMethod.VERIFICATION):
        raise _malformed()
    return sad


def read_body(claims: Mapping[str, Any]) -> Sad:
    """The claims of a token that may still lack the proof of its second factor.

    Raises:
        InputError: ``activation.malformed``.
    """
    try:
        sad = _read(claims)
        exact = write_claims(sad) == claims and _is_well_formed(sad)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as exc:
        raise _malformed() from exc
    if not exact:
        raise _malformed()
    return sad


def _read(claims: Mapping[str, Any]) -> Sad:
    evidence = claims["evidence"]
    return Sad(
        issuer=claims["iss"],
        credential=claims["sub"],
        jti=claims["jti"],
        issued_at=_time(claims["iat"]),
        expires_at=_time(claims["exp"]),
        algorithm=claims["signAlg"],
        documents=tuple(
            ShownDocument(
                title=_words(document["title"]),
                shown_digest=document["shown"],
                to_be_signed=base64.b64decode(document["hash"], validate=True),
            )
            for document in claims["documents"]
        ),
        evidence=Evidence(
            result_id=evidence["result"],
            report_digest=evidence["digest"],
            verdict=Verdict(evidence["verdict"]),
            holder=evidence["holder"],
            session=evidence["session"],
            at=_time(evidence["at"]),
        ),
        method=ActivationMethod(claims["method"]),
        proof=_read_proof(claims["factor"]) if "factor" in claims else None,
    )


def _write_proof(proof: FactorProof) -> dict[str, Any]:
    if proof.assertion is None:
        return {"id": proof.factor}
    said = proof.assertion
    parts = {
        "authenticatorData": _text(said.authenticator_data),
        "clientDataJSON": _text(said.client_data),
        "signature": _text(said.signature),
    }
    return {"id": proof.factor, "assertion": parts}


def _read_proof(claim: Mapping[str, Any]) -> FactorProof:
    if "assertion" not in claim:
        return FactorProof(factor=claim["id"])
    parts = claim["assertion"]
    names = ("authenticatorData", "clientDataJSON", "signature")
    data, client, signature = (base64.b64decode(parts[name], validate=True) for name in names)
    said = Assertion(authenticator_data=data, client_data=client, signature=signature)
    return FactorProof(factor=claim["id"], assertion=said)


def _is_proof(proof: FactorProof, method: ActivationMethod) -> bool:
    said = proof.assertion
    if (said is not None) is not (method is ActivationMethod.WEBAUTHN):
        return False
    parts = () if said is None else (said.authenticator_data, said.client_data, said.signature)
    return _NAME.match(proof.factor) is not None and all(
        len(part) <= MAX_ASSERTION_BYTES for part in parts
    )


def _is_well_formed(sad: Sad) -> bool:
    evidence = sad.evidence
    names = (sad.issuer, sad.credential, sad.jti, evidence.result_id)
    digests = (evidence.report_digest, evidence.holder, evidence.session)
    return (
        all(_NAME.match(name) for name in names)
        and all(_HEX.match(digest) for digest in digests)
        and 1 <= len(sad.documents) <= MAX_DOCUMENTS
        and all(is_document(document) for document in sad.documents)
        and (sad.proof is None or _is_proof(sad.proof, sad.method))
    )


def is_document(document: ShownDocument) -> bool:
    """Whether a document can be shown and pinned."""
    return (
        1 <= len(document.title) <= MAX_TITLE
        and _TITLE.match(document.title) is not None
        and _HEX.match(document.shown_digest) is not None
        and len(document.to_be_signed) == DIGEST_BYTES
    )


def _time(seconds: object) -> datetime:
    if type(seconds) is not int:
        raise TypeError("a time is a whole number of seconds")
    return datetime.fromtimestamp(seconds, UTC)


def _words(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a title is text")
    value.encode()  # half a surrogate pair is no text: UnicodeEncodeError, a ValueError
    return value


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _malformed() -> InputError:
    return InputError("not the claims of an activation", code="activation.malformed")
