"""Frames made from a chip's portrait, as somebody makes them who has copied a chip (attack ``portrait-injection``).

The portrait's mesh carries depth, so the head can be turned and the lips moved; light, background noise and compression
are added as a camera would. The kinds stand for what common tools do. A generator of faces that draws the person anew
is not among them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ekyc.face.faces import MESH_POINTS
from ekyc.imaging import effects, resize
from ekyc.imaging.face_effects import drag_points, smooth_skin

if TYPE_CHECKING:
    from ekyc.face import FaceMesh
    from ekyc.values import BgrImage

_FRAME_WIDTH: Final = 480
_FRAME_HEIGHT: Final = 640
_LOWER_LIP: Final = (17, 84, 181, 91, 146, 314, 405, 321, 375, 14, 87, 178, 317, 402, 152, 148, 377)
_LIDS: Final = ((159, 145), (158, 153), (160, 144), (386, 374), (385, 380), (387, 373))
"""Upper and lower lid, pairwise."""
_NODES: Final = tuple(
    sorted({*range(0, MESH_POINTS, 4), *_LOWER_LIP, *(i for pair in _LIDS for i in pair), 61, 291})
)

_Alter = Callable[["BgrImage", NDArray[np.float64], np.random.Generator], "BgrImage"]


def inject(portrait: BgrImage, mesh: FaceMesh, kind: str, random: np.random.Generator) -> BgrImage:
    """One frame made from a portrait.

    Args:
        portrait: as decoded from the chip: uint8, shape (height, width, 3), blue-green-red.
        mesh: of its face.
        kind: one of :data:`ALTERATIONS`.
        random: seeded.

    Returns:
        uint8, 480 × 640 pixels; smaller for ``small``.
    """
    return ALTERATIONS[kind](portrait, mesh.points, random)


def _camera(
    image: BgrImage,
    random: np.random.Generator,
    *,
    blur_px: tuple[float, float] = (0.3, 0.8),
    noise: tuple[float, float] = (1, 4),
    quality: tuple[int, int] = (75, 95),
    through_width: int | None = None,
) -> BgrImage:
    """Fill the frame, held by hand, seen by a camera, sent as a video."""
    height, width = image.shape[:2]
    scale = max(_FRAME_WIDTH / width, _FRAME_HEIGHT / height)
    large = resize(image, round(width * scale) + 1, round(height * scale) + 1)
    left, top = (large.shape[1] - _FRAME_WIDTH) // 2, (large.shape[0] - _FRAME_HEIGHT) // 2
    frame = np.ascontiguousarray(large[top : top + _FRAME_HEIGHT, left : left + _FRAME_WIDTH])
    frame = effects.move(
        frame,
        shift_px=(float(random.uniform(-9, 9)), float(random.uniform(-9, 9))),
        scale=float(random.uniform(1.0, 1.12)),
        turn_deg=float(random.uniform(-4, 4)),
    )
    if through_width is not None:
        small = resize(frame, through_width, through_width * _FRAME_HEIGHT // _FRAME_WIDTH)
        small = effects.jpeg_round_trip(small, int(random.integers(40, 60)))
        frame = resize(small, _FRAME_WIDTH, _FRAME_HEIGHT)
    frame = effects.blur(frame, float(random.uniform(*blur_px)))
    frame = effects.adjust(
        frame, gain=float(random.uniform(0.8, 1.2)), offset=float(random.uniform(-12, 12))
    )
    red, green, blue = random.uniform(0.95, 1.05, 3).tolist()
    frame = effects.tint(frame, red=red, green=green, blue=blue)
    frame = effects.add_noise(frame, float(random.uniform(*noise)), random)
    return effects.jpeg_round_trip(frame, int(random.integers(*quality)))


def _animated(
    image: BgrImage,
    points: NDArray[np.float64],
    random: np.random.Generator,
    *,
    yaw_deg: tuple[float, float] = (0, 8),
) -> BgrImage:
    """Turned in depth, with lips and lids moved."""
    moved = points.copy()
    eyes = float(np.linalg.norm(points[33, :2] - points[263, :2]))
    moved[list(_LOWER_LIP), 1] += random.uniform(0, 0.25) * eyes
    shut = random.uniform(0, 0.8)
    for upper, lower in _LIDS:
        moved[upper, :2] += shut * (moved[lower, :2] - moved[upper, :2])
    smile = random.uniform(0, 0.1) * eyes
    moved[[61, 291], 0] += (-smile, smile)
    moved[[61, 291], 1] -= 0.6 * smile
    yaw = np.deg2rad(random.choice([-1, 1]) * random.uniform(*yaw_deg))
    pitch = np.deg2rad(random.uniform(-8, 8))
    neck = moved.mean(axis=0) + np.array([0, 0, 0.6 * eyes])
    seen = (moved - neck) @ _rotation(float(yaw), float(pitch)).T
    distance = 6 * eyes
    seen = seen[:, :2] * distance / (distance + seen[:, 2:]) + neck[:2]
    nodes = list(_NODES)
    return drag_points(image, points[nodes, :2], seen[nodes])


def _rotation(yaw: float, pitch: float) -> NDArray[np.float64]:
    cos, sin = np.cos(yaw), np.sin(yaw)
    aside = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    cos, sin = np.cos(pitch), np.sin(pitch)
    return np.asarray(np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ aside)


def _relit(image: BgrImage, random: np.random.Generator, darkest: tuple[float, float]) -> BgrImage:
    lit = effects.shade(
        image, angle_deg=float(random.uniform(0, 360)), darkest=float(random.uniform(*darkest))
    )
    return effects.adjust(lit, gain=1.3)


def _everything(
    image: BgrImage, points: NDArray[np.float64], random: np.random.Generator
) -> BgrImage:
    altered = _relit(_animated(image, points, random, yaw_deg=(6, 15)), random, (0.3, 0.7))
    width = int(random.choice([320, 400]))
    return _camera(
        smooth_skin(altered),
        random,
        blur_px=(0.8, 2.0),
        noise=(3, 7),
        quality=(35, 70),
        through_width=width,
    )


def _small(image: BgrImage, points: NDArray[np.float64], random: np.random.Generator) -> BgrImage:
    frame = _camera(_animated(image, points, random), random)
    scale = random.uniform(0.42, 0.6)
    small = resize(frame, round(_FRAME_WIDTH * scale), round(_FRAME_HEIGHT * scale))
    return effects.jpeg_round_trip(small, 60)


ALTERATIONS: Final[Mapping[str, _Alter]] = MappingProxyType(
    {
        "still": lambda image, _, random: _camera(image, random),
        "compressed": lambda image, _, random: _camera(
            image,
            random,
            blur_px=(1.5, 3.0),
            noise=(3, 8),
            quality=(30, 60),
            through_width=int(random.choice([240, 320])),
        ),
        "relit": lambda image, _, random: _camera(_relit(image, random, (0.1, 0.5)), random),
        "turned": lambda image, points, random: _camera(
            _animated(image, points, random, yaw_deg=(8, 20)), random
        ),
        "animated": lambda image, points, random: _camera(_animated(image, points, random), random),
        "smoothed": lambda image, points, random: _camera(
            smooth_skin(_animated(image, points, random)), random, blur_px=(0.8, 2.0)
        ),
        "grained": lambda image, points, random: effects.add_noise(
            _camera(_animated(image, points, random), random),
            float(random.uniform(8, 16)),
            random,
            grain_px=2,
        ),
        "small": _small,
        "everything": _everything,
        "drowned": lambda image, points, random: _camera(
            _animated(image, points, random), random, blur_px=(4, 7), noise=(8, 14)
        ),
    }
)
"""What is done to a portrait, the mildest first; ``drowned`` buries its texture under blur and noise."""
