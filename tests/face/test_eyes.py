"""Eyelids: the crops, the way of counting, then the real net."""

import numpy as np
import pytest
from drawn_eyes import lids

from ekyc.errors import ModelError
from ekyc.face import EyeReader, FaceMesh
from ekyc.face.eyes import EYE_SIDE_PX, lid_opening
from ekyc.face.mesh import mean_face
from ekyc.testing import StaticModel


@pytest.mark.parametrize(("gap", "found"), [(0.0, 0.0), (7.0, 0.25), (14.0, 0.5)])
def test_openness_is_the_mean_gap_over_the_width(gap, found):
    assert lid_opening(lids(gap)) == pytest.approx(found)


def test_an_eye_without_width_is_shut():
    assert lid_opening(lids(3.0, width=0.0)) == 0.0


@pytest.mark.parametrize(
    "outputs",
    [(), (np.zeros(15, np.float32),), (np.full(213, np.nan, np.float32),)],
    ids=["nothing", "too few", "no numbers"],
)
def test_another_answer_is_refused(outputs):
    with pytest.raises(ModelError) as caught:
        lid_opening(outputs)
    assert caught.value.code == "model.unexpected_output"


def test_the_right_eye_is_shown_mirrored_so_that_a_mirrored_face_gives_the_same_crops():
    seen = []

    def answer(item):
        seen.append(item)
        return lids(float(len(seen)))

    reader = EyeReader(StaticModel("mediapipe-iris", answer))
    points = mean_face() * 4
    picture = np.random.default_rng(3).integers(0, 256, (448, 448, 3), dtype=np.uint8)
    right, left = reader.openness(picture, FaceMesh(points=points, presence=9.0))
    assert (right, left) == (pytest.approx(1 / 28), pytest.approx(2 / 28))
    assert seen[0].shape == (3, EYE_SIDE_PX, EYE_SIDE_PX)
    assert seen[0].max() <= 1

    swapped = points.copy()
    for one, other in ((33, 263), (133, 362)):
        swapped[[one, other]] = points[[other, one]]
    swapped[:, 0] = 447 - swapped[:, 0]
    reader.openness(np.ascontiguousarray(picture[:, ::-1]), FaceMesh(points=swapped, presence=9.0))
    assert np.abs(seen[0] - seen[3]).max() < 0.02
    assert np.abs(seen[1] - seen[2]).max() < 0.02
    assert np.abs(seen[0] - seen[1]).mean() > 0.1


def test_red_comes_first():
    seen = []

    def answer(item):
        seen.append(item)
        return lids(7)

    blue = np.zeros((448, 448, 3), dtype=np.uint8)
    blue[..., 0] = 255
    reader = EyeReader(StaticModel("mediapipe-iris", answer))
    reader.openness(blue, FaceMesh(points=mean_face() * 4, presence=9.0))
    assert seen[0][:, 32, 32].tolist() == [0, 0, 1]


def test_an_eye_whose_corners_coincide_is_not_looked_at():
    reader = EyeReader(StaticModel("mediapipe-iris", lambda _item: lids(7)))
    points = mean_face() * 4
    points[133] = points[33]
    picture = np.zeros((448, 448, 3), dtype=np.uint8)
    assert reader.openness(picture, FaceMesh(points=points, presence=9.0)) == (0.0, 0.25)


@pytest.mark.models
def test_the_net_sees_drawn_lids_and_the_mesh_hardly_does(models):
    from rendered_face import RenderedFace, photograph_of

    from ekyc.face import FacePipeline, dominant_face
    from ekyc.liveness.active import Step

    rendered = RenderedFace(*photograph_of(models))
    detector = FacePipeline.over(models).detector
    reader = EyeReader(models.model("mediapipe-iris"))

    def seen(share):
        picture = rendered.frame({Step.BLINK: share})
        mesh = detector.refine(picture, dominant_face(detector.detect(picture))).mesh
        return np.array([reader.openness(picture, mesh), mesh.eye_openness])

    by_net, by_mesh = (seen(1.5) / seen(0)).max(axis=1)
    assert by_net < 0.7 < by_mesh
