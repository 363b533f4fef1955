"""From an accepted verification to a signed PDF, and the files of a verification."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ekyc.errors import InputError
from ekyc.files import replace_file
from ekyc.flows.html_report import render_html_report
from ekyc.flows.result import (
    VerificationResult,
    decision_as_json,
    report_digest,
    result_as_json,
)
from ekyc.outcomes import Check, Outcome
from ekyc.policy import ProcedureProfile, Verdict

if TYPE_CHECKING:
    from ekyc.signing.credentials.issuer import KnownPerson, ResultIssuer
    from ekyc.signing.pdf.result_signer import ResultSigner
    from ekyc.storage import ServiceKey

RESULT_NAME = "result.pdf"
RESULT_LIFE: Final = timedelta(days=365)
"""How long the QR code of a result is good for."""
RESULT_SCHEMA: Final = "identity-verification"
_LONGEST_TITLE: Final = 120
_VOUCHED: Final = frozenset({"chip.signature", "chip.hashes"})
_VIETNAM: Final = timezone(timedelta(hours=7))
_NAMES: Final = (RESULT_NAME, "decision.json", "report.json", "report.html")
"""In the order in which older ones are removed: what says *accept* goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuable:
    """What an accepted verification says on paper: outcomes and digests, nothing of the person."""

    record: str
    """Id of the verification."""
    profile: ProcedureProfile
    at: datetime
    """Of the verification; aware."""
    checks: tuple[Check, ...]
    case_digest: str
    report_digest: str
    sample: bool
    by_officer: bool = False
    """Whether an officer accepted it, and not the machine."""


def issuable(result: VerificationResult) -> Issuable:
    """What a verification says on paper.

    Raises:
        InputError: the decision is not *accept* (``result.not_accepted``); nothing else is ever signed.
    """
    if result.decision.verdict is not Verdict.ACCEPT:
        raise InputError(
            "only an accepted verification has a result to sign", code="result.not_accepted"
        )
    return Issuable(
        record=result.id,
        profile=result.profile,
        at=result.created_at,
        checks=result.checks,
        case_digest=result.case_digest,
        report_digest=report_digest(result),
        sample=result.sample or result.profile.demonstration,
    )


def issue_result(
    result: VerificationResult, authority: ResultSigner, *, issuer: ResultIssuer | None = None
) -> bytes:
    """The signed result of an accepted verification: PDF, PAdES at the level that the profile asks for.

    Args:
        result: of the verification.
        authority: who signs the PDF.
        issuer: who issues the result as a QR code on it, which is verified offline and can be taken back; without one
            there is no such code.

    Raises:
        InputError: the decision is not *accept* (``result.not_accepted``); nothing else is ever signed.
    """
    told = issuable(result)
    code = None if issuer is None else issue_code(told, issuer, person=_number(result) or result.id)
    return sign_page(told, authority, code=code)


def issue_code(told: Issuable, issuer: ResultIssuer, *, person: str | KnownPerson) -> str:
    """The result as a QR code: that it was verified, by which procedure, with which record. Nothing of the person.

    Raises:
        StorageError, BusyError: it could not be recorded; then it was not issued.
    """
    from ekyc.signing.credentials import schema_of  # noqa: PLC0415  # loads only when something is issued

    title = f"MẪU – {told.profile.title_vi}" if told.sample else told.profile.title_vi
    return issuer.issue_qr(
        schema_of(RESULT_SCHEMA),
        {
            "record": told.record,
            "verdict": Verdict.ACCEPT.value,
            "procedure": title[:_LONGEST_TITLE].rstrip(),
            "verified_on": f"{told.at.astimezone(_VIETNAM):%Y-%m-%d}",
            "report_sha256": told.report_digest,
        },
        person=person,
        life=RESULT_LIFE,
    )


def sign_page(told: Issuable, authority: ResultSigner, *, code: str | None) -> bytes:
    """The page with the code on it, signed."""
    from ekyc.signing import (  # noqa: PLC0415  # pyHanko loads only when something is signed
        Level,
        ResultDocument,
        render_result_pdf,
        sign_pdf,
    )

    document = ResultDocument(
        record_id=told.record,
        profile_title_vi=told.profile.title_vi,
        profile_title_en=told.profile.title_en,
        issued_at=told.at,
        verdict=Verdict.ACCEPT.value,
        checks=told.checks,
        required=told.profile.required,
        case_digest=told.case_digest,
        report_digest=told.report_digest,
        sample=told.sample,
        by_officer=told.by_officer,
        credential=code,
    )
    with authority.signing(told.record) as signatory:
        return sign_pdf(
            render_result_pdf(document),
            signatory,
            level=Level(told.profile.result_level.value),
            document=document,
        )


def person_of(result: VerificationResult, key: ServiceKey) -> str | None:
    """What the person is known by in results, where the issuer of the chip vouches for the number; else ``None``."""
    from ekyc.signing.credentials import schema_of  # noqa: PLC0415  # as above
    from ekyc.signing.credentials.issuer import result_subject  # noqa: PLC0415  # as above

    passed = {check.id for check in result.checks if check.outcome is Outcome.PASSED}
    number = _number(result)
    if number is None or not passed >= _VOUCHED:
        return None
    return result_subject(key, schema_of(RESULT_SCHEMA), number)


def _number(result: VerificationResult) -> str | None:
    identity = result.chip.identity if result.chip is not None else None
    number = None if identity is None else identity.personal_number or identity.document_number
    return None if number is None else number.reveal()


def write_outputs(
    result: VerificationResult,
    folder: Path,
    *,
    authority: ResultSigner | None = None,
    issuer: ResultIssuer | None = None,
) -> tuple[Path, ...]:
    """Write ``report.json``, ``report.html``, ``decision.json`` and, if accepted and signable, ``result.pdf``.

    Each file appears whole or not at all, ``decision.json`` last; those of an earlier verification are removed before
    the first is written. They hold pictures of a person: the files are private (0600), as is a folder made here.

    Raises:
        InputError: the folder cannot be written (``out.unwritable``).
    """
    files: dict[str, bytes] = {
        "report.json": _json(result_as_json(result)),
        "report.html": render_html_report(result).encode(),
    }
    if authority is not None and result.decision.verdict is Verdict.ACCEPT:
        files[RESULT_NAME] = issue_result(result, authority, issuer=issuer)
    files["decision.json"] = _json(decision_as_json(result))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in _NAMES:
            (folder / name).unlink(missing_ok=True)
        for name, data in files.items():
            replace_file(folder / name, data)
    except OSError as exc:
        raise InputError(
            f"cannot be written: {exc.strerror}", code="out.unwritable", subject=str(folder)
        ) from exc
    return tuple(folder / name for name in files)


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()
