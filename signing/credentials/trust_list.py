"""The trust list: who may issue what, by which keys, and since when. Signed, dated, numbered.

A verifier is given one key, that of whoever keeps the list (the *operator*), and takes everything else from the list.
It is a compact JWS of type ``ekyc-trust-list+jwt``; ``docs/credentials.md`` gives its members.

Keys change with an overlap: the next one is listed before it signs, the old one stays listed until the last result
that it signed has expired. ``from`` and ``until`` bound when a key *signed*; a key that was lost is *compromised*, and
then nothing by it counts, whatever date it bears: whoever holds it writes any date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from ekyc.errors import InputError
from ekyc.signing.credentials import jose
from ekyc.signing.credentials.keys import CredentialKey, CredentialSigner
from ekyc.signing.credentials.result import instant, require_uri, seconds

TYPE: Final = "ekyc-trust-list+jwt"
MAX_TEXT: Final = 1 << 20
MAX_ISSUERS: Final = 1000
MAX_KEYS: Final = 64
"""Of one issuer."""
_MAX_NAME: Final = 120


class KeyUse(StrEnum):
    """What a key may sign. A status list is signed daily by a machine; results need not fall with that key."""

    RESULT = "result"
    STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A key of an issuer."""

    key: CredentialKey
    uses: frozenset[KeyUse]
    signs_from: datetime
    signs_until: datetime
    compromised_at: datetime | None = None
    """When its loss became known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """Whoever issues results."""

    id: str
    """``https://`` address, as results name it."""
    name_vi: str
    name_en: str
    keys: tuple[TrustedKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustList:
    """What a trust list says."""

    operator: str
    number: int
    """Rises with each list; a verifier that has seen a higher one should refuse a lower one."""
    issued_at: datetime
    expires_at: datetime
    issuers: tuple[TrustedIssuer, ...]
    _by_kid: Mapping[bytes, tuple[TrustedIssuer, TrustedKey]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found = {
            trusted.key.kid: (issuer, trusted) for issuer in self.issuers for trusted in issuer.keys
        }
        keys = sum(len(issuer.keys) for issuer in self.issuers)
        if len(found) != keys or len({issuer.id for issuer in self.issuers}) != len(self.issuers):
            raise _malformed()  # one name, one key, one issuer
        object.__setattr__(self, "_by_kid", found)

    def issuer(self, issuer_id: str) -> TrustedIssuer | None:
        """The issuer of this address."""
        return next((issuer for issuer in self.issuers if issuer.id == issuer_id), None)

    def key(self, kid: bytes) -> tuple[TrustedIssuer, TrustedKey] | None:
        """The key of this name, and whose it is."""
        return self._by_kid.get(kid)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedTrustList:
    """A list that was read and not yet checked."""

    message: jose.Unverified
    claimed: TrustList

    def verify(self, operator_key: CredentialKey) -> TrustList:
        """The list, if the operator signed it.

        Raises:
            TrustError: ``credential.algorithm``, ``credential.signature_wrong``.
        """
        self.message.verify(operator_key)
        return self.claimed


def encode_trust_list(trust: TrustList, *, signer: CredentialSigner) -> str:
    """Sign a list with the operator's key."""
    claims = {
        "iss": trust.operator,
        "number": trust.number,
        "iat": seconds(trust.issued_at),
        "exp": seconds(trust.expires_at),
        "issuers": [
            {
                "id": issuer.id,
                "name_vi": issuer.name_vi,
                "name_en": issuer.name_en,
                "keys": [_write_key(trusted) for trusted in issuer.keys],
            }
            for issuer in trust.issuers
        ],
    }
    return jose.sign(claims, signer=signer, typ=TYPE)


def read_trust_list(text: str) -> UnverifiedTrustList:
    """Read a list without believing it.

    Raises:
        InputError, LimitError: ``credential.jose``, ``credential.trust_list``, ``credential.too_large``: not exactly
            what :func:`encode_trust_list` writes.
    """
    message = jose.read(text.strip("\r\n"), typ=TYPE, most=MAX_TEXT)
    try:
        claimed = _read(message.claims)
    except (KeyError, TypeError, ValueError, InputError) as exc:
        raise _malformed() from exc
    return UnverifiedTrustList(message=message, claimed=claimed)


def _write_key(trusted: TrustedKey) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "jwk": trusted.key.as_jwk(),
        "uses": sorted(use.value for use in trusted.uses),
        "from": seconds(trusted.signs_from),
        "until": seconds(trusted.signs_until),
    }
    if trusted.compromised_at is not None:
        entry["compromised"] = seconds(trusted.compromised_at)
    return entry


def _read(claims: dict[str, Any]) -> TrustList:
    _exactly(claims, {"iss": str, "number": int, "iat": int, "exp": int, "issuers": list})
    if not 0 < len(claims["issuers"]) <= MAX_ISSUERS or claims["exp"] <= claims["iat"]:
        raise _malformed()
    return TrustList(
        operator=require_uri(claims["iss"]),
        number=claims["number"],
        issued_at=instant(claims["iat"]),
        expires_at=instant(claims["exp"]),
        issuers=tuple(_read_issuer(entry) for entry in claims["issuers"]),
    )


def _read_issuer(entry: Any) -> TrustedIssuer:
    _exactly(entry, {"id": str, "name_vi": str, "name_en": str, "keys": list})
    if not 0 < len(entry["keys"]) <= MAX_KEYS:
        raise _malformed()
    names = (entry["name_vi"], entry["name_en"])
    if not all(0 < len(name) <= _MAX_NAME and name.isprintable() for name in names):
        raise _malformed()
    return TrustedIssuer(
        id=require_uri(entry["id"]),
        name_vi=entry["name_vi"],
        name_en=entry["name_en"],
        keys=tuple(_read_key(key) for key in entry["keys"]),
    )


def _read_key(entry: Any) -> TrustedKey:
    known: dict[str, type] = {"jwk": dict, "uses": list, "from": int, "until": int}
    if "compromised" in entry:
        known["compromised"] = int
    _exactly(entry, known)
    if entry["until"] <= entry["from"] or not entry["uses"]:
        raise _malformed()
    return TrustedKey(
        key=CredentialKey.from_jwk(entry["jwk"]),
        uses=frozenset(KeyUse(use) for use in entry["uses"]),
        signs_from=instant(entry["from"]),
        signs_until=instant(entry["until"]),
        compromised_at=instant(entry["compromised"]) if "compromised" in entry else None,
    )


def _exactly(entry: Any, known: Mapping[str, type]) -> None:
    if not isinstance(entry, dict) or {name: type(held) for name, held in entry.items()} != known:
        raise _malformed()


def _malformed() -> InputError:
    return InputError("not a trust list", code="credential.trust_list")
