"""One look at each picture, however many checks ask."""

import numpy as np

from ekyc.face.seen_once import SeenOnce


class Counting:
    """A detector whose faces are new objects every time."""

    def __init__(self):
        self.looks = []

    def detect(self, image):
        self.looks.append("detect")
        return ([int(image[0, 0, 0])],)

    def refine(self, image, face):
        self.looks.append("refine")
        return [*face, "refined"]

    def configured(self, *, long_sides_px, score_threshold):
        return self


def picture(level):
    return np.full((4, 4, 3), level, dtype=np.uint8)


def test_every_picture_is_looked_at_once():
    inner = Counting()
    seen = SeenOnce(inner)
    one, other = picture(1), picture(2)
    for _ in range(3):
        (face,) = seen.detect(one)
        assert face == [1]
        assert seen.refine(one, face) == [1, "refined"]
    assert seen.detect(other) == ([2],)
    assert inner.looks == ["detect", "refine", "detect"]


def test_an_equal_picture_is_another_one():
    inner = Counting()
    seen = SeenOnce(inner)
    seen.detect(picture(1))
    for _ in range(50):  # arrays that were freed would leave their identity to the next
        seen.detect(picture(1))
    assert inner.looks == ["detect"] * 51


def test_other_settings_remember_nothing():
    inner = Counting()
    seen, one = SeenOnce(inner), picture(1)
    seen.detect(one)
    seen.configured(long_sides_px=None, score_threshold=0.5).detect(one)
    assert inner.looks == ["detect", "detect"]
