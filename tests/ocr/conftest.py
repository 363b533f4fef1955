"""Builders of readings, so that everything behind the nets is tested without them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ekyc.ocr.ctc import ReadChar
from ekyc.ocr.engines import open_reader
from ekyc.ocr.lines import ReadLine
from ekyc.ocr.reading import PageReading
from ekyc.ocr.recognise import LineText
from ekyc.values import PointPx, QuadPx


def quad_at(left, top, right, bottom):
    return QuadPx(
        top_left=PointPx(left, top),
        top_right=PointPx(right, top),
        bottom_right=PointPx(right, bottom),
        bottom_left=PointPx(left, bottom),
    )


def chars_of(text, confidence=1.0):
    step = 1 / max(len(text), 1)
    return tuple(
        ReadChar(char=c, confidence=confidence, left=i * step, right=(i + 1) * step)
        for i, c in enumerate(text)
    )


def line_text(text, confidence=1.0):
    return LineText(chars=chars_of(text, confidence))


def read_line_at(text, left, top, *, height=30, width=None, confidence=1.0):
    width = width if width is not None else 14 * len(text)
    return ReadLine(
        chars=chars_of(text, confidence),
        quad=quad_at(left, top, left + width, top + height),
        score=0.9,
    )


def page_of(*lines, width=1240, height=1754):
    """A page from (text, left, top) triples."""
    return PageReading(
        width=width,
        height=height,
        lines=tuple(line if isinstance(line, ReadLine) else read_line_at(*line) for line in lines),
    )


def turned(page, degrees):
    """The same page, turned about its corner."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)

    def move(point):
        return PointPx(cos * point.x - sin * point.y, sin * point.x + cos * point.y)

    lines = tuple(
        ReadLine(
            chars=line.chars,
            score=line.score,
            quad=QuadPx(
                top_left=move(line.quad.top_left),
                top_right=move(line.quad.top_right),
                bottom_right=move(line.quad.bottom_right),
                bottom_left=move(line.quad.bottom_left),
            ),
        )
        for line in page.lines
    )
    return PageReading(width=page.width, height=page.height, lines=lines)


@pytest.fixture(scope="session")
def build():
    """Builders of quads, lines and pages."""
    return SimpleNamespace(
        quad=quad_at, chars=chars_of, text=line_text, line=read_line_at, page=page_of, turned=turned
    )


@pytest.fixture(scope="session")
def reader(models):
    return open_reader(models)
