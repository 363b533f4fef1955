"""Pictures named on the command line: files, or folders of frames."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ekyc.errors import InputError

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".jp2", ".j2k", ".tif", ".tiff"})


def picture_files(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The files as given, and of each folder its pictures by name.

    Raises:
        InputError: ``image.missing``: a folder holds no picture. Files are judged when they are read.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found.extend(_of_folder(path))
        else:
            found.append(path)
    return tuple(found)


def _of_folder(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not files:
        raise InputError(
            "no picture in this folder", code="image.missing", subject=folder.name or "."
        )
    return files
