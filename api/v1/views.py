"""Views of dossiers and sessions as JSON: one form of a check, a decision, a reason, wherever they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ekyc.dossiers import (
    Actor,
    Concluded,
    Decision,
    DossierFlag,
    DossierView,
    SessionView,
)
from ekyc.flows.rooms import models_behind
from ekyc.outcomes import check_title, reason_registry

if TYPE_CHECKING:
    from ekyc.storage import LoggedAction

EVENT_NAMES: Final[Mapping[str, str]] = {
    "Created": "session.created",
    "CaptureOpened": "session.requires_input",
    "Linked": "session.linked",
    "Submitted": "session.processing",
    "Concluded": "session.concluded",
    "Interrupted": "session.interrupted",
    "Decided": "session.decision",
    "Canceled": "session.canceled",
    "Expired": "session.expired",
    "Redacted": "session.redacted",
    "Opened": "dossier.opened",
    "Edited": "dossier.edited",
    "SessionAdded": "dossier.session_added",
    "Closed": "dossier.closed",
    "Reopened": "dossier.reopened",
}


_OUR_FAULT: Final = MappingProxyType(
    {
        "vi": "Hệ thống gặp lỗi khi xử lý; hãy nộp lại, lần này không bị tính.",
        "en": "The service failed while it worked on this; submit again, this attempt is not counted.",
    }
)
_ANY_FAULT: Final = MappingProxyType(
    {
        "vi": "Dữ liệu gửi lên không xử lý được; hãy kiểm tra lại hồ sơ rồi gửi lại.",
        "en": "What was sent could not be processed; look at the case again and send it anew.",
    }
)


def reason_as_json(code: str) -> dict[str, Any]:
    """A reason with the texts that may be shown to people; a code without texts of its own gets those of any fault."""
    reason = reason_registry().get(code)
    if reason is None:
        ours = code == "internal"
        return {
            "code": code,
            "message": dict(_OUR_FAULT if ours else _ANY_FAULT),
            "retryable": ours,
        }
    texts = {"vi": reason.vi, "en": reason.en}
    return {"code": code, "message": texts, "retryable": reason.retryable}


_AT_MOST: Final = frozenset(
    {
        *("glare", "screen", "screen_lines", "repeated_share", "noise_ratio"),
        *("skin_agreement", "face_agreement", "confirmed_differences", "motion_repeats"),
        *("movement_likeness", "colour_p", "longest_gap", "known_frames"),
    }
)
"""Numbers of which little is good: what passes lies below their threshold."""


def check_as_resource(
    check: Mapping[str, Any],
    *,
    required: bool,
    evidence_sha256: str | None,
    models: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """The one form of a check in ``/v1``, from the JSON form that the rooms give.

    ``score`` and ``threshold`` are those of the first number that was held against a threshold, ``direction`` says on which
    side of it lies what passes; ``breakdown`` has all numbers.

    Args:
        check: as :func:`ekyc.outcomes.check_as_json` gives it.
        required: whether the decision, or the answer, rests on it.
        evidence_sha256: digest of what was looked at.
        models: SHA-256 of models by id; those behind this check are told.
    """
    numbers: list[dict[str, Any]] = list(check["measurements"])
    judged = next((one for one in numbers if one["threshold"] is not None), None)
    code = str(check["id"])
    return {
        "code": code,
        "title": {"vi": check_title(code, "vi"), "en": check_title(code)},
        "outcome": check["outcome"],
        "required": required,
        "reasons": [reason_as_json(reason) for reason in check["reasons"]],
        "subjects": list(check["subjects"]),
        "score": judged["value"] if judged else None,
        "threshold": judged["threshold"] if judged else None,
        "direction": _direction(judged["name"]) if judged else None,
        "models": [
            {"id": model, "sha256": models[model]}
            for model in models_behind(code)
            if model in models
        ],
        "breakdown": numbers,
        "evidence_sha256": evidence_sha256,
        "duration_ms": check["duration_ms"],
    }


def _direction(number: str) -> str:
    return "at_most" if number in _AT_MOST else "at_least"


def actor_as_json(actor: Actor) -> dict[str, Any]:
    """Who acted."""
    return {"kind": actor.kind.value, "id": actor.id, "role": actor.role, "office": actor.office}


def decision_as_resource(decision: Decision) -> dict[str, Any]:
    """One decision."""
    return {
        "number": decision.number,
        "outcome": decision.outcome.value,
        "final": decision.final,
        "automatic": decision.automatic,
        "overrides": list(decision.overrides),
        "reasons": [reason_as_json(code) for code in decision.reasons],
        "actor": actor_as_json(decision.actor),
        "at": time_as_json(decision.at),
    }


def session_as_json(session_id: str, view: SessionView, *, office: str | None) -> dict[str, Any]:
    """A verification session, for whoever may read it."""
    decision, created = view.decision, view.created
    return {
        "id": session_id,
        "version": view.version,
        "state": view.state.value,
        "dossier_id": created.dossier_id,
        "office": office,
        "procedure": {"id": created.procedure, "version": created.procedure_version},
        "review_only": created.review_only,
        "attempts": _attempts(view),
        "outcome": decision.outcome.value if decision else None,
        "final": decision.final if decision else False,
        "decision": decision_as_resource(decision) if decision else None,
        "conclusion": _conclusion(view.conclusion),
        "last_error": reason_as_json(view.last_error.code) if view.last_error else None,
        "links": [{"kind": link.kind.value, "id": link.target} for link in view.links],
        "created_at": time_as_json(view.created_at),
        "updated_at": time_as_json(view.updated_at),
        "expires_at": time_as_json(view.expires_at),
    }


def capture_as_json(session_id: str, view: SessionView) -> dict[str, Any]:
    """What the telephone hears: how far it is and what to do better. No check, score or decision.

    Reasons are told only while the person can mend them.
    """
    asked_again = view.state.value == "requires_input" and view.decision is not None
    codes = view.decision.reasons if asked_again and view.decision is not None else ()
    error = view.last_error
    told = (*codes, error.code) if error is not None else codes
    return {
        "session_id": session_id,
        "state": view.state.value,
        "attempts": _attempts(view),
        "advice": [advice for advice in map(reason_as_json, told) if advice["retryable"]],
        "expires_at": time_as_json(view.expires_at),
    }


def dossier_as_json(
    dossier_id: str, view: DossierView, flags: Iterable[DossierFlag]
) -> dict[str, Any]:
    """A dossier."""
    opened = view.opened
    return {
        "id": dossier_id,
        "version": view.version,
        "state": view.state.value,
        "flags": sorted(flag.value for flag in flags),
        "procedure": {"id": opened.procedure, "version": opened.procedure_version},
        "reference": view.reference,
        "office": view.office,
        "sessions": list(view.sessions),
        "created_at": time_as_json(view.created_at),
        "updated_at": time_as_json(view.updated_at),
    }


def log_as_json(file_id: str, lines: Iterable[LoggedAction]) -> list[dict[str, Any]]:
    """A log as it was kept, for a timeline."""
    return [
        {
            "file_id": file_id,
            "sequence": line.sequence,
            "type": EVENT_NAMES[line.kind],
            "at": time_as_json(line.at),
            "actor": dict(line.actor),
        }
        for line in lines
    ]


def _attempts(view: SessionView) -> dict[str, int]:
    return {
        "allowed": view.attempts_allowed,
        "made": view.attempts_made,
        "left": max(0, view.attempts_left),
    }


def _conclusion(conclusion: Concluded | None) -> dict[str, Any] | None:
    if conclusion is None:
        return None
    return {
        "attempt": conclusion.attempt,
        "verdict": conclusion.verdict.value,
        "reasons": [reason_as_json(code) for code in conclusion.reasons],
        "failed_checks": list(conclusion.failed),
        "sample": conclusion.sample,
        "verification_id": conclusion.verification_id,
        "case_sha256": conclusion.case_digest,
    }


def time_as_json(at: datetime) -> str:
    """A time as every answer writes it."""
    return at.isoformat().replace("+00:00", "Z")
