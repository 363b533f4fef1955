"""A birth certificate, its honest scan and its altered copy.

The form follows the labels of the civil-status paper (Law on Civil Status 2014 article 14); the layout is our own and
the page says at its foot that it is a sample without legal value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.errors import InputError
from ekyc.imaging import effects
from ekyc.imaging.draw import Canvas, Colour, TextStyle
from ekyc.ocr.dates import date_in_words
from ekyc.samples.cards import wrapped
from ekyc.samples.paper import INK, RED, guilloche, round_stamp, signature
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.samples.citizen import SampleBirth, SampleParent
    from ekyc.values import BgrImage

PAGE_WIDTH_PX: Final = 1240
PAGE_HEIGHT_PX: Final = 1754
"""A4 at 150 dots per inch."""

_LEFT: Final = 110
_RIGHT: Final = PAGE_WIDTH_PX - 90
_LINE_PX: Final = 55

_LABEL = TextStyle(size_px=26, colour=INK)
_VALUE = TextStyle(size_px=27, weight="bold", colour=INK)
_PLAIN = TextStyle(size_px=27, colour=INK)
_BOLD = TextStyle(size_px=28, weight="bold", colour=INK)

_SCANNER_LID: Final[Colour] = (246, 246, 244)


def render_birth_certificate(birth: SampleBirth) -> BgrImage:
    """One page, as it came from the printer and under the stamp, flat and evenly lit.

    Returns:
        uint8, shape (1754, 1240, 3), blue-green-red: A4 at 150 dots per inch.
    """
    canvas = Canvas.on(_blank_page())
    _heading(canvas, birth)
    y = _subject(canvas, birth, 378)
    y = _parent(canvas, "mẹ", birth.mother, y + 14)
    y = _parent(canvas, "cha", birth.father, y + 14)
    y = _registration(canvas, birth, y + 14)
    _sign_off(canvas, birth, y + 16)
    foot = TextStyle(size_px=20, weight="bold", colour=RED)
    text = "TÀI LIỆU MẪU - KHÔNG CÓ GIÁ TRỊ PHÁP LÝ / SAMPLE - NO LEGAL VALUE"
    canvas.text(PAGE_WIDTH_PX / 2, PAGE_HEIGHT_PX - 44, text, foot, "centre")
    return canvas.picture()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanConditions:
    """How a page is scanned."""

    turn_deg: float = 0.7
    """Most that the page lies askew, either way."""
    shift_px: float = 6.0
    blur_px: float = 0.6
    noise: float = 2.5
    darkest: float = 0.93
    """Light at the darkest edge, the brightest being 1."""


def scan_of(page: BgrImage, seed: int, conditions: ScanConditions | None = None) -> BgrImage:
    """An honest scan: a little askew and shifted, soft, noisy, darker to one side; nothing else is changed.

    Returns:
        uint8, shape of ``page``, blue-green-red. Saving it as JPEG is the last step of a real scanner.
    """
    how = conditions or ScanConditions()
    random = np.random.default_rng(seed)
    scan = effects.move(
        page,
        turn_deg=float(random.uniform(-how.turn_deg, how.turn_deg)),
        shift_px=(
            float(random.uniform(-how.shift_px, how.shift_px)),
            float(random.uniform(-how.shift_px, how.shift_px)),
        ),
        scale=float(random.uniform(0.985, 1.0)),
        paper=_SCANNER_LID,
    )
    scan = effects.shade(scan, angle_deg=float(random.uniform(0, 360)), darkest=how.darkest)
    scan = effects.adjust(scan, gain=float(random.uniform(0.97, 1.03)))
    return effects.add_noise(effects.blur(scan, how.blur_px), how.noise, random)


def alter(birth: SampleBirth) -> SampleBirth:
    """The record with **one digit** of the birth date and **one tone mark** of the child's name changed.

    The date in words is left as it was, as a careless forger leaves it: the day changes in the digits only.

    Raises:
        InputError: the name holds no tone mark that could be exchanged (``sample.no_tone_mark``).
    """
    return replace(
        birth, full_name=_exchange_tone(birth.full_name), date_as_printed=_other_date(birth)
    )


def _other_date(birth: SampleBirth) -> str:
    """The printed date with the last digit of the day changed, still a day of that month."""
    day = birth.birth_date.day
    other = day - 3 if day % 10 >= 3 else day + 3
    return f"{other:02d}{birth.birth_date:/%m/%Y}"


_OTHER_TONE: Final = {"Ẫ": "Ậ", "Ễ": "Ệ", "Ầ": "Ấ", "Ọ": "Ỏ", "À": "Á", "Ị": "Ỉ", "Ứ": "Ừ"}


def _exchange_tone(name: str) -> str:
    for i, char in enumerate(name):
        if char in _OTHER_TONE:
            return f"{name[:i]}{_OTHER_TONE[char]}{name[i + 1 :]}"
    raise InputError("the name has no tone mark to exchange", code="sample.no_tone_mark")


def _blank_page() -> BgrImage:
    return guilloche(
        PAGE_WIDTH_PX,
        PAGE_HEIGHT_PX,
        top=(250, 248, 240),
        bottom=(246, 244, 238),
        line=(238, 228, 218),
        waves=34,
    )


def _heading(canvas: Canvas, birth: SampleBirth) -> None:
    frame = BoxPx(left=46, top=46, right=PAGE_WIDTH_PX - 46, bottom=PAGE_HEIGHT_PX - 86)
    canvas.rectangle(frame, outline=(176, 120, 96), line_px=3)
    inner = BoxPx(left=56, top=56, right=PAGE_WIDTH_PX - 56, bottom=PAGE_HEIGHT_PX - 96)
    canvas.rectangle(inner, outline=(176, 120, 96), line_px=1)
    middle = PAGE_WIDTH_PX / 2
    canvas.text(middle, 122, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", _BOLD, "centre")
    width = canvas.text(middle, 164, "Độc lập - Tự do - Hạnh phúc", _BOLD, "centre")
    canvas.line([(middle - width / 2, 180), (middle + width / 2, 180)], INK, 2)
    title = TextStyle(size_px=52, weight="bold", colour=RED)
    canvas.text(middle, 266, "GIẤY KHAI SINH", title, "centre")
    canvas.text(middle, 318, f"Số: {birth.number}", _VALUE, "centre")


def _subject(canvas: Canvas, birth: SampleBirth, y: float) -> float:
    y = _row(canvas, y, ("Họ, chữ đệm, tên:", birth.full_name))
    y = _row(canvas, y, ("Ngày, tháng, năm sinh:", birth.date_as_printed))
    y = _row(canvas, y, ("Ghi bằng chữ:", date_in_words(birth.birth_date)))
    y = _row(
        canvas,
        y,
        ("Giới tính:", birth.sex.vi),
        ("Dân tộc:", birth.ethnicity),
        ("Quốc tịch:", birth.nationality),
    )
    y = _row(canvas, y, ("Nơi sinh:", birth.birth_place))
    y = _row(canvas, y, ("Quê quán:", birth.origin))
    return _row(canvas, y, ("Số định danh cá nhân:", birth.personal_number))


def _parent(canvas: Canvas, who: str, parent: SampleParent, y: float) -> float:
    y = _row(canvas, y, (f"Họ, chữ đệm, tên người {who}:", parent.full_name))
    y = _row(
        canvas,
        y,
        ("Năm sinh:", str(parent.birth_year)),
        ("Dân tộc:", parent.ethnicity),
        ("Quốc tịch:", parent.nationality),
    )
    return _row(canvas, y, ("Nơi cư trú:", parent.residence))


def _registration(canvas: Canvas, birth: SampleBirth, y: float) -> float:
    y = _row(canvas, y, ("Họ, chữ đệm, tên người đi khai sinh:", birth.declarant_name))
    y = _row(canvas, y, ("Giấy tờ tùy thân:", birth.declarant_paper))
    y = _row(canvas, y, ("Nơi đăng ký khai sinh:", birth.registrar_office))
    return _row(canvas, y, ("Ngày, tháng, năm đăng ký:", f"{birth.registered_on:%d/%m/%Y}"))


def _row(canvas: Canvas, y: float, *pairs: tuple[str, str]) -> float:
    """Labels with their values, side by side in equal columns; a long value continues below. Returns the next y."""
    column = (_RIGHT - _LEFT) / len(pairs)
    lowest = y
    for i, (label, value) in enumerate(pairs):
        x = _LEFT + i * column
        used = canvas.text(x, y, label, _LABEL) + 12
        style = _VALUE if value.isupper() or value[:1].isdigit() else _PLAIN
        room = _RIGHT - x - used
        for k, line in enumerate(wrapped(value, style, room)):
            canvas.text(x + used, y + k * _LINE_PX, line, style)
            lowest = max(lowest, y + k * _LINE_PX)
    return lowest + _LINE_PX


def _sign_off(canvas: Canvas, birth: SampleBirth, y: float) -> None:
    centre = 850
    canvas.text(centre, y, "NGƯỜI KÝ GIẤY KHAI SINH", _BOLD, "centre")
    canvas.text(centre, y + 38, birth.signer_title, _BOLD, "centre")
    seed = sum(map(ord, birth.signer_name))
    box = BoxPx(left=centre - 170, top=y + 62, right=centre + 130, bottom=y + 164)
    signature(canvas, box, np.random.default_rng(seed))
    stamp = round_stamp(
        230, around="ỦY BAN NHÂN DÂN PHƯỜNG", below="SAMPLE", middle="DẤU MẪU"
    ).turned(8)
    canvas.stamp(stamp, centre - 330, y - 8, opacity=0.92)
    canvas.text(centre, y + 216, birth.signer_name, _BOLD, "centre")
