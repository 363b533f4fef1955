"""Writes test sets as folders of crops with a ``lines.jsonl``, for ``ekyc bench run ocr-lines`` and other engines.

``unseen``: faces and words that training never drew (no codes), worn by the benchmark's own generator (given as a file; it is
used here to measure and nowhere to train). ``augraphy``: the same faces and words, worn by augraphy only.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import ImageFont

from training.corpus import Corpus
from training.fonts import HELD_OUT, held_out_faces
from training.pages import unseen_augraphy_lines
from training.score import with_plain_dots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

LEVELS = ("clean", "scan", "photo", "guilloche", "photocopy")
_MAX_CHARS = 60


def worn_by_generator(generator: Path, seed: int, count: int) -> list[tuple[Picture, str, str]]:
    """Picture, text and level; a fifth of the lines at each of the generator's levels."""
    spec = importlib.util.spec_from_file_location("benchmark_generator", generator)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    chance, rng = random.Random(seed), np.random.default_rng(seed)  # noqa: S311  # as the generator draws
    corpus = Corpus(np.random.default_rng(seed), held_out=True, only_words=True)
    families = [
        [face for cut in held_out_faces() for face in cut if face.family.startswith(name)]
        for name in HELD_OUT
    ]

    lines: list[tuple[Picture, str, str]] = []
    while len(lines) < count:
        face = chance.choice(chance.choice(families))
        text = corpus.line(_MAX_CHARS)
        if set(text) & face.missing:
            continue

        def font(
            _chance: object, size: int, _kind: object = None, path: str = face.path
        ) -> tuple[Any, str]:
            return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC), path

        module.font, module.covers = font, lambda _path, _text: True
        level = LEVELS[len(lines) % len(LEVELS)]
        picture, _ = module.make_line(chance, rng, level, text)
        lines.append((np.asarray(picture, dtype=np.uint8), text, level))
    return lines


def write_set(folder: Path, lines: list[tuple[Picture, str, str]]) -> None:
    """PNG files and ``lines.jsonl``."""
    (folder / "lines").mkdir(parents=True, exist_ok=True)
    with (folder / "lines.jsonl").open("w", encoding="utf-8") as file:
        for number, (picture, text, level) in enumerate(lines):
            name = f"lines/{number:04d}.png"
            cv2.imwrite(str(folder / name), picture)
            row = {"file": name, "text": with_plain_dots(text), "level": level}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--generator", type=Path, help="the benchmark's generator; writes `unseen`")
    parser.add_argument("--augraphy", action="store_true", help="writes `augraphy`")
    parser.add_argument("--lines", type=int, default=600)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    if args.generator:
        write_set(args.folder / "unseen", worn_by_generator(args.generator, 990002, args.lines))
    if args.augraphy:
        worn = unseen_augraphy_lines(770077, args.lines, raw=True)
        write_set(args.folder / "augraphy", [(crop, text, "augraphy") for crop, text in worn])


if __name__ == "__main__":
    main()
