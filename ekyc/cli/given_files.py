"""Files that a command is given."""

from __future__ import annotations

from pathlib import Path

from ekyc.errors import InputError
from ekyc.files import read_file


def read_given(file: Path, most: int) -> bytes:
    """The whole of a file that may have so many bytes.

    Raises:
        InputError: ``input.file_unreadable``.
        LimitError: ``input.limit``: it is larger.
    """
    try:
        return read_file(file, most)
    except OSError as exc:
        raise InputError("cannot be read", code="input.file_unreadable", subject=file.name) from exc
