"""The file that the signing process runs by. Its own: nothing of the portal's configuration reaches it.

::

    schema = "ekyc.sam/1"
    socket = "sam.sock"                  # paths are relative to this file
    state = "state.sqlite3"              # or the URL of a database
    service_key = "service.key"
    revocation_lists = []                # DER or PEM of authorities outside, read anew when they change

    [keys]
    folder = "keys"                      # or: token = "LABEL", module = "FILE"

    [issuers]                            # whose SADs count: name, file of the public key (PEM)
    portal = "portal.pem"

    [policy]
    methods = ["verification+webauthn", "verification+totp"]
    pilot = false                        # true lets methods name "verification": whoever asks the person can sign for them
    users = []                           # user ids that may connect, besides the process's own
    workers = 4

    [relying_party]                      # where authenticators are used
    id = "portal.example"
    origins = ["https://portal.example"]
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from ekyc.errors import InputError
from ekyc.files import read_file
from ekyc.signing.activation.factors import RelyingParty
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.keys.algorithms import SignatureAlgorithm, algorithm_of

SCHEMA: Final = "ekyc.sam/1"
_MAX_BYTES: Final = 64 << 10
_MAX_WORKERS: Final = 64
_SECTIONS: Final = {
    "": {"schema", "socket", "state", "service_key", "revocation_lists"},
    "keys": {"folder", "token", "module"},
    "issuers": None,
    "policy": {"methods", "pilot", "users", "workers"},
    "relying_party": {"id", "origins"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedStore:
    """Keys in a folder."""

    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStore:
    """Keys in a PKCS#11 token."""

    token: str
    module: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SamConfiguration:
    """What the file says."""

    socket: Path
    state: str | Path
    service_key: Path
    keys: EmbeddedStore | TokenStore
    issuers: Mapping[str, bytes]
    """SubjectPublicKeyInfo of EC P-256 keys, by name."""
    methods: frozenset[ActivationMethod]
    """With the verification alone only where the file says that it is a pilot's."""
    users: frozenset[int]
    workers: int
    party: RelyingParty | None
    revocation_lists: tuple[Path, ...]


def load_configuration(file: Path) -> SamConfiguration:
    """Read a configuration, strictly: an unknown name is an error, not ignored.

    Raises:
        InputError: ``sam.configuration``; ``subject`` names the place.
    """
    try:
        written = tomllib.loads(read_file(file, _MAX_BYTES, code="sam.configuration").decode())
    except OSError as exc:
        raise _wrong(f"cannot be read ({os.strerror(exc.errno or 0)})", file.name) from exc
    except ValueError as exc:
        raise _wrong("not TOML", file.name) from exc
    _require_names(written)
    base = file.absolute().parent
    policy = written.get("policy", {})
    workers = policy.get("workers", 4)
    if type(workers) is not int or not 1 <= workers <= _MAX_WORKERS:
        raise _wrong(f"1 to {_MAX_WORKERS}", "policy.workers")
    state = _text(written, "state")
    return SamConfiguration(
        socket=base / _text(written, "socket"),
        state=state if "://" in state else base / state,
        service_key=base / _text(written, "service_key"),
        keys=_keys(written.get("keys", {}), base),
        issuers=_issuers(written.get("issuers", {}), base),
        methods=_methods(policy),
        users=_users(policy),
        workers=workers,
        party=_party(written.get("relying_party")),
        revocation_lists=tuple(base / name for name in _texts(written, "revocation_lists")),
    )


def _require_names(written: Mapping[str, Any]) -> None:
    if written.get("schema") != SCHEMA:
        raise _wrong(f"must be {SCHEMA}", "schema")
    for section, known in _SECTIONS.items():
        found = written.get(section, {}) if section else written
        if not isinstance(found, dict):
            raise _wrong("must be a table", section)
        allowed = known if section else (known or set()) | set(_SECTIONS) - {""}
        unknown = set(found) - allowed if allowed is not None else set()
        if unknown:
            raise _wrong("unknown", ".".join(filter(None, (section, min(unknown)))))


def _keys(section: Mapping[str, Any], base: Path) -> EmbeddedStore | TokenStore:
    names = set(section)
    if names == {"folder"}:
        return EmbeddedStore(folder=base / _text(section, "folder"))
    if names == {"token", "module"}:
        return TokenStore(token=_text(section, "token"), module=_text(section, "module"))
    raise _wrong("either folder, or token and module", "keys")


def _issuers(section: Mapping[str, Any], base: Path) -> Mapping[str, bytes]:
    if not section:
        raise _wrong("names nobody: no SAD would count", "issuers")
    return MappingProxyType({name: _public_key(base / _text(section, name)) for name in section})


def _public_key(file: Path) -> bytes:
    try:
        key = load_pem_public_key(read_file(file, _MAX_BYTES, code="sam.configuration"))
    except (OSError, ValueError, TypeError) as exc:
        raise _wrong("no public key in PEM", file.name) from exc
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if algorithm_of(der) is not SignatureAlgorithm.ECDSA_P256:
        raise _wrong("SADs are signed with EC P-256", file.name)
    return der


def _methods(policy: Mapping[str, Any]) -> frozenset[ActivationMethod]:
    try:
        methods = frozenset(map(ActivationMethod, _texts(policy, "methods")))
    except ValueError as exc:
        raise _wrong("no such method", "policy.methods") from exc
    if not methods:
        raise _wrong("says no way of authorising", "policy.methods")
    if ActivationMethod.VERIFICATION in methods and policy.get("pilot") is not True:
        raise _wrong(
            "the verification alone authorises in a pilot only: pilot = true", "policy.methods"
        )
    return methods


def _users(policy: Mapping[str, Any]) -> frozenset[int]:
    users = policy.get("users", [])
    if not isinstance(users, list) or not all(type(user) is int and user >= 0 for user in users):
        raise _wrong("a list of user ids", "policy.users")
    return frozenset(users) | {os.getuid()}


def _party(section: Mapping[str, Any] | None) -> RelyingParty | None:
    if section is None:
        return None
    return RelyingParty(id=_text(section, "id"), origins=_texts(section, "origins"))


def _text(section: Mapping[str, Any], name: str) -> str:
    value = section.get(name)
    if not isinstance(value, str) or not value:
        raise _wrong("a text is missing", name)
    return value


def _texts(section: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = section.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong("must be a list of texts", name)
    return tuple(value)


def _wrong(what: str, where: str) -> InputError:
    return InputError(what, code="sam.configuration", subject=where)
