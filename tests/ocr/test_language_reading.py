"""What language may say about a line, and what it may not: hand-made tensors, a language of a few words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import ModelError
from ekyc.ocr.ctc import best_path, chars_of, path_doubts, text_of
from ekyc.ocr.language import LanguageModel, load_language, syllables_of
from ekyc.ocr.language_reading import MAX_STEPS, DoubtedLine, read_with_language

LETTERS = "aáàâấếềểneênhbcNBAẾỀỂO01 .:-ồôố"
VOCABULARY = ("", *dict.fromkeys(LETTERS))
MODEL = LanguageModel(
    used={"ấn": 0.2, "bến": 0.4, "nhà": 0.1, "nến": 0.1, "bền": 0.2},
    followers={"nhà": {"bền": 9.0}},
    allowed=frozenset({"ấn", "bến", "bền", "bển", "nhà", "nến", "nền", "bên", "ân"}),
)


def table_of(text, wavering=None, probability=0.999):
    """Each character for one step, a blank after it; at some places another has nearly the same probability."""
    rows = []
    for i, char in enumerate(text):
        row = np.full(len(VOCABULARY), 1e-6)
        row[VOCABULARY.index(char)] = probability
        if wavering and i in wavering:
            other, share = wavering[i]
            row[VOCABULARY.index(char)] = 1 - share
            if other:
                row[VOCABULARY.index(other)] = share
            else:
                row[0] = share
        blank = np.full(len(VOCABULARY), 1e-6)
        blank[0] = 1.0
        rows += [row, blank]
    table = np.array(rows).reshape(-1, len(VOCABULARY))
    return np.log(table / table.sum(axis=1, keepdims=True)).astype(np.float32)


def read(table, model=MODEL):
    path = best_path(table)
    chars, doubts = chars_of(path, VOCABULARY), path_doubts(table, path)
    line = DoubtedLine(log_probs=table, path=path, doubts=doubts, chars=chars)
    return read_with_language(line, VOCABULARY, model)


def likely(text, wavering):
    return text_of(read(table_of(text, wavering)).chars)


def test_a_wavering_mark_becomes_the_one_that_makes_a_word():
    assert likely("bển", {1: ("ế", 0.3)}) == "bến"
    assert likely("BỂN ấn", {1: ("Ế", 0.3)}) == "BẾN ấn"


def test_the_word_before_decides_between_two_words():
    assert likely("bến", {1: ("ề", 0.45)}) == "bến"
    assert likely("nhà bến", {5: ("ề", 0.45)}) == "nhà bền"
    assert likely("nhà: bến", {6: ("ề", 0.45)}) == "nhà: bến"  # a sign stands between


def test_what_the_net_is_sure_of_stays_though_it_be_no_word():
    read_line = read(table_of("bển nbh"))
    assert text_of(read_line.chars) == "bển nbh"
    assert read_line.evidence > 0.9


@pytest.mark.parametrize(
    ("text", "wavering"),
    [
        ("bển1", {1: ("ế", 0.4)}),  # a digit: a number or a code
        ("bểN", {1: ("ế", 0.4)}),  # a capital inside: no word
        ("b.n", {1: ("ế", 0.4)}),  # a sign for a letter
        ("b n", {1: ("ế", 0.4)}),  # a space for a letter
        ("bển", {1: ("Ế", 0.4)}),  # a capital for a small letter
        ("bến.", {3: (":", 0.4)}),
        ("0", {0: ("O", 0.4)}),
        ("O", {0: ("0", 0.4)}),
    ],
)
def test_digits_signs_spaces_and_capitals_are_not_languages_business(text, wavering):
    assert likely(text, wavering) == text


def test_a_line_of_unknown_words_silences_language():
    """Codes of letters and other languages: the certain words tell that nothing is known of this line."""
    shares = [0.40, 0.35, 0.3, 0.25]
    alone = [likely("bển", {1: ("ế", share)}) == "bến" for share in shares]
    among = "cbn hcb bch ncb hbn cnb bhc nhb "
    at = len(among) + 1
    silenced = [likely(among + "bển", {at: ("ế", share)})[-3:] == "bến" for share in shares]
    assert sum(alone) == len(shares)
    assert sum(silenced) < sum(alone)


def test_an_exchanged_letter_has_the_share_that_it_has_among_all():
    found = read(table_of("bển", {1: ("ế", 0.3)}))
    assert 0.5 < found.chars[1].confidence < 1.0
    assert found.evidence == pytest.approx(found.chars[1].confidence, abs=0.02)


def test_an_unreadable_stretch_is_left_alone():
    long = "n" * (MAX_STEPS // 2 + 5)
    wavering = dict.fromkeys(range(len(long)), ("b", 0.4))
    assert likely(long, wavering) == long


@given(st.text(alphabet=LETTERS, max_size=12), st.randoms(use_true_random=False))
def test_only_letters_change_and_one_for_one(text, random):
    wavering = {
        i: (random.choice([*VOCABULARY[1:], None]), random.uniform(0.01, 0.49))
        for i in range(len(text))
        if random.random() < 0.4
    }
    table = table_of(text, wavering)
    path = best_path(table)
    chars = chars_of(path, VOCABULARY)
    found = read(table)
    assert len(found.chars) == len(chars)
    assert 0.0 <= found.evidence <= 1.0
    for old, new in zip(chars, found.chars, strict=True):
        assert (old.left, old.right) == (new.left, new.right)
        if old.char != new.char:
            assert old.char.isalpha()
            assert new.char.isalpha()
            assert old.char.isupper() == new.char.isupper()
        else:
            assert old == new


def test_syllables_are_words_of_letters():
    assert syllables_of("Số 12: Bến-Tre, H'Mông!") == ("số", "bến", "tre", "h'mông")


def test_probabilities_are_never_nothing_and_words_beat_what_is_none():
    unknown = 0.2
    word = MODEL.probability("bến", "", unknown)
    allowed = MODEL.probability("bển", "", unknown)
    foreign = MODEL.probability("xyz", "", unknown)
    assert word > allowed > foreign > 0
    assert MODEL.probability("bền", "nhà", unknown) > MODEL.probability("bền", "", unknown)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"used": {}, "followers": {}, "allowed": ""}',
        b'{"used": {"a": -1}, "followers": {}, "allowed": "a"}',
        b'{"used": {"a": NaN}, "followers": {}, "allowed": "a"}',
        b'{"used": {"a": 1}, "followers": {"a": 3}, "allowed": "a"}',
        b'{"used": {"a": 1}, "followers": {"a": {"b": "x"}}, "allowed": "a"}',
        b"\xff",
    ],
)
def test_a_broken_file_is_a_typed_error(tmp_path, content):
    file = tmp_path / "language.json"
    file.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_language(file)
    assert caught.value.code == "model.bad_language"
