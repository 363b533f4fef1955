"""Whole pages: worn by augraphy or by our own scanner, cut into lines by the product's detector or by chance.

What a detector really cuts, with the real neighbours of a line left in, transfers to paper better than any box that
one imagines. Slow, so it fills a pool of its own beside the other.
"""

from __future__ import annotations

import argparse
import os
import random
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw

from ekyc.imaging.text_regions import cut_line
from ekyc.inference import Engine
from ekyc.ocr.detect import TextDetector
from ekyc.ocr.reading import MARGIN
from training.corpus import Corpus
from training.fonts import Face, held_out_faces, training_faces
from training.lines import capture, cut, is_legible, print_ink, see
from training.pool import SHARD_LINES, shards_in, write_shard
from training.render import pick_face

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Families = tuple[tuple[Face, ...], ...]

_LEAST_CONTRAST = 24.0
"""Grey values between ink and paper below which a letter counts as gone."""
_DETECTOR = "ppocr-v6-tiny-det"
INK_STEPS = (
    "InkBleed", "InkBleed", "LowInkRandomLines", "LowInkPeriodicLines", "Letterpress", "InkShifter", "InkMottling",
    "Dithering", "LinesDegradation", "BleedThrough", "InkColorSwap", "Hollow",
)  # fmt: skip
PAPER_STEPS = (
    "ColorPaper", "BrightnessTexturize", "NoiseTexturize", "PaperFactory", "DelaunayTessellation",
    "VoronoiTessellation", "PatternGenerator", "Stains", "WaterMark", "SubtleNoise",
)  # fmt: skip
LATER_STEPS = (
    "SubtleNoise", "SubtleNoise", "ShadowCast", "LightingGradient", "LensFlare", "ReflectedLight", "DirtyDrum",
    "DirtyRollers", "DirtyScreen", "BadPhotoCopy", "Faxify", "Gamma", "Brightness", "Jpeg", "Jpeg", "Markup",
    "NoisyLines", "Moire", "ColorShift", "LowLightNoise", "LCDScreenPattern", "NoiseTexturize",
)  # fmt: skip
"""Steps of augraphy 8.2.6 that leave lines where they stand. One that is named twice is drawn twice as often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLine:
    """A line on a page."""

    text: str
    box: tuple[float, float, float, float]


def draw_page(
    corpus: Corpus, families: Families, rng: np.random.Generator
) -> tuple[Gray, tuple[PageLine, ...], int]:
    """Ink, the lines in it, and the size of the type in pixels."""
    em = round(float(np.exp(rng.uniform(np.log(17), np.log(46)))))
    width = round(em * float(rng.uniform(18, 52)))
    rows = int(rng.integers(1, 26))
    pitch = em * float(rng.uniform(1.18, 2.1))
    sheet = Image.new("L", (width, round(pitch * (rows + 1.2))), 0)
    pen = ImageDraw.Draw(sheet)
    face = pick_face(families, rng)
    lines: list[PageLine] = []
    for row in range(rows):
        if rng.random() < 0.15:
            face = pick_face(families, rng)
        font = face.at(em)
        left = em * (1.0 if rng.random() < 0.7 else float(rng.uniform(1, 6)))
        text = _fitting(corpus.line(), face, width - left - em, em)
        at = (left, pitch * (row + 1))
        if font.getlength(text) > width - left - 0.5 * em:
            text = (
                text[: max(1, int(len(text) * (width - left - em) / font.getlength(text)))].strip()
                or "0"
            )
        box = pen.textbbox(at, text, font=font, anchor="ls")
        if box[2] > width:
            continue
        pen.text(at, text, fill=255, font=font, anchor="ls")
        lines.append(PageLine(text=text, box=box))
    return np.asarray(sheet, dtype=np.uint8), tuple(lines), em


def _fitting(text: str, face: Face, width: float, em: int) -> str:
    text = " ".join("".join(c for c in text if c not in face.missing).split()) or "0"
    return text[: max(4, int(width / (0.42 * em)))].strip()


def augraphy_wear(page: Gray, rng: np.random.Generator) -> Gray:
    """One to four steps of augraphy, each with its own settings, in its own pipeline: black on white in, grey out."""
    import augraphy  # noqa: PLC0415  # takes seconds to import and only this needs it

    random.seed(int(rng.integers(2**31)))
    np.random.seed(int(rng.integers(2**31)))  # noqa: NPY002  # augraphy draws from the global state

    def some(names: tuple[str, ...], most: int) -> list[object]:
        drawn = [names[int(rng.integers(len(names)))] for _ in range(int(rng.integers(most + 1)))]
        return [getattr(augraphy, name)(p=1) for name in drawn]

    later = some(LATER_STEPS, 2)
    pipeline = augraphy.AugraphyPipeline(
        ink_phase=some(INK_STEPS, 1), paper_phase=some(PAPER_STEPS, 1), post_phase=later, log=False
    )
    result = np.asarray(pipeline(np.repeat(page[:, :, None], 3, axis=2)), dtype=np.uint8)
    if result.shape[:2] != page.shape:
        return page
    return (
        result
        if result.ndim == 2
        else np.asarray(cv2.cvtColor(result, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    )


def still_there(page: Gray, ink: Gray, box: tuple[float, ...], em: float) -> bool:
    """Whether the ink of every half letter is darker than the paper around it: else nobody could read the line.

    The page must lie as the ink lies, pixel on pixel.
    """
    left, top, right, bottom = (round(side) for side in box)
    step = max(4, round(em * 0.6))
    for start in range(left, right, step):
        here = np.s_[max(0, top) : bottom, max(0, start) : start + step]
        drawn, seen = ink[here], page[here].astype(np.float32)
        dark, light = drawn > 200, drawn < 30
        if dark.sum() < 0.02 * em * em or light.sum() < 10:
            continue
        paper = seen[light]
        if paper.mean() - seen[dark].mean() < max(_LEAST_CONTRAST, 0.8 * paper.std()):
            return False
    return True


def worn_page(
    ink: Gray,
    lines: tuple[PageLine, ...],
    em: float,
    rng: np.random.Generator,
    *,
    augraphy_share: float,
) -> tuple[Gray, float, tuple[PageLine, ...]]:
    """The page as a file holds it, its scale, and the lines that can still be read on it."""
    if rng.random() < augraphy_share:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of augraphy's own arithmetic
            page = augraphy_wear(np.asarray(255 - ink, dtype=np.uint8), rng)
        lines = tuple(line for line in lines if still_there(page, ink, line.box, em))
        if augraphy_share >= 1 or rng.random() < 0.6:
            return page, 1.0, lines
        return *capture(page, em, rng), lines
    return *capture(print_ink(ink, em, rng), em, rng), lines


def lines_of_pages(
    corpus: Corpus,
    families: Families,
    rng: np.random.Generator,
    detector: TextDetector | None,
    *,
    augraphy_share: float,
    raw: bool = False,
) -> Iterator[tuple[Gray, str]]:
    """Lines without end: as the net sees them, or ``raw`` as they were cut."""
    while True:
        ink, lines, em = draw_page(corpus, families, rng)
        try:
            page, scale, lines = worn_page(ink, lines, em, rng, augraphy_share=augraphy_share)
        except (ValueError, IndexError, TypeError, ZeroDivisionError, cv2.error, AttributeError):
            continue  # augraphy fails on some sizes of page
        if detector is not None and len(lines) > 1 and rng.random() < 0.7:
            yield from _detected(page, lines, em, scale, detector)
        else:
            for line in lines:
                box = tuple(side * scale for side in line.box)
                crop = cut(page, box, em * scale, rng)
                seen = see(crop)
                if is_legible(seen):
                    yield crop if raw else seen, line.text


def _detected(
    page: Gray, lines: tuple[PageLine, ...], em: float, scale: float, detector: TextDetector
) -> Iterator[tuple[Gray, str]]:
    colour = np.repeat(page[:, :, None], 3, axis=2)
    for region in detector.detect(colour, long_side=1280):
        corners = np.array([(corner.x, corner.y) for corner in region.quad.corners]) / scale
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        for line in lines:
            middle = (line.box[1] + line.box[3]) / 2
            whole = abs(left - line.box[0]) < 0.6 * em and abs(right - line.box[2]) < 0.6 * em
            if whole and top < middle < bottom and bottom - top < 2.2 * em:
                seen = see(cut_line(colour, region.quad, margin=MARGIN))
                if is_legible(seen):
                    yield seen, line.text


def unseen_augraphy_lines(seed: int, count: int, *, raw: bool = False) -> list[tuple[Gray, str]]:
    """Lines in held-out faces, of held-out words, worn by augraphy only: for measuring only."""
    rng = np.random.default_rng(seed)
    corpus = Corpus(rng, held_out=True)
    source = lines_of_pages(corpus, held_out_faces(), rng, None, augraphy_share=1.0, raw=raw)
    return [next(source) for _ in range(count)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="pool to fill, or with --test the shard to write")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--keep", type=int, default=60)
    parser.add_argument(
        "--augraphy", type=float, default=0.6, help="share of the pages worn by augraphy"
    )
    parser.add_argument(
        "--test", type=int, help="write this many lines of unseen faces and words, augraphy only"
    )
    args = parser.parse_args()
    os.nice(5)
    cv2.setNumThreads(1)
    rng = np.random.default_rng(args.seed)
    if args.test:
        write_shard(args.folder, unseen_augraphy_lines(args.seed, args.test))
        return
    args.folder.mkdir(parents=True, exist_ok=True)
    number = len(shards_in(args.folder))
    with ExitStack() as stack:
        engine = stack.enter_context(Engine.open(ids=(_DETECTOR,)))
        detector = TextDetector(engine.model(_DETECTOR))
        while True:
            rng = np.random.default_rng((args.seed, number))
            source = lines_of_pages(
                Corpus(rng), training_faces(), rng, detector, augraphy_share=args.augraphy
            )
            write_shard(
                args.folder / f"{args.seed}-{number:06d}.npz",
                [next(source) for _ in range(SHARD_LINES)],
            )
            number += 1
            for old in shards_in(args.folder)[: -args.keep]:
                old.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
