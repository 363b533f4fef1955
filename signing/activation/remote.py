"""Remote signing as a front end sees it: list credentials, describe one, have its holder authorise, sign.

A front end (CSC API, pages of a portal) knows who calls and in which session; keys, decisions and second factors stay
behind this port. One signing act takes three calls::

    proposal = service.propose(caller, "c-1", documents, method=ActivationMethod.WEBAUTHN)
    # show proposal.documents; have the authenticator sign proposal.challenge
    granted = service.authorise(caller, proposal.token, Assertion(...))
    values = service.sign(caller, "c-1", sad=granted.sad, hashes=hashes, algorithm=info.algorithm)

From proposal to signature there are two minutes. Calls block; each ends within the time limits of the signing side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from ekyc.signing.activation.sad import (
    MAX_DOCUMENTS,
    ActivationMethod,
    Assertion,
    Evidence,
    ShownDocument,
)
from ekyc.signing.keys.algorithms import SignatureAlgorithm

MAX_HASHES: Final = MAX_DOCUMENTS
"""How many hashes one activation may cover (``multisign`` of the CSC API)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever the front end has logged in."""

    holder: str
    """SHA-256 (hex) pseudonym of the person."""
    session: str
    """SHA-256 (hex) of the session; evidence of another one does not count."""

    def __repr__(self) -> str:
        return "Caller(…)"


class CredentialStatus(StrEnum):
    """Whether a credential can sign now."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    """Switched off by its holder or the operator."""
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialInfo:
    """A credential, as its holder may see it."""

    id: str
    status: CredentialStatus
    algorithm: SignatureAlgorithm
    certificate_der: bytes
    issuers_der: tuple[bytes, ...]
    """The chain above, root included."""
    methods: tuple[ActivationMethod, ...]
    """Ways in which the holder can authorise now: allowed for the credential, and the factor is enrolled."""
    max_hashes: int = MAX_HASHES

    def __repr__(self) -> str:
        return f"CredentialInfo({self.id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeCode:
    """What the person reads off their device (RFC 6238)."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorAnswer:
    """What an authenticator returned to ``navigator.credentials.get()``."""

    credential_id: bytes
    """``rawId``."""
    assertion: Assertion


Answer = OneTimeCode | AuthenticatorAnswer | None
"""``None`` where the verification alone authorises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is to be signed and how the person says yes; nothing is authorised yet."""

    token: str = field(repr=False)
    """The draft, signed; the caller gives it back. It activates nothing."""
    documents: tuple[ShownDocument, ...]
    """To be shown: titles and digests exactly as they are pinned."""
    method: ActivationMethod
    challenge: bytes
    """32 bytes: SHA-256 over the canonical body of the SAD."""
    relying_party: str | None
    """WebAuthn ``rpId``; only with :attr:`ActivationMethod.WEBAUTHN`."""
    credential_ids: tuple[bytes, ...]
    """``allowCredentials``: authenticators that the holder has enrolled."""
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """A SAD that activates, once."""

    sad: str = field(repr=False)
    expires_at: datetime


class RemoteSigning(Protocol):
    """The service behind every front end. Safe to call from many threads."""

    def credential_ids(self, caller: Caller) -> tuple[str, ...]:
        """Credentials of the caller, the oldest first."""
        ...

    def describe(self, caller: Caller, credential_id: str) -> CredentialInfo:
        """One of them.

        Raises:
            InputError: ``activation.credential_unknown``: none of the caller's, whoever else's it may be.
        """
        ...

    def propose(
        self,
        caller: Caller,
        credential_id: str,
        documents: Sequence[ShownDocument],
        *,
        method: ActivationMethod,
    ) -> Proposal:
        """Pin documents; the person has been verified in this session, just now.

        Args:
            caller: who asks.
            credential_id: one of the caller's.
            documents: 1 to 100. Where a client sends a bare hash, its title is the client's word and
                ``shown_digest`` the hash itself in hexadecimal: the person sees no more than that.
            method: one of :attr:`CredentialInfo.methods`.

        Raises:
            InputError: ``activation.credential_unknown``, ``activation.malformed``.
            ActivationError: ``activation.evidence_missing`` (nobody was verified in this session),
                ``.evidence_stale``, ``.other_user``, ``.other_session``, ``.not_accepted``, ``.method``.
            StorageError, BusyError: the state database failed.
        """
        ...

    def authorise(self, caller: Caller, proposal: str, answer: Answer) -> Authorisation:
        """Check the person's answer and give out the SAD.

        Args:
            caller: the one who proposed.
            proposal: :attr:`Proposal.token`.
            answer: of the method's kind.

        Raises:
            InputError: ``jws.malformed``, ``activation.malformed``: not a proposal of this service, or an answer of
                another kind.
            ActivationError: ``activation.expired``, ``.other_user``, ``.other_session``.
            TrustError: ``factor.wrong_code``, ``factor.replayed``, ``factor.locked``, ``factor.blocked``,
                ``factor.assertion``, ``factor.unknown``; ``jws.untrusted``.
            StorageError, BusyError: the state database failed.
        """
        ...

    def sign(
        self,
        caller: Caller,
        credential_id: str,
        *,
        sad: str,
        hashes: Sequence[bytes],
        algorithm: SignatureAlgorithm,
    ) -> tuple[bytes, ...]:
        """Use a SAD.

        Args:
            caller: who asks.
            credential_id: one of the caller's.
            sad: from :meth:`authorise`.
            hashes: SHA-256 digests, all that were pinned and no others, in the order in which values are wanted.
            algorithm: what the caller expects.

        Returns:
            One value a hash: DER ``Ecdsa-Sig-Value``, or octets of RSASSA-PSS.

        Raises:
            InputError, TrustError: see :meth:`ekyc.signing.activation.module.ActivationModule.sign`; nothing was signed.
            ActivationUsedError: the SAD or its evidence was used before.
            UpstreamError: the signing side or its keys failed (``signing.sam.unreachable``, ``signing.sam.lost``, …).
            StorageError, BusyError: nothing left.
        """
        ...

    def recall(
        self,
        caller: Caller,
        credential_id: str,
        *,
        sad: str,
        hashes: Sequence[bytes],
        algorithm: SignatureAlgorithm,
    ) -> tuple[bytes, ...]:
        """The values that left under a SAD and were lost on their way; arguments as of :meth:`sign`, and no key is used.

        Raises:
            InputError, TrustError, ActivationUsedError: see :meth:`ekyc.signing.activation.module.ActivationModule.recall`.
            UpstreamError, StorageError, BusyError: the signing side did not answer; ask again.
        """
        ...


class EvidenceSource(Protocol):
    """Who knows which decision was made on a person in a session."""

    def latest(self, caller: Caller) -> Evidence | None:
        """The latest decision on this person in this session; ``None`` where there is none."""
        ...
