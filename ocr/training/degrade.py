"""What paper, printers, scanners and cameras do to ink: each function takes a picture and returns a new one.

Pictures are uint8, shape (height, width). ``ink`` is 0 where there is none; a page is 255 where it is white.
Sizes are relative to ``em``, the size of the type in pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Rng = np.random.Generator


def _gray(values: NDArray[np.float32] | NDArray[np.float64]) -> Gray:
    return np.asarray(np.clip(values, 0, 255), dtype=np.uint8)


def clouds(shape: tuple[int, int], grain_px: float, rng: Rng) -> NDArray[np.float32]:
    """Soft noise with a grain of about ``grain_px``, mean 0, deviation about 1."""
    height, width = shape
    small = (max(2, round(height / grain_px)), max(2, round(width / grain_px)))
    coarse = rng.standard_normal(small).astype(np.float32)
    return np.asarray(
        cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32
    )


# --- ink ------------------------------------------------------------------------------------------------------


def weigh(ink: Gray, em: float, rng: Rng) -> Gray:
    """Ink that spreads into the paper or does not reach its edges."""
    sigma = em * float(rng.uniform(0.012, 0.035))
    soft = cv2.GaussianBlur(ink, (0, 0), max(sigma, 0.35)).astype(np.float32) / 255
    level = float(rng.uniform(0.22, 0.62))
    return _gray(((soft - level) * float(rng.uniform(2.0, 8.0)) + 0.5) * 255)


def bite(ink: Gray, em: float, rng: Rng) -> Gray:
    """Worn type, a dry ribbon, a flaking laser print: holes and gaps."""
    noise = clouds(ink.shape, max(1.0, em * float(rng.uniform(0.03, 0.14))), rng)  # type: ignore[arg-type]  # two sides
    holes = np.clip((noise - float(rng.uniform(1.2, 2.1))) * 3.0, 0, 1)
    return _gray(ink.astype(np.float32) * (1.0 - holes))


def beat(ink: Gray, em: float, rng: Rng) -> Gray:
    """A typewriter's uneven strokes: the ink changes from letter to letter."""
    along = clouds((1, ink.shape[1]), em * 0.6, rng)
    return _gray(ink.astype(np.float32) * np.clip(0.85 + 0.22 * along, 0.35, 1.0))


def pin_dots(ink: Gray, em: float, rng: Rng) -> Gray:
    """A needle printer: the letter becomes a raster of round dots."""
    pitch = em / float(rng.uniform(11, 18))
    small = (max(2, round(ink.shape[1] / pitch)), max(2, round(ink.shape[0] / pitch)))
    grid = cv2.resize(ink, small, interpolation=cv2.INTER_AREA)
    grid = np.where(grid > rng.uniform(70, 130), 255, 0).astype(np.uint8)
    factor = 5
    dots = np.zeros((grid.shape[0] * factor, grid.shape[1] * factor), dtype=np.uint8)
    dots[factor // 2 :: factor, factor // 2 :: factor] = grid
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    dots = cv2.dilate(dots, disc)
    return np.asarray(
        cv2.resize(dots, ink.shape[1::-1], interpolation=cv2.INTER_AREA), dtype=np.uint8
    )


# --- paper ----------------------------------------------------------------------------------------------------


def paper(shape: tuple[int, int], em: float, rng: Rng) -> NDArray[np.float32]:
    """A sheet, 0–255: its tone, its grain, uneven light."""
    page = np.full(shape, float(rng.uniform(165, 255)), dtype=np.float32)
    if rng.random() < 0.5:
        page += clouds(shape, em * float(rng.uniform(0.05, 0.4)), rng) * float(rng.uniform(0.5, 5))
    if rng.random() < 0.4:
        page *= light(shape, rng)
    return page


def light(shape: tuple[int, int], rng: Rng) -> NDArray[np.float32]:
    """Light that falls from one side, or the soft edge of a shadow: factors, at most 1."""
    height, width = shape
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * float(rng.uniform(-1, 1))
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * float(rng.uniform(-0.4, 0.4))
    if rng.random() < 0.5:
        return np.asarray(
            1.0 - float(rng.uniform(0.05, 0.35)) * (0.5 + 0.5 * (across + down)), dtype=np.float32
        )
    edge = (across + down - float(rng.uniform(-0.6, 0.6))) * float(rng.uniform(3, 30))
    return np.asarray(1.0 - float(rng.uniform(0.1, 0.55)) / (1.0 + np.exp(-edge)), dtype=np.float32)


def security_print(shape: tuple[int, int], em: float, rng: Rng) -> NDArray[np.float32]:
    """Families of fine curves as on cards and certificates: factors, at most 1."""
    step = max(1.0, em / 20)  # curves finer than this are a tint
    height, width = (max(2, round(side / step)) for side in shape)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) * np.float32(step / em)
    pattern = np.zeros((height, width), dtype=np.float32)
    for _ in range(int(rng.integers(1, 4))):
        turn = float(rng.uniform(0, np.pi))
        u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        wave = float(rng.uniform(0.1, 1.2)) * np.sin(
            u * float(rng.uniform(0.4, 3)) + float(rng.uniform(0, 6))
        )
        rate = float(rng.uniform(3, 16))
        pattern += np.abs(np.sin((v + wave) * rate)) ** (2 ** int(rng.integers(1, 5)))
    pattern = np.asarray(cv2.resize(pattern, shape[::-1]), dtype=np.float32)
    return np.asarray(
        1.0 - float(rng.uniform(0.05, 0.4)) * np.clip(pattern, 0, 1), dtype=np.float32
    )


def stamp(shape: tuple[int, int], em: float, rng: Rng) -> NDArray[np.float32]:
    """An office stamp's rings and letters, or a signature, over part of the sheet: factors, at most 1."""
    height, width = shape
    seal = np.zeros(shape, dtype=np.uint8)
    thick = max(1, round(em * float(rng.uniform(0.04, 0.14))))
    if rng.random() < 0.55:
        centre = (int(rng.integers(width)), int(rng.integers(-height // 2, height + height // 2)))
        radius = em * float(rng.uniform(1.5, 5))
        for part in (1.0, float(rng.uniform(0.6, 0.92))):
            cv2.circle(seal, centre, round(radius * part), 255, thick, cv2.LINE_AA)
        for angle in np.arange(0, 2 * np.pi, float(rng.uniform(0.18, 0.4))):
            reach = radius * float(rng.uniform(0.76, 0.8))
            end = radius * float(rng.uniform(0.84, 0.94))
            bend = angle + float(rng.uniform(-0.08, 0.08))
            start = (
                round(centre[0] + reach * np.cos(angle)),
                round(centre[1] + reach * np.sin(angle)),
            )
            stop = (round(centre[0] + end * np.cos(bend)), round(centre[1] + end * np.sin(bend)))
            cv2.line(seal, start, stop, 255, thick, cv2.LINE_AA)
    else:
        seal = scribble(shape, em, rng)
    strength = float(rng.uniform(0.15, 0.6))
    if rng.random() < 0.5:
        noise = clouds(shape, max(2.0, em * 0.15), rng)
        return np.asarray(
            1.0 - strength * seal / 255.0 * np.clip(0.8 + 0.4 * noise, 0, 1), dtype=np.float32
        )
    return np.asarray(1.0 - strength * seal.astype(np.float32) / 255.0, dtype=np.float32)


def scribble(shape: tuple[int, int], em: float, rng: Rng) -> Gray:
    """Pen strokes of a signature, as ink."""
    height, width = shape
    ink = np.zeros(shape, dtype=np.uint8)
    start = np.array([rng.uniform(0, width), rng.uniform(0, height)])
    steps = rng.normal(0, em * 0.45, (int(rng.integers(10, 40)), 2)) + np.array([em * 0.25, 0.0])
    path = start + np.cumsum(cv2.GaussianBlur(steps.astype(np.float32), (1, 5), 1.2), axis=0)
    thick = max(1, round(em * float(rng.uniform(0.03, 0.09))))
    cv2.polylines(
        ink,
        [np.round(path).astype(np.int32)],
        isClosed=False,
        color=255,
        thickness=thick,
        lineType=cv2.LINE_AA,
    )
    return ink


def crease(shape: tuple[int, int], em: float, rng: Rng) -> NDArray[np.float32]:
    """Folds: bright or dark lines with a soft side; factors around 1."""
    height, width = shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    turn = float(rng.uniform(-0.3, 0.3)) + (np.pi / 2 if rng.random() < 0.6 else 0.0)
    away = (x - rng.uniform(0, width)) * np.sin(turn) - (y - rng.uniform(0, height)) * np.cos(turn)
    sharp = np.exp(-np.abs(away) / (em * float(rng.uniform(0.02, 0.1))))
    soft = np.exp(-np.abs(away) / (em * float(rng.uniform(0.3, 2)))) * (away > 0)
    return np.asarray(
        1.0 + sharp * float(rng.uniform(-0.35, 0.3)) - soft * float(rng.uniform(0, 0.25)),
        dtype=np.float32,
    )


# --- capture --------------------------------------------------------------------------------------------------


def shrink(page: Gray, factor: float, rng: Rng) -> Gray:
    """Another resolution."""
    size = (max(8, round(page.shape[1] * factor)), max(4, round(page.shape[0] * factor)))
    if factor < 1 and rng.random() < 0.75:
        method = cv2.INTER_AREA
    else:
        method = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)[
            int(rng.choice(3, p=(0.5, 0.4, 0.1)))
        ]
    return np.asarray(cv2.resize(page, size, interpolation=method), dtype=np.uint8)


def blur(page: Gray, em: float, rng: Rng) -> Gray:
    """Out of focus, or moved while the shutter was open."""
    draw = rng.random()
    if draw < 0.5:
        return np.asarray(
            cv2.GaussianBlur(page, (0, 0), em * float(rng.uniform(0.012, 0.062))), dtype=np.uint8
        )
    if draw < 0.75:
        size = max(2, round(em * float(rng.uniform(0.05, 0.14))))
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)).astype(np.float32)
        return np.asarray(cv2.filter2D(page, -1, disc / disc.sum()), dtype=np.uint8)
    length = max(2, round(em * float(rng.uniform(0.05, 0.22))))
    streak = np.zeros((length, length), dtype=np.float32)
    end = (length - 1, int(rng.integers(length)))
    cv2.line(streak, (0, length - 1 - end[1]), end, 1.0)
    if rng.random() < 0.35:
        streak = streak.T
    return np.asarray(cv2.filter2D(page, -1, streak / streak.sum()), dtype=np.uint8)


def sharpen(page: Gray, em: float, rng: Rng) -> Gray:
    """What telephones do to their pictures: bright and dark halos along edges."""
    soft = cv2.GaussianBlur(page, (0, 0), max(0.5, em * float(rng.uniform(0.02, 0.07)))).astype(
        np.float32
    )
    return _gray(page + (page - soft) * float(rng.uniform(0.4, 2.5)))


def grain(page: Gray, rng: Rng) -> Gray:
    """Sensor noise."""
    noise = rng.standard_normal(page.shape, dtype=np.float32) * float(rng.uniform(1, 16))
    if rng.random() < 0.4:
        noise = cv2.GaussianBlur(noise, (0, 0), 0.7) * 1.6
    return _gray(page + noise)


def jpeg(page: Gray, rng: Rng) -> Gray:
    """Saved as JPEG, once or twice."""
    for _ in range(1 if rng.random() < 0.75 else 2):
        quality = int(rng.integers(18, 92))
        _, data = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, quality])
        page = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
    return page


def one_bit(page: Gray, em: float, rng: Rng) -> Gray:
    """Black and white only: a fixed or local threshold, an error diffusion or a raster."""
    draw = rng.random()
    low, high = (float(level) for level in np.percentile(page, (0.4, 80)))
    if high - low < 30:
        return page
    if draw < 0.62:
        level = low + (high - low) * float(rng.uniform(0.34, 0.72))
        noise = (
            rng.standard_normal(page.shape, dtype=np.float32)
            * (high - low)
            * float(rng.uniform(0, 0.1))
        )
        return np.where(page + noise > level, 255, 0).astype(np.uint8)
    if draw < 0.92:
        block = max(5, round(em * float(rng.uniform(0.7, 3)))) | 1
        method = (
            cv2.ADAPTIVE_THRESH_MEAN_C if rng.random() < 0.5 else cv2.ADAPTIVE_THRESH_GAUSSIAN_C
        )
        offset = (high - low) * float(rng.uniform(0.06, 0.3))
        return np.asarray(
            cv2.adaptiveThreshold(page, 255, method, cv2.THRESH_BINARY, block, offset),
            dtype=np.uint8,
        )
    raster = _BAYER if rng.random() < 0.6 else rng.permutation(16).reshape(4, 4)
    tile = np.tile(raster, (page.shape[0] // 4 + 1, page.shape[1] // 4 + 1))[
        : page.shape[0], : page.shape[1]
    ]
    return np.where(page > low + (high - low) * (tile + 0.5) / 16, 255, 0).astype(np.uint8)


_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])


def photocopy(page: Gray, em: float, rng: Rng) -> Gray:
    """Toner: paper becomes white, ink black, and edges move."""
    low, high = (float(level) for level in np.percentile(page, (0.4, 80)))
    ink = (high - page.astype(np.float32)) / max(high - low, 30.0) * 255
    return np.asarray(255 - weigh(_gray(ink), em, rng), dtype=np.uint8)


def specks(page: Gray, em: float, rng: Rng) -> Gray:
    """Toner and dust: dark and bright dots of a few pixels."""
    noise = clouds(page.shape, max(1.0, em * float(rng.uniform(0.02, 0.07))), rng)  # type: ignore[arg-type]  # two sides
    page = np.where(noise > float(rng.uniform(2.3, 3.4)), int(rng.integers(0, 90)), page)
    return np.where(noise < -float(rng.uniform(2.5, 3.6)), 255, page).astype(np.uint8)


def streaks(page: Gray, rng: Rng) -> Gray:
    """A dirty drum or a worn print head: stripes along or across."""
    height, width = page.shape
    shape = (1, width) if rng.random() < 0.5 else (height, 1)
    stripes = clouds(shape, float(rng.uniform(1, 6)), rng)
    return _gray(page - np.clip(stripes - 0.8, 0, 3) * float(rng.uniform(-40, 50)))


def screen(page: Gray, em: float, rng: Rng) -> Gray:
    """Photographed from a display: pixel raster and moiré."""
    height, width = page.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    pitch = em * float(rng.uniform(0.035, 0.12))
    turn = float(rng.uniform(-0.1, 0.1))
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    raster = 1.0 - float(rng.uniform(0.05, 0.3)) * (
        0.5 + 0.25 * (np.sin(u * 6.28 / pitch) + np.sin(v * 6.28 / pitch))
    )
    return _gray(page * raster)


def tone(page: Gray, rng: Rng) -> Gray:
    """Another exposure: gamma, contrast, brightness."""
    curve = np.linspace(0, 1, 256) ** float(np.exp(rng.uniform(-0.7, 0.7)))
    low, high = float(rng.uniform(0, 70)), float(rng.uniform(170, 255))
    return np.asarray(cv2.LUT(page, (low + curve * (high - low)).astype(np.uint8)), dtype=np.uint8)


def ripple(page: Gray, em: float, rng: Rng) -> Gray:
    """Paper that does not lie flat: letters shift by a few hundredths of their size."""
    height, width = page.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    grain_px = em * float(rng.uniform(0.8, 6))
    strength = min(em * 0.08, grain_px * 0.05)
    dx = clouds((height, width), grain_px, rng) * float(rng.uniform(0, strength))
    dy = clouds((height, width), grain_px, rng) * float(rng.uniform(0, strength))
    return np.asarray(
        cv2.remap(page, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        dtype=np.uint8,
    )
