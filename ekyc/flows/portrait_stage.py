"""Whether the frames are made from the chip's own portrait: the one check of presence that needs the chip.

A demonstration renders its frames from the photograph in its chip, so it is exempt, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ekyc.face.portrait_copy import CHECK_ID, CopyReport, examine_frames
from ekyc.flows.safeguards import with_portrait_bound
from ekyc.flows.stages import Stage, StageResult, not_performed, run_stage, undecided

if TYPE_CHECKING:
    from ekyc.chip import ChipReport
    from ekyc.face.select import FindsFaces
    from ekyc.flows.face_stage import Portrait
    from ekyc.outcomes import Check
    from ekyc.policy import ProcedureProfile
    from ekyc.values import BgrImage

_CHECKS: Final = (CHECK_ID,)


def judge_portrait_copy(
    profile: ProcedureProfile,
    chip: ChipReport | None,
    portrait: Portrait,
    frames: Sequence[BgrImage],
    detector: FindsFaces,
) -> tuple[Check, ...]:
    """Check ``liveness.portrait_injection``.

    Args:
        profile: a demonstration is exempt.
        chip: holds the portrait.
        portrait: decodes it.
        frames: of the person, in any number.
        detector: with its mesh.

    Raises:
        ModelError, BusyError: a model failed.
    """

    def work() -> StageResult[CopyReport]:
        if not frames or chip is None or chip.portrait is None:
            return StageResult(value=None, checks=not_performed(_CHECKS, "case.part_missing"))
        if profile.demonstration:
            return StageResult(value=None, checks=not_performed(_CHECKS, "case.sample_material"))
        shown = portrait()
        if shown is None:
            return StageResult(value=None, checks=undecided(_CHECKS, "case.portrait_unreadable"))
        report = examine_frames(shown, frames, detector)
        return StageResult(value=report, checks=with_portrait_bound(report.checks, chip))

    return run_stage(Stage.FACE, _CHECKS, work, None).checks
