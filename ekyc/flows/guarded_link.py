"""HTTPS to an address that somebody else wrote down: guarded against being led to our own network (SSRF).

1. The address is read by :func:`~ekyc.flows.guarded_address.parse_web_address`: https alone, a port from a list.
2. The name is resolved anew for each exchange, and **every** address it has must be one of the public internet, or of a
   network that the operator named.
3. The connection goes to the very address that was looked at: a name that answers otherwise a moment later leads nowhere.
4. TLS names the host; no redirect is followed, no proxy asked, no cookie kept, no compressed body unpacked, nothing tried
   twice.
5. Bytes and time of the whole exchange are bounded, name resolution included.

What stays open to a stranger who owns a public name: that this machine connects to a port of the list there.
"""

from __future__ import annotations

import http.client
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from ekyc.errors import InputError, UpstreamError
from ekyc.flows.guarded_address import (
    WebAddress,
    is_loopback,
    is_public,
    parse_web_address,
)
from ekyc.flows.watchdog import Watchdog

Resolver = Callable[[str, int], Sequence[str]]
"""Host and port → IP addresses as text. Raises OSError."""
Dial = Callable[[str, int, float], socket.socket]
"""Opens a connection to an IP address and port within so many seconds. Raises OSError."""
_MOST_ADDRESSES: Final = 4
"""That are tried; all that a name has are looked at."""
_OWN_HEADERS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}
)
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class LinkError(UpstreamError):
    """The other side could not be reached, or answered beyond the bounds.

    Codes: ``link.unresolved``, ``link.unreachable``, ``link.tls``, ``link.timeout``, ``link.too_large``,
    ``link.malformed``.
    """

    default_code: ClassVar[str] = "link.unreachable"


class LinkRefusedError(InputError):
    """We do not go there. Codes: ``link.url`` (1), ``link.address`` (2)."""

    default_code: ClassVar[str] = "link.url"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkBounds:
    """What one exchange may cost, and where it may lead."""

    timeout_s: float = 10.0
    answer_bytes: int = 256 << 10
    """Of the body; 0: it is not read at all."""
    ports: frozenset[int] = frozenset({443})
    networks: tuple[str, ...] = ()
    """Networks besides the public internet, where the operator's own services are."""
    loopback: bool = False
    """Whether this machine may be called too, at any port and over http; for development only."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedAnswer:
    """What came back. ``headers`` are those that came once, in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class GuardedLink:
    """One HTTPS exchange at a time, each over a connection of its own. Safe to use from many threads.

    Args:
        bounds: of each exchange.
        resolve: names to addresses; the system's resolver by default.
        dial: connects to one of them.

    Raises:
        InputError: ``link.config``: the certificate file or a network cannot be used.
    """

    def __init__(
        self, bounds: LinkBounds, *, resolve: Resolver | None = None, dial: Dial | None = None
    ) -> None:
        self._bounds = bounds
        self._resolve = resolve or _system_resolver
        self._dial = dial or _dial
        try:
            self._networks = tuple(ipaddress.ip_network(one) for one in bounds.networks)
            self._tls = ssl.create_default_context(
                cafile=str(bounds.ca_file) if bounds.ca_file else None
            )
        except (OSError, ValueError) as exc:
            raise InputError(
                "a certificate file or network cannot be used", code="link.config"
            ) from exc
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._tls.set_alpn_protocols(["http/1.1"])

    def require(self, url: str) -> WebAddress:
        """Return if an address is of the form that is gone to. No name is resolved: what it has may change.

        Raises:
            LinkRefusedError: we do not go there.
        """
        address = parse_web_address(url)
        if address is None:
            raise LinkRefusedError("not an https address of a host in its plain form")
        if self._bounds.loopback and _names_this_machine(address):
            return address
        if address.scheme != "https":
            raise LinkRefusedError("only https is spoken")
        if address.port not in self._bounds.ports:
            raise LinkRefusedError("this port is not allowed")
        if address.is_number:
            self._require_allowed(address, (address.host,))
        elif "." not in address.host and not self._bounds.networks:
            raise LinkRefusedError("a name of our own network")
        return address

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> GuardedAnswer:
        """Fetch; see :meth:`send`."""
        return self.send("GET", url, None, headers=headers or {})

    def send(
        self, method: str, url: str, body: bytes | None, *, headers: Mapping[str, str]
    ) -> GuardedAnswer:
        """One exchange, whatever the status of the answer.

        Raises:
            LinkRefusedError: we do not go there.
            LinkError: it failed, or passed a bound.
        """
        if _OWN_HEADERS & {name.lower() for name in headers}:
            raise LinkRefusedError("a header that the link itself sets")
        address = self.require(url)
        deadline = time.monotonic() + self._bounds.timeout_s
        watch = Watchdog()
        try:
            pinned = self._pinned(address, deadline)  # (2)
            raw = self._connected(pinned, address.port, deadline)  # (3)
            with self._speaking(raw, address, deadline, watch) as connection:
                own = {
                    **headers,
                    "Host": address.authority,
                    "Accept-Encoding": "identity",
                    "Connection": "close",
                }
                connection.request(method, address.target, body=body, headers=own)
                with connection.getresponse() as response:
                    answer = self._read(response)
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise self._failure(exc, watch) from exc
        if watch.struck and self._bounds.answer_bytes:
            raise self._late()
        return answer

    def _pinned(self, address: WebAddress, deadline: float) -> tuple[str, ...]:
        """(2) The addresses that may be connected to."""
        if address.is_number:
            return (address.host,)
        found = _within(deadline, lambda: self._resolve(address.host, address.port))
        addresses = tuple(dict.fromkeys(found))
        if not addresses:
            raise LinkError("the name cannot be resolved", code="link.unresolved")
        self._require_allowed(address, addresses)
        return addresses[:_MOST_ADDRESSES]

    def _require_allowed(self, address: WebAddress, found: Sequence[str]) -> None:
        here = self._bounds.loopback and _names_this_machine(address)
        allowed = is_loopback if here else self._may_go_to
        if not all(map(allowed, found)):
            raise LinkRefusedError("leads into a private network", code="link.address")

    def _may_go_to(self, address: str) -> bool:
        return is_public(address) or any(_lies_in(address, one) for one in self._networks)

    def _connected(self, pinned: Sequence[str], port: int, deadline: float) -> socket.socket:
        """A connection to the first address that takes one; each is given its share of the time that is left."""
        last: OSError = TimeoutError()
        for number, address in enumerate(pinned):
            try:
                return self._dial(address, port, _left(deadline) / (len(pinned) - number))
            except OSError as exc:
                last = exc
        raise last

    @contextmanager
    def _speaking(
        self, raw: socket.socket, address: WebAddress, deadline: float, watch: Watchdog
    ) -> Iterator[http.client.HTTPConnection]:
        """HTTP over a connected socket, and TLS beneath it, under watch from the first octet on."""
        connection = http.client.HTTPConnection(address.host, address.port)
        try:
            raw.settimeout(_left(deadline))
            with watch.over(raw, deadline):
                plain = address.scheme == "http"
                connection.sock = (
                    raw if plain else self._tls.wrap_socket(raw, server_hostname=address.host)
                )
                yield connection
        finally:
            connection.close()
            raw.close()

    def _read(self, response: http.client.HTTPResponse) -> GuardedAnswer:
        limit = self._bounds.answer_bytes
        body = response.read(limit + 1) if limit else b""
        if len(body) > limit:
            raise LinkError(f"the answer has more than {limit} bytes", code="link.too_large")
        if limit and response.length:  # http.client lets a body pass that is shorter than announced
            raise http.client.IncompleteRead(body, response.length)
        if limit and response.getheader("Content-Encoding", "identity") != "identity":
            raise LinkError(
                "the answer is compressed, which was not asked for", code="link.malformed"
            )
        names = [(name.lower(), value) for name, value in response.getheaders()]
        times = Counter(name for name, _ in names)
        once = {name: value for name, value in names if times[name] == 1}
        return GuardedAnswer(status=response.status, headers=once, body=body)

    def _failure(self, error: Exception, watch: Watchdog) -> LinkError:
        if watch.struck or isinstance(error, TimeoutError):
            return self._late()
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            return LinkError("no TLS with that host, or not its certificate", code="link.tls")
        if isinstance(error, http.client.HTTPException | ValueError):
            message = f"not an answer in HTTP ({type(error).__name__})"
            return LinkError(message, code="link.malformed")
        return LinkError(f"cannot be reached ({type(error).__name__})")

    def _late(self) -> LinkError:
        return LinkError(f"no answer within {self._bounds.timeout_s:g} s", code="link.timeout")


def _within(deadline: float, ask: Callable[[], Sequence[str]]) -> Sequence[str]:
    """What ``ask`` gives, which cannot be interrupted, if it gives it in time; it may go on unheard."""
    box: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

    def work() -> None:
        try:
            box.put(ask())
        except (OSError, UnicodeError) as exc:
            box.put(exc)

    threading.Thread(target=work, name="ekyc-resolve", daemon=True).start()
    try:
        found = box.get(timeout=_left(deadline))
    except queue.Empty as exc:
        raise TimeoutError from exc
    if isinstance(found, Exception):
        raise LinkError("the name cannot be resolved", code="link.unresolved") from found
    return found


def _system_resolver(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [
        f"{place[0]}%{place[3]}" if len(place) == 4 and place[3] else str(place[0])
        for *_, place in found
    ]


def _dial(address: str, port: int, timeout_s: float) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    raw = socket.socket(family, socket.SOCK_STREAM)
    try:
        raw.settimeout(timeout_s)
        raw.connect((address, port))
    except BaseException:
        raw.close()
        raise
    return raw


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _names_this_machine(address: WebAddress) -> bool:
    return address.host == "localhost" or (address.is_number and is_loopback(address.host))


def _lies_in(address: str, network: _Network) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    # One with a zone or an IPv4 address in it is not plainly what the operator named.
    return "%" not in address and found.version == network.version and found in network
