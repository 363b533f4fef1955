"""Components of quality: each falls where it should and leaves the others, and real portraits keep their word."""

from dataclasses import replace

import numpy as np
import pytest

from ekyc.face import FaceDetector, FaceMesher, FaceProblem, compare_faces
from ekyc.face.faces import HeadPose
from ekyc.face.quality import DEFAULT_QUALITY, UNUSABLE, FaceQuality, QualityFault, assess, faults
from ekyc.imaging import effects
from ekyc.outcomes import Outcome, reason_registry

GOOD = FaceQuality(
    single_face_present=True,
    inter_eye_distance_px=80,
    sharpness=300,
    luminance_mean=130,
    dynamic_range=180,
    under_exposure=0,
    over_exposure=0,
    head_pose=HeadPose(yaw_deg=0, pitch_deg=0, roll_deg=0),
    eyes_open=0.25,
    mouth_open=0.05,
    face_occlusion=4,
    background_unevenness=10,
)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"head_pose": HeadPose(yaw_deg=0, pitch_deg=0, roll_deg=179)}, QualityFault.NOT_UPRIGHT),
        ({"head_pose": HeadPose(yaw_deg=-70, pitch_deg=0, roll_deg=0)}, QualityFault.TURNED_AWAY),
        ({"head_pose": HeadPose(yaw_deg=0, pitch_deg=-50, roll_deg=0)}, QualityFault.TURNED_AWAY),
        ({"luminance_mean": 10}, QualityFault.TOO_DARK),
        ({"luminance_mean": 60, "dynamic_range": 10}, QualityFault.TOO_DARK),
        ({"luminance_mean": 245}, QualityFault.TOO_BRIGHT),
        ({"luminance_mean": 200, "dynamic_range": 10}, QualityFault.TOO_BRIGHT),
        ({"sharpness": 3}, QualityFault.BLURRED),
        ({"eyes_open": 0.02}, QualityFault.EYES_CLOSED),
        ({"mouth_open": 0.6}, QualityFault.MOUTH_OPEN),
        ({"face_occlusion": 40}, QualityFault.OCCLUDED),
        ({"background_unevenness": 100}, QualityFault.BACKGROUND),
    ],
)
def test_each_fault_has_its_component(changes, fault):
    assert faults(GOOD) == ()
    assert faults(replace(GOOD, **changes)) == (fault,)


def test_without_a_mesh_pose_eyes_and_mouth_are_no_fault():
    assert faults(replace(GOOD, head_pose=None, eyes_open=None, mouth_open=None)) == ()


def test_every_fault_has_its_reason_in_both_languages():
    codes = reason_registry()
    for fault in QualityFault:
        assert f"face.{fault}" in codes
    for fault in UNUSABLE:
        assert f"face.portrait_{fault}" in codes
        assert FaceProblem(fault.value) in FaceProblem


@pytest.fixture(scope="module")
def workers(models):
    from ekyc.face import FaceEmbedder

    mesher = FaceMesher(models.model("mediapipe-face-mesh"))
    detector = FaceDetector(models.model("yunet-2023mar"), mesher=mesher)
    return detector, FaceEmbedder(models.model("sface-2021dec"))


@pytest.fixture(scope="module")
def portrait(models, shared_data):
    from ekyc.imaging import read_image

    return read_image(shared_data / "faces/london/001_03.jpg")


def seen(image, detector):
    (face,) = detector.detect(image)
    return assess(image, detector.refine(image, face))


@pytest.mark.models
@pytest.mark.shared_data
def test_spoiling_a_real_portrait_moves_its_component(workers, portrait):
    detector, _ = workers
    plain = seen(portrait, detector)
    assert faults(plain) == ()
    assert 65 < plain.inter_eye_distance_px < 85
    blurred = seen(effects.blur(portrait, 6.0), detector)
    assert QualityFault.BLURRED in faults(blurred)
    masked = portrait.copy()
    (face,) = detector.detect(portrait)
    nose, box = face.landmarks.nose, face.box
    masked[round(nose.y) : round(box.bottom), round(box.left) : round(box.right)] = (190, 120, 40)
    covered = seen(masked, detector)
    assert covered.face_occlusion > DEFAULT_QUALITY.max_occlusion > plain.face_occlusion
    dark = seen(effects.adjust(portrait, gain=0.1), detector)
    assert dark.luminance_mean < 25
    assert dark.under_exposure > 0.8 > plain.under_exposure


@pytest.mark.models
@pytest.mark.shared_data
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_that_lies_is_named_and_not_compared(workers, portrait, turns):
    """The detector puts upright points on a face that stands on its head: without a look at the mesh's doubt the
    person would be told to be somebody else."""
    lying = np.ascontiguousarray(np.rot90(portrait, turns))
    check = compare_faces(portrait, [lying], *workers).check
    assert check.outcome is Outcome.INDETERMINATE
    assert check.reasons == ("face.not_upright",)
    of_portrait = compare_faces(lying, [portrait], *workers).check
    assert of_portrait.reasons == ("face.portrait_not_upright",)


@pytest.mark.models
@pytest.mark.shared_data
def test_grey_portraits_as_on_chips_still_match(workers, portrait, shared_data):
    from ekyc.imaging import read_image, resize_long_side, to_gray

    grey = np.repeat(to_gray(resize_long_side(portrait, 320))[:, :, None], 3, axis=2)
    smiling = read_image(shared_data / "faces/london/001_08.jpg")
    check = compare_faces(grey, [smiling], *workers).check
    assert check.outcome is Outcome.PASSED


@pytest.mark.models
@pytest.mark.shared_data
@pytest.mark.parametrize("gain", [0.02, 0.06, 40.0])
def test_extreme_light_decides_nothing(workers, portrait, gain):
    spoilt = effects.adjust(portrait, gain=gain)
    check = compare_faces(portrait, [spoilt], *workers).check
    assert check.outcome is Outcome.INDETERMINATE
    assert check.reasons[0] in {"face.too_dark", "face.too_bright", "face.no_face"}


@pytest.mark.models
@pytest.mark.shared_data
def test_a_face_of_twenty_pixels_is_too_small(workers, portrait):
    from ekyc.imaging import resize_long_side

    small = np.full((480, 480, 3), 128, np.uint8)
    small[200:290, 200:290] = resize_long_side(portrait, 90)
    check = compare_faces(portrait, [small], *workers).check
    assert check.outcome is Outcome.INDETERMINATE
    assert check.reasons[0] in {"face.too_small", "face.no_face"}


@pytest.mark.models
@pytest.mark.shared_data
def test_two_faces_of_equal_size_are_named(workers, portrait):
    check = compare_faces(portrait, [np.hstack([portrait, portrait])], *workers).check
    assert check.reasons == ("face.several_faces",)


@pytest.mark.models
def test_a_drawn_face_is_no_portrait(workers):
    """Whatever the detector takes a cartoon for, nothing is decided in its favour and nothing breaks."""
    import cv2

    cartoon = np.full((400, 400, 3), 255, np.uint8)
    cv2.circle(cartoon, (200, 200), 150, (90, 200, 255), -1)
    for x in (150, 250):
        cv2.circle(cartoon, (x, 160), 18, (0, 0, 0), -1)
    cv2.ellipse(cartoon, (200, 250), (70, 40), 0, 0, 180, (0, 0, 0), 6)
    check = compare_faces(cartoon, [cartoon], *workers).check
    assert check.outcome is Outcome.INDETERMINATE
    assert check.reasons[0].startswith("face.portrait_")


@pytest.mark.models
def test_noise_and_empty_pictures_decide_nothing(workers):
    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    for image in (noise, np.zeros((1, 1, 3), np.uint8), np.full((2000, 3, 3), 255, np.uint8)):
        check = compare_faces(image, [image], *workers).check
        assert check.outcome is Outcome.INDETERMINATE
        assert check.reasons == ("face.portrait_no_face",)
