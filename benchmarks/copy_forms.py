"""What the invented papers of the suite ``ocr-copy`` say: four forms with the labels of real ones, everything else drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from ekyc.ocr.dates import date_in_words

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A label and its value; empty texts leave the line blank."""

    label: str
    value: str
    is_name: bool = False


FAMILY = ("NGUYỄN", "TRẦN", "LÊ", "PHẠM", "HOÀNG", "HUỲNH", "PHAN", "VŨ", "VÕ", "ĐẶNG", "BÙI")
MIDDLE = ("VĂN", "THỊ", "HỮU", "ĐỨC", "NGỌC", "QUỐC", "MINH", "THANH", "XUÂN", "GIA", "KHÁNH")
GIVEN = (
    "AN",
    "BÌNH",
    "CƯỜNG",
    "DŨNG",
    "HẠNH",
    "HIẾU",
    "LAN",
    "LOAN",
    "MẪU",
    "PHÚC",
    "QUYÊN",
    "TUẤN",
)
_STREETS = ("Lê Lợi", "Trần Phú", "Điện Biên Phủ", "Nguyễn Huệ", "Hùng Vương", "Lý Tự Trọng")
_WARDS = (
    "phường Thạch Thang",
    "xã Hòa Tiến",
    "phường Bến Nghé",
    "xã Điện Phước",
    "phường Cửa Đông",
)
_CITIES = ("Đà Nẵng", "Hà Nội", "Quảng Nam", "Thành phố Hồ Chí Minh", "Thừa Thiên Huế", "Cần Thơ")
_PEOPLES = ("Kinh", "Tày", "Thái", "Mường", "Khmer", "Hoa", "Nùng", "Ê Đê", "Ba Na", "Chăm")


def _pick(random: np.random.Generator, words: tuple[str, ...]) -> str:
    return str(random.choice(words))


def invented_name(random: np.random.Generator) -> str:
    """Family, middle and given name in capitals."""
    return " ".join(_pick(random, words) for words in (FAMILY, MIDDLE, GIVEN))


def _address(random: np.random.Generator) -> str:
    house = int(random.integers(1, 300))
    places = (_pick(random, words) for words in (_STREETS, _WARDS, _CITIES))
    return f"{house} {', '.join(places)}"


def _digits(random: np.random.Generator, count: int) -> str:
    return "".join(str(digit) for digit in random.integers(0, 10, count))


def _day(random: np.random.Generator, first_year: int, last_year: int) -> date:
    year = int(random.integers(first_year, last_year))
    return date(year, int(random.integers(1, 13)), int(random.integers(1, 29)))


def _birth(random: np.random.Generator) -> tuple[str, tuple[Row, ...]]:
    born = _day(random, 1975, 2025)
    parents = [
        row
        for who in ("mẹ", "cha")
        for row in (
            Row(label=f"Họ, chữ đệm, tên người {who}:", value=invented_name(random), is_name=True),
            Row(label="Năm sinh:", value=str(int(random.integers(1950, 1999)))),
            Row(label="Nơi cư trú:", value=_address(random)),
        )
    ]
    return "GIẤY KHAI SINH", (
        Row(label="Họ, chữ đệm, tên:", value=invented_name(random), is_name=True),
        Row(label="Ngày, tháng, năm sinh:", value=f"{born:%d/%m/%Y}"),
        Row(label="Ghi bằng chữ:", value=date_in_words(born)),
        Row(label="Giới tính:", value=_pick(random, ("Nam", "Nữ"))),
        Row(label="Dân tộc:", value=_pick(random, _PEOPLES)),
        Row(label="Nơi sinh:", value=f"Bệnh viện đa khoa {_pick(random, _CITIES)}"),
        Row(label="Số định danh cá nhân:", value=_digits(random, 12)),
        *parents,
        Row(label="Ngày, tháng, năm đăng ký:", value=f"{_day(random, 2000, 2026):%d/%m/%Y}"),
    )


def _marriage(random: np.random.Generator) -> tuple[str, tuple[Row, ...]]:
    rows = [
        row
        for who in ("vợ", "chồng")
        for row in (
            Row(label=f"Họ, chữ đệm, tên {who}:", value=invented_name(random), is_name=True),
            Row(label="Ngày, tháng, năm sinh:", value=f"{_day(random, 1960, 2005):%d/%m/%Y}"),
            Row(label="Dân tộc:", value=_pick(random, _PEOPLES)),
            Row(label="Nơi cư trú:", value=_address(random)),
            Row(label="Giấy tờ tùy thân:", value=f"CCCD số {_digits(random, 12)}"),
        )
    ]
    return "GIẤY CHỨNG NHẬN KẾT HÔN", (
        *rows,
        Row(label="Nơi đăng ký kết hôn:", value=f"UBND {_pick(random, _WARDS)}"),
        Row(label="Ngày, tháng, năm đăng ký:", value=f"{_day(random, 2000, 2026):%d/%m/%Y}"),
    )


def _marital_status(random: np.random.Generator) -> tuple[str, tuple[Row, ...]]:
    day = _day(random, 2010, 2026)
    return "GIẤY XÁC NHẬN TÌNH TRẠNG HÔN NHÂN", (
        Row(label="Xét đề nghị của ông/bà:", value=invented_name(random), is_name=True),
        Row(label="XÁC NHẬN:", value=""),
        Row(label="Ông/bà:", value=invented_name(random), is_name=True),
        Row(label="Ngày, tháng, năm sinh:", value=f"{_day(random, 1960, 2005):%d/%m/%Y}"),
        Row(label="Dân tộc:", value=_pick(random, _PEOPLES)),
        Row(label="Giấy tờ tùy thân:", value=f"CCCD số {_digits(random, 12)}"),
        Row(label="Nơi cư trú:", value=_address(random)),
        Row(label="Tình trạng hôn nhân:", value="Chưa đăng ký kết hôn với ai."),
        Row(label="Giấy này có giá trị đến ngày:", value=f"{day:%d/%m/%Y}"),
    )


_CLAUSES = (
    "Điều 1. Công nhận kết quả tốt nghiệp của ông/bà có tên sau đây.",
    "Điều 2. Trưởng phòng Tổ chức chịu trách nhiệm thi hành.",
    "Điều 3. Quyết định này có hiệu lực kể từ ngày ký.",
    "Căn cứ Luật Tổ chức chính quyền địa phương;",
    "Căn cứ Nghị định số 23/2015/NĐ-CP của Chính phủ;",
    "Theo đề nghị của Trưởng phòng Tư pháp,",
)


def _decision(random: np.random.Generator) -> tuple[str, tuple[Row, ...]]:
    order = random.permutation(len(_CLAUSES))
    clauses = [Row(label="", value=_CLAUSES[i]) for i in order]
    return "QUYẾT ĐỊNH", (
        *clauses[:3],
        Row(label="Họ và tên:", value=invented_name(random), is_name=True),
        Row(label="Ngày sinh:", value=f"{_day(random, 1960, 2005):%d/%m/%Y}"),
        Row(label="Địa chỉ:", value=_address(random)),
        Row(label="Số tiền:", value=f"{int(random.integers(1, 90))}.500.000 đồng"),
        *clauses[3:],
    )


FORMS: Final = (_birth, _marriage, _marital_status, _decision)
"""Each draws a title and its rows."""
