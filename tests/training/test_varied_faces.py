"""New faces made of those we have; needs neither torch nor installed fonts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont

from training.charset import accented_letters
from training.fonts import VARIED, is_held_out, read_face
from training.varied_faces import Design, draw_design, vary_face

FONT = Path(__file__).parents[2] / "ekyc" / "data" / "fonts" / "NotoSans-Regular.subset.ttf"
SAME = Design(
    width=1, small=1, tall=1, above=1, below=1, lean=0, lift=0, side=0, size=1,
    tone_side=(0,) * 4, tone_lift=(0,) * 4, dot_drop=0, dot_size=1,
)  # fmt: skip


def bounds(path, letter):
    with TTFont(path) as font:
        glyph = font["glyf"][font.getBestCmap()[ord(letter)]]
        glyph.recalcBounds(font["glyf"])
        return glyph.xMin, glyph.yMin, glyph.xMax, glyph.yMax


@pytest.fixture
def vary(tmp_path):
    def make(design):
        path = tmp_path / "varied.ttf"
        assert vary_face(FONT, path, "Noto Sans", design)
        return path

    return make


@pytest.mark.parametrize("seed", range(5))
def test_a_varied_face_still_writes_vietnamese(vary, seed):
    face = read_face(vary(draw_design(np.random.default_rng(seed))))
    assert face is not None
    assert face.family == f"{VARIED} Noto Sans"
    font = face.at(40)
    drawn = {letter: bytes(font.getmask(letter)) for letter in accented_letters()}
    assert len(set(drawn.values())) == 134


def test_no_change_leaves_every_letter_where_it_was(vary):
    path = vary(SAME)
    for letter in "AxậẾộữỷĐ":
        assert bounds(path, letter) == bounds(FONT, letter)


def test_only_the_mark_moves(vary):
    path = vary(replace(SAME, lift=0.1, dot_drop=0.1))
    for letter in "ấỄ":
        before, after = bounds(FONT, letter), bounds(path, letter)
        assert after[1] == before[1]
        assert after[3] > before[3]
    before, after = bounds(FONT, "ạ"), bounds(path, "ạ")
    assert after[1] < before[1]
    assert after[3] == before[3]
    assert bounds(path, "H") == bounds(FONT, "H")


def test_the_tone_moves_apart_from_the_mark_below_it(vary):
    path = vary(replace(SAME, tone_side=(0, 0.2, 0, 0)))
    assert bounds(path, "ế") != bounds(FONT, "ế")
    assert bounds(path, "ề") == bounds(FONT, "ề")
    assert bounds(path, "é") == bounds(FONT, "é")


def test_a_varied_face_of_a_kept_family_is_kept_as_well(tmp_path):
    path = tmp_path / "kept.ttf"
    assert vary_face(FONT, path, "Vollkorn", SAME)
    face = read_face(path)
    assert face is not None
    assert is_held_out(face)
