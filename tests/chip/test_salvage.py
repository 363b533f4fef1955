"""The walk that survives a broken field: what it takes up again, and how much work it will do."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip.lds.salvage import (
    MAX_CANDIDATES,
    MAX_ELEMENTS,
    MAX_SEARCHES,
    FieldGrammar,
    SearchBudget,
    read_clipped,
    salvage_fields,
)
from ekyc.errors import ChipError
from ekyc.pki import der


class Letters:
    """Fields of tag 42 with small letters; counts how often one is decoded."""

    def __init__(self):
        self.decoded = 0
        self.grammar = FieldGrammar(
            header=re.compile(rb"(?=\x42)"),
            is_field=lambda _data, element: element.tag == 0x42,
            is_sound=self._is_sound,
        )

    def _is_sound(self, data, element):
        self.decoded += 1
        return re.fullmatch(rb"[a-z]*", der.content_of(data, element)) is not None

    def walk(self, data, budget=None):
        return salvage_fields(data, 0, len(data), self.grammar, budget)


def letters(text):
    return der.encode(0x42, text.encode())


def texts(data, elements):
    return [der.content_of(data, element).decode() for element in elements]


def test_sound_fields_are_walked_without_a_search():
    data = letters("one") + letters("two")
    budget = SearchBudget()
    found = Letters().walk(data, budget)
    assert texts(data, found.fields) == ["one", "two"]
    assert (found.others, found.damaged) == ([], [])
    assert budget.left == MAX_SEARCHES


@pytest.mark.parametrize("length", [1, 2, 4, 5, 6, 9, 0x7F, 0x80, 0x84, 0xFF])
def test_wrong_length_in_the_middle(length):
    data = bytearray(letters("one") + letters("two") + letters("three"))
    data[6] = length
    found = Letters().walk(bytes(data))
    kept = texts(data, found.fields)
    assert kept[0] == "one"
    assert kept[-1] == "three"
    assert len(found.damaged) <= 1


def test_the_budget_is_shared_and_ends():
    letters_ = Letters()
    budget = SearchBudget()
    data = letters("A") * (MAX_ELEMENTS - 1)
    letters_.walk(data, budget)
    assert budget.left == 0
    most = MAX_SEARCHES * MAX_CANDIDATES + MAX_ELEMENTS
    assert letters_.decoded <= most
    letters_.walk(data, budget)
    assert letters_.decoded <= most + MAX_ELEMENTS


def test_too_many_elements():
    with pytest.raises(ChipError) as caught:
        Letters().walk(letters("a") * (MAX_ELEMENTS + 1))
    assert caught.value.code == "chip.tlv.limit"


def test_clipped_headers():
    assert read_clipped(b"\x42\x7fabc", 0, 5) == der.Element(0x42, 0, 2, 5)
    assert read_clipped(b"\x5f\x42\x84\xff\xff\xff\xffx", 0, 8) == der.Element(0x5F42, 0, 7, 8)
    assert read_clipped(b"\x42\x01a", 0, 3) == der.Element(0x42, 0, 2, 3)
    assert read_clipped(b"\x42\x84\xff", 0, 3) == der.Element(0x42, 0, 3, 3)
    for cut in (b"\x42", b"\x5f\x42"):
        assert read_clipped(cut, 0, len(cut)) is None


@given(st.binary(max_size=300))
def test_noise(data):
    found = Letters().walk(data)
    spans = sorted((e.start, e.stop) for e in found.fields + found.others)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
