"""Face frames from one photograph, and the same frames shown on a screen and filmed again.

Both are simulations. Frames rendered from a photograph prove nothing about liveness, and a rendered screen is no
evidence of how a detector does on real ones: its parameters were set by what a screen is, never by a model's answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.errors import InputError
from ekyc.imaging import effects
from ekyc.imaging.draw import Canvas, Colour
from ekyc.imaging.geometry import crop, resize
from ekyc.values import BoxPx, PointPx, QuadPx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.values import BgrImage

FRAME_WIDTH_PX: Final = 720
FRAME_HEIGHT_PX: Final = 960
"""A telephone held upright."""

CHIP_PORTRAIT_WIDTH_PX: Final = 413
CHIP_PORTRAIT_HEIGHT_PX: Final = 531
"""35 × 45 mm at 300 dots per inch, the size that ISO/IEC 19794-5 issuers use."""

_FACE_SHARE_OF_FRAME: Final = 0.40
_FACE_SHARE_OF_PORTRAIT: Final = 0.52
_FACE_MIDDLE: Final = 0.46
"""Height of the face's middle in a portrait, a little above that of the picture."""
_MARGIN: Final = 0.035
"""Extra picture around a frame, so that small motions show picture and not a mirrored border."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FacePicture:
    """A photograph and where its face is."""

    image: BgrImage
    """uint8, shape (height, width, 3), blue-green-red."""
    face: BoxPx
    """The face from forehead to chin, in pixels of ``image``."""


def portrait_of(picture: FacePicture, width: int, height: int) -> BgrImage:
    """Head and shoulders cut out around the face, scaled to ``width`` × ``height``; no border is invented.

    Near an edge of the photograph the cut-out moves inwards and, if it must, gets smaller.
    """
    box = _around_face(picture, width / height, _FACE_SHARE_OF_PORTRAIT)
    return resize(crop(picture.image, box), width, height)


def face_in_portrait(width: int) -> BoxPx:
    """Where :func:`portrait_of` puts the face in a chip's portrait of that width, unless an edge was in its way."""
    height = width * CHIP_PORTRAIT_HEIGHT_PX / CHIP_PORTRAIT_WIDTH_PX
    half = width * _FACE_SHARE_OF_PORTRAIT / 2
    middle = height * _FACE_MIDDLE
    return BoxPx(
        left=width / 2 - half,
        top=middle - 1.2 * half,
        right=width / 2 + half,
        bottom=middle + 1.2 * half,
    )


def render_face_frames(
    picture: FacePicture, *, count: int = 5, seed: int = 0
) -> tuple[BgrImage, ...]:
    """Frames as of a telephone held before the face: small shifts, turns, changes of distance and light, noise.

    Returns:
        ``count`` pictures, uint8, shape (960, 720, 3), blue-green-red; the face covers about 0.4 of the width.

    Raises:
        InputError: ``count`` is not positive (``sample.frame_count``).
    """
    if count < 1:
        raise InputError("at least one frame is needed", code="sample.frame_count")
    random = np.random.default_rng(seed)
    width = round(FRAME_WIDTH_PX * (1 + 2 * _MARGIN))
    height = round(FRAME_HEIGHT_PX * (1 + 2 * _MARGIN))
    box = _around_face(picture, width / height, _FACE_SHARE_OF_FRAME / (1 + 2 * _MARGIN))
    scene = resize(crop(picture.image, box), width, height)
    return tuple(_frame(scene, random) for _ in range(count))


def _frame(scene: BgrImage, random: np.random.Generator) -> BgrImage:
    moved = effects.move(
        scene,
        shift_px=(float(random.uniform(-14, 14)), float(random.uniform(-14, 14))),
        scale=float(random.uniform(1.0, 1.05)),
        turn_deg=float(random.uniform(-1.5, 1.5)),
    )
    left, top = round(FRAME_WIDTH_PX * _MARGIN), round(FRAME_HEIGHT_PX * _MARGIN)
    cut = moved[top : top + FRAME_HEIGHT_PX, left : left + FRAME_WIDTH_PX]
    lit = effects.adjust(cut, gain=float(random.uniform(0.94, 1.06)))
    return effects.add_noise(lit, 1.5, random)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenConditions:
    """The screen that shows the frames and the camera that films it."""

    panel_width_px: int = 432
    """Pixels of the panel across."""
    panel_height_px: int = 576
    bezel_share: float = 0.045
    """Width of the dark frame as a share of the panel's width."""
    screen_share: float = 0.84
    """Height of the screen with its bezel as a share of the filmed picture's height."""
    bezel: Colour = (18, 18, 20)
    wall: Colour = (132, 126, 118)
    glare: float = 70.0
    noise: float = 4.0


def render_screen_replay(
    frames: Sequence[BgrImage], *, seed: int = 0, conditions: ScreenConditions | None = None
) -> tuple[BgrImage, ...]:
    """The frames played on a screen with a bezel, filmed by another telephone.

    Simulated: red, green and blue stripes of the panel, their moiré with the camera's pixels, perspective of a hand
    that is never quite still, a cold cast, glare of a lamp, blur and noise of the second camera.

    Returns:
        As many pictures as ``frames``, uint8, shape (960, 720, 3), blue-green-red.
    """
    how = conditions or ScreenConditions()
    random = np.random.default_rng(seed)
    width = round(FRAME_HEIGHT_PX * how.screen_share * how.panel_width_px / how.panel_height_px)
    height = round(FRAME_HEIGHT_PX * how.screen_share)
    left, top = (FRAME_WIDTH_PX - width) / 2, (FRAME_HEIGHT_PX - height) / 2
    seen = BoxPx(left=left, top=top, right=left + width, bottom=top + height)
    held = effects.shaken(effects.quad_of(seen), 16, random)
    lamp = PointPx(
        float(random.uniform(0.15, 0.85)) * FRAME_WIDTH_PX,
        float(random.uniform(0.1, 0.35)) * FRAME_HEIGHT_PX,
    )
    room = _Room(held=held, lamp=lamp, wall=_wall(how, random))
    return tuple(_filmed(frame, how, room, random) for frame in frames)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Room:
    """What stays the same while the screen is filmed."""

    held: QuadPx
    """Corners of the screen in the filmed picture, before the hand shakes."""
    lamp: PointPx
    wall: BgrImage


def _filmed(
    frame: BgrImage, how: ScreenConditions, room: _Room, random: np.random.Generator
) -> BgrImage:
    screen = _screen(frame, how)
    seen = effects.lay_on(screen, effects.shaken(room.held, 2.0, random), room.wall)
    seen = effects.tint(seen, red=0.96, green=1.0, blue=1.08)
    seen = effects.glare(seen, room.lamp, 0.11 * FRAME_WIDTH_PX, how.glare)
    seen = effects.blur(seen, 0.6)
    return effects.add_noise(seen, how.noise, random)


def _screen(frame: BgrImage, how: ScreenConditions) -> BgrImage:
    """The lit panel in its bezel, at three dots per panel pixel."""
    panel = effects.show_on_pixels(resize(frame, how.panel_width_px, how.panel_height_px))
    panel = effects.adjust(panel, gain=1.45)
    rim = round(panel.shape[1] * how.bezel_share)
    height, width = panel.shape[:2]
    screen = np.empty((height + 2 * rim, width + 2 * rim, 3), dtype=np.uint8)
    screen[:] = how.bezel[::-1]
    screen[rim : rim + height, rim : rim + width] = panel
    return screen


def _wall(how: ScreenConditions, random: np.random.Generator) -> BgrImage:
    canvas = Canvas(FRAME_WIDTH_PX, FRAME_HEIGHT_PX, how.wall)
    desk = BoxPx(left=0, top=FRAME_HEIGHT_PX * 0.86, right=FRAME_WIDTH_PX, bottom=FRAME_HEIGHT_PX)
    canvas.rectangle(desk, fill=(104, 78, 56))
    wall = effects.blur(canvas.picture(), 6)
    return effects.shade(wall, angle_deg=float(random.uniform(0, 360)), darkest=0.7)


def _around_face(picture: FacePicture, aspect: float, face_share: float) -> BoxPx:
    """A box of ``aspect`` (width by height) in which the face covers ``face_share`` of the width, if it fits.

    The face's centre lies a little above the middle, as in a passport photograph.
    """
    rows, columns = picture.image.shape[:2]
    face = picture.face
    width = face.width / face_share
    width = min(width, float(columns), rows * aspect)
    height = width / aspect
    left = (face.left + face.right) / 2 - width / 2
    top = (face.top + face.bottom) / 2 - height * _FACE_MIDDLE
    left = min(max(0.0, left), columns - width)
    top = min(max(0.0, top), rows - height)
    return BoxPx(left=left, top=top, right=left + width, bottom=top + height)
