"""Spend the verifier's challenge: freshness comes from its own store and never from what was submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ekyc.chip import ActiveAuthenticationExchange
from ekyc.outcomes import Check, Outcome
from ekyc.storage import ACTIVE_AUTHENTICATION, FreshnessError

if TYPE_CHECKING:
    from ekyc.storage import Storage


def redeem_challenge(
    storage: Storage | None, challenge_id: str | None, signature: bytes | None
) -> tuple[ActiveAuthenticationExchange, Check | None]:
    """The nonce that the chip had to sign, with its answer.

    A challenge without an answer is not spent: there is nothing that it could make fresh.

    Returns:
        The exchange, without a nonce where none was redeemed; and where the store refused, the verdict that its
        refusal is, whatever the signature says.

    Raises:
        StorageError, BusyError: the store failed.
    """
    unasked = ActiveAuthenticationExchange(nonce=None, signature=signature)
    if challenge_id is None or signature is None or storage is None:
        return unasked, None
    try:
        nonce = storage.nonces.redeem(challenge_id, ACTIVE_AUTHENTICATION)
    except FreshnessError as error:
        spent = error.code == "freshness.already_used"
        return unasked, Check(
            id="chip.active_authentication",
            outcome=Outcome.FAILED if spent else Outcome.INDETERMINATE,
            reasons=(error.code,),
        )
    return ActiveAuthenticationExchange(nonce=nonce, signature=signature), None
