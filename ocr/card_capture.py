"""What is wrong with the pictures of a card, each fault by its own reason.

Thresholds were set on generated photographs (docs/cards.md): genuine captures of varied light, distance and angle
stay well on the good side. They are hints for the person who holds the camera; a screen or a copy that leaves no
trace in these numbers is not noticed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ekyc.imaging.card_capture import CardCapture, measure_card
from ekyc.outcomes import Measurement

if TYPE_CHECKING:
    from ekyc.ocr.card_sides import CardSide

LEAST_SHARPNESS: Final = 0.38
LEAST_BRIGHTNESS: Final = 48.0
MOST_GLARE: Final = 0.012
LEAST_COLOUR: Final = 6.0
MOST_SCREEN: Final = 1.75
LEAST_LONG_SIDE_PX: Final = 560.0
"""Print of 2 mm is then 13 pixels high; below, values begin to be lost."""


def capture_faults(
    front: CardSide, back: CardSide | None
) -> tuple[tuple[str, ...], tuple[Measurement, ...]]:
    """Reasons, without repetition, and the numbers of the front that they rest on."""
    sides = [front] if back is None else [front, back]
    reasons = list[str]()
    if any(side.cards > 1 for side in sides):
        reasons.append("card.several_documents")
    if _is_wrong_side(front, back):
        reasons.append("card.wrong_side")
    if any(_runs_over_the_edge(side) for side in sides):
        reasons.append("card.corner_cut_off")
    for side in sides:
        reasons += _faults_of(measure_card(side.image), side.long_side_px)
    return tuple(dict.fromkeys(reasons)), _measurements(measure_card(front.image), front)


def _faults_of(capture: CardCapture, long_side_px: float) -> list[str]:
    held = (
        ("card.too_small", long_side_px < LEAST_LONG_SIDE_PX),
        ("card.too_dark", capture.brightness < LEAST_BRIGHTNESS),
        ("card.blurred", capture.sharpness < LEAST_SHARPNESS),
        ("card.glare", capture.glare > MOST_GLARE),
        ("card.grayscale", capture.colour < LEAST_COLOUR),
        ("card.screen_recapture", capture.screen > MOST_SCREEN),
    )
    return [reason for reason, holds in held if holds]


def _is_wrong_side(front: CardSide, back: CardSide | None) -> bool:
    """A zone without a title is a back, a title without a zone a front."""
    front_is_back = front.has_zone and not front.has_title
    return front_is_back or (back is not None and back.has_title and not back.has_zone)


def _runs_over_the_edge(side: CardSide) -> bool:
    """Whether lines of print end at the border of a picture on which no whole card was found."""
    if side.search.document is not None:
        return False
    height, width = side.image.shape[:2]
    boxes = [line.box for line in side.page.lines if len(line.chars) > 3]
    return any(
        box.left <= 1 or box.top <= 1 or box.right >= width - 1 or box.bottom >= height - 1
        for box in boxes
    )


def _measurements(capture: CardCapture, side: CardSide) -> tuple[Measurement, ...]:
    return (
        Measurement(name="sharpness", value=capture.sharpness, threshold=LEAST_SHARPNESS),
        Measurement(
            name="brightness", value=capture.brightness, unit="level", threshold=LEAST_BRIGHTNESS
        ),
        Measurement(name="glare", value=capture.glare, unit="fraction", threshold=MOST_GLARE),
        Measurement(name="colour", value=capture.colour, unit="level", threshold=LEAST_COLOUR),
        Measurement(name="screen", value=capture.screen, threshold=MOST_SCREEN),
        Measurement(
            name="long_side", value=side.long_side_px, unit="px", threshold=LEAST_LONG_SIDE_PX
        ),
    )
