"""Are the frames made from the chip's portrait itself? (attack ``portrait-injection``)

Whoever has copied a chip holds a face that matches it perfectly: enlarged, lit anew, turned in depth and made to speak,
it goes into the camera's place. Such frames carry the portrait's own skin, down to pores and the traces of its codec;
another photograph of the same person does not.

1. Both faces are laid on the mean face: the portrait by a similarity, the frame by a smooth warp (a polynomial of
   degree 4) that takes the mesh of the portrait to the mesh of the frame, so that turned heads and moving lips lie
   still.
2. Patches of the portrait's texture are looked for in the frame; where they are found corrects the warp once.
3. The patches are looked for again, in two sizes of texture. The upper quartile of the correlations tells copies from
   other photographs, because a copy may be altered in places, while another photograph agrees nowhere but at eyes,
   brows and lips.
4. The largest of all frames counts, against bounds from ``ekyc/data/portrait_copy.toml``. FAILED when the skin's fine
   texture agrees as not even two photographs of one studio session do; INDETERMINATE when the coarser texture of the
   whole face agrees as photographs of different days seldom do.
5. Frames without texture (small, blurred) show neither: INDETERMINATE. Noise laid over a blurred copy is fine texture,
   but leaves the next coarser one as weak as the blur made it; so both are asked for.

What PASSED does not prove: that the frames are live. A portrait drawn anew by a generator of faces, or one under added
grain, carries another texture; docs/face.md tells how far each alteration goes.
"""

from __future__ import annotations

import time
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ekyc.errors import InputError
from ekyc.face.mesh import alignment_of, mean_face
from ekyc.face.select import FaceProblem, FindsFaces, dominant_face
from ekyc.imaging.texture import (
    Found,
    between_blurs,
    depth_in_hull,
    find_patches,
    sample_gray,
    texture,
)
from ekyc.outcomes import Check, Measurement, Outcome

if TYPE_CHECKING:
    from ekyc.face.faces import FaceMesh
    from ekyc.values import BgrImage, FloatArray

CHECK_ID: Final = "liveness.portrait_injection"

_SIDE: Final = 200
"""Pixels of the picture on which both faces are laid; eyes are 63 pixels apart."""
_SCALE: Final = _SIDE / 112
_PATCH, _STEP, _RIM = 24, 12, 5
_FINE: Final = (0.8, 2.4)
_MIDDLE: Final = (1.6, 4.8)
_COARSE: Final = (3.2, 9.6)
"""Standard deviations of the two blurs between which texture lies, in pixels."""
_DEGREE: Final = 4
_LANDMARKS: Final = (
    *(33, 133, 159, 145, 263, 362, 386, 374),  # eyes
    *(70, 105, 107, 336, 334, 300),  # brows
    *(61, 291, 0, 17),  # lips
    *(1, 2, 98, 327),  # nose
)
"""Points of the mesh around which every photograph of a person looks alike."""
_SKIN_PX: Final = 13.0
"""A patch whose middle lies farther from all of them shows skin."""
_REFITS: Final = 6

_Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyBounds:
    """Bounds of :func:`examine_frames` (``ekyc/data/portrait_copy.toml`` says where they come from)."""

    failed_at: float
    """FAILED from this agreement of the skin's fine texture on."""
    doubtful_at: float
    """INDETERMINATE from this agreement of the whole face's coarser texture on."""
    least_eye_distance_px: float
    """Frames with closer eyes hold no fine texture."""
    least_sharpness: float
    """Frames with a lower :attr:`TextureAgreement.sharpness` hold none either."""
    least_middle_sharpness: float
    """Nor do those with a lower :attr:`TextureAgreement.middle_sharpness`."""

    def __post_init__(self) -> None:
        if not (-1.0 <= self.failed_at <= 1.0 and -1.0 <= self.doubtful_at <= 1.0):
            raise InputError(
                "agreements lie between -1 and 1", code="face.thresholds_invalid", subject="copy"
            )


@cache
def default_copy_bounds() -> CopyBounds:
    """The shipped bounds."""
    file = resources.files("ekyc.data") / "portrait_copy.toml"
    return CopyBounds(**tomllib.loads(file.read_text(encoding="utf-8"))["bounds"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TextureAgreement:
    """How well the texture of one face is found in another, −1 to 1 each; says nothing about who is on them."""

    skin: float
    """Fine texture away from eyes, brows, nose and lips: upper quartile over the patches."""
    face: float
    """Coarser texture of the whole face: upper quartile."""
    sharpness: float
    """Natural logarithm of the strength of the frame's fine texture on the skin over that of its coarser one."""
    middle_sharpness: float
    """The same of its coarser texture over one that is coarser still. Noise does not raise it much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyReport:
    """Result of :func:`examine_frames`. For the operator: the figures would teach an attacker."""

    check: Check
    """``liveness.portrait_injection``."""
    frames: tuple[TextureAgreement | FaceProblem, ...]
    """One per frame: how well it agrees, or why it says nothing."""

    @property
    def checks(self) -> tuple[Check, ...]:
        return (self.check,)


def examine_frames(
    portrait: BgrImage,
    frames: Sequence[BgrImage],
    detector: FindsFaces,
    *,
    bounds: CopyBounds | None = None,
) -> CopyReport:
    """Whether frames are made from the portrait.

    Args:
        portrait: data group 2 of the chip: uint8 (height, width, 3), blue-green-red.
        frames: frames of one capture, same form, any sizes.
        detector: finds the faces; it must have a mesh.
        bounds: what the agreements are held against; the shipped ones by default.

    Returns:
        Check ``liveness.portrait_injection``: PASSED, FAILED (``face.frames_from_portrait``), INDETERMINATE
        (``face.frames_like_portrait``, ``face.frames_without_texture``, no usable face), or NOT_PERFORMED without
        frames.

    Raises:
        ModelError, BusyError: a model failed; nothing about the pictures raises.
    """
    started = time.perf_counter()
    limits = bounds or default_copy_bounds()
    outcome, reasons, looked_at = _examine(portrait, frames, detector, limits)
    check = Check(
        id=CHECK_ID,
        outcome=outcome,
        reasons=reasons,
        measurements=_measurements(looked_at, limits),
        duration_ms=(time.perf_counter() - started) * 1000,
    )
    return CopyReport(check=check, frames=looked_at)


def _examine(
    portrait: BgrImage, frames: Sequence[BgrImage], detector: FindsFaces, limits: CopyBounds
) -> tuple[Outcome, tuple[str, ...], tuple[TextureAgreement | FaceProblem, ...]]:
    if not frames:
        return Outcome.NOT_PERFORMED, ("face.no_frames",), ()
    shown = _mesh_of(portrait, detector, least_px=0.0)
    if isinstance(shown, FaceProblem):
        return Outcome.INDETERMINATE, (f"face.portrait_{shown}",), ()
    found: list[TextureAgreement | FaceProblem] = []
    for frame in frames:
        mesh = _mesh_of(frame, detector, least_px=limits.least_eye_distance_px)
        found.append(
            mesh
            if isinstance(mesh, FaceProblem)
            else texture_agreement(portrait, shown, frame, mesh)
        )
    return *judge_frames(found, limits), tuple(found)


def judge_frames(
    found: Sequence[TextureAgreement | FaceProblem], limits: CopyBounds
) -> tuple[Outcome, tuple[str, ...]]:
    """Outcome and reasons of at least one frame (steps 4 and 5)."""
    seen = [item for item in found if isinstance(item, TextureAgreement)]
    if any(agreement.skin >= limits.failed_at for agreement in seen):
        return Outcome.FAILED, ("face.frames_from_portrait",)
    if any(agreement.face >= limits.doubtful_at for agreement in seen):
        return Outcome.INDETERMINATE, ("face.frames_like_portrait",)
    if any(_has_texture(agreement, limits) for agreement in seen):
        return Outcome.PASSED, ()
    problems = Counter(item for item in found if isinstance(item, FaceProblem))
    if problems and not seen:
        return Outcome.INDETERMINATE, (f"face.{problems.most_common(1)[0][0]}",)
    return Outcome.INDETERMINATE, ("face.frames_without_texture",)


def _has_texture(agreement: TextureAgreement, limits: CopyBounds) -> bool:
    return (
        agreement.sharpness >= limits.least_sharpness
        and agreement.middle_sharpness >= limits.least_middle_sharpness
    )


def texture_agreement(
    portrait: BgrImage, portrait_mesh: FaceMesh, frame: BgrImage, frame_mesh: FaceMesh
) -> TextureAgreement:
    """How well the portrait's texture is found in a frame (steps 1 to 3).

    Args:
        portrait: uint8 (height, width, 3), blue-green-red.
        portrait_mesh: of its face.
        frame: same form.
        frame_mesh: of its face.

    Raises:
        InputError: ``face.degenerate_landmarks``.
    """
    places = _places()
    placed = alignment_of(portrait_mesh)
    still = placed.apply(portrait_mesh.points[:, :2]) * _SCALE  # the portrait's mesh on the picture
    z = (places.grid[..., 0] + 1j * places.grid[..., 1]) / _SCALE
    source = (z - placed.shift) / placed.turn
    one = sample_gray(
        portrait, np.stack([source.real, source.imag], axis=-1), 1 / (placed.scale * _SCALE)
    )
    frame_px = 1 / (alignment_of(frame_mesh).scale * _SCALE)
    warp = _fit(still, frame_mesh.points[:, :2], _DEGREE)  # (1)
    other = sample_gray(frame, places.grid_terms @ warp, frame_px)
    found = _look(one, other, _MIDDLE, reach=6)
    bend = _smooth(places.middles, found)
    warp = _fit(places.middles, _terms(places.middles + bend, _DEGREE) @ warp, _DEGREE)  # (2)
    other = sample_gray(frame, places.grid_terms @ warp, frame_px)
    fine, middle = _look(one, other, _FINE, reach=4), _look(one, other, _MIDDLE, reach=4)  # (3)
    return TextureAgreement(
        skin=float(np.quantile(fine.correlation[places.skin], 0.75)),
        face=float(np.quantile(middle.correlation[places.inside], 0.75)),
        sharpness=_sharpness(other, _FINE, _MIDDLE),
        middle_sharpness=_sharpness(other, _MIDDLE, _COARSE),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Places:
    """Where patches lie on the mean face."""

    grid: _Points
    """Shape (side, side, 2): x, y of every pixel."""
    grid_terms: _Points
    corners: NDArray[np.intp]
    middles: _Points
    inside: NDArray[np.bool_]
    """Of the patches, those on the face."""
    skin: NDArray[np.bool_]
    skin_pixels: NDArray[np.bool_]


@cache
def _places() -> _Places:
    ticks = np.arange(_SIDE, dtype=np.float64)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    starts = np.arange(_RIM, _SIDE - _PATCH - _RIM + 1, _STEP)
    corners = np.stack(np.meshgrid(starts, starts), axis=-1).reshape(-1, 2)
    middles = corners.astype(np.float64) + (_PATCH - 1) / 2
    mean = mean_face()[:, :2] * _SCALE
    depth = depth_in_hull(mean, middles)
    kept = depth > -8.0
    corners, middles, depth = corners[kept], middles[kept], depth[kept]
    far = np.linalg.norm(middles[:, None] - mean[list(_LANDMARKS)], axis=2).min(axis=1)
    skin = (depth > 2.0) & (far > _SKIN_PX)
    pixels = np.zeros((_SIDE, _SIDE), dtype=bool)
    for x, y in corners[skin].tolist():
        pixels[y : y + _PATCH, x : x + _PATCH] = True
    return _Places(
        grid=grid,
        grid_terms=_terms(grid, _DEGREE),
        corners=corners,
        middles=middles,
        inside=depth > 0.0,
        skin=skin,
        skin_pixels=pixels,
    )


def _terms(points: _Points, degree: int) -> _Points:
    """The monomials of x and y up to a degree, shape (…, terms)."""
    x, y = np.moveaxis(points / (_SIDE / 2) - 1, -1, 0)
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    return np.stack([x**i * y**j for i, j in powers], axis=-1)


def _fit(source: _Points, target: _Points, degree: int) -> _Points:
    """The polynomial that takes source points nearest to target points."""
    return np.asarray(
        np.linalg.lstsq(_terms(source, degree), target, rcond=None)[0], dtype=np.float64
    )


def _look(one: FloatArray, other: FloatArray, band: tuple[float, float], *, reach: int) -> Found:
    return find_patches(
        texture(one, *band), texture(other, *band), _places().corners, side=_PATCH, reach=reach
    )


def _smooth(middles: _Points, found: Found) -> _Points:
    """The cubic displacement that most patches agree on, at each of them."""
    terms = _terms(middles, 3)
    trust = np.clip(found.correlation, 0.05, 1.0) ** 3
    weight = trust
    bend = np.zeros_like(middles)
    for _ in range(_REFITS):
        root = np.sqrt(weight)[:, None]
        bend = terms @ np.linalg.lstsq(terms * root, found.shift * root, rcond=None)[0]
        off = np.linalg.norm(found.shift - bend, axis=1)
        weight = trust / (1 + off**2)  # patches that were found beside their place lose their say
    return bend


def _sharpness(gray: FloatArray, finer: tuple[float, float], coarser: tuple[float, float]) -> float:
    """See :attr:`TextureAgreement.sharpness`."""
    skin = _places().skin_pixels
    fine, coarse = (between_blurs(gray, *band)[skin].std() for band in (finer, coarser))
    return float(np.log((fine + 1e-3) / (coarse + 1e-3)))


def _measurements(
    found: Sequence[TextureAgreement | FaceProblem], limits: CopyBounds
) -> tuple[Measurement, ...]:
    seen = [item for item in found if isinstance(item, TextureAgreement)]
    if not seen:
        return ()
    skin, face = max(item.skin for item in seen), max(item.face for item in seen)
    return (
        Measurement(name="skin_agreement", value=skin, threshold=limits.failed_at),
        Measurement(name="face_agreement", value=face, threshold=limits.doubtful_at),
    )


def _mesh_of(image: BgrImage, detector: FindsFaces, *, least_px: float) -> FaceMesh | FaceProblem:
    face = dominant_face(detector.detect(image))
    if isinstance(face, FaceProblem):
        return face
    mesh = detector.refine(image, face).mesh
    if mesh is None:
        return FaceProblem.NO_FACE
    return mesh if mesh.landmarks.eye_distance_px >= least_px else FaceProblem.TOO_SMALL
