"""Faces for the suites: the London set, the LFW archive, and figures of all pairs of pictures."""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ekyc.imaging.decode import decode_image, read_image

if TYPE_CHECKING:
    from pathlib import Path

    from ekyc.benchmarks.recorder import Recorder
    from ekyc.face import DetectedFace
    from ekyc.values import BgrImage

LFW_ARCHIVE, LFW_PAIRS = "lfw_folds_1_5_250px.tar", "lfw_pairs_folds_1_5.txt"
QUICK_PEOPLE = 12
_LFW_CENTRE_PX = 125.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictured:
    """One picture and who is on it."""

    name: str
    person: str
    group: str
    view: str
    image: BgrImage
    eyes: NDArray[np.float64] | None
    """Hand-placed eye centres, shape (2, 2), the person's right eye first; None where nobody placed them."""


def london(recorder: Recorder, folder: Path, *, quick: bool) -> Iterator[Pictured]:
    """The Face Research Lab London Set (DeBruine and Jones 2017, CC BY 4.0): 102 people, neutral and smiling."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if quick:
        few = sorted({row["identity"] for row in rows})[:QUICK_PEOPLE]
        rows = [row for row in rows if row["identity"] in few]
    for done, row in enumerate(rows):
        recorder.progress("london", done, len(rows))
        yield Pictured(
            name=row["file"],
            person=row["identity"],
            group=row["ethnicity"],
            view=row["view"],
            image=read_image(folder / row["file"]),
            eyes=_eyes(row),
        )


def _eyes(row: dict[str, str]) -> NDArray[np.float64] | None:
    values = [row[f"eye_{eye}_{axis}"] for eye in "ab" for axis in "xy"]
    if any(value in {"", "nan"} for value in values):
        return None
    return np.array(values, dtype=np.float64).reshape(2, 2)


def lfw(recorder: Recorder, archive: Path) -> Iterator[Pictured]:
    """Labeled Faces in the Wild (Huang et al. 2007), deep-funneled, 250 pixels."""
    with tarfile.open(archive) as tar:
        members = [member for member in tar.getmembers() if member.name.endswith(".jpg")]
        for done, member in enumerate(members):
            recorder.progress("lfw", done, len(members))
            content = tar.extractfile(member)
            assert content is not None  # a plain file
            name = member.name.rsplit("/", 1)[-1]
            yield Pictured(
                name=name,
                person=name.rsplit("_", 1)[0],
                group="",
                view="",
                image=decode_image(content.read(), name=name),
                eyes=None,
            )


def central(faces: tuple[DetectedFace, ...]) -> DetectedFace | None:
    """LFW labels the face in the middle."""

    def off_centre(face: DetectedFace) -> float:
        nose = face.landmarks.nose
        return (nose.x - _LFW_CENTRE_PX) ** 2 + (nose.y - _LFW_CENTRE_PX) ** 2

    return min(faces, key=off_centre, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolPair:
    """A pair of the LFW protocol."""

    first: str
    second: str
    same: bool
    fold: int


def lfw_pairs(path: Path) -> tuple[ProtocolPair, ...]:
    """Pairs of the protocol file: per fold first those of one person, then those of two."""
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    _folds, per_kind = (int(number) for number in header.split())
    pairs = []
    for index, line in enumerate(line for line in lines if line):
        cells = line.split("\t")
        same = len(cells) == 3
        other, number = (cells[0], cells[2]) if same else (cells[2], cells[3])
        pairs.append(
            ProtocolPair(
                first=f"{cells[0]}_{int(cells[1]):04d}.jpg",
                second=f"{other}_{int(number):04d}.jpg",
                same=same,
                fold=index // (2 * per_kind),
            )
        )
    return tuple(pairs)


def cosines(
    vectors: NDArray[np.float32], people: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cosines of all pairs of pictures: of one person, of two. Vectors have length 1."""
    _, person = np.unique(people, return_inverse=True)
    first, second = np.triu_indices(len(vectors), 1)
    alike = (vectors @ vectors.T)[first, second]
    same = person[first] == person[second]
    return alike[same], alike[~same]
