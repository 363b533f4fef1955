"""A liveness session as the live part of a case.

1. The session must have been ordered for this case, this subject and this challenge, and counts once. One that does
   not is a reason, never an exception.
2. Its best frame, chosen by the verifier, is the one that is compared with the chip; frames of the case's own have no
   place beside it.
   A few more show whether they are made from the chip's portrait.
3. Its checks are the case's. What the profile asks of passive detection holds for the session's as well.
4. The comparison decides nothing unless one person sat there throughout: the frames that prove life might be another's.
   Nor where a check of the session failed that the profile may not ask for, as a refuted attestation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ekyc.errors import InputError
from ekyc.flows.case import Case, CaseFile
from ekyc.flows.live_values import LiveBinding, LiveEvidence, LiveUse
from ekyc.imaging.decode import decode_image
from ekyc.liveness.passive import CHECK_ID as CHECK_PASSIVE
from ekyc.outcomes import Check, Outcome
from ekyc.storage import SessionError

if TYPE_CHECKING:
    from ekyc.flows.live_sessions import LiveSessions
    from ekyc.flows.pages import CasePictures
    from ekyc.policy import ProcedureProfile
    from ekyc.values import BgrImage, Receipt

CHECK_CHALLENGE: Final = "liveness.challenge"
CHECK_STREAM: Final = "liveness.stream"
BEST_FRAME: Final = "liveness-session/best.jpg"
_ASKED: Final = (CHECK_CHALLENGE, CHECK_STREAM, CHECK_PASSIVE)
LivePart = Callable[[Case], Case]
"""A case as it was submitted → the case with its live part, which is spent."""
_REFUTED: Final = frozenset({"liveness.session_used", "liveness.session_other_case"})
"""What no honest portal submits; the rest may be a late person's."""


def with_live_session(
    case: Case,
    sessions: LiveSessions,
    use: LiveUse,
    *,
    challenge_id: str | None,
    receipt: Receipt | None = None,
) -> Case:
    """The case with a session's result as its live part (1, 2). The session is spent.

    Args:
        case: without frames of its own.
        sessions: that the session was ordered from.
        use: which session, with its token, and what it should have been ordered for.
        challenge_id: of the case's chip challenge.
        receipt: of a case that may be verified again; the session is held for it.

    Raises:
        InputError: ``case.two_live_parts``: the case has frames of its own.
        StorageError, BusyError: the database failed.
    """
    if case.face_frames:
        raise InputError(
            "frames of the case and a liveness session exclude each other",
            code="case.two_live_parts",
            subject="face.frames",
        )
    try:
        binding = LiveBinding(case=use.case, subject=use.subject, challenge_id=challenge_id)
        used = sessions.use(use.session_id, use.result_token.reveal(), binding, receipt)
        evidence = replace(used, case=use.case)
    except SessionError as error:
        evidence = LiveEvidence(checks=_refused(error.code))
    best = evidence.best_frame
    frames = () if best is None else (CaseFile(name=BEST_FRAME, data=best),)
    return replace(case, face_frames=frames, live=evidence)


def with_session_frames(pictures: CasePictures, case: Case) -> CasePictures:
    """The case's pictures with the frame of its session that is compared.

    Raises:
        InputError: it cannot be decoded, which is no frame that a session looked at.
    """
    frames = tuple(decode_image(file.data, name=file.name) for file in case.face_frames)
    return replace(pictures, face_frames=frames)


def checks_of_session(
    evidence: LiveEvidence, profile: ProcedureProfile, *, forbidden: bool
) -> tuple[Check, ...]:
    """The session's checks under a profile (3).

    Args:
        evidence: of the session.
        profile: that the case is decided by.
        forbidden: whether the profile forbids the model behind passive detection.
    """
    return tuple(
        _under(check, profile, forbidden=forbidden) if check.id == CHECK_PASSIVE else check
        for check in evidence.checks
    )


def seen_in(case: Case, pictures: CasePictures) -> tuple[BgrImage, ...]:
    """All frames of the person: those of the case, and what a session kept beside its best one (2).

    Raises:
        InputError: one cannot be decoded, which is no frame that a session looked at.
    """
    kept = () if case.live is None else case.live.other_frames
    decoded = (decode_image(data, name="liveness-session") for data in kept)
    return (*pictures.face_frames, *decoded)


def with_one_person(checks: tuple[Check, ...], evidence: LiveEvidence | None) -> tuple[Check, ...]:
    """The face's checks; they pass only where the session shows one person throughout and no attack (4)."""
    if evidence is None:
        return checks
    one = any(c.id == CHECK_STREAM and c.outcome is Outcome.PASSED for c in evidence.checks)
    if one and all(check.outcome is not Outcome.FAILED for check in evidence.checks):
        return checks
    return tuple(
        _instead(check, Outcome.INDETERMINATE, "case.frames_not_compared") for check in checks
    )


def _under(check: Check, profile: ProcedureProfile, *, forbidden: bool) -> Check:
    if forbidden:
        return Check(
            id=check.id,
            outcome=Outcome.NOT_PERFORMED,
            reasons=("model.undisclosed_not_allowed",),
        )
    asked = profile.liveness_live_at
    scores = [found.value for found in check.measurements if found.name == "live_score"]
    if asked is None or (scores and min(scores) >= asked):
        return check
    return _instead(check, Outcome.INDETERMINATE, "liveness.uncertain")


def _instead(check: Check, outcome: Outcome, reason: str) -> Check:
    """The check, or with another outcome where it passed."""
    if check.outcome is not Outcome.PASSED:
        return check
    return replace(check, outcome=outcome, reasons=(*check.reasons, reason))


def _refused(code: str) -> tuple[Check, ...]:
    outcome = Outcome.FAILED if code in _REFUTED else Outcome.INDETERMINATE
    return tuple(Check(id=check_id, outcome=outcome, reasons=(code,)) for check_id in _ASKED)
