"""What the training texts are made of; needs neither torch nor installed fonts."""

import unicodedata

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training import words
from training.charset import accented_letters, vocabulary
from training.corpus import Corpus
from training.spoken import number_in_words
from training.syllables import all_syllables, held_out_syllables, is_held_out, training_syllables


def test_all_134_accented_letters_are_in_the_vocabulary_once():
    letters = accented_letters()
    assert len(letters) == len(set(letters)) == 134
    assert all(len(letter) == 1 and not letter.isascii() for letter in letters)
    assert "".join(letters) == unicodedata.normalize("NFC", "".join(letters))
    classes = vocabulary()
    assert classes[0] == ""
    assert len(classes) == len(set(classes))
    assert set(letters) <= set(classes)


def test_syllables_follow_the_spelling():
    syllables = set(all_syllables())
    assert len(syllables) > 10_000
    assert {
        "nghiêng",
        "khuya",
        "quyết",
        "giữ",
        "ỵ",
        "xoắn",
        "oằn",
        "kẽ",
        "yếu",
        "quýt",
        "quỳnh",
        "ưỡn",
    } <= syllables
    assert not {"cê", "ngi", "kan", "gê", "ghan", "quuy", "tàc", "biêt", "tynh"} & syllables


def test_every_accented_letter_occurs_in_syllables_that_training_may_draw():
    drawn = set("".join(training_syllables()))
    assert {letter for letter in accented_letters() if letter.islower()} <= drawn


def test_a_twelfth_of_the_unlisted_syllables_is_held_out():
    unlisted = [s for s in all_syllables() if s not in words.known_syllables()]
    assert 0.07 < len(held_out_syllables()) / len(unlisted) < 0.1
    assert not set(held_out_syllables()) & set(training_syllables())


def test_held_out_syllables_never_occur_in_training_texts():
    corpus = Corpus(np.random.default_rng(5))
    drawn = {
        word
        for _ in range(3000)
        for word in "".join(c if c.isalpha() else " " for c in corpus.line()).split()
    }
    assert len(drawn) > 3000
    # Random letter strings may spell anything; words of three letters and more are no accident.
    assert [word for word in drawn if len(word) > 2 and is_held_out(word)] == []


@given(seed=st.integers(0, 10_000), limit=st.integers(5, 120))
def test_lines_keep_their_length_and_the_vocabulary(seed, limit):
    line = Corpus(np.random.default_rng(seed)).line(limit)
    assert 1 <= len(line) <= limit
    assert line == " ".join(line.split())
    assert set(line) <= set(vocabulary())


def test_the_same_seed_writes_the_same_lines():
    first, second = (Corpus(np.random.default_rng(9)) for _ in range(2))
    assert [first.line() for _ in range(50)] == [second.line() for _ in range(50)]


def test_54_ethnic_groups_and_every_vowel_of_their_names():
    official = words.ETHNIC_GROUPS[:54]
    assert len(set(official)) == 54
    assert {"Kinh", "Ê Đê", "Ơ Đu", "Bru - Vân Kiều", "Pu Péo"} <= set(official)


def test_numbers_are_spoken_as_clerks_write_them():
    spoken = {0: "không", 15: "mười lăm", 21: "hai mươi mốt", 104: "một trăm linh bốn", 1975: "một nghìn chín trăm bảy mươi lăm", 2004: "hai nghìn không trăm linh bốn", 1_000_024: "một triệu không trăm hai mươi tư"}  # fmt: skip
    assert {number: number_in_words(number) for number in spoken} == spoken
