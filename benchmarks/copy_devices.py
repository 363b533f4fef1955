"""Ways from paper to file for the suite ``ocr-copy``: clean files, scanners, telephones, photocopiers.

All are simulations with settings drawn from ranges; none is a real device.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from ekyc.imaging import effects
from ekyc.imaging.effects import quad_of, shaken
from ekyc.imaging.geometry import resize, to_gray
from ekyc.samples import scan_of
from ekyc.samples.documents import ScanConditions
from ekyc.values import BoxPx

if TYPE_CHECKING:
    import numpy as np

    from ekyc.values import BgrImage


class Mode(StrEnum):
    """How a copy was made."""

    CLEAN = "clean"
    SCAN = "scan"
    PHOTO = "photo"
    PHOTOCOPY = "photocopy"
    COARSE = "coarse"
    """A scan of 100 dots per inch."""
    GREY = "grey"
    """A scan without colour."""
    CROPPED = "cropped"
    """A scan that lost some of its margins, and no print."""
    CUT = "cut"
    """A scan that lost the line at the foot of the page, or half of it: honest, and yet not all of it is there to see."""


def original_scan(page: BgrImage, random: np.random.Generator) -> BgrImage:
    """The original as the office keeps it: a good scan."""
    scan = scan_of(page, int(random.integers(1 << 30)))
    return effects.jpeg_round_trip(scan, int(random.integers(82, 95)))


def copied(page: BgrImage, mode: Mode, random: np.random.Generator) -> BgrImage:
    """The page as that kind of device gives it."""
    return _WAYS[mode](page, random)


def _clean(page: BgrImage, random: np.random.Generator) -> BgrImage:
    scale = float(random.uniform(0.8, 1.5))
    return effects.jpeg_round_trip(_scaled(page, scale), int(random.integers(80, 96)))


def _scan(page: BgrImage, random: np.random.Generator) -> BgrImage:
    conditions = ScanConditions(
        turn_deg=2.5,
        blur_px=float(random.uniform(0.4, 1.3)),
        noise=float(random.uniform(1, 6)),
        darkest=float(random.uniform(0.75, 0.98)),
    )
    scan = scan_of(page, int(random.integers(1 << 30)), conditions)
    scan = _scaled(scan, float(random.uniform(0.75, 1.6)))
    return effects.jpeg_round_trip(scan, int(random.integers(55, 92)))


def _photo(page: BgrImage, random: np.random.Generator) -> BgrImage:
    page = effects.curl(
        page,
        depth_px=float(random.uniform(0, 4)),
        angle_deg=float(random.uniform(0, 180)),
        phase=float(random.random()),
    )
    height, width = page.shape[:2]
    table = resize(page[:1, :1], round(width * 1.12), round(height * 1.12))
    table[:] = random.integers(60, 190, 3)
    table = effects.add_noise(table, 9, random, grain_px=4)
    box = BoxPx(left=width * 0.06, top=height * 0.06, right=width * 1.06, bottom=height * 1.06)
    photo = effects.lay_on(page, shaken(quad_of(box), width * 0.035, random), table)
    photo = effects.shade(
        photo,
        angle_deg=float(random.uniform(0, 360)),
        darkest=float(random.uniform(0.55, 0.9)),
    )
    photo = effects.tint(
        photo, red=float(random.uniform(0.94, 1.06)), blue=float(random.uniform(0.88, 1.06))
    )
    photo = effects.blur(photo, float(random.uniform(0.5, 1.2)))
    photo = effects.add_noise(photo, float(random.uniform(2, 6)), random)
    photo = _scaled(photo, float(random.uniform(0.95, 1.6)))
    return effects.jpeg_round_trip(photo, int(random.integers(55, 88)))


def _photocopy(page: BgrImage, random: np.random.Generator) -> BgrImage:
    scan = scan_of(page, int(random.integers(1 << 30)), ScanConditions(turn_deg=1.5))
    copy = effects.photocopy(
        effects.blur(scan, float(random.uniform(0.5, 0.9))),
        random,
        contrast=float(random.uniform(1.3, 2.6)),
        speckles=int(random.integers(0, 80)),
    )
    return effects.jpeg_round_trip(copy, int(random.integers(65, 92)))


def _coarse(page: BgrImage, random: np.random.Generator) -> BgrImage:
    scan = scan_of(page, int(random.integers(1 << 30)), ScanConditions(turn_deg=1.5))
    return effects.jpeg_round_trip(_scaled(scan, 100 / 150), int(random.integers(70, 92)))


def _grey(page: BgrImage, random: np.random.Generator) -> BgrImage:
    gray = to_gray(_scan(page, random))
    return gray[:, :, None].repeat(3, axis=2)


def _cropped(page: BgrImage, random: np.random.Generator) -> BgrImage:
    return _without_edges(_scan(page, random), random, foot=(0.0, 0.009))


def _cut(page: BgrImage, random: np.random.Generator) -> BgrImage:
    return _without_edges(_scan(page, random), random, foot=(0.034, 0.045))


def _without_edges(
    scan: BgrImage, random: np.random.Generator, *, foot: tuple[float, float]
) -> BgrImage:
    """``foot``: least and most of the page's height that is lost below; print begins 0.017 above its edge."""
    height, width = scan.shape[:2]
    left, right = (round(float(share) * width) for share in random.uniform(0.0, 0.035, 2))
    top, bottom = (
        round(float(random.uniform(*shares)) * height) for shares in ((0.0, 0.035), foot)
    )
    return scan[top : height - bottom, left : width - right].copy()


def _scaled(page: BgrImage, scale: float) -> BgrImage:
    height, width = page.shape[:2]
    return resize(page, round(width * scale), round(height * scale))


_WAYS = {
    Mode.CLEAN: _clean,
    Mode.SCAN: _scan,
    Mode.PHOTO: _photo,
    Mode.PHOTOCOPY: _photocopy,
    Mode.COARSE: _coarse,
    Mode.GREY: _grey,
    Mode.CROPPED: _cropped,
    Mode.CUT: _cut,
}
