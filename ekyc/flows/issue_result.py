"""From an accepted verification to a signed PDF, and the files of a verification."""

from __future__ import annotations

import json
import os
import tempfile
from datetime import timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ekyc.errors import InputError
from ekyc.flows.html_report import render_html_report
from ekyc.flows.result import (
    VerificationResult,
    decision_as_json,
    report_digest,
    result_as_json,
)
from ekyc.policy import Verdict

if TYPE_CHECKING:
    from ekyc.signing.credentials.issuer import ResultIssuer
    from ekyc.signing.result_signer import ResultSigner

RESULT_NAME = "result.pdf"
RESULT_LIFE: Final = timedelta(days=365)
"""How long the QR code of a result is good for."""
_LONGEST_TITLE: Final = 120
_VIETNAM: Final = timezone(timedelta(hours=7))
_NAMES: Final = (RESULT_NAME, "decision.json", "report.json", "report.html")
"""In the order in which older ones are removed: what says *accept* goes first."""


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
    from ekyc.signing import (  # noqa: PLC0415  # pyHanko loads only when something is signed
        Level,
        ResultDocument,
        render_result_pdf,
        sign_pdf,
    )

    if result.decision.verdict is not Verdict.ACCEPT:
        raise InputError(
            "only an accepted verification has a result to sign", code="result.not_accepted"
        )
    document = ResultDocument(
        record_id=result.id,
        profile_title_vi=result.profile.title_vi,
        profile_title_en=result.profile.title_en,
        issued_at=result.created_at,
        verdict=result.decision.verdict.value,
        checks=result.checks,
        required=result.profile.required,
        case_digest=result.case_digest,
        report_digest=report_digest(result),
        sample=result.sample or result.profile.demonstration,
        credential=None if issuer is None else _credential(result, issuer),
    )
    with authority.signing(result.id) as signatory:
        return sign_pdf(
            render_result_pdf(document),
            signatory,
            level=Level(result.profile.result_level.value),
            document=document,
        )


def _credential(result: VerificationResult, issuer: ResultIssuer) -> str:
    """The result as a QR code: that it was verified, by which procedure, with which record. Nothing of the person."""
    from ekyc.signing.credentials import schema_of  # noqa: PLC0415  # as above

    identity = result.chip.identity if result.chip is not None else None
    number = None if identity is None else identity.personal_number or identity.document_number
    title = f"MẪU – {result.profile.title_vi}" if result.sample else result.profile.title_vi
    return issuer.issue_qr(
        schema_of("identity-verification"),
        {
            "record": result.id,
            "verdict": result.decision.verdict.value,
            "procedure": title[:_LONGEST_TITLE].rstrip(),
            "verified_on": f"{result.created_at.astimezone(_VIETNAM):%Y-%m-%d}",
            "report_sha256": report_digest(result),
        },
        person=result.id if number is None else number.reveal(),
        life=RESULT_LIFE,
    )


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
        return tuple(_write_whole(folder / name, data) for name, data in files.items())
    except OSError as exc:
        raise InputError(
            f"cannot be written: {exc.strerror}", code="out.unwritable", subject=str(folder)
        ) from exc


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def _write_whole(path: Path, data: bytes) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path
