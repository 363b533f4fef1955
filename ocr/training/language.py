"""Counts syllables of our own texts into ``line-language.json``: ``python -m training.language FILE``.

1. Words of two and more syllables (``compounds.py``), each as often as the next.
2. Names, labels, addresses' places, dates and sums in words as :class:`~training.corpus.Corpus` draws them, with one seed.
3. The word lists themselves (``words.py``), and syllables that Vietnamese uses (``real_syllables.py``).
4. What is said most: words that stand together, and the commonest syllables, their shares falling with their rank
   (``frequent.py``; Zipf's law, the ranks as we judge them).

The same lists give the same bytes. No benchmark's texts have a part in it.
"""

from __future__ import annotations

import argparse
import json
import unicodedata
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np

from ekyc.ocr.language import syllables_of
from training import compounds, frequent, words
from training.charset import TONES
from training.corpus import Corpus
from training.real_syllables import SYLLABLES
from training.syllables import all_syllables

SEED = 5
_DRAWN = 20_000
_POWER = 0.7
"""Shares are counts to this power: lists say which words there are, not how often papers use them."""
_LEAST = 0.3
_OFTEN, _FLAT_TOP = 0.25, 20
"""Share of all words that the ranked ones are taken for, and how flat their shares begin."""
_TONED_FIRST = ("òa óa ỏa õa ọa òe óe ỏe õe ọe ùy úy ủy ũy ụy".split(), "oà oá oả oã oạ oè oé oẻ oẽ oẹ uỳ uý uỷ uỹ uỵ".split())  # fmt: skip
"""Two ways to place a tone mark."""
_UNRULY = frozenset("quốc gì giêng giếng giềng giỗ".split())


def spelt() -> frozenset[str]:
    """All syllables that spelling allows, with both ways to place the tone mark of oa, oe, uy."""
    found = set(all_syllables()) | _UNRULY
    for old, new in zip(*_TONED_FIRST, strict=True):
        found |= {syllable[:-2] + old for syllable in found if syllable.endswith(new)}
    return frozenset(found)


class Counts:
    """How often syllables, and pairs of them, were met."""

    def __init__(self) -> None:
        self.used: Counter[str] = Counter()
        self.pairs: Counter[tuple[str, str]] = Counter()

    def add(self, text: str, times: float) -> None:
        """Count a text."""
        syllables = syllables_of(unicodedata.normalize("NFC", text))
        for syllable in syllables:
            self.used[syllable] += times  # type: ignore[assignment]  # a Counter of parts
        for pair in pairwise(syllables):
            self.pairs[pair] += times  # type: ignore[assignment]  # a Counter of parts


def counted() -> Counts:
    """All our texts."""
    counts = Counts()
    for text in (*compounds.ALL.split(","), *frequent.PHRASES.split(",")):
        counts.add(text, 3)
    corpus = Corpus(np.random.default_rng(SEED))
    for kind, share in corpus.phrases():
        for _ in range(int(_DRAWN * share)):
            counts.add(kind(), 0.15)
    names = (words.SURNAMES, words.GIVENS)
    for entries, times in (*((entries, 4) for entries in names), (words.MIDDLES, 4), (words.COMMON, 3), (words.PLACES, 3), (words.ENGLISH, 1)):  # fmt: skip
        for entry in entries:
            counts.add(entry, times)
    counts.add(" ".join(words.OFFICE_WORDS), 3)
    for entries in (words.LABELS, words.LABEL_PAIRS, words.TITLES, words.ETHNIC_GROUPS, words.PROVINCES):  # fmt: skip
        for entry in entries:
            counts.add(entry, 3)
    for syllable in sorted(_real_syllables()):
        counts.add(syllable, _LEAST)
    for syllable in frequent.FOREIGN:
        counts.add(syllable, 3)
    return counts


def _real_syllables() -> frozenset[str]:
    """Of the list by rime what bears a tone before a final c, ch, p or t."""
    return frozenset(
        syllable
        for syllable in SYLLABLES
        if not (syllable[-1] in "cpt" or syllable.endswith("ch")) or _has_tone(syllable)
    )


def _has_tone(syllable: str) -> bool:
    return any(mark in TONES[1:] for mark in unicodedata.normalize("NFD", syllable))


def _by_rank() -> dict[str, float]:
    """Shares of the commonest syllables, by Zipf's law with a flat top; together 1."""
    ranked = list(dict.fromkeys(frequent.RANKED))
    heights = {word: 1.0 / (rank + _FLAT_TOP) for rank, word in enumerate(ranked)}
    total = sum(heights.values())
    return {word: height / total for word, height in heights.items()}


def write_model(path: Path) -> None:
    """The file that the product reads."""
    counts = counted()
    # What was drawn once or twice, mostly rare syllables in the place of a name, is no word.
    used = {word: count for word, count in sorted(counts.used.items()) if count >= _LEAST}
    followers: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for (before, after), count in sorted(counts.pairs.items()):
        if before in used and after in used:
            followers[before][after] = round(count, 2)
    total = sum(count**_POWER for count in used.values())
    often = _by_rank()
    shares = {
        word: (1.0 - _OFTEN) * used.get(word, 0.0) ** _POWER / total + _OFTEN * often.get(word, 0.0)
        for word in sorted({*used, *often})
    }
    content = {
        "used": {word: round(1e5 * share, 2) for word, share in shares.items()},
        "followers": followers,
        "allowed": " ".join(sorted(spelt() | _real_syllables())),
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    args = parser.parse_args()
    write_model(args.file)
    print(f"{args.file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
