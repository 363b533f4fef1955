"""Material of the suite ``ocr-cards``: invented people's cards, captures of them, and covers over single fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.benchmarks.card_scenes import SceneKind, make_scene
from ekyc.benchmarks.ocr_material import invented_birth
from ekyc.imaging import effects
from ekyc.imaging.draw import Canvas
from ekyc.imaging.geometry import crop, resize
from ekyc.samples import (
    SampleCitizen,
    Sex,
    personal_number,
    render_card_back,
    render_card_front,
)
from ekyc.samples.card_2024 import render_card_2024_back, render_card_2024_front
from ekyc.values import BoxPx, PointPx

if TYPE_CHECKING:
    from ekyc.values import BgrImage

COVERS: Final = ("finger", "paper", "bar", "glare", "blur", "sticker", "fluid", "pixels")
"""What may hide a field. A sticker has the card's own colour, fluid is correction fluid."""

_PLACES: Final = (
    "Điện Phước, Điện Bàn, Quảng Nam",
    "Nhơn Lý, Quy Nhơn, Bình Định",
    "Tân Định, Quận 1, Hồ Chí Minh",
    "Mỹ Xuyên, Long Xuyên, An Giang",
    "Đồng Kỵ, Từ Sơn, Bắc Ninh",
    "Ea Tu, Buôn Ma Thuột, Đắk Lắk",
)
_PHOTO_GROUNDS: Final = (
    SceneKind.PLAIN,
    SceneKind.WOOD,
    SceneKind.CLOTH,
    SceneKind.STONE,
    SceneKind.CLUTTER,
    SceneKind.SHADOW,
)


def _row(left: float, baseline: float, right: float, lines: int = 1) -> BoxPx:
    return BoxPx(left=left, top=baseline - 36, right=right, bottom=baseline + 12 + 38 * (lines - 1))


MANDATORY_BOXES: Final[Mapping[str, Mapping[str, BoxPx]]] = MappingProxyType(
    {
        "cccd-2021": MappingProxyType(
            {
                "personal_number": _row(496, 296, 840),
                "full_name": _row(378, 384, 900),
                "birth_date": _row(640, 434, 860),
                "sex": _row(545, 480, 690),
                "nationality": _row(965, 480, 1180),
                "origin": _row(378, 566, 1120),
                "residence": _row(378, 650, 1160, 2),
                "expiry_date": _row(90, 706, 310),
            }
        ),
        "can-cuoc-2024": MappingProxyType(
            {
                "personal_number": _row(394, 340, 760),
                "full_name": _row(394, 442, 920),
                "birth_date": _row(394, 540, 620),
                "sex": _row(394, 638, 520),
                "nationality": _row(724, 638, 960),
            }
        ),
    }
)
"""Where the samples print the values of their fronts; the finder and the reader know nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCard:
    """A card's two sides and what they say."""

    front: BgrImage
    back: BgrImage
    fields: Mapping[str, str]


def invented_citizen(random: np.random.Generator) -> SampleCitizen:
    """A citizen with name, dates, number and places drawn at random."""
    birth = invented_birth(random)
    born = date(
        int(random.integers(1950, 2008)), int(random.integers(1, 13)), int(random.integers(1, 29))
    )
    sex = Sex.MALE if random.random() < 0.5 else Sex.FEMALE
    serial = "".join(str(digit) for digit in random.integers(0, 10, 6))
    province = str(random.choice(["001", "048", "079", "052", "066", "091"]))
    house = f"Số {int(random.integers(2, 300))} đường Trần Phú, {random.choice(_PLACES)}"
    return replace(
        SampleCitizen.default(),
        full_name=birth.full_name,
        birth_date=born,
        sex=sex,
        personal_number=personal_number(province=province, birth_date=born, sex=sex, serial=serial),
        origin=str(random.choice(_PLACES)),
        residence=house,
        expiry_date=date(born.year + 60, born.month, born.day),
    )


def sample_card(citizen: SampleCitizen, kind: str, portrait: BgrImage) -> SampleCard:
    """Both sides of a card of that kind, flat."""
    day = "%d/%m/%Y"
    shared = {
        "personal_number": citizen.personal_number,
        "full_name": citizen.full_name,
        "birth_date": citizen.birth_date.strftime(day),
        "sex": citizen.sex.vi,
        "nationality": citizen.nationality,
        "residence": citizen.residence,
        "issue_date": citizen.issue_date.strftime(day),
        "expiry_date": citizen.expiry_date.strftime(day),
    }
    if kind == "cccd-2021":
        return SampleCard(
            front=render_card_front(citizen, portrait),
            back=render_card_back(citizen),
            fields=shared | {"origin": citizen.origin, "features": citizen.features},
        )
    return SampleCard(
        front=render_card_2024_front(citizen, portrait),
        back=render_card_2024_back(citizen),
        fields=shared | {"birth_place": citizen.origin},
    )


def drawn_portrait(random: np.random.Generator) -> BgrImage:
    """Head and shoulders of nobody: an oval on shoulders."""
    canvas = Canvas(312, 416, (200, 208, 216))
    skin = (int(random.integers(170, 230)), int(random.integers(130, 180)), 120)
    canvas.ellipse(BoxPx(left=30, top=310, right=282, bottom=520), fill=(50, 60, 90))
    canvas.ellipse(BoxPx(left=76, top=70, right=236, bottom=330), fill=skin)
    canvas.ellipse(BoxPx(left=70, top=50, right=242, bottom=160), fill=(30, 26, 24))
    return canvas.picture()


def capture(side: BgrImage, how: str, random: np.random.Generator) -> BgrImage:
    """A side as it is submitted: ``clean`` fills the picture, ``scan`` lies askew on a grey lid, ``photo`` lies on
    any ground at any angle, large enough to be read.
    """
    if how == "clean":
        return side
    if how == "scan":
        table = np.full((side.shape[0] + 240, side.shape[1] + 300, 3), 96, dtype=np.uint8)
        flat = BoxPx(left=150, top=120, right=150 + side.shape[1], bottom=120 + side.shape[0])
        laid = effects.lay_on(side, effects.shaken(effects.quad_of(flat), 9, random), table)
        lit = effects.shade(laid, angle_deg=float(random.uniform(0, 360)), darkest=0.85)
        soft = effects.add_noise(effects.blur(lit, 0.7), 3, random)
        return effects.jpeg_round_trip(soft, 85)
    kind = _PHOTO_GROUNDS[int(random.integers(0, len(_PHOTO_GROUNDS)))]
    while True:
        scene = make_scene(side, kind, random)
        corners = np.array([(p.x, p.y) for p in scene.quad.corners])
        if float(np.hypot(*(corners[1] - corners[0]))) > 760:
            return scene.image


def covered(side: BgrImage, box: BoxPx, cover: str, random: np.random.Generator) -> BgrImage:
    """The side with something over one place."""
    hide = {
        "blur": _blurred,
        "pixels": _pixelated,
        "glare": _lit,
        "fluid": _painted_over,
        "sticker": _stuck_over,
    }.get(cover)
    if hide is not None:
        return hide(side, box, random)
    canvas = Canvas.on(side)
    if cover == "bar":
        canvas.rectangle(box, fill=(0, 0, 0))
    elif cover == "paper":
        canvas.rectangle(box, fill=(246, 246, 242), outline=(200, 200, 196))
    else:
        tone = (int(random.integers(185, 230)), int(random.integers(140, 175)), 125)
        canvas.rectangle(box, fill=tone, radius_px=box.height / 2)
    return canvas.picture()


def _blurred(side: BgrImage, box: BoxPx, _random: np.random.Generator) -> BgrImage:
    return _with_part(side, box, effects.blur(crop(side, box), 9))


def _pixelated(side: BgrImage, box: BoxPx, random: np.random.Generator) -> BgrImage:
    """Squares of about half the height of a letter, as editors make them."""
    cell = int(random.integers(13, 20))
    part = crop(side, box)
    height, width = part.shape[:2]
    coarse = resize(part, max(1, width // cell), max(1, height // cell))
    rows, columns = (
        np.arange(n) * m // n for n, m in zip((height, width), coarse.shape, strict=False)
    )
    return _with_part(side, box, coarse[rows[:, None], columns[None, :]])


def _lit(side: BgrImage, box: BoxPx, _random: np.random.Generator) -> BgrImage:
    lit, x = side, box.left
    while x <= box.right + 30:
        middle = PointPx(x, (box.top + box.bottom) / 2)
        lit = effects.glare(lit, middle, max(34.0, box.height * 0.6), 250)
        x += 40
    return lit


def _painted_over(side: BgrImage, box: BoxPx, random: np.random.Generator) -> BgrImage:
    """White strokes with uneven edges."""
    canvas = Canvas.on(side)
    step, x = 0.5 * box.height, box.left
    while x < box.right + step:
        r = 0.5 * box.height * float(random.uniform(0.85, 1.1))
        y = (box.top + box.bottom) / 2 + float(random.normal(0, 0.05)) * box.height
        level = int(random.integers(244, 254))
        blot = BoxPx(left=x - r, top=y - r, right=x + r, bottom=y + r)
        canvas.ellipse(blot, fill=(level, level, level - 2))
        x += step
    return canvas.picture()


def _stuck_over(side: BgrImage, box: BoxPx, _random: np.random.Generator) -> BgrImage:
    around = crop(side, box).reshape(-1, 3)
    ground = np.median(around[around.sum(axis=1) >= np.median(around.sum(axis=1))], axis=0)
    part = np.empty_like(crop(side, box))
    part[:] = ground.astype(np.uint8)
    return _with_part(side, box, part)


def _with_part(side: BgrImage, box: BoxPx, part: BgrImage) -> BgrImage:
    changed = side.copy()
    top, left = round(box.top), round(box.left)
    changed[top : top + part.shape[0], left : left + part.shape[1]] = part
    return changed
