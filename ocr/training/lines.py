"""One training line: text → ink → paper → capture → crop → what the net sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ekyc.imaging.illumination import normalise_line
from training import degrade
from training.network_input import LINE_HEIGHT
from training.nothing import no_text
from training.render import Setting, Sheet, draw_sheet, pick_face

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.corpus import Corpus
    from training.fonts import Face

    Gray = NDArray[np.uint8]
    Rng = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Difficulty:
    """How hard the lines are."""

    max_chars: int = 95
    capture: float = 1.0
    """Share of lines that paper and capture touch at all."""
    stacked: float = 0.33
    """Share of the captured lines that are captured twice."""
    empty: float = 0.035
    """Share of crops without any text."""


_ALL_BUT_BLACK, _ALL_BUT_WHITE = 95.0, 253.0
EASY = Difficulty(max_chars=24, capture=0.3, stacked=0.0)
FULL = Difficulty()


def make_line(
    corpus: Corpus,
    families: tuple[tuple[Face, ...], ...],
    rng: Rng,
    difficulty: Difficulty = FULL,
) -> tuple[Gray, str]:
    """What the net sees (uint8, 40 high, dark on light) and the text that stands there."""
    _, seen, text = make_crop(corpus, families, rng, difficulty)
    return seen, text


def make_crop(
    corpus: Corpus,
    families: tuple[tuple[Face, ...], ...],
    rng: Rng,
    difficulty: Difficulty = FULL,
) -> tuple[Gray, Gray, str]:
    """The crop as cut from the page (uint8, any height), what the net sees of it, and the text that stands there."""
    limit = difficulty.max_chars
    if rng.random() < difficulty.empty:
        crop = no_text(rng)
        return crop, see(crop, rng), ""
    text = corpus.line(limit if rng.random() < 0.6 else max(8, limit // 3))
    em = round(float(np.exp(rng.uniform(np.log(20), np.log(50)))))
    setting = Setting() if difficulty.capture >= 1 else Setting(neighbours=0.1, rules=0.05)
    sheet = draw_sheet(text, pick_face(families, rng), em, corpus, rng, setting=setting)
    for _ in range(3):
        crop = _wear_and_cut(sheet, rng, difficulty)
        seen = see(crop, rng)
        if is_legible(seen):
            break
    return crop, seen, sheet.text


def is_legible(seen: Gray) -> bool:
    """False for black and empty patches: no eye could read them, and the net must not learn to guess."""
    return _ALL_BUT_BLACK < float(seen.mean()) < _ALL_BUT_WHITE


def _wear_and_cut(sheet: Sheet, rng: Rng, difficulty: Difficulty) -> Gray:
    page, scale = capture_sheet(sheet, rng, difficulty)
    box = tuple(side * scale for side in sheet.box)
    return cut(page, box, sheet.em_px * scale, rng)


def capture_sheet(sheet: Sheet, rng: Rng, difficulty: Difficulty) -> tuple[Gray, float]:
    """A page as a file holds it, and its pixels per pixel of the sheet."""
    if rng.random() >= difficulty.capture:
        return np.asarray(255 - sheet.ink, dtype=np.uint8), 1.0
    page = print_ink(sheet.ink, sheet.em_px, rng)
    page, scale = capture(page, sheet.em_px, rng)
    if rng.random() < difficulty.stacked:
        page, again = capture(page, sheet.em_px * scale, rng)
        scale *= again
    return page, scale


def print_ink(ink: Gray, em: float, rng: Rng) -> Gray:
    """Ink on paper."""
    shape = ink.shape
    assert len(shape) == 2  # for the type checker
    if rng.random() < 0.5:
        ink = degrade.weigh(ink, em, rng)
    if rng.random() < 0.12:
        ink = degrade.bite(ink, em, rng)
    if rng.random() < 0.08:
        ink = degrade.beat(ink, em, rng)
    if rng.random() < 0.025:
        ink = degrade.pin_dots(ink, em, rng)
    plain = rng.random() < 0.35
    page = np.full(shape, 255.0, dtype=np.float32) if plain else degrade.paper(shape, em, rng)
    if rng.random() < 0.2:
        page *= degrade.security_print(shape, em, rng)
    if rng.random() < 0.05:
        back = np.fliplr(np.roll(ink, int(rng.integers(-20, 20)), axis=0)).astype(np.float32)
        page *= (
            1.0 - float(rng.uniform(0.03, 0.25)) * cv2.GaussianBlur(back, (0, 0), em * 0.05) / 255.0
        )
    darkness = 1.0 if rng.random() < 0.4 else float(rng.uniform(0.38, 1.0))
    page *= 1.0 - darkness * ink.astype(np.float32) / 255.0
    if rng.random() < 0.07:
        page *= degrade.stamp(shape, em, rng)
    if rng.random() < 0.05:
        page *= degrade.crease(shape, em, rng)
    return np.asarray(np.clip(page, 0, 255), dtype=np.uint8)


def capture(page: Gray, em: float, rng: Rng) -> tuple[Gray, float]:
    """One pass through a scanner, a copier, a fax or a camera: the picture and its new scale."""
    draw = rng.random()
    if draw < 0.10:
        return page, 1.0
    if draw < 0.26:
        return _scan(page, em, rng)
    if draw < 0.46:
        return _scan_one_bit(page, em, rng)
    if draw < 0.54:
        return _photocopy(page, em, rng)
    if draw < 0.58:
        page, scale = _rescale(page, em, rng, low=12, high=40)
        return degrade.jpeg(degrade.screen(page, em * scale, rng), rng), scale
    return _photograph(page, em, rng)


def _rescale(page: Gray, em: float, rng: Rng, *, low: float, high: float) -> tuple[Gray, float]:
    """To a type size drawn between two sizes in pixels; rarely enlarged by more than half."""
    wanted = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    scale = min(wanted / em, 1.6)
    return degrade.shrink(page, scale, rng), scale


def _scan(page: Gray, em: float, rng: Rng) -> tuple[Gray, float]:
    page, scale = _rescale(page, em, rng, low=14, high=60)
    em *= scale
    if rng.random() < 0.5:
        page = degrade.blur(page, em * 0.7, rng)
    if rng.random() < 0.4:
        page = degrade.grain(page, rng)
    if rng.random() < 0.3:
        page = degrade.sharpen(page, em, rng)
    if rng.random() < 0.3:
        page = degrade.tone(page, rng)
    if rng.random() < 0.5:
        page = degrade.jpeg(page, rng)
    return page, scale


def _scan_one_bit(page: Gray, em: float, rng: Rng) -> tuple[Gray, float]:
    page, scale = _rescale(page, em, rng, low=17, high=64)
    em *= scale
    if rng.random() < 0.3:
        page = degrade.blur(page, em * 0.7, rng)
    if rng.random() < 0.2:
        page = degrade.grain(page, rng)
    page = degrade.one_bit(page, em, rng)
    if rng.random() < 0.15:
        page = degrade.specks(page, em, rng)
    return page, scale


def _photocopy(page: Gray, em: float, rng: Rng) -> tuple[Gray, float]:
    total = 1.0
    for _ in range(int(rng.integers(1, 4))):
        page, scale = _rescale(page, em, rng, low=24, high=52)
        em, total = em * scale, total * scale
        if rng.random() < 0.6:
            page = degrade.blur(page, em * 0.6, rng)
        page = degrade.photocopy(page, em, rng)
        if rng.random() < 0.5:
            page = degrade.specks(page, em, rng)
        if rng.random() < 0.25:
            page = degrade.streaks(page, rng)
    if rng.random() < 0.4:
        page = degrade.one_bit(page, em, rng)
    return page, total


def _photograph(page: Gray, em: float, rng: Rng) -> tuple[Gray, float]:
    if rng.random() < 0.25:
        page = degrade.ripple(page, em, rng)
    if rng.random() < 0.6:
        page = np.asarray(np.clip(page * degrade.light(page.shape, rng), 0, 255), dtype=np.uint8)  # type: ignore[arg-type]  # two sides
    page, scale = _rescale(page, em, rng, low=13, high=48)
    em *= scale
    if rng.random() < 0.7:
        page = degrade.blur(page, em, rng)
    if rng.random() < 0.6:
        page = degrade.grain(page, rng)
    if rng.random() < 0.5:
        page = degrade.sharpen(page, em, rng)
    if rng.random() < 0.5:
        page = degrade.tone(page, rng)
    if rng.random() < 0.85:
        page = degrade.jpeg(page, rng)
    return page, scale


def cut(page: Gray, box: tuple[float, ...], em: float, rng: Rng) -> Gray:
    """A detector's crop: never quite the ink's own box, never quite level.

    The spread was measured on the product's detector: 0.0–0.45 em above and below the ink, 0.1–0.5 em beside it.
    """
    left, top, right, bottom = box
    height = max(bottom - top, 0.75 * em)
    middle = (top + bottom) / 2 + float(rng.normal(0, 0.05)) * em
    above = below = height / 2 + float(rng.uniform(0.02, 0.32)) * em
    above += float(rng.uniform(-0.06, 0.2)) * em
    below += float(rng.uniform(-0.06, 0.2)) * em
    before, behind = (float(rng.uniform(0.02, 0.6)) * em for _ in range(2))
    corners = np.array(
        [[left - before, middle - above], [right + behind, middle - above],
         [right + behind, middle + below], [left - before, middle + below]], dtype=np.float32,
    )  # fmt: skip
    if rng.random() < 0.5:
        slope = float(rng.normal(0, 0.06)) * em / max(right - left, 2 * em)
        if rng.random() < 0.3:  # seen from the side: the box lies level, the line does not
            slope = float(rng.normal(0, 0.02))
            slope = float(np.clip(slope, -0.35 * em / (right - left), 0.35 * em / (right - left)))
        corners[:, 1] += slope * (corners[:, 0] - corners[:, 0].mean())
    if rng.random() < 0.3:
        lean = float(rng.uniform(-0.35, 0.35)) * (above + below)
        corners[:2, 0] += lean / 2
        corners[2:, 0] -= lean / 2
    if rng.random() < 0.15:  # the far end of the line is smaller
        far = slice(1, 3) if rng.random() < 0.5 else slice(0, 4, 3)
        centre = corners[far, 1].mean()
        corners[far, 1] = centre + (corners[far, 1] - centre) * float(rng.uniform(1.02, 1.35))
    if rng.random() < 0.25:
        corners += rng.normal(0, 0.05 * em, corners.shape).astype(np.float32)
    width = max(8, round(float(corners[1, 0] - corners[0, 0])))
    tall = max(8, round(above + below))
    return _straighten(page, corners, width, tall)


def _straighten(page: Gray, corners: NDArray[np.float32], width: int, height: int) -> Gray:
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    return np.asarray(
        cv2.warpPerspective(page, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        dtype=np.uint8,
    )  # fmt: skip


def see(crop: Gray, rng: Rng | None = None) -> Gray:
    """The crop as the product prepares it: evened out, 40 pixels high; with ``rng``, now and then a little otherwise."""
    if rng is not None and rng.random() < 0.04:
        even = crop
    else:
        even = normalise_line(np.repeat(crop[:, :, None], 3, axis=2) if crop.ndim == 2 else crop)
    width = max(8, round(even.shape[1] * LINE_HEIGHT / even.shape[0]))
    method = cv2.INTER_AREA if even.shape[0] > LINE_HEIGHT else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(even, (width, LINE_HEIGHT), interpolation=method), dtype=np.uint8)
