"""YuNet's decoder against tensors made by hand, and the detector's use of sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import ModelError
from ekyc.face import FaceDetector, Landmarks, decode_yunet
from ekyc.face.cells import STRIDES, suppress_overlaps
from ekyc.testing import StaticModel
from ekyc.values import PointPx

HEIGHT, WIDTH = 64, 96


def empty_outputs(height=HEIGHT, width=WIDTH):
    return tuple(
        np.zeros((height // stride * (width // stride), values), dtype=np.float32)
        for values in (1, 1, 4, 10)
        for stride in STRIDES
    )


def plant(outputs, *, stride, row, column, score, box=(0, 0, 0, 0), points=(0,) * 10, width=WIDTH):
    """A face in one cell: cls = score², obj = 1."""
    i = STRIDES.index(stride)
    cell = row * (width // stride) + column
    outputs[i][cell] = score**2
    outputs[3 + i][cell] = 1
    outputs[6 + i][cell] = box
    outputs[9 + i][cell] = points
    return outputs


@pytest.mark.parametrize("stride", STRIDES)
def test_cell_stands_for_its_place_and_stride(stride):
    offsets = (0.5, 0.25, np.log(2), np.log(3))
    points = tuple(n / 10 for n in range(10))
    outputs = plant(
        empty_outputs(), stride=stride, row=1, column=2, score=0.9, box=offsets, points=points
    )
    (face,) = decode_yunet(outputs, height=HEIGHT, width=WIDTH)
    centre = np.array([2.5, 1.25]) * stride
    half = np.array([1.0, 1.5]) * stride
    assert face[:4] == pytest.approx([*(centre - half), *(centre + half)])
    expected = (np.array(points).reshape(5, 2) + np.array([2, 1])) * stride
    assert face[4:14] == pytest.approx(expected.ravel())
    assert face[14] == pytest.approx(0.9)


def test_score_is_the_geometric_mean_of_class_and_objectness():
    outputs = empty_outputs()
    outputs[0][5], outputs[3][5] = 0.64, 0.49
    (face,) = decode_yunet(outputs, height=HEIGHT, width=WIDTH)
    assert face[14] == pytest.approx(0.56)


def test_scores_beyond_one_are_clipped_and_low_ones_dropped():
    outputs = empty_outputs()
    outputs[0][0], outputs[3][0] = 4.0, 9.0
    outputs[0][40], outputs[3][40] = 0.49**2, 1.0
    (face,) = decode_yunet(outputs, height=HEIGHT, width=WIDTH)
    assert face[14] == 1.0


def test_neighbouring_cells_of_one_face_become_one_and_the_best_wins():
    outputs = empty_outputs()
    large = (0, 0, np.log(4), np.log(4))
    plant(outputs, stride=8, row=3, column=4, score=0.8, box=large)
    plant(outputs, stride=8, row=3, column=5, score=0.95, box=(-1, 0, *large[2:]))
    plant(outputs, stride=8, row=3, column=10, score=0.7, box=large)
    faces = decode_yunet(outputs, height=HEIGHT, width=WIDTH)
    assert faces[:, 14] == pytest.approx([0.95, 0.7])


def test_numbers_that_are_none_name_no_face():
    outputs = empty_outputs()
    plant(outputs, stride=8, row=0, column=0, score=0.9, box=(np.nan, 0, 0, 0))
    plant(outputs, stride=8, row=4, column=4, score=0.9, box=(0, 0, np.inf, 0))
    faces = decode_yunet(outputs, height=HEIGHT, width=WIDTH)
    assert np.isfinite(faces).all()
    assert len(faces) == 1


def test_outputs_of_another_network_are_refused():
    for outputs in (
        empty_outputs()[:11],
        empty_outputs(96, 96),
        tuple(reversed(empty_outputs())),
    ):
        with pytest.raises(ModelError) as caught:
            decode_yunet(outputs, height=HEIGHT, width=WIDTH)
        assert caught.value.code == "model.unexpected_output"


boxes = st.lists(
    st.tuples(*(st.floats(0, 50) for _ in range(2)), *(st.floats(1, 50) for _ in range(2))),
    max_size=30,
)


@given(boxes)
def test_kept_boxes_do_not_overlap_and_dropped_ones_do(listed):
    array = np.array([(x, y, x + w, y + h) for x, y, w, h in listed]).reshape(-1, 4)
    kept = suppress_overlaps(array)

    def overlap(a, b):
        sides = np.minimum(array[a, 2:], array[b, 2:]) - np.maximum(array[a, :2], array[b, :2])
        shared = np.prod(np.maximum(sides, 0))
        area = sum(np.prod(array[i, 2:] - array[i, :2]) for i in (a, b))
        return shared / (area - shared)

    assert all(overlap(a, b) <= 0.3 + 1e-9 for a in kept for b in kept if a < b)
    for dropped in set(range(len(array))) - set(kept):
        assert any(overlap(better, dropped) > 0.3 - 1e-9 for better in kept if better < dropped)


def detector_that_finds_at(shown_long_side, seen):
    """A detector whose model sees a face only at one size; sizes shown are appended to ``seen``."""

    def answer(item):
        _, height, width = item.shape
        seen.append((height, width))
        outputs = empty_outputs(height, width)
        if max(height, width) == shown_long_side:
            plant(outputs, stride=32, row=1, column=1, score=0.9, width=width)
        return outputs

    return FaceDetector(StaticModel("yunet-2023mar", answer))


def test_large_picture_is_shrunk_and_boxes_return_to_its_pixels():
    seen = []
    image = np.zeros((600, 960, 3), dtype=np.uint8)
    (face,) = detector_that_finds_at(480, seen).detect(image)
    assert seen == [(320, 480)]  # 300 rows padded to a multiple of 32
    assert face.box.left == pytest.approx((32 - 16) * 2)
    assert face.box.bottom == pytest.approx((32 + 16) * 2)
    assert face.landmarks.nose == PointPx(64.0, 64.0)


def test_other_sizes_are_tried_only_while_nothing_is_found():
    seen = []
    image = np.zeros((1920, 1920, 3), dtype=np.uint8)
    assert detector_that_finds_at(192, seen).detect(image)
    assert seen == [(480, 480), (1280, 1280), (192, 192)]


def test_small_picture_is_never_enlarged():
    seen = []
    assert detector_that_finds_at(-1, seen).detect(np.zeros((40, 40, 3), dtype=np.uint8)) == ()
    assert seen == [(64, 64)]


def test_detector_shows_blue_first():
    shown = []

    def answer(item):
        shown.append(item[:, 0, 0])
        return empty_outputs(*item.shape[1:])

    image = np.zeros((32, 32, 3), dtype=np.uint8)
    image[..., 0] = 200
    FaceDetector(StaticModel("yunet-2023mar", answer)).detect(image)
    assert shown[0].tolist() == [200.0, 0.0, 0.0]


def test_frontality_falls_when_the_nose_moves_to_one_eye():
    def at(nose_x):
        return Landmarks(
            right_eye=PointPx(0, 0),
            left_eye=PointPx(10, 0),
            nose=PointPx(nose_x, 8),
            right_mouth=PointPx(2, 12),
            left_mouth=PointPx(8, 12),
        ).frontality

    assert at(5) == 1
    assert at(2.5) == at(7.5) == pytest.approx(0.5)
    assert at(0) == at(-3) == at(12) == 0


@pytest.mark.models
@pytest.mark.shared_data
def test_eyes_lie_where_people_marked_them(models, shared_data):
    import csv

    from ekyc.imaging import read_image

    folder = shared_data / "faces/london"
    detector = FaceDetector(models.model("yunet-2023mar"))
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        marked = [row for row in csv.DictReader(file) if row["eye_a_x"] not in {"", "nan"}][:20]
    errors = []
    for row in marked:
        faces = detector.detect(read_image(folder / row["file"]))
        assert len(faces) == 1, row["file"]
        eyes = np.array([[float(row[f"eye_{e}_{axis}"]) for axis in "xy"] for e in ("a", "b")])
        off = np.linalg.norm(faces[0].landmarks.points[:2] - eyes, axis=1)
        errors.append(off.mean() / np.linalg.norm(eyes[0] - eyes[1]))
    assert len(errors) == 20
    assert np.mean(errors) < 0.07
