"""Crops of lines in words that Vietnamese uses: what language is worth is measured and weighed on them.

Names, labels with values, addresses, dates and sums in words, ethnic groups, titles from our lists; sentences from the
reasons that the product gives (``ekyc/data/reasons``). Faces that training never drew, with ``--mild`` every other line in
such as it draws from. Some words of those sentences stand in ``frequent.py`` by now, so figures on them flatter.
"""

from __future__ import annotations

import argparse
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from training import words
from training.acceptance import store_crops
from training.corpus import Corpus
from training.fonts import held_out_faces, training_faces
from training.lines import Difficulty, make_crop
from training.score import with_plain_dots

if TYPE_CHECKING:
    from collections.abc import Iterator

_REASONS = Path(__file__).parents[2] / "ekyc/data/reasons"
HARD = Difficulty(empty=0.0, stacked=0.15)
MILD = Difficulty(empty=0.0, stacked=0.0, capture=0.7)


class NaturalCorpus(Corpus):
    """Draws texts of real words only."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng, held_out=True, only_words=True)
        self._sentences = tuple(sentences())
        self._kinds = (
            (0.3, self._sentence),
            (0.27, self._plain_name),
            (0.15, self._labelled),
            (0.1, self._address),
            (0.08, self._date),
            (0.04, self._title),
            (0.06, self._ethnic_group),
        )

    def _sentence(self) -> str:
        drawn = self._pick(self._sentences).split()
        count = self._below(2, 11)
        start = self._below(0, max(1, len(drawn) - count))
        return " ".join(drawn[start : start + count])

    def _plain_name(self) -> str:
        middles = [self._pick(words.MIDDLES) for _ in range(self._below(0, 3))]
        name = " ".join([self._pick(words.SURNAMES), *middles, self._pick(words.GIVENS)])
        return name.upper() if self._chance(0.45) else name

    def _recase(self, text: str) -> str:
        return text.upper() if self._chance(0.08) else text

    def _two_words(self) -> str:
        return f"{self._pick(words.PLACES)} {self._pick(words.PLACES)}"


def sentences() -> Iterator[str]:
    """Vietnamese texts of the product's reasons, without those that have places to fill in."""
    for file in sorted(_REASONS.glob("*.toml")):
        yield from (text for text in _texts(tomllib.loads(file.read_text("utf-8"))) if "{" not in text)  # fmt: skip


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "vi" and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crops", type=Path, help="the .npz to write, for training.acceptance")
    parser.add_argument("--seed", type=int, default=880101)
    parser.add_argument("--lines", type=int, default=2500)
    parser.add_argument("--mild", action="store_true", help="worn about as papers are")
    args = parser.parse_args()
    os.nice(5)
    cv2.setNumThreads(1)
    rng = np.random.default_rng(args.seed)
    corpus = NaturalCorpus(rng)
    rows = []
    while len(rows) < args.lines:
        known = bool(args.mild and len(rows) % 2 == 0)
        faces = training_faces() if known else held_out_faces()
        crop, _, text = make_crop(corpus, faces, rng, MILD if args.mild else HARD)
        rows.append((crop, with_plain_dots(text), known))
    store_crops(args.crops, rows)


if __name__ == "__main__":
    main()
