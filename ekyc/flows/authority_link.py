"""HTTPS to a national verification service: the one module of this room that opens a connection.

``http.client`` of the standard library, and nothing above it: it follows no redirect, uses no proxy, keeps no cookie,
tries nothing twice and decodes no compressed body, all of which urllib or a larger client would have to be told. No HTTP
client is among the locked dependencies, and one POST wants none.

Bounded are the bytes of the answer and the time of the whole exchange: a socket's time limit counts each read anew, so a
peer that sends an octet now and then could hold a caller for ever. A watchdog shuts the socket when the time is up.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from ekyc.chip.authority import LinkAnswer, ServiceEndpoint
from ekyc.errors import InputError, UpstreamError
from ekyc.flows.watchdog import Watchdog

_HTTPS_PORT: Final = 443
_OWN_HEADERS: Final = frozenset(
    {"host", "connection", "content-length", "content-type", "transfer-encoding"}
)


class HttpsAuthorityLink:
    """An :class:`~ekyc.chip.authority.AuthorityLink` over HTTPS. Safe to use from many threads; each call connects anew.

    Args:
        endpoint: where, and within which bounds.

    Raises:
        InputError: ``authority.config``: a certificate file cannot be used, or a header is the link's own matter.
    """

    def __init__(self, endpoint: ServiceEndpoint) -> None:
        if _OWN_HEADERS & {name.lower() for name in endpoint.headers}:
            raise InputError(
                f"the link itself sets {', '.join(sorted(_OWN_HEADERS))}", code="authority.config"
            )
        self._endpoint = endpoint
        self._context = _tls(endpoint)

    def post(
        self,
        body: bytes,
        *,
        content_type: str,
        target: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> LinkAnswer:
        """Send ``body`` and return the answer.

        Args:
            body: bytes.
            content_type: media type.
            target: path and query in place of the endpoint's.
            headers: further ones for this request; none that the link itself sets.

        Raises:
            UpstreamError: ``authority.unreachable``, ``authority.timeout``, ``authority.answer_too_large``,
                ``authority.answer_malformed``.
        """
        watch = Watchdog()
        try:
            own = {**self._headers(content_type), **(headers or {})}
            answer = self._exchange(target or self._endpoint.target, body, own, watch)
        except (OSError, http.client.HTTPException) as exc:
            if watch.struck or isinstance(exc, TimeoutError):
                raise self._late() from exc
            raise UpstreamError(
                f"the service cannot be reached ({type(exc).__name__})",
                code="authority.unreachable",
            ) from exc
        if watch.struck:  # a body without a length ends where the watchdog ended it
            raise self._late()
        return answer

    def _exchange(
        self, target: str, body: bytes, headers: Mapping[str, str], watch: Watchdog
    ) -> LinkAnswer:
        deadline = time.monotonic() + self._endpoint.timeout_s
        with self._connected(deadline, watch) as connection:
            connection.request("POST", target, body=body, headers=dict(headers))
            with connection.getresponse() as response:
                return self._read(response)

    def _late(self) -> UpstreamError:
        return UpstreamError(
            f"no answer within {self._endpoint.timeout_s:g} s", code="authority.timeout"
        )

    def _headers(self, content_type: str) -> dict[str, str]:
        endpoint = self._endpoint
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        return {
            **endpoint.headers,
            "Host": host if endpoint.port == _HTTPS_PORT else f"{host}:{endpoint.port}",
            "Content-Type": content_type,
            "Connection": "close",
        }

    @contextmanager
    def _connected(self, deadline: float, watch: Watchdog) -> Iterator[http.client.HTTPConnection]:
        """A connection over TLS, under watch from its first octet on."""
        endpoint = self._endpoint
        connection = http.client.HTTPConnection(endpoint.host, endpoint.port)
        raw = self._dial(deadline - time.monotonic())
        try:
            with (
                watch.over(raw, deadline),
                self._context.wrap_socket(raw, server_hostname=endpoint.host) as tls,
            ):
                connection.sock = tls
                yield connection
        finally:
            connection.close()
            raw.close()

    def _dial(self, timeout_s: float) -> socket.socket:
        endpoint = self._endpoint
        if endpoint.socket is None:
            return socket.create_connection((endpoint.host, endpoint.port), timeout=timeout_s)
        raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            raw.settimeout(timeout_s)
            raw.connect(str(endpoint.socket))
        except BaseException:
            raw.close()
            raise
        return raw

    def _read(self, response: http.client.HTTPResponse) -> LinkAnswer:
        limit = self._endpoint.answer_bytes
        body = response.read(limit + 1)
        if len(body) > limit:
            raise UpstreamError(
                f"the answer has more than {limit} bytes", code="authority.answer_too_large"
            )
        if response.length:  # None where nothing was announced; http.client lets a short body pass
            raise http.client.IncompleteRead(body, response.length)
        if response.getheader("Content-Encoding", "identity") != "identity":
            raise UpstreamError(
                "the answer is compressed, which was not asked for",
                code="authority.answer_malformed",
            )
        names = [(name.lower(), value) for name, value in response.getheaders()]
        times = Counter(name for name, _ in names)
        return LinkAnswer(
            status=response.status,
            headers={name: value for name, value in names if times[name] == 1},
            body=body,
        )


def _tls(endpoint: ServiceEndpoint) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(
            cafile=str(endpoint.ca_file) if endpoint.ca_file else None
        )
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if endpoint.client_certificate is not None:
            key = str(endpoint.client_key) if endpoint.client_key else None
            context.load_cert_chain(str(endpoint.client_certificate), key, password=_no_passphrase)
    except (OSError, ValueError) as exc:
        raise InputError(
            "a certificate or key file for TLS cannot be used",
            code="authority.config",
            subject="service",
        ) from exc
    return context


def _no_passphrase() -> str:
    """Instead of asking on the terminal."""
    raise ValueError("the client's key is encrypted")
