"""Signature activation data (SAD): the word that lets a key sign these very hashes, once (EN 419 241-1, SCAL2).

A SAD is a compact JWS of the authorising side. It names the credential, pins the sorted hashes and what was shown for
each, and carries the evidence that the person was verified and in which way. It lasts two minutes at most.

The signing side, the only one that reaches keys, believes none of it unseen:

1. A key that it trusts signed the token, and every claim is of its form.
2. It is in time: issued not in the future, not expired, lasting no longer than allowed.
3. It is for the credential that is called.
4. Its evidence speaks of that credential's holder, was fresh when the token was issued, and is of a decision that was
   *accept*; where records of decisions are kept, the record says the same of decision, report and time, and where they
   are bound to people (:class:`ekyc.storage.PersonStore`), of person and session. Without that, whose decision it was only
   the issuer says. It has enrolled no second factor. The way of authorising is one that the credential allows; where it
   names an authenticator, one that its holder enrolled has signed the body of this very token.
5. The hashes to be signed are exactly those pinned, the key signs with the algorithm pinned, and its certificate is
   valid and not revoked.
6. Its identifier is burnt, on disk, before the key is touched; so is its evidence.
7. The key signs each hash; each value is checked against the certificate.
8. The release is on disk before any signature leaves, and the signatures with it. All leave, or none.

Killed between (6) and (8) nothing has left. The token stays burnt; once it has expired, the same fresh evidence may
authorise another. Whoever comes again with the same token after (8) is given the same signatures by
:meth:`ActivationModule.recall`, which uses no key: what died on its way is not lost, and nothing is signed twice.

What a SAD does not prove: that the person read what was shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from ekyc.errors import InputError, TrustError
from ekyc.policy import Verdict
from ekyc.ports import Clock
from ekyc.signing.activation.jws import verify_compact
from ekyc.signing.activation.sad import (
    ActivationMethod,
    Evidence,
    FactorProof,
    Sad,
    read_claims,
)
from ekyc.signing.authority.fitness import require_fit
from ekyc.signing.keys.algorithms import SignatureAlgorithm, require_digest, verify_value
from ekyc.signing.keys.port import sign_as
from ekyc.signing.signatory import SigningIdentity, public_key_der_of
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.storage import ActivationStore, PersonStore, ResultStore

TYPE: Final = "sad+jwt"
MAX_LIFE: Final = timedelta(seconds=120)
MAX_EVIDENCE_AGE: Final = timedelta(minutes=10)
CLOCK_TOLERANCE: Final = timedelta(seconds=5)


class ActivationError(TrustError):
    """An activation that must not activate anything; ``code`` says why.

    Codes: ``activation.not_accepted``, ``.other_session``, ``.other_user``, ``.other_credential``,
    ``.evidence_missing``, ``.evidence_stale``, ``.evidence_unknown``, ``.expired``, ``.not_yet``, ``.too_long``,
    ``.evidence_enrolled``, ``.hashes``, ``.algorithm``, ``.issuer``, ``.method``.
    """

    default_code = "activation.refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A key that somebody holds here."""

    id: str
    holder: str
    """SHA-256 (hex) pseudonym of its holder."""
    identity: SigningIdentity
    methods: frozenset[ActivationMethod] = frozenset(ActivationMethod)
    """The ways in which its holder may authorise."""

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """What its key signs with."""
        return self.identity.key.algorithm

    def __repr__(self) -> str:
        return f"Credential({self.id})"


class FactorCheck(Protocol):
    """Who knows the second factors that people have enrolled."""

    def require(
        self, proof: FactorProof, *, method: ActivationMethod, holder: str, challenge: bytes
    ) -> None:
        """Return if a factor of this holder gave this proof over this challenge.

        Raises:
            TrustError: it did not, or is no factor of this holder.
        """
        ...

    def has_enrolled(self, decision: str) -> bool:
        """Whether a second factor was enrolled on the strength of this decision."""
        ...

    def used(self, proof: FactorProof) -> None:
        """Take note that signatures leave by this proof."""
        ...


class ActivationModule:
    """The signing side. Nothing else may hold the keys of its credentials.

    Args:
        public_key_of: key of an authorising side by its name; ``None`` for one that is not trusted.
        credential_of: a credential by its id; ``None`` if there is none.
        activations: where used ones are kept.
        results: records of decisions; ``None`` where they are kept elsewhere, and then the issuer's word counts.
        material: current revocation lists of whoever certified the credentials.
        clock: its own time.
        factors: second factors; without, only verification authorises.
        persons: whose decisions those on record are; ``None`` where that is kept elsewhere, and then the issuer's word
            counts.
        certificate_of: certificate (DER) of a credential by its id, for :meth:`recall`: the key may be away or destroyed
            by then. Without, that of ``credential_of``, which has its key at hand.
    """

    def __init__(
        self,
        *,
        public_key_of: Callable[[str], bytes | None],
        credential_of: Callable[[str], Credential | None],
        activations: ActivationStore,
        results: ResultStore | None,
        material: Callable[[], ValidationMaterial],
        clock: Clock,
        factors: FactorCheck | None = None,
        persons: PersonStore | None = None,
        certificate_of: Callable[[str], bytes | None] | None = None,
    ) -> None:
        self._public_key_of = public_key_of
        self._credential_of = credential_of
        self._activations = activations
        self._results = results
        self._material = material
        self._clock = clock
        self._factors = factors
        self._persons = persons
        self._certificate_of = certificate_of or self._certificate_at_hand

    def sign(
        self,
        sad: str,
        *,
        credential_id: str,
        hashes: Sequence[bytes],
        algorithm: SignatureAlgorithm,
    ) -> tuple[bytes, ...]:
        """Sign hashes under a SAD; the steps stand at the head of this module.

        Args:
            sad: as the authorising side issued it.
            credential_id: whose key is called.
            hashes: SHA-256 digests, in the order in which signatures are wanted.
            algorithm: what the caller expects the key to sign with.

        Returns:
            One signature value a hash, in that order.

        Raises:
            InputError: ``jws.malformed``, ``activation.malformed``, ``activation.credential_unknown``.
            TrustError: ``jws.untrusted``, an :class:`ActivationError`, what a second factor raises, or
                ``signing.certificate.expired``, ``.not_yet_valid``, ``.revoked``.
            ActivationUsedError: used before, or its evidence was; or it expired while it waited for its turn.
            UpstreamError: the key failed; the SAD is used up.
            StorageError, BusyError: nothing was signed, or nothing left.
        """
        hashes = tuple(map(bytes, hashes))  # ours: what is checked is what is signed
        claimed = self._claimed(sad)  # (1)
        now = self._clock.now()
        _require_time(claimed.issued_at, claimed.expires_at, now)  # (2)
        credential = self._credential(claimed, credential_id)  # (3)
        require_decision(claimed.evidence, holder=credential.holder, at=claimed.issued_at)  # (4)
        self._require_record(claimed.evidence, at=claimed.issued_at)
        self._require_person(claimed.evidence)
        self._require_factor(claimed, credential)
        _require_pinned(claimed, hashes, algorithm)  # (5)
        key = credential.identity.key
        if key.algorithm.dotted != algorithm.dotted:
            raise _refused("for another algorithm", "activation.algorithm")
        require_fit(credential.identity, self._material(), at=now)
        self._activations.burn(  # (6)
            claimed.jti,
            credential=credential_id,
            evidence=claimed.evidence.result_id,
            hashes_digest=hashlib.sha256(b"".join(sorted(hashes))).hexdigest(),
            expires_at=claimed.expires_at,
        )
        values = tuple(sign_as(key, digest, algorithm) for digest in hashes)  # (7)
        for digest, value in zip(hashes, values, strict=True):
            verify_value(key.public_key_der, digest, value, algorithm=algorithm)
        self._activations.release(  # (8)
            claimed.jti,
            sad_digest=_digest_of(sad),
            signatures=[value for _, value in sorted(zip(hashes, values, strict=True))],
        )
        if claimed.proof is not None and self._factors is not None:
            self._factors.used(claimed.proof)
        return values

    def recall(
        self,
        sad: str,
        *,
        credential_id: str,
        hashes: Sequence[bytes],
        algorithm: SignatureAlgorithm,
    ) -> tuple[bytes, ...]:
        """The signatures that left under a SAD, again; no key is used or looked up, and the SAD may have expired.

        Args:
            sad: the very token that was used.
            credential_id: whose key was called.
            hashes: all that were signed, in the order in which the values are wanted.
            algorithm: what the key signed with.

        Returns:
            One signature value a hash: the same as :meth:`sign` gave, each checked against the certificate.

        Raises:
            InputError: ``jws.malformed``, ``activation.malformed``, ``activation.credential_unknown``.
            TrustError: ``jws.untrusted``, an :class:`ActivationError`, ``signing.key.mismatch``: what was kept is not what
                left; or the credential was switched off or revoked.
            ActivationUsedError: ``activation.pending`` (ask again once the SAD has expired), ``activation.not_released``
                (none left, and from now on none will), ``activation.not_kept`` (a week has passed).
            StorageError, BusyError: the database failed.
        """
        hashes = tuple(map(bytes, hashes))
        claimed = self._claimed(sad)
        _require_pinned(claimed, hashes, algorithm)
        kept = self._activations.recall(
            claimed.jti, sad_digest=_digest_of(sad), expires_at=claimed.expires_at
        )
        _require_called(claimed, credential_id)
        certificate_der = self._certificate_of(credential_id)
        if certificate_der is None:
            raise _no_credential()
        if len(kept) != len(claimed.hashes):
            raise TrustError("other signatures than left", code="signing.key.mismatch")
        by_hash = dict(zip(claimed.hashes, kept, strict=True))
        public_key = public_key_der_of(certificate_der)
        for digest, value in by_hash.items():
            verify_value(public_key, digest, value, algorithm=algorithm)
        return tuple(by_hash[digest] for digest in hashes)

    def _claimed(self, sad: str) -> Sad:
        issuer, claims = verify_compact(sad, public_key_of=self._public_key_of, typ=TYPE)
        claimed = read_claims(claims)
        if claimed.issuer != issuer:
            raise _refused("signed by another than it says", "activation.issuer")
        return claimed

    def _credential(self, claimed: Sad, credential_id: str) -> Credential:
        _require_called(claimed, credential_id)
        credential = self._credential_of(credential_id)
        if credential is None:
            raise _no_credential()
        return credential

    def _certificate_at_hand(self, credential_id: str) -> bytes | None:
        credential = self._credential_of(credential_id)
        return None if credential is None else credential.identity.certificate_der

    def _require_person(self, evidence: Evidence) -> None:
        if self._persons is None:
            return
        bound = self._persons.of_result(evidence.result_id)
        if bound is None:
            raise _refused("nobody is on record for this decision", "activation.evidence_unknown")
        if bound.holder != evidence.holder:
            raise _refused("the decision on record is on another person", "activation.other_user")
        if bound.session != evidence.session:
            raise _refused(
                "the decision on record is of another session", "activation.other_session"
            )

    def _require_factor(self, claimed: Sad, credential: Credential) -> None:
        require_method(claimed.method, credential.methods)
        if self._factors is not None and self._factors.has_enrolled(claimed.evidence.result_id):
            raise _refused("the decision has enrolled a factor", "activation.evidence_enrolled")
        if claimed.proof is None:
            return
        if self._factors is None:
            raise _refused("no second factors are known here", "activation.method")
        self._factors.require(
            claimed.proof,
            method=claimed.method,
            holder=credential.holder,
            challenge=claimed.challenge,
        )

    def _require_record(self, evidence: Evidence, *, at: datetime) -> None:
        if self._results is None:
            return
        record = self._results.get(evidence.result_id)
        if record is None or record.report_digest != evidence.report_digest:
            raise _refused("no such decision is on record", "activation.evidence_unknown")
        if record.verdict is not Verdict.ACCEPT:
            raise _refused("the decision on record is not accept", "activation.not_accepted")
        _require_fresh(record.created_at, at=at)


def require_method(method: ActivationMethod, allowed: frozenset[ActivationMethod]) -> None:
    """Return if a credential may be activated in this way.

    Raises:
        ActivationError: ``activation.method``.
    """
    if method not in allowed:
        raise _refused("the credential is not activated in this way", "activation.method")


def require_decision(evidence: Evidence, *, holder: str, at: datetime) -> None:
    """Return if a decision speaks for the holder of a credential at a time.

    Raises:
        ActivationError: ``activation.not_accepted``, ``.other_user``, ``.evidence_stale``.
    """
    if evidence.verdict is not Verdict.ACCEPT:
        raise _refused("the decision is not accept", "activation.not_accepted")
    if evidence.holder != holder:
        raise _refused("the evidence is of another person", "activation.other_user")
    _require_fresh(evidence.at, at=at)


def _require_fresh(made_at: datetime, *, at: datetime) -> None:
    if not -CLOCK_TOLERANCE <= at - made_at <= MAX_EVIDENCE_AGE:
        raise _refused("the evidence is not fresh", "activation.evidence_stale")


def _require_time(issued_at: datetime, expires_at: datetime, now: datetime) -> None:
    if expires_at - issued_at > MAX_LIFE:
        raise _refused("lasts longer than allowed", "activation.too_long")
    if now >= expires_at:
        raise _refused("expired", "activation.expired")
    if issued_at > now + CLOCK_TOLERANCE:
        raise _refused("issued in the future", "activation.not_yet")


def _require_pinned(claimed: Sad, hashes: Sequence[bytes], algorithm: SignatureAlgorithm) -> None:
    for digest in hashes:
        require_digest(digest)
    if tuple(sorted(hashes)) != claimed.hashes:
        raise _refused("not exactly the hashes that were authorised", "activation.hashes")
    if claimed.algorithm != algorithm.dotted:
        raise _refused("for another algorithm", "activation.algorithm")


def _require_called(claimed: Sad, credential_id: str) -> None:
    if claimed.credential != credential_id:
        raise _refused("for another credential", "activation.other_credential")


def _no_credential() -> InputError:
    return InputError("no such credential", code="activation.credential_unknown")


def _digest_of(sad: str) -> str:
    return hashlib.sha256(sad.encode()).hexdigest()


def _refused(message: str, code: str) -> ActivationError:
    return ActivationError(message, code=code)
