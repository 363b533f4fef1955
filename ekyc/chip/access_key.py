"""What opens a chip: the machine readable zone or the card access number that its holder shows (ICAO 9303-11 §4)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from ekyc.errors import InputError
from ekyc.mrz import check_digit
from ekyc.values import Redacted

_NUMBER: Final = re.compile(r"[A-Z0-9<]{1,27}")
_DATE: Final = re.compile(r"[0-9<]{6}")
_CAN: Final = re.compile(r"[0-9]{6}")
_PRINTED_NUMBER: Final = 9
_SEED_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class MrzKey:
    """Document number, birth and expiry as the machine readable zone prints them; ``repr`` shows none of it.

    The Vietnamese card prints the **last nine digits** of the personal number as document number.
    """

    document_number: str = field(repr=False)
    """One to nine characters, more where the zone continues it in the optional data."""
    birth: str = field(repr=False)
    """YYMMDD; ``<`` for unknown parts."""
    expiry: str = field(repr=False)
    """YYMMDD."""

    def __post_init__(self) -> None:
        if not _NUMBER.fullmatch(self.document_number):
            raise _malformed("the document number")
        if not (_DATE.fullmatch(self.birth) and _DATE.fullmatch(self.expiry)):
            raise _malformed("a date")

    @classmethod
    def of_vietnamese_card(cls, personal_number: str, birth: str, expiry: str) -> MrzKey:
        """From the twelve digits of the personal number.

        Raises:
            InputError: ``chip.access_key``.
        """
        if not re.fullmatch(r"[0-9]{12}", personal_number):
            raise _malformed("the personal number")
        return cls(personal_number[-_PRINTED_NUMBER:], birth, expiry)

    @property
    def seed(self) -> Redacted[bytes]:
        """SHA-1 over the MRZ information: number, birth and expiry, each with its check digit (§4.3.2, §9.7.3)."""
        number = self.document_number.ljust(_PRINTED_NUMBER, "<")
        parts = (number, self.birth, self.expiry)
        information = "".join(part + check_digit(part) for part in parts)
        return Redacted(hashlib.sha1(information.encode()).digest())  # noqa: S324  # the standard says SHA-1

    @property
    def bac_seed(self) -> Redacted[bytes]:
        """The seed of basic access control: the first sixteen octets."""
        return Redacted(self.seed.reveal()[:_SEED_BYTES])

    @property
    def password(self) -> Redacted[bytes]:
        """The password of PACE: the whole hash."""
        return self.seed

    @property
    def password_reference(self) -> int:
        """Number of this kind of password in MSE:Set AT."""
        return 1


@dataclass(frozen=True, slots=True)
class CanKey:
    """The six digits of the card access number. They open PACE only."""

    can: str = field(repr=False)

    def __post_init__(self) -> None:
        if not _CAN.fullmatch(self.can):
            raise _malformed("the card access number")

    @property
    def password(self) -> Redacted[bytes]:
        """The digits in ASCII."""
        return Redacted(self.can.encode())

    @property
    def password_reference(self) -> int:
        return 2


AccessKey = MrzKey | CanKey


def _malformed(what: str) -> InputError:
    return InputError(f"{what} has another form", code="chip.access_key")
