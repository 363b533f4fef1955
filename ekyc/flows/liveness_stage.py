"""Was somebody there? By the frames alone, or by the liveness session that stands in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ekyc.flows.live_case import checks_of_session
from ekyc.flows.stages import Progress, Stage, StageResult, not_performed, run_stage
from ekyc.liveness import LivenessReport, PadThresholds, check_liveness

if TYPE_CHECKING:
    from ekyc.flows.case import Case
    from ekyc.flows.pages import CasePictures
    from ekyc.flows.rooms import Rooms
    from ekyc.policy import ProcedureProfile

_CHECKS: Final = ("liveness.passive",)


def judge_liveness(
    case: Case,
    profile: ProcedureProfile,
    pictures: CasePictures,
    rooms: Rooms,
    progress: Progress | None,
) -> StageResult[LivenessReport]:
    """Check ``liveness.passive``, and with a session its own checks.

    Args:
        case: may have a session's result for its live part.
        profile: may forbid models whose training data are undisclosed, and has a threshold of its own.
        pictures: frames of the person.
        rooms: detector and model.
        progress: hears when the stage ends.

    Raises:
        ModelError, BusyError: a model failed.
    """

    def work() -> StageResult[LivenessReport]:
        forbidden = rooms.forbidden(profile, Stage.LIVENESS)
        if case.live is not None:
            checks = checks_of_session(case.live, profile, forbidden=forbidden)
            return StageResult(value=None, checks=checks)
        if not pictures.face_frames:
            return StageResult(value=None, checks=not_performed(_CHECKS, "case.part_missing"))
        if forbidden:
            return StageResult(
                value=None, checks=not_performed(_CHECKS, "model.undisclosed_not_allowed")
            )
        thresholds = PadThresholds()
        if profile.liveness_live_at is not None:
            thresholds = PadThresholds(live_at=profile.liveness_live_at)
        report = check_liveness(
            pictures.face_frames,
            detector=rooms.detector,
            pad_model=rooms.pad_model,
            thresholds=thresholds,
        )
        return StageResult(value=report, checks=report.checks)

    return run_stage(Stage.LIVENESS, _CHECKS, work, progress)
