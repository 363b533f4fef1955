"""Our own frozen values as JSON, for the sealed bodies of grants. What was not written here is not read back."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ekyc.storage import StorageError

_T = TypeVar("_T")


def pack(value: Any) -> bytes:
    """A dataclass of texts, numbers, bytes, times, words of an enumeration, tuples and further dataclasses."""
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":")).encode()


def unpack(kind: type[_T], body: bytes) -> _T:
    """The value that :func:`pack` wrote.

    Raises:
        StorageError: ``storage.corrupted``: another value.
    """
    try:
        value = _typed(kind, json.loads(body))
    except (KeyError, TypeError, ValueError) as exc:
        raise StorageError("a grant of another form", code="storage.corrupted") from exc
    assert isinstance(value, kind)
    return value


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


def _typed(kind: Any, value: Any) -> Any:
    if get_origin(kind) in {Union, UnionType}:
        if value is None:
            return None
        (kind,) = (choice for choice in get_args(kind) if choice is not type(None))
    if get_origin(kind) is tuple:
        return tuple(_typed(get_args(kind)[0], item) for item in value)
    if is_dataclass(kind):
        return _record(kind, value)
    if kind in _READERS:
        return _READERS[kind](value)
    if issubclass(kind, Enum):
        return kind(value)
    if type(value) is not kind:
        raise TypeError("another type")
    return value


def _record(kind: Any, value: Any) -> Any:
    hints = _hints(kind)
    if set(value) != set(hints):
        raise ValueError("other members")
    return kind(**{name: _typed(hint, value[name]) for name, hint in hints.items()})


def _bytes(value: str) -> bytes:
    return base64.b64decode(value, validate=True)


_READERS: dict[type, Callable[[str], Any]] = {bytes: _bytes, datetime: datetime.fromisoformat}


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
