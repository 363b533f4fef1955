"""The mesh: its crop, its way back to the picture, alignment by all points, pose. Then the real net on real faces."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import ModelError
from ekyc.face import DetectedFace, FaceDetector, FaceMesh, FaceMesher, Landmarks, align_face
from ekyc.face.faces import LEFT_EYE, RIGHT_EYE
from ekyc.face.mesh import CROP_POINTS, alignment_of, decode_mesh, head_pose, mean_face
from ekyc.imaging.align import Similarity, fit_similarity
from ekyc.testing import StaticModel
from ekyc.values import BoxPx

IDENTITY = Similarity(turn=1 + 0j, shift=0j)


def face_at(points):
    box = BoxPx(left=0, top=0, right=192, bottom=192)
    return DetectedFace(box=box, landmarks=Landmarks.of(np.asarray(points, float)), score=0.9)


def answer(points, presence=20.0):
    flat = np.asarray(points, dtype=np.float32).ravel()
    return flat, np.array([presence], dtype=np.float32)


def turned(yaw=0.0, pitch=0.0, roll=0.0):
    """The mean face turned by angles in degrees: yaw first, then pitch, then roll, about the axes of the picture."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = [[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]]
    about_x = [[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]]
    about_z = [[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]]
    rotation = np.array(about_z) @ np.array(about_x) @ np.array(about_y)
    return FaceMesh(points=mean_face() @ rotation.T + [50, 60, 0], presence=10.0)


def test_the_net_is_shown_red_first_from_zero_to_one():
    seen = []

    def infer(item):
        seen.append(item)
        return answer(np.zeros((468, 3)))

    image = np.zeros((192, 192, 3), dtype=np.uint8)
    image[..., 2] = 255
    FaceMesher(StaticModel("mediapipe-face-mesh", infer)).refine(image, face_at(CROP_POINTS))
    (item,) = seen
    assert item.shape == (3, 192, 192)
    assert item.dtype == np.float32
    assert item[:, 96, 96].tolist() == [1.0, 0.0, 0.0]


def test_the_nets_pixels_begin_at_the_edge_and_ours_in_the_middle():
    points = np.full((468, 3), 10.0)
    mesh = decode_mesh(answer(points), IDENTITY)
    assert mesh.points[0].tolist() == [9.5, 9.5, 10.0]


@given(
    turn=st.complex_numbers(min_magnitude=0.2, max_magnitude=5),
    shift=st.complex_numbers(max_magnitude=500),
)
def test_points_return_to_the_picture(turn, shift):
    similarity = Similarity(turn=turn, shift=shift)
    known = mean_face() * 1.5 + [300, 200, 0]
    shown = np.concatenate(
        [similarity.apply(known[:, :2]) + 0.5, known[:, 2:] * similarity.scale], axis=1
    )
    mesh = decode_mesh(answer(shown), similarity)
    np.testing.assert_allclose(mesh.points, known, atol=1e-2)


def test_a_refined_face_has_the_points_of_its_mesh_and_keeps_box_and_score():
    points = mean_face() + np.array([40, 30, 0])
    mesher = FaceMesher(StaticModel("mediapipe-face-mesh", lambda _item: answer(points + 0.5)))
    before = face_at(CROP_POINTS)
    after = mesher.refine(np.zeros((192, 192, 3), np.uint8), before)
    assert (after.box, after.score) == (before.box, before.score)
    flat = points[:, :2]
    eyes = [flat[list(contour)].mean(axis=0) for contour in (RIGHT_EYE, LEFT_EYE)]
    np.testing.assert_allclose(after.landmarks.points[:2], eyes, atol=1e-3)
    np.testing.assert_allclose(after.landmarks.points[2], flat[4], atol=1e-3)


def test_where_the_net_sees_no_face_the_detectors_points_stay():
    mesher = FaceMesher(StaticModel("m", lambda _item: answer(np.zeros((468, 3)), presence=-1.0)))
    face = face_at(CROP_POINTS)
    assert mesher.refine(np.zeros((192, 192, 3), np.uint8), face) is face


def test_points_that_coincide_leave_the_face_as_it_is():
    mesher = FaceMesher(StaticModel("m", lambda _item: answer(np.zeros((468, 3)))))
    face = face_at(np.full((5, 2), 7.0))
    assert mesher.refine(np.zeros((20, 20, 3), np.uint8), face) is face


@pytest.mark.parametrize(
    "outputs",
    [
        answer(np.zeros((467, 3))),
        answer(np.full((468, 3), np.nan)),
        answer(np.zeros((468, 3)))[:1],
        answer(np.zeros((468, 3)), presence=np.inf),
    ],
    ids=["short", "nan", "no-logit", "infinite"],
)
def test_answers_of_another_net_are_refused(outputs):
    with pytest.raises(ModelError) as caught:
        decode_mesh(outputs, IDENTITY)
    assert caught.value.code == "model.unexpected_output"


def test_alignment_takes_the_mesh_to_the_mean_face():
    similarity = Similarity(turn=0.4 + 0.2j, shift=30 + 11j)
    mesh = FaceMesh(
        points=np.column_stack([similarity.apply(mean_face()[:, :2]), mean_face()[:, 2]]),
        presence=9.0,
    )
    moved = alignment_of(mesh).apply(mesh.points[:, :2])
    np.testing.assert_allclose(moved, mean_face()[:, :2], atol=1e-6)


def test_a_face_with_a_mesh_is_aligned_by_it():
    image = np.random.default_rng(5).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    mesh = FaceMesh(points=mean_face().copy(), presence=9.0)
    wrong_five = Landmarks.of(CROP_POINTS)
    box = BoxPx(left=0, top=0, right=112, bottom=112)
    face = DetectedFace(box=box, landmarks=wrong_five, score=1.0, mesh=mesh)
    assert np.abs(align_face(image, face).astype(int) - image).max() <= 1


def test_one_trembling_point_hardly_moves_an_alignment():
    """Why all points are used: five would turn and shrink the face by as much as one of them is off."""
    points = mean_face().copy()
    points[4, :2] += 15
    moved = alignment_of(FaceMesh(points=points, presence=9.0))
    assert abs(moved.turn - 1) < 0.002
    five = np.array([(38, 52), (73, 52), (56, 72), (42, 92), (71, 92)], float)
    off = five.copy()
    off[2] += 15
    assert abs(fit_similarity(off, five).turn - 1) + abs(fit_similarity(off, five).shift) > 1


@given(angle=st.floats(-60, 60))
def test_pose_is_read_back(angle):
    assert head_pose(turned(yaw=angle)).yaw_deg == pytest.approx(angle, abs=1e-6)
    assert head_pose(turned(pitch=angle)).pitch_deg == pytest.approx(angle, abs=1e-6)
    assert head_pose(turned(roll=3 * angle)).roll_deg == pytest.approx(3 * angle, abs=1e-6)


def test_pose_signs_are_the_persons_own():
    assert (
        turned(yaw=30).landmarks.nose.x > turned().landmarks.nose.x
    )  # own left is right in the picture
    assert turned(pitch=30).landmarks.nose.y < turned().landmarks.nose.y


def test_shut_lids_and_lips_measure_nothing():
    points = mean_face().copy()
    for upper, lower in (
        (160, 144),
        (158, 153),
        (387, 373),
        (385, 380),
        (82, 87),
        (13, 14),
        (312, 317),
    ):
        points[upper] = points[lower]
    shut = FaceMesh(points=points, presence=9.0)
    assert shut.eye_openness == (0.0, 0.0)
    assert shut.mouth_opening == 0.0
    opened = FaceMesh(points=mean_face(), presence=9.0)
    assert min(opened.eye_openness) > 0.2


@pytest.mark.models
@pytest.mark.shared_data
def test_eyes_lie_nearer_to_where_people_marked_them(models, shared_data):
    """Bound of the issue on a fifth of the pictures; all of them: suite face-verification."""
    from ekyc.imaging import read_image

    folder = shared_data / "faces/london"
    detector = FaceDetector(
        models.model("yunet-2023mar"), mesher=FaceMesher(models.model("mediapipe-face-mesh"))
    )
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        marked = [row for row in csv.DictReader(file) if row["eye_a_x"] not in {"", "nan"}][::5]
    errors = []
    for row in marked:
        image = read_image(folder / row["file"])
        (face,) = detector.detect(image)
        found = detector.refine(image, face)
        assert abs(head_pose(found.mesh).yaw_deg) < 12
        eyes = np.array([[float(row[f"eye_{e}_{axis}"]) for axis in "xy"] for e in ("a", "b")])
        off = np.linalg.norm(found.landmarks.points[:2] - eyes, axis=1)
        errors.append(off.mean() / np.linalg.norm(eyes[0] - eyes[1]))
    assert len(errors) == 21
    assert np.mean(errors) < 0.030
