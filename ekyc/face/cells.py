"""Read faces out of the grids of cells that YuNet and SCRFD answer on: one way for both.

A net is shown a picture at several strides. Each cell of a stride's grid names one face or, with anchors, several: how
surely, where its box lies, and where its five points lie, all in cells from the cell's own corner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ekyc.errors import ModelError
from ekyc.face.faces import DetectedFace, Landmarks
from ekyc.imaging import pad_to_multiple, resize_long_side
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.values import BgrImage, FloatArray

STRIDES: Final = (8, 16, 32)
"""Pixels of the net's input per cell, one output of each kind for each stride."""
NMS_OVERLAP: Final = 0.3
"""Boxes that share more than this (intersection over union) are one face."""
MAX_FACES: Final = 50

Boxes: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellNet:
    """What tells one net's answers from another's."""

    name: str
    values: tuple[int, ...]
    """Numbers per cell of each kind of output; the last but one kind is the box, the last the five points."""
    anchors: int
    """Faces that one cell can name."""
    score: Callable[[Sequence[FloatArray]], FloatArray]
    """Scores, shape (n,), of a stride's n cells, from its outputs of each kind."""
    box: Callable[[Boxes, FloatArray], Boxes]
    """Left, top, right, bottom in cells, shape (k, 4), from the cells' corners, shape (k, 2), and their boxes."""


def decode_cells(
    outputs: Sequence[FloatArray], net: CellNet, *, height: int, width: int, least: float
) -> Boxes:
    """A net's outputs as faces, overlapping ones removed, best score first.

    Args:
        outputs: each kind of output for the strides 8, 16, 32, shape (n, values), n cells row by row.
        net: how its cells are to be read.
        height: of the net's input, a multiple of 32.
        width: the same.
        least: score of a face from which on it counts.

    Returns:
        float64, shape (faces, 15): left, top, right, bottom, five points x, y, score; in pixels of the net's input.

    Raises:
        ModelError: ``model.unexpected_output``.
    """
    _verify_shapes(outputs, net, height, width)
    kinds = len(STRIDES)
    found = [
        _decode_stride(outputs[i::kinds], net, stride=stride, columns=width // stride, least=least)
        for i, stride in enumerate(STRIDES)
    ]
    rows = np.concatenate(found)
    rows = rows[np.isfinite(rows).all(axis=1)]
    rows = rows[np.argsort(-rows[:, 14], kind="stable")]
    return rows[suppress_overlaps(rows[:, :4])]


def _decode_stride(
    outputs: Sequence[FloatArray], net: CellNet, *, stride: int, columns: int, least: float
) -> Boxes:
    score = net.score(outputs)
    kept = np.flatnonzero(score >= least)
    cells = kept // net.anchors
    corner = np.stack([cells % columns, cells // columns], axis=1).astype(np.float64)
    box = net.box(corner, outputs[-2][kept])
    points = np.tile(corner, 5) + outputs[-1][kept].astype(np.float64)
    rows: Boxes = np.concatenate(
        [box * stride, points * stride, score[kept, None].astype(np.float64)], axis=1
    )
    return rows


def suppress_overlaps(boxes: Boxes) -> list[int]:
    """Indices of the boxes to keep, best first: each one drops those after it that overlap it too much.

    Args:
        boxes: float64, shape (n, 4): left, top, right, bottom, best first.
    """
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    kept: list[int] = []
    left = np.arange(len(boxes))
    while left.size and len(kept) < MAX_FACES:
        best, rest = left[0], left[1:]
        kept.append(int(best))
        lower = np.maximum(boxes[best, :2], boxes[rest, :2])
        upper = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = np.prod(np.maximum(upper - lower, 0), axis=1)
        union = areas[best] + areas[rest] - shared
        left = rest[shared <= NMS_OVERLAP * union]
    return kept


def _verify_shapes(outputs: Sequence[FloatArray], net: CellNet, height: int, width: int) -> None:
    expected = [
        (net.anchors * (height // stride) * (width // stride), values)
        for values in net.values
        for stride in STRIDES
    ]
    if [output.shape for output in outputs] != expected:
        raise ModelError(
            f"the face detector's outputs do not have the shapes of {net.name}",
            code="model.unexpected_output",
        )


def shown_at(image: BgrImage, long_sides_px: Sequence[int]) -> Iterator[tuple[BgrImage, Boxes]]:
    """A picture at each size in turn, padded to whole cells, never enlarged, no size twice.

    Yields:
        The picture as a net takes it, and source pixels per pixel of it, to the right and down: float64, shape (2,).
    """
    longest = max(image.shape[:2])
    for long_side in dict.fromkeys(min(size, longest) for size in long_sides_px):
        small = resize_long_side(image, long_side)
        scale = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]])
        yield pad_to_multiple(small, STRIDES[-1]), scale


def as_faces(rows: Boxes, scale: Boxes) -> tuple[DetectedFace, ...]:
    """Decoded rows as faces of the source picture, the largest first.

    Args:
        rows: float64, shape (faces, 15), as :func:`decode_cells` gives them.
        scale: source pixels per pixel of the net's input, to the right and down.
    """
    faces = (_as_face(row, scale) for row in rows)
    return tuple(sorted(faces, key=lambda face: -face.box.width * face.box.height))


def _as_face(row: Boxes, scale: Boxes) -> DetectedFace:
    left, top, right, bottom = (row[:4].reshape(2, 2) * scale).ravel().tolist()
    return DetectedFace(
        box=BoxPx(left=left, top=top, right=right, bottom=bottom),
        landmarks=Landmarks.of(row[4:14].reshape(5, 2) * scale),
        score=float(row[14]),
    )
