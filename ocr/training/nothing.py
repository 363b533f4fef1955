"""Crops in which nothing is written, as detectors bring them: rules, stamps, scribbles, textures, empty paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from training import degrade

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Rng = np.random.Generator


def no_text(rng: Rng) -> Gray:
    """A crop of uint8, 20 to 70 pixels high, whose right reading is the empty text."""
    height = int(rng.integers(20, 70))
    shape = (height, round(height * float(np.exp(rng.uniform(np.log(0.8), np.log(12))))))
    em = height * 0.6
    page = degrade.paper(shape, em, rng)
    kinds = (_rules, _stamps, _scribbles, _texture, _blobs, _security, _empty)
    page = kinds[int(rng.integers(len(kinds)))](page, em, rng)
    picture = np.asarray(np.clip(page, 0, 255), dtype=np.uint8)
    for change in (degrade.blur, degrade.one_bit, degrade.specks):
        if rng.random() < 0.25:
            picture = change(picture, em, rng)
    if rng.random() < 0.4:
        picture = degrade.grain(picture, rng)
    return degrade.jpeg(picture, rng) if rng.random() < 0.4 else picture


def _empty(page: NDArray[np.float32], em: float, rng: Rng) -> NDArray[np.float32]:
    return page + degrade.clouds(page.shape, em, rng) * float(rng.uniform(0, 6))  # type: ignore[arg-type]  # two sides


def _rules(page: NDArray[np.float32], em: float, rng: Rng) -> NDArray[np.float32]:
    height, width = page.shape
    thick = max(1, round(em * float(rng.uniform(0.02, 0.14))))
    for _ in range(int(rng.integers(1, 4))):
        y, x = int(rng.integers(height)), int(rng.integers(width))
        shade = float(rng.uniform(0, 130))
        draw = rng.random()
        if draw < 0.35:
            page[y : y + thick] = shade
        elif draw < 0.6:
            page[:, x : x + thick] = shade
        else:
            step = max(thick + 1, round(em * float(rng.uniform(0.1, 0.4))))
            for start in range(0, width, step):
                page[y : y + thick, start : start + max(1, round(step * 0.4))] = shade
    return page


def _stamps(page: NDArray[np.float32], em: float, rng: Rng) -> NDArray[np.float32]:
    for _ in range(int(rng.integers(1, 3))):
        page = page * degrade.stamp(page.shape, em, rng)  # type: ignore[arg-type]  # two sides
    return page


def _scribbles(page: NDArray[np.float32], em: float, rng: Rng) -> NDArray[np.float32]:
    ink = np.zeros(page.shape, dtype=np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        ink = np.maximum(ink, degrade.scribble(page.shape, em, rng))  # type: ignore[arg-type]  # two sides
    return page * (1.0 - float(rng.uniform(0.4, 1.0)) * ink.astype(np.float32) / 255)


def _texture(page: NDArray[np.float32], em: float, rng: Rng) -> NDArray[np.float32]:
    for _ in range(3):
        page = page + degrade.clouds(page.shape, em * float(rng.uniform(0.05, 2)), rng) * float(
            rng.uniform(5, 45)
        )  # type: ignore[arg-type]  # two sides
    return page


def _blobs(page: NDArray[np.float32], em: float, rng: Rng) -> NDArray[np.float32]:
    height, width = page.shape
    for _ in range(int(rng.integers(1, 7))):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (
            max(1, round(em * float(rng.uniform(0.05, 1.5)))),
            max(1, round(em * float(rng.uniform(0.05, 0.8)))),
        )
        shade = float(rng.uniform(0, 200))
        thick = -1 if rng.random() < 0.6 else max(1, round(em * 0.08))
        cv2.ellipse(page, centre, axes, float(rng.uniform(0, 180)), 0, 360, shade, thick)
    return page


def _security(page: NDArray[np.float32], em: float, rng: Rng) -> NDArray[np.float32]:
    return page * degrade.security_print(page.shape, em, rng)  # type: ignore[arg-type]  # two sides
