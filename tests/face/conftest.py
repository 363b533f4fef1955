"""Faces that a fake detector and embedder read out of the colours of a picture."""

import numpy as np
import pytest

from ekyc.face import FaceDetector, FaceEmbedder
from ekyc.face.cells import STRIDES
from ekyc.testing import StaticModel


def planted_outputs(height, width, faces):
    """YuNet's outputs for faces given as (centre x, centre y, width) in pixels of the model's input."""
    outputs = [
        np.zeros((height // stride * (width // stride), values), dtype=np.float32)
        for values in (1, 1, 4, 10)
        for stride in STRIDES
    ]
    columns = width // 32
    for x, y, side in faces:
        column, row = int(x // 32), int(y // 32)
        cell = row * columns + column
        dx, dy, size = x / 32 - column, y / 32 - row, side / 32
        outputs[2][cell] = outputs[5][cell] = 1
        outputs[8][cell] = (dx, dy, np.log(size), np.log(size * 1.25))
        offsets = ((-0.2, -0.2), (0.2, -0.2), (0, 0.1), (-0.15, 0.3), (0.15, 0.3))
        outputs[11][cell] = [v for ox, oy in offsets for v in (dx + ox * size, dy + oy * size)]
    return tuple(outputs)


def portrait(person, *, faces=((128, 128, 120),), side=256, grain=3):
    """A picture whose red tells the fake embedder who is on it, and whose blue tells where faces are.

    Pixel i of the top row holds a face: x, y and width as its blue, green and red.
    """
    noise = np.random.default_rng(person).integers(0, grain, (side, side, 3), dtype=np.uint8)
    image = (noise + np.uint8(100)).astype(np.uint8)
    image[..., 1] = np.linspace(40, 200, side, dtype=np.uint8)  # light and shade, as a face has
    image[..., 2] = 10 * person
    image[0] = 0
    for i, face in enumerate(faces):
        image[0, i] = face
    return image


def _detect(item):
    _, height, width = item.shape
    if (height, width) != (256, 256):  # shown again at another size, because nothing was found
        return planted_outputs(height, width, ())
    rows = item[:, 0].T
    faces = [tuple(row) for row in rows if row[2] > 0]
    return planted_outputs(height, width, faces)


def _embed(item):
    """One axis per person: red (plane 0 of RGB) in the middle, where alignment never reaches the outside."""
    vector = np.full(128, 0.01, dtype=np.float32)
    vector[round(float(item[0, 50:60, 50:60].mean()) / 10)] = 5.0
    return (vector,)


@pytest.fixture
def draw():
    return portrait


@pytest.fixture
def detector():
    return FaceDetector(StaticModel("yunet-2023mar", _detect))


@pytest.fixture
def embedder():
    return FaceEmbedder(StaticModel("sface-2021dec", _embed))
