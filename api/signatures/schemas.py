"""Bodies of the operations on requests for signatures."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ekyc.api.csc.authenticators import AuthenticationResponse
from ekyc.api.forms import InputModel, OutputModel
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.v1.pages import Listing
from ekyc.api.v1.schemas import NAME
from ekyc.signing.activation.sad import SHOWN_CHARACTER, ActivationMethod
from ekyc.storage.signing.requests import SignatureState

CODE_PATTERN: Final = r"^[0-9]{6,8}$"
_TITLE: Final = rf"^{SHOWN_CHARACTER}{{1,120}}$"


class SignatureRequestNew(InputModel):
    """A PDF, and the session in which its signer was verified."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": [name], "properties": {name: {"type": "string"}}}
                for name in ("credential_id", "artefact_id")
            ]
        }
    )

    session_id: str = Field(pattern=ID_PATTERN)
    title: str = Field(
        pattern=_TITLE,
        repr=False,
        description="Tên tài liệu cho người ký xem. / The title that the signer is shown.",
    )
    credential_id: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="Ký trang của kết quả này. / The signed page of this result.",
    )
    artefact_id: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="Hoặc một tệp PDF đã nộp trong phiên. / Or a PDF that was submitted to the session.",
    )
    lasts_s: int = Field(
        default=900,
        ge=60,
        le=86_400,
        description="Chờ người ký trong bao nhiêu giây. / For how many seconds it waits for the signer.",
    )

    @model_validator(mode="after")
    def _one_document(self) -> Self:
        if (self.credential_id is None) is (self.artefact_id is None):
            raise PydanticCustomError(
                "one_of", "one of {members}", {"members": "credential_id, artefact_id"}
            )
        return self


class SignatureListing(Listing):
    """Which requests."""

    state: SignatureState | None = None
    procedure: str | None = Field(default=None, pattern=NAME)
    session_id: str | None = Field(default=None, pattern=ID_PATTERN)


class SignatureRequestModel(OutputModel):
    """A request for a signature."""

    id: str
    version: int
    state: SignatureState
    session_id: str
    procedure: str
    office: str | None
    failure: str | None = Field(
        description="Mã, khi `failed`: phải xác minh lại người ký. / Code in `failed`: verify the signer again."
    )
    document: str = Field(description="Đường dẫn của tệp đã ký. / Path of the signed file.")
    created_at: datetime
    updated_at: datetime
    expires_at: datetime


class SignatureRequestMade(SignatureRequestModel):
    """A request, and the token that its signer's device needs; told once."""

    signer_token: str


class SignatureRequestList(OutputModel):
    """A page of requests, the newest first."""

    data: list[SignatureRequestModel]
    next: str | None


class ProposalNew(InputModel):
    """How the signer would say yes."""

    method: ActivationMethod | None = Field(
        default=None,
        description="Bỏ trống: cách mạnh nhất mà khóa cho phép. / Left out: the strongest that the key allows.",
    )


class DocumentShown(OutputModel):
    """What the signer is to be shown."""

    title: str
    sha256: str


class AuthenticatorRequest(OutputModel):
    """`PublicKeyCredentialRequestOptionsJSON`, for `navigator.credentials.get()`."""

    challenge: str
    rpId: str | None  # noqa: N815  # the standard's name
    allowCredentials: list[dict[str, str]]  # noqa: N815  # the standard's name
    userVerification: str  # noqa: N815  # the standard's name


class ProposalModel(OutputModel):
    """What is to be shown, and what is asked for. Nothing is authorised by it."""

    documents: list[DocumentShown]
    method: ActivationMethod
    webauthn: AuthenticatorRequest | None
    expires_at: datetime


class AuthorisationNew(InputModel):
    """The signer's word on what was proposed last: by the verification alone, with a code, or with an authenticator."""

    approve: bool = Field(description="`false`: người ký từ chối. / The signer declines.")
    code: str | None = Field(default=None, pattern=CODE_PATTERN, repr=False)
    webauthn: AuthenticationResponse | None = Field(default=None, repr=False)


class SignerView(OutputModel):
    """What the signer's device hears."""

    id: str
    state: SignatureState
    title: str | None
    failure: str | None
    expires_at: datetime
