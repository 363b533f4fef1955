"""The nine criteria by which software has to verify a digital signature in Vietnam, for one signature.

Thông tư 15/2025/TT-BKHCN, annex II, as its draft has them: five on the signer's certificate, four on the signature. Each
gets an outcome and what it rests on. The text of the gazette was not at hand; whoever applies it compares.

Validation stops at the first fault of a certificate. So where trust is not established, the criterion that the fault
belongs to has its outcome, and the others about the certificate are INDETERMINATE: they were not looked at to the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ekyc.outcomes import Check, Outcome
from ekyc.signing.validation import conclude, trust
from ekyc.signing.validation.report import Indication, SignatureReport


class Criterion(StrEnum):
    """In the order of the annex."""

    CERTIFICATE_TIME = "certificate-time"
    """The certificate's period of validity."""
    REVOCATION = "revocation"
    """Its status when the signature was made."""
    ALGORITHM = "algorithm"
    PURPOSE = "purpose"
    """Key usage, and the purposes that the issuer allowed."""
    ISSUER_STATEMENTS = "issuer-statements"
    """What the certification authority states: the chain to its root, and its policies."""
    SIGNER_IDENTITY = "signer-identity"
    KEY_MATCH = "key-match"
    """The value was made with the key of this certificate."""
    VALID_AT_SIGNING = "valid-at-signing"
    DIGEST_MATCH = "digest-match"
    """The content is the one that was signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionFinding:
    """One criterion of one signature."""

    criterion: Criterion
    outcome: Outcome
    reasons: tuple[str, ...]
    """Codes of ``ekyc/data/reasons``; empty when passed."""
    rests_on: str
    """The facts that it was judged by, in the spelling of the file; empty where there are none. May name the signer."""


_FAULTS: Final[Mapping[str, frozenset[Criterion]]] = {
    "signature.certificate_expired": frozenset(
        {Criterion.CERTIFICATE_TIME, Criterion.VALID_AT_SIGNING}
    ),
    "signature.revoked": frozenset({Criterion.REVOCATION, Criterion.VALID_AT_SIGNING}),
    "signature.revocation_unknown": frozenset({Criterion.REVOCATION}),
    "signature.certificate_not_verified": frozenset({Criterion.REVOCATION}),
    "signature.weak_algorithm": frozenset({Criterion.ALGORITHM}),
    "signature.algorithm_unknown": frozenset({Criterion.ALGORITHM}),
    "signature.certificate_unsuitable": frozenset({Criterion.PURPOSE}),
    "signature.no_anchor": frozenset({Criterion.ISSUER_STATEMENTS, Criterion.SIGNER_IDENTITY}),
    "signature.no_certificate": frozenset({Criterion.SIGNER_IDENTITY}),
}
_ON_KEY: Final = "signature.value_wrong"
_ON_DIGEST: Final = "signature.digest_mismatch"
_UNDECIDED: Final = "signature.not_examined"


def nine_criteria(entry: SignatureReport) -> tuple[CriterionFinding, ...]:
    """The criteria of one signature, in the order of the annex."""
    checks = {check.id: check for check in entry.checks}
    integrity = checks.get(conclude.INTEGRITY_CHECK_ID)
    trusted = checks.get(trust.CHECK_ID)
    found: list[CriterionFinding] = []
    for criterion in Criterion:
        if criterion in {Criterion.KEY_MATCH, Criterion.DIGEST_MATCH}:
            outcome, reasons = _of_integrity(criterion, integrity)
        else:
            outcome, reasons = _of_trust(criterion, integrity, trusted)
        rests_on = _RESTS_ON[criterion](entry)
        found.append(
            CriterionFinding(
                criterion=criterion, outcome=outcome, reasons=reasons, rests_on=rests_on
            )
        )
    return tuple(found)


def _of_integrity(criterion: Criterion, check: Check | None) -> tuple[Outcome, tuple[str, ...]]:
    if check is None:
        return Outcome.INDETERMINATE, (_UNDECIDED,)
    if check.outcome is not Outcome.FAILED:
        return check.outcome, check.reasons
    own, other = _ON_KEY, _ON_DIGEST
    if criterion is Criterion.DIGEST_MATCH:
        own, other = other, own
    if other in check.reasons and own not in check.reasons:
        # A value over another digest says nothing of the key; a wrong value nothing of the content.
        return Outcome.INDETERMINATE, (_UNDECIDED,)
    return Outcome.FAILED, check.reasons


def _of_trust(
    criterion: Criterion, integrity: Check | None, check: Check | None
) -> tuple[Outcome, tuple[str, ...]]:
    if check is None:
        mine = tuple(
            code
            for code in (integrity.reasons if integrity else ())
            if criterion in _FAULTS.get(code, ())
        )
        return Outcome.INDETERMINATE, mine or (_UNDECIDED,)
    if check.outcome is Outcome.PASSED:
        return Outcome.PASSED, ()
    mine = tuple(code for code in check.reasons if criterion in _FAULTS.get(code, ()))
    return (check.outcome, mine) if mine else (Outcome.INDETERMINATE, (_UNDECIDED,))


def _period(entry: SignatureReport) -> str:
    facts = entry.certificate
    return f"{facts.not_before:%Y-%m-%d} – {facts.not_after:%Y-%m-%d}" if facts else ""


def _status(entry: SignatureReport) -> str:
    return entry.certificate.serial if entry.certificate else ""


def _algorithm(entry: SignatureReport) -> str:
    parts = (entry.algorithm, entry.certificate.key if entry.certificate else None)
    return ", ".join(part for part in parts if part)


def _purpose(entry: SignatureReport) -> str:
    facts = entry.certificate
    return ", ".join((*facts.key_usage, *facts.purposes)) if facts else ""


def _statements(entry: SignatureReport) -> str:
    parts = [entry.anchor_subject or "", entry.anchor_kind.value if entry.anchor_kind else ""]
    if entry.certificate:
        parts += entry.certificate.policies
    return ", ".join(part for part in parts if part)


def _identity(entry: SignatureReport) -> str:
    return entry.signer_subject.reveal() if entry.signer_subject else ""


def _moment(entry: SignatureReport) -> str:
    """The time that was proven, if any; a claimed one is marked, for it proves nothing."""
    stamp = entry.timestamp
    if stamp is not None and stamp.indication is Indication.TOTAL_PASSED:
        return f"{stamp.time:%Y-%m-%dT%H:%M:%S%z} (RFC 3161)"
    if entry.claimed_time is not None:
        return f"{entry.claimed_time:%Y-%m-%dT%H:%M:%S%z} (?)"
    return ""


def _digest(entry: SignatureReport) -> str:
    return f"{entry.covered_bytes} B" if entry.covered_bytes is not None else ""


_RESTS_ON: Final[Mapping[Criterion, Callable[[SignatureReport], str]]] = {
    Criterion.CERTIFICATE_TIME: _period,
    Criterion.REVOCATION: _status,
    Criterion.ALGORITHM: _algorithm,
    Criterion.PURPOSE: _purpose,
    Criterion.ISSUER_STATEMENTS: _statements,
    Criterion.SIGNER_IDENTITY: _identity,
    Criterion.KEY_MATCH: _algorithm,
    Criterion.VALID_AT_SIGNING: _moment,
    Criterion.DIGEST_MATCH: _digest,
}
