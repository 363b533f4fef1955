"""Draws new faces out of those we have: other proportions, other slant, marks elsewhere and of another size.

Free faces with all 134 letters are few beside what paper is set in, and what a recogniser gets wrong in a face it has
never seen is mostly the mark above a letter. A varied face moves each kind of mark by one amount throughout, as a
designer would, so that the net cannot learn where one face happens to put it.
"""

from __future__ import annotations

import argparse
import unicodedata
import zlib
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

from training.charset import vocabulary
from training.fonts import VARIED, Face, training_faces

if TYPE_CHECKING:
    from collections.abc import Sequence

    Point = tuple[float, float]
    Stroke = tuple[str, tuple[Point, ...]]
    Contour = list[Stroke]

FACES_A_FAMILY = 4
_KEPT_TABLES = ("glyf", "loca", "head", "hhea", "hmtx", "maxp", "cmap", "name", "post", "OS/2")
_TONES = {"\u0300": 0, "\u0301": 1, "\u0303": 2, "\u0309": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What a varied face does to every letter. Lengths in parts of the x-height."""

    width: float
    small: float
    """Factor on heights up to the x-height."""
    tall: float
    """Factor on heights between the x-height and the capitals'."""
    above: float
    """Factor on heights above the capitals'."""
    below: float
    lean: float
    lift: float
    side: float
    size: float
    """How far marks above are raised, moved to the right, and enlarged."""
    tone_side: tuple[float, ...]
    tone_lift: tuple[float, ...]
    """The same for grave, acute, tilde and hook where they stand on or beside another mark."""
    dot_drop: float
    dot_size: float


def draw_design(rng: np.random.Generator) -> Design:
    """A design at random, within what text faces do."""
    return Design(
        width=float(rng.uniform(0.84, 1.16)),
        small=float(rng.uniform(0.92, 1.1)),
        tall=float(rng.uniform(0.85, 1.15)),
        above=float(rng.uniform(0.85, 1.2)),
        below=float(rng.uniform(0.8, 1.15)),
        lean=float(rng.uniform(-0.06, 0.22)) if rng.random() < 0.3 else 0.0,
        lift=float(rng.uniform(-0.06, 0.14)),
        side=float(rng.uniform(-0.07, 0.07)),
        size=float(rng.uniform(0.82, 1.22)),
        tone_side=tuple(float(rng.uniform(-0.1, 0.1)) for _ in _TONES),
        tone_lift=tuple(float(rng.uniform(-0.05, 0.1)) for _ in _TONES),
        dot_drop=float(rng.uniform(-0.04, 0.12)),
        dot_size=float(rng.uniform(0.8, 1.3)),
    )


def vary_face(source: Path, target: Path, family: str, design: Design) -> bool:
    """Write a varied face. False when the file has no TrueType outlines."""
    with TTFont(source, fontNumber=0) as font:
        if "glyf" not in font:
            return False
        _reduce(font)
        names, glyphs = font.getBestCmap(), font.getGlyphSet()
        small = _top(glyphs[names[ord("x")]])
        tall = max(_top(glyphs[names[ord("H")]]), small * 1.05)
        drawn: dict[str, Any] = {}
        for code, name in names.items():
            pen = DecomposingRecordingPen(glyphs)
            glyphs[name].draw(pen)
            contours = _move_marks(_contours(pen.value), chr(code), design, (small, tall))
            drawn[name] = _draw([_warp(part, design, small, tall) for part in contours])
        for name, glyph in drawn.items():
            advance, _ = font["hmtx"][name]
            font["glyf"][name] = glyph
            glyph.recalcBounds(font["glyf"])
            left = glyph.xMin if glyph.numberOfContours else 0
            font["hmtx"][name] = (round(advance * design.width), left)
        for record in font["name"].names:
            if record.nameID in {1, 16}:
                record.string = f"{VARIED} {family}"
        font["hhea"].ascent = round(font["hhea"].ascent * 1.3)
        font["hhea"].descent = round(font["hhea"].descent * 1.3)
        font.save(target)
    return True


def _reduce(font: TTFont) -> None:
    options = Options(glyph_names=False, hinting=False, layout_features=[], notdef_outline=True)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[ord(letter) for letter in "".join(vocabulary())])
    subsetter.subset(font)
    for table in set(font.keys()) - {"GlyphOrder", *_KEPT_TABLES}:
        del font[table]


def _contours(recorded: Sequence[tuple[str, tuple[Any, ...]]]) -> list[Contour]:
    contours: list[Contour] = []
    for operator, points in recorded:
        if operator == "moveTo" or not contours or (operator == "qCurveTo" and points[-1] is None):
            contours.append([])
        contours[-1].append((operator, points))
        if operator in {"closePath", "endPath"}:
            contours.append([])
    return [contour for contour in contours if contour]


def _points(contour: Contour) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([p for _, points in contour for p in points if p is not None], dtype=float)


def _top(glyph: Any) -> float:  # fontTools' glyphs have no public type
    pen = DecomposingRecordingPen(glyph.glyphSet)
    glyph.draw(pen)
    return float(max(_points(contour)[:, 1].max() for contour in _contours(pen.value)))


def _move_marks(
    contours: list[Contour], letter: str, design: Design, heights: tuple[float, float]
) -> list[Contour]:
    """The contours with those of marks moved: those wholly above or below what the bare letter fills."""
    parts = unicodedata.normalize("NFD", letter)
    if len(parts) == 1:
        return contours
    unit, tall = heights
    bare_top = tall if parts[0].isupper() else unit
    above = [c for c in contours if _points(c)[:, 1].min() > 0.97 * bare_top]
    lower = [c for c in contours if _points(c)[:, 1].max() < 0.05 * unit]
    tone = next((_TONES[mark] for mark in parts[1:] if mark in _TONES), None)
    upper = max(above, key=_reach) if tone is not None and len(above) > 1 else None
    moved: list[Contour] = []
    middle = np.vstack([_points(c) for c in above]).mean(axis=0) if above else np.zeros(2)
    for contour in contours:
        if any(contour is other for other in above):
            shift = np.array([design.side, design.lift]) * unit
            if contour is upper and tone is not None:
                shift = shift + np.array([design.tone_side[tone], design.tone_lift[tone]]) * unit
            moved.append(_place(contour, np.array([middle[0], bare_top]), design.size, shift))
        elif any(contour is other for other in lower):
            centre = _points(contour).mean(axis=0)
            shift = np.array([design.side, -design.dot_drop]) * unit
            moved.append(_place(contour, centre, design.dot_size, shift))
        else:
            moved.append(contour)
    return moved


def _reach(contour: Contour) -> float:
    """How far up and to the right a contour lies: a tone stands above or beside the mark it is added to."""
    return float(_points(contour).mean(axis=0).sum())


def _place(
    contour: Contour,
    centre: np.ndarray[Any, np.dtype[np.float64]],
    size: float,
    shift: np.ndarray[Any, np.dtype[np.float64]],
) -> Contour:
    def place(point: Point) -> Point:
        x, y = (np.array(point) - centre) * size + centre + shift
        return float(x), float(y)

    return _each(contour, place)


def _warp(contour: Contour, design: Design, small: float, tall: float) -> Contour:
    def warp(point: Point) -> Point:
        x, y = point
        if y < 0:
            height = y * design.below
        elif y < small:
            height = y * design.small
        elif y < tall:
            height = small * design.small + (y - small) * design.tall
        else:
            capital = small * design.small + (tall - small) * design.tall
            height = capital + (y - tall) * design.above
        return x * design.width + height * design.lean, height

    return _each(contour, warp)


def _each(contour: Contour, move: Any) -> Contour:  # Callable[[Point], Point]
    return [
        (
            operator,
            tuple(None if point is None else move(point) for point in points),
        )  # closed curves may end in None
        for operator, points in contour
    ]


def _draw(contours: list[Contour]) -> Any:  # fontTools' glyphs have no public type
    pen = TTGlyphPen(None)
    for contour in contours:
        for operator, points in contour:
            getattr(pen, operator)(*points)
    return pen.glyph()


def _one(task: tuple[Face, Path, int]) -> int:
    face, target, seed = task
    if target.exists():
        return 1
    design = draw_design(np.random.default_rng((seed, zlib.crc32(target.name.encode()))))
    return int(vary_face(Path(face.path), target, face.family, design))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the varied faces go")
    parser.add_argument("--each", type=int, default=2, help="designs per face")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(args.seed)
    tasks = []
    for faces in training_faces():
        if faces[0].family.startswith(VARIED):
            continue
        chosen = chance.permutation(len(faces))[:FACES_A_FAMILY]
        tasks += [
            (faces[int(index)], args.folder / f"{Path(faces[int(index)].path).stem}-v{number}.ttf", args.seed)
            for index in chosen
            for number in range(args.each)
        ]  # fmt: skip
    with Pool(args.processes) as pool:
        written = sum(pool.imap_unordered(_one, tasks, chunksize=8))
    print(f"{written} varied faces of {len(tasks)} in {args.folder}")


if __name__ == "__main__":
    main()
