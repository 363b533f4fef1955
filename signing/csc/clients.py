"""Applications that may call the signing interface, as its operator registers them.

Every client has a secret (RFC 6749 §2.1 *confidential*). Addresses to come back to are compared character by character
(RFC 9700 §2.1) and lead over TLS, or to the client's own machine.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from ekyc.errors import InputError
from ekyc.signing.csc.errors import CscError

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_HEX: Final = re.compile(r"[0-9a-f]{64}\Z")
_MAX_NAME: Final = 100
_MAX_ADDRESS: Final = 512
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_NOBODY: Final = hashlib.sha256(b"no client").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class CscClient:
    """A registered application.

    Raises:
        InputError: ``csc.config``: not of this form.
    """

    id: str
    name: str
    """What the person is told."""
    secret_digest: str = field(repr=False)
    """SHA-256 (hex) of the secret, which must be random: 32 bytes or more."""
    redirect_uris: tuple[str, ...] = ()
    """Where a person is sent back to; without any, the client cannot ask for a person's authorisation."""
    holder: str | None = field(default=None, repr=False)
    """Pseudonym of the holder for whom the client logs in by itself (``auth/login``): an agency and its seal."""

    def __post_init__(self) -> None:
        checks = {
            "id": _ID.match(self.id),
            "name": 0 < len(self.name) <= _MAX_NAME,
            "secret_sha256": is_digest(self.secret_digest),
            "redirect_uris": all(map(is_acceptable_address, self.redirect_uris)),
            "holder": self.holder is None or is_digest(self.holder),
        }
        for name, kept in checks.items():
            if not kept:
                raise InputError("not of the form asked for", code="csc.config", subject=name)


class ClientRegister:
    """All clients of a service."""

    def __init__(self, clients: Iterable[CscClient]) -> None:
        """
        Raises:
            InputError: ``csc.config``: two have one name.
        """
        listed = tuple(clients)
        self._clients = {client.id: client for client in listed}
        if len(self._clients) != len(listed):
            raise InputError("two clients have one id", code="csc.config", subject="id")

    def find(self, client_id: str) -> CscClient | None:
        """A client by its name."""
        return self._clients.get(client_id)

    def authenticate(self, client_id: str, secret: str) -> CscClient:
        """The client, if the secret is its own; the time taken tells nothing about either.

        Raises:
            CscError: ``invalid_client``.
        """
        client = self._clients.get(client_id)
        expected = _NOBODY if client is None else client.secret_digest
        given = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
        if not hmac.compare_digest(expected, given) or client is None:
            raise CscError("Client authentication failed", error="invalid_client")
        return client

    def __repr__(self) -> str:
        return f"ClientRegister({len(self._clients)} clients)"


def is_digest(value: str) -> bool:
    """Whether it is a SHA-256 in lower-case hexadecimal."""
    return _HEX.match(value) is not None


def is_acceptable_address(address: str) -> bool:
    """Whether a person may be sent back there: absolute, without user, fragment or white space, over TLS or loopback."""
    if not 0 < len(address) <= _MAX_ADDRESS or not address.isascii() or not address.isprintable():
        return False
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    odd = "#" in address or " " in address or "\\" in address or "@" in parts.netloc
    safe = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    return bool(host) and safe and not odd
