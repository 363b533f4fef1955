"""Events as they are written: canonical JSON (RFC 8785), ``{"at": time, "facts": {…}, "kind": kind, "number": number}``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, get_type_hints

import rfc8785

from ekyc.errors import InputError
from ekyc.storage.evidence.events import KINDS
from ekyc.storage.evidence.forms import Event, Form, Reference, time_text
from ekyc.storage.evidence.merkle import MAX_SIZE

MAX_EVENT_BYTES: Final = 65_536
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z\Z")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    form: Form
    optional: bool


def _fields_of(kind: type[Event]) -> tuple[_Field, ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        _Field(field.name, hints[field.name].__metadata__[0], field.default is None)
        for field in fields(kind)  # type: ignore[arg-type]  # every kind is a dataclass
    )


_FIELDS: Final[Mapping[type[Event], tuple[_Field, ...]]] = {
    kind: _fields_of(kind) for kind in KINDS
}
VOCABULARY: Final[Mapping[str, Mapping[str, tuple[Form, bool]]]] = MappingProxyType(
    {
        kind.kind: MappingProxyType({one.name: (one.form, one.optional) for one in known})
        for kind, known in _FIELDS.items()
    }
)
"""Kind → field → its form, and whether it may be missing."""


def encode(
    event: Event, *, number: int, at: datetime, pseudonym: Callable[[Reference], str]
) -> bytes:
    """Canonical JSON of an event.

    Args:
        event: of a known kind.
        number: its place in the log.
        at: aware.
        pseudonym: what is written for a reference.

    Raises:
        InputError: ``audit.event_form``: a field is not of its form; nothing of it is told.
    """
    facts: dict[str, Any] = {}
    for field in _FIELDS[type(event)]:
        value = getattr(event, field.name)
        if value is None and field.optional:
            continue
        if isinstance(value, Reference):
            value = pseudonym(value)
        if not field.form.admits(value):
            raise InputError(
                f"not a {field.form.name}: the evidence log holds nothing else",
                code="audit.event_form",
                subject=f"{event.kind}/{field.name}",
            )
        facts[field.name] = list(value) if isinstance(value, tuple) else value
    # What the forms admit needs no escape and no float: here json writes what RFC 8785 asks for, in a quarter of the time.
    content = {"at": time_text(at), "facts": facts, "kind": event.kind, "number": number}
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")


def decode(data: bytes) -> tuple[int, dict[str, Any]] | None:
    """Number and content of an event; ``None``: not canonical, of no known kind, or with a field of another form."""
    try:
        event = json.loads(data)
        if rfc8785.dumps(event) != data or not _is_event(event):
            return None
    except (ValueError, RecursionError, TypeError, rfc8785.CanonicalizationError):
        return None
    return event["number"], event


def _is_event(event: object) -> bool:
    if not isinstance(event, dict) or set(event) != {"at", "facts", "kind", "number"}:
        return False
    number, facts, kind, at = event["number"], event["facts"], event["kind"], event["at"]
    if not isinstance(facts, dict) or not isinstance(kind, str) or not isinstance(at, str):
        return False
    known = VOCABULARY.get(kind)
    return (
        type(number) is int
        and 0 <= number < MAX_SIZE
        and _TIME.match(at) is not None
        and known is not None
        and set(facts) <= set(known)
        and all(
            form.admits(facts[name]) if name in facts else optional
            for name, (form, optional) in known.items()
        )
    )
