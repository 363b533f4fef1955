"""Bytes to a provider and back. What connects is elsewhere (:mod:`ekyc.flows.provider_link`); here is what is read of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ekyc.signing.providers.port import ProviderError


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAnswer:
    """An answer as it came, within the link's bounds."""

    status: int
    body: bytes = field(repr=False)


class ProviderLink(Protocol):
    """Carries one request to a provider over TLS. It follows no redirect and tries nothing twice."""

    def post(self, path: str, body: bytes, *, headers: Mapping[str, str]) -> ProviderAnswer:
        """Send JSON and return the answer.

        Args:
            path: below the provider's base address.
            body: JSON.
            headers: beside those of the link; ``Authorization``.

        Raises:
            ProviderError: ``signing.provider.unreachable``, ``.timeout``, ``.too_large``, ``.malformed``.
        """
        ...


def ask(
    link: ProviderLink,
    path: str,
    body: Mapping[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Ask in JSON; status and object of the answer.

    Raises:
        ProviderError: what the link raises; ``signing.provider.malformed``: not a JSON object.
    """
    sent = json.dumps(body, ensure_ascii=False).encode()
    answer = link.post(path, sent, headers=headers or {})
    try:
        document = json.loads(answer.body) if answer.body else {}
    except (ValueError, RecursionError) as exc:
        raise malformed() from exc
    if not isinstance(document, dict):
        raise malformed()
    return answer.status, document


def text_of(document: Mapping[str, Any], name: str) -> str:
    """A member that must be text.

    Raises:
        ProviderError: ``signing.provider.malformed``.
    """
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise malformed()
    return value


def list_of(document: Mapping[str, Any], name: str, *, most: int) -> list[Any]:
    """A member that must be a list, of bounded length.

    Raises:
        ProviderError: ``signing.provider.malformed``.
    """
    value = document.get(name)
    if not isinstance(value, list) or len(value) > most:
        raise malformed()
    return value


def malformed() -> ProviderError:
    """An answer that is not of its form."""
    return ProviderError(
        "the provider's answer is not of its form", code="signing.provider.malformed"
    )
