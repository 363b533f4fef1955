"""Presentations for the suite ``pad``: an auditor's own folder, or a manifest beside the pictures.

*Folders*: ``DIR/pad/SUBJECT/SPECIES/…``. SPECIES is ``bona_fide`` (or ``live``), or the name of an attack instrument:
``print``, ``screen``, ``replay``, ``paper_mask`` … Each video, each folder of pictures and each single picture there is
one presentation.

*Manifest*: ``DIR/pad/manifest.csv`` or ``DIR/liveness/manifest.csv`` with the columns ``file``, ``label``
(``bona_fide`` or ``attack``), ``species``, ``presentation`` and, if known, ``subject``. Rows of one presentation are its
frames, in their order.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.errors import InputError
from ekyc.imaging import read_image
from ekyc.imaging.video import read_video

if TYPE_CHECKING:
    from ekyc.values import BgrImage

BONA_FIDE: Final = frozenset({"bona_fide", "live"})
PICTURES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".jp2"})
VIDEOS: Final = frozenset({".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mjpeg", ".mjpg"})
MOST_FRAMES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RealPresentation:
    """One presentation to a camera, as files."""

    name: str
    subject: str
    species: str | None
    """None for a bona fide presentation."""
    files: tuple[Path, ...]
    """One video, or pictures in their order."""

    def frames(self) -> tuple[BgrImage, ...]:
        """At most sixteen frames, evenly spread.

        Raises:
            InputError: a file cannot be read.
        """
        if self.files[0].suffix.lower() in VIDEOS:
            video = read_video(self.files[0], frames=MOST_FRAMES)
            return tuple(frame.image for frame in video.frames)
        few = np.linspace(0, len(self.files) - 1, min(MOST_FRAMES, len(self.files)))
        return tuple(read_image(self.files[round(at)]) for at in few)


def presentations(data: Path) -> tuple[RealPresentation, ...]:
    """All presentations of a data folder, in a fixed order.

    Raises:
        InputError: ``bench.no_data``: neither layout is there.
    """
    for folder in (data / "pad", data / "liveness", data):
        if (folder / "manifest.csv").is_file():
            return tuple(_of_manifest(folder))
    if (data / "pad").is_dir():
        found = tuple(_of_folders(data / "pad"))
        if found:
            return found
    raise InputError(
        "neither pad/SUBJECT/SPECIES/… nor a manifest.csv in pad or liveness",
        code="bench.no_data",
        subject=data.name,
    )


def _of_manifest(folder: Path) -> Iterator[RealPresentation]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_name: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows:
        by_name.setdefault((row["label"], row["presentation"]), []).append(row)
    for (label, name), group in by_name.items():
        files = tuple(folder / row["file"] for row in group)
        yield RealPresentation(
            name=name,
            subject=group[0].get("subject") or "",
            species=None if label in BONA_FIDE else group[0]["species"],
            files=files[:1] if files[0].suffix.lower() in VIDEOS else files,
        )


def _of_folders(root: Path) -> Iterator[RealPresentation]:
    for place in sorted(path for path in root.glob("*/*") if path.is_dir()):
        species = None if place.name in BONA_FIDE else place.name
        for entry in sorted(place.iterdir()):
            files = _files(entry)
            if files:
                yield RealPresentation(
                    name=f"{place.parent.name}/{place.name}/{entry.name}",
                    subject=place.parent.name,
                    species=species,
                    files=files,
                )


def _files(entry: Path) -> tuple[Path, ...]:
    if entry.is_dir():
        return tuple(sorted(p for p in entry.iterdir() if p.suffix.lower() in PICTURES))
    return (entry,) if entry.suffix.lower() in PICTURES | VIDEOS else ()
