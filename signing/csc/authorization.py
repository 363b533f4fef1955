"""The authorisation request (CSC API v2.0.0.2 §8.4.2, RFC 6749 §4.1.1, RFC 7636, RFC 9126, RFC 9396), read strictly.

1. No parameter comes twice.
2. The client is known and the address to come back to is one of its own, character by character; until then nothing is
   sent back through the browser.
3. ``response_type`` is ``code``; PKCE is there, and with S256.
4. The scope is ``service`` or ``credential``, never both. ``authorization_details`` of type ``credential`` say the same
   as scope ``credential``, not more.
5. A request for a credential names the credential and every hash, by the one digest algorithm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from ekyc.signing.activation.sad import MAX_TITLE, ShownDocument
from ekyc.signing.csc.clients import ClientRegister, CscClient
from ekyc.signing.csc.errors import (
    INVALID_REQUEST,
    AuthorizationRefusedError,
    CscError,
    invalid,
    missing,
)
from ekyc.signing.csc.hashes import read_hashes, require_count, require_sha256, text

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_MAX_STATE: Final = 255
_MAX_VALUE: Final = 32 << 10
_MAX_PARAMETERS: Final = 40
_MAX_DESCRIPTION: Final = 500
_DETAIL_KEYS: Final = frozenset(
    {"type", "credentialID", "documentDigests", "hashAlgorithmOID", "locations"}
)


class Scope(StrEnum):
    """What an access token is good for."""

    SERVICE = "service"
    """To list and describe credentials and to ask for their authorisation."""
    CREDENTIAL = "credential"
    """To sign, once, what was authorised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRequest:
    """What a client wants signed: a credential, and each digest with a label."""

    credential_id: str
    documents: tuple[ShownDocument, ...]
    from_details: bool = False
    """Whether it came as ``authorization_details``; the token's answer then repeats them."""

    @property
    def details(self) -> list[dict[str, Any]]:
        """As ``authorization_details``."""
        return [
            {
                "type": "credential",
                "credentialID": self.credential_id,
                "documentDigests": [
                    {"hash": text(document.to_be_signed), "label": document.title}
                    for document in self.documents
                ],
                "hashAlgorithmOID": "2.16.840.1.101.3.4.2.1",
            }
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A request that keeps all rules. ``repr`` hides what only client and person know."""

    client_id: str
    redirect_uri: str
    scope: Scope
    code_challenge: str = field(repr=False)
    state: str | None = field(default=None, repr=False)
    lang: str | None = None
    wanted: CredentialRequest | None = field(default=None, repr=False)
    """Only with :attr:`Scope.CREDENTIAL`."""


def read_request(
    parameters: Sequence[tuple[str, str]], clients: ClientRegister
) -> AuthorizationRequest:
    """Read a request; the steps stand at the head of this module.

    Args:
        parameters: names and values, decoded, in their order.
        clients: who may ask.

    Raises:
        AuthorizationRefusedError: a rule is broken; the client may be told.
        CscError: a rule is broken and nobody can be told but whoever called.
    """
    given = without_repeats(parameters)  # (1)
    client, redirect_uri = _whereto(given, clients)  # (2)
    state = given.get("state")
    try:
        return AuthorizationRequest(
            client_id=client.id,
            redirect_uri=redirect_uri,
            scope=_scope(given),
            code_challenge=_challenge(given),
            state=_bounded(state, "state", _MAX_STATE),
            lang=_bounded(given.get("lang"), "lang", 35),
            wanted=_wanted(given),
        )
    except CscError as exc:
        raise AuthorizationRefusedError(
            exc.message, error=exc.error, redirect_uri=redirect_uri, state=_short(state)
        ) from exc


def without_repeats(parameters: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Parameters by name; empty ones count as absent (RFC 6749 §3.1).

    Raises:
        CscError: a name stands twice, or there is too much of anything.
    """
    given = dict(parameters)
    if len(given) != len(parameters):
        raise CscError("A parameter stands twice")
    if len(given) > _MAX_PARAMETERS or any(len(value) > _MAX_VALUE for value in given.values()):
        raise CscError("Too much for a request")
    return {name: value for name, value in given.items() if value}


def label_of(number: int, label: str | None) -> str:
    """The title under which a digest is shown; a client that gives none gets a number."""
    if label is None or not label.strip():
        return f"Tài liệu {number}"
    return label.strip()[:MAX_TITLE]


def documents_of(
    hashes: Sequence[bytes], labels: Sequence[str | None]
) -> tuple[ShownDocument, ...]:
    """Bare digests as documents: all that the person can be shown of them is the client's label and the digest."""
    return tuple(
        ShownDocument(title=label_of(number, label), shown_digest=digest.hex(), to_be_signed=digest)
        for number, (digest, label) in enumerate(zip(hashes, labels, strict=True), start=1)
    )


def _whereto(given: Mapping[str, str], clients: ClientRegister) -> tuple[CscClient, str]:
    if "client_id" not in given:
        raise CscError("Missing parameter client_id")
    client = clients.find(given["client_id"])
    if client is None:
        raise invalid("client_id")
    redirect_uri = given.get("redirect_uri")
    if redirect_uri is None:
        raise CscError("Missing parameter redirect_uri")
    if redirect_uri not in client.redirect_uris:
        raise invalid("redirect_uri")
    return client, redirect_uri


def _challenge(given: Mapping[str, str]) -> str:  # (3)
    if given.get("response_type") is None:
        raise CscError("Missing parameter response_type")
    if given["response_type"] != "code":
        raise CscError("Only code is offered", error="unsupported_response_type")
    if "code_challenge" not in given:
        raise CscError("Missing parameter code_challenge")
    if given.get("code_challenge_method") != "S256":
        raise CscError("code_challenge_method must be S256")
    if not _CHALLENGE.match(given["code_challenge"]):
        raise invalid("code_challenge")
    return given["code_challenge"]


def _scope(given: Mapping[str, str]) -> Scope:  # (4)
    detailed = "authorization_details" in given
    usual = Scope.CREDENTIAL if detailed else Scope.SERVICE
    try:
        scope = Scope(given.get("scope", usual))
    except ValueError as exc:
        raise CscError(
            "The scope is service or credential, not both", error="invalid_scope"
        ) from exc
    if detailed and scope is not Scope.CREDENTIAL:
        raise CscError("authorization_details ask for scope credential", error="invalid_scope")
    return scope


def _wanted(given: Mapping[str, str]) -> CredentialRequest | None:  # (5)
    if _scope(given) is Scope.SERVICE:
        return None
    if "authorization_details" in given:
        if "hashes" in given or "hash" in given or "credentialID" in given:
            raise CscError("authorization_details stand alone")
        return _from_details(given["authorization_details"])
    if "credentialID" not in given:
        raise missing("string", "credentialID")
    raw = given.get("hashes", given.get("hash"))  # v2, v1
    if raw is None:
        raise missing("string", "hashes")
    hashes = read_hashes(raw.split(","), url_safe=True)
    require_sha256(given.get("hashAlgorithmOID"), name="hashAlgorithmOID")
    require_count(_number(given.get("numSignatures")), hashes)
    label = _bounded(given.get("description"), "description", _MAX_DESCRIPTION)
    return CredentialRequest(
        credential_id=given["credentialID"],
        documents=documents_of(hashes, [_numbered(label, n, hashes) for n in range(len(hashes))]),
    )


def _from_details(raw: str) -> CredentialRequest:
    """Exactly one detail, of exactly the type and members that are known (RFC 9396 §5)."""
    detail = _one_detail(raw)
    digests = detail.get("documentDigests")
    if not isinstance(detail.get("credentialID"), str):
        raise missing("string", "credentialID")
    if not isinstance(digests, list) or not all(isinstance(entry, dict) for entry in digests):
        raise missing("array", "documentDigests")
    named = [(entry.get("hash"), entry.get("label")) for entry in digests]
    if not all(isinstance(digest, str) for digest, _ in named):
        raise missing("string", "hash")
    if not all(label is None or isinstance(label, str) for _, label in named):
        raise missing("string", "label")
    if not isinstance(detail.get("hashAlgorithmOID"), str):
        raise missing("string", "hashAlgorithmOID")
    require_sha256(detail["hashAlgorithmOID"], name="hashAlgorithmOID")
    hashes = read_hashes([digest for digest, _ in named])
    return CredentialRequest(
        credential_id=detail["credentialID"],
        documents=documents_of(hashes, [label for _, label in named]),
        from_details=True,
    )


def _one_detail(raw: str) -> dict[str, Any]:
    try:
        details = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise _bad_details() from exc
    if not isinstance(details, list) or len(details) != 1 or not isinstance(details[0], dict):
        raise _bad_details()
    detail: dict[str, Any] = details[0]
    if detail.get("type") != "credential" or not set(detail) <= _DETAIL_KEYS:
        raise _bad_details()
    return detail


def _bad_details() -> CscError:
    return CscError("One detail of type credential", error="invalid_authorization_details")


def _numbered(label: str | None, index: int, hashes: Sequence[bytes]) -> str | None:
    if label is None or len(hashes) == 1:
        return label
    return f"{label[: MAX_TITLE - 12]} ({index + 1}/{len(hashes)})"


def _number(value: str | None) -> int:
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 9:
        raise missing("integer", "numSignatures")
    return int(value)


def _bounded(value: str | None, name: str, most: int) -> str | None:
    if value is not None and len(value) > most:
        raise CscError(f"Invalid parameter {name}", error=INVALID_REQUEST)
    return value


def _short(state: str | None) -> str | None:
    return state if state is not None and len(state) <= _MAX_STATE else None
