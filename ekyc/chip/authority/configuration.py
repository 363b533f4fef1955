"""The operator's description of a national verification service: ``ekyc.authority-service/1`` in TOML.

Everything that a contract decides stands there and nowhere in the code: address, headers, the form of the request, where
the signature is, what is signed, which words mean yes and no. ``docs/chip.md`` shows a whole file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from ekyc.chip.authority.keys import PinnedKey, load_pinned_key
from ekyc.chip.authority.mapping import check_template
from ekyc.errors import InputError
from ekyc.files import read_file

MAX_CONFIGURATION_BYTES: Final = 256 * 1024
_REQUEST_ID: Final = "request_id"

AlgorithmName = Literal[
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "ES256-DER",
    "ES384-DER",
    "ES512-DER",
]
"""Names of RFC 7518 §3.1; ``-DER`` where an ECDSA signature comes in DER instead of r beside s."""

_Text = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
_Path = Annotated[str, StringConstraints(min_length=1, max_length=256)]
_HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_|~-]{1,64}$")]
_HeaderValue = Annotated[
    str, StringConstraints(pattern=r"^[\x21-\x7e]([\x20-\x7e]{0,4094}[\x21-\x7e])?$")
]
_Scalar = bool | int | str


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True)


class _FromEnvironment(_Strict):
    env: _Text


class _Service(_Strict):
    url: _Text
    timeout_s: float = Field(default=10.0, gt=0, le=60)
    answer_bytes: int = Field(default=64 * 1024, ge=256, le=1024 * 1024)
    statuses: list[int] = Field(default=[200], min_length=1, max_length=8)
    socket: _Path | None = None
    ca_file: _Path | None = None
    client_certificate: _Path | None = None
    client_key: _Path | None = None
    headers: dict[_HeaderName, _HeaderValue | _FromEnvironment] = Field(
        default_factory=dict, max_length=32
    )

    @field_validator("url")
    @classmethod
    def _is_https(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.fragment:
            raise ValueError("must be an https address without user and fragment")
        return url


class _Request(_Strict):
    content_type: _HeaderValue = "application/json"
    binary: Literal["base64", "base64url", "hex"] = "base64"
    date_format: _Text = "%Y-%m-%d"
    body: dict[str, Any]


class Signature(_Strict):
    """Where the signature of an answer is, and what it covers."""

    form: Literal["header", "detached-jws", "jws", "member"]
    algorithm: AlgorithmName
    keys: list[_Path] = Field(min_length=1, max_length=8)
    header: _HeaderName | None = None
    """``header`` and ``detached-jws``: the header that holds it; the whole body is signed."""
    encoding: Literal["base64", "base64url", "hex"] = "base64"
    """``header`` and ``member``."""
    member: _Text | None = None
    """``member``: the member of the body that holds the signature."""
    payload: _Text | None = None
    """``member``: the member of the body that is signed."""
    payload_form: Literal["string", "raw"] = "string"
    """``member``: signed is the text in a string, or the member's JSON as it stands in the body."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needs_header = self.form in {"header", "detached-jws"}
        if needs_header != (self.header is not None):
            raise ValueError("`header` goes with the forms header and detached-jws")
        if (self.form == "member") != (self.member is not None and self.payload is not None):
            raise ValueError("`member` and `payload` go with the form member")
        if "jws" in self.form and self.algorithm.endswith("-DER"):
            raise ValueError("a JWS holds r and s side by side")
        return self


class Answer(_Strict):
    """Where in the signed content things are."""

    request_id: _Path
    """Path of the repeated request id."""
    verdict: _Path
    genuine: list[_Scalar] = Field(min_length=1, max_length=16)
    not_genuine: list[_Scalar] = Field(min_length=1, max_length=64)
    repeats: dict[_Path, _Text] = Field(default_factory=dict, max_length=32)
    """Further paths whose text must equal a template, such as the personal number."""
    signature: Signature

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        kinds = [(type(value), value) for value in (*self.genuine, *self.not_genuine)]
        if len(set(kinds)) != len(kinds):
            raise ValueError("a value cannot mean two things, or stand twice")
        return self


class _Manifest(_Strict):
    schema_: Literal["ekyc.authority-service/1"] = Field(alias="schema")
    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    service: _Service
    request: _Request
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEndpoint:
    """Where the service is and what a link to it may cost. ``repr`` shows no header."""

    host: str
    port: int
    target: str
    """Path and query."""
    timeout_s: float
    """For the whole exchange, from connecting to the last byte."""
    answer_bytes: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    socket: Path | None = None
    """A Unix socket that leads to the service, by a gateway of the operator; TLS is spoken through it all the same."""
    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityConfiguration:
    """A service as its operator's client describes it."""

    name: str
    endpoint: ServiceEndpoint
    statuses: frozenset[int]
    content_type: str
    binary: str
    date_format: str
    body: Mapping[str, Any] = field(repr=False)
    answer: Answer
    keys: tuple[PinnedKey, ...]


def load_authority_configuration(
    path: Path, *, environment: Mapping[str, str]
) -> AuthorityConfiguration:
    """Read the description of a service. Paths in it are relative to its folder.

    Args:
        path: the TOML file.
        environment: values for headers that name a variable, so that no secret stands in the file.

    Raises:
        InputError: ``authority.config``; ``subject`` names the file and key.
        LimitError: ``authority.config``: the file is too large.
    """
    manifest = _read(path)
    service, request = manifest.service, manifest.request
    known = check_template(request.body)
    for template in manifest.answer.repeats.values():
        check_template(template)
    if _REQUEST_ID not in known:
        raise _invalid(
            path, "request.body holds no {request_id}, so an answer would fit any request"
        )
    parts = urlsplit(service.url)
    return AuthorityConfiguration(
        name=manifest.name,
        endpoint=ServiceEndpoint(
            host=parts.hostname or "",
            port=parts.port or 443,
            target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            timeout_s=service.timeout_s,
            answer_bytes=service.answer_bytes,
            headers={
                name: _header(path, name, value, environment)
                for name, value in service.headers.items()
            },
            socket=_beside(path, service.socket),
            ca_file=_beside(path, service.ca_file),
            client_certificate=_beside(path, service.client_certificate),
            client_key=_beside(path, service.client_key),
        ),
        statuses=frozenset(service.statuses),
        content_type=request.content_type,
        binary=request.binary,
        date_format=request.date_format,
        body=request.body,
        answer=manifest.answer,
        keys=tuple(load_pinned_key(path.parent / key) for key in manifest.answer.signature.keys),
    )


def _read(path: Path) -> _Manifest:
    try:
        data = read_file(path, MAX_CONFIGURATION_BYTES, code="authority.config")
        return _Manifest.model_validate(tomllib.loads(data.decode("utf-8")))
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise _invalid(path, f"{key}: {first['msg']}") from None  # its text repeats values
    except (ValueError, RecursionError) as exc:
        raise _invalid(path, f"not valid TOML: {exc}") from exc
    except OSError as exc:
        raise _invalid(path, f"cannot be read: {exc.strerror}") from exc


def _header(
    path: Path, name: str, value: str | _FromEnvironment, environment: Mapping[str, str]
) -> str:
    if isinstance(value, str):
        return value
    given = environment.get(value.env, "")
    if not given or not given.isascii() or not given.isprintable():
        raise _invalid(path, f"the variable {value.env} of header {name} is not set, or no header")
    return given


def _beside(path: Path, name: str | None) -> Path | None:
    return None if name is None else path.parent / name


def _invalid(path: Path, message: str) -> InputError:
    return InputError(message, code="authority.config", subject=path.name)
