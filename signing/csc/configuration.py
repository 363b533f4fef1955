"""What an operator writes about the signing interface: where it is, who asks persons, which clients there are."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from ekyc.errors import InputError
from ekyc.files import read_file
from ekyc.policy import profile_ids
from ekyc.signing.activation.factors import RelyingParty
from ekyc.signing.csc.clients import ClientRegister, CscClient, is_acceptable_address, is_digest

SCHEMA: Final = "ekyc.csc/1"
_MAX_FILE_BYTES: Final = 1 << 20
_MAX_TEXT: Final = 255
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CscSettings:
    """How the interface presents itself, and whose word it takes on persons.

    Raises:
        InputError: ``csc.config``: not of this form.
    """

    name: str
    """Commercial name."""
    base_url: str
    """What stands before ``/csc/…`` in its addresses, as clients reach it."""
    login_url: str
    """Page of the portal that asks the person."""
    portal_secret_digest: str = field(repr=False)
    """SHA-256 (hex) of the secret by which pages of the portal call; random, 32 bytes or more."""
    logo: str = "https://example.invalid/logo.png"
    """Address of a picture, which the standard asks for."""
    description: str = "Ký số từ xa / Remote signing"

    def __post_init__(self) -> None:
        checks = {
            "name": 0 < len(self.name) <= _MAX_TEXT,
            "base_url": is_acceptable_address(self.base_url) and not self.base_url.endswith("/"),
            "login_url": is_acceptable_address(self.login_url),
            "portal_secret_sha256": is_digest(self.portal_secret_digest),
            "logo": urlsplit(self.logo).scheme == "https",
            "description": len(self.description) <= _MAX_TEXT,
        }
        for name, kept in checks.items():
            if not kept:
                raise InputError("not of the form asked for", code="csc.config", subject=name)

    @property
    def issuer(self) -> str:
        """Of the authorisation server; its endpoints follow as ``/oauth2/…``."""
        return f"{self.base_url}/csc"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningSide:
    """Where the signing process is, and by which name and key this side authorises."""

    socket: Path
    """Of ``ekyc sam serve``."""
    issuer: str
    """Name of our key there and here."""
    issuer_keys: Path
    """Folder of that key (``ekyc sam new``)."""
    revocation_lists: tuple[Path, ...]
    """Of whoever certified the credentials, to say of each whether it is good."""
    party: RelyingParty | None
    """Where authenticators are used."""
    enrolment_procedure: str | None = None
    """Sessions of this procedure enrol second factors; without, none are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampSide:
    """Who is asked for time, and whom that rests on."""

    url: str
    """Of the time-stamping authority (RFC 3161 §3.4)."""
    policies: tuple[str, ...]
    """Of timestamps that are good enough, dotted; any, if none is named."""
    trust: tuple[Path, ...]
    """Its certificates and revocation lists, for signatures that are to last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CscConfiguration:
    """What the operator's file says."""

    settings: CscSettings
    clients: ClientRegister
    signing: SigningSide
    timestamp: TimestampSide | None = None
    """Without it, neither whole documents are signed nor timestamps given."""


def load_csc_configuration(path: Path) -> CscConfiguration:
    """Read the operator's file; docs/signing.md describes it. Paths in it are relative to its folder.

    Raises:
        InputError: ``csc.config``; ``subject`` names the file or the key.
    """
    document = _read(path)
    tables, signing = document.pop("client", []), document.pop("signing", None)
    timestamp, base = document.pop("timestamp", None), path.absolute().parent
    if document.pop("schema", None) != SCHEMA or not isinstance(tables, list):
        raise InputError(f"schema is not {SCHEMA}", code="csc.config", subject=path.name)
    return CscConfiguration(
        settings=_settings(document),
        clients=ClientRegister(map(_client, tables)),
        signing=_signing(signing, base),
        timestamp=None if timestamp is None else _timestamp(timestamp, base),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_file(path, _MAX_FILE_BYTES, code="csc.config").decode())
    except (OSError, ValueError) as exc:
        raise InputError("cannot be read", code="csc.config", subject=path.name) from exc


def _settings(table: Mapping[str, Any]) -> CscSettings:
    required = ("name", "base_url", "login_url", "portal_secret_sha256")
    return _made(
        table,
        "service",
        required=required,
        texts=(*required, "logo", "description"),
        make=lambda fields: CscSettings(
            portal_secret_digest=fields.pop("portal_secret_sha256"), **fields
        ),
    )


def _signing(table: Any, base: Path) -> SigningSide:
    required = ("sam", "issuer", "issuer_keys")

    def make(fields: dict[str, Any]) -> SigningSide:
        procedure = fields.get("enrolment_procedure")
        if procedure is not None and procedure not in profile_ids():
            raise InputError("no such procedure", code="csc.config", subject="enrolment_procedure")
        domain, origins = fields.get("relying_party"), tuple(fields.get("origins", ()))
        return SigningSide(
            socket=base / fields["sam"],
            issuer=fields["issuer"],
            issuer_keys=base / fields["issuer_keys"],
            revocation_lists=tuple(base / name for name in fields.get("revocation_lists", ())),
            party=None if domain is None else RelyingParty(id=domain, origins=origins),
            enrolment_procedure=procedure,
        )

    return _made(
        table,
        "signing",
        required=required,
        texts=(*required, "relying_party", "enrolment_procedure"),
        lists=("revocation_lists", "origins"),
        make=make,
    )


def _timestamp(table: Any, base: Path) -> TimestampSide:
    return _made(
        table,
        "timestamp",
        required=("url",),
        texts=("url",),
        lists=("policies", "trust"),
        make=lambda fields: TimestampSide(
            url=fields["url"],
            policies=tuple(fields.get("policies", ())),
            trust=tuple(base / name for name in fields.get("trust", ())),
        ),
    )


def _client(table: Mapping[str, Any]) -> CscClient:
    required = ("id", "name", "secret_sha256")
    return _made(
        table,
        "client",
        required=required,
        texts=(*required, "holder"),
        lists=("redirect_uris",),
        make=lambda fields: CscClient(
            secret_digest=fields.pop("secret_sha256"),
            redirect_uris=tuple(fields.pop("redirect_uris", ())),
            **fields,
        ),
    )


def _made(
    table: Any,
    what: str,
    *,
    required: tuple[str, ...],
    texts: tuple[str, ...],
    make: Callable[[dict[str, Any]], _T],
    lists: tuple[str, ...] = (),
) -> _T:
    """A value from a table of texts and lists of texts; no other key, none missing."""
    formed = isinstance(table, Mapping) and set(required) <= set(table) <= {*texts, *lists}
    if not formed or not all(
        _is_formed(value, is_list=name in lists) for name, value in table.items()
    ):
        raise InputError(
            f"has {', '.join(required)} and may have {', '.join({*texts, *lists} - set(required))}",
            code="csc.config",
            subject=what,
        )
    return make(dict(table))


def _is_formed(value: object, *, is_list: bool) -> bool:
    if not is_list:
        return isinstance(value, str)
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
