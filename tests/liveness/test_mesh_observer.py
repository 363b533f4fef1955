"""Real pictures through the real models: numbers of the right size and sign."""

import pytest

from ekyc.face import FacePipeline
from ekyc.imaging import encode_jpeg, flip_horizontally, read_image, resize_long_side
from ekyc.liveness.active import ObservationProblem
from ekyc.liveness.active.mesh_observer import MeshObserver
from ekyc.liveness.active.observation import UNREADABLE


@pytest.fixture(scope="module")
def observer(models):
    pipeline = FacePipeline.over(models)
    return MeshObserver(detector=pipeline.detector, embedder=pipeline.embedder)


@pytest.fixture(scope="module")
def portrait(shared_data):
    return resize_long_side(read_image(shared_data / "faces/london/001_03.jpg"), 720)


@pytest.mark.models
@pytest.mark.shared_data
def test_a_portrait_looks_straight_with_open_eyes(observer, portrait):
    seen = observer.observe(encode_jpeg(portrait))
    face = seen.face
    assert abs(face.yaw_deg) < 12
    assert abs(face.pitch_deg) < 15
    assert face.eye_openness > 0.1
    assert face.mouth_opening < 0.2
    assert sum(value * value for value in face.embedding) == pytest.approx(1, abs=1e-3)
    assert len(face.points) == 5
    assert face.is_finite
    assert seen.picture_hash


@pytest.mark.models
@pytest.mark.shared_data
def test_the_mirror_turns_the_other_way_and_shows_the_same_person(observer, portrait):
    seen = observer.observe(encode_jpeg(portrait)).face
    mirrored = observer.observe(encode_jpeg(flip_horizontally(portrait))).face
    assert mirrored.yaw_deg == pytest.approx(-seen.yaw_deg, abs=4)
    assert sum(a * b for a, b in zip(seen.embedding, mirrored.embedding, strict=True)) > 0.6


@pytest.mark.models
def test_what_is_no_picture_or_shows_nobody_is_an_observation(observer):
    import numpy as np

    assert observer.observe(b"no picture") is UNREADABLE
    wall = encode_jpeg(np.full((480, 360, 3), 120, dtype=np.uint8))
    assert observer.observe(wall).problem is ObservationProblem.NO_FACE
    assert observer.observe(wall).picture_hash == 0
