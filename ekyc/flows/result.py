"""The result of one verification, and its JSON form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import ekyc
from ekyc.chip import ChipReport, chip_report_as_json
from ekyc.chip.authority import AuthorityFinding
from ekyc.face import FaceComparison
from ekyc.flows.pages import CasePictures
from ekyc.liveness import LivenessReport
from ekyc.ocr import CardReading, DocumentComparison, compare_sources
from ekyc.ocr.cross_check import chip_facts
from ekyc.outcomes import Check, Outcome, check_as_json, describe_reason
from ekyc.policy import Decision, ProcedureProfile, Verdict
from ekyc.values import NOBODY_IN_PARTICULAR, Owner, Sha256Hex

if TYPE_CHECKING:
    from ekyc.storage import Person, Storage, StoredResult

_OUTCOME_OF_VERDICT: Final = {
    Verdict.ACCEPT: Outcome.PASSED,
    Verdict.REVIEW: Outcome.INDETERMINATE,
    Verdict.REJECT: Outcome.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationResult:
    """Everything that one verification found. Values of the rooms hide personal data in their ``repr``."""

    id: str
    """UUID of this verification."""
    created_at: datetime
    case_digest: str
    """SHA-256 (hex) over all that was submitted."""
    sample: bool
    """Synthetic material, or any under a demonstration profile: nothing to act on."""
    profile: ProcedureProfile
    decision: Decision
    checks: tuple[Check, ...]
    models: tuple[tuple[str, str], ...]
    """Id and SHA-256 of every model that may have had a say."""
    chip: ChipReport | None = field(default=None, repr=False)
    authority: AuthorityFinding | None = field(default=None, repr=False)
    """What came of asking a national verification service; None without a chip."""
    card: CardReading | None = field(default=None, repr=False)
    comparison: DocumentComparison | None = field(default=None, repr=False)
    face: FaceComparison | None = field(default=None, repr=False)
    liveness: LivenessReport | None = field(default=None, repr=False)
    pictures: CasePictures = field(default_factory=CasePictures, repr=False)
    signer: Person | None = field(default=None, repr=False)
    """Whom the decision lets activate a key, and in which session; see :mod:`ekyc.flows.signers`."""

    @property
    def outcome(self) -> Outcome:
        """The decision in the vocabulary of checks: accept PASSED, review INDETERMINATE, reject FAILED."""
        return _OUTCOME_OF_VERDICT[self.decision.verdict]


def decision_as_json(result: VerificationResult) -> dict[str, Any]:
    """The decision alone, with its reasons in both languages; holds no personal data."""
    return {
        "schema": "ekyc.decision/1",
        "verification_id": result.id,
        "created_at": result.created_at.isoformat(),
        "case_digest": result.case_digest,
        "sample": result.sample,
        "profile": result.profile.id,
        "verdict": result.decision.verdict.value,
        "blocking": list(result.decision.blocking),
        "reasons": [
            {"code": code, "vi": describe_reason(code, "vi"), "en": describe_reason(code, "en")}
            for code in result.decision.reasons
        ],
        "software": f"ekyc {ekyc.__version__}",
    }


def result_as_json(result: VerificationResult) -> dict[str, Any]:
    """The object that ``ekyc verify --json`` and ``POST /v1/verifications`` give; holds no personal data."""
    return {
        "schema": "ekyc.verify/1",
        "outcome": result.outcome.value,
        "reasons": list(result.decision.reasons),
        "checks": [check_as_json(check) for check in result.checks],
        "decision": {
            "verdict": result.decision.verdict.value,
            "profile": result.profile.id,
            "blocking": list(result.decision.blocking),
        },
        "verification_id": result.id,
        "created_at": result.created_at.isoformat(),
        "case_digest": result.case_digest,
        "sample": result.sample,
        "models": dict(result.models),
        "passive_authentication": (
            chip_report_as_json(result.chip)["passive_authentication"] if result.chip else None
        ),
        "authority": result.authority.as_json() if result.authority else None,
        "card": _card_as_json(result.card, result.chip) if result.card else None,
        "software": f"ekyc {ekyc.__version__}",
    }


def _card_as_json(card: CardReading, chip: ChipReport | None) -> dict[str, Any]:
    """Print, zone, QR code and chip against each other, field by field: verdicts, no values."""
    identity = chip.identity if chip is not None else None
    sources = card.sources if identity is None else (*card.sources, chip_facts(identity))
    return {
        "kind": card.kind,
        "cross_check": [
            {
                "field": item.field,
                "between": [item.one.value, item.other.value],
                "verdict": item.verdict.value,
            }
            for item in compare_sources(sources)
        ],
    }


def report_digest(result: VerificationResult) -> Sha256Hex:
    """SHA-256 over the result's JSON; see :func:`digest_of_report`."""
    return digest_of_report(result_as_json(result))


def digest_of_report(told: Mapping[str, Any]) -> Sha256Hex:
    """SHA-256 over a result as JSON with sorted keys and no spaces."""
    text = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Sha256Hex(hashlib.sha256(text.encode()).hexdigest())


def record_result(
    storage: Storage, result: VerificationResult, owner: Owner = NOBODY_IN_PARTICULAR
) -> StoredResult:
    """Append the decision to the state database: digests, codes and a verdict, nothing of the person; tell ``owner``.

    Where the decision lets somebody sign, their pseudonym and session are written in the same transaction.

    Raises:
        StorageError, BusyError: it could not be stored.
    """
    return storage.results.record(
        case_digest=Sha256Hex(result.case_digest),
        profile=result.profile.id,
        verdict=result.decision.verdict,
        reasons=result.decision.reasons,
        report_digest=report_digest(result),
        person=result.signer,
        owner=owner,
    )
