"""HTTPS to a provider of signatures: the link of :mod:`.authority_link`, with paths and headers of each request."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ekyc.chip.authority import ServiceEndpoint
from ekyc.errors import UpstreamError
from ekyc.flows.authority_link import HttpsAuthorityLink
from ekyc.signing.providers import ProviderAnswer, ProviderError

_CASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "authority.unreachable": "unreachable",
        "authority.timeout": "timeout",
        "authority.answer_too_large": "too_large",
        "authority.answer_malformed": "malformed",
    }
)


class HttpsProviderLink:
    """A :class:`~ekyc.signing.providers.ProviderLink`. Safe to use from many threads; each call connects anew.

    Args:
        endpoint: where, and within which bounds; ``target`` is the path that stands before that of each request. Its time
            limit is for one exchange, and where the provider holds a call until a person confirms, for that too.

    Raises:
        InputError: ``authority.config``: a certificate file cannot be used, or a header is the link's own matter.
    """

    def __init__(self, endpoint: ServiceEndpoint) -> None:
        self._link = HttpsAuthorityLink(endpoint)
        self._base = endpoint.target.rstrip("/")

    def post(self, path: str, body: bytes, *, headers: Mapping[str, str]) -> ProviderAnswer:
        try:
            answer = self._link.post(
                body, content_type="application/json", target=self._base + path, headers=headers
            )
        except UpstreamError as exc:
            case = _CASES.get(exc.code, "unreachable")
            raise ProviderError(exc.message, code=f"signing.provider.{case}") from exc
        return ProviderAnswer(status=answer.status, body=answer.body)
