"""A time-stamping authority across HTTP (RFC 3161 §3.4)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ekyc.errors import UpstreamError
from ekyc.signing.authority.http_exchange import HttpExchange
from ekyc.signing.authority.timestamp import policy_of

_QUERY: Final = "application/timestamp-query"
_REPLY: Final = "application/timestamp-reply"


class HttpTimestampAuthority:
    """Carries requests to an authority; what :class:`~ekyc.signing.Party` asks for time.

    That an answer fits its question (digest, nonce, certificate, signature, time) is checked where the question was made
    (:func:`ekyc.signing.authority.timestamp.request_token`).

    Args:
        url: of the authority; its origin must be one that ``exchange`` allows.
        exchange: whose connections are used.
        policies: object identifiers, in dotted form, of the policies that are good enough; all are, if none is named.

    Raises:
        InputError: ``signing.fetch.address``, ``signing.fetch.host``: not an address that may be called.
    """

    def __init__(self, url: str, *, exchange: HttpExchange, policies: Collection[str] = ()) -> None:
        exchange.require(url)
        self._url = url
        self._exchange = exchange
        self._policies = frozenset(policies)

    def stamp(self, request_der: bytes) -> bytes:
        """DER of the authority's response.

        Raises:
            UpstreamError: ``signing.fetch.…``: no answer of the right form; ``signing.timestamp.refused``, ``.mismatch``,
                ``.policy``.
        """
        answer = self._exchange.post(self._url, request_der, content_type=_QUERY, accept=_REPLY)
        if self._policies and policy_of(answer) not in self._policies:
            raise UpstreamError(
                "the timestamp was made under another policy", code="signing.timestamp.policy"
            )
        return answer

    def __repr__(self) -> str:
        return "HttpTimestampAuthority(…)"
