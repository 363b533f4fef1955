"""A provider that speaks version 1 of the CSC API behind a login of its own (MySign-like), or the standard's own login.

1. Log in with client and person; keep the token while it lasts.
2. List the person's credentials; ask for each certificate with its chain.
3. Authorise exactly these digests: the call is held until the person has confirmed in the provider's application.
4. Sign; check every value.

An answer 401 ends the token; one new login is tried, and only before anything was authorised.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Lock
from typing import Any, Final

from asn1crypto import algos

from ekyc.errors import LimitError
from ekyc.ports import Clock
from ekyc.signing.activation.sad import MAX_DOCUMENTS, ShownDocument
from ekyc.signing.keys.algorithms import DIGEST_BYTES, SHA256_OID, SignatureAlgorithm
from ekyc.signing.providers.link import ProviderLink, ask, list_of, malformed, text_of
from ekyc.signing.providers.port import (
    ProviderCertificate,
    ProviderError,
    checked,
    read_certificate,
)

_MAX_CREDENTIALS: Final = 20
_MAX_CHAIN: Final = 8
_MARGIN: Final = timedelta(seconds=30)
_USUAL_LIFE_S: Final = 3600
_UNAUTHORISED: Final = 401


class Login(StrEnum):
    """How a provider wants its clients to log in."""

    BODY = "body"
    """``client_id``, ``client_secret``, ``user_id`` and ``profile_id`` in JSON, as MySign does."""
    BASIC = "basic"
    """``auth/login`` with HTTP Basic, as the standard has it (§11.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CscAccount:
    """Where, as whom, and for whom. ``repr`` shows none of it."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    person: str = field(repr=False)
    """Digits of the verified number; MySign knows the person by it."""
    profile_id: str = field(default="", repr=False)
    login: Login = Login.BODY
    login_path: str = "/v1/login"
    base_path: str = "/csc/v1"
    names_documents: bool = True
    """Whether ``documents`` go along with the digests, for the person's phone to show."""


class CscProvider:
    """See :class:`~ekyc.signing.providers.port.SigningProvider`. Safe to use from many threads.

    Args:
        account: where and for whom.
        link: to the provider. Its time limit is how long a person may take to confirm.
        clock: for certificates and tokens.
    """

    def __init__(self, account: CscAccount, *, link: ProviderLink, clock: Clock) -> None:
        self._account = account
        self._link = link
        self._clock = clock
        self._lock = Lock()
        self._token: str | None = None
        self._until: datetime | None = None

    def certificates(self) -> tuple[ProviderCertificate, ...]:
        listed = self._ask("credentials/list", {}, again=True)
        names = list_of(listed, "credentialIDs", most=_MAX_CREDENTIALS)
        if not all(isinstance(name, str) and 0 < len(name) <= 255 for name in names):
            raise malformed()
        return tuple(found for name in names if (found := self._certificate(name)) is not None)

    def sign(
        self, certificate: ProviderCertificate, documents: Sequence[ShownDocument]
    ) -> tuple[bytes, ...]:
        if not 1 <= len(documents) <= MAX_DOCUMENTS:
            raise LimitError("1 to 100 documents", code="signing.provider.count")
        hashes = [_text(document.to_be_signed) for document in documents]
        authorised = self._ask(
            "credentials/authorize",
            {
                "credentialID": certificate.reference,
                "numSignatures": len(hashes),
                "hash": hashes,
                "description": documents[0].title,
                **self._documents(documents),
            },
            again=True,
        )
        signed = self._ask(
            "signatures/signHash",
            {
                "credentialID": certificate.reference,
                "SAD": text_of(authorised, "SAD"),
                "hash": hashes,
                "hashAlgo": SHA256_OID,
                **_algorithm(certificate.algorithm),
                **self._documents(documents),
            },
        )
        values = [_value(value) for value in list_of(signed, "signatures", most=MAX_DOCUMENTS)]
        return checked(certificate, documents, values)

    def _certificate(self, name: str) -> ProviderCertificate | None:
        """A credential's certificate; ``None`` where its key is switched off."""
        asked = {"credentialID": name, "certificates": "chain", "certInfo": False}
        said = self._ask("credentials/info", asked, again=True)
        key, cert = said.get("key"), said.get("cert")
        if not isinstance(key, dict) or not isinstance(cert, dict):
            raise malformed()
        if key.get("status") != "enabled":
            return None
        chain = list_of(cert, "certificates", most=_MAX_CHAIN)
        if not chain or not all(isinstance(one, str) for one in chain):
            raise malformed()
        own, *above = chain
        now = self._clock.now()
        return read_certificate(name, own, above, person=self._account.person, at=now)

    def _documents(self, documents: Sequence[ShownDocument]) -> dict[str, Any]:
        if not self._account.names_documents:
            return {}
        named = [
            {"document_id": str(number), "document_name": document.title}
            for number, document in enumerate(documents, start=1)
        ]
        return {"documents": named}

    def _ask(self, method: str, body: Mapping[str, Any], *, again: bool = False) -> dict[str, Any]:
        """One call of the interface; with ``again`` after a new login, if the token is no longer good."""
        path = f"{self._account.base_path}/{method}"
        token = self._bearer()
        headers = {"Authorization": f"Bearer {token}"}
        status, said = ask(self._link, path, body, headers=headers)
        if status == _UNAUTHORISED:
            self._forget(token)
            if again:
                return self._ask(method, body)
            raise ProviderError(
                "the provider no longer knows our login", code="signing.provider.unauthorised"
            )
        return _accepted(status, said)

    def _bearer(self) -> str:
        with self._lock:
            now = self._clock.now()
            if self._token is None or self._until is None or now >= self._until:
                said = self._log_in()
                self._token = text_of(said, "access_token")
                life_s = said.get("expires_in", _USUAL_LIFE_S)
                if type(life_s) is not int or not 0 < life_s <= 24 * _USUAL_LIFE_S:
                    raise malformed()
                self._until = now + timedelta(seconds=life_s) - _MARGIN
            return self._token

    def _forget(self, token: str) -> None:
        with self._lock:
            if self._token == token:
                self._token = None

    def _log_in(self) -> dict[str, Any]:
        account = self._account
        if account.login is Login.BASIC:
            pair = f"{account.client_id}:{account.client_secret}".encode()
            headers = {"Authorization": f"Basic {_text(pair)}"}
            status, said = ask(self._link, f"{account.base_path}/auth/login", {}, headers=headers)
        else:
            body = {
                "client_id": account.client_id,
                "client_secret": account.client_secret,
                "user_id": account.person,
                "profile_id": account.profile_id,
            }
            status, said = ask(self._link, account.login_path, body)
        return _accepted(status, said, code="signing.provider.unauthorised")


def _accepted(
    status: int, said: dict[str, Any], *, code: str = "signing.provider.refused"
) -> dict[str, Any]:
    if status != 200:
        word = said.get("error")
        known = word if isinstance(word, str) and word.replace("_", "").isalpha() else "no reason"
        case = "signing.provider.declined" if word == "access_denied" else code
        raise ProviderError(f"the provider refuses ({status}, {known[:40]})", code=case)
    return said


def _algorithm(algorithm: SignatureAlgorithm) -> dict[str, str]:
    if algorithm is SignatureAlgorithm.ECDSA_P256:
        return {"signAlgo": algorithm.dotted}
    sha256 = {"algorithm": "sha256"}
    parameters = algos.RSASSAPSSParams(
        {
            "hash_algorithm": sha256,
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": sha256},
            "salt_length": DIGEST_BYTES,
        }
    )
    return {"signAlgo": algorithm.dotted, "signAlgoParams": _text(parameters.dump())}


def _value(value: object) -> bytes:
    if not isinstance(value, str):
        raise malformed()
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise malformed() from exc


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
