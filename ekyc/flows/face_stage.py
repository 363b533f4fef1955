"""Is the person in the frames the one in the chip's portrait?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from ekyc.face import FaceComparison, MatchThresholds, compare_faces, thresholds_for_portrait
from ekyc.flows.safeguards import with_portrait_bound
from ekyc.flows.stages import (
    Progress,
    Stage,
    StageResult,
    not_performed,
    run_stage,
    undecided,
)

if TYPE_CHECKING:
    from ekyc.chip import ChipReport
    from ekyc.face.select import FindsFaces
    from ekyc.flows.rooms import Rooms
    from ekyc.policy import ProcedureProfile
    from ekyc.values import BgrImage

CHECKS: Final = ("face.match",)
Portrait = Callable[[], "BgrImage | None"]
"""The chip's portrait; None where it is no readable picture."""


def judge_face(
    profile: ProcedureProfile,
    chip: ChipReport | None,
    portrait: Portrait,
    frames: Sequence[BgrImage],
    rooms: Rooms,
    *,
    detector: FindsFaces,
    today: date,
    progress: Progress | None,
) -> StageResult[FaceComparison]:
    """Check ``face.match``.

    Args:
        profile: may forbid models whose training data are undisclosed.
        chip: holds the portrait, and the day of its issue.
        portrait: decodes it.
        frames: of the person.
        rooms: the embedder.
        detector: with its mesh.
        today: what the portrait's age is counted to.
        progress: hears when the stage ends.

    Raises:
        ModelError, BusyError: a model failed.
    """

    def work() -> StageResult[FaceComparison]:
        if not frames or chip is None or chip.portrait is None:
            return StageResult(value=None, checks=not_performed(CHECKS, "case.part_missing"))
        if rooms.forbidden(profile, Stage.FACE):
            checks = not_performed(CHECKS, "model.undisclosed_not_allowed")
            return StageResult(value=None, checks=checks)
        shown = portrait()
        if shown is None:
            return StageResult(value=None, checks=undecided(CHECKS, "case.portrait_unreadable"))
        comparison = compare_faces(
            shown,
            frames,
            detector=detector,
            embedder=rooms.embedder,
            thresholds=_thresholds(chip, today),
        )
        return StageResult(value=comparison, checks=with_portrait_bound(comparison.checks, chip))

    return run_stage(Stage.FACE, CHECKS, work, progress)


def _thresholds(chip: ChipReport, today: date) -> MatchThresholds:
    """By the portrait's age, as far as signed data say it; age never makes acceptance easier."""
    issued = None if chip.identity is None else chip.identity.issue_date
    return thresholds_for_portrait(None if issued is None else issued.reveal(), today)
