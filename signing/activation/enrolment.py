"""Enrolling second factors: each on the strength of one fresh *accept*, which enrols nothing else.

1. So whoever has stolen a session, but not the person's face and card, enrols nothing. A generator of codes counts once
   the person has given a first code; an authenticator once it has signed the challenge of its enrolment.
2. The decision is spent by it: no key signs on its strength (:mod:`ekyc.signing.activation.module`).
3. Where the person has a factor that stands, another is enrolled, or this one ended, only with a code of theirs, or with
   an authenticator of theirs that signs a challenge for it: a decision alone replaces nothing. Who has lost all that they
   had goes to the operator (:meth:`FactorStore.end`).
4. Of generators that were offered the one that is confirmed first stands; all others end with it. Whatever was offered
   ends when any factor is confirmed, and a registration holds only beside the factors that stood when it was offered.

Which make an authenticator is of, is not asked (attestation *none*): any that verifies its user will do, with a key of
ES256, EdDSA or RS256.
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
from webauthn.helpers import decode_credential_public_key, parse_registration_credential_json
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.decode_credential_public_key import DecodedRSAPublicKey
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    UserVerificationRequirement,
)

from ekyc.errors import InputError
from ekyc.ports import Clock
from ekyc.signing.activation.factors import (
    Authenticator,
    RelyingParty,
    SecondFactorDesk,
    code_judge,
    require_own_page,
)
from ekyc.signing.activation.module import ActivationError, require_decision
from ekyc.signing.activation.remote import (
    AuthenticatorAnswer,
    Caller,
    EvidenceSource,
    OneTimeCode,
)
from ekyc.signing.activation.sad import Evidence
from ekyc.storage import FactorError, FactorKind, FactorStore, NonceStore, StoredFactor

PURPOSE: Final = "webauthn-enrolment"
AGREEMENT: Final = "webauthn-agreement"
ALGORITHMS: Final = (
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
)
"""Of authenticators' keys, the one preferred first (RFC 9053 §2.1, §2.2; RFC 8812 §2)."""
MAX_REGISTRATION_BYTES: Final = 64 << 10
"""Of what a browser says about an authenticator, as JSON."""
_CHALLENGE_LIFE_S: Final = 300
_RSA_BITS: Final = 2048


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementAsked:
    """What an authenticator of the person's is to sign, so that another factor may come, or one may go."""

    challenge_id: str
    """To give back with the answer."""
    challenge: bytes
    relying_party: str
    credential_ids: tuple[bytes, ...]
    """``allowCredentials``; never empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementGiven:
    """What their authenticator said to it."""

    challenge_id: str
    answer: AuthenticatorAnswer


Agreement = OneTimeCode | AgreementGiven | None
"""The word of whoever has a factor already: a code of it, or its assertion."""


class Enrolment:
    """Enrols second factors.

    Args:
        store: where they are kept.
        nonces: challenges of registration.
        evidence: which decision was made in a session.
        clock: time.
        party: where authenticators are used; without, none is enrolled.
        service_name: shown beside codes in the person's generator.
    """

    def __init__(
        self,
        store: FactorStore,
        *,
        nonces: NonceStore,
        evidence: EvidenceSource,
        clock: Clock,
        party: RelyingParty | None,
        service_name: str,
    ) -> None:
        self._store = store
        self._nonces = nonces
        self._evidence = evidence
        self._clock = clock
        self._party = party
        self._desk = SecondFactorDesk(store, clock=clock, party=party)
        self._service_name = service_name

    def ask_agreement(self, caller: Caller) -> AgreementAsked:
        """Have an authenticator of theirs agree; it signs nothing else by that.

        Raises:
            ActivationError: as for :meth:`offer_codes`.
            FactorError: ``factor.unknown``: they have none, or none are used here.
        """
        party = self._where()
        self._fresh(caller)
        mine = self._desk.authenticators(caller.holder)
        if not mine:
            raise FactorError("no authenticator is enrolled", code="factor.unknown")
        asked = self._nonces.issue(AGREEMENT, ttl_s=_CHALLENGE_LIFE_S, count=32)
        return AgreementAsked(
            challenge_id=asked.id,
            challenge=_challenge(AGREEMENT, asked.nonce, caller, self._standing_ids(caller)),
            relying_party=party.id,
            credential_ids=mine,
        )

    def offer_codes(self, caller: Caller, answer: Agreement = None) -> CodeOffer:
        """Make a secret for a generator of codes.

        Args:
            caller: who asks.
            answer: of a factor that they have, where they have one.

        Raises:
            ActivationError: ``activation.evidence_missing``, ``.not_accepted``, ``.other_user``, ``.evidence_stale``.
            InputError: ``factor.decision_used``.
            FactorError: ``factor.standing``: they have a factor, and gave no word of it; or the word is refused.
            FreshnessError: the challenge that their authenticator signed is unknown, used or expired.
        """
        evidence = self._unspent(caller)
        beside = self._agreed_beside(caller, answer)
        secret = random_base32()
        factor = self._store.enrol(
            holder=caller.holder,
            kind=FactorKind.TOTP,
            decision=evidence.result_id,
            body=secret.encode(),
            counter=0,
            beside=beside,
            offered=True,
        )
        name = f"{self._service_name} {factor.id[:6]}"
        uri = TOTP(secret).provisioning_uri(name=name, issuer_name=self._service_name)
        return CodeOffer(factor=factor.id, secret=secret, uri=uri)

    def confirm_codes(self, caller: Caller, factor_id: str, answer: OneTimeCode) -> None:
        """Take the first code, while the decision is fresh; all other generators of this person end.

        Raises:
            ActivationError: as for :meth:`offer_codes`.
            FactorError: ``factor.wrong_code``, ``.locked``, ``.blocked``; ``.unknown``: none that was offered on the
                strength of this decision, or another was confirmed meanwhile.
        """
        evidence = self._fresh(caller)
        factor = self._store.find(factor_id)
        if factor is None or (factor.kind, factor.decision) != (
            FactorKind.TOTP,
            evidence.result_id,
        ):
            raise FactorError("no such factor", code="factor.unknown")
        self._store.attempt(factor_id, code_judge(answer.code, self._clock), confirms=True)

    def standing(self, caller: Caller) -> tuple[StoredFactor, ...]:
        """What this person can say yes with, the oldest first."""
        return self._store.of_holder(caller.holder)

    def end(self, caller: Caller, factor_id: str, answer: Agreement) -> None:
        """Take one of this person's factors out of use, for good.

        Raises:
            ActivationError: as for :meth:`offer_codes`.
            FactorError: ``factor.unknown``: none of theirs; as for :meth:`offer_codes`.
        """
        self._fresh(caller)
        if factor_id not in {factor.id for factor in self.standing(caller)}:
            raise FactorError("no such factor", code="factor.unknown")
        self._agreed_beside(caller, answer)
        self._store.end(factor_id)

    def offer_authenticator(self, caller: Caller, answer: Agreement = None) -> AuthenticatorOffer:
        """Options for registering an authenticator; they name nobody, and it may be done again.

        Raises:
            ActivationError, InputError, FactorError: as for :meth:`offer_codes`.
        """
        party = self._where()
        self._unspent(caller)
        beside = self._agreed_beside(caller, answer)
        challenge = self._nonces.issue(PURPOSE, ttl_s=_CHALLENGE_LIFE_S, count=32)
        options = generate_registration_options(
            rp_id=party.id,
            rp_name=self._service_name,
            user_name=self._service_name,
            user_id=hashlib.sha256(b"webauthn user\0" + bytes.fromhex(caller.holder)).digest(),
            challenge=_challenge(PURPOSE, challenge.nonce, caller, beside),
            authenticator_selection=AuthenticatorSelectionCriteria(
                user_verification=UserVerificationRequirement.REQUIRED
            ),
            supported_pub_key_algs=list(ALGORITHMS),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=one)
                for one in self._desk.authenticators(caller.holder)
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
            FactorError: ``factor.assertion``: not a registration for this challenge, or other factors stand than when it
                was offered; ``factor.standing``: they changed at this very moment.
            InputError: ``factor.decision_used``, ``factor.malformed``.
        """
        if len(response) > MAX_REGISTRATION_BYTES:
            raise InputError("longer than any registration", code="factor.malformed")
        party = self._where()
        evidence = self._fresh(caller)
        beside = self._standing_ids(caller)
        nonce = self._nonces.redeem(challenge_id, PURPOSE)
        try:
            said = parse_registration_credential_json(_object(response))
            require_own_page(said.response.client_data_json)
            verified = verify_registration_response(
                credential=said,
                expected_challenge=_challenge(PURPOSE, nonce, caller, beside),
                expected_rp_id=party.id,
                expected_origin=list(party.origins),
                require_user_verification=True,
                supported_pub_key_algs=list(ALGORITHMS),
            )
            _require_strong(verified.credential_public_key)
        except (WebAuthnException, ValueError, TypeError, KeyError, RecursionError) as exc:
            raise FactorError(
                "not a registration for this challenge", code="factor.assertion"
            ) from exc
        known = Authenticator(
            credential_id=verified.credential_id, public_key=verified.credential_public_key
        )
        if known.credential_id in self._desk.authenticators(caller.holder):
            raise FactorError("it is registered already", code="factor.assertion")
        factor = self._store.enrol(
            holder=caller.holder,
            kind=FactorKind.WEBAUTHN,
            decision=evidence.result_id,
            body=known.pack(),
            counter=verified.sign_count,
            beside=beside,
        )
        return factor.id

    def _where(self) -> RelyingParty:
        if self._party is None:
            raise FactorError("authenticators are not used here", code="factor.unknown")
        return self._party

    def _agreed_beside(self, caller: Caller, answer: Agreement) -> frozenset[str]:  # (3)
        """The factors that stood when this was agreed to: what is agreed to holds beside these, and beside no others."""
        standing = self.standing(caller)
        beside = frozenset(factor.id for factor in standing)
        if isinstance(answer, AgreementGiven):
            nonce = self._nonces.redeem(answer.challenge_id, AGREEMENT)
            challenge = _challenge(AGREEMENT, nonce, caller, beside)
            proof = self._desk.check_answer(caller.holder, answer.answer, challenge=challenge)
            self._desk.used(proof)
            return beside
        if not standing:
            return beside
        generators = [factor for factor in standing if factor.kind is FactorKind.TOTP]
        if answer is None or not generators:
            raise FactorError("a factor stands, and gave no word", code="factor.standing")
        self._store.attempt(generators[-1].id, code_judge(answer.code, self._clock))
        return beside

    def _standing_ids(self, caller: Caller) -> frozenset[str]:
        return frozenset(factor.id for factor in self.standing(caller))

    def _unspent(self, caller: Caller) -> Evidence:
        evidence = self._fresh(caller)
        if self._store.has_enrolled(evidence.result_id):
            raise InputError(
                "the decision has enrolled a factor already", code="factor.decision_used"
            )
        return evidence

    def _fresh(self, caller: Caller) -> Evidence:
        evidence = self._evidence.latest(caller)
        if evidence is None:
            raise ActivationError(
                "nobody was verified in this session", code="activation.evidence_missing"
            )
        require_decision(evidence, holder=caller.holder, at=self._clock.now())
        return evidence


def _challenge(purpose: str, nonce: bytes, caller: Caller, beside: frozenset[str]) -> bytes:
    """One person's, in one session, beside what stood then: another's response does not fit it, nor a later one."""
    told = (purpose, caller.holder, caller.session, *sorted(beside))
    return hashlib.sha256("\0".join(told).encode() + nonce).digest()


def _require_strong(public_key: bytes) -> None:
    key = decode_credential_public_key(public_key)
    if isinstance(key, DecodedRSAPublicKey) and int.from_bytes(key.n).bit_length() < _RSA_BITS:
        raise ValueError("an RSA key that is too short")


def _object(response: str) -> dict[str, Any]:
    value = json.loads(response)
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value
