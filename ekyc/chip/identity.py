"""What the chip says about its bearer, taken only from data groups that the security object vouches for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from ekyc.chip.lds.details import Details
from ekyc.chip.lds.dg1 import Dg1
from ekyc.chip.lds.dg11 import Dg11Field
from ekyc.chip.lds.dg12 import Dg12Field
from ekyc.chip.lds.dg13 import Dg13, Dg13Field
from ekyc.mrz import Mrz, MrzFormat, strip_diacritics
from ekyc.outcomes import Outcome
from ekyc.pki.passive_auth import Finding
from ekyc.values import Redacted

VIETNAM: Final = "VNM"
"""Issuer code of the documents whose DG13 and optional data are read."""

_DATE: Final = re.compile(r"(\d{2})/(\d{2})/(\d{4})")
_PERSONAL_NUMBER: Final = re.compile(r"(\d{12})(?:<*\d)?")
_SEX_OF_WORD: Final = {"nam": "M", "nữ": "F"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipIdentity:
    """The bearer as the chip has it. A field is None where no covered data group states it.

    Covered means: signed by whoever signed EF.SOD. Whether that was the issuing authority, ``chip.chain`` tells.
    """

    issuer: str
    """Three-letter code of the issuing state, ``VNM``; empty without DG1."""
    document_number: Redacted[str] | None = None
    """On Vietnamese cards the last nine digits of the personal number; on passports their own number."""
    personal_number: Redacted[str] | None = None
    """Twelve digits."""
    full_name: Redacted[str] | None = None
    """With diacritics from DG13, or from a DG11 that says the same; else from the MRZ, capitals without."""
    birth_date: Redacted[date] | None = None
    sex: Redacted[str] | None = None
    """``M`` or ``F``."""
    nationality: Redacted[str] | None = None
    """As DG13 writes it (``Việt Nam``); else the code of the MRZ."""
    ethnicity: Redacted[str] | None = None
    religion: Redacted[str] | None = None
    place_of_origin: Redacted[str] | None = None
    place_of_residence: Redacted[str] | None = None
    identifying_features: Redacted[str] | None = None
    issue_date: Redacted[date] | None = None
    expiry_date: Redacted[date] | None = None
    """None also for cards that never expire."""
    expiry_text: Redacted[str] | None = None
    """What DG13 says where that is no date."""
    parents: Redacted[tuple[str, ...]] | None = None
    spouse: Redacted[tuple[str, ...]] | None = None
    old_number: Redacted[str] | None = None
    """Nine digits of the former identity card."""


def build_identity(
    dg1: Dg1 | None,
    dg13: Dg13 | None,
    *,
    dg11: Details[Dg11Field] | None = None,
    dg12: Details[Dg12Field] | None = None,
    today: date,
) -> ChipIdentity | None:
    """Join what the groups say; DG13 leads, because it has the full spelling and four-digit years.

    Args:
        dg1: a covered DG1, or None.
        dg13: a covered DG13, or None.
        dg11: a covered DG11, or None. It adds to a zone that it agrees with, and contradicts none.
        dg12: a covered DG12, or None: the date of issue.
        today: resolves the two-digit birth year of the MRZ.
    """
    mrz = dg1.mrz if dg1 else None
    if mrz is None and dg13 is None:
        return None
    zone = _from_mrz(mrz, today) if mrz else {}
    additional = _from_dg11(dg11, mrz) if dg11 and mrz else {}
    issued = {"issue_date": dg12.day(Dg12Field.ISSUE_DATE)} if dg12 else {}
    group = _from_dg13(dg13) if dg13 else {}
    stated = zone | additional | issued | group
    merged = {key: Redacted(value) for key, value in stated.items() if value}
    if "expiry_text" in merged:
        merged.pop("expiry_date", None)
    return ChipIdentity(issuer=dg1.issuer if dg1 else "", **merged)  # type: ignore[arg-type]  # keys are field names


def compare_dg1_with_dg13(dg1: Dg1, dg13: Dg13) -> Finding:
    """Hold the two statements against each other; only what both state is compared.

    Both groups are written by one issuer from one record. A contradiction means that they are of two cards.
    """
    zone, group = _comparable_mrz(dg1.mrz), _comparable_dg13(dg13)
    shared = [key for key in zone if zone[key] and group.get(key)]
    room = dg1.mrz.format.name_room
    wrong = tuple(key for key in shared if not _agree(key, zone[key], group[key], room))
    unread = tuple(f"EF.DG13/{index}" for index in dg13.unreadable)
    if wrong:
        return Finding(outcome=Outcome.FAILED, reasons=("chip.dg1_dg13_differ",), subjects=wrong)
    if "personal_number" not in shared or "full_name" not in shared:
        return Finding(
            outcome=Outcome.INDETERMINATE, reasons=("chip.dg13_unreadable",), subjects=unread
        )
    remarks = ("chip.dg13_unreadable",) if unread else ()
    return Finding(outcome=Outcome.PASSED, reasons=remarks, subjects=unread)


def _from_mrz(mrz: Mrz, today: date) -> dict[str, object]:
    return {
        "document_number": mrz.document_number,
        "personal_number": _personal_number(mrz),
        "full_name": mrz.full_name,
        "birth_date": _two_digit_date(mrz.birth_yymmdd, latest_year=today.year),
        "sex": mrz.sex if mrz.sex in ("M", "F") else None,
        "nationality": mrz.nationality,
        "expiry_date": _two_digit_date(mrz.expiry_yymmdd, latest_year=today.year + 50),
    }


def _personal_number(mrz: Mrz) -> str | None:
    """The twelve digits; the optional data of other states mean other things."""
    match = _PERSONAL_NUMBER.fullmatch(mrz.optional_1) if mrz.issuer == VIETNAM else None
    return match[1] if match else None


def _from_dg11(dg11: Details[Dg11Field], mrz: Mrz) -> dict[str, object]:
    """Spelling and full birth year, where the zone says the same with fewer letters and digits."""
    name, born = dg11.text(Dg11Field.FULL_NAME), dg11.day(Dg11Field.BIRTH_DATE)
    stated: dict[str, object] = {}
    if name and _plain_name(name) == _plain_name(mrz.full_name):
        stated["full_name"] = name
    if born and f"{born:%y%m%d}" == mrz.birth_yymmdd:
        stated["birth_date"] = born
    return stated


def _from_dg13(dg13: Dg13) -> dict[str, object]:
    expiry = dg13.text(Dg13Field.EXPIRY_DATE)
    expiry_date = _full_date(expiry)
    parents, spouse = dg13.names.get(Dg13Field.PARENTS), dg13.names.get(Dg13Field.SPOUSE)
    stated: dict[str, object] = {
        "personal_number": dg13.text(Dg13Field.PERSONAL_NUMBER),
        "full_name": dg13.text(Dg13Field.FULL_NAME),
        "birth_date": _full_date(dg13.text(Dg13Field.BIRTH_DATE)),
        "sex": _sex(dg13.text(Dg13Field.SEX)),
        "nationality": dg13.text(Dg13Field.NATIONALITY),
        "ethnicity": dg13.text(Dg13Field.ETHNICITY),
        "religion": dg13.text(Dg13Field.RELIGION),
        "place_of_origin": dg13.text(Dg13Field.PLACE_OF_ORIGIN),
        "place_of_residence": dg13.text(Dg13Field.PLACE_OF_RESIDENCE),
        "identifying_features": dg13.text(Dg13Field.IDENTIFYING_FEATURES),
        "issue_date": _full_date(dg13.text(Dg13Field.ISSUE_DATE)),
        "expiry_date": expiry_date,
        "expiry_text": None if expiry_date else expiry,
        "parents": parents.reveal() if parents else None,
        "spouse": spouse.reveal() if spouse else None,
        "old_number": dg13.text(Dg13Field.OLD_NUMBER),
    }
    return {key: value for key, value in stated.items() if value}


def _comparable_mrz(mrz: Mrz) -> dict[str, str | None]:
    card = mrz.format is MrzFormat.TD1
    return {
        "document_number": mrz.document_number if card else None,
        "personal_number": _personal_number(mrz),
        "full_name": _plain_name(mrz.full_name),
        "birth_date": mrz.birth_yymmdd if mrz.birth_yymmdd.isdigit() else None,
        "sex": mrz.sex if mrz.sex in ("M", "F") else None,
        "expiry_date": mrz.expiry_yymmdd,
    }


def _comparable_dg13(dg13: Dg13) -> dict[str, str | None]:
    number = dg13.text(Dg13Field.PERSONAL_NUMBER)
    name = dg13.text(Dg13Field.FULL_NAME)
    return {
        "document_number": number[-9:] if number else None,
        "personal_number": number,
        "full_name": _plain_name(name) if name else None,
        "birth_date": _yymmdd(dg13.text(Dg13Field.BIRTH_DATE)),
        "sex": _sex(dg13.text(Dg13Field.SEX)),
        "expiry_date": _yymmdd(dg13.text(Dg13Field.EXPIRY_DATE)),
    }


def _agree(key: str, zone: str | None, group: str | None, name_room: int) -> bool:
    """Equal; a name that fills its field of the MRZ may be cut there (ICAO 9303-5 §4.2.2.2)."""
    if key != "full_name" or zone is None or group is None:
        return zone == group
    full = len(zone) >= name_room - 2
    return group == zone or (full and group.startswith(zone))


def _plain_name(name: str) -> str:
    """Letters and single spaces, as the MRZ can write them."""
    return " ".join(re.findall(r"[A-Z]+", strip_diacritics(name).upper()))


def _sex(word: str | None) -> str | None:
    return _SEX_OF_WORD.get(word.casefold()) if word else None


def _full_date(text: str | None) -> date | None:
    match = _DATE.fullmatch(text) if text else None
    if match is None:
        return None
    try:
        return date(int(match[3]), int(match[2]), int(match[1]))
    except ValueError:
        return None


def _yymmdd(text: str | None) -> str | None:
    found = _full_date(text)
    return f"{found:%y%m%d}" if found else None


def _two_digit_date(yymmdd: str, *, latest_year: int) -> date | None:
    """The latest date with these digits whose year is not after ``latest_year``; None where it is no date."""
    if not (yymmdd.isascii() and yymmdd.isdigit()):
        return None
    year = latest_year - (latest_year - int(yymmdd[:2])) % 100
    try:
        return date(year, int(yymmdd[2:4]), int(yymmdd[4:]))
    except ValueError:
        return None
