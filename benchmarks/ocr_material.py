"""Material of the suite ``ocr``: generated truth, invented births, planted alterations, simulated scans."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from ekyc.errors import InputError
from ekyc.imaging import effects
from ekyc.imaging.geometry import resize
from ekyc.samples import SampleBirth, scan_of
from ekyc.samples.documents import ScanConditions

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from ekyc.values import BgrImage

_FAMILY = ("NGUYỄN", "TRẦN", "LÊ", "PHẠM", "HUỲNH", "VÕ", "ĐẶNG", "BÙI", "ĐỖ", "NGÔ", "LÝ", "TRỊNH")
_MIDDLE = ("VĂN", "THỊ", "HỮU", "ĐỨC", "NGỌC", "QUỐC", "HỒNG", "MỸ", "BẢO", "TUẤN", "NHẬT", "VIẾT")
_GIVEN = (
    "HẰNG",
    "HẢI",
    "HẠNH",
    "HẬU",
    "HIỀN",
    "DŨNG",
    "LŨY",
    "NGUYỆT",
    "PHẤN",
    "THẮNG",
    "TỴ",
    "VỸ",
)
_TONES = "\u0300\u0301\u0303\u0309\u0323"

# Names of the truth's fields, by kind of paper, as the generator of the material calls them → as the templates do.
FIELD_NAMES = {
    "card": {
        "pin": "personal_number",
        "name": "full_name",
        "dob": "birth_date",
        "sex": "sex",
        "origin": "origin",
        "residence": "residence",
    },
    "birth": {
        "registration_no": "registration_number",
        "name": "full_name",
        "dob": "birth_date",
        "dob_words": "birth_date_words",
        "sex": "sex",
        "ethnicity": "ethnicity",
        "birth_place": "birth_place",
        "hometown": "origin",
        "pin": "personal_number",
        "mother": "mother.full_name",
        "mother_residence": "mother.residence",
        "father": "father.full_name",
        "father_residence": "father.residence",
        "declarant": "declarant.full_name",
        "declarant_id": "declarant.paper",
        "registrar": "registrar",
        "registered": "registered_on",
    },
    "marriage": {
        f"{who}{theirs}": f"{who}.{ours}"
        for who in ("wife", "husband")
        for theirs, ours in (
            ("", "full_name"),
            ("_dob", "birth_date"),
            ("_ethnicity", "ethnicity"),
            ("_nat", "nationality"),
            ("_residence", "residence"),
            ("_id", "paper"),
        )
    },
}


def truth(folder: Path, name: str) -> list[dict[str, Any]]:
    """Entries of ``<name>.jsonl``.

    Raises:
        InputError: the file is missing (code ``bench.no_data``).
    """
    file = folder / f"{name}.jsonl"
    if not file.is_file():
        raise InputError("the truth is missing", code="bench.no_data", subject=file.name)
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def invented_birth(random: np.random.Generator) -> SampleBirth:
    """A birth certificate's record with a name and dates drawn at random."""
    name = " ".join(str(random.choice(words)) for words in (_FAMILY, _MIDDLE, _GIVEN))
    born = date(
        int(random.integers(1990, 2025)), int(random.integers(1, 13)), int(random.integers(1, 29))
    )
    return replace(
        SampleBirth.default(),
        full_name=name,
        birth_date=born,
        date_as_printed=f"{born:%d/%m/%Y}",
        number=f"{int(random.integers(1, 400))}/{born.year}",
        personal_number="".join(str(digit) for digit in random.integers(0, 10, 12)),
    )


def with_digit_changed(birth: SampleBirth, random: np.random.Generator) -> SampleBirth:
    """One digit of the date, the register number or the personal number exchanged for another."""
    field = str(random.choice(["date_as_printed", "number", "personal_number"]))
    text: str = getattr(birth, field)
    places = [i for i, char in enumerate(text) if char.isdigit()]
    at = int(random.choice(places))
    other = str((int(text[at]) + int(random.integers(1, 10))) % 10)
    return _with(birth, field, text[:at] + other + text[at + 1 :])


def with_tone_changed(birth: SampleBirth, random: np.random.Generator) -> SampleBirth:
    """One tone mark of the child's name exchanged for another."""
    text = birth.full_name
    places = [i for i, char in enumerate(text) if _tone(char)]
    at = int(random.choice(places))
    letters = unicodedata.normalize("NFD", text[at])
    bare = unicodedata.normalize("NFC", "".join(c for c in letters if c not in _TONES))
    other = str(random.choice([tone for tone in _TONES if tone != _tone(text[at])]))
    char = unicodedata.normalize("NFC", bare + other)
    return _with(birth, "full_name", text[:at] + char + text[at + 1 :])


def _with(birth: SampleBirth, field: str, text: str) -> SampleBirth:
    if field == "full_name":
        return replace(birth, full_name=text)
    if field == "number":
        return replace(birth, number=text)
    if field == "personal_number":
        return replace(birth, personal_number=text)
    return replace(birth, date_as_printed=text)


def _tone(char: str) -> str:
    return next((c for c in unicodedata.normalize("NFD", char) if c in _TONES), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """A simulated way from paper to file."""

    name: str
    conditions: ScanConditions
    scale: float
    quality: int

    def scan(self, page: BgrImage, seed: int) -> BgrImage:
        """The page as this scanner gives it."""
        picture = scan_of(page, seed, self.conditions)
        height, width = picture.shape[:2]
        if self.scale != 1.0:
            picture = resize(picture, round(width * self.scale), round(height * self.scale))
        return effects.jpeg_round_trip(picture, self.quality)


SCANNERS = (
    Scanner(name="good", conditions=ScanConditions(), scale=1.0, quality=85),
    Scanner(
        name="middling",
        conditions=ScanConditions(turn_deg=1.5, blur_px=1.0, noise=5, darkest=0.85),
        scale=1.0,
        quality=70,
    ),
    Scanner(
        name="poor",
        conditions=ScanConditions(turn_deg=2.5, blur_px=1.3, noise=6, darkest=0.75),
        scale=0.8,
        quality=60,
    ),
)
