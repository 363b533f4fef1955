"""Whose decision it was, for the keys that this person may activate with it.

1. Only *accept* counts, on a genuine chip with a proven chain, a match with its portrait, and a liveness session of this
   service that was ordered for this very case and passed. Samples do not count.
2. The person is a pseudonym of the number that the chip states, under the service's key. Nobody says who it is: whoever
   has stolen another's session and verifies themself there activates none of the other's keys.
3. The session is SHA-256 of the reference of the case that the liveness session was ordered for; a result that was
   ordered for another case is none here.

What stays with the portal: to open a case within the session of the person who asks for it, and no other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Final

from ekyc.flows.safeguards import check_genuine
from ekyc.outcomes import Outcome
from ekyc.policy import Verdict
from ekyc.storage import Person

if TYPE_CHECKING:
    from ekyc.chip import ChipIdentity
    from ekyc.flows.live_values import LiveEvidence
    from ekyc.flows.result import VerificationResult
    from ekyc.storage import ServiceKey

_NEEDED: Final = frozenset(
    {
        "chip.signature",
        "chip.hashes",
        "chip.chain",
        "face.match",
        "liveness.challenge",
        "liveness.stream",
    }
)


class SignerPseudonyms:
    """Names the person of a decision.

    Args:
        key: of the service; the same key gives the same pseudonym.
        insecure_samples: let synthetic people sign too; for tests and pilots with sample keys only.
    """

    def __init__(self, key: ServiceKey, *, insecure_samples: bool = False) -> None:
        self._key = key.derive("signer pseudonyms")
        self._insecure_samples = insecure_samples

    def of(self, result: VerificationResult, live: LiveEvidence | None) -> Person | None:
        """The person whom a decision lets sign; ``None`` where it lets nobody (1)."""
        identity = result.chip.identity if result.chip is not None else None
        if live is None or live.case is None or identity is None:
            return None
        if result.decision.verdict is not Verdict.ACCEPT:
            return None
        if result.sample and not self._insecure_samples:
            return None
        passed = {check.id for check in result.checks if check.outcome is Outcome.PASSED}
        if not passed >= _NEEDED or check_genuine(result.checks).outcome is not Outcome.PASSED:
            return None
        holder = self._holder(identity)
        if holder is None:
            return None
        return Person(holder=holder, session=session_of(live.case))

    def _holder(self, identity: ChipIdentity) -> str | None:  # (2)
        number = identity.personal_number or identity.document_number
        if number is None or not identity.issuer:
            return None
        kind = "document" if identity.personal_number is None else "person"
        return self._named(identity.issuer, kind, number.reveal())

    def holders_of(self, issuer: str, number: str) -> tuple[str, str]:
        """The pseudonyms that a number may have been given: as a person's, and as a document's.

        Args:
            issuer: of the document, as in its machine-readable zone: ``VNM``.
            number: as on the chip.
        """
        return self._named(issuer, "person", number), self._named(issuer, "document", number)

    def _named(self, issuer: str, kind: str, number: str) -> str:
        text = json.dumps([issuer, kind, number])
        return hmac.digest(self._key, text.encode(), hashlib.sha256).hex()


def session_of(case: str) -> str:
    """The session of a case (3): SHA-256 (hex) of its reference."""
    return hashlib.sha256(case.encode()).hexdigest()
