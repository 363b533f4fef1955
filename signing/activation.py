"""Signature activation data (SAD): the word that lets a key sign these very hashes, once (EN 419 241-1, SCAL2).

A SAD is a compact JWS of the authorising side. It names the credential, pins the sorted hashes and what was shown for
each, and carries the evidence that the person was verified and in which way. It lasts two minutes at most.

The signing side, the only one that reaches keys, believes none of it unseen:

1. A key that it trusts signed the token, and every claim is of its form.
2. It is in time: issued not in the future, not expired, lasting no longer than allowed.
3. It is for the credential that is called.
4. Its evidence speaks of that credential's holder, was fresh when the token was issued, and is of a decision that was
   *accept*; where records of decisions are kept, the record says the same of decision, report and time. Whose decision it
   was, only the issuer says: records name nobody.
5. The hashes to be signed are exactly those pinned, the key signs with the algorithm pinned, and its certificate is
   valid and not revoked.
6. Its identifier is burnt, on disk, before the key is touched; so is its evidence.
7. The key signs each hash; each value is checked against the certificate.
8. The release is on disk before any signature leaves. All leave, or none.

Killed between (6) and (8) nothing has left. The token stays burnt; once it has expired, the same fresh evidence may
authorise another.

What a SAD does not prove: that the person read what was shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ekyc.errors import InputError, LimitError, TrustError
from ekyc.policy import Verdict
from ekyc.ports import Clock, Random
from ekyc.signing.algorithms import SignatureAlgorithm, require_digest, verify_value
from ekyc.signing.fitness import require_fit
from ekyc.signing.jws import sign_compact, verify_compact
from ekyc.signing.keys import SigningKey
from ekyc.signing.material import ValidationMaterial
from ekyc.signing.sad import (
    ActivationMethod,
    Evidence,
    Sad,
    ShownDocument,
    read_claims,
    write_claims,
)
from ekyc.signing.signatory import SigningIdentity
from ekyc.storage import ActivationStore, ResultStore

TYPE: Final = "sad+jwt"
MAX_LIFE: Final = timedelta(seconds=120)
MAX_EVIDENCE_AGE: Final = timedelta(minutes=10)
CLOCK_TOLERANCE: Final = timedelta(seconds=5)


class ActivationError(TrustError):
    """An activation that must not activate anything; ``code`` says why.

    Codes: ``activation.not_accepted``, ``.other_session``, ``.other_user``, ``.other_credential``,
    ``.evidence_stale``, ``.evidence_unknown``, ``.expired``, ``.not_yet``, ``.too_long``, ``.hashes``,
    ``.algorithm``, ``.issuer``.
    """

    default_code = "activation.refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A key that somebody holds here."""

    id: str
    holder: str
    """SHA-256 (hex) pseudonym of its holder."""
    identity: SigningIdentity

    def __repr__(self) -> str:
        return f"Credential({self.id})"


class SadIssuer:
    """The authorising side: turns a fresh decision into a SAD.

    Args:
        name: under which the signing side knows the key.
        key: EC P-256.
        clock: time of issue.
        random: for identifiers.
    """

    def __init__(self, name: str, *, key: SigningKey, clock: Clock, random: Random) -> None:
        self._name = name
        self._key = key
        self._clock = clock
        self._random = random

    def issue(
        self,
        credential: Credential,
        documents: Sequence[ShownDocument],
        *,
        evidence: Evidence,
        session: str,
        life: timedelta = MAX_LIFE,
    ) -> str:
        """A SAD over these documents.

        Args:
            credential: whose key is to sign.
            documents: what was shown, 1 to 100.
            evidence: of the verification of this person, in this session, just now.
            session: SHA-256 (hex) of the session that asks.
            life: at most two minutes.

        Raises:
            ActivationError: ``activation.not_accepted``, ``.other_session``, ``.other_user``, ``.evidence_stale``.
            InputError: ``activation.malformed``: too many documents, a title too long, a digest that is none.
            LimitError: ``activation.too_long``: the life.
        """
        now = self._clock.now().replace(microsecond=0)
        if evidence.session != session:
            raise _refused("the evidence is of another session", "activation.other_session")
        _require_fit(evidence, credential, at=now)
        if not timedelta(0) < life <= MAX_LIFE:
            raise LimitError("a SAD lasts two minutes at most", code="activation.too_long")
        claims = write_claims(
            Sad(
                issuer=self._name,
                credential=credential.id,
                jti=self._random.token_bytes(16).hex(),
                issued_at=now,
                expires_at=now + life,
                algorithm=credential.identity.key.algorithm.dotted,
                documents=tuple(documents),
                evidence=evidence,
                method=ActivationMethod.VERIFICATION,
            )
        )
        read_claims(claims)
        return sign_compact(claims, key=self._key, kid=self._name, typ=TYPE)


class ActivationModule:
    """The signing side. Nothing else may hold the keys of its credentials.

    Args:
        public_key_of: key of an authorising side by its name; ``None`` for one that is not trusted.
        credential_of: a credential by its id; ``None`` if there is none.
        activations: where used ones are kept.
        results: records of decisions; ``None`` where they are kept elsewhere, and then the issuer's word counts.
        material: current revocation lists of whoever certified the credentials.
        clock: its own time.
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
    ) -> None:
        self._public_key_of = public_key_of
        self._credential_of = credential_of
        self._activations = activations
        self._results = results
        self._material = material
        self._clock = clock

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
            TrustError: ``jws.untrusted``, an :class:`ActivationError`, or ``signing.certificate.expired``,
                ``.not_yet_valid``, ``.revoked``.
            ActivationUsedError: used before, or its evidence was; or it expired while it waited for its turn.
            UpstreamError: the key failed; the SAD is used up.
            StorageError, BusyError: nothing was signed, or nothing left.
        """
        hashes = tuple(map(bytes, hashes))  # ours: what is checked is what is signed
        issuer, claims = verify_compact(sad, public_key_of=self._public_key_of, typ=TYPE)  # (1)
        claimed = read_claims(claims)
        if claimed.issuer != issuer:
            raise _refused("signed by another than it says", "activation.issuer")
        now = self._clock.now()
        _require_time(claimed.issued_at, claimed.expires_at, now)  # (2)
        if claimed.credential != credential_id:
            raise _refused("for another credential", "activation.other_credential")  # (3)
        credential = self._credential_of(credential_id)
        if credential is None:
            raise InputError("no such credential", code="activation.credential_unknown")
        _require_fit(claimed.evidence, credential, at=claimed.issued_at)  # (4)
        self._require_record(claimed.evidence, at=claimed.issued_at)
        _require_pinned(claimed.hashes, hashes)  # (5)
        key = credential.identity.key
        if not claimed.algorithm == algorithm.dotted == key.algorithm.dotted:
            raise _refused("for another algorithm", "activation.algorithm")
        require_fit(credential.identity, self._material(), at=now)
        self._activations.burn(  # (6)
            claimed.jti,
            credential=credential_id,
            evidence=claimed.evidence.result_id,
            hashes_digest=hashlib.sha256(b"".join(sorted(hashes))).hexdigest(),
            expires_at=claimed.expires_at,
        )
        values = tuple(key.sign_digest(digest) for digest in hashes)  # (7)
        for digest, value in zip(hashes, values, strict=True):
            verify_value(key.public_key_der, digest, value)
        self._activations.release(claimed.jti)  # (8)
        return values

    def _require_record(self, evidence: Evidence, *, at: datetime) -> None:
        if self._results is None:
            return
        record = self._results.get(evidence.result_id)
        if record is None or record.report_digest != evidence.report_digest:
            raise _refused("no such decision is on record", "activation.evidence_unknown")
        if record.verdict is not Verdict.ACCEPT:
            raise _refused("the decision on record is not accept", "activation.not_accepted")
        _require_fresh(record.created_at, at=at)


def _require_fit(evidence: Evidence, credential: Credential, *, at: datetime) -> None:
    """Whether evidence may authorise the use of a credential at a time."""
    if evidence.verdict is not Verdict.ACCEPT:
        raise _refused("the decision is not accept", "activation.not_accepted")
    if evidence.holder != credential.holder:
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


def _require_pinned(pinned: tuple[bytes, ...], hashes: Sequence[bytes]) -> None:
    for digest in hashes:
        require_digest(digest)
    if tuple(sorted(hashes)) != pinned:
        raise _refused("not exactly the hashes that were authorised", "activation.hashes")


def _refused(message: str, code: str) -> ActivationError:
    return ActivationError(message, code=code)
