"""Who is asked, who agrees, what is accepted."""

import unicodedata

import numpy as np
import pytest

from ekyc.ocr.ctc import ReadChar
from ekyc.ocr.recognise import LikelyText, LineText
from ekyc.ocr.vote import (
    AGREES,
    SURE_ALONE,
    SURE_ENOUGH,
    SURE_TOGETHER,
    SURE_WITH_LANGUAGE,
    Acceptance,
    VotingRecogniser,
    acceptance,
)

LINE = np.zeros((20, 100, 3), np.uint8)
BETWEEN = (SURE_ALONE + SURE_TOGETHER) / 2


class Fixed:
    """Reads what it is told to read, and counts."""

    def __init__(self, text, certainty=None):
        chars = tuple(ReadChar(char=c, confidence=0.9, left=0.0, right=0.0) for c in text)
        self.text = LineText(chars=chars, certainty=certainty)
        self.asked = 0

    def read_line(self, line, *, alphabet=None):
        self.asked += 1
        return self.text


def test_agreement_names_the_engines_and_keeps_the_first_text():
    second, third = Fixed("Nguyễn Thị Mẫu"), Fixed("Nguyễn Thi Mẫu")
    vote = VotingRecogniser("own", Fixed("Nguyễn Thị Mẫu", BETWEEN), {"b": second, "c": third})
    text = vote.read_line(LINE)
    assert text.engines == ("own", "b")
    assert text.text == "Nguyễn Thị Mẫu"
    assert acceptance(text) is Acceptance.ACCEPTED


def test_decomposed_letters_agree_with_composed_ones():
    vote = VotingRecogniser(
        "own", Fixed("Mẫu", BETWEEN), {"b": Fixed(unicodedata.normalize("NFD", "Mẫu"))}
    )
    assert vote.read_line(LINE).engines == ("own", "b")


def test_one_tone_mark_apart_is_no_agreement():
    vote = VotingRecogniser("own", Fixed("Tỵ", BETWEEN), {"b": Fixed("Ty")})
    text = vote.read_line(LINE)
    assert text.engines == ("own",)
    assert acceptance(text) is Acceptance.REVIEW


@pytest.mark.parametrize(
    ("first", "asked"),
    [
        (Fixed("a", 0.995), 0),
        (Fixed("a", 0.9), 0),
        (Fixed(""), 0),
        (Fixed("a", BETWEEN), 1),
        (Fixed("a"), 1),
    ],
)
def test_others_are_asked_only_where_it_matters(first, asked):
    other = Fixed("a")
    VotingRecogniser("own", first, {"b": other}).read_line(LINE)
    assert other.asked == asked


@pytest.mark.parametrize(
    ("certainty", "engines", "verdict"),
    [
        (0.999, ("own",), Acceptance.ACCEPTED),
        (0.999, (), Acceptance.ACCEPTED),
        (0.9, ("own",), Acceptance.REVIEW),
        (BETWEEN, ("own", "b"), Acceptance.ACCEPTED),
        (BETWEEN, ("own",), Acceptance.REVIEW),
        (0.9, ("own", "b"), Acceptance.REVIEW),
        (0.3, ("own", "b"), Acceptance.REVIEW),
        (None, ("own", "b"), Acceptance.ACCEPTED),
        (None, ("own",), Acceptance.REVIEW),
        (None, (), Acceptance.REVIEW),
    ],
)
def test_the_rule(certainty, engines, verdict):
    assert acceptance(LineText(certainty=certainty, engines=engines)) is verdict


def chars(text):
    return tuple(ReadChar(char=c, confidence=0.9, left=0.0, right=0.0) for c in text)


@pytest.mark.parametrize(
    ("certainty", "likely", "likely_certainty", "verdict"),
    [
        (SURE_ALONE, "Mẫu", AGREES, Acceptance.ACCEPTED),
        (SURE_ALONE, "Mẫu", AGREES - 0.01, Acceptance.REVIEW),  # language doubts it
        (SURE_ALONE, "Mầu", 1.0, Acceptance.REVIEW),  # language has another opinion
        (SURE_ALONE, "Mẫu", None, Acceptance.ACCEPTED),
        (SURE_ENOUGH, "Mẫu", SURE_WITH_LANGUAGE, Acceptance.ACCEPTED),
        (SURE_ENOUGH, "Mẫu", SURE_WITH_LANGUAGE - 0.001, Acceptance.REVIEW),
        (SURE_ENOUGH - 0.01, "Mẫu", 1.0, Acceptance.REVIEW),  # the letters themselves are in doubt
        (SURE_ENOUGH, "Mầu", 1.0, Acceptance.REVIEW),
        (SURE_ENOUGH, "Mẫu", None, Acceptance.REVIEW),
    ],
)
def test_language_is_a_second_witness_of_the_same_text(
    certainty, likely, likely_certainty, verdict
):
    line = LineText(
        chars=chars("Mẫu"),
        certainty=certainty,
        likely=LikelyText(chars=chars(likely), certainty=likely_certainty),
    )
    assert acceptance(line) is verdict
