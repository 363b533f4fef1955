"""Our detector and embedder against OpenCV's own wrappers of the same two networks: another's code, same answers."""

import cv2
import numpy as np
import pytest

from ekyc.face import FaceDetector, FaceEmbedder, align_face
from ekyc.imaging import read_image

pytestmark = [pytest.mark.models, pytest.mark.shared_data]

PICTURES = ("001_03", "002_08", "045_03", "062_08", "126_03", "144_03")


@pytest.fixture(scope="module")
def pictures(shared_data):
    return [read_image(shared_data / f"faces/london/{name}.jpg") for name in PICTURES]


@pytest.fixture(scope="module")
def found(models, pictures):
    detector = FaceDetector(models.model("yunet-2023mar"))
    return [detector.detect(picture) for picture in pictures]


def test_same_faces_and_landmarks(models, pictures, found):
    path = str(models.store.require("yunet-2023mar").path)
    theirs = cv2.FaceDetectorYN.create(path, "", (480, 480), 0.5, 0.3, 5000)
    for picture, faces in zip(pictures, found, strict=True):
        _, rows = theirs.detect(picture)
        assert len(rows) == len(faces) == 1
        box = faces[0].box
        assert rows[0, :4] == pytest.approx([box.left, box.top, box.width, box.height], abs=1e-2)
        assert rows[0, 4:14] == pytest.approx(faces[0].landmarks.points.ravel(), abs=1e-2)
        assert rows[0, 14] == pytest.approx(faces[0].score, abs=1e-5)


def test_same_alignment_and_embedding(models, pictures, found):
    """Goes red when red and blue are exchanged (the cosine falls to about 0.97)."""
    path = str(models.store.require("sface-2021dec").path)
    theirs = cv2.FaceRecognizerSF.create(path, "")
    ours = FaceEmbedder(models.model("sface-2021dec"))
    for picture, (face,) in zip(pictures, found, strict=True):
        box = face.box
        row = [box.left, box.top, box.width, box.height, *face.landmarks.points.ravel(), face.score]
        aligned = theirs.alignCrop(picture, np.array([row], dtype=np.float32))
        # Theirs samples single pixels when it shrinks, ours takes means first: not the same where it matters.
        assert np.abs(aligned.astype(int) - align_face(picture, face)).mean() < 3
        vector = theirs.feature(aligned)[0]
        assert vector / np.linalg.norm(vector) @ ours.embed(picture, face) > 0.99
