"""The report of a comparison: complete, self-contained, and nothing of the papers gets out of its place."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape

import cv2
import numpy as np
import pytest
from held_against import held_against

from ekyc.imaging.text_regions import TextRegion
from ekyc.ocr import (
    FieldOutcome,
    FieldVerdict,
    LineText,
    PageReading,
    ReadLine,
)
from ekyc.ocr.copy_report import comparison_page
from ekyc.ocr.ctc import ReadChar
from ekyc.values import PointPx, QuadPx, Redacted

HOSTILE = "<script>alert(1)</script>"
AT = datetime(2026, 1, 15, tzinfo=UTC)


def chars(text):
    step = 1 / len(text)
    return tuple(
        ReadChar(char=c, confidence=1.0, left=i * step, right=(i + 1) * step)
        for i, c in enumerate(text)
    )


class OneLineReader:
    """Reads one line of the original as given, and the same line of the copy as given."""

    def __init__(self, original, copy):
        quad = QuadPx(
            top_left=PointPx(60, 100),
            top_right=PointPx(440, 100),
            bottom_right=PointPx(440, 140),
            bottom_left=PointPx(60, 140),
        )
        line = ReadLine(chars=chars(original), quad=quad, score=0.9)
        self._page = PageReading(width=500, height=700, lines=(line,))
        self._copy = LineText(chars=chars(copy))

    def read_page(self, image, *, long_side=0):
        return self._page

    def read_quads(self, image, quads):
        return (self._copy,) * len(quads)

    def read_line(self, image):
        return self._copy

    def find_lines(self, image, *, long_side=0) -> tuple[TextRegion, ...]:
        return ()


def drawn(number="1985"):
    random = np.random.default_rng(1)
    page = np.full((700, 500, 3), 250, np.uint8)
    for _ in range(400):
        x, y = random.integers(10, 470), random.integers(170, 660)
        page[y : y + random.integers(4, 18), x : x + random.integers(4, 18)] = random.integers(
            0, 120
        )
    cv2.putText(page, number, (386, 130), 3, 0.65, (20, 20, 20), 2, cv2.LINE_AA)
    return page


@pytest.fixture(scope="module")
def report():
    reader = OneLineReader(f"{HOSTILE} 1985", f"{HOSTILE} 1935")
    originals, copies = [drawn()], [drawn("1935")]
    comparison = held_against(originals, copies, reader)
    return comparison_page(comparison, copies, made_at=AT)


def test_text_of_the_papers_is_escaped(report):
    assert "<script" not in report
    assert "&lt;script&gt;" in report


@pytest.mark.parametrize(
    "text", [HOSTILE, '"><img src=x onerror=alert(1)>', "{{ view }}", "</td><iframe>", "a&b'c"]
)
def test_text_of_fields_is_escaped_wherever_it_stands(text):
    page = drawn()
    comparison = held_against([page], [page], OneLineReader("Số 1985", "Số 1985"))
    field = FieldVerdict(
        field=text, outcome=FieldOutcome.DIFFERS, original=Redacted(text), differences=()
    )
    shown = comparison_page(replace(comparison, fields=(field,)), [page], made_at=AT)
    cells = re.findall(r"<td>(.*?)</td>", shown)
    assert [unescape(cell) for cell in cells] == [text, text]
    assert not re.search(r"<(script|iframe|img src=x)", shown)


def test_it_loads_nothing_and_runs_nothing(report):
    assert not re.findall(r"(?:src|href)=\"(?!data:image/jpeg;base64,)", report)
    assert "default-src 'none'" in report


def test_the_differing_digit_is_marked_on_both_sides(report):
    assert "Bản sao khác bản chính" in report
    assert "<mark>8</mark>" in report
    assert "<mark>3</mark>" in report
    assert report.count('class="box no"') == 2


def test_an_agreeing_copy_shows_no_differences():
    page = drawn()
    comparison = held_against([page], [page], OneLineReader("Số 1985", "Số 1985"))
    text = comparison_page(comparison, [page], made_at=AT)
    assert "Không thấy chỗ nào khác" in text
    assert 'class="card' not in text


def test_a_line_that_is_cut_off_is_shown_as_such():
    page = drawn()
    copy = page[125:].copy()
    comparison = held_against([page], [copy], OneLineReader("Số 1985", "Số 1985"))
    text = comparison_page(comparison, [copy], made_at=AT)
    assert "Ảnh bản sao cắt mất chỗ này" in text
    assert "Cần cán bộ xem lại" in text


def test_missing_and_extra_pages_are_shown():
    page, other = drawn(), np.ascontiguousarray(drawn("7")[::-1])
    comparison = held_against([page], [page, page], OneLineReader("Số 1985", "Số 1985"))
    text = comparison_page(comparison, [page, page], made_at=AT)
    assert "Trang 2 <span" in text
    missing = held_against([page, other], [page], OneLineReader("Số 1985", "Số 1985"))
    missing = replace(missing, fields=())
    text = comparison_page(missing, [page], made_at=AT)
    assert "bản sao không có trang này" in text
