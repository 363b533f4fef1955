"""What a proxy in front says of the caller: network address and TLS certificate. Believed only from declared proxies."""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.requests import HTTPConnection

from ekyc import base64url
from ekyc.errors import InputError

UNIX: Final = "unix"
_MAX_HEADER: Final = 16 << 10
_PEM: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]{8,})-----END CERTIFICATE-----"
)
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """What stands before the service. By default nothing does, and no header is believed.

    Raises:
        InputError: ``access.config``: a network is not one.
    """

    tls: bool = False
    """Declared by the operator: whoever comes from outside comes over TLS, which ends at the proxy."""
    trusted: tuple[str, ...] = ()
    """Addresses or networks of proxies; ``unix`` is whoever may open the Unix socket."""
    address_header: str | None = None
    """Such as ``X-Forwarded-For``; its last entry that is no trusted proxy is the caller."""
    certificate_header: str | None = None
    """``Client-Cert`` (RFC 9440), or one with percent-encoded PEM. The proxy must strip it from what callers send."""

    def __post_init__(self) -> None:
        for one in self.trusted:
            if one == UNIX:
                continue
            try:
                ipaddress.ip_network(one)
            except ValueError as exc:
                raise InputError(
                    "not a network such as 10.0.0.0/8", code="access.config", subject="trusted"
                ) from exc

    def trusts(self, connection: HTTPConnection) -> bool:
        """Whether the connection comes from a declared proxy."""
        return self._is_trusted(connection.client.host if connection.client else None)

    def address_of(self, connection: HTTPConnection) -> str | None:
        """Network address of the caller; ``None`` where nobody names one that counts."""
        peer = connection.client.host if connection.client else None
        if self.address_header is None or not self._is_trusted(peer):
            return _canonical(peer)
        named = ",".join(connection.headers.getlist(self.address_header))
        for entry in reversed(named[-_MAX_HEADER:].split(",")):
            address = _canonical(entry.strip())
            if address is None or not self._is_trusted(address):
                return address
        return None

    def thumbprint_of(self, connection: HTTPConnection) -> str | None:
        """SHA-256 (base64url, as in ``x5t#S256``) of the caller's certificate, from a trusted proxy alone."""
        peer = connection.client.host if connection.client else None
        if self.certificate_header is None or not self._is_trusted(peer):
            return None
        given = connection.headers.getlist(self.certificate_header)
        if len(given) != 1 or len(given[0]) > _MAX_HEADER:
            return None
        der = _certificate(given[0].strip())
        return None if der is None else thumbprint(hashlib.sha256(der).hexdigest())

    def _is_trusted(self, peer: str | None) -> bool:
        if peer is None:
            return UNIX in self.trusted
        return within(peer, tuple(one for one in self.trusted if one != UNIX))


def within(address: str | None, networks: tuple[str, ...]) -> bool:
    """Whether an address lies in one of the networks."""
    if address is None:
        return False
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(known in ipaddress.ip_network(one) for one in networks)


def thumbprint(digest_hex: str) -> str:
    """``x5t#S256`` (RFC 8705 §3.1) of a SHA-256 in hexadecimal."""
    return base64url.encode(bytes.fromhex(digest_hex))


def _canonical(address: str | None) -> str | None:
    """An address as such; an IPv4 one inside IPv6 as IPv4, so that one caller has one name."""
    if address is None:
        return None
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = known.ipv4_mapped if isinstance(known, ipaddress.IPv6Address) else None
    return str(mapped or known)


def _certificate(value: str) -> bytes | None:
    """DER from ``:base64:`` (RFC 9440 §2.1, RFC 8941 §3.3.5) or from percent-encoded PEM."""
    try:
        if value.startswith(":") and value.endswith(":") and len(value) > 2:
            return base64.b64decode(value[1:-1], validate=True)
        found = _PEM.fullmatch(unquote_to_bytes(value).strip())
        return base64.b64decode(b"".join(found[1].split()), validate=True) if found else None
    except (binascii.Error, ValueError):
        return None
