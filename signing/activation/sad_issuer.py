"""The authorising side: turns a fresh decision, and a second factor where one is asked for, into a SAD.

With a second factor it takes two steps: the body of the SAD is drafted and shown, the person answers it, and the answer
goes into the SAD beside the body. Between the steps the draft may lie with the caller: it is signed, as a kind of token
that activates nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final, Protocol

from ekyc.errors import LimitError
from ekyc.ports import Clock, Random
from ekyc.signing.activation.jws import sign_compact, verify_compact
from ekyc.signing.activation.module import (
    MAX_LIFE,
    TYPE,
    ActivationError,
    require_decision,
    require_method,
)
from ekyc.signing.activation.sad import (
    ActivationMethod,
    Evidence,
    FactorProof,
    Sad,
    ShownDocument,
    read_body,
    read_claims,
    write_claims,
)
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.port import SigningKey

DRAFT_TYPE: Final = "sad-draft+jwt"


class Activatable(Protocol):
    """What the authorising side knows of a credential."""

    @property
    def id(self) -> str: ...

    @property
    def holder(self) -> str: ...

    @property
    def algorithm(self) -> SignatureAlgorithm: ...

    @property
    def methods(self) -> frozenset[ActivationMethod]: ...


class SadIssuer:
    """The authorising side.

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
        credential: Activatable,
        documents: Sequence[ShownDocument],
        *,
        evidence: Evidence,
        session: str,
        life: timedelta = MAX_LIFE,
    ) -> str:
        """A SAD over these documents by the decision alone; arguments and errors of :meth:`draft`."""
        return self.sign(
            self.draft(credential, documents, evidence=evidence, session=session, life=life)
        )

    def draft(
        self,
        credential: Activatable,
        documents: Sequence[ShownDocument],
        *,
        evidence: Evidence,
        session: str,
        method: ActivationMethod = ActivationMethod.VERIFICATION,
        life: timedelta = MAX_LIFE,
    ) -> Sad:
        """The body of a SAD, with the challenge that an authenticator is to sign.

        Args:
            credential: whose key is to sign.
            documents: what was shown, 1 to 100.
            evidence: of the verification of this person, in this session, just now.
            session: SHA-256 (hex) of the session that asks.
            method: how the person authorises.
            life: at most two minutes, from now.

        Raises:
            ActivationError: ``activation.not_accepted``, ``.other_session``, ``.other_user``, ``.evidence_stale``,
                ``.method``.
            InputError: ``activation.malformed``: too many documents, a title too long, a digest that is none.
            LimitError: ``activation.too_long``: the life.
        """
        now = self._clock.now().replace(microsecond=0)
        if evidence.session != session:
            raise ActivationError(
                "the evidence is of another session", code="activation.other_session"
            )
        require_decision(evidence, holder=credential.holder, at=now)
        require_method(method, credential.methods)
        if not timedelta(0) < life <= MAX_LIFE:
            raise LimitError("a SAD lasts two minutes at most", code="activation.too_long")
        sad = Sad(
            issuer=self._name,
            credential=credential.id,
            jti=self._random.token_bytes(16).hex(),
            issued_at=now,
            expires_at=now + life,
            algorithm=credential.algorithm.dotted,
            documents=tuple(documents),
            evidence=evidence,
            method=method,
        )
        return read_body(write_claims(sad))

    def sign(self, sad: Sad, proof: FactorProof | None = None) -> str:
        """The SAD itself.

        Args:
            sad: as drafted.
            proof: of the second factor, checked by whoever asked for it.

        Raises:
            InputError: ``activation.malformed``: the proof is not of the method.
        """
        claims = write_claims(replace(sad, proof=proof))
        read_claims(claims)
        return sign_compact(claims, key=self._key, kid=self._name, typ=TYPE)

    def keep(self, sad: Sad) -> str:
        """A draft as a token that its reader may keep: it activates nothing."""
        return sign_compact(write_claims(sad), key=self._key, kid=self._name, typ=DRAFT_TYPE)

    def kept(self, token: str) -> Sad:
        """The draft of a token that this issuer made, while it lasts.

        Raises:
            InputError: ``jws.malformed``, ``activation.malformed``.
            TrustError: ``jws.untrusted``: not made here.
            ActivationError: ``activation.expired``.
        """
        mine = {self._name: self._key.public_key_der}
        _, claims = verify_compact(token, public_key_of=mine.get, typ=DRAFT_TYPE)
        sad = read_body(claims)
        if self._clock.now() >= sad.expires_at:
            raise ActivationError("expired", code="activation.expired")
        return sad
