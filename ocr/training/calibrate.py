"""What a confidence is worth: from the net's raw figure to the share of readings that were right.

Fitted on lines that training never drew (unseen faces and words, our wear), never on the benchmark. The same for lines read
with language in mind: most words of those lines are no words, so that language has as little to say as it ever has.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ekyc.ocr.ctc import best_path, chars_of, path_doubts, text_of, tidy_spaces
from ekyc.ocr.language import load_language
from ekyc.ocr.language_reading import DoubtedLine, read_with_language
from training.evaluate import OnnxReader
from training.pool import unseen_lines
from training.score import right_letters, with_plain_dots

if TYPE_CHECKING:
    from collections.abc import Sequence

_POINTS = 60
SEED = 660001
_LANGUAGE = Path(__file__).parents[1] / "data/line-language.json"


def monotone(raw: Sequence[float], right: Sequence[bool]) -> list[tuple[float, float]]:
    """Points (raw figure, probability of being right), both rising, for straight lines between them.

    Pool adjacent violators over equally filled bins; each bin's share is smoothed by half a wrong and half a right reading.
    """
    order = np.argsort(raw)
    figures, hits = np.asarray(raw)[order], np.asarray(right, dtype=np.float64)[order]
    blocks: list[tuple[float, float, float]] = []  # sum of figures, right, count
    for part in np.array_split(np.arange(len(figures)), _POINTS):
        if not len(part):
            continue
        blocks.append((float(figures[part].sum()), float(hits[part].sum()), float(len(part))))
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][2] >= blocks[-1][1] * blocks[-2][2]:
            last, before = blocks.pop(), blocks.pop()
            blocks.append((last[0] + before[0], last[1] + before[1], last[2] + before[2]))
    return [(round(total / n, 6), round((hit + 0.5) / (n + 1), 6)) for total, hit, n in blocks]


def calibrated(raw: float, points: list[tuple[float, float]]) -> float:
    """The probability that a reading with this raw figure is right, 0–1."""
    return float(np.interp(raw, [x for x, _ in points], [y for _, y in points]))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder",
        type=Path,
        help="where the exported net lies; line-calibration.json is written there",
    )
    parser.add_argument("--lines", type=int, default=6000)
    parser.add_argument(
        "--language", type=Path, default=_LANGUAGE, help="as training.language wrote it"
    )
    args = parser.parse_args()
    cv2.setNumThreads(1)
    reader = OnnxReader(args.folder)
    language = load_language(args.language)
    lines = unseen_lines(SEED, args.lines)
    raw_lines: list[float] = []
    right_lines: list[bool] = []
    raw_letters: list[float] = []
    right: list[bool] = []
    raw_likely: list[float] = []
    right_likely: list[bool] = []
    for picture, text in lines:
        reading = reader.read(picture)
        if not reading.text:
            continue
        log_probs = reader.log_probs([picture])[0]
        path = best_path(log_probs)
        doubts, chars = path_doubts(log_probs, path), chars_of(path, reader.classes)
        raw_lines.append(doubts.evidence)
        line = DoubtedLine(log_probs=log_probs, path=path, doubts=doubts, chars=chars)
        likely = read_with_language(line, reader.classes, language)
        raw_likely.append(likely.evidence)
        right_likely.append(text_of(tidy_spaces(likely.chars)) == with_plain_dots(text))
        right_lines.append(reading.text == with_plain_dots(text))
        raw_letters.extend(reading.confidences)
        right.extend(right_letters(with_plain_dots(text), reading.text))
    result = {
        "line": monotone(raw_lines, right_lines),
        "letter": monotone(raw_letters, right),
        "likely": monotone(raw_likely, right_likely),
        "fitted_on": f"{len(raw_lines)} generated lines of unseen faces and words, seed {SEED}",
    }
    text = json.dumps(result, ensure_ascii=False, indent=1)
    (args.folder / "line-calibration.json").write_text(text + "\n", encoding="utf-8")
    print(
        f"{sum(right_lines)} of {len(right_lines)} lines right, {sum(right_likely)} with language; "
        f"tables of {len(result['line'])} and {len(result['likely'])} points"
    )


if __name__ == "__main__":
    main()
