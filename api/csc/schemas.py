"""Bodies that both versions share. Names are the standard's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ekyc.api.csc.answers import CscInput
from ekyc.signing.activation.remote import MAX_HASHES

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
CredentialId = Annotated[str, Field(pattern=_NAME, description="Mã chứng thư. / The credential.")]
Oid = Annotated[str, Field(pattern=r"^[0-9.]{3,64}$")]
Lang = Annotated[str | None, Field(default=None, max_length=35)]
Hash = Annotated[str, Field(max_length=128)]
Hashes = Annotated[
    list[Hash],
    Field(
        max_length=MAX_HASHES,
        description="Các giá trị SHA-256, base64, theo đúng thứ tự. / SHA-256 digests in base64, in order.",
    ),
]
SadText = Annotated[str | None, Field(default=None, max_length=512, repr=False)]
Parameters = Annotated[str | None, Field(default=None, max_length=512)]


class _Output(BaseModel):
    model_config = ConfigDict(extra="allow")


class InfoInput(CscInput):
    """``info`` (§11.1)."""

    lang: Lang = None


class LoginInput(CscInput):
    """``auth/login`` (§11.2)."""

    rememberMe: bool | None = None  # noqa: N815  # the standard's name
    refresh_token: str | None = Field(default=None, max_length=512, repr=False)


class RevokeInput(CscInput):
    """``auth/revoke`` (§11.3)."""

    token: str = Field(max_length=512, repr=False)
    token_type_hint: Literal["access_token", "refresh_token"] | None = None


class InfoQuery(CscInput):
    """``credentials/info`` (§11.5)."""

    credentialID: CredentialId  # noqa: N815  # the standard's name
    certificates: Literal["none", "single", "chain"] = "single"
    certInfo: bool = False  # noqa: N815  # the standard's name
    authInfo: bool = False  # noqa: N815  # the standard's name
    lang: Lang = None


class TimestampInput(CscInput):
    """``signatures/timestamp`` (§11.13)."""

    hash: str = Field(max_length=128, description="SHA-256, base64.")
    hashAlgo: Oid  # noqa: N815  # the standard's name
    nonce: str | None = Field(default=None, max_length=128, description="Hexadecimal.")


class LoginOutput(_Output):
    """A service token."""

    access_token: str = Field(repr=False)
    expires_in: int


class InfoOutput(_Output):
    """About the service."""

    specs: str
    name: str
    logo: str
    region: str
    lang: str
    description: str
    authType: list[str]  # noqa: N815  # the standard's name
    oauth2: str
    methods: list[str]


class KeyModel(_Output):
    """A key."""

    status: Literal["enabled", "disabled"]
    algo: list[str]
    len: int
    curve: str | None = None


class CertModel(_Output):
    """A certificate and its chain."""

    status: Literal["valid", "expired", "revoked", "suspended"]
    certificates: list[str] | None = None
    issuerDN: str | None = None  # noqa: N815  # the standard's name
    serialNumber: str | None = None  # noqa: N815  # the standard's name
    subjectDN: str | None = None  # noqa: N815  # the standard's name
    validFrom: str | None = None  # noqa: N815  # the standard's name
    validTo: str | None = None  # noqa: N815  # the standard's name


class CredentialModel(_Output):
    """A credential."""

    key: KeyModel
    cert: CertModel
    SCAL: Literal["1", "2"]
    multisign: int
    lang: str


class SadOutput(_Output):
    """Signature activation data."""

    SAD: str = Field(repr=False)
    expiresIn: int  # noqa: N815  # the standard's name


class SignaturesOutput(_Output):
    """Signature values, in the order of the digests."""

    signatures: list[str]


class TimestampOutput(_Output):
    """A timestamp token in base64."""

    timestamp: str
