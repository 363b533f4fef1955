"""The figures of the reading suites, worked by hand."""

import json

import pytest

from ekyc.benchmarks.ocr_scores import (
    accented_error,
    cer,
    is_accented,
    line_sets,
    read_truth,
    score_closest,
    score_line,
)
from ekyc.errors import InputError


def test_a_line_is_counted_letter_by_letter():
    score = score_line("Nguyễn Thị Mẫu", "Nguyên Thị Mẫ")
    assert (score.letters, score.errors) == (14, 2)
    assert (score.accented, score.accented_wrong) == (3, 1)
    assert not score.exact


def test_composed_and_decomposed_letters_and_doubled_spaces_are_one():
    assert score_line("Mẫu  tên", "Mẫu tên").exact


def test_an_unread_line_loses_everything():
    score = score_line("Mẫu", "")
    assert (score.errors, score.accented_wrong) == (3, 1)


def test_rates_weigh_lines_by_their_letters():
    scores = [score_line("ab", "ab"), score_line("ắ", "a")]
    assert cer(scores) == pytest.approx(1 / 3)
    assert accented_error(scores) == 1.0


def test_closest_lines_are_found_whatever_their_order():
    scores = score_closest(["một", "hai"], ["hai ", "mot", "ba"])
    assert [score.errors for score in scores] == [1, 0]
    assert score_closest(["một"], [])[0].errors == 3


@pytest.mark.parametrize(
    ("char", "expected"), [("ắ", True), ("đ", True), ("Đ", True), ("a", False), ("1", False)]
)
def test_accented_letters(char, expected):
    assert is_accented(char) is expected


def test_sets_are_named_after_their_folders(tmp_path):
    for name in ("synth", "unseen"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lines.jsonl").write_text("")
    assert set(line_sets(tmp_path)) == {"hard", "unseen"}
    assert line_sets(tmp_path / "synth") == {"hard": tmp_path / "synth"}


def test_missing_truth_is_a_typed_error(tmp_path):
    for attempt in (lambda: line_sets(tmp_path), lambda: read_truth(tmp_path / "x.jsonl")):
        with pytest.raises(InputError) as caught:
            attempt()
        assert caught.value.code == "bench.no_data"
    (tmp_path / "x.jsonl").write_text(json.dumps({"text": "Mẫu"}) + "\n")
    assert read_truth(tmp_path / "x.jsonl") == [{"text": "Mẫu"}]
