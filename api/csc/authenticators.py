"""What an authenticator says, as browsers write it (W3C WebAuthn Level 3 §5.1.8, ``AuthenticationResponseJSON``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ekyc import base64url
from ekyc.signing.activation.remote import AuthenticatorAnswer, Proposal
from ekyc.signing.activation.sad import MAX_ASSERTION_BYTES, Assertion
from ekyc.signing.csc import CscError

_MAX_TEXT = MAX_ASSERTION_BYTES * 4 // 3 + 4
_Text = Annotated[str, Field(min_length=1, max_length=_MAX_TEXT, pattern=r"^[A-Za-z0-9_-]+$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class AuthenticatorResponse(_Part):
    """``AuthenticatorAssertionResponseJSON``; base64url without padding."""

    clientDataJSON: _Text  # noqa: N815  # the standard's name
    authenticatorData: _Text  # noqa: N815  # the standard's name
    signature: _Text


class AuthenticationResponse(_Part):
    """``AuthenticationResponseJSON``."""

    rawId: _Text  # noqa: N815  # the standard's name
    response: AuthenticatorResponse

    def answer(self) -> AuthenticatorAnswer:
        """In the words of the signing side.

        Raises:
            CscError: ``invalid_authentication_data``.
        """
        told = self.response
        return AuthenticatorAnswer(
            credential_id=_bytes(self.rawId),
            assertion=Assertion(
                authenticator_data=_bytes(told.authenticatorData),
                client_data=_bytes(told.clientDataJSON),
                signature=_bytes(told.signature),
            ),
        )


def read_authentication(value: str) -> AuthenticatorAnswer:
    """What an authenticator said, from its JSON.

    Raises:
        CscError: ``invalid_authentication_data``.
    """
    try:
        return AuthenticationResponse.model_validate_json(value).answer()
    except ValidationError as exc:
        raise _unreadable() from exc


def request_options(proposal: Proposal) -> dict[str, Any]:
    """What a page hands to ``navigator.credentials.get()`` for a proposal."""
    return authenticator_options(
        proposal.challenge, proposal.relying_party, proposal.credential_ids
    )


def authenticator_options(
    challenge: bytes, relying_party: str | None, credential_ids: Sequence[bytes]
) -> dict[str, Any]:
    """``PublicKeyCredentialRequestOptionsJSON``: whoever answers verifies its user."""
    return {
        "challenge": base64url.encode(challenge),
        "rpId": relying_party,
        "allowCredentials": [
            {"type": "public-key", "id": base64url.encode(one)} for one in credential_ids
        ],
        "userVerification": "required",
    }


def _bytes(text: str) -> bytes:
    try:
        return base64url.decode(text)
    except ValueError as exc:
        raise _unreadable() from exc


def _unreadable() -> CscError:
    return CscError("The authentication data is invalid", error="invalid_authentication_data")
