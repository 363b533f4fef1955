"""What a simulated card is told about its bearer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class CitizenData:
    """An invented citizen. Empty texts and None are left out of the chip."""

    personal_number: str = field(repr=False)
    """Twelve digits."""
    full_name: str = field(repr=False)
    """With diacritics; the first word is the surname."""
    birth_date: date = field(repr=False)
    sex: str = field(repr=False)
    """``M`` or ``F``."""
    nationality: str = "Việt Nam"
    ethnicity: str = field(default="", repr=False)
    religion: str = field(default="", repr=False)
    origin: str = field(default="", repr=False)
    """Place of origin."""
    residence: str = field(default="", repr=False)
    """Place of residence."""
    features: str = field(default="", repr=False)
    """Identifying features."""
    issue_date: date
    expiry_date: date | None = None
    """None: the card never expires, as for bearers over sixty."""
    father_name: str = field(default="", repr=False)
    mother_name: str = field(default="", repr=False)
    spouse_name: str = field(default="", repr=False)
    old_number: str = field(default="", repr=False)
    """Nine digits of the former identity card."""

    @property
    def surname(self) -> str:
        return self.full_name.split(" ", 1)[0]

    @property
    def given_names(self) -> str:
        return self.full_name.partition(" ")[2]
