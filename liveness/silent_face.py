"""Silent-Face nets that an operator brings: MiniFASNetV2 and V1SE as ONNX, Apache-2.0, in no package we could ship.

Each file is pinned by its hash, as uniface 4.2.1 pins the release of yakhyo/face-anti-spoofing: an altered or other file
is refused. In the study of docs/liveness.md the pair rejected no living person and accepted all masks. Training data are
undisclosed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.errors import InputError, ModelError
from ekyc.imaging import crop, resize, to_bgr_planes
from ekyc.inference.file_model import FileModel
from ekyc.liveness.score import cut_inside, expose

if TYPE_CHECKING:
    from ekyc.ports import Model
    from ekyc.values import BgrImage, BoxPx

SIDE_PX: Final = 80
_LIVE: Final = 1
"""The nets' classes: flat attack, live, solid attack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedNet:
    """A file that may be used and what it wants to see."""

    file: str
    sha256: str
    scale: float
    """Sides of the cut, in sides of the face box."""


PINNED_NETS: Final = (
    PinnedNet(
        file="MiniFASNetV2.onnx",
        sha256="b32929adc2d9c34b9486f8c4c7bc97c1b69bc0ea9befefc380e4faae4e463907",
        scale=2.7,
    ),
    PinnedNet(
        file="MiniFASNetV1SE.onnx",
        sha256="ebab7f90c7833fbccd46d3a555410e78d969db5438e169b6524be444862b3676",
        scale=4.0,
    ),
)


class SilentFace:
    """The nets together; safe to share between threads."""

    def __init__(self, nets: Sequence[tuple[PinnedNet, Model]]) -> None:
        """Each model: float32 (3, 80, 80) blue-green-red planes, 0–255 → three logits (3,)."""
        self._nets = tuple(nets)
        self.digests: Mapping[str, str] = MappingProxyType(
            {n.file: n.sha256 for n, _ in self._nets}
        )

    @classmethod
    def open(cls, folder: Path, *, nets: Sequence[PinnedNet] = PINNED_NETS) -> SilentFace:
        """Open the pinned files of a folder.

        Raises:
            InputError: ``model.file_unreadable``: a file is missing.
            ModelError: ``model.altered``: a file has another hash; or as :class:`FileModel`.
        """
        opened: list[tuple[PinnedNet, Model]] = []
        for net in nets:
            path = folder / net.file
            if not path.is_file():
                raise InputError(
                    "is not in the folder", code="model.file_unreadable", subject=net.file
                )
            model = FileModel.read(path)
            if model.sha256 != net.sha256:
                raise ModelError("is not the pinned file", code="model.altered", subject=net.file)
            opened.append((net, model))
        return cls(opened)

    def score(self, frame: BgrImage, box: BoxPx, *, gain: float = 1.0) -> float:
        """Mean live score of the nets, 0 (attack) to 1 (bona fide); arguments as for ``score_frame``.

        Raises:
            ModelError: ``model.unexpected_output``.
        """
        return sum(self._live(frame, box, net, model, gain) for net, model in self._nets) / len(
            self._nets
        )

    @staticmethod
    def _live(frame: BgrImage, box: BoxPx, net: PinnedNet, model: Model, gain: float) -> float:
        height, width = frame.shape[:2]
        cut = cut_inside(box, net.scale * box.width, net.scale * box.height, width, height)
        seen = expose(resize(crop(frame, cut), SIDE_PX, SIDE_PX), gain)
        (logits,) = model.infer(to_bgr_planes(seen))
        if logits.shape != (3,) or not np.isfinite(logits).all():
            raise ModelError(
                "a Silent-Face net did not give three logits",
                code="model.unexpected_output",
                subject=net.file,
            )
        powers = np.exp(logits.astype(np.float64) - float(logits.max()))
        return float(powers[_LIVE] / powers.sum())
