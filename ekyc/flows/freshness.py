"""Challenges of the verifier: issued once, spent once. Freshness comes from its own store and never from a case.

A challenge is for active authentication alone (a nonce), or, asked for with an EF.DG14, for both proofs of the chip: the
store then keeps a secret that nonce and ephemeral key follow from (:mod:`ekyc.chip.upload_challenge`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ekyc.chip import (
    ActiveAuthenticationExchange,
    ChipAuthExchange,
    ChipAuthRequest,
    ElementaryFile,
    chip_authentication_offer,
    derive_chip_authentication,
    derive_nonce,
)
from ekyc.chip.report import CHECK_ACTIVE_AUTHENTICATION, CHECK_CHIP_AUTHENTICATION
from ekyc.chip.upload_challenge import SECRET_BYTES
from ekyc.errors import EkycError
from ekyc.outcomes import Check, Outcome
from ekyc.storage import ACTIVE_AUTHENTICATION, CHIP_AUTHENTICATION, FreshnessError

if TYPE_CHECKING:
    from ekyc.flows.case import Case
    from ekyc.storage import NonceStore, Redemption, Storage
    from ekyc.values import Receipt

_SPENT: Final = "freshness.already_used"
_UNPUT: Final = ("chip.ca_not_submitted",)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedChallenge:
    """What the caller gets of a challenge. Nothing in it is secret."""

    id: str
    """To be given back with the case."""
    purpose: str
    nonce: bytes
    """Eight bytes for the chip's active authentication."""
    expires_at: datetime
    chip_authentication: ChipAuthRequest | None = None
    """What the phone sends for chip authentication, where an EF.DG14 was given."""

    def as_json(self) -> dict[str, Any]:
        """Members of the JSON object of ``ekyc challenge new`` and ``POST /v1/challenges``."""
        request = self.chip_authentication
        return {
            "id": self.id,
            "purpose": self.purpose,
            "nonce_hex": self.nonce.hex(),
            "expires_at": self.expires_at.isoformat(),
            "chip_authentication": request.as_json() if request else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What a redeemed challenge makes of the answers in a case."""

    active_authentication: ActiveAuthenticationExchange
    chip_authentication: ChipAuthExchange | None = None
    refusals: tuple[Check, ...] = ()
    """Verdicts that the store's refusal is, whatever the answers say."""
    unasked: tuple[Check, ...] = ()
    """Verdicts for answers to no challenge of ours; what the chip's files lack is told before them."""

    def applied_to(self, checks: tuple[Check, ...]) -> tuple[Check, ...]:
        """``checks`` with these verdicts in their places."""
        return tuple(self._applied_to(check) for check in checks)

    def _applied_to(self, check: Check) -> Check:
        unput = self.unasked if check.reasons == _UNPUT else ()
        verdicts = (*self.refusals, *unput)
        return next((verdict for verdict in verdicts if verdict.id == check.id), check)


def issue_challenge(
    nonces: NonceStore, *, dg14: bytes | None = None, ttl_s: float = 300.0
) -> IssuedChallenge:
    """Issue a challenge.

    Args:
        nonces: the verifier's store.
        dg14: the chip's EF.DG14, for a challenge that chip authentication can answer as well.
        ttl_s: seconds until it expires.

    Raises:
        InputError, LimitError, ChipError: the EF.DG14 offers no chip authentication, is too large or malformed.
        StorageError, BusyError: it could not be stored; then it was not issued.
    """
    if dg14 is None:
        plain = nonces.issue(ACTIVE_AUTHENTICATION, ttl_s=ttl_s)
        return IssuedChallenge(
            id=plain.id, purpose=plain.purpose, nonce=plain.nonce, expires_at=plain.expires_at
        )
    chip_authentication_offer(dg14)
    kept = nonces.issue(CHIP_AUTHENTICATION, ttl_s=ttl_s, count=SECRET_BYTES)
    return IssuedChallenge(
        id=kept.id,
        purpose=kept.purpose,
        nonce=derive_nonce(kept.nonce),
        expires_at=kept.expires_at,
        chip_authentication=ChipAuthRequest.of(derive_chip_authentication(kept.nonce, dg14)),
    )


def redeem_challenge(
    storage: Storage | None,
    challenge_id: str | None,
    case: Case,
    receipt: Receipt | None = None,
) -> Freshness:
    """Spend the challenge that the chip's answers in a case are answers to.

    A challenge without an answer is not spent: there is nothing that it could make fresh. Nor is one that was issued
    for active authentication alone where the case answers chip authentication alone. With the receipt of a case that may
    be verified again it is held for that case.

    Raises:
        StorageError, BusyError: the store failed.
    """
    signature, response = case.active_authentication_signature, case.chip_authentication_response
    unasked = ActiveAuthenticationExchange(nonce=None, signature=signature)
    answered = signature is not None or response is not None
    if challenge_id is None or storage is None or not answered:
        left = _about(CHECK_CHIP_AUTHENTICATION, Outcome.NOT_PERFORMED, "chip.ca_no_challenge")
        return Freshness(active_authentication=unasked, unasked=(left,) if response else ())
    purposes = (CHIP_AUTHENTICATION, *(ACTIVE_AUTHENTICATION,) * (signature is not None))
    try:
        redemption = storage.nonces.redeem_any(challenge_id, purposes, receipt=receipt)
    except FreshnessError as error:
        outcome = Outcome.FAILED if error.code == _SPENT else Outcome.INDETERMINATE
        refused = (CHECK_ACTIVE_AUTHENTICATION,) * (signature is not None)
        refused += (CHECK_CHIP_AUTHENTICATION,) * (response is not None)
        return Freshness(
            active_authentication=unasked,
            refusals=tuple(_about(check_id, outcome, error.code) for check_id in refused),
        )
    return _fresh(redemption, case)


def _fresh(redemption: Redemption, case: Case) -> Freshness:
    signature, response = case.active_authentication_signature, case.chip_authentication_response
    if redemption.purpose == ACTIVE_AUTHENTICATION:
        wrong = _about(CHECK_CHIP_AUTHENTICATION, Outcome.INDETERMINATE, "freshness.wrong_purpose")
        return Freshness(
            active_authentication=ActiveAuthenticationExchange(
                nonce=redemption.nonce, signature=signature
            ),
            refusals=(wrong,) if response is not None else (),
        )
    return Freshness(
        active_authentication=ActiveAuthenticationExchange(
            nonce=derive_nonce(redemption.nonce), signature=signature
        ),
        chip_authentication=_exchange(redemption.nonce, case, response),
    )


def _exchange(secret: bytes, case: Case, response: bytes | None) -> ChipAuthExchange | None:
    """None where the case lacks an EF.DG14 that could be answered for; the inspection names what is missing."""
    dg14 = case.chip.get(ElementaryFile.DG14) if case.chip else None
    if response is None or dg14 is None:
        return None
    try:
        challenge = derive_chip_authentication(secret, dg14)
    except EkycError:
        return None
    return ChipAuthExchange(challenge=challenge, response=response)


def _about(check_id: str, outcome: Outcome, reason: str) -> Check:
    return Check(id=check_id, outcome=outcome, reasons=(reason,))
