"""Remote signing in one process: the authorising side and whatever signs, behind :class:`RemoteSigning`.

What signs is an :class:`~ekyc.signing.activation.module.ActivationModule` in this process or the client of one in another
(:mod:`ekyc.signing.sam.client`); this class reaches no key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography import x509

from ekyc.errors import InputError
from ekyc.ports import Clock
from ekyc.signing.activation.module import ActivationError
from ekyc.signing.activation.remote import (
    Answer,
    AuthenticatorAnswer,
    Authorisation,
    Caller,
    CredentialInfo,
    CredentialStatus,
    EvidenceSource,
    OneTimeCode,
    Proposal,
)
from ekyc.signing.activation.sad import ActivationMethod, FactorProof, Sad, ShownDocument
from ekyc.signing.activation.sad_issuer import SadIssuer
from ekyc.signing.authority.fitness import certificate_is_revoked
from ekyc.signing.keys.algorithms import SignatureAlgorithm, algorithm_of
from ekyc.signing.signatory import public_key_der_of
from ekyc.signing.validation.material import ValidationMaterial


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCredential:
    """A credential without its key: what the authorising side needs of it."""

    id: str
    holder: str
    """SHA-256 (hex) pseudonym."""
    certificate_der: bytes
    issuers_der: tuple[bytes, ...] = ()
    """The chain above, root included."""
    methods: frozenset[ActivationMethod] = frozenset(ActivationMethod)
    """Ways in which its holder may authorise."""
    enabled: bool = True

    @property
    def algorithm(self) -> SignatureAlgorithm:
        return algorithm_of(public_key_der_of(self.certificate_der))

    def __repr__(self) -> str:
        return f"HeldCredential({self.id})"


class CredentialDirectory(Protocol):
    """Where credentials are looked up."""

    def of_holder(self, holder: str) -> tuple[HeldCredential, ...]:
        """All of one person, the oldest first."""
        ...

    def find(self, credential_id: str) -> HeldCredential | None:
        """One by its name."""
        ...


class Signs(Protocol):
    """What uses SADs: the signing side, wherever it runs."""

    def sign(
        self,
        sad: str,
        *,
        credential_id: str,
        hashes: Sequence[bytes],
        algorithm: SignatureAlgorithm,
    ) -> tuple[bytes, ...]: ...

    def recall(
        self,
        sad: str,
        *,
        credential_id: str,
        hashes: Sequence[bytes],
        algorithm: SignatureAlgorithm,
    ) -> tuple[bytes, ...]: ...


class SecondFactors(Protocol):
    """Second factors as the authorising side uses them."""

    @property
    def relying_party(self) -> str:
        """WebAuthn ``rpId``."""
        ...

    def methods(self, holder: str) -> frozenset[ActivationMethod]:
        """Methods for which this person has a factor."""
        ...

    def authenticators(self, holder: str) -> tuple[bytes, ...]:
        """Credential identifiers of their authenticators."""
        ...

    def take_code(self, holder: str, answer: OneTimeCode) -> FactorProof:
        """Use a one-time code up.

        Raises:
            TrustError: ``factor.wrong_code``, ``.replayed``, ``.locked``, ``.blocked``, ``.unknown``.
        """
        ...

    def check_answer(
        self, holder: str, answer: AuthenticatorAnswer, *, challenge: bytes
    ) -> FactorProof:
        """Check what an authenticator said.

        Raises:
            TrustError: ``factor.assertion``, ``factor.unknown``.
        """
        ...


class SigningService:
    """See :class:`~ekyc.signing.activation.remote.RemoteSigning`.

    Args:
        issuer: makes the SADs.
        module: uses them.
        credentials: whose credentials there are.
        evidence: which decision was made in a session.
        material: current revocation lists of whoever certified the credentials.
        clock: for the status of certificates.
        factors: second factors; without, only verification authorises.
    """

    def __init__(
        self,
        *,
        issuer: SadIssuer,
        module: Signs,
        credentials: CredentialDirectory,
        evidence: EvidenceSource,
        material: Callable[[], ValidationMaterial],
        clock: Clock,
        factors: SecondFactors | None = None,
    ) -> None:
        self._issuer = issuer
        self._module = module
        self._credentials = credentials
        self._evidence = evidence
        self._material = material
        self._clock = clock
        self._factors = factors

    def credential_ids(self, caller: Caller) -> tuple[str, ...]:
        return tuple(held.id for held in self._credentials.of_holder(caller.holder))

    def describe(self, caller: Caller, credential_id: str) -> CredentialInfo:
        held = self._of_caller(caller, credential_id)
        return CredentialInfo(
            id=held.id,
            status=_status(held, self._material(), self._clock.now()),
            algorithm=held.algorithm,
            certificate_der=held.certificate_der,
            issuers_der=held.issuers_der,
            methods=tuple(sorted(held.methods & self._possible(caller.holder))),
        )

    def propose(
        self,
        caller: Caller,
        credential_id: str,
        documents: Sequence[ShownDocument],
        *,
        method: ActivationMethod,
    ) -> Proposal:
        held = self._of_caller(caller, credential_id)
        evidence = self._evidence.latest(caller)
        if evidence is None:
            raise ActivationError(
                "nobody was verified in this session", code="activation.evidence_missing"
            )
        if method not in self._possible(caller.holder):
            raise ActivationError("no factor of this kind is enrolled", code="activation.method")
        sad = self._issuer.draft(
            held, documents, evidence=evidence, session=caller.session, method=method
        )
        asked = self._factors if method is ActivationMethod.WEBAUTHN else None
        return Proposal(
            token=self._issuer.keep(sad),
            documents=sad.documents,
            method=method,
            challenge=sad.challenge,
            relying_party=None if asked is None else asked.relying_party,
            credential_ids=() if asked is None else asked.authenticators(caller.holder),
            expires_at=sad.expires_at,
        )

    def authorise(self, caller: Caller, proposal: str, answer: Answer) -> Authorisation:
        sad = self._issuer.kept(proposal)
        if sad.evidence.holder != caller.holder:
            raise ActivationError("proposed to another person", code="activation.other_user")
        if sad.evidence.session != caller.session:
            raise ActivationError("proposed in another session", code="activation.other_session")
        proof = self._proof(sad, answer)
        return Authorisation(sad=self._issuer.sign(sad, proof), expires_at=sad.expires_at)

    def sign(
        self,
        caller: Caller,
        credential_id: str,
        *,
        sad: str,
        hashes: Sequence[bytes],
        algorithm: SignatureAlgorithm,
    ) -> tuple[bytes, ...]:
        self._of_caller(caller, credential_id)
        return self._module.sign(
            sad, credential_id=credential_id, hashes=hashes, algorithm=algorithm
        )

    def recall(
        self,
        caller: Caller,
        credential_id: str,
        *,
        sad: str,
        hashes: Sequence[bytes],
        algorithm: SignatureAlgorithm,
    ) -> tuple[bytes, ...]:
        self._of_caller(caller, credential_id)
        return self._module.recall(
            sad, credential_id=credential_id, hashes=hashes, algorithm=algorithm
        )

    def _of_caller(self, caller: Caller, credential_id: str) -> HeldCredential:
        held = self._credentials.find(credential_id)
        if held is None or held.holder != caller.holder:
            raise InputError("no such credential", code="activation.credential_unknown")
        return held

    def _possible(self, holder: str) -> frozenset[ActivationMethod]:
        enrolled = frozenset[ActivationMethod]()
        if self._factors is not None:
            enrolled = self._factors.methods(holder)
        return enrolled | {ActivationMethod.VERIFICATION}

    def _proof(self, sad: Sad, answer: Answer) -> FactorProof | None:
        """The proof of the second factor, where the answer is of the kind that was asked for and right."""
        holder, asked = sad.evidence.holder, sad.method
        if answer is None and asked is ActivationMethod.VERIFICATION:
            return None
        if self._factors is not None:
            if isinstance(answer, OneTimeCode) and asked is ActivationMethod.TOTP:
                return self._factors.take_code(holder, answer)
            if isinstance(answer, AuthenticatorAnswer) and asked is ActivationMethod.WEBAUTHN:
                return self._factors.check_answer(holder, answer, challenge=sad.challenge)
        raise InputError("an answer of another kind than asked", code="activation.malformed")


def _status(held: HeldCredential, material: ValidationMaterial, at: datetime) -> CredentialStatus:
    certificate = x509.load_der_x509_certificate(held.certificate_der)
    at_hand = ValidationMaterial(certificates=held.issuers_der) + material
    if certificate_is_revoked(certificate, at_hand):
        return CredentialStatus.REVOKED
    if at > certificate.not_valid_after_utc:
        return CredentialStatus.EXPIRED
    if at < certificate.not_valid_before_utc:
        return CredentialStatus.NOT_YET_VALID
    return CredentialStatus.ENABLED if held.enabled else CredentialStatus.DISABLED
