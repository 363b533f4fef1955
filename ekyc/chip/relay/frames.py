"""Frames of the relay, version 1: one JSON object per WebSocket text message, octets in base64.

======== ============ ==================================================================================
way      ``type``     other members
======== ============ ==================================================================================
→ server ``hello``    ``protocol``, ``token``, ``max_command_bytes``, ``max_response_bytes``, ``extended_length``
server → ``ready``    ``mode``: ``full`` or ``hybrid``
→ server ``file``     ``name``, ``content``: hybrid only, before ``handover``
→ server ``handover`` ``access``, ``suite``, ``encryption``, ``mac``, ``counter``: hybrid only, once
server → ``commands`` ``sequence``, ``commands``
→ server ``responses`` ``sequence``, ``responses``
→ server ``abort``    ``code``: the client cannot go on
server → ``finished`` ``transcript``: digest of what was recorded
server → ``error``    ``code``: the session is over
======== ============ ==================================================================================

A client sends the commands of a frame to the chip in order and **stops behind the first answer that is not 9000**. It
returns every answer in one frame under the same sequence number.

The parser takes exactly these members with exactly these types: no twins, no further members, no floating point, base64
only in its canonical form. A frame has one spelling up to white space and order.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeVar

from ekyc.chip.apdu import MAX_EXTENDED_LE
from ekyc.chip.files import ElementaryFile
from ekyc.chip.reader import AccessProtocol
from ekyc.chip.relay.limits import MAX_COMMANDS_IN_FRAME, MAX_FRAME_BYTES
from ekyc.errors import InputError, LimitError
from ekyc.values import Redacted

PROTOCOL: Final = "ekyc-chip-relay-1"
"""Name and version; also the WebSocket subprotocol."""

_MIN_LINK_BYTES: Final = 64
_MAX_LINK_BYTES: Final = 70_000
_MAX_APDU_BYTES: Final = MAX_EXTENDED_LE + 16
_MAX_SEQUENCE: Final = 1_000_000
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,128}")
_CODE: Final = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_NAME: Final = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,31}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_PROTOCOL: Final = re.compile(r"[a-z0-9-]{1,40}")

_T = TypeVar("_T", bound="Frame")


class RelayMode(StrEnum):
    """Who opens the chip."""

    FULL = "full"
    """The server sends every command."""
    HYBRID = "hybrid"
    """The client opens the chip, reads it and hands the session over; the server makes the chip prove its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """First frame of a client: who it is, and what its link to the chip carries."""

    token: Redacted[str]
    max_command_bytes: int
    max_response_bytes: int
    extended_length: bool
    protocol: str = PROTOCOL


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The server took the client."""

    mode: RelayMode


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFrame:
    """A file that the client read."""

    name: ElementaryFile
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverFrame:
    """The session that the client opened. ``repr`` shows no key."""

    access: AccessProtocol
    suite: str
    encryption: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    counter: bytes = field(repr=False)
    """Big-endian."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Commands for the chip."""

    sequence: int
    commands: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses:
    """Answers to the commands of this number."""

    sequence: int
    responses: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """The client cannot go on."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The chip is read, and may be taken away."""

    transcript: str
    """SHA-256 of the transcript, in hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The session is over."""

    code: str


Frame = Hello | Ready | FileFrame | HandoverFrame | Commands | Responses | Abort | Finished | Failed


def encode_frame(frame: Frame) -> str:
    """The frame as text."""
    members = {item.name: _plain(getattr(frame, item.name)) for item in fields(frame)}
    return json.dumps({"type": _TYPES[type(frame)], **members}, separators=(",", ":"))


def parse_frame(text: str, kind: type[_T]) -> _T:
    """Read a frame of the one kind that may come now.

    Raises:
        LimitError: ``chip.relay_frame_too_large``.
        InputError: ``chip.relay_frame_malformed``; ``chip.relay_unexpected_frame``: sound, but of another kind;
            ``chip.relay_version``: a greeting in another version.
    """
    frame = parse_any(text)
    if not isinstance(frame, kind):
        raise InputError(
            f"{_TYPES[kind]} was due",
            code="chip.relay_unexpected_frame",
            subject=_TYPES[type(frame)],
        )
    return frame


def parse_any(text: str) -> Frame:
    """Read a frame of whatever kind.

    Raises:
        LimitError, InputError: as :func:`parse_frame`, but for ``chip.relay_unexpected_frame``.
    """
    if len(text) > MAX_FRAME_BYTES:
        raise LimitError(
            f"a frame has at most {MAX_FRAME_BYTES} characters", code="chip.relay_frame_too_large"
        )
    try:
        return _read(text)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as exc:
        raise InputError("not a frame of the relay", code="chip.relay_frame_malformed") from exc


def _read(text: str) -> Frame:
    content = json.loads(
        text, object_pairs_hook=_without_twins, parse_float=_refuse, parse_constant=_refuse
    )
    kind, readers = _READERS[content.pop("type")]
    if content.keys() != readers.keys():
        raise ValueError("members are missing, or there are others")
    values = {name: read(content[name]) for name, read in readers.items()}
    if kind is Hello and values["protocol"] != PROTOCOL:
        raise InputError(f"the server speaks {PROTOCOL}", code="chip.relay_version")
    frame: Frame = kind(**values)
    return frame


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a member stands twice")
    return content


def _refuse(_number: str) -> NoReturn:
    raise ValueError("no such number has a place in a frame")


def _text(pattern: re.Pattern[str]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not pattern.fullmatch(value):  # TypeError for anything but text
            raise ValueError("a text has another form")
        return str(value)

    return read


def _number(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ValueError("a number is out of range")
        return value

    return read


def _octets(most: int, least: int = 0) -> Callable[[Any], bytes]:
    def read(value: Any) -> bytes:
        octets = base64.b64decode(value, validate=True)
        if not least <= len(octets) <= most or base64.b64encode(octets) != value.encode():
            raise ValueError("octets are too many, or not in canonical base64")
        return octets

    return read


def _apdus(value: Any) -> tuple[bytes, ...]:
    if type(value) is not list or not 1 <= len(value) <= MAX_COMMANDS_IN_FRAME:
        raise ValueError("a frame holds a few APDUs")
    return tuple(map(_octets(_MAX_APDU_BYTES), value))


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError("true or false was due")
    return value


def _token(value: Any) -> Redacted[str]:
    return Redacted(_text(_TOKEN)(value))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.reveal() if isinstance(value, Redacted) else value


_READERS: Final[Mapping[str, tuple[type[Any], Mapping[str, Callable[[Any], Any]]]]] = (
    MappingProxyType(
        {
            "hello": (
                Hello,
                {
                    "protocol": _text(_PROTOCOL),
                    "token": _token,
                    "max_command_bytes": _number(_MIN_LINK_BYTES, _MAX_LINK_BYTES),
                    "max_response_bytes": _number(_MIN_LINK_BYTES, _MAX_LINK_BYTES),
                    "extended_length": _truth,
                },
            ),
            "ready": (Ready, {"mode": RelayMode}),
            "file": (FileFrame, {"name": ElementaryFile, "content": _octets(MAX_FRAME_BYTES)}),
            "handover": (
                HandoverFrame,
                {
                    "access": AccessProtocol,
                    "suite": _text(_NAME),
                    "encryption": _octets(32),
                    "mac": _octets(32),
                    "counter": _octets(16, 1),
                },
            ),
            "commands": (
                Commands,
                {"sequence": _number(1, _MAX_SEQUENCE), "commands": _apdus},
            ),
            "responses": (
                Responses,
                {"sequence": _number(1, _MAX_SEQUENCE), "responses": _apdus},
            ),
            "abort": (Abort, {"code": _text(_CODE)}),
            "finished": (Finished, {"transcript": _text(_DIGEST)}),
            "error": (Failed, {"code": _text(_CODE)}),
        }
    )
)
_TYPES: Final = {kind: name for name, (kind, _) in _READERS.items()}
