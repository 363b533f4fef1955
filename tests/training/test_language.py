"""The language model that ships is what our lists say."""

from pathlib import Path

from ekyc.ocr.language import load_language
from training.compounds import ALL
from training.language import spelt, write_model

SHIPPED = Path(__file__).parents[2] / "ocr/data/line-language.json"


def test_the_lists_give_the_file_that_ships_byte_for_byte(tmp_path):
    write_model(tmp_path / "language.json")
    assert (tmp_path / "language.json").read_bytes() == SHIPPED.read_bytes()
    assert SHIPPED.stat().st_size < 2_000_000


def test_words_are_likelier_than_what_spelling_only_allows():
    model = load_language(SHIPPED)
    for word, other in (("nguyễn", "nguyển"), ("chứng", "chửng"), ("mã", "mả"), ("hòa", "hõa")):
        assert model.probability(word, "", 0.2) > model.probability(other, "", 0.2)
    assert model.probability("thực", "chứng", 0.1) > 10 * model.probability("thực", "bánh", 0.1)


def test_both_ways_to_place_a_tone_mark_are_allowed():
    assert {"hòa", "hoà", "thủy", "thuỷ", "quốc", "gì"} <= spelt()


def test_compounds_are_words_and_commas():
    parts = [part.strip() for part in ALL.split(",")]
    assert all(part and all(char.isalpha() or char == " " for char in part) for part in parts)
