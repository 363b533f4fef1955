"""README.vi.md says in Vietnamese what README.md says: the same parts, commands, names and links, in the same order."""

from __future__ import annotations

import re
import unicodedata

import pytest

_FENCE = re.compile(r"^```(\S*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def texts(repository_root):
    names = ("README.md", "README.vi.md")
    return [(repository_root / name).read_text("utf-8") for name in names]


def without_code(text):
    return _FENCE.sub("", text)


def shape(text):
    """Headings by level, rows of tables, items of lists."""
    return re.findall(r"(?m)^(#+|\||\*) ", without_code(text))


def commands(text):
    """Blocks of code without what is said of them."""
    return [
        (language, [re.sub(r"\s+# .*", "", line) for line in block.splitlines()])
        for language, block in _FENCE.findall(text)
    ]


def names(text):
    """What stands between backquotes, by part; the order of words in a sentence is a language's own."""
    return [
        set(re.findall(r"`([^`]+)`", part)) for part in re.split(r"(?m)^## ", without_code(text))
    ]


def links(text):
    return [
        set(re.findall(r"\]\(([^)]+)\)", part)) - {"README.md", "README.vi.md"}
        for part in re.split(r"(?m)^## ", text)
    ]


@pytest.mark.parametrize("found", [shape, commands, names, links])
def test_both_say_the_same(texts, found):
    english, vietnamese = map(found, texts)
    assert english
    assert english == vietnamese


def test_each_is_in_its_own_language(texts):
    english, vietnamese = (
        sum(map(bool, map(unicodedata.combining, unicodedata.normalize("NFD", text))))
        for text in map(without_code, texts)
    )
    assert english < 50
    assert vietnamese > 1000
