"""What every process that runs on logs, be it `ekyc serve`, `worker` or `sam serve`: lines of named fields, each of a form.
Everything else is withheld.

Privacy by an allow-list, in three steps:

1. Our own events go through :func:`log_event`: a field that :data:`FIELDS` does not name is a defect, a value that has
   not the field's form is written as ``-``.
2. Other lines of ours are a constant text with arguments; an argument that is neither a number nor an id or code is
   written as ``-``.
3. Lines of libraries show their text only where it is one of :data:`KNOWN_TEXTS`; otherwise logger, level, place, and the
   type of an exception. Never the text of an exception, which may repeat what was submitted.

Both formats, JSON lines and lines for people, are made of the same fields.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TextIO

from ekyc.errors import place_of

WITHHELD: Final = "-"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Any other is the caller's own word."""
_LONG_NUMBER: Final = re.compile(r"(?<![A-Za-z0-9])\d{9,}(?![A-Za-z0-9])")
_WORD: Final = re.compile(r"[A-Za-z0-9_.:<>-]{1,80}")
_CODE: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_ROUTE: Final = re.compile(r"-|/[A-Za-z0-9_.{}:/-]*")
_TYPE_IN_TRACEBACK: Final = re.compile(r"^(?:\w+\.)*(\w+)(?::|\Z)")


class LogFormat(StrEnum):
    """How a line is written."""

    JSON = "json"
    TEXT = "text"


def _is_word(value: object) -> bool:
    return (
        isinstance(value, str)
        and bool(_WORD.fullmatch(value))
        and _LONG_NUMBER.search(value) is None
    )


def _is_code(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 80 and bool(_CODE.fullmatch(value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _is_method(value: object) -> bool:
    return value in METHODS or value == "OTHER"


def _is_route(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 200 and bool(_ROUTE.fullmatch(value))


def _are_words(value: object) -> bool:
    return isinstance(value, list) and len(value) <= 10 and all(map(_is_word, value))


FIELDS: Final[Mapping[str, Callable[[object], bool]]] = MappingProxyType(
    {
        "request_id": _is_word,
        "method": _is_method,
        "route": _is_route,
        "status": _is_number,
        "duration_ms": _is_number,
        "problem": _is_code,
        "tenant": _is_word,
        "client": _is_word,
        "error": _is_word,
        "at": _are_words,
        "session": _is_word,
        "mode": _is_word,
        "state": _is_word,
        "code": _is_code,
        "round_trips": _is_number,
    }
)
"""Every field that an event may have, and the form of its value."""

KNOWN_TEXTS: Final = frozenset(
    {
        "Started server process [%d]",
        "Finished server process [%d]",
        "Waiting for application startup.",
        "Application startup complete.",
        "Application startup failed. Exiting.",
        "Waiting for application shutdown.",
        "Application shutdown complete.",
        "Application shutdown failed. Exiting.",
        "Shutting down",
        "Waiting for connections to close. (CTRL+C to force quit)",
        "Waiting for background tasks to complete. (CTRL+C to force quit)",
        "Uvicorn running on %s://%s:%d (Press CTRL+C to quit)",
        "Uvicorn running on socket %s (Press CTRL+C to quit)",
        "Invalid HTTP request received.",
        "Unsupported upgrade request.",
        "Exceeded concurrency limit.",
    }
)
"""Texts of uvicorn that say nothing of a request."""


class Line:
    """The checked fields of an event; its text is JSON."""

    def __init__(self, event: str, fields: Mapping[str, object]) -> None:
        self.fields: dict[str, object] = {"event": event}
        for name, value in fields.items():
            fits = FIELDS[name]
            self.fields[name] = value if value is None or fits(value) else WITHHELD

    def __str__(self) -> str:
        return json.dumps(self.fields)


def log_event(logger: logging.Logger, level: int, event: str, **fields: object) -> None:
    """Write one line.

    Args:
        logger: whose line it is.
        level: as of :mod:`logging`.
        event: constant name of what happened.
        fields: named in :data:`FIELDS`; a value of another form is withheld.

    Raises:
        KeyError: a field that is not on the list.
    """
    logger.log(level, "%s", Line(event, fields))


class AllowListFormatter(logging.Formatter):
    """Writes what is allowed of a record, and nothing else."""

    def __init__(self, style: LogFormat) -> None:
        super().__init__()
        self._form = style

    def format(self, record: logging.LogRecord) -> str:
        """One line, without its end."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = fields_of(record)
        if self._form is LogFormat.JSON:
            head = {"time": at, "level": record.levelname, "logger": record.name}
            return json.dumps({**head, **fields}, ensure_ascii=True)
        rest = " ".join(_pair(name, value) for name, value in fields.items() if value is not None)
        return f"{at} {record.levelname} {record.name} {rest}"


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What is allowed of a record, by name."""
    args = record.args if isinstance(record.args, tuple) else ()
    if len(args) == 1 and isinstance(args[0], Line):
        return dict(args[0].fields)
    fields: dict[str, Any] = {"event": "message"}
    if record.name.partition(".")[0] == "ekyc" or record.msg in KNOWN_TEXTS:
        fields["message"] = _filled_in(str(record.msg), args)
    elif isinstance(record.msg, OSError):  # an address that is taken, a socket that may not be made
        fields["message"] = os.strerror(record.msg.errno or 0)
    else:
        fields["at"] = [f"{record.module}:{record.lineno}"]
        fields["error"] = _type_named_in(str(record.msg))
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        fields["error"], fields["at"] = type(error).__qualname__, [place_of(error)]
    return {name: value for name, value in fields.items() if value is not None}


def _filled_in(text: str, args: tuple[object, ...]) -> str:
    checked = tuple(one if _is_number(one) or _is_word(one) else WITHHELD for one in args)
    try:
        return text % checked if checked else text
    except (TypeError, ValueError):  # a number was withheld, or the text is no template
        return WITHHELD


def _type_named_in(text: str) -> str | None:
    """The type of the exception where a text is a traceback."""
    if not text.startswith("Traceback "):
        return None
    found = _TYPE_IN_TRACEBACK.match(text.rstrip().rpartition("\n")[2])
    return found[1] if found else None


def _pair(name: str, value: object) -> str:
    shown = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return shown if name in {"event", "message"} else f"{name}={shown}"


def names_no_visitor(record: logging.LogRecord) -> bool:
    """False for the lines in which uvicorn names client address, path and query of a WebSocket."""
    return '"WebSocket' not in str(record.msg)


class _Handler(logging.StreamHandler[TextIO]):
    """To stderr. Of a line that cannot be written, logging itself would print the arguments and the exception under way."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        with suppress(OSError, ValueError):  # stderr is gone
            sys.stderr.write(f"{record.levelname} a line of the log could not be written\n")


def configuration(style: LogFormat) -> dict[str, Any]:
    """For :func:`logging.config.dictConfig`: everything to stderr through the allow-list, of libraries warnings only."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"no-visitors": {"()": lambda: names_no_visitor}},
        "formatters": {"allow-list": {"()": AllowListFormatter, "style": style}},
        "handlers": {
            "stderr": {
                "()": _Handler,
                "formatter": "allow-list",
                "filters": ["no-visitors"],
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "ekyc": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
            "uvicorn": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        },
    }


def install_logging(style: LogFormat) -> None:
    """Log as described from now on, in the whole process; warnings of Python, and failures of threads and finalizers too."""
    from logging.config import dictConfig  # noqa: PLC0415  # 7 ms that commands without a log need not wait for

    dictConfig(configuration(style))
    logging.captureWarnings(capture=True)
    threading.excepthook = _on_failure
    sys.unraisablehook = _on_failure


def _on_failure(failed: threading.ExceptHookArgs | sys.UnraisableHookArgs) -> None:
    at = [] if failed.exc_value is None else [place_of(failed.exc_value)]
    logger = logging.getLogger("ekyc")
    log_event(logger, logging.ERROR, "failure", error=failed.exc_type.__qualname__, at=at)
