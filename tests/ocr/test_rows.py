"""Rows of lines, on level and on tilted pages."""

import pytest

from ekyc.ocr.reading import in_reading_order
from ekyc.ocr.rows import group_rows, place_lines


@pytest.mark.parametrize("degrees", [0, 5, -9, 15])
def test_reading_order_survives_a_slant(build, degrees):
    texts = [f"{row}{column}" for row in range(8) for column in range(3)]
    page = build.page(
        *((text, 100 + 400 * (i % 3), 100 + 60 * (i // 3)) for i, text in enumerate(texts))
    )
    lines = build.turned(page, degrees).lines
    assert [line.text for line in in_reading_order(lines[::-1])] == texts


def test_lines_above_each_other_are_no_row(build):
    page = build.page(("one", 0, 0), ("two", 0, 34), ("three", 300, 2))
    rows = group_rows(place_lines(page.lines))
    assert [[placed.line.text for placed in row] for row in rows] == [["one", "three"], ["two"]]


def test_no_lines_no_rows():
    assert group_rows(place_lines([])) == ()
