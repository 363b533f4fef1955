"""Second factors of people: an authenticator that signs the body of the SAD (WebAuthn), or one-time codes (RFC 6238).

Both sides use this module. The authorising side takes answers; the signing side checks by itself what can be checked
after the fact: an assertion over this very SAD. Of a code it can see only that its holder has such a generator; that the
code was right is the authorising side's word.

A code is good for its time step and the two beside it, once, and no code of an earlier step is good after it (RFC 6238
§5.2). Wrong ones are counted (:mod:`ekyc.storage.signing.factors`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Final

from pyotp.totp import TOTP
from webauthn import verify_authentication_response
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticationCredential, AuthenticatorAssertionResponse

from ekyc.errors import InputError
from ekyc.ports import Clock
from ekyc.signing.activation.remote import AuthenticatorAnswer, OneTimeCode
from ekyc.signing.activation.sad import (
    MAX_ASSERTION_BYTES,
    ActivationMethod,
    Assertion,
    FactorProof,
)
from ekyc.storage import FactorError, FactorKind, FactorStore, StoredFactor
from ekyc.storage.signing.factors import Judge

STEP_S: Final = 30
_METHODS: Final = {
    FactorKind.WEBAUTHN: ActivationMethod.WEBAUTHN,
    FactorKind.TOTP: ActivationMethod.TOTP,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """Where authenticators are used."""

    id: str
    """Domain, e.g. ``dichvucong.example`` (WebAuthn Level 2 §5.4)."""
    origins: tuple[str, ...]
    """Pages that may ask, e.g. ``https://dichvucong.example``."""

    def __post_init__(self) -> None:
        if not self.id or not self.origins:
            raise InputError("a relying party has a domain and pages", code="factor.relying_party")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    """What an assertion is checked by."""

    credential_id: bytes
    public_key: bytes = field(repr=False)
    """COSE_Key (RFC 9052 §7)."""

    def pack(self) -> bytes:
        """As it is stored."""
        texts = {
            "credential_id": bytes_to_base64url(self.credential_id),
            "public_key": bytes_to_base64url(self.public_key),
        }
        return json.dumps(texts).encode()

    @classmethod
    def unpack(cls, body: bytes) -> Authenticator:
        """What :meth:`pack` wrote."""
        texts = json.loads(body)
        return cls(
            credential_id=base64url_to_bytes(texts["credential_id"]),
            public_key=base64url_to_bytes(texts["public_key"]),
        )


class SecondFactorDesk:
    """Takes and checks answers; :class:`~ekyc.signing.activation.remote_service.SecondFactors` and
    :class:`~ekyc.signing.activation.module.FactorCheck` in one.

    Args:
        store: the factors.
        clock: time, for codes.
        party: where authenticators are used; without, they are not.
    """

    def __init__(
        self, store: FactorStore, *, clock: Clock, party: RelyingParty | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._party = party

    @property
    def relying_party(self) -> str:
        return "" if self._party is None else self._party.id

    def methods(self, holder: str) -> frozenset[ActivationMethod]:
        """Methods for which this person has a factor."""
        kinds = {factor.kind for factor in self._store.of_holder(holder)}
        if self._party is None:
            kinds.discard(FactorKind.WEBAUTHN)
        return frozenset(_METHODS[kind] for kind in kinds)

    def authenticators(self, holder: str) -> tuple[bytes, ...]:
        """Credential identifiers of their authenticators."""
        mine = self._of_kind(holder, FactorKind.WEBAUTHN)
        return tuple(Authenticator.unpack(factor.body).credential_id for factor in mine)

    def take_code(self, holder: str, answer: OneTimeCode) -> FactorProof:
        """Use a one-time code up: of the generator that was enrolled last."""
        mine = self._of_kind(holder, FactorKind.TOTP)
        if not mine:
            raise _refused("no generator of codes is enrolled", "factor.unknown")
        factor = mine[-1]
        self._store.attempt(factor.id, code_judge(answer.code, self._clock))
        return FactorProof(factor=factor.id)

    def check_answer(
        self, holder: str, answer: AuthenticatorAnswer, *, challenge: bytes
    ) -> FactorProof:
        """Check what an authenticator said; its counter moves when the signatures leave."""
        for factor in self._of_kind(holder, FactorKind.WEBAUTHN):
            if Authenticator.unpack(factor.body).credential_id == answer.credential_id:
                self._verified(factor, answer.assertion, challenge)
                return FactorProof(factor=factor.id, assertion=answer.assertion)
        raise _refused("no such authenticator is enrolled", "factor.unknown")

    def require(
        self, proof: FactorProof, *, method: ActivationMethod, holder: str, challenge: bytes
    ) -> None:
        """See :class:`~ekyc.signing.activation.module.FactorCheck`."""
        factor = self._store.find(proof.factor)
        if (
            factor is None
            or factor.confirmed_at is None
            or (factor.holder, _METHODS[factor.kind]) != (holder, method)
        ):
            raise _refused("no such factor is enrolled", "factor.unknown")
        if proof.assertion is not None:
            self._verified(factor, proof.assertion, challenge)

    def has_enrolled(self, decision: str) -> bool:
        """See :class:`~ekyc.signing.activation.module.FactorCheck`."""
        return self._store.has_enrolled(decision)

    def used(self, proof: FactorProof) -> None:
        """Move the counter of an authenticator to where its assertion was."""
        if proof.assertion is not None:
            count = int.from_bytes(proof.assertion.authenticator_data[33:37])
            self._store.advance(proof.factor, count)

    def _of_kind(self, holder: str, kind: FactorKind) -> Sequence[StoredFactor]:
        return [factor for factor in self._store.of_holder(holder) if factor.kind is kind]

    def _verified(self, factor: StoredFactor, said: Assertion, challenge: bytes) -> None:
        """WebAuthn Level 2 §7.2; the person themselves must have been verified by the authenticator (UV)."""
        if self._party is None:
            raise _refused("authenticators are not used here", "factor.unknown")
        known = Authenticator.unpack(factor.body)
        parts = (said.authenticator_data, said.client_data, said.signature)
        if any(len(part) > MAX_ASSERTION_BYTES for part in parts):
            raise _refused("longer than any assertion", "factor.assertion")
        answer = AuthenticationCredential(
            id=bytes_to_base64url(known.credential_id),
            raw_id=known.credential_id,
            response=AuthenticatorAssertionResponse(
                client_data_json=said.client_data,
                authenticator_data=said.authenticator_data,
                signature=said.signature,
            ),
        )
        try:
            require_own_page(said.client_data)
            verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=self._party.id,
                expected_origin=list(self._party.origins),
                credential_public_key=known.public_key,
                credential_current_sign_count=factor.counter,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError, RecursionError) as exc:
            raise FactorError(
                "the authenticator did not sign this activation", code="factor.assertion"
            ) from exc


def require_own_page(client_data: bytes) -> None:
    """Refuse what was said in a page within somebody else's (WebAuthn Level 3 §7.1 step 10, §7.2 step 13).

    Raises:
        FactorError: ``factor.assertion``.
        WebAuthnException, ValueError: unreadable.
    """
    if parse_client_data_json(client_data).cross_origin:
        raise _refused("said within another's page", "factor.assertion")


def code_judge(code: str, clock: Clock) -> Judge:
    """What a code is worth now (:data:`ekyc.storage.signing.factors.Judge`): the time step that it is of."""
    now = int(clock.now().timestamp()) // STEP_S

    def judge(factor: StoredFactor) -> int | None:
        generator = TOTP(factor.body.decode())
        steps = [step for step in (now - 1, now, now + 1) if _is_code(generator, step, code)]
        if not steps:
            return None
        if steps[-1] <= factor.counter:
            raise FactorError("the code was used already", code="factor.replayed")
        return steps[-1]

    return judge


def _is_code(generator: TOTP, step: int, code: str) -> bool:
    return code.isascii() and compare_digest(generator.generate_otp(step), code)


def _refused(message: str, code: str) -> FactorError:
    return FactorError(message, code=code)
