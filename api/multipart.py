"""``multipart/form-data`` (RFC 7578) as events, sans-IO: bytes in, parts out.

Unlike a form parser it stores nothing, so that each part meets its own bound before a byte of it is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ekyc.errors import InputError, LimitError


@dataclass(frozen=True, slots=True, kw_only=True)
class PartBegin:
    """A part begins."""

    name: str
    filename: str | None


@dataclass(frozen=True, slots=True)
class PartData:
    """Some bytes of the current part."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The current part is complete."""


Event = PartBegin | PartData | PartEnd


class MultipartReader:
    """Feeds on chunks of a body and gives events.

    Raises:
        InputError: not a multipart body (``request.not_multipart``), or a broken one (``request.multipart``).
        LimitError: more than ``max_parts`` parts (``request.too_many_parts``).
    """

    def __init__(self, content_type: str, *, max_parts: int) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 70:
            raise InputError(
                "the body must be multipart/form-data with a boundary", code="request.not_multipart"
            )
        self._events: list[Event] = []
        self._field = b""
        self._value = b""
        self._disposition = ""
        self._parts_left = max_parts
        self._complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": lambda: self._events.append(PartEnd()),
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> list[Event]:
        """Events that this chunk completes."""
        try:
            self._parser.write(chunk)
        except FormParserError as exc:
            raise InputError("the multipart body is malformed", code="request.multipart") from exc
        events, self._events = self._events, []
        return events

    def finish(self) -> None:
        """The body has ended; a body that was cut off is refused here."""
        if not self._complete:
            raise InputError("the multipart body is cut off", code="request.multipart")

    def _part_begin(self) -> None:
        self._disposition = ""
        self._parts_left -= 1
        if self._parts_left < 0:
            raise LimitError("too many parts", code="request.too_many_parts")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value.decode("latin-1")
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise InputError("a part has no name", code="request.multipart")
        filename = options.get(b"filename")
        self._events.append(
            PartBegin(
                name=_text(options[b"name"]),
                filename=None if filename is None else _text(filename),
            )
        )

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(PartData(data[start:end]))

    def _end(self) -> None:
        self._complete = True


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise InputError("a part's name is not UTF-8", code="request.multipart") from exc
