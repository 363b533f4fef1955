"""Edit distance, alignment and the classes of differences."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.ocr.alignment import DifferenceClass, align, edit_distance, text_differences

words = st.text("abắ1 -", max_size=12)


@pytest.mark.parametrize(
    ("original", "copy", "kinds"),
    [
        ("17/03/2024", "14/03/2024", [DifferenceClass.DIGIT]),
        ("MẪU", "MẬU", [DifferenceClass.DIACRITIC]),
        ("ế", "ể", [DifferenceClass.DIACRITIC]),
        ("Đỗ", "Dỗ", [DifferenceClass.DIACRITIC]),
        ("Lan", "Lam", [DifferenceClass.LETTER]),
        ("Lan", "LAN", [DifferenceClass.PUNCTUATION] * 2),
        ("THỊMẪU", "THỊ MẪU", [DifferenceClass.PUNCTUATION]),
        ("1985", "198", [DifferenceClass.MISSING]),
        ("1985", "19855", [DifferenceClass.ADDED]),
        ("O1", "01", [DifferenceClass.DIGIT]),
        ("Nam", "Nam", []),
        ("", "a", [DifferenceClass.ADDED]),
    ],
)
def test_differences_have_their_class(original, copy, kinds):
    assert [item.kind for item in text_differences(original, copy)] == kinds


def test_a_difference_knows_its_place_behind_an_added_letter():
    (added, changed) = text_differences("ab1", "axb2")
    assert (added.kind, added.at_original, added.at_copy) == (DifferenceClass.ADDED, 1, 1)
    assert (changed.kind, changed.at_original, changed.at_copy) == (DifferenceClass.DIGIT, 2, 3)


@given(words, words)
def test_no_differences_means_equal(one, other):
    assert (text_differences(one, other) == ()) == (one == other)


@given(words, words)
def test_distance_is_symmetric_and_bounded(one, other):
    distance = edit_distance(one, other)
    assert distance == edit_distance(other, one)
    assert abs(len(one) - len(other)) <= distance <= max(len(one), len(other))
    assert (distance == 0) == (one == other)


@given(words, words)
def test_an_alignment_holds_every_character_once_in_order(one, other):
    pairs = align(one, other, replace_cost=lambda a, b: float(a != b))
    assert [i for i, _ in pairs if i is not None] == list(range(len(one)))
    assert [j for _, j in pairs if j is not None] == list(range(len(other)))
    cost = sum(i is None or j is None or one[i] != other[j] for i, j in pairs)
    assert cost == edit_distance(one, other)


@given(
    st.text("aăâeêioôơuưy", min_size=1, max_size=6),
    st.sampled_from("\u0300\u0301\u0303\u0309\u0323"),
)
def test_another_tone_is_never_called_another_letter(base, tone):
    toned = unicodedata.normalize("NFC", base[0] + tone) + base[1:]
    assert {d.kind for d in text_differences(base, toned)} <= {DifferenceClass.DIACRITIC}
