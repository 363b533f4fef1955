"""Events as JSON objects and back, exactly: what a log keeps is what is replayed."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final

from ekyc.dossiers.actions import Event
from ekyc.dossiers.errors import TransitionError
from ekyc.dossiers.files import FileEvent
from ekyc.dossiers.protections import ProtectionEvent
from ekyc.dossiers.subject_requests import RequestEvent

AnyEvent = Event | FileEvent | RequestEvent | ProtectionEvent
_KINDS: Final[Mapping[str, type[AnyEvent]]] = types.MappingProxyType(
    {kind.__name__: kind for kind in typing.get_args(AnyEvent)}
)


def event_as_json(event: AnyEvent) -> tuple[str, dict[str, Any]]:
    """The kind of an event and its members: text, numbers, booleans, ``null`` and lists of text."""
    body = {item.name: _plain(getattr(event, item.name)) for item in fields(event)}
    return type(event).__name__, body


def event_from_json(kind: str, body: Mapping[str, Any]) -> AnyEvent:
    """The event that :func:`event_as_json` took apart.

    Raises:
        TransitionError: ``dossier.log_damaged``: no such kind, or not its members.
    """
    try:
        made = _KINDS[kind]
        return made(**{name: _typed(_types(kind)[name], value) for name, value in body.items()})
    except (KeyError, TypeError, ValueError) as exc:
        raise TransitionError("an action cannot be read", code="dossier.log_damaged") from exc


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def _typed(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if typing.get_origin(kind) is types.UnionType:
        kind = next(part for part in typing.get_args(kind) if part is not type(None))
    if kind is datetime:
        return datetime.fromisoformat(value)
    if typing.get_origin(kind) is tuple:
        return tuple(value)
    return kind(value) if issubclass(kind, StrEnum) else value


@cache
def _types(kind: str) -> Mapping[str, Any]:
    return typing.get_type_hints(_KINDS[kind])
