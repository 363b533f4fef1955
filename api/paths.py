"""Names of uploaded files: relative, plain, and inside the case."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from ekyc.errors import InputError

_SEGMENT = re.compile(r"(?![. ])[\w. ()+-]{1,100}(?<![. ])\Z")
_MAX_DEPTH = 4


def case_path(name: str) -> PurePosixPath:
    """The path of a file inside its case folder.

    Allowed are at most four segments of letters, digits, ``_ . ( ) + -`` and inner spaces, joined by ``/``;
    hence no absolute path, no drive, no backslash, no ``..``, no hidden file, no control character.

    Raises:
        InputError: anything else (``request.path``). The name is not repeated: it may be somebody's.
    """
    normal = unicodedata.normalize("NFC", name)
    segments = normal.split("/")
    if len(segments) > _MAX_DEPTH or not all(_SEGMENT.match(segment) for segment in segments):
        raise InputError(
            "a file name must be a plain relative path inside the case", code="request.path"
        )
    return PurePosixPath(*segments)


def comparison_key(path: PurePosixPath) -> str:
    """Equal for two names that some file system would take for one file."""
    return unicodedata.normalize("NFKC", path.as_posix()).casefold()
