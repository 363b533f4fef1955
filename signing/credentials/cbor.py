"""CBOR (RFC 8949) in its deterministic form alone: one value has one encoding, and a reader takes no other.

What credentials are made of: integers of up to 64 bits, byte and text strings, arrays, maps, ``true``, ``false``,
``null`` and one tag. No floating point, no further simple value, no indefinite length. Rules of RFC 8949 §4.2.1:
shortest heads, keys of a map in bytewise order of their encodings, none twice. So equal values are equal bytes, and
nothing that a second parser might read otherwise gets past this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ekyc.errors import InputError

MAX_DEPTH: Final = 8
MAX_ITEMS: Final = 4096
"""Values in one encoding, all together."""

_ADDITIONAL: Final = {24: 1, 25: 2, 26: 4, 27: 8}
_SIMPLE: Final = {20: False, 21: True, 22: None}

CborValue: TypeAlias = "int | bytes | str | bool | tuple[Any, ...] | dict[Any, Any] | Tagged | None"


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value behind a tag."""

    tag: int
    value: Any


def encode(value: CborValue | list[Any]) -> bytes:  # noqa: PLR0911  # one for each type
    """The deterministic encoding of a value.

    Raises:
        InputError: ``credential.cbor``: of a type that is not used here, or an integer of more than 64 bits.
    """
    match value:
        case bool() | None:
            return bytes([{False: 0xF4, True: 0xF5, None: 0xF6}[value]])
        case int() if value >= 0:
            return _head(0, value)
        case int():
            return _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            data = _utf8(value)
            return _head(3, len(data)) + data
        case tuple() | list():
            return _head(4, len(value)) + b"".join(map(encode, value))
        case dict():
            pairs = sorted((encode(key), encode(held)) for key, held in value.items())
            return _head(5, len(pairs)) + b"".join(key + held for key, held in pairs)
        case Tagged():
            return _head(6, value.tag) + encode(value.value)
        case _:
            raise malformed("a value of this type is not written")


def decode(data: bytes) -> CborValue:
    """The value of an encoding, the whole of it.

    Arrays come as tuples, tags as :class:`Tagged`.

    Raises:
        InputError: ``credential.cbor``: not the deterministic encoding of a value of the types above, nested more than
            eight deep, of more than 4096 values, or followed by anything.
    """
    reader = _Reader(data)
    value: CborValue = reader.value(0)
    if reader.at != len(data):
        raise malformed("bytes follow the value")
    return value


def members(
    value: object, required: Mapping[int | str, type], optional: Mapping[int | str, type]
) -> Any:
    """A map with exactly these keys and types; ``bool`` is no ``int`` here.

    Raises:
        InputError: ``credential.cbor``.
    """
    if not isinstance(value, dict) or not required.keys() <= value.keys():
        raise malformed("a map lacks what it must hold")
    known = {**required, **optional}
    for key, held in value.items():
        if type(key) not in {int, str} or type(held) is not known.get(key):
            raise malformed("a map holds what it must not")
    return value


def malformed(what: str) -> InputError:
    """The one error of this encoding."""
    return InputError(what, code="credential.cbor")


class _Reader:
    """Reads one value after the other, and counts."""

    __slots__ = ("_data", "_items", "at")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._items = 0
        self.at = 0

    def value(self, depth: int) -> Any:  # noqa: PLR0911  # one for each major type
        self._items += 1
        if depth > MAX_DEPTH or self._items > MAX_ITEMS:
            raise malformed("too deep, or too many values")
        major, argument = self._head()
        match major:
            case 0:
                return argument
            case 1:
                return -1 - argument
            case 2:
                return self._take(argument)
            case 3:
                return _text(self._take(argument))
            case 4:
                self._announce(argument)
                return tuple(self.value(depth + 1) for _ in range(argument))
            case 5:
                self._announce(2 * argument)
                return self._map(argument, depth + 1)
            case 6:
                return Tagged(argument, self.value(depth + 1))
            case _:
                if argument not in _SIMPLE:
                    raise malformed("a simple value or a floating-point number")
                return _SIMPLE[argument]

    def _map(self, count: int, depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        before = b""
        for _ in range(count):
            start = self.at
            key = self.value(depth)
            encoded = self._data[start : self.at]
            if type(key) not in {int, str} or encoded <= before:
                raise malformed("keys of a map out of order, twice, or of a strange type")
            before = encoded
            found[key] = self.value(depth)
        return found

    def _head(self) -> tuple[int, int]:
        (first,) = self._take(1)
        major, short = first >> 5, first & 0x1F
        if short < 24:
            return major, short
        width = _ADDITIONAL.get(short)
        if width is None or major == 7:
            raise malformed("an indefinite or reserved length, or a floating-point number")
        argument = int.from_bytes(self._take(width))
        if argument < 24 or (width > 1 and argument < 1 << (4 * width)):
            raise malformed("not the shortest head")
        return major, argument

    def _announce(self, count: int) -> None:
        """Refuse a count that the remaining bytes cannot hold, before anything is made of it."""
        if count > len(self._data) - self.at:
            raise malformed("ends early")

    def _take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self._data):
            raise malformed("ends early")
        taken = self._data[self.at : end]
        self.at = end
        return taken


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for short, width in _ADDITIONAL.items():
        if argument < 1 << (8 * width):
            return bytes([major << 5 | short]) + argument.to_bytes(width)
    raise malformed("an integer of more than 64 bits")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as exc:
        raise malformed("half a surrogate pair") from exc


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise malformed("text that is not UTF-8") from exc
