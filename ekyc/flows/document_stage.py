"""Is the copy a copy of the original?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ekyc.flows.stages import Progress, Stage, StageResult, not_performed, run_stage
from ekyc.ocr import DocumentComparison, compare_copy

if TYPE_CHECKING:
    from ekyc.flows.pages import CasePictures
    from ekyc.flows.rooms import Rooms
    from ekyc.policy import ProcedureProfile

_CHECKS: Final = ("document.copy_matches",)


def judge_documents(
    profile: ProcedureProfile, pictures: CasePictures, rooms: Rooms, progress: Progress | None
) -> StageResult[DocumentComparison]:
    """Check ``document.copy_matches``.

    Args:
        profile: may forbid models whose training data are undisclosed.
        pictures: pages of the original and of the copy.
        rooms: the reader.
        progress: hears when the stage ends.

    Raises:
        ModelError, BusyError: a model failed.
    """

    def work() -> StageResult[DocumentComparison]:
        if not pictures.original_pages or not pictures.copy_pages:
            return StageResult(value=None, checks=not_performed(_CHECKS, "case.part_missing"))
        if rooms.forbidden(profile, Stage.DOCUMENTS):
            return StageResult(
                value=None, checks=not_performed(_CHECKS, "model.undisclosed_not_allowed")
            )
        comparison = compare_copy(pictures.original_pages, pictures.copy_pages, rooms.reader)
        return StageResult(value=comparison, checks=comparison.checks)

    return run_stage(Stage.DOCUMENTS, _CHECKS, work, progress)
