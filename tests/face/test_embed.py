import numpy as np
import pytest

from ekyc.errors import ModelError
from ekyc.face import DetectedFace, FaceEmbedder, Landmarks, align_face, cosine
from ekyc.face.embed import ALIGNED_POINTS
from ekyc.testing import StaticModel
from ekyc.values import BoxPx, PointPx


def face_at(points):
    names = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
    listed = {name: PointPx(*xy) for name, xy in zip(names, points.tolist(), strict=True)}
    box = BoxPx(left=0, top=0, right=112, bottom=112)
    return DetectedFace(box=box, landmarks=Landmarks(**listed), score=1.0)


def recording(seen, answer=None):
    def infer(item):
        seen.append(item)
        return (np.arange(1, 129, dtype=np.float32) if answer is None else answer,)

    return FaceEmbedder(StaticModel("sface-2021dec", infer))


def test_embedder_shows_red_first():
    """SFace was trained on RGB; the mirror image of this error costs accuracy without any other sign."""
    seen = []
    image = np.zeros((112, 112, 3), dtype=np.uint8)
    image[..., 2] = 200  # red in blue-green-red
    recording(seen).embed(image, face_at(ALIGNED_POINTS))
    assert seen[0].shape == (3, 112, 112)
    assert seen[0].dtype == np.float32
    assert seen[0][:, 56, 56].tolist() == [200.0, 0.0, 0.0]


def test_vector_has_length_one():
    vector = recording([]).embed(np.zeros((112, 112, 3), np.uint8), face_at(ALIGNED_POINTS))
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)
    assert cosine(vector, vector) == pytest.approx(1.0, abs=1e-6)
    assert cosine(vector, -vector) == pytest.approx(-1.0, abs=1e-6)


@pytest.mark.parametrize(
    "answer",
    [np.zeros(128), np.full(128, np.nan), np.ones(127), np.ones((1, 128))],
    ids=["zero", "nan", "short", "batched"],
)
def test_unusable_answers_are_refused(answer):
    embedder = recording([], answer.astype(np.float32))
    with pytest.raises(ModelError) as caught:
        embedder.embed(np.zeros((112, 112, 3), np.uint8), face_at(ALIGNED_POINTS))
    assert caught.value.code == "model.unexpected_output"


def test_a_face_already_in_place_stays():
    image = np.random.default_rng(1).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    aligned = align_face(image, face_at(ALIGNED_POINTS))
    assert np.abs(aligned.astype(int) - image).max() <= 1


def test_a_turned_and_enlarged_face_is_brought_back():
    small = np.zeros((112, 112, 3), dtype=np.uint8)
    small[20:60, 30:80] = 255
    turned = np.rot90(np.kron(small, np.ones((2, 2, 1), dtype=np.uint8)), -1).copy()
    # A point (x, y) doubled, then a quarter turn clockwise in a picture 224 high: (223 − 2y − ½, 2x + ½).
    points = np.stack(
        [223 - (2 * ALIGNED_POINTS[:, 1] + 0.5), 2 * ALIGNED_POINTS[:, 0] + 0.5], axis=1
    )
    aligned = align_face(turned, face_at(points))
    assert np.abs(aligned.astype(int) - small)[2:-2, 2:-2].mean() < 2
