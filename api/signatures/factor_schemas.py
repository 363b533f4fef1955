"""Bodies of the operations on second factors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ekyc.api.csc.authenticators import AuthenticationResponse
from ekyc.api.forms import InputModel, OutputModel
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.signatures.schemas import CODE_PATTERN, AuthenticatorRequest
from ekyc.signing.activation.enrolment import (
    MAX_REGISTRATION_BYTES,
    Agreement,
    AgreementGiven,
)
from ekyc.signing.activation.remote import OneTimeCode
from ekyc.storage import FactorKind

_Base64Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_REGISTRATION_BYTES // 3,
        pattern=r"^[A-Za-z0-9_-]+$",
        repr=False,
    ),
]


class EnrolmentNew(InputModel):
    """The session in which the person was verified, of the procedure for enrolling."""

    session_id: str = Field(pattern=ID_PATTERN)


class EnrolmentMade(OutputModel):
    """What the person's device needs; told once."""

    enrolment_token: str
    expires_at: datetime


class AgreementAnswer(InputModel):
    """What the authenticator in use said to the challenge of an agreement."""

    challenge_id: str = Field(pattern=ID_PATTERN)
    webauthn: AuthenticationResponse = Field(repr=False)


class Agreed(InputModel):
    """The word of a factor that stands; of both the authenticator's counts."""

    code: str | None = Field(
        default=None,
        pattern=CODE_PATTERN,
        repr=False,
        description="Mã của ứng dụng đang dùng, nếu đã có. / Code of the one in use, where there is one.",
    )
    authenticator: AgreementAnswer | None = Field(
        default=None,
        repr=False,
        description="Hoặc lời của thiết bị đang dùng. / Or what the authenticator in use said.",
    )

    def agreement(self) -> Agreement:
        """In the words of the signing side.

        Raises:
            CscError: ``invalid_authentication_data``.
        """
        if self.authenticator is not None:
            said = self.authenticator
            return AgreementGiven(challenge_id=said.challenge_id, answer=said.webauthn.answer())
        return None if self.code is None else OneTimeCode(code=self.code)


class GeneratorNew(Agreed):
    """A generator of one-time codes; with the word of a factor, where one stands."""


class AuthenticatorNew(Agreed):
    """An authenticator; with the word of a factor, where one stands."""


class FactorEnd(Agreed):
    """The end of a factor: the word of one that stands, it may be this one."""


class GeneratorOffered(OutputModel):
    """A generator to set up; nothing is enrolled until its first code."""

    factor: str
    uri: str | None = Field(
        description="`otpauth://…`, cho mã QR; chỉ cho xem một lần. / For a QR code; shown once, and `null` in a repetition."
    )


class AuthenticatorOffered(OutputModel):
    """An authenticator to register."""

    challenge_id: str
    options: dict[str, Any] = Field(
        description="`PublicKeyCredentialCreationOptionsJSON`, cho `navigator.credentials.create()`. / For it."
    )


class AgreementAsked(OutputModel):
    """What the authenticator in use is to sign."""

    challenge_id: str
    webauthn: AuthenticatorRequest


class _Told(BaseModel):
    """Browsers say more than is asked, and more each year."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class AttestationResponse(_Told):
    """`AuthenticatorAttestationResponseJSON`; base64url without padding."""

    clientDataJSON: _Base64Url  # noqa: N815  # the standard's name
    attestationObject: _Base64Url  # noqa: N815  # the standard's name


class RegistrationResponse(_Told):
    """`RegistrationResponseJSON`, as `navigator.credentials.create()` gave it."""

    id: _Base64Url
    rawId: _Base64Url  # noqa: N815  # the standard's name
    type: str = Field(pattern=r"^public-key$")
    response: AttestationResponse = Field(repr=False)


class RegistrationNew(InputModel):
    """The authenticator that was offered."""

    credential: RegistrationResponse


class CodeGiven(InputModel):
    """A code of the person's generator."""

    code: str = Field(pattern=CODE_PATTERN, repr=False)


class FactorModel(OutputModel):
    """A second factor that stands."""

    id: str
    kind: FactorKind
    confirmed_at: datetime | None


class FactorList(OutputModel):
    """All of this person, the oldest first."""

    data: list[FactorModel]
