"""The two sides of an identity card with the fields of the chip-based CCCD of 2021, in a design of our own.

What is printed, and where, follows the real card (bilingual labels, portrait left, QR code top right, zone of three
lines on the back), so that readers meet the same task. What makes a real card real (emblem, colours, patterns,
relief) is not reproduced, and each side says MẪU and SPECIMEN.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import segno

from ekyc.imaging import effects
from ekyc.imaging.draw import Canvas, Colour, TextStyle
from ekyc.samples.paper import INK, RED, guilloche, signature, star_disc
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.samples.citizen import SampleCitizen
    from ekyc.values import BgrImage

CARD_WIDTH_PX: Final = 1200
CARD_HEIGHT_PX: Final = 757
"""ISO/IEC 7810 ID-1, 85.60 × 53.98 mm, at 14 pixels per millimetre."""

QR_MODULE_PX: Final = 4
PORTRAIT_BOX: Final = BoxPx(left=40, top=222, right=352, bottom=638)
"""Where the portrait lies on the front, 3:4."""

_TOP: Final[Colour] = (226, 240, 236)
_BOTTOM: Final[Colour] = (238, 230, 216)
_WAVE: Final[Colour] = (204, 222, 220)
_WATERMARK: Final[Colour] = (214, 222, 216)

_LABEL = TextStyle(size_px=21, colour=INK)
_VALUE = TextStyle(size_px=27, colour=INK)
_STRONG = TextStyle(size_px=32, weight="bold", colour=INK)
_FRONT_X: Final = 384
_MRZ_PITCH_PX: Final = 36
_MRZ = TextStyle(size_px=46, colour=(16, 16, 20))


def render_card_front(citizen: SampleCitizen, portrait: BgrImage) -> BgrImage:
    """The front, flat and evenly lit.

    Args:
        citizen: what is printed.
        portrait: head and shoulders, 3:4; scaled to :data:`PORTRAIT_BOX`.

    Returns:
        uint8, shape (757, 1200, 3), blue-green-red.
    """
    canvas = blank_side()
    _heading(canvas)
    canvas.paste(portrait, PORTRAIT_BOX)
    canvas.rectangle(PORTRAIT_BOX, outline=(150, 150, 150))
    centre = (PORTRAIT_BOX.left + PORTRAIT_BOX.right) / 2
    small = replace(_LABEL, size_px=19)
    canvas.text(centre, 674, "Có giá trị đến / Date of expiry:", small, "centre")
    canvas.text(centre, 706, f"{citizen.expiry_date:%d/%m/%Y}", _VALUE, "centre")
    qr_code(canvas, citizen.qr_payload(), right=CARD_WIDTH_PX - 44, top=40)
    _front_fields(canvas, citizen)
    specimen_tag(canvas, CARD_WIDTH_PX - 40, CARD_HEIGHT_PX - 28)
    return canvas.picture()


def render_card_back(citizen: SampleCitizen) -> BgrImage:
    """The back: features, date of issue, issuing authority, chip, two empty fingerprint fields, MRZ.

    Returns:
        uint8, shape (757, 1200, 3), blue-green-red.
    """
    canvas = blank_side()
    canvas.text(48, 62, "Đặc điểm nhân dạng / Personal identification:", _LABEL)
    canvas.text(48, 102, citizen.features, _VALUE)
    canvas.text(48, 150, "Ngày, tháng, năm / Date, month, year:", _LABEL)
    canvas.text(456, 150, f"{citizen.issue_date:%d/%m/%Y}", _VALUE)
    _authority(canvas)
    chip_contacts(canvas, BoxPx(left=64, top=216, right=214, bottom=336))
    _finger_field(canvas, 790, "Ngón trỏ trái", "Left index finger")
    _finger_field(canvas, 990, "Ngón trỏ phải", "Right index finger")
    specimen_tag(canvas, 440, 470)
    zone(canvas, citizen)
    return canvas.picture()


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoConditions:
    """How a card is photographed. Lengths are shares of the card's width."""

    corner_jitter: float = 0.018
    darkest: float = 0.82
    """Light at the darkest corner, the brightest being 1."""
    blur_px: float = 0.7
    noise: float = 2.5
    table: Colour = (96, 84, 70)


def photograph_card(
    card: BgrImage, seed: int, conditions: PhotoConditions | None = None
) -> BgrImage:
    """The card lying on a table: slight perspective, light from one side, a little blur and noise.

    Returns:
        uint8, blue-green-red, 12 % wider and higher than ``card``; the card keeps its scale.
    """
    how = conditions or PhotoConditions()
    random = np.random.default_rng(seed)
    height, width = card.shape[:2]
    margin = 0.06 * width
    table = np.empty((round(height + 2 * margin), round(width + 2 * margin), 3), dtype=np.uint8)
    table[:] = how.table[::-1]
    table = effects.add_noise(table, 9, random, grain_px=3)
    flat = BoxPx(left=margin, top=margin, right=margin + width, bottom=margin + height)
    quad = effects.shaken(effects.quad_of(flat), how.corner_jitter * width, random)
    photo = effects.lay_on(card, quad, table)
    photo = effects.shade(photo, angle_deg=float(random.uniform(0, 360)), darkest=how.darkest)
    return effects.add_noise(effects.blur(photo, how.blur_px), how.noise, random)


def zone(canvas: Canvas, citizen: SampleCitizen) -> None:
    """The machine readable zone at the foot of a back."""
    x = (CARD_WIDTH_PX - 30 * _MRZ_PITCH_PX) / 2
    for i, line in enumerate(citizen.mrz_lines()):
        canvas.cells(x, 596 + i * 58, line, _MRZ, pitch_px=_MRZ_PITCH_PX)


def blank_side() -> Canvas:
    """Paper, waves and watermark of an empty side."""
    paper = guilloche(CARD_WIDTH_PX, CARD_HEIGHT_PX, top=_TOP, bottom=_BOTTOM, line=_WAVE, waves=26)
    canvas = Canvas.on(paper)
    watermark = Canvas(CARD_WIDTH_PX, CARD_HEIGHT_PX)
    style = TextStyle(size_px=150, weight="bold", colour=_WATERMARK)
    watermark.text(CARD_WIDTH_PX / 2, 440, "MẪU SPECIMEN", style, "centre")
    canvas.stamp(watermark.turned(16), 0, 0, opacity=0.38)
    edge = BoxPx(left=0, top=0, right=CARD_WIDTH_PX - 1, bottom=CARD_HEIGHT_PX - 1)
    canvas.rectangle(edge, outline=(160, 170, 168), line_px=2)
    return canvas


def _heading(canvas: Canvas) -> None:
    star_disc(canvas, 150, 112, 66)
    x = 610
    bold = TextStyle(size_px=29, weight="bold", colour=INK)
    small = TextStyle(size_px=18, colour=INK)
    canvas.text(x, 52, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", bold, "centre")
    canvas.text(x, 86, "Độc lập - Tự do - Hạnh phúc", replace(bold, size_px=23), "centre")
    canvas.text(x, 113, "SOCIALIST REPUBLIC OF VIET NAM", small, "centre")
    canvas.text(x, 138, "Independence - Freedom - Happiness", small, "centre")
    title = TextStyle(size_px=44, weight="bold", colour=RED)
    canvas.text(x, 192, "CĂN CƯỚC CÔNG DÂN", title, "centre")
    canvas.text(x, 224, "Citizen Identity Card", TextStyle(size_px=23, colour=RED), "centre")


def _front_fields(canvas: Canvas, citizen: SampleCitizen) -> None:
    x = _FRONT_X
    number = TextStyle(size_px=38, weight="bold", colour=INK)
    used = canvas.text(x, 296, "Số / No.: ", replace(number, size_px=27, weight="regular"))
    canvas.text(x + used + 8, 296, citizen.personal_number, number)
    canvas.text(x, 342, "Họ và tên / Full name:", _LABEL)
    canvas.text(x, 384, citizen.full_name, _STRONG)
    _labelled(canvas, x, 434, "Ngày sinh / Date of birth:", f"{citizen.birth_date:%d/%m/%Y}")
    _labelled(canvas, x, 480, "Giới tính / Sex:", citizen.sex.vi)
    _labelled(canvas, x + 330, 480, "Quốc tịch / Nationality:", citizen.nationality)
    canvas.text(x, 528, "Quê quán / Place of origin:", _LABEL)
    canvas.text(x, 566, citizen.origin, _VALUE)
    canvas.text(x, 612, "Nơi thường trú / Place of residence:", _LABEL)
    room = CARD_WIDTH_PX - 40 - x
    for i, line in enumerate(wrapped(citizen.residence, _VALUE, room)):
        canvas.text(x, 650 + 38 * i, line, _VALUE)


def _labelled(canvas: Canvas, x: float, y: float, label: str, value: str) -> None:
    used = canvas.text(x, y, label, _LABEL)
    canvas.text(x + used + 10, y, value, _VALUE)


def qr_code(canvas: Canvas, payload: str, *, right: int, top: int) -> None:
    """The code on a light ground; ``right`` and ``top`` are the code's own edges."""
    rows = qr_rows(payload)
    side = len(rows) * QR_MODULE_PX
    left = right - side
    quiet = 4 * QR_MODULE_PX
    paper = BoxPx(
        left=left - quiet, top=top - quiet, right=left + side + quiet, bottom=top + side + quiet
    )
    canvas.rectangle(paper, fill=(252, 252, 250))
    canvas.modules(left, top, rows, module_px=QR_MODULE_PX)


def qr_rows(payload: str) -> Sequence[Sequence[int]]:
    """Modules of the QR code at error correction level M, UTF-8, without quiet zone; 1 is dark."""
    code = segno.make(payload, error="m", micro=False, boost_error=False, encoding="utf-8")
    return tuple(tuple(int(module) for module in row) for row in code.matrix)


def _authority(canvas: Canvas) -> None:
    centre = 470
    bold = TextStyle(size_px=18, weight="bold", colour=INK)
    for i, line in enumerate(
        (
            "CỤC TRƯỞNG CỤC CẢNH SÁT",
            "QUẢN LÝ HÀNH CHÍNH VỀ TRẬT TỰ XÃ HỘI",
        )
    ):
        canvas.text(centre, 206 + 26 * i, line, bold, "centre")
    small = TextStyle(size_px=14, colour=INK)
    for i, line in enumerate(
        (
            "DIRECTOR GENERAL OF THE POLICE DEPARTMENT",
            "FOR ADMINISTRATIVE MANAGEMENT OF SOCIAL ORDER",
        )
    ):
        canvas.text(centre, 256 + 20 * i, line, small, "centre")
    box = BoxPx(left=centre - 110, top=294, right=centre + 110, bottom=364)
    signature(canvas, box, np.random.default_rng(7))
    canvas.text(centre, 400, "Người Ký Mẫu", replace(bold, size_px=22), "centre")


def chip_contacts(canvas: Canvas, box: BoxPx) -> None:
    """The gold field of the chip."""
    gold, groove = (218, 184, 104), (150, 118, 50)
    canvas.rectangle(box, fill=gold, outline=groove, line_px=2, radius_px=18)
    third = box.height / 3
    for i in (1, 2):
        y = box.top + i * third
        canvas.line([(box.left, y), (box.left + box.width * 0.36, y)], groove, 2)
        canvas.line([(box.right - box.width * 0.36, y), (box.right, y)], groove, 2)
    core = BoxPx(
        left=box.left + box.width * 0.36,
        top=box.top + third * 0.6,
        right=box.right - box.width * 0.36,
        bottom=box.bottom - third * 0.6,
    )
    canvas.rectangle(core, outline=groove, line_px=2, radius_px=8)


def _finger_field(canvas: Canvas, left: float, vi: str, en: str) -> None:
    box = BoxPx(left=left, top=190, right=left + 160, bottom=390)
    canvas.rectangle(box, fill=(248, 248, 246), outline=(150, 150, 150), line_px=1)
    style = TextStyle(size_px=34, weight="bold", colour=(190, 190, 190))
    canvas.text(left + 80, 302, "MẪU", style, "centre")
    small = TextStyle(size_px=17, colour=INK)
    canvas.text(left + 80, 416, vi, small, "centre")
    canvas.text(left + 80, 438, en, small, "centre")


def specimen_tag(canvas: Canvas, right: float, baseline: float) -> None:
    """The words that no sample may lack."""
    style = TextStyle(size_px=26, weight="bold", colour=RED)
    width = style.width_of("MẪU / SPECIMEN")
    frame = BoxPx(
        left=right - width - 14, top=baseline - 30, right=right + 14, bottom=baseline + 10
    )
    canvas.rectangle(frame, outline=RED, line_px=2, radius_px=6)
    canvas.text(right, baseline, "MẪU / SPECIMEN", style, "right")


def wrapped(text: str, style: TextStyle, room_px: float) -> tuple[str, ...]:
    """``text`` broken at spaces into lines no wider than ``room_px``; a longer single word stays whole."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and style.width_of(longer) <= room_px:
            lines[-1] = longer
        else:
            lines.append(word)
    return tuple(lines)
