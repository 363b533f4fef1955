"""Frames made from the portrait: planted textures first, then the real net on a real face."""

from dataclasses import replace

import numpy as np
import pytest

from ekyc.benchmarks.face_material import LFW_ARCHIVE
from ekyc.benchmarks.portrait_injection import people, show
from ekyc.benchmarks.recorder import Recorder
from ekyc.errors import InputError
from ekyc.face import DetectedFace, FaceDetector, FaceMesh, FaceMesher, FaceProblem
from ekyc.face.mesh import mean_face
from ekyc.face.portrait_copy import (
    CopyBounds,
    TextureAgreement,
    default_copy_bounds,
    examine_frames,
    judge_frames,
    texture_agreement,
)
from ekyc.imaging import decode_image, effects, encode_jpeg2000, read_image, resize
from ekyc.outcomes import Outcome
from ekyc.samples import FacePicture
from ekyc.samples.faces import portrait_of
from ekyc.samples.injection import ALTERATIONS, inject
from ekyc.values import BoxPx

BOUNDS = CopyBounds(
    failed_at=0.9,
    doubtful_at=0.92,
    least_eye_distance_px=30,
    least_sharpness=-1.0,
    least_middle_sharpness=-0.8,
)
SIDE = 320


def skin(seed, side=SIDE):
    """Pores of several sizes."""
    random = np.random.default_rng(seed)
    layers = [
        effects.blur(random.integers(0, 256, (side, side, 3), dtype=np.uint8), sigma)
        for sigma in (1.0, 2.0, 4.0)
    ]
    mixed = sum(
        (layer.astype(np.float64) - 127) * gain
        for layer, gain in zip(layers, (1, 2, 4), strict=True)
    )
    return np.clip(mixed + 127, 0, 255).astype(np.uint8)


def mesh(scale=2.0, shift=(48, 48)):
    """The mean face, enlarged and moved."""
    points = mean_face() * scale
    points[:, :2] += shift
    return FaceMesh(points=points, presence=30.0)


class Found:
    """A detector that sees the same mesh in every picture, unless it is black."""

    def __init__(self, found):
        self._mesh = found

    def detect(self, image):
        if not image.any():
            return ()
        box = BoxPx(left=40, top=40, right=280, bottom=280)
        return (DetectedFace(box=box, landmarks=self._mesh.landmarks, score=0.9),)

    def refine(self, image, face):
        return DetectedFace(
            box=face.box, landmarks=self._mesh.landmarks, score=face.score, mesh=self._mesh
        )

    def configured(self, **_):
        return self


def agreement(**values):
    usual = {"skin": 0.3, "face": 0.5, "sharpness": -0.6, "middle_sharpness": -0.4}
    return TextureAgreement(**(usual | values))


def altered(image):
    lit = effects.shade(effects.adjust(image, gain=0.8, offset=12), angle_deg=30, darkest=0.6)
    return effects.jpeg_round_trip(effects.add_noise(lit, 2, np.random.default_rng(5)), 80)


def test_a_copy_agrees_and_another_face_does_not():
    portrait = skin(1)
    copied = texture_agreement(portrait, mesh(), altered(portrait), mesh())
    other = texture_agreement(portrait, mesh(), altered(skin(2)), mesh())
    assert copied.skin > 0.9
    assert copied.face > 0.95
    assert other.skin < 0.6
    assert other.face < 0.8


def test_size_and_place_of_the_copy_do_not_matter():
    portrait = skin(1)
    large = resize(portrait, 2 * SIDE, 2 * SIDE)
    moved = effects.move(large, shift_px=(20, -14), paper=(0, 0, 0))
    # Pixel i of the large picture shows pixel i / 2 - 1/4 of the portrait.
    points = mesh().points * 2
    points[:, :2] += 0.5
    points[:, :2] += (20, -14)
    found = texture_agreement(portrait, mesh(), moved, FaceMesh(points=points, presence=30.0))
    assert found.skin > 0.9


def test_a_mesh_that_trembles_is_set_right_by_the_texture():
    portrait = skin(1)
    trembling = mesh().points.copy()
    trembling[:, :2] += np.random.default_rng(2).normal((6.0, -5.5), 1.5, (468, 2))
    found = texture_agreement(
        portrait, mesh(), altered(portrait), FaceMesh(points=trembling, presence=30.0)
    )
    assert found.skin > 0.85


@pytest.mark.parametrize(
    ("found", "outcome", "reasons"),
    [
        ((agreement(),), Outcome.PASSED, ()),
        ((agreement(), agreement(skin=0.9)), Outcome.FAILED, ("face.frames_from_portrait",)),
        ((agreement(face=0.92),), Outcome.INDETERMINATE, ("face.frames_like_portrait",)),
        ((agreement(skin=0.899, face=0.919),), Outcome.PASSED, ()),
        ((agreement(sharpness=-1.2),), Outcome.INDETERMINATE, ("face.frames_without_texture",)),
        (
            (agreement(middle_sharpness=-0.9),),
            Outcome.INDETERMINATE,
            ("face.frames_without_texture",),
        ),
        (
            (agreement(middle_sharpness=-0.9), agreement(sharpness=-1.2)),
            Outcome.INDETERMINATE,
            ("face.frames_without_texture",),
        ),
        ((agreement(sharpness=-1.2), agreement()), Outcome.PASSED, ()),
        (
            (FaceProblem.TOO_SMALL, FaceProblem.TOO_SMALL),
            Outcome.INDETERMINATE,
            ("face.too_small",),
        ),
        ((FaceProblem.NO_FACE, agreement()), Outcome.PASSED, ()),
    ],
)
def test_one_frame_is_enough_to_doubt_and_a_sharp_one_is_needed_to_pass(found, outcome, reasons):
    assert judge_frames(found, BOUNDS) == (outcome, reasons)


def test_the_check_fails_on_copies_and_says_by_how_much():
    portrait = skin(1)
    report = examine_frames(portrait, [skin(2), altered(portrait)], Found(mesh()), bounds=BOUNDS)
    assert report.check.outcome is Outcome.FAILED
    assert report.check.reasons == ("face.frames_from_portrait",)
    assert [m.name for m in report.check.measurements] == ["skin_agreement", "face_agreement"]
    assert len(report.frames) == 2


def test_another_photograph_passes():
    report = examine_frames(skin(1), [skin(2), skin(3)], Found(mesh()), bounds=BOUNDS)
    assert report.check.outcome is Outcome.PASSED


def test_without_a_face_nothing_passes():
    black = np.zeros((SIDE, SIDE, 3), np.uint8)
    find = Found(mesh())
    no_portrait = examine_frames(black, [skin(2)], find, bounds=BOUNDS).check
    assert (no_portrait.outcome, no_portrait.reasons) == (
        Outcome.INDETERMINATE,
        ("face.portrait_no_face",),
    )
    no_face = examine_frames(skin(1), [black], find, bounds=BOUNDS).check
    assert (no_face.outcome, no_face.reasons) == (Outcome.INDETERMINATE, ("face.no_face",))
    assert examine_frames(skin(1), [], find).check.outcome is Outcome.NOT_PERFORMED


def test_small_faces_hold_no_texture():
    report = examine_frames(skin(1), [skin(2)], Found(mesh(scale=0.5)), bounds=BOUNDS)
    assert report.check.reasons == ("face.too_small",)
    assert report.check.measurements == ()


def test_a_blurred_frame_shows_nothing():
    blurred = effects.blur(skin(2), 9)
    report = examine_frames(skin(1), [blurred], Found(mesh()), bounds=BOUNDS)
    assert report.check.reasons == ("face.frames_without_texture",)


def test_bounds_outside_correlations_are_refused():
    with pytest.raises(InputError):
        replace(BOUNDS, failed_at=1.2)


def test_the_shipped_bounds_are_read():
    bounds = default_copy_bounds()
    assert 0.5 < bounds.doubtful_at < 1.0
    assert 0.5 < bounds.failed_at < 1.0


@pytest.fixture(scope="module")
def detector(models):
    mesher = FaceMesher(models.model("mediapipe-face-mesh"))
    return FaceDetector(models.model("yunet-2023mar"), mesher=mesher)


@pytest.fixture(scope="module")
def portrait(models, detector):
    """As a chip holds it: 240 × 320 pixels, JPEG 2000 of about 10 kB."""
    image = read_image(models.store.asset_path("portrait-astronaut"))
    (face, *_) = detector.detect(image)
    small = portrait_of(FacePicture(image=image, face=face.box), 240, 320)
    return decode_image(encode_jpeg2000(small, small.size / 10_000), name="portrait")


@pytest.mark.models
@pytest.mark.parametrize("kind", [kind for kind in ALTERATIONS if kind != "drowned"])
def test_frames_made_from_the_portrait_do_not_pass(kind, portrait, detector):
    (face, *_) = detector.detect(portrait)
    found = detector.refine(portrait, face).mesh
    frame = inject(portrait, found, kind, np.random.default_rng(4))
    check = examine_frames(portrait, [frame], detector).check
    assert check.outcome in {Outcome.FAILED, Outcome.INDETERMINATE}


@pytest.mark.models
def test_a_still_is_named_for_what_it_is(portrait, detector):
    check = examine_frames(portrait, [resize(portrait, 720, 960)], detector).check
    assert check.reasons == ("face.frames_from_portrait",)


@pytest.mark.models
def test_another_person_passes(models, portrait, detector):
    other = read_image(models.store.asset_path("portrait-hopper"))
    assert examine_frames(portrait, [other], detector).check.outcome is Outcome.PASSED


@pytest.mark.models
def test_two_photographs_of_one_person_are_no_copy(shared_data, detector):
    """Twelve people of LFW on whom the bounds were set; those kept aside: suite portrait-injection."""
    faces = shared_data / "faces"
    if not (faces / LFW_ARCHIVE).is_file():
        pytest.skip("LFW is absent")
    chosen = people(Recorder(seed=1), faces, "lfw", kept=False)[:12]
    outcomes = [
        judge_frames([shown.agreement], default_copy_bounds())[0]
        for pictures in chosen
        for shown in show(pictures, detector, np.random.default_rng(1), attacks=0)
    ]
    assert len(outcomes) >= 12
    assert Outcome.FAILED not in outcomes
    assert outcomes.count(Outcome.PASSED) >= 0.9 * len(outcomes)


def test_noise_over_blur_is_no_texture_of_a_face():
    """It raises the finest texture, which blur took away, and hardly the next coarser one."""
    picture, place = skin(1), mesh()
    random = np.random.default_rng(2)
    blurred = effects.blur(picture, 6)
    shown = (effects.add_noise(picture, 6, random), blurred, effects.add_noise(blurred, 6, random))
    sharp, soft, drowned = (texture_agreement(picture, place, one, place) for one in shown)
    assert drowned.sharpness > soft.sharpness + 0.3
    assert drowned.middle_sharpness < sharp.middle_sharpness - 0.3
