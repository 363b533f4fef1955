"""Frames whose colours tell a fake detector where the face is and a fake network how live it looks."""

import numpy as np
import pytest

from ekyc.face import FaceDetector
from ekyc.face.cells import STRIDES
from ekyc.testing import StaticModel

SIDE = 480
THINNED = 256
"""Every other row and column, padded to a multiple of 32."""


def planted_outputs(height, width, faces):
    """YuNet's outputs for square faces given as (centre x, centre y, width) in pixels of the model's input."""
    outputs = [
        np.zeros((height // stride * (width // stride), values), dtype=np.float32)
        for values in (1, 1, 4, 10)
        for stride in STRIDES
    ]
    for x, y, side in faces:
        column, row = int(x // 32), int(y // 32)
        cell = row * (width // 32) + column
        outputs[2][cell] = outputs[5][cell] = 1
        outputs[8][cell] = (x / 32 - column, y / 32 - row, np.log(side / 32), np.log(side / 32))
        outputs[11][cell] = [0, 0, 1, 0, 0.5, 1, 0, 2, 1, 2]
    return tuple(outputs)


def draw_frame(live, *, number=0, faces=((240, 240, 180),), level=100, grain=16):
    """A noisy frame; its red plane is 60 times ``live``, and its lowest squares of two pixels hold a face each.

    The face is x / 2, y / 2 and width / 2 as blue, green and red; it is still there in every other row and column.
    """
    image = np.random.default_rng(number).integers(0, grain, (SIDE, SIDE, 3), dtype=np.uint8)
    image = image + np.uint8(level)
    image[..., 2] = round(60 * live)
    image[0, 0, 0] = number  # different frames stay different without grain
    image[-2:] = 0
    for i, face in enumerate(faces):
        image[-2:, 2 * i : 2 * i + 2] = np.array(face) // 2
    return image


def _detect(item):
    _, height, width = item.shape
    if (height, width) == (SIDE, SIDE):
        rows = item[:, -1, ::2].T * 2
    elif (height, width) == (THINNED, THINNED):
        rows = item[:, SIDE // 2 - 1].T
    else:  # shown again at another size, because nothing was found
        rows = np.zeros((0, 3))
    return planted_outputs(height, width, [tuple(row) for row in rows if row[2] > 0])


@pytest.fixture
def draw():
    return draw_frame


@pytest.fixture
def detector():
    return FaceDetector(StaticModel("yunet-2023mar", _detect))


@pytest.fixture
def pad_model():
    """Reads the live score from the red plane, the last of blue, green, red."""

    def answer(item):
        live = float(np.median(item[2])) / 60
        return (np.array([live, 1 - live, 0], dtype=np.float32),)

    return StaticModel("faceplugin-liveness", answer)
