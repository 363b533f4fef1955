"""A made-up citizen and her child, for demonstrations and tests. Nobody is meant.

The names hold the word MẪU (sample) and the numbers end in a counting sequence, so that nobody takes the papers
drawn from them for real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from ekyc.errors import InputError
from ekyc.mrz import build_td1, vietnamese_optional_1


class Sex(StrEnum):
    """Sex as papers state it; the value is the letter of the MRZ."""

    MALE = "M"
    FEMALE = "F"

    @property
    def vi(self) -> str:
        return "Nam" if self is Sex.MALE else "Nữ"


_FIRST_CENTURY: Final = 19
_LAST_CENTURY: Final = 23


def personal_number(*, province: str, birth_date: date, sex: Sex, serial: str) -> str:
    """The twelve digits that a person gets at birth registration.

    Three digits of the province, one for century and sex (1900s: 0 male, 1 female; 2000s: 2 and 3; …), two of the
    birth year, six at random. There is no check digit (Decree 137/2015/NĐ-CP article 13; Circular 07/2016/TT-BCA
    article 7).

    Raises:
        InputError: a part has the wrong length, or the year lies outside 1900–2399 (``sample.personal_number``).
    """
    century = birth_date.year // 100
    digits = f"{province}{serial}"
    if (len(province), len(serial)) != (3, 6) or not (digits.isascii() and digits.isdigit()):
        raise InputError(
            "three digits of province and six of serial number are needed",
            code="sample.personal_number",
        )
    if not _FIRST_CENTURY <= century <= _LAST_CENTURY:
        raise InputError("the year lies outside 1900–2399", code="sample.personal_number")
    mark = 2 * (century - _FIRST_CENTURY) + (sex is Sex.FEMALE)
    return f"{province}{mark}{birth_date.year % 100:02d}{serial}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCitizen:
    """Everything that the card and the chip of an invented adult say."""

    personal_number: str
    """Twelve digits."""
    full_name: str
    """Capitals with diacritics, as printed on the card."""
    birth_date: date
    sex: Sex
    nationality: str
    ethnicity: str
    religion: str
    origin: str
    """Place of origin, from ward to province."""
    residence: str
    """Place of residence, from house to province."""
    features: str
    """Identifying features, printed on the back."""
    issue_date: date
    expiry_date: date
    father_name: str
    mother_name: str
    spouse_name: str
    old_number: str
    """Nine digits of the former identity card."""

    @classmethod
    def default(cls) -> SampleCitizen:
        """A woman from Đà Nẵng. Her card, issued within two years of her 40th birthday, lasts to the 60th."""
        birth_date = date(1985, 4, 19)
        return cls(
            personal_number=personal_number(
                province="048", birth_date=birth_date, sex=Sex.FEMALE, serial="012345"
            ),
            full_name="NGUYỄN THỊ MẪU",
            birth_date=birth_date,
            sex=Sex.FEMALE,
            nationality="Việt Nam",
            ethnicity="Kinh",
            religion="Không",
            origin="Điện Phước, Điện Bàn, Quảng Nam",
            residence="Tổ 12, Hòa Thuận Tây, Hải Châu, Đà Nẵng",
            features="Nốt ruồi cách 1,5 cm dưới sau mép trái",
            issue_date=date(2023, 8, 21),
            expiry_date=date(2045, 4, 19),
            father_name="NGUYỄN VĂN MẪU",
            mother_name="LÊ THỊ MẪU",
            spouse_name="TRẦN VĂN MẪU",
            old_number="201234567",
        )

    @property
    def name_in_mixed_case(self) -> str:
        """``Nguyễn Thị Mẫu``, as the QR code and most papers write it."""
        return self.full_name.title()

    def mrz_lines(self) -> tuple[str, str, str]:
        """The three lines of the card's machine readable zone (TD1, ICAO 9303-5 §4.2).

        The document number is the last nine of the twelve digits; optional data 1 holds all twelve.
        """
        surname, _, given_names = self.full_name.partition(" ")
        zone = build_td1(
            document_number=self.personal_number[-9:],
            optional_1=vietnamese_optional_1(self.personal_number),
            birth_yymmdd=f"{self.birth_date:%y%m%d}",
            sex=self.sex.value,
            expiry_yymmdd=f"{self.expiry_date:%y%m%d}",
            surname=surname,
            given_names=given_names,
        )
        return zone[:30], zone[30:60], zone[60:]

    def qr_payload(self) -> str:
        """What the QR code on the front says: seven fields between bars, UTF-8, unsigned."""
        fields = (
            self.personal_number,
            self.old_number,
            self.name_in_mixed_case,
            f"{self.birth_date:%d%m%Y}",
            self.sex.vi,
            self.residence,
            f"{self.issue_date:%d%m%Y}",
        )
        return "|".join(fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleParent:
    """A parent as a birth certificate names one."""

    full_name: str
    birth_year: int
    ethnicity: str
    nationality: str
    residence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleBirth:
    """What an invented birth certificate certifies."""

    number: str
    """Number in the register, ``123/2024``."""
    full_name: str
    birth_date: date
    date_as_printed: str
    """``dd/mm/yyyy``. An altered certificate prints another date than the one that it writes in words."""
    sex: Sex
    ethnicity: str
    nationality: str
    birth_place: str
    origin: str
    personal_number: str
    mother: SampleParent
    father: SampleParent
    declarant_name: str
    declarant_paper: str
    """The identity paper that the declarant showed."""
    registrar_office: str
    registered_on: date
    signer_title: str
    signer_name: str

    @classmethod
    def default(cls) -> SampleBirth:
        """The daughter of :meth:`SampleCitizen.default`."""
        return cls.of_child_of(SampleCitizen.default())

    @classmethod
    def of_child_of(cls, mother: SampleCitizen) -> SampleBirth:
        """A daughter whose mother is ``mother``."""
        birth_date = date(2024, 3, 17)
        family = mother.spouse_name.split()[0]
        return cls(
            number="127/2024",
            full_name=f"{family} NGỌC MẪU",
            birth_date=birth_date,
            date_as_printed=f"{birth_date:%d/%m/%Y}",
            sex=Sex.FEMALE,
            ethnicity=mother.ethnicity,
            nationality=mother.nationality,
            birth_place="Bệnh viện Phụ sản - Nhi Đà Nẵng",
            origin="Hòa Tiến, Hòa Vang, Đà Nẵng",
            personal_number=personal_number(
                province="048", birth_date=birth_date, sex=Sex.FEMALE, serial="012347"
            ),
            mother=_parent(mother.full_name, mother.birth_date.year, mother),
            father=_parent(mother.spouse_name, mother.birth_date.year - 2, mother),
            declarant_name=mother.full_name,
            declarant_paper=f"CCCD số {mother.personal_number}",
            registrar_office="UBND phường Hòa Thuận Tây, quận Hải Châu, Đà Nẵng",
            registered_on=date(2024, 4, 2),
            signer_title="CHỦ TỊCH",
            signer_name="PHẠM QUỐC MẪU",
        )


def _parent(name: str, birth_year: int, mother: SampleCitizen) -> SampleParent:
    return SampleParent(
        full_name=name,
        birth_year=birth_year,
        ethnicity=mother.ethnicity,
        nationality=mother.nationality,
        residence=mother.residence,
    )
