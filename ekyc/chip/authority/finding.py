"""The word of a national verification service as one check among others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ekyc.chip.authority.port import Authority, AuthorityAnswer, AuthorityQuestion, AuthorityVerdict
from ekyc.chip.files import ChipFiles
from ekyc.chip.report import CHECK_CHAIN, CHECK_HASHES, CHECK_SIGNATURE, ChipReport, as_check
from ekyc.errors import InputError, TrustError, UpstreamError
from ekyc.outcomes import Check, Outcome
from ekyc.pki.passive_auth import Finding, timed

CHECK_AUTHORITY: Final = "chip.authority"
_FAKE: Final = "authority.fake"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityFinding(Finding):
    """What came of asking."""

    name: str | None = None
    """Of the service; None where none is configured."""
    sample: bool = False
    """The service is a fake."""
    answer: AuthorityAnswer | None = None
    """Present where a signed answer to this question came."""

    @property
    def check(self) -> Check:
        """Check ``chip.authority``."""
        return as_check(CHECK_AUTHORITY, self)

    def as_json(self) -> dict[str, Any] | None:
        """JSON form without personal data; None where no service is configured."""
        if self.name is None:
            return None
        answer = self.answer
        return {
            "name": self.name,
            "sample": self.sample,
            "verdict": answer.verdict.value if answer else None,
            "request_id": answer.request_id if answer else None,
            "answered_at": answer.answered_at.isoformat() if answer else None,
            "signed_sha256": answer.signed_digest if answer else None,
            "key_sha256": answer.key_fingerprint if answer else None,
        }


def inspect_authority(
    authority: Authority | None, files: ChipFiles, report: ChipReport
) -> AuthorityFinding:
    """Ask the service about a document, if there is one to ask and the document is worth asking about.

    FAILED only where the service signed that the document is not genuine. A service that could not be asked, or whose
    answer is not its own, decides nothing. Nothing is sent of a document whose signature or hashes do not hold, or whose
    signer is refuted: there is nobody whose data it would be.
    """
    if authority is None:
        return AuthorityFinding(
            outcome=Outcome.NOT_PERFORMED, reasons=("authority.not_configured",)
        )
    question = _question(files, report)
    if question is None:
        return _finding(authority, Outcome.NOT_PERFORMED, "authority.nothing_to_ask")
    return timed(lambda: _ask(authority, question))


def _ask(authority: Authority, question: AuthorityQuestion) -> AuthorityFinding:
    try:
        answer = authority.ask(question)
    except InputError as exc:
        return _finding(authority, Outcome.NOT_PERFORMED, exc.code)
    except (UpstreamError, TrustError) as exc:
        return _finding(authority, Outcome.INDETERMINATE, exc.code)
    if answer.verdict is AuthorityVerdict.NOT_GENUINE:
        return _finding(authority, Outcome.FAILED, "authority.not_genuine", answer=answer)
    return _finding(authority, Outcome.PASSED, answer=answer)


def _question(files: ChipFiles, report: ChipReport) -> AuthorityQuestion | None:
    holds = all(
        report.check(check_id).outcome is Outcome.PASSED
        for check_id in (CHECK_SIGNATURE, CHECK_HASHES)
    )
    holds &= report.check(CHECK_CHAIN).outcome is not Outcome.FAILED
    passive = report.passive_authentication
    if not holds or report.identity is None or passive is None:
        return None
    signer = passive.signature.claimed_signer
    return AuthorityQuestion(
        files=files,
        identity=report.identity,
        signer_certificate=signer.encoded if signer else None,
    )


def _finding(
    authority: Authority,
    outcome: Outcome,
    *reasons: str,
    answer: AuthorityAnswer | None = None,
) -> AuthorityFinding:
    return AuthorityFinding(
        outcome=outcome,
        reasons=(*reasons, *(_FAKE,) * authority.sample),
        name=authority.name,
        sample=authority.sample,
        answer=answer,
    )
