"""Enrolling second factors: each on the strength of one fresh *accept*, which enrols nothing else.

So whoever has stolen a session, but not the person's face and card, enrols nothing. A generator of codes counts once the
person has given a first code; an authenticator once it has signed the challenge of its enrolment.

Which make an authenticator is of, is not asked (attestation *none*): any that verifies its user will do.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

from pyotp import random_base32
from pyotp.totp import TOTP
from webauthn import (
    generate_registration_options,
    options_to_json,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    UserVerificationRequirement,
)

from ekyc.errors import InputError
from ekyc.ports import Clock
from ekyc.signing.activation import ActivationError, require_decision
from ekyc.signing.factors import Authenticator, RelyingParty, code_judge
from ekyc.signing.remote import Caller, EvidenceSource, OneTimeCode
from ekyc.signing.sad import Evidence
from ekyc.storage import FactorError, FactorKind, FactorStore, NonceStore

PURPOSE: Final = "webauthn-enrolment"
_CHALLENGE_LIFE_S: Final = 300
_MAX_RESPONSE: Final = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeOffer:
    """A generator of codes to be set up. ``repr`` hides its secret."""

    factor: str
    secret: str = field(repr=False)
    """Base32 of 160 bits (RFC 4226 §4 R6)."""
    uri: str = field(repr=False)
    """``otpauth://totp/…``, for a QR code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorOffer:
    """An authenticator to be registered."""

    challenge_id: str
    """To give back with the response."""
    options_json: str
    """For ``navigator.credentials.create()``."""


class Enrolment:
    """Enrols second factors.

    Args:
        store: where they are kept.
        nonces: challenges of registration.
        evidence: which decision was made in a session.
        clock: time.
        party: where authenticators are used, and under which name the service is shown in them.
        service_name: shown beside codes in the person's generator.
    """

    def __init__(
        self,
        store: FactorStore,
        *,
        nonces: NonceStore,
        evidence: EvidenceSource,
        clock: Clock,
        party: RelyingParty,
        service_name: str,
    ) -> None:
        self._store = store
        self._nonces = nonces
        self._evidence = evidence
        self._clock = clock
        self._party = party
        self._service_name = service_name

    def offer_codes(self, caller: Caller) -> CodeOffer:
        """Make a secret for a generator of codes.

        Raises:
            ActivationError: ``activation.evidence_missing``, ``.not_accepted``, ``.other_user``, ``.evidence_stale``.
            InputError: ``factor.decision_used``.
        """
        evidence = self._fresh(caller)
        secret = random_base32()
        factor = self._store.enrol(
            holder=caller.holder,
            kind=FactorKind.TOTP,
            decision=evidence.result_id,
            body=secret.encode(),
            counter=0,
            confirmed=False,
        )
        name = f"{self._service_name} {factor.id[:6]}"
        uri = TOTP(secret).provisioning_uri(name=name, issuer_name=self._service_name)
        return CodeOffer(factor=factor.id, secret=secret, uri=uri)

    def confirm_codes(self, caller: Caller, factor_id: str, answer: OneTimeCode) -> None:
        """Take the first code; earlier generators of this person end.

        Raises:
            FactorError: ``factor.wrong_code``, ``.locked``, ``.blocked``, ``.unknown``.
        """
        factor = self._store.find(factor_id)
        if factor is None or (factor.holder, factor.kind) != (caller.holder, FactorKind.TOTP):
            raise FactorError("no such factor", code="factor.unknown")
        self._store.attempt(factor_id, code_judge(answer.code, self._clock), confirms=True)
        for other in self._store.of_holder(caller.holder):
            if other.kind is FactorKind.TOTP and other.id != factor_id:
                self._store.end(other.id)

    def offer_authenticator(self, caller: Caller) -> AuthenticatorOffer:
        """Options for registering an authenticator; they name nobody.

        Raises:
            ActivationError: as for :meth:`offer_codes`.
        """
        self._fresh(caller)
        challenge = self._nonces.issue(PURPOSE, ttl_s=_CHALLENGE_LIFE_S, count=32)
        options = generate_registration_options(
            rp_id=self._party.id,
            rp_name=self._service_name,
            user_name=self._service_name,
            user_id=bytes.fromhex(caller.holder),
            challenge=_challenge(challenge.nonce, caller),
            authenticator_selection=AuthenticatorSelectionCriteria(
                user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=Authenticator.unpack(factor.body).credential_id)
                for factor in self._store.of_holder(caller.holder)
                if factor.kind is FactorKind.WEBAUTHN
            ],
        )
        return AuthenticatorOffer(challenge_id=challenge.id, options_json=options_to_json(options))

    def register_authenticator(self, caller: Caller, challenge_id: str, response: str) -> str:
        """Check and keep an authenticator (WebAuthn Level 2 §7.1); its factor's name.

        Args:
            caller: the one to whom it was offered.
            challenge_id: of the offer; good once.
            response: JSON of the ``PublicKeyCredential``, at most 64 KiB.

        Raises:
            ActivationError: as for :meth:`offer_codes`.
            FreshnessError: the challenge is unknown, used or expired.
            FactorError: ``factor.assertion``: not a registration for this challenge.
            InputError: ``factor.decision_used``.
        """
        if len(response) > _MAX_RESPONSE:
            raise InputError("longer than any registration", code="factor.malformed")
        evidence = self._fresh(caller)
        nonce = self._nonces.redeem(challenge_id, PURPOSE)
        try:
            verified: Any = verify_registration_response(
                credential=_object(response),
                expected_challenge=_challenge(nonce, caller),
                expected_rp_id=self._party.id,
                expected_origin=list(self._party.origins),
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError, RecursionError) as exc:
            raise FactorError(
                "not a registration for this challenge", code="factor.assertion"
            ) from exc
        known = Authenticator(
            credential_id=verified.credential_id, public_key=verified.credential_public_key
        )
        factor = self._store.enrol(
            holder=caller.holder,
            kind=FactorKind.WEBAUTHN,
            decision=evidence.result_id,
            body=known.pack(),
            counter=verified.sign_count,
            confirmed=True,
        )
        return factor.id

    def _fresh(self, caller: Caller) -> Evidence:
        evidence = self._evidence.latest(caller)
        if evidence is None:
            raise ActivationError(
                "nobody was verified in this session", code="activation.evidence_missing"
            )
        require_decision(evidence, holder=caller.holder, at=self._clock.now())
        return evidence


def _challenge(nonce: bytes, caller: Caller) -> bytes:
    """The challenge of one person in one session: another one's response does not fit it."""
    return hashlib.sha256(nonce + bytes.fromhex(caller.holder + caller.session)).digest()


def _object(response: str) -> dict[str, Any]:
    value = json.loads(response)
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value
