"""Operations that both versions answer alike."""

from __future__ import annotations

import re
from typing import Any, Final

from fastapi import Request

from ekyc.api.csc.answers import basic_of, run
from ekyc.api.csc.front import CscFront
from ekyc.api.csc.schemas import (
    InfoQuery,
    LoginInput,
    LoginOutput,
    RevokeInput,
    TimestampInput,
    TimestampOutput,
)
from ekyc.signing.activation.remote import CredentialInfo
from ekyc.signing.csc import (
    Access,
    Certificates,
    CscError,
    common_part,
    invalid,
    read_hashes,
    require_sha256,
    text,
)

_NONCE: Final = re.compile(r"[0-9A-Fa-f]{1,128}\Z")


def service_facts(front: CscFront) -> dict[str, Any]:
    """What ``info`` says in both versions."""
    settings = front.settings
    return {
        "name": settings.name,
        "logo": settings.logo,
        "region": "VN",
        "lang": "vi-VN",
        "description": settings.description,
        "authType": ["basic", "oauth2code"],
        "oauth2": settings.issuer,
    }


async def log_in(front: CscFront, request: Request, told: LoginInput) -> LoginOutput:
    """A service token for a client that logs in by itself (§11.2)."""
    if told.refresh_token is not None:
        raise CscError("Invalid refresh_token")
    pair = basic_of(request)
    if pair is None:
        raise CscError("Malformed authentication parameter")
    try:
        client = front.clients.authenticate(*pair)
    except CscError as exc:
        raise CscError(
            "An error occurred during authentication process", error="authentication_error"
        ) from exc
    token = await run(front, lambda: front.server.login(client))
    return LoginOutput(access_token=token.access_token, expires_in=token.expires_in_s)


async def revoke(front: CscFront, access: Access, told: RevokeInput) -> None:
    """End a token of the caller's client (§11.3)."""
    await run(front, lambda: front.server.revoke(told.token, client_id=access.client_id))


async def described(
    front: CscFront, access: Access, asked: InfoQuery
) -> tuple[CredentialInfo, dict[str, Any]]:
    """A credential, and what both versions say of it (§11.5)."""
    info = await run(front, lambda: front.service.describe(access, asked.credentialID))
    certificates = Certificates(asked.certificates)
    return info, common_part(info, certificates, details=asked.certInfo)


async def stamp(front: CscFront, access: Access, asked: TimestampInput) -> TimestampOutput:
    """A timestamp token (§11.13); any valid token will do."""
    del access
    if not asked.hash:
        raise CscError("Empty hash parameter")
    (digest,) = read_hashes([asked.hash])
    require_sha256(asked.hashAlgo, name="hashAlgo")
    nonce = _nonce(asked.nonce)
    token = await run(front, lambda: front.service.timestamp(digest, nonce))
    return TimestampOutput(timestamp=text(token))


def require_no_user(user_id: str | None) -> None:
    """Refuse a user's name: every token speaks for one person, and lists that person's credentials (§11.4)."""
    if user_id is not None:
        raise CscError("userID parameter MUST be null")


def _nonce(value: str | None) -> int | None:
    if value is None:
        return None
    if not _NONCE.match(value):
        raise invalid("nonce")
    return int(value, 16)
