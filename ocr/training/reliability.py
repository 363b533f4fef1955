"""Draws what a calibrated confidence is worth: of the characters said to be right with 0.9, are 0.9 right?

Our net as it ships reads crops that :mod:`training.acceptance` drew: faces and words that training never saw, of another
seed than the lines the tables were fitted on. The axes show what is wrong, on a logarithmic scale: nearly all
characters are certain, and it is there that differences matter.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from matplotlib import pyplot as plt

from ekyc.inference import Engine
from ekyc.ocr.engines import OWN, own_recogniser
from training.acceptance import read_crops
from training.score import right_letters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_BINS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Readings of like confidence."""

    said: float
    """Mean confidence, 0–1."""
    right: float
    """Share that was right, 0–1."""
    count: int


def bins_of(said: Sequence[float], right: Sequence[bool]) -> list[Bin]:
    """Bins of equally many readings, least certain first."""
    order = np.argsort(said, kind="stable")
    claims, hits = np.asarray(said)[order], np.asarray(right, dtype=np.float64)[order]
    parts = [part for part in np.array_split(np.arange(len(order)), _BINS) if len(part)]
    return [
        Bin(said=float(claims[part].mean()), right=float(hits[part].mean()), count=len(part))
        for part in parts
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: mean distance of what was said from what was right, weighed by readings."""
    total = sum(part.count for part in bins)
    return sum(part.count * abs(part.said - part.right) for part in bins) / max(1, total)


def draw(panels: Sequence[tuple[str, Sequence[Bin]]], path: Path) -> None:
    """One panel a kind of reading."""
    figure, axes = plt.subplots(1, len(panels), figsize=(4.5 * len(panels), 4.3), squeeze=False)
    for axis, (title, bins) in zip(axes[0], panels, strict=True):
        said, wrong = _wrong(bins, "said"), _wrong(bins, "right")
        least = min(said.min(), wrong.min()) / 2
        axis.plot([least, 1], [least, 1], color="0.7", linewidth=1)
        axis.plot(said, wrong, marker="o", color="black", linewidth=1)
        axis.set(xscale="log", yscale="log", xlabel="said to be wrong", ylabel="were wrong")
        count = sum(part.count for part in bins)
        axis.set_title(f"{count} {title}, ECE {calibration_error(bins):.4f}", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=80)


def _wrong(bins: Sequence[Bin], what: str) -> NDArray[np.float64]:
    return np.array([max(1.0 - float(getattr(part, what)), 0.5 / part.count) for part in bins])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crops", type=Path, help="an .npz of crops (training.acceptance draws it)")
    parser.add_argument("picture", type=Path, help="PNG to write")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    letters: tuple[list[float], list[bool]] = ([], [])
    lines: tuple[list[float], list[bool]] = ([], [])
    with Engine.open(ids=(OWN,)) as engine:
        own = own_recogniser(engine)
        for crop in read_crops(args.crops):
            read = own.read_line(np.repeat(crop.picture[:, :, None], 3, axis=2))
            if crop.known or read.certainty is None or not read.chars:
                continue
            letters[0].extend(char.confidence for char in read.chars)
            letters[1].extend(right_letters(crop.text, read.text))
            lines[0].append(read.certainty)
            lines[1].append(read.text == crop.text)
    panels = [("characters", bins_of(*letters)), ("lines", bins_of(*lines))]
    draw(panels, args.picture)
    for title, bins in panels:
        print(f"{title}: ECE {calibration_error(bins):.4f}")
        for part in bins:
            print(f"  said {part.said:.4f}, right {part.right:.4f} of {part.count}")


if __name__ == "__main__":
    main()
