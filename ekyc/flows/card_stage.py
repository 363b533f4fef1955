"""What do the photographs of the card say, and does the chip say the same?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ekyc.flows.stages import Progress, Stage, StageResult, not_performed, run_stage
from ekyc.ocr import CardReading, cross_check_card, read_card

if TYPE_CHECKING:
    from ekyc.chip import ChipReport
    from ekyc.flows.pages import CasePictures
    from ekyc.flows.rooms import Rooms
    from ekyc.policy import ProcedureProfile

_CHECKS: Final = ("card.read", "card.mrz", "card.qr", "card.matches_chip")


def read_sides(
    profile: ProcedureProfile, pictures: CasePictures, rooms: Rooms
) -> CardReading | None:
    """Both sides of the card, which needs nothing from the chip; ``None`` where there is none, or no model may read it.

    Raises:
        ModelError, BusyError: a model failed.
    """
    if pictures.card_front is None or rooms.forbidden(profile, Stage.CARD):
        return None
    return read_card(pictures.card_front, pictures.card_back, rooms.reader)


def judge_card(
    pictures: CasePictures,
    reading: Callable[[], CardReading | None],
    chip: ChipReport | None,
    progress: Progress | None,
) -> StageResult[CardReading]:
    """Every check about the card.

    Args:
        pictures: of the case.
        reading: what :func:`read_sides` read, as soon as it has.
        chip: what the print is held against.
        progress: hears when the stage ends.

    Raises:
        ModelError, BusyError: a model failed.
    """

    def work() -> StageResult[CardReading]:
        if pictures.card_front is None:
            return StageResult(value=None, checks=not_performed(_CHECKS, "case.part_missing"))
        card = reading()
        if card is None:
            return StageResult(
                value=None, checks=not_performed(_CHECKS, "model.undisclosed_not_allowed")
            )
        if chip is None or chip.identity is None:
            against = not_performed(("card.matches_chip",), "case.part_missing")
        else:
            against = cross_check_card(card, chip.identity)
        return StageResult(value=card, checks=(*card.checks, *against))

    return run_stage(Stage.CARD, _CHECKS, work, progress)
