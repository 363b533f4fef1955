"""The table of text × ink, and verdicts on copies, with readers and pictures made by hand."""

import numpy as np
import pytest

from ekyc.imaging.strips import STRIP_HEIGHT, StripDifference
from ekyc.imaging.text_regions import TextRegion
from ekyc.ocr.alignment import DifferenceClass
from ekyc.ocr.compare import FieldOutcome, compare_copy
from ekyc.ocr.copy_lines import DifferenceStatus, judge_line
from ekyc.ocr.reading import PageReading
from ekyc.ocr.recognise import LineText
from ekyc.outcomes import Outcome

LINE = "Ngày sinh: 17/03/2024"


def strips(ink, at=0.5, length=640):
    """Strips that agree but for a spot of ``ink`` at a part of their width."""
    excess = np.full((STRIP_HEIGHT, length), 0.04, dtype=np.float32)
    x = int(at * length)
    excess[20:30, max(0, x - 4) : x + 4] = ink
    blank = np.zeros_like(excess)
    return StripDifference(excess=excess, original_ink=blank, copy_ink=blank)


def place_of(index, text=LINE):
    return (index + 0.5) / len(text)


DIGIT = LINE.index("7")


@pytest.mark.parametrize(
    ("copy", "ink", "confidence", "expected"),
    [
        (LINE.replace("17/", "14/"), 0.7, 1.0, DifferenceStatus.CONFIRMED),
        (LINE.replace("17/", "14/"), 0.7, 0.5, DifferenceStatus.UNCLEAR),
        (LINE.replace("17/", "14/"), 0.18, 1.0, DifferenceStatus.UNCLEAR),
        (LINE.replace("17/", "14/"), 0.05, 1.0, DifferenceStatus.WOBBLE),
        (LINE.replace("17/", "1/"), 0.7, 1.0, DifferenceStatus.CONFIRMED),
        (LINE.replace("17/", "177/"), 0.7, 1.0, DifferenceStatus.CONFIRMED),
        (LINE.replace("17/", "17."), 0.19, 1.0, DifferenceStatus.WOBBLE),
        (LINE.replace("17/", "17."), 0.7, 1.0, DifferenceStatus.UNCLEAR),
        (LINE, 0.7, 1.0, DifferenceStatus.UNCLEAR),
    ],
)
def test_text_and_ink_together_decide(build, copy, ink, confidence, expected):
    judged = judge_line(
        build.text(LINE), build.text(copy, confidence), strips(ink, place_of(DIGIT))
    )
    assert [item.status for item in judged] == [expected]


def test_equal_text_and_agreeing_ink_is_no_difference(build):
    assert judge_line(build.text(LINE), build.text(LINE), strips(0.1)) == ()


def test_ink_elsewhere_does_not_confirm_a_misreading(build):
    copy = build.text(LINE.replace("17/", "14/"))
    judged = judge_line(build.text(LINE), copy, strips(0.6, at=0.05))
    assert [(item.kind, item.status) for item in judged] == [
        (DifferenceClass.DIGIT, DifferenceStatus.WOBBLE),
        (None, DifferenceStatus.UNCLEAR),
    ]


def test_a_line_that_vanished_is_missing_letter_by_letter(build):
    judged = judge_line(build.text("Nam"), LineText(), strips(0.8, at=0.5, length=64))
    assert {item.kind for item in judged} == {DifferenceClass.MISSING}
    assert {item.status for item in judged} == {DifferenceStatus.CONFIRMED}


class ScriptedReader:
    """Gives prepared readings: of pages in order, then of the copy's lines by their place."""

    def __init__(self, pages, copies):
        self._pages, self._texts = list(pages), {}
        for page, texts in zip(pages, copies, strict=False):
            for line, text in zip(page.lines, texts, strict=True):
                self._texts[round(line.quad.top_left.y / 10)] = text

    def read_page(self, image, *, long_side=0):
        return self._pages.pop(0)

    def read_quads(self, image, quads):
        return tuple(self._texts[round(quad.top_left.y / 10)] for quad in quads)

    def find_lines(self, image, *, long_side=0) -> tuple[TextRegion, ...]:
        return ()

    def read_line(self, image):
        raise AssertionError("not needed")


def pattern(seed, height=700, width=500):
    """A page full of corners, so that it can be laid over itself."""
    random = np.random.default_rng(seed)
    page = np.full((height, width, 3), 250, dtype=np.uint8)
    for _ in range(500):
        x, y = random.integers(10, width - 30), random.integers(10, height - 30)
        w, h = random.integers(4, 18, 2)
        page[y : y + h, x : x + w] = random.integers(0, 120)
    return page


def birth_page(build):
    return build.page(
        ("GIẤY KHAI SINH", 150, 60),
        ("Họ, chữ đệm, tên: TRẦN MẪU", 60, 150),
        ("Ngày, tháng, năm sinh: 17/03/2024", 40, 250),
        ("Lời dặn: giữ kỹ", 60, 350),
        width=500,
        height=700,
    )


def compared(build, page, changed_line=None, changed=None, picture=None):
    reading = birth_page(build)
    texts = [build.text(line.text) for line in reading.lines]
    if changed_line is not None:
        texts[changed_line] = build.text(changed)
    reader = ScriptedReader([reading], [tuple(texts)])
    return compare_copy([page], [page if picture is None else picture], reader)


def blotted(page, line, at, length):
    """The page with ink at one character of a line of the given number of characters."""
    box = line.box
    x = int(box.left + (at + 0.5) * box.width / length)
    y = int((box.top + box.bottom) / 2)
    picture = page.copy()
    picture[y - 9 : y + 9, x - 6 : x + 6] = 0 if picture[y, x].mean() > 128 else 250
    return picture


def test_a_copy_of_itself_passes(build):
    result = compared(build, pattern(1))
    assert result.checks[0].outcome is Outcome.PASSED
    assert {field.outcome for field in result.fields} == {FieldOutcome.MATCHES}
    assert result.pages[0].regions == ()


def test_a_misreading_alone_passes(build):
    result = compared(build, pattern(1), 2, "Ngày, tháng, năm sinh: 14/03/2024")
    assert result.checks[0].outcome is Outcome.PASSED
    assert result.differences == ()


def test_lines_whose_pictures_agree_are_not_read_again(build):
    class Watched(ScriptedReader):
        def read_quads(self, image, quads):
            assert not quads
            return ()

    page = pattern(1)
    result = compare_copy([page], [page], Watched([birth_page(build)], []))
    assert result.checks[0].outcome is Outcome.PASSED
    assert result.pages[0].copy_lines == (None,) * 4


def test_changed_ink_alone_is_for_an_officer(build):
    page = pattern(1)
    line = birth_page(build).lines[2]
    result = compared(build, page, picture=blotted(page, line, 24, len(line.text)))
    assert result.checks[0].outcome is Outcome.INDETERMINATE
    assert result.checks[0].reasons == ("document.picture_differs",)
    assert result.checks[0].subjects == ("birth_date",)


def test_changed_ink_and_digit_fail(build):
    page = pattern(1)
    line = birth_page(build).lines[2]
    picture = blotted(page, line, 24, len(line.text))
    result = compared(build, page, 2, "Ngày, tháng, năm sinh: 14/03/2024", picture)
    assert result.checks[0].outcome is Outcome.FAILED
    assert "document.digit_changed" in result.checks[0].reasons
    verdict = next(field for field in result.fields if field.field == "birth_date")
    assert verdict.outcome is FieldOutcome.DIFFERS


def test_changed_ink_and_letter_outside_all_fields_are_for_an_officer(build):
    page = pattern(1)
    line = birth_page(build).lines[3]
    picture = blotted(page, line, 5, len(line.text))
    result = compared(build, page, 3, "Lời dận: giữ kỹ", picture)
    assert result.checks[0].outcome is Outcome.INDETERMINATE


def test_a_digit_fails_wherever_it_stands(build):
    page = pattern(1)
    line = birth_page(build).lines[3]
    picture = blotted(page, line, 5, len(line.text))
    result = compared(build, page, 3, "Lời d2n: giữ kỹ", picture)
    assert result.checks[0].outcome is Outcome.FAILED
    assert result.checks[0].reasons == ("document.digit_changed",)


def test_another_page_cannot_be_laid_over(build):
    result = compared(build, pattern(1), picture=pattern(2))
    assert result.checks[0].outcome is Outcome.INDETERMINATE
    assert "document.page_not_registered" in result.checks[0].reasons
    assert {field.outcome for field in result.fields} == {FieldOutcome.UNCLEAR}


def test_a_missing_page_fails(build):
    page = pattern(1)
    reading = birth_page(build)
    texts = tuple(build.text(line.text) for line in reading.lines)
    empty = PageReading(width=500, height=700, lines=())
    result = compare_copy([page, page], [page], ScriptedReader([reading, empty], [texts]))
    assert result.checks[0].outcome is Outcome.FAILED
    assert result.checks[0].reasons[0] == "document.page_count"


def test_a_line_that_only_the_copy_has_is_for_an_officer(build):
    page = pattern(1)
    picture = page.copy()
    picture[500:540, 100:400] = 255
    picture[510:530, 110:390:9] = 0

    class WithNote(ScriptedReader):
        def find_lines(self, image, *, long_side=0):
            return (TextRegion(quad=build.quad(100, 500, 400, 540), score=0.9),)

    reading = birth_page(build)
    texts = tuple(build.text(line.text) for line in reading.lines)
    reader = WithNote([reading], [texts])
    reader._texts[50] = build.text("BẢN SAO")
    result = compare_copy([page], [picture], reader)
    assert result.checks[0].outcome is Outcome.INDETERMINATE
    assert "document.text_unclear" in result.checks[0].reasons


def test_two_empty_pages_do_not_match(build):
    page = pattern(1)
    empty = PageReading(width=500, height=700, lines=())
    result = compare_copy([page], [page], ScriptedReader([empty], [()]))
    assert result.checks[0].outcome is Outcome.INDETERMINATE
    assert "document.no_text" in result.checks[0].reasons


def test_no_text_of_the_papers_in_any_repr(build):
    page = pattern(1)
    line = birth_page(build).lines[2]
    picture = blotted(page, line, 24, len(line.text))
    result = compared(build, page, 2, "Ngày, tháng, năm sinh: 14/03/2024", picture)
    assert "MẪU" not in repr(result)
    assert "2024" not in repr(result.fields)
    assert "'7'" not in repr(result.differences)
