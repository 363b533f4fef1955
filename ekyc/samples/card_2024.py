"""The two sides of an identity card with the fields of the Căn cước of 2024, in a design of our own.

Fields, labels and which side they stand on follow Circular 16/2024/TT-BCA; where on the side they stand is our guess,
for no specimen with a clear licence was at hand. Like the card of 2021 (:mod:`ekyc.samples.cards`) it reproduces no
security feature, and each side says MẪU and SPECIMEN.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ekyc.imaging.draw import Canvas, TextStyle
from ekyc.samples.cards import (
    CARD_HEIGHT_PX,
    CARD_WIDTH_PX,
    PORTRAIT_BOX,
    blank_side,
    chip_contacts,
    qr_code,
    specimen_tag,
    wrapped,
    zone,
)
from ekyc.samples.paper import INK, RED, star_disc
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.samples.citizen import SampleCitizen
    from ekyc.values import BgrImage

_LABEL = TextStyle(size_px=21, colour=INK)
_VALUE = TextStyle(size_px=28, colour=INK)
_STRONG = TextStyle(size_px=34, weight="bold", colour=INK)
_FRONT_X: Final = 400


def render_card_2024_front(citizen: SampleCitizen, portrait: BgrImage) -> BgrImage:
    """The front: number, name, birth date, sex, nationality, portrait; no QR code.

    Args:
        citizen: what is printed.
        portrait: head and shoulders, 3:4.

    Returns:
        uint8, shape (757, 1200, 3), blue-green-red.
    """
    canvas = blank_side()
    _heading(canvas)
    canvas.paste(portrait, PORTRAIT_BOX)
    canvas.rectangle(PORTRAIT_BOX, outline=(150, 150, 150))
    x = _FRONT_X
    canvas.text(x, 292, "Số định danh cá nhân / Personal identification number:", _LABEL)
    canvas.text(x, 340, citizen.personal_number, replace(_STRONG, size_px=40))
    canvas.text(x, 396, "Họ, chữ đệm và tên khai sinh / Full name:", _LABEL)
    canvas.text(x, 442, citizen.full_name, _STRONG)
    canvas.text(x, 498, "Ngày, tháng, năm sinh / Date of birth:", _LABEL)
    canvas.text(x, 540, f"{citizen.birth_date:%d/%m/%Y}", _VALUE)
    canvas.text(x, 596, "Giới tính / Sex:", _LABEL)
    canvas.text(x, 638, citizen.sex.vi, _VALUE)
    canvas.text(x + 330, 596, "Quốc tịch / Nationality:", _LABEL)
    canvas.text(x + 330, 638, citizen.nationality, _VALUE)
    specimen_tag(canvas, CARD_WIDTH_PX - 40, CARD_HEIGHT_PX - 28)
    return canvas.picture()


def render_card_2024_back(citizen: SampleCitizen) -> BgrImage:
    """The back: residence, place of birth registration, chip, QR code, dates of issue and expiry, authority, MRZ.

    Returns:
        uint8, shape (757, 1200, 3), blue-green-red.
    """
    canvas = blank_side()
    _place(canvas, 60, "Nơi cư trú / Place of residence:", citizen.residence)
    _place(canvas, 178, "Nơi đăng ký khai sinh / Place of birth:", citizen.origin)
    _labelled(
        canvas, 300, "Ngày, tháng, năm cấp / Date of issue:", f"{citizen.issue_date:%d/%m/%Y}"
    )
    _labelled(
        canvas, 348, "Ngày, tháng, năm hết hạn / Date of expiry:", f"{citizen.expiry_date:%d/%m/%Y}"
    )
    bold = TextStyle(size_px=24, weight="bold", colour=INK)
    canvas.text(500, 408, "BỘ CÔNG AN", bold, "centre")
    canvas.text(500, 434, "MINISTRY OF PUBLIC SECURITY", replace(_LABEL, size_px=17), "centre")
    chip_contacts(canvas, BoxPx(left=64, top=390, right=204, bottom=500))
    qr_code(canvas, qr_payload_2024(citizen), right=CARD_WIDTH_PX - 52, top=60)
    specimen_tag(canvas, 660, 500)
    zone(canvas, citizen)
    return canvas.picture()


def qr_payload_2024(citizen: SampleCitizen) -> str:
    """The seven fields of 2021 and, behind them, an empty cancelled number and the parents' names.

    Which fields follow, and in which order, no published text fixes; this is one plausible order.
    """
    further = ("", citizen.father_name.title(), citizen.mother_name.title())
    return "|".join((citizen.qr_payload(), *further))


def _heading(canvas: Canvas) -> None:
    star_disc(canvas, 150, 112, 66)
    x = 660
    bold = TextStyle(size_px=29, weight="bold", colour=INK)
    small = TextStyle(size_px=18, colour=INK)
    canvas.text(x, 52, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", bold, "centre")
    canvas.text(x, 86, "Độc lập - Tự do - Hạnh phúc", replace(bold, size_px=23), "centre")
    canvas.text(x, 113, "SOCIALIST REPUBLIC OF VIET NAM", small, "centre")
    canvas.text(x, 138, "Independence - Freedom - Happiness", small, "centre")
    canvas.text(x, 194, "CĂN CƯỚC", TextStyle(size_px=46, weight="bold", colour=RED), "centre")
    canvas.text(x, 228, "IDENTITY CARD", TextStyle(size_px=25, colour=RED), "centre")


def _place(canvas: Canvas, y: float, label: str, value: str) -> None:
    canvas.text(48, y, label, _LABEL)
    for i, line in enumerate(wrapped(value, _VALUE, 820)):
        canvas.text(48, y + 42 + 36 * i, line, _VALUE)


def _labelled(canvas: Canvas, y: float, label: str, value: str) -> None:
    used = canvas.text(48, y, label, _LABEL)
    canvas.text(48 + used + 10, y, value, _VALUE)
