"""Stamps and pen strokes by their colour, and whether a copy shows them, in colour or grey."""

import cv2
import numpy as np
import pytest

from ekyc.imaging import effects
from ekyc.imaging.marks import MarkKind, Presence, compare_marks
from ekyc.values import BoxPx

RED, BLUE, BLACK = (48, 44, 206), (140, 48, 32), (30, 24, 24)


def page(*, stamp=True, pen=True, text=True):
    picture = np.full((1400, 1000, 3), (238, 246, 248), np.uint8)
    if text:
        for y in range(120, 700, 60):
            cv2.putText(picture, "Noi cu tru: 12 Le Loi", (90, y), 3, 1.1, BLACK, 2, cv2.LINE_AA)
        cv2.putText(picture, "GIAY KHAI SINH", (300, 60), 3, 1.2, RED, 2, cv2.LINE_AA)
    if stamp:
        cv2.circle(picture, (450, 1000), 90, RED, 5, cv2.LINE_AA)
        cv2.putText(picture, "UBND", (400, 1010), 2, 1.0, RED, 2, cv2.LINE_AA)
    if pen:
        x = np.arange(600, 800)
        y = 1000 + 40 * np.sin(x / 14)
        points = np.stack([x, y], axis=1).astype(np.int32)
        cv2.polylines(picture, [points], False, BLUE, 3, cv2.LINE_AA)
    return effects.blur(picture, 0.6)


def grey(picture):
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[:, :, None], 3, axis=2)


def copied(picture):
    noisy = effects.add_noise(effects.blur(picture, 0.8), 4, np.random.default_rng(3))
    return effects.jpeg_round_trip(effects.adjust(noisy, gain=0.9), 75)


def found(original, copy):
    return {mark.kind: mark.presence for mark in compare_marks(original, copy, [])}


@pytest.mark.parametrize(
    "turn", [copied, lambda picture: copied(grey(picture))], ids=["colour", "grey"]
)
def test_marks_that_are_there_are_present(turn):
    both = {MarkKind.STAMP: Presence.PRESENT, MarkKind.PEN: Presence.PRESENT}
    assert found(page(), turn(page())) == both


@pytest.mark.parametrize(
    "turn", [copied, lambda picture: copied(grey(picture))], ids=["colour", "grey"]
)
@pytest.mark.parametrize("kind", list(MarkKind))
def test_a_mark_that_was_removed_is_absent_and_the_other_present(turn, kind):
    copy = turn(page(stamp=kind is not MarkKind.STAMP, pen=kind is not MarkKind.PEN))
    marks = found(page(), copy)
    assert marks.pop(kind) is Presence.ABSENT
    assert set(marks.values()) == {Presence.PRESENT}


def test_half_a_stamp_is_unclear():
    copy = page()
    copy[900:1100, 350:452] = (238, 246, 248)
    assert found(page(), copied(copy))[MarkKind.STAMP] is Presence.UNCLEAR


def test_a_grey_original_tells_of_no_marks():
    assert compare_marks(grey(page()), page(), []) == ()


def test_coloured_print_is_no_stamp():
    assert found(page(stamp=False, pen=False), page()) == {}


def test_the_box_is_where_the_stamp_stands():
    stamp = compare_marks(page(), page(), [])[0]
    assert stamp.kind is MarkKind.STAMP
    wanted = BoxPx(left=358, top=908, right=543, bottom=1093)
    sides = ("left", "top", "right", "bottom")
    assert all(abs(getattr(stamp.box, side) - getattr(wanted, side)) < 8 for side in sides)
