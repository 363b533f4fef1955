"""The table of text × ink, and verdicts on copies, with readers and pictures made by hand."""

from dataclasses import replace

import numpy as np
import pytest
from held_against import held_against

from ekyc.errors import InputError
from ekyc.imaging import effects
from ekyc.imaging.strips import STRIP_HEIGHT, StripDifference
from ekyc.imaging.text_regions import TextRegion
from ekyc.ocr.alignment import DifferenceClass
from ekyc.ocr.compare import compare_copy
from ekyc.ocr.copy_lines import (
    DifferenceScope,
    DifferenceStatus,
    PageWobble,
    judge_line,
    page_wobble,
)
from ekyc.ocr.copy_pages import PageStatus
from ekyc.ocr.copy_verdict import FieldOutcome
from ekyc.ocr.reading import PageReading
from ekyc.ocr.recognise import LikelyText, LineText
from ekyc.outcomes import Outcome

LINE = "Ngày sinh: 17/03/2024"


def strips(ink, at=0.5, length=640, height=10, lost=0.0, added=False):
    """Strips that agree but for a spot of ``ink`` at a part of their width; ``lost`` ink of the whole line."""
    excess = np.full((STRIP_HEIGHT, length), 0.04, dtype=np.float32)
    x = int(at * length)
    spot = np.s_[20 : 20 + height, max(0, x - 4) : x + 4]
    excess[spot] = ink
    there = np.ones_like(excess)
    copy = there * (1 - lost)
    if added:
        copy[spot] += ink
    return StripDifference(excess=excess, plain=excess, original_ink=there, copy_ink=copy)


def place_of(index, text=LINE):
    return (index + 0.5) / len(text)


DIGIT = LINE.index("7")


@pytest.mark.parametrize(
    ("copy", "ink", "confidence", "expected"),
    [
        (LINE.replace("17/", "14/"), 0.7, 1.0, DifferenceStatus.CONFIRMED),
        (LINE.replace("17/", "14/"), 0.7, 0.5, DifferenceStatus.CONFIRMED),
        (LINE.replace("17/", "14/"), 0.7, 0.3, DifferenceStatus.UNCLEAR),
        (LINE.replace("17/", "14/"), 0.25, 0.9, DifferenceStatus.CONFIRMED),
        (LINE.replace("17/", "14/"), 0.25, 0.75, DifferenceStatus.UNCLEAR),
        (LINE.replace("17/", "14/"), 0.22, 1.0, DifferenceStatus.UNCLEAR),
        (LINE.replace("17/", "14/"), 0.24, 0.5, DifferenceStatus.WOBBLE),
        (LINE.replace("17/", "14/"), 0.18, 1.0, DifferenceStatus.WOBBLE),
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


SPECKLED = PageWobble(speckled=True)


def test_on_a_speckled_page_specks_confirm_nothing(build):
    speck = strips(0.9, place_of(DIGIT), height=3, added=True)
    assert judge_line(build.text(LINE), build.text(LINE), speck, wobble=SPECKLED) == ()
    for copy, confidence, expected in (
        ("14/", 1.0, DifferenceStatus.UNCLEAR),
        ("14/", 0.5, DifferenceStatus.WOBBLE),
        ("17.", 1.0, DifferenceStatus.WOBBLE),
    ):
        text = build.text(LINE.replace("17/", copy), confidence)
        (read,) = judge_line(build.text(LINE), text, speck, wobble=SPECKLED)
        assert read.status is expected


@pytest.mark.parametrize(
    ("sure", "expected"), [(1.0, DifferenceStatus.UNCLEAR), (0.5, DifferenceStatus.WOBBLE)]
)
def test_a_dot_that_makes_another_number_counts_on_a_speckled_page(build, sure, expected):
    amount, other = "Số tiền: 1500000 đồng", "Số tiền: 15000.00 đồng"
    speck = strips(0.9, (other.index(".") + 0.5) / len(other), height=3, added=True)
    (found,) = judge_line(build.text(amount), build.text(other, sure), speck, wobble=SPECKLED)
    assert found.status is expected


@pytest.mark.parametrize(
    "spot",
    [
        strips(0.9, place_of(DIGIT), height=3),
        strips(0.9, place_of(DIGIT), height=10, added=True),
    ],
    ids=["lost-ink", "larger"],
)
def test_what_is_no_speck_counts_on_a_speckled_page_too(build, spot):
    (found,) = judge_line(build.text(LINE), build.text(LINE), spot, wobble=SPECKLED)
    assert found.status is DifferenceStatus.UNCLEAR


def test_on_a_clean_page_a_speck_is_for_an_officer(build):
    speck = strips(0.9, place_of(DIGIT), height=3, added=True)
    (found,) = judge_line(build.text(LINE), build.text(LINE), speck)
    assert (found.kind, found.status) == (None, DifferenceStatus.UNCLEAR)


def test_what_all_lines_differ_by_is_no_difference(build):
    line = strips(0.3, place_of(DIGIT))
    worn = page_wobble([line] * 5, specks=0)
    assert judge_line(build.text(LINE), build.text(LINE), line, wobble=worn) == ()
    few = page_wobble([line] * 4, specks=0)
    assert len(judge_line(build.text(LINE), build.text(LINE), line, wobble=few)) == 1


def test_one_altered_line_does_not_excuse_itself(build):
    lines = [strips(0.1)] * 8 + [strips(0.4, place_of(DIGIT))]
    wobble = page_wobble(lines, specks=0)
    assert not wobble.speckled
    assert len(judge_line(build.text(LINE), build.text(LINE), lines[-1], wobble=wobble)) == 1


def test_specks_between_the_lines_make_a_page_speckled_and_one_dot_does_not():
    dot = strips(0.9, height=3, added=True)
    assert page_wobble([dot], specks=2).speckled
    assert not page_wobble([dot], specks=1).speckled


def test_print_within_a_stamp_is_judged_by_its_picture_alone(build):
    copy = build.text(LINE.replace("17/", "14/"))
    for ink, found in ((0.35, 0), (0.5, 1)):
        judged = judge_line(build.text(LINE), copy, strips(ink, place_of(DIGIT)), in_stamp=True)
        assert len(judged) == found
    assert judge_line(build.text("Nam"), LineText(), strips(0.35), in_stamp=True) == ()


@pytest.mark.parametrize(
    ("ink", "lost", "expected"),
    [
        (0.8, 0.9, DifferenceStatus.CONFIRMED),
        (0.8, 0.3, DifferenceStatus.UNCLEAR),
        (0.1, 0.0, DifferenceStatus.WOBBLE),
    ],
    ids=["gone", "illegible", "unread"],
)
def test_a_line_without_text_in_the_copy_is_one_difference(build, ink, lost, expected):
    (item,) = judge_line(build.text("Nam"), LineText(), strips(ink, length=64, lost=lost))
    assert (item.scope, item.kind) == (DifferenceScope.LINE, DifferenceClass.MISSING)
    assert item.status is expected


class ScriptedReader:
    """Gives prepared readings: of pages in the order of asking, and of the copy's lines by their place."""

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
    return held_against([page], [page if picture is None else picture], reader)


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
    result = held_against([page], [page], Watched([birth_page(build)], []))
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
    assert result.checks[0].reasons == ("document.diacritic_changed",)


def test_a_digit_fails_wherever_it_stands(build):
    page = pattern(1)
    line = birth_page(build).lines[3]
    picture = blotted(page, line, 5, len(line.text))
    result = compared(build, page, 3, "Lời d2n: giữ kỹ", picture)
    assert result.checks[0].outcome is Outcome.FAILED
    assert result.checks[0].reasons == ("document.digit_changed",)


NOTHING = PageReading(width=500, height=700, lines=())


def test_a_page_that_says_nothing_readable_may_be_the_page(build):
    reader = ScriptedReader([birth_page(build), NOTHING], [])
    result = held_against([pattern(1)], [pattern(2)], reader)
    assert result.pages[0].status is PageStatus.NOT_COMPARED
    assert result.checks[0].outcome is Outcome.INDETERMINATE
    assert result.checks[0].reasons == ("document.page_not_registered",)
    assert {field.outcome for field in result.fields} == {FieldOutcome.UNCLEAR}


def test_a_page_printed_anew_is_not_compared(build):
    texts = [f"Điều {word} khoản này quy định" for word in ("một", "hai", "ba", "bốn", "năm")]
    reading = build.page(*[(text, 40, 60 * i) for i, text in enumerate(texts)])
    result = held_against([pattern(1)], [pattern(2)], ScriptedReader([reading, reading], []))
    assert result.pages[0].status is PageStatus.NOT_COMPARED


def test_another_page_in_its_place_is_a_missing_and_an_extra_page(build):
    other = build.page(
        ("Hợp đồng thuê nhà số hai mươi", 10, 10),
        ("Bên cho thuê cam kết bàn giao đúng hạn", 10, 80),
        ("Giá thuê mỗi tháng trả trước", 10, 150),
    )
    result = held_against(
        [pattern(1)], [pattern(2)], ScriptedReader([birth_page(build), other], [])
    )
    assert result.pages[0].status is PageStatus.MISSING
    assert result.matching.extra == (0,)
    assert result.checks[0].outcome is Outcome.FAILED
    assert result.checks[0].reasons == ("document.page_missing",)


def pages_compared(build, originals, copies):
    """Pages by their patterns; each original's page reads as the birth certificate, the same in the copy."""
    reading = birth_page(build)
    texts = tuple(build.text(line.text) for line in reading.lines)
    reader = ScriptedReader([reading] * len(originals) + [NOTHING] * len(copies), [texts])
    return held_against(originals, copies, reader)


def test_a_missing_page_fails(build):
    result = pages_compared(build, [pattern(1), pattern(2)], [pattern(2)])
    assert [page.status for page in result.pages] == [PageStatus.MISSING, PageStatus.COMPARED]
    assert result.checks[0].outcome is Outcome.FAILED
    assert result.checks[0].reasons == ("document.page_missing",)


def test_pages_in_another_order_fail(build):
    result = pages_compared(build, [pattern(1), pattern(2)], [pattern(2), pattern(1)])
    assert [page.copy_page for page in result.pages] == [1, 0]
    assert result.checks[0].outcome is Outcome.FAILED
    assert result.checks[0].reasons == ("document.page_order",)


@pytest.mark.parametrize(
    ("copies", "reason"),
    [
        ([pattern(1), pattern(2)], "document.page_extra"),
        ([pattern(1), pattern(1)], "document.page_duplicated"),
        ([np.full((700, 500, 3), 250, np.uint8), pattern(1)], "document.page_blank"),
    ],
    ids=["extra", "duplicated", "blank"],
)
def test_a_page_too_many_is_for_an_officer(build, copies, reason):
    result = pages_compared(build, [pattern(1)], copies)
    assert result.checks[0].outcome is Outcome.INDETERMINATE
    assert result.checks[0].reasons == (reason,)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_page_is_turned_back_and_noted(build, turns):
    turned = np.ascontiguousarray(np.rot90(pattern(1), -turns))
    result = held_against([pattern(1)], [turned], ScriptedReader([birth_page(build)], []))
    assert result.pages[0].turned_deg == 90 * turns
    assert result.checks[0].outcome is Outcome.PASSED
    assert result.checks[0].reasons == ("document.page_turned",)


def test_a_copy_of_too_few_pixels_shows_nothing(build):
    class Unsure(ScriptedReader):
        def read_quads(self, image, quads):
            return (LineText(),) * len(quads)

    small = effects.move(pattern(1), scale=0.36)
    result = held_against([pattern(1)], [small], Unsure([birth_page(build)], []))
    assert result.checks[0].outcome is Outcome.INDETERMINATE
    assert result.checks[0].reasons[0] == "document.copy_too_coarse"
    assert FieldOutcome.MATCHES not in {field.outcome for field in result.fields}


@pytest.mark.parametrize(
    ("originals", "copies", "code"),
    [(0, 1, "document.no_pages"), (1, 0, "document.no_pages"), (1, 21, "document.too_many_pages")],
)
def test_papers_without_or_with_too_many_pages_are_refused(originals, copies, code):
    with pytest.raises(InputError) as caught:
        compare_copy([NO_PICTURE] * originals, [NO_PICTURE] * copies, ScriptedReader([], []))
    assert caught.value.code == code


NO_PICTURE = np.full((10, 10, 3), 255, np.uint8)


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
    result = held_against([page], [picture], reader)
    assert result.checks[0].outcome is Outcome.INDETERMINATE
    assert "document.line_added" in result.checks[0].reasons


def test_two_empty_pages_do_not_match(build):
    page = pattern(1)
    empty = PageReading(width=500, height=700, lines=())
    result = held_against([page], [page], ScriptedReader([empty], [()]))
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


def test_a_line_outside_the_copys_picture_is_for_an_officer(build):
    page = pattern(1)
    result = compared(build, page, picture=page[90:].copy())
    assert result.checks[0].outcome is Outcome.INDETERMINATE
    assert result.checks[0].reasons == ("document.part_cut_off",)
    cut = [item for item in result.differences if item.scope is DifferenceScope.LINE]
    assert [(item.kind, item.line) for item in cut] == [(DifferenceClass.CUT_OFF, 0)]


def test_a_copy_that_differs_on_most_lines_is_too_worn_to_pass(build):
    page = pattern(1)
    worn = page.copy()
    for line in birth_page(build).lines:
        top, bottom = int(line.box.top), int(line.box.bottom)
        worn[top + 4 : bottom - 4 : 8, 20:480:8] = 0
    reading = build.page(*[(f"Điều {i} khoản {i} này", 40, 60 * i) for i in range(1, 8)])
    texts = tuple(build.text(line.text) for line in reading.lines)
    for line in reading.lines:
        top, left = int(line.box.top), int(line.box.left)
        worn[top + 8 : top + 22, left + 40 : left + 52] = 0
    result = held_against([page], [worn], ScriptedReader([reading], [texts]))
    assert "document.copy_too_worn" in result.checks[0].reasons
    assert result.checks[0].outcome is Outcome.INDETERMINATE


@pytest.mark.parametrize("seen", ["original", "copy", "both"])
def test_what_language_makes_likely_hides_no_exchanged_letter(build, seen):
    """NGUYỂN for NGUYỄN: language would have both read alike, the comparison does not ask it."""
    texts = {"original": "Họ tên: NGUYỄN", "copy": "Họ tên: NGUYỂN"}
    alike = LikelyText(chars=build.chars(texts["original"]), certainty=0.99)
    read = {
        side: replace(build.text(text), likely=alike if seen in {side, "both"} else None)
        for side, text in texts.items()
    }
    at = texts["original"].index("Ễ")
    (found,) = judge_line(
        read["original"], read["copy"], strips(0.5, at=(at + 0.5) / len(texts["original"]))
    )
    assert (found.status, found.at) == (DifferenceStatus.CONFIRMED, at)
    assert found.kind is DifferenceClass.DIACRITIC
