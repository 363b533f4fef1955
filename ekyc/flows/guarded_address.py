"""Addresses that strangers choose and this machine would call: which of them it may.

A web address is read by a grammar narrower than RFC 3986, so that no two readers can see two hosts in it: no userinfo, no
backslash, no character that must be escaped, no number in place of a host but an IPv4 address in its one usual form and
an IPv6 address in brackets without a zone. The numbers that a name stands for must all be public; the registries are
those of RFC 6890, and within IPv6 what carries an IPv4 address in it counts as that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

MAX_URL: Final = 2000
_USUAL_PORTS: Final = {"https": 443, "http": 80}
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    rf"(?:(?P<name>{_LABEL}(?:\.{_LABEL})*)|\[(?P<six>[0-9A-Fa-f:.]{{2,45}})\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<target>(?:/[A-Za-z0-9._~!$&'()*+,;=:@/%-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?)",
    re.ASCII,
)
_FOUR: Final = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_WELL_KNOWN_NAT64: Final = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
# What ipaddress of some Python calls global although it is not, or leads elsewhere.
_NOT_FOR_US_4: Final = tuple(
    map(
        IPv4Network, ("0.0.0.0/8", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4")
    )
)
_NOT_FOR_US_6: Final = tuple(
    map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
)
_ISATAP: Final = (0x00005EFE, 0x02005EFE)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAddress:
    """A web address that was read whole."""

    scheme: str
    host: str
    """A name in lower case, or an IP address without brackets."""
    port: int
    target: str
    """Path and query as they are sent."""

    @property
    def authority(self) -> str:
        """What ``Host`` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _USUAL_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_number(self) -> bool:
        """Whether the host is an IP address."""
        return ":" in self.host or _is_plain_four(self.host)

    def __repr__(self) -> str:
        return "WebAddress(…)"


def parse_web_address(url: str) -> WebAddress | None:
    """Read a web address; ``None``: it is not of the form that is allowed."""
    match = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if match is None or _ESCAPE.search(match["target"]):
        return None
    host = (match["name"] or "").lower() or _six(match["six"])
    port = int(match["port"] or _USUAL_PORTS[match["scheme"]])
    if host is None or len(host) > 253 or port > 65535:
        return None
    if _looks_numeric(host) and not _is_plain_four(host):
        return None
    target = match["target"]
    return WebAddress(
        scheme=match["scheme"],
        host=host,
        port=port,
        target=target if target.startswith("/") else f"/{target}",
    )


def is_public(address: str) -> bool:
    """Whether an IP address, as a resolver gives it, is one of the public internet."""
    try:
        found = ip_address(address)  # a zone after % is read too, and refused below
    except ValueError:
        return False
    return _four_is_public(found) if isinstance(found, IPv4Address) else _six_is_public(found)


def is_loopback(address: str) -> bool:
    """Whether an IP address is this machine itself, and plainly written so."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        return found == IPv6Address("::1") and found.scope_id is None
    return found.is_loopback


def _six(text: str) -> str | None:
    try:
        return str(IPv6Address(text))
    except ValueError:
        return None


def _looks_numeric(host: str) -> bool:
    """What inet_aton of some resolver would take for an IPv4 address (WHATWG URL, *ends in a number*)."""
    return ":" not in host and _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _is_plain_four(host: str) -> bool:
    return _FOUR.fullmatch(host) is not None and all(int(part) < 256 for part in host.split("."))


def _four_is_public(address: IPv4Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in _NOT_FOR_US_4)
    )


def _six_is_public(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    if address in _WELL_KNOWN_NAT64:  # a machine without IPv4 reaches all of it by these (RFC 6052)
        return _four_is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    inner = int(address) >> 32 & 0xFFFFFFFF
    return (
        address in _GLOBAL_UNICAST
        and address.is_global
        and not any(address in network for network in _NOT_FOR_US_6)
        and inner not in _ISATAP
    )
