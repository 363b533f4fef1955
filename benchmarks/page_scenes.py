"""Pages as people hand them in, generated: photographs of A4 sheets on tables, scans turned any way, sheets with frames.

Everything is drawn from one seeded generator; nothing is photographed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.benchmarks.card_scenes import random_view, seen_corners
from ekyc.benchmarks.copy_forms import invented_name
from ekyc.benchmarks.copy_papers import draw_sheet, invented_paper
from ekyc.benchmarks.scene_surfaces import SURFACES, quad_from
from ekyc.imaging import effects
from ekyc.imaging.draw import Canvas
from ekyc.imaging.geometry import resize, turn_quarters
from ekyc.samples import SampleBirth, render_birth_certificate, scan_of
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.values import BgrImage

SURFACE_NAMES: Final = tuple(SURFACES)
_PHOTO_PX: Final = (2880, 2160)
"""Six megapixels: fewer than telephones give."""
_DETAIL: Final = 2
"""Surfaces are drawn at half of that and enlarged; they are out of focus anyway."""
_FRAMED: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A birth certificate of a child that does not exist, and what it says."""

    page: BgrImage
    fields: dict[str, str]


def invented_certificate(random: np.random.Generator) -> Certificate:
    """A certificate with invented names, numbers and years."""
    birth = SampleBirth.default()
    digits = "".join(str(digit) for digit in random.integers(0, 10, 6))
    birth = replace(
        birth,
        full_name=invented_name(random),
        number=f"{random.integers(1, 900)}/2024",
        personal_number=birth.personal_number[:6] + digits,
        mother=replace(birth.mother, full_name=invented_name(random)),
        father=replace(birth.father, full_name=invented_name(random)),
    )
    fields = {
        "registration_number": birth.number,
        "full_name": birth.full_name,
        "birth_date": birth.date_as_printed,
        "personal_number": birth.personal_number,
        "mother.full_name": birth.mother.full_name,
        "mother.birth_year": str(birth.mother.birth_year),
        "father.full_name": birth.father.full_name,
        "father.birth_year": str(birth.father.birth_year),
    }
    return Certificate(page=render_birth_certificate(birth), fields=fields)


def any_page(random: np.random.Generator) -> BgrImage:
    """A page of any of the invented forms, on white, cream or patterned paper, some with a printed frame."""
    if random.random() < 0.3:
        page = invented_certificate(random).page
    else:
        page = draw_sheet(invented_paper(random)[0])
    return with_printed_frame(page, random) if random.random() < _FRAMED else page


def photograph(page: BgrImage, surface: str, random: np.random.Generator) -> BgrImage:
    """The page lying on a surface, half of them about upright, half at any angle, large enough to be read."""
    wide, high = _PHOTO_PX if random.random() < 0.5 else _PHOTO_PX[::-1]
    small = SURFACES[surface](wide // _DETAIL, high // _DETAIL, random)
    ground = resize(small, wide, high)
    edge = 0.012 * wide
    aspect = page.shape[1] / page.shape[0]
    while True:
        view = random_view(random)
        view = replace(view, size=float(random.uniform(0.75, 1.35)) * min(1.0, high / wide + 0.25))
        corners = seen_corners(aspect, view, wide, high)
        if (corners > edge).all() and (corners < np.array([wide, high]) - edge).all():
            break
    photo = effects.lay_on(page, quad_from(corners), ground)
    photo = effects.shade(
        photo, angle_deg=float(random.uniform(0, 360)), darkest=float(random.uniform(0.6, 0.95))
    )
    photo = effects.blur(photo, float(random.uniform(0.5, 1.3)))
    photo = effects.add_noise(photo, float(random.uniform(1, 5)), random)
    return effects.jpeg_round_trip(photo, int(random.integers(65, 93)))


def turned_scan(page: BgrImage, quarters: int, random: np.random.Generator) -> BgrImage:
    """A scan of the page, put on the glass turned by so many right angles."""
    scan = scan_of(page, int(random.integers(1 << 30)))
    return effects.jpeg_round_trip(turn_quarters(scan, quarters), int(random.integers(60, 92)))


def askew_scan(page: BgrImage, random: np.random.Generator) -> BgrImage:
    """A scan of the page lying at any angle on a larger glass under a white lid."""
    height, width = page.shape[:2]
    side = round(float(np.hypot(height, width)) * 1.04)
    lid = np.full((side, side, 3), 246, dtype=np.uint8)
    turn = np.deg2rad(random.uniform(0, 360))
    right = np.array([np.cos(turn), np.sin(turn)]) * width / 2
    down = np.array([-np.sin(turn), np.cos(turn)]) * height / 2
    middle = np.array([side / 2, side / 2])
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    corners = np.array([middle + x * right + y * down for x, y in signs])
    scan = effects.lay_on(page, quad_from(corners), lid)
    return effects.jpeg_round_trip(
        effects.add_noise(effects.blur(scan, 0.6), 2.5, random), int(random.integers(60, 92))
    )


def with_printed_frame(page: BgrImage, random: np.random.Generator) -> BgrImage:
    """One or two printed lines around the page, within its margin."""
    canvas = Canvas.on(page)
    height, width = page.shape[:2]
    inset = float(random.uniform(20, 55))
    colour = tuple(int(v) for v in random.integers(20, 150, 3))
    for k in range(int(random.integers(1, 3))):
        at = inset + 9 * k
        box = BoxPx(left=at, top=at, right=width - at, bottom=height - at)
        canvas.rectangle(box, outline=(colour[0], colour[1], colour[2]), line_px=3)
    return canvas.picture()
