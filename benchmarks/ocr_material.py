"""Material of the suites of print: generated truth, names of its fields, invented births."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from ekyc.errors import InputError
from ekyc.samples import SampleBirth

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

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
