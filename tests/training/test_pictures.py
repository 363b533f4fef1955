"""Wear, crops, pools and figures of the training room; needs neither torch nor installed fonts."""

from pathlib import Path

import numpy as np
import pytest

from training import degrade
from training.corpus import Corpus
from training.fonts import read_face
from training.lines import EASY, FULL, is_legible, make_line
from training.network_input import batch_of, steps_of
from training.nothing import no_text
from training.pool import read_shard, write_shard
from training.score import Score, decode, right_letters

FONTS = Path(__file__).parents[2] / "ekyc" / "data" / "fonts"


@pytest.fixture(scope="module")
def families():
    face = read_face(FONTS / "NotoSans-Regular.subset.ttf")
    assert face is not None
    return ((face,),)


def lines_of(seed, families, difficulty, count):
    rng = np.random.default_rng(seed)
    corpus = Corpus(rng)
    return [make_line(corpus, families, rng, difficulty) for _ in range(count)]


@pytest.mark.parametrize("difficulty", [EASY, FULL])
def test_lines_are_what_the_net_takes(families, difficulty):
    for picture, text in lines_of(3, families, difficulty, 40):
        assert picture.dtype == np.uint8
        assert picture.shape[0] == 40
        assert picture.shape[1] >= 8
        assert not text or is_legible(picture)


def test_the_same_seed_draws_the_same_lines(families):
    first, second = (lines_of(7, families, FULL, 12) for _ in range(2))
    assert [text for _, text in first] == [text for _, text in second]
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(first, second, strict=True))


def test_easy_lines_are_short(families):
    assert max(len(text) for _, text in lines_of(1, families, EASY, 60)) <= 24


@pytest.mark.parametrize("wear", ["weigh", "bite", "beat", "pin_dots", "blur", "sharpen", "one_bit", "photocopy", "specks", "screen", "ripple"])  # fmt: skip
def test_wear_keeps_the_size_and_is_repeatable(wear):
    page = np.full((60, 200), 230, dtype=np.uint8)
    page[20:40, 30:170:9] = 20
    results = [getattr(degrade, wear)(page, 30.0, np.random.default_rng(4)) for _ in range(2)]
    assert results[0].shape == page.shape
    assert results[0].dtype == np.uint8
    assert np.array_equal(*results)
    assert not np.array_equal(results[0], page)


def test_one_bit_leaves_two_values():
    page = np.random.default_rng(0).normal(220, 8, (60, 200)).astype(np.uint8)
    page[20:40, 30:170:9] = 20
    for seed in range(12):
        assert len(np.unique(degrade.one_bit(page, 24.0, np.random.default_rng(seed)))) == 2


def test_crops_without_text_come_in_every_kind():
    pictures = [no_text(np.random.default_rng(seed)) for seed in range(60)]
    assert all(picture.dtype == np.uint8 and picture.ndim == 2 for picture in pictures)
    assert len({picture.shape for picture in pictures}) > 30


def test_a_batch_marks_each_lines_true_width():
    wide, narrow = np.full((40, 37), 255, np.uint8), np.zeros((40, 9), np.uint8)
    batch = batch_of([wide, narrow])
    assert batch.shape == (2, 2, 40, 40)
    assert batch[:, 1, 0].sum(axis=1).tolist() == [37, 9]
    assert batch[0, 0].max() == 0
    assert batch[1, 0].sum() == 40 * 9
    assert (steps_of(37), steps_of(9), steps_of(8)) == (10, 3, 2)


def test_a_shard_returns_what_was_stored(tmp_path, families):
    lines = lines_of(2, families, EASY, 9)
    write_shard(tmp_path / "a.npz", lines)
    again = read_shard(tmp_path / "a.npz")
    assert [text for _, text in again] == [text for _, text in lines]
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(lines, again, strict=True))
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_decoding_merges_runs_and_drops_blanks():
    classes = ("", " ", "a", "b")
    path = [1, 2, 2, 0, 2, 1, 0, 1, 3, 3, 1]
    assert decode(np.eye(4, dtype=np.float32)[path], classes) == "aa b"


def test_figures_count_edits_and_accented_letters():
    score = Score()
    score.add("Hằng năm", "Hăng năm")
    score.add("thu", "thu")
    assert score.edits == 1
    assert score.exact_percent == 50
    assert score.cer_percent == pytest.approx(100 / 11)
    assert score.accented_percent == 50
    assert right_letters("abc", "axc") == (True, False, True)
    assert right_letters("abc", "abbc").count(True) == 3
