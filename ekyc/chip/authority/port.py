"""The words between a verifier, a national verification service, and the link that carries bytes to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ekyc.chip.files import ChipFiles
from ekyc.chip.identity import ChipIdentity
from ekyc.values import Sha256Hex


class AuthorityVerdict(StrEnum):
    """What the service signed."""

    GENUINE = "genuine"
    NOT_GENUINE = "not_genuine"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityQuestion:
    """What may be told to the service: only what a signature that holds vouches for."""

    files: ChipFiles
    identity: ChipIdentity = field(repr=False)
    signer_certificate: bytes | None = field(default=None, repr=False)
    """DER of the document signer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityAnswer:
    """An answer whose signature holds and which is to this very question.

    It says what the service says. Whether the chip is here now, or the bearer its holder, no service can know.
    """

    verdict: AuthorityVerdict
    request_id: str
    """Fresh, ours, repeated in what was signed."""
    answered_at: datetime
    """By the verifier's clock, aware."""
    signed: bytes = field(repr=False)
    """The bytes that the signature covers, as received. They may hold personal data."""
    signed_digest: Sha256Hex
    """SHA-256 of ``signed``."""
    key_fingerprint: Sha256Hex | None
    """SHA-256 of the pinned certificate or public key that verified it; None for a fake."""


class Authority(Protocol):
    """A national verification service."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def sample(self) -> bool:
        """Whether it is a fake, whose word decides nothing outside a demonstration."""
        ...

    def ask(self, question: AuthorityQuestion) -> AuthorityAnswer:
        """Ask about one document.

        Raises:
            InputError: ``authority.input_missing``: the document lacks what the request needs. Nothing was sent.
            UpstreamError: ``authority.unreachable``, ``authority.timeout``, ``authority.status``,
                ``authority.answer_too_large``, ``authority.answer_malformed``, ``authority.unmapped``.
            TrustError: ``authority.signature_missing``, ``authority.bad_signature``, ``authority.key_outside_validity``,
                ``authority.mismatch``: the answer is not the service's, or not to this question.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAnswer:
    """An answer as it came, within the link's bounds."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By lower-case name; a header that came twice is left out."""
    body: bytes = field(repr=False)


class AuthorityLink(Protocol):
    """Carries one request to the service. It follows no redirect and tries nothing twice."""

    def post(self, body: bytes, *, content_type: str) -> LinkAnswer:
        """Send ``body`` and return the answer.

        Raises:
            UpstreamError: ``authority.unreachable``, ``authority.timeout``, ``authority.answer_too_large``.
        """
        ...
