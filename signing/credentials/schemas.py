"""Which fields a result of each procedure makes public, and of which kind: ``data/*.toml``.

A value has two forms. In JSON, as people and wallets read it: ``"1985-04-19"``, ``"female"``, hexadecimal digits. On
the wire of a QR code, as few bytes as can be: ``19850419``, ``2``, 32 bytes. Both are checked when written and when
read, and each follows from the other.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

from ekyc.errors import InputError

JsonValue = str | int
WireValue = str | int | bytes

_CODE: Final = re.compile(r"[0-9A-Za-zĐđ][0-9A-Za-zĐđ./_-]*\Z")
_COUNTRY: Final = re.compile(r"[A-Z]{3}\Z")
_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?\Z", re.ASCII)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")
_SEXES: Final = ("unknown", "male", "female")
_SEXES_VI: Final = ("Chưa xác định", "Nam", "Nữ")
_MAX_COUNT: Final = 9999


class FieldKind(StrEnum):
    """What a field holds."""

    TEXT = "text"
    """Words: NFC, no control characters, no space at either end."""
    CODE = "code"
    """Letters (with Đ), digits, ``.``, ``/``, ``_`` and ``-``."""
    DATE = "date"
    """A day; or a month or a year, where no more is known."""
    SEX = "sex"
    """``male``, ``female`` or ``unknown``: ISO/IEC 5218."""
    COUNTRY = "country"
    """Three letters of ISO 3166-1."""
    DIGEST = "digest"
    """SHA-256."""
    COUNT = "count"
    """A whole number from 1 to 9999."""
    CHOICE = "choice"
    """One of the schema's choices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A value that a field of choices may take."""

    value: int
    name: str
    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A public field."""

    key: int
    """On the wire."""
    name: str
    """In JSON."""
    kind: FieldKind
    vi: str
    en: str
    most: int
    """Characters of a text or code."""
    optional: bool
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The public fields of one procedure's result."""

    number: int
    version: int
    id: str
    title_vi: str
    title_en: str
    fields: tuple[Field, ...]

    @property
    def vct(self) -> str:
        """Type in an SD-JWT VC."""
        return f"urn:ekyc-vn:result:{self.id}:{self.version}"

    def to_wire(self, values: Mapping[str, Any]) -> dict[int, WireValue]:
        """Values in JSON form as they stand in a QR code.

        Raises:
            InputError: ``credential.field``, naming the field: missing, unknown, or not of its kind.
        """
        return {
            entry.key: _FORMS[entry.kind].to_wire(entry, held)
            for entry, held in self._matched(values, {entry.name: entry for entry in self.fields})
        }

    def from_wire(self, values: Mapping[Any, Any]) -> dict[str, JsonValue]:
        """Values of a QR code in JSON form, in the schema's order.

        Raises:
            InputError: ``credential.field``.
        """
        return {
            entry.name: _FORMS[entry.kind].from_wire(entry, held)
            for entry, held in self._matched(values, {entry.key: entry for entry in self.fields})
        }

    def require_some(self, values: Mapping[str, Any]) -> None:
        """Return if these are fields of the schema, of their kind; any may be missing.

        Raises:
            InputError: ``credential.field``.
        """
        known = {entry.name: entry for entry in self.fields}
        for name, value in values.items():
            if name not in known:
                raise InputError("the schema has no such field", code="credential.field")
            _FORMS[known[name].kind].to_wire(known[name], value)

    def describe(
        self, values: Mapping[str, JsonValue], language: str = "vi"
    ) -> list[tuple[str, str]]:
        """Label and text of each field, for people, in ``"vi"`` or ``"en"``."""
        return [
            (
                entry.vi if language == "vi" else entry.en,
                _shown(entry, values[entry.name], language),
            )
            for entry in self.fields
            if entry.name in values
        ]

    def _matched(
        self, values: Mapping[Any, Any], known: Mapping[Any, Field]
    ) -> list[tuple[Field, Any]]:
        strange = [key for key in values if key not in known or type(key) not in {int, str}]
        if strange:
            raise InputError("the schema has no such field", code="credential.field")
        for key, entry in known.items():
            if key not in values and not entry.optional:
                raise _refused(entry, "is missing")
        return [(entry, values[key]) for key, entry in known.items() if key in values]


@cache
def schemas() -> Mapping[str, Schema]:
    """All schemas by id."""
    folder = resources.files("ekyc.signing.credentials.data")
    found = [
        _read(file.read_text(encoding="utf-8"))
        for file in sorted(folder.iterdir(), key=lambda item: item.name)
        if file.name.endswith(".toml")
    ]
    return MappingProxyType({schema.id: schema for schema in found})


def schema_of(schema_id: str) -> Schema:
    """
    Raises:
        InputError: ``credential.schema``: none of this id.
    """
    found = schemas().get(schema_id)
    if found is None:
        raise InputError(f"known: {', '.join(schemas())}", code="credential.schema")
    return found


def schema_on_wire(number: int, version: int) -> Schema:
    """
    Raises:
        InputError: ``credential.schema``: none of this number and version.
    """
    for schema in schemas().values():
        if (schema.number, schema.version) == (number, version):
            return schema
    raise InputError("a kind of result that this version does not know", code="credential.schema")


@dataclass(frozen=True, slots=True)
class _Form:
    to_wire: Callable[[Field, Any], WireValue]
    from_wire: Callable[[Field, Any], JsonValue]


def _text(entry: Field, value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= entry.most:
        raise _refused(entry, f"must be text of 1 to {entry.most} characters")
    if (
        value != value.strip()
        or unicodedata.normalize("NFC", value) != value
        or any(unicodedata.category(c)[0] == "C" or (c != " " and c.isspace()) for c in value)
    ):
        raise _refused(entry, "must be composed (NFC), without control characters or outer space")
    return value


def _code(entry: Field, value: Any) -> str:
    text = _text(entry, value)
    if not _CODE.match(text):
        raise _refused(entry, "must be letters, digits and ./_- alone")
    return text


def _country(entry: Field, value: Any) -> str:
    if not isinstance(value, str) or not _COUNTRY.match(value):
        raise _refused(entry, "must be three letters of ISO 3166-1")
    return value


def _count(entry: Field, value: Any) -> int:
    if type(value) is not int or not 1 <= value <= _MAX_COUNT:
        raise _refused(entry, f"must be a whole number from 1 to {_MAX_COUNT}")
    return value


def _date_to_wire(entry: Field, value: Any) -> int:
    found = _DATE.match(value) if isinstance(value, str) else None
    if found is None:
        raise _refused(entry, "must be YYYY-MM-DD, YYYY-MM or YYYY")
    year, month, day = (int(part or 0) for part in found.groups())
    _require_date(entry, year, month, day)
    return year * 10_000 + month * 100 + day


def _date_from_wire(entry: Field, value: Any) -> str:
    if type(value) is not int or not 0 < value < 10**8:
        raise _refused(entry, "must be a date")
    year, rest = divmod(value, 10_000)
    month, day = divmod(rest, 100)
    _require_date(entry, year, month, day)
    return f"{year:04}" + (f"-{month:02}" if month else "") + (f"-{day:02}" if day else "")


def _require_date(entry: Field, year: int, month: int, day: int) -> None:
    try:
        date(year, month or 1, day or 1)
    except ValueError as exc:
        raise _refused(entry, "must be a day of the calendar") from exc
    if day and not month:
        raise _refused(entry, "must be a day of the calendar")


def _sex_to_wire(entry: Field, value: Any) -> int:
    if value not in _SEXES:
        raise _refused(entry, f"must be one of {', '.join(_SEXES)}")
    return _SEXES.index(value)


def _sex_from_wire(entry: Field, value: Any) -> str:
    if type(value) is not int or not 0 <= value < len(_SEXES):
        raise _refused(entry, "must be a sex")
    return _SEXES[value]


def _digest_to_wire(entry: Field, value: Any) -> bytes:
    if not isinstance(value, str) or not _DIGEST.match(value):
        raise _refused(entry, "must be 64 lower-case hexadecimal digits")
    return bytes.fromhex(value)


def _digest_from_wire(entry: Field, value: Any) -> str:
    if not isinstance(value, bytes) or len(value) != 32:
        raise _refused(entry, "must be 32 bytes")
    return value.hex()


def _choice_to_wire(entry: Field, value: Any) -> int:
    for choice in entry.choices:
        if choice.name == value:
            return choice.value
    raise _refused(entry, f"must be one of {', '.join(c.name for c in entry.choices)}")


def _choice_from_wire(entry: Field, value: Any) -> str:
    for choice in entry.choices:
        if type(value) is int and choice.value == value:
            return choice.name
    raise _refused(entry, "must be one of the schema's choices")


_FORMS: Final[Mapping[FieldKind, _Form]] = MappingProxyType(
    {
        FieldKind.TEXT: _Form(_text, _text),
        FieldKind.CODE: _Form(_code, _code),
        FieldKind.COUNTRY: _Form(_country, _country),
        FieldKind.COUNT: _Form(_count, _count),
        FieldKind.DATE: _Form(_date_to_wire, _date_from_wire),
        FieldKind.SEX: _Form(_sex_to_wire, _sex_from_wire),
        FieldKind.DIGEST: _Form(_digest_to_wire, _digest_from_wire),
        FieldKind.CHOICE: _Form(_choice_to_wire, _choice_from_wire),
    }
)


def _shown(entry: Field, value: JsonValue, language: str) -> str:
    if entry.kind is FieldKind.DATE:
        return "/".join(reversed(str(value).split("-")))
    if entry.kind is FieldKind.SEX and language == "vi":
        return _SEXES_VI[_SEXES.index(str(value))]
    for choice in entry.choices:
        if choice.name == value:
            return choice.vi if language == "vi" else choice.en
    return str(value)


def _read(text: str) -> Schema:
    entry = tomllib.loads(text)
    fields = tuple(
        Field(
            key=field["key"],
            name=field["name"],
            kind=FieldKind(field["kind"]),
            vi=field["vi"],
            en=field["en"],
            most=field.get("most", 0),
            optional=field.get("optional", False),
            choices=tuple(Choice(**choice) for choice in field.get("choices", ())),
        )
        for field in entry.pop("fields")
    )
    return Schema(fields=fields, **entry)


def _refused(entry: Field, why: str) -> InputError:
    return InputError(why, code="credential.field", subject=entry.name)
