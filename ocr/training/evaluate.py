"""Measures an exported net: sets of lines, unseen fonts and words, crops without text, real scans, padding.

Runs in the product's own environment, through the product's own detector, crop and normalising.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnxruntime

from ekyc.imaging.decode import read_image, read_image_bytes
from ekyc.imaging.document_pages import decode_pages
from ekyc.imaging.text_regions import cut_line
from ekyc.inference import Engine
from ekyc.ocr.detect import TextDetector
from ekyc.ocr.reading import MARGIN
from training.charset import accented_letters
from training.corpus import Corpus
from training.fonts import held_out_faces, training_faces
from training.lines import see
from training.network_input import LINE_HEIGHT, batch_of
from training.nothing import no_text
from training.pool import unseen_lines
from training.render import Setting, draw_sheet
from training.score import Score, decode, edit_distance
from training.syllables import all_syllables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ekyc.values import BgrImage

    Gray = NDArray[np.uint8]

_DETECTOR = "ppocr-v6-tiny-det"
_SETS = ("real", "sets", "own-wear", "padding", "letters", "nothing", "speed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the net says about one line."""

    text: str
    confidences: tuple[float, ...]
    """Of each letter of the text: the highest probability of its class over its run of steps, 0–1."""

    @property
    def least(self) -> float:
        """Of the least certain letter; 0 for no text."""
        return min(self.confidences, default=0.0)


class OnnxReader:
    """An exported net on one thread."""

    def __init__(self, folder: Path, name: str = "line-recogniser.onnx") -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(folder / name, options)
        vocabulary = json.loads((folder / "line-vocabulary.json").read_text(encoding="utf-8"))
        self.classes: tuple[str, ...] = tuple(vocabulary["chars"])

    def log_probs(self, pictures: list[Gray]) -> NDArray[np.float32]:
        """(lines, steps, classes), padded as one batch."""
        result = self._session.run(None, {"line": batch_of(pictures)})[0]
        return np.asarray(result, dtype=np.float32)

    def read(self, picture: Gray) -> Reading:
        """One line of 40 pixels height."""
        log_probs = self.log_probs([picture])[0]
        best = log_probs.argmax(axis=1)
        starts = np.flatnonzero(np.diff(best, prepend=-1))
        letters: list[tuple[str, float]] = []
        for start, end in zip(starts, [*starts[1:], len(best)], strict=True):
            letter = self.classes[best[start]]
            if not letter or (letter == " " and (not letters or letters[-1][0] == " ")):
                continue
            letters.append((letter, float(np.exp(log_probs[start:end, best[start]].max()))))
        if letters and letters[-1][0] == " ":
            letters.pop()
        return Reading(
            text="".join(letter for letter, _ in letters),
            confidences=tuple(confidence for _, confidence in letters),
        )


def read_set(reader: OnnxReader, lines: Iterable[tuple[Gray, str]]) -> Score:
    """Figures over prepared lines."""
    score = Score()
    for picture, text in lines:
        score.add(text, reader.read(picture).text)
    return score


def lines_in(folder: Path) -> list[tuple[Gray, str, str]]:
    """A set with a ``lines.jsonl``: prepared picture, truth, level of wear."""
    rows = (folder / "lines.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(row) for row in rows]
    return [
        (see_colour(read_image(folder / entry["file"])), entry["text"], entry["level"])
        for entry in entries
    ]


def see_colour(crop: BgrImage, *, normalise: bool = True) -> Gray:
    """A crop as the product prepares it, or without evening it out (to learn what that is worth)."""
    if normalise:
        return see(crop)
    gray = np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    width = max(8, round(gray.shape[1] * LINE_HEIGHT / gray.shape[0]))
    return np.asarray(
        cv2.resize(gray, (width, LINE_HEIGHT), interpolation=cv2.INTER_AREA), dtype=np.uint8
    )


def real_lines(
    page: BgrImage, detector: TextDetector, *, margin: tuple[float, float], normalise: bool
) -> list[Gray]:
    """Every line that the product's detector finds on a page, prepared."""
    regions = detector.detect(page, long_side=1280)
    crops = (cut_line(page, region.quad, margin=margin) for region in regions)
    return [see_colour(crop, normalise=normalise) for crop in crops]


def score_page(readings: list[str], truth: list[str]) -> Score:
    """Each line of the truth against its closest line of output."""
    score = Score()
    for line in truth:
        score.add(line, min(readings, key=lambda read: edit_distance(line, read), default=""))
    return score


def measure_real(reader: OnnxReader, args: argparse.Namespace) -> None:
    """The two real 1-bit scans."""
    with Engine.open(ids=(_DETECTOR,)) as engine:
        detector = TextDetector(engine.model(_DETECTOR))
        for name in ("vietsample", "vietsample1"):
            file = args.data / f"ocr/real/{name}.tif"
            page = next(iter(decode_pages(read_image_bytes(file), name=file.name)))
            truth = file.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
            lines = real_lines(page, detector, margin=tuple(args.margin), normalise=not args.raw)
            readings = [reader.read(line).text for line in lines]
            score = score_page(readings, [line for line in truth if line.strip()])
            _print(f"real {name}", score, args.show)


def measure_padding(reader: OnnxReader, pictures: list[Gray]) -> None:
    """Lines in padded batches of 16 in random order against the same lines alone."""
    order = np.random.default_rng(3).permutation(len(pictures))
    same, worst = 0, 0.0
    for start in range(0, len(order), 16):
        chosen = [pictures[index] for index in order[start : start + 16]]
        together = reader.log_probs(chosen)
        for picture, row in zip(chosen, together, strict=True):
            alone = reader.log_probs([picture])[0]
            worst = max(worst, float(np.abs(row[: len(alone)] - alone).max()))
            same += decode(row, reader.classes) == decode(alone, reader.classes)
    print(f"padding: {same} of {len(pictures)} texts equal, largest difference {worst:.1e}")


def measure_letters(reader: OnnxReader, *, faces: int = 48) -> None:
    """Every accented letter, small and capital, in three syllables of clean print: in how many faces all are read."""
    rng = np.random.default_rng(5)
    corpus = Corpus(rng)
    families = [*training_faces(), *held_out_faces()]
    chosen = [family[0] for family in families[:: max(1, len(families) // faces)]][:faces]
    plain = Setting(neighbours=0.0, rules=0.0, altered=0.0)
    read_in: dict[str, int] = dict.fromkeys(accented_letters(), 0)
    for letter in accented_letters():
        having = [syllable for syllable in all_syllables() if letter.lower() in syllable]
        for face in chosen:
            text = " ".join(having[int(rng.integers(len(having)))] for _ in range(3))
            text = text.upper() if letter.isupper() else text
            sheet = draw_sheet(text, face, 40, corpus, rng, setting=plain)
            left, top, right, bottom = (round(side) for side in sheet.box)
            crop = 255 - sheet.ink[top - 8 : bottom + 8, left - 12 : right + 12]
            read_in[letter] += reader.read(see(np.asarray(crop, dtype=np.uint8))).text == text
    enough = [letter for letter, count in read_in.items() if count >= 20]
    fewest = sorted(read_in.items(), key=lambda item: item[1])[:12]
    print(f"letters: {len(enough)} of 134 read in at least 20 of {len(chosen)} faces")
    print("  fewest: " + ", ".join(f"{letter} {count}" for letter, count in fewest))


def measure_speed(reader: OnnxReader, pictures: list[Gray]) -> None:
    """CPU time per line, one by one, over lines whose mean width is 8 heights."""
    near = [picture for picture in pictures if 5 * 40 <= picture.shape[1] <= 11 * 40][:200]
    for picture in near[:20]:
        reader.log_probs([picture])
    started = time.process_time()
    for picture in near:
        reader.log_probs([picture])
    spent = (time.process_time() - started) * 1000 / len(near)
    mean = sum(picture.shape[1] for picture in near) / len(near) / 40
    print(f"speed: {spent:.2f} ms CPU a line at mean width/height {mean:.1f}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="where line-recogniser.onnx and line-vocabulary.json lie"
    )
    parser.add_argument("--model", default="line-recogniser.onnx")
    parser.add_argument("--data", type=Path, help="the shared data: benchmark lines and real scans")
    parser.add_argument(
        "--sets", type=Path, nargs="*", default=[], help="folders made by training.sets"
    )
    parser.add_argument(
        "--only",
        default="",
        help="comma-separated: " + ", ".join(_SETS),
    )
    parser.add_argument(
        "--margin", type=float, nargs=2, default=MARGIN, help="of the real pages' crops"
    )
    parser.add_argument("--raw", action="store_true", help="real pages without normalising")
    parser.add_argument("--show", type=int, default=0, help="wrong lines printed per set")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    reader = OnnxReader(args.folder, args.model)
    wanted = set(args.only.split(",")) if args.only else set(_SETS)
    for name in _SETS:
        if name in wanted:
            _measure(name, reader, args)


def _measure(name: str, reader: OnnxReader, args: argparse.Namespace) -> None:
    if name == "letters":
        measure_letters(reader)
    elif name == "nothing":
        measure_nothing(reader)
    elif name == "own-wear":
        _print(
            "unseen faces and words, our own wear",
            read_set(reader, unseen_lines(990001, 600)),
            args.show,
        )
    elif name == "real" and args.data:
        measure_real(reader, args)
    elif name == "padding" and args.data:
        measure_padding(reader, [picture for picture, _, _ in lines_in(args.data / "ocr/synth")])
    elif name == "speed" and args.data:
        measure_speed(reader, [picture for picture, _, _ in lines_in(args.data / "ocr/synth")])
    elif name == "sets":
        folders = ([args.data / "ocr/synth"] if args.data else []) + args.sets
        for folder in folders:
            _measure_set(folder, reader, args.show)


def _measure_set(folder: Path, reader: OnnxReader, show: int) -> None:
    lines = lines_in(folder)
    score = read_set(reader, [(picture, text) for picture, text, _ in lines])
    _print(folder.name, score, show)
    levels = sorted({level for _, _, level in lines})
    for level in levels if len(levels) > 1 else []:
        part = read_set(reader, [(p, text) for p, text, at in lines if at == level])
        print(f"  {level}: {part}")


def measure_nothing(reader: OnnxReader) -> None:
    """Crops without text: how many stay empty."""
    rng = np.random.default_rng(990003)
    readings = [reader.read(see(no_text(rng))).text for _ in range(500)]
    empty = sum(not text for text in readings)
    print(f"nothing: {empty} of {len(readings)} crops without text read as empty")


def _print(title: str, score: Score, show: int) -> None:
    print(f"{title}: {score}")
    for _, truth, read in score.wrong[:show]:
        print(f"    {truth}\n  → {read}")


if __name__ == "__main__":
    main()
