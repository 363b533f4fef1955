"""What can be done with credentials. No HTTP here.

1. Only the last decision of a session counts, only if it approves, and only if it is final. A sample never is; where the
   service runs as a demonstration it is issued all the same, marked as a sample.
2. One result for one decision, whatever the key of the request; whoever asks again is given it.
3. Id, place in the status list, code, events and the row here are one transaction.
4. The page is signed when it is first asked for, if the result stands then, outside of any transaction, and kept with
   what the session was given: of racing requests one page is kept, and all are given that one. Redaction destroys it.
5. Taking back changes the register, says why, and tells the tenant, in one transaction.
6. Code and page speak of the procedure as it stood when the case was judged. Where that is not known any more, none is made.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ekyc.api.v1.artefact_routes import media_viewed
from ekyc.api.v1.cases import UnknownFileError, jurisdiction_of, load_session
from ekyc.api.v1.procedures import procedure_version
from ekyc.api.v1.views import time_as_json
from ekyc.errors import InputError
from ekyc.flows import Issuable, issue_code, sign_page
from ekyc.outcomes import Check, Outcome
from ekyc.policy import ProcedureProfile, load_profile, profile_ids
from ekyc.signing.credentials.issuer import KnownPerson
from ekyc.storage import ResultStatus
from ekyc.storage.sealed.errors import ArtefactError, SubjectError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ekyc.api.access import Principal
    from ekyc.api.credentials.front import CredentialFront
    from ekyc.api.v1.cases import LoadedSession
    from ekyc.api.v1.front import ResourceFront
    from ekyc.dossiers import Concluded, Decision
    from ekyc.storage import DossierUnit
    from ekyc.storage.dossiers.session_results import (
        CredentialChange,
        SessionCredential,
        SessionResult,
    )

PAGE_KIND: Final = "result-page"
_EVIDENCE: Final = "evidence"


class CredentialError(InputError):
    """A result cannot be issued, or its page not be had.

    Codes: ``credential.not_offered``, ``credential.not_final``, ``credential.no_document``,
    ``credential.procedure_unknown``, ``credential.unknown``.
    """

    default_code = "credential.unknown"


def issue(
    unit: DossierUnit, front: CredentialFront, caller: Principal, session_id: str
) -> tuple[SessionCredential, bool]:
    """The result of a session's decision; the second value says whether it was issued just now (1-3).

    Raises:
        UnknownFileError: ``session.unknown``.
        CredentialError: ``credential.not_offered``, ``credential.not_final``, ``credential.procedure_unknown``.
    """
    loaded = load_session(unit, jurisdiction_of(caller), session_id, lock=True)
    decision, conclusion, result = _decided(unit, loaded, samples=front.samples)
    known = unit.results.credential_of(session_id, decision.number)
    if known is not None:
        return known, False
    if front.issuer is None:
        raise CredentialError("this service issues no results", code="credential.not_offered")
    row, told = loaded.row, _issuable(unit, loaded, decision, conclusion, result)
    register = _Issued(unit, row.office)
    code = issue_code(
        told,
        replace(front.issuer, register=register),
        person=session_id if result.person is None else KnownPerson(pseudonym=result.person),
    )
    unit.results.add_credential(
        register.id,
        session_id=session_id,
        decision=decision.number,
        attempt=result.attempt,
        procedure=row.procedure,
        office=row.office,
        subject=row.subject,
        sample=told.sample,
        code=code,
    )
    return require_credential(unit, caller, register.id), True


def require_credential(
    unit: DossierUnit, caller: Principal, credential_id: str
) -> SessionCredential:
    """One, if it exists for the caller.

    Raises:
        UnknownFileError: ``credential.unknown``.
    """
    found = unit.results.credential(credential_id)
    if found is None or not jurisdiction_of(caller).covers(found):
        raise UnknownFileError("no such result", code="credential.unknown")
    return found


def person_of_session(
    unit: DossierUnit, caller: Principal, session_id: str, *, samples: bool
) -> tuple[str, str]:
    """Pseudonym of whom a decided session is about, and its procedure.

    Raises:
        UnknownFileError: ``session.unknown``.
        CredentialError: ``credential.not_final``: nobody was verified in it; or nobody knows any more who.
    """
    loaded = load_session(unit, jurisdiction_of(caller), session_id)
    *_, result = _decided(unit, loaded, samples=samples)
    if result.person is None:
        raise CredentialError("nobody knows who it was", code="credential.not_final")
    return result.person, loaded.row.procedure


def page_of(
    resources: ResourceFront, front: CredentialFront, caller: Principal, credential_id: str
) -> bytes:
    """The signed page (4). Blocks.

    Raises:
        UnknownFileError: ``credential.unknown``.
        CredentialError: ``credential.no_document``: nobody signs pages here, nothing is kept, or it was destroyed;
            ``credential.procedure_unknown`` (6).
        UpstreamError, StorageError, BusyError: it could not be signed or kept.
    """
    desk, vault, tenant = resources.desk, resources.vault, caller.tenant
    if vault is None:
        raise _no_page()
    with desk.looking(tenant) as unit:
        found = require_credential(unit, caller, credential_id)
        kept = unit.artefacts.of(found.session_id)
        told = None
        made = found.document is not None
        if not made and front.authority is not None and stands(found, unit.now):
            loaded = load_session(unit, jurisdiction_of(caller), found.session_id)
            told = _issuable(unit, loaded, *_decided(unit, loaded, samples=front.samples))
    try:
        if found.document is not None and kept:
            page, content = found.document, vault.artefacts.read(tenant, found.document)
        elif told is None or front.authority is None or not kept:
            raise _no_page()
        else:
            content = sign_page(told, front.authority, code=found.code)
            stored = vault.artefacts.put(
                tenant, kept[0].subject_id, PAGE_KIND, content, retention=_EVIDENCE
            )
            page = stored.id
            with desk.writing(tenant) as unit:
                first = unit.results.keep_document(credential_id, page)
                now = require_credential(unit, caller, credential_id)
                if not stands(now, unit.now):
                    raise _no_page()
                if not first:
                    page = now.document or ""
            if page != stored.id:
                content = vault.artefacts.read(tenant, page)
    except (ArtefactError, SubjectError) as exc:
        raise _no_page() from exc
    viewed = media_viewed(
        caller,
        session_id=found.session_id,
        kind=PAGE_KIND,
        subject_id=kept[0].subject_id,
        artefact_id=page,
    )
    with desk.writing(tenant) as unit:
        unit.evidence.append(viewed, office=found.office)
    return content


def change(
    unit: DossierUnit, caller: Principal, credential_id: str, *, status: ResultStatus, reason: str
) -> SessionCredential:
    """Take a result back, or put it in force again (5). What it is already, it stays.

    Raises:
        UnknownFileError: ``credential.unknown``.
        InputError: ``issued_result.final``.
    """
    found = require_credential(unit, caller, credential_id)
    if found.status is status:
        return found
    unit.register_of(found.office).change(credential_id, status)
    acting = caller.subject if caller.act is None else caller.act.subject
    unit.results.add_change(credential_id, status=status.name.lower(), reason=reason, actor=acting)
    return require_credential(unit, caller, credential_id)


def credential_as_json(
    found: SessionCredential, changes: Iterable[CredentialChange]
) -> dict[str, Any]:
    """One, as it is answered."""
    return {
        "id": found.id,
        "schema": found.schema,
        "session_id": found.session_id,
        "decision": found.decision,
        "procedure": found.procedure,
        "procedure_version": found.procedure_version,
        "office": found.office,
        "sample": found.sample,
        "status": found.status.name.lower(),
        "code": found.code,
        "document": f"/v1/credentials/{found.id}/document",
        "changes": [
            {
                "status": one.status,
                "reason": one.reason,
                "actor": one.actor,
                "at": time_as_json(one.at),
            }
            for one in changes
        ],
        "issued_at": time_as_json(found.created_at),
        "expires_at": time_as_json(found.expires_at),
    }


class _Issued:
    """The register of a transaction, which remembers what it drew."""

    def __init__(self, unit: DossierUnit, office: str | None) -> None:
        self._register = unit.register_of(office)
        self.id = ""

    def issue(self, make: Any, **options: Any) -> str:
        def remember(drawn: bytes, place: Any, at: Any) -> str:
            self.id = drawn.hex()
            made: str = make(drawn, place, at)
            return made

        return self._register.issue(remember, **options)


def approved(
    unit: DossierUnit, loaded: LoadedSession, *, samples: bool
) -> tuple[Decision, Concluded, SessionResult] | None:
    """What a session was approved by, if anything may rest on it (1)."""
    view = loaded.view
    decision, conclusion = view.decision, view.conclusion
    if decision is None or conclusion is None or not view.is_approved:
        return None
    counts = decision.final or (samples and conclusion.sample)
    result = unit.results.get(loaded.row.id, conclusion.attempt)
    if not counts or result is None:
        return None
    return decision, conclusion, result


def stands(found: SessionCredential, now: datetime) -> bool:
    """Whether a page may be signed that says so."""
    valid = found.status is ResultStatus.VALID and now < found.expires_at
    return valid and found.code is not None


def _decided(
    unit: DossierUnit, loaded: LoadedSession, *, samples: bool
) -> tuple[Decision, Concluded, SessionResult]:
    found = approved(unit, loaded, samples=samples)
    if found is None:
        raise CredentialError(
            "only a final approval has a result to issue", code="credential.not_final"
        )
    return found


def _issuable(
    unit: DossierUnit,
    loaded: LoadedSession,
    decision: Decision,
    conclusion: Concluded,
    result: SessionResult,
) -> Issuable:
    profile = _profile_of(unit, loaded, result)
    found = unit.findings.get(loaded.row.id, conclusion.attempt) or []
    return Issuable(
        record=conclusion.verification_id,
        profile=profile,
        at=result.created_at,
        checks=tuple(map(_check, found)),
        case_digest=conclusion.case_digest,
        report_digest=result.report_digest,
        sample=conclusion.sample or profile.demonstration,
        by_officer=not decision.automatic,
    )


def _profile_of(
    unit: DossierUnit, loaded: LoadedSession, result: SessionResult
) -> ProcedureProfile:
    """The procedure that judged (6). A result from before versions were kept was judged by its session's version."""
    procedure = loaded.row.procedure
    version = result.procedure_version or loaded.view.created.procedure_version
    kept = unit.procedures.get(version)
    if kept is not None:
        return kept
    if procedure in profile_ids() and procedure_version(procedure) == version:
        return load_profile(procedure)
    raise CredentialError(
        "the procedure has changed since, and the version that judged was not kept",
        code="credential.procedure_unknown",
    )


def _check(body: dict[str, Any]) -> Check:
    return Check(
        id=body["code"],
        outcome=Outcome(body["outcome"]),
        reasons=tuple(reason["code"] for reason in body["reasons"]),
        subjects=tuple(body["subjects"]),
    )


def _no_page() -> CredentialError:
    return CredentialError("there is no page of this result", code="credential.no_document")
