"""Documents photographed on difficult surfaces, generated: a picture and where the document's corners truly lie.

A pinhole camera of a telephone's focal length looks at a flat document from a random side and distance. Around it lie
other things, over it hands and shadows. Everything is drawn from one seeded generator.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.benchmarks.scene_surfaces import SURFACES, laid, quad_from
from ekyc.imaging import effects
from ekyc.imaging.draw import Canvas, TextStyle
from ekyc.samples.cards import CARD_HEIGHT_PX, CARD_WIDTH_PX
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.values import BgrImage, QuadPx

WIDTH_PX: Final = 1440
HEIGHT_PX: Final = 1080
_CORNER_RADIUS: Final = 3.18 / 85.6
"""Of an ID-1 card, as a share of its width (ISO/IEC 7810)."""


class SceneKind(StrEnum):
    """What makes a scene difficult."""

    PLAIN = "plain"
    WOOD = "wood"
    CLOTH = "cloth"
    STONE = "stone"
    CLUTTER = "clutter"
    TILES = "tiles"
    WHITE_ON_WHITE = "white-on-white"
    LOW_CONTRAST = "low-contrast"
    HAND = "hand"
    SHADOW = "shadow"
    OTHER_PAPERS = "other-papers"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How the camera looks at the document. Angles in degrees, lengths as shares of the picture's width."""

    turn_deg: float
    tilt_x_deg: float
    tilt_y_deg: float
    size: float
    """Length of the document's longer side."""
    focal: float
    """Focal length."""
    shift: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A picture and the truth about it."""

    kind: SceneKind
    image: BgrImage
    quad: QuadPx
    """Corners of the document, from its own top left, clockwise; of a card with round corners where its straight
    sides meet."""
    is_card: bool


def make_scene(document: BgrImage, kind: SceneKind, random: np.random.Generator) -> Scene:
    """One scene.

    Args:
        document: upright and flat; one of the proportions of a card gets round corners.
        kind: what makes it difficult.
        random: of everything else.
    """
    upright = random.random() < 0.4
    width, height = (HEIGHT_PX, WIDTH_PX) if upright else (WIDTH_PX, HEIGHT_PX)
    below = _surface(kind, width, height, random)
    quad = _placed(document, width, height, random)
    if kind is SceneKind.OTHER_PAPERS:
        below = _with_papers(below, random)
    picture = _laid_down(below, document, quad, kind, random)
    if kind is SceneKind.HAND:
        picture = _with_fingers(picture, quad, random)
    if kind is SceneKind.SHADOW:
        picture = _with_shadow(picture, random)
    return Scene(
        kind=kind, image=_photographed(picture, random), quad=quad, is_card=is_card(document)
    )


def two_cards(first: BgrImage, second: BgrImage, random: np.random.Generator) -> BgrImage:
    """Two cards of one size beside or below each other, 0 to 60 pixels apart, nearly level, on any ground."""
    kinds = (SceneKind.PLAIN, SceneKind.WOOD, SceneKind.CLOTH, SceneKind.STONE, SceneKind.CLUTTER)
    kind = kinds[int(random.integers(0, len(kinds)))]
    picture = _surface(kind, WIDTH_PX, HEIGHT_PX, random)
    beside = random.random() < 0.5
    width = 620.0 if beside else 720.0
    height = width * CARD_HEIGHT_PX / CARD_WIDTH_PX
    gap = float(random.uniform(0, 60))
    middle = np.array([WIDTH_PX / 2, HEIGHT_PX / 2]) + random.normal(0, 12, 2)
    across = np.array([width + gap, 0]) if beside else np.array([0, height + gap])
    turn = float(random.normal(0, 4))
    along = np.deg2rad(turn)
    across = np.array([[np.cos(along), np.sin(along)], [-np.sin(along), np.cos(along)]]) @ across
    for document, side in ((first, -0.5), (second, 0.5)):
        corners = middle + side * across + _turned_box(width, height, turn)
        picture = _laid_down(picture, document, quad_from(corners), kind, random)
    return _photographed(picture, random)


def _turned_box(width: float, height: float, turn_deg: float) -> NDArray[np.float64]:
    """Corners about the origin, shape (4, 2)."""
    turn = np.deg2rad(turn_deg)
    right = np.array([np.cos(turn), -np.sin(turn)]) * width / 2
    down = np.array([np.sin(turn), np.cos(turn)]) * height / 2
    return np.array([-right - down, right - down, right + down, -right + down])


def is_card(document: BgrImage) -> bool:
    """Whether a picture has the proportions of an ID-1 card."""
    height, width = document.shape[:2]
    return bool(abs(width / height - CARD_WIDTH_PX / CARD_HEIGHT_PX) < 0.05)


def random_view(random: np.random.Generator) -> View:
    """Half of the documents lie about upright, half at any angle."""
    any_angle = random.random() < 0.5
    return View(
        turn_deg=float(random.uniform(0, 360) if any_angle else random.normal(0, 6)),
        tilt_x_deg=float(random.normal(0, 12)),
        tilt_y_deg=float(random.normal(0, 12)),
        size=float(random.uniform(0.42, 0.95)),
        focal=float(random.uniform(0.75, 1.2)),
        shift=(float(random.normal(0, 0.05)), float(random.normal(0, 0.05))),
    )


def seen_corners(aspect: float, view: View, width: int, height: int) -> NDArray[np.float64]:
    """Corners of a rectangle (width / height = ``aspect``) in pixels, from its top left, clockwise; shape (4, 2)."""
    w, h = (1.0, 1.0 / aspect) if aspect >= 1 else (aspect, 1.0)
    flat = np.array([(-w, -h, 0), (w, -h, 0), (w, h, 0), (-w, h, 0)]) / 2
    focal = view.focal * max(width, height)
    distance = focal / (view.size * width)
    turned = flat @ _rotation(view).T + np.array([*view.shift, 0]) / view.size
    turned[:, 2] += distance
    seen = focal * turned[:, :2] / turned[:, 2:]
    return np.asarray(seen + np.array([width / 2, height / 2]))


def _rotation(view: View) -> NDArray[np.float64]:
    z, x, y = np.deg2rad([view.turn_deg, view.tilt_x_deg, view.tilt_y_deg])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    return np.asarray(about_x @ about_y @ about_z)


def _placed(document: BgrImage, width: int, height: int, random: np.random.Generator) -> QuadPx:
    """A view that shows the whole document with a little room around it."""
    aspect = document.shape[1] / document.shape[0]
    edge = 0.012 * width
    view = random_view(random)
    for _ in range(60):
        corners = seen_corners(aspect, view, width, height)
        inside = (corners > edge).all() and (corners < np.array([width, height]) - edge).all()
        if inside:
            return quad_from(corners)
        fresh = random_view(random)
        view = replace(fresh, size=fresh.size * float(random.uniform(0.6, 1.0)))
    middle = View(turn_deg=0, tilt_x_deg=0, tilt_y_deg=0, size=0.4, focal=1.0)
    return quad_from(seen_corners(aspect, middle, width, height))


def _surface(kind: SceneKind, width: int, height: int, random: np.random.Generator) -> BgrImage:
    match kind:
        case SceneKind.WHITE_ON_WHITE:
            name = "white"
        case SceneKind.LOW_CONTRAST:
            name = "plain"
        case SceneKind.HAND | SceneKind.SHADOW | SceneKind.OTHER_PAPERS:
            name = str(random.choice(["plain", "wood", "cloth", "stone", "clutter"]))
        case _:
            name = kind.value
    surface = SURFACES[name](width, height, random)
    if kind is SceneKind.LOW_CONTRAST:
        surface = np.empty((height, width, 3), dtype=np.uint8)
        surface[:] = random.integers(168, 214) + random.integers(-14, 15, 3)
        surface = effects.add_noise(surface, 4, random, grain_px=11)
    return surface


def _laid_down(
    below: BgrImage,
    document: BgrImage,
    quad: QuadPx,
    kind: SceneKind,
    random: np.random.Generator,
) -> BgrImage:
    """The document with its round corners and the shadow of its edge."""
    height, width = document.shape[:2]
    outline = Canvas(width, height, (0, 0, 0))
    radius = _CORNER_RADIUS * width if is_card(document) else 0
    whole = BoxPx(left=0, top=0, right=width - 1, bottom=height - 1)
    outline.rectangle(whole, fill=(255, 255, 255), radius_px=radius)
    black = np.zeros_like(below)
    mask = effects.lay_on(outline.picture(), quad, black)[:, :, 0]
    pale = kind is SceneKind.WHITE_ON_WHITE
    strength = random.uniform(0.10, 0.30) if pale else random.uniform(0.0, 0.5)
    shift = random.uniform(1, 4, 2) * random.choice([-1, 1], 2)
    cast = effects.move(np.dstack([mask] * 3), shift_px=(float(shift[0]), float(shift[1])))
    cast = effects.blur(cast, float(random.uniform(1.5, 5)))
    shaded = (below * (1 - strength * (cast / 255.0))).astype(np.uint8)
    lit = effects.adjust(document, gain=float(random.uniform(0.9, 1.06)))
    return effects.blend(shaded, effects.lay_on(lit, quad, shaded), np.ascontiguousarray(mask))


def _with_papers(below: BgrImage, random: np.random.Generator) -> BgrImage:
    """One to three sheets or notes lying about; the document may lie over them."""
    height, width = below.shape[:2]
    for _ in range(int(random.integers(1, 4))):
        w = int(random.integers(width // 4, width // 2))
        sheet = Canvas(w, round(w * random.uniform(0.5, 1.45)), (244, 244, 240))
        style = TextStyle(size_px=22)
        for row in range(1, sheet.height // 44):
            sheet.text(24, 44 * row, "nội dung thông báo số 12 " * (1 + row % 2), style)
        centre = (
            float(random.choice([0.05, 0.95]) * width + random.normal(0, 40)),
            float(random.uniform(0, height)),
        )
        below = laid(below, sheet.picture(), centre, float(random.uniform(0, 360)))
    return below


def _with_fingers(picture: BgrImage, quad: QuadPx, random: np.random.Generator) -> BgrImage:
    """One to three fingers that reach over one side of the document."""
    corners = np.array([(p.x, p.y) for p in quad.corners])
    side = int(random.integers(0, 4))
    a, b = corners[side], corners[(side + 1) % 4]
    inward = corners.mean(axis=0) - (a + b) / 2
    inward /= np.hypot(*inward)
    thick = float(np.hypot(*(corners[1] - corners[0]))) * random.uniform(0.07, 0.13)
    skin = np.array(
        [random.integers(150, 235), random.integers(105, 170), random.integers(80, 140)]
    )
    canvas = Canvas.on(picture)
    start = random.uniform(0.2, 0.6)
    for i in range(int(random.integers(1, 4))):
        foot = a + (b - a) * min(0.9, start + i * 1.15 * thick / float(np.hypot(*(b - a))))
        tip = foot + inward * thick * random.uniform(0.4, 1.3)
        root = foot - inward * 2 * max(picture.shape[:2])
        tone = tuple(int(v) for v in np.clip(skin * random.uniform(0.85, 1.1), 0, 255))
        colour = (tone[0], tone[1], tone[2])
        canvas.line([(root[0], root[1]), (tip[0], tip[1])], colour, round(thick))
        r = thick / 2
        tip_box = BoxPx(left=tip[0] - r, top=tip[1] - r, right=tip[0] + r, bottom=tip[1] + r)
        canvas.ellipse(tip_box, fill=colour)
    return canvas.picture()


def _with_shadow(picture: BgrImage, random: np.random.Generator) -> BgrImage:
    """The soft shadow of a head or a telephone across the scene."""
    height, width = picture.shape[:2]
    shade = Canvas(width, height, (0, 0, 0))
    middle = (random.uniform(0.1, 0.9) * width, random.uniform(0.1, 0.9) * height)
    bar = Canvas(int(random.integers(200, 700)), 2 * height, (255, 255, 255)).picture()
    laid_bar = laid(shade.picture(), bar, middle, float(random.uniform(0, 180)))
    soft = effects.blur(laid_bar, float(random.uniform(3, 40)))
    depth = random.uniform(0.25, 0.6)
    return (picture * (1 - depth * (soft / 255.0))).astype(np.uint8)


def _photographed(picture: BgrImage, random: np.random.Generator) -> BgrImage:
    """Light from one side, lens, sensor, JPEG."""
    lit = effects.shade(
        picture, angle_deg=float(random.uniform(0, 360)), darkest=float(random.uniform(0.6, 1.0))
    )
    soft = effects.blur(lit, float(random.uniform(0.5, 1.5)))
    noisy = effects.add_noise(soft, float(random.uniform(1, 5)), random)
    return effects.jpeg_round_trip(noisy, int(random.integers(60, 93)))
