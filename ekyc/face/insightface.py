"""Profile ``insightface``: model packs in InsightFace's folder layout, brought by the operator, run by our runtime.

Nothing of InsightFace is imported, downloaded or shipped. Its weights (buffalo, antelope) are for non-commercial
research unless a licence was bought, also where another package carries copies of them; the profile shows that and
opens nothing until the caller says that the licence is kept. No threshold of ours holds for them: calibrate
(:mod:`ekyc.face.calibrate`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ekyc.errors import InputError
from ekyc.face.embed import ARCFACE, FaceEmbedder
from ekyc.face.pipeline import FacePipeline
from ekyc.face.scrfd import ScrfdDetector
from ekyc.inference.file_model import FileModel

if TYPE_CHECKING:
    from pathlib import Path

NOTICE: Final = (
    "The weights of InsightFace's model packs (buffalo, antelope and copies of them) are for non-commercial research "
    "only unless you bought a licence from InsightFace; AuraFace's embedder is Apache-2.0, its detector is "
    "InsightFace's. You bring the files and answer for their licence."
)
DETECTORS: Final = (
    "det_10g.onnx",
    "det_2.5g.onnx",
    "det_500m.onnx",
    "scrfd_10g_bnkps.onnx",
    "scrfd_500m_bnkps.onnx",
)
"""Names under which packs ship SCRFD with key points."""
EMBEDDERS: Final = (
    "w600k_r50.onnx",
    "w600k_mbf.onnx",
    "glintr100.onnx",
)
"""Names under which packs ship an embedder that takes ArcFace's 112 × 112 pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightFacePack:
    """The two files of a pack that are used."""

    detector: Path
    embedder: Path

    @classmethod
    def find(cls, folder: Path) -> InsightFacePack:
        """In the folder itself, as ``<root>/models/<name>`` holds them.

        Raises:
            InputError: ``face.pack_incomplete``.
        """
        return cls(detector=_one(folder, DETECTORS), embedder=_one(folder, EMBEDDERS))

    def digests(self) -> tuple[tuple[str, str], ...]:
        """Name and SHA-256 of the detector's file and of the embedder's.

        Raises:
            InputError: ``model.file_unreadable``.
        """
        return tuple((path.name, _sha256(path)) for path in (self.detector, self.embedder))


def open_pack(folder: Path, *, accept_licence: bool = False, flip: bool = False) -> FacePipeline:
    """A pipeline over a pack. Its landmarks are the detector's own; there is no mesh.

    Args:
        folder: holds the pack's ``.onnx`` files.
        accept_licence: that you keep the weights' licence (:data:`NOTICE`).
        flip: add the vector of the mirrored face.

    Raises:
        InputError: ``face.licence_not_accepted``, ``face.pack_incomplete``, ``model.file_unreadable``.
        ModelError: a file is no such model.
    """
    if not accept_licence:
        raise InputError(NOTICE, code="face.licence_not_accepted", subject=folder.name)
    pack = InsightFacePack.find(folder)
    return FacePipeline(
        detector=ScrfdDetector(FileModel.read(pack.detector)),
        embedder=FaceEmbedder(FileModel.read(pack.embedder), pixels=ARCFACE, flip=flip),
    )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise InputError("cannot be read", code="model.file_unreadable", subject=path.name) from exc


def _one(folder: Path, names: tuple[str, ...]) -> Path:
    found = [folder / name for name in names if (folder / name).is_file()]
    if len(found) != 1:
        raise InputError(
            f"holds {len(found)} of {', '.join(names)}; one is needed",
            code="face.pack_incomplete",
            subject=folder.name,
        )
    return found[0]
