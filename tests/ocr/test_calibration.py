"""Tables from raw to measured: monotone, honest at the ends, refused when they are none."""

import json

import numpy as np
import pytest

from ekyc.errors import ModelError
from ekyc.ocr.calibration import LineCalibration, load_calibration


def test_between_its_points_the_table_is_straight_and_beyond_them_flat():
    calibration = LineCalibration(lines=((0.2, 0.1), (0.6, 0.5)))
    given = [calibration.of_line(raw) for raw in (0.0, 0.2, 0.4, 0.6, 1.0)]
    assert given == pytest.approx([0.1, 0.1, 0.3, 0.5, 0.5])


def test_characters_take_the_table_and_lines_without_one_have_no_certainty():
    peaks = np.array([0.99, 0.1], dtype=np.float32)
    calibration = LineCalibration(chars=((0.5, 0.2), (1.0, 0.9)))
    assert calibration.of_peaks(peaks) == pytest.approx([0.886, 0.2], abs=1e-3)
    assert calibration.of_line(0.5) is None
    assert LineCalibration().of_peaks(peaks) is peaks


def test_a_file_is_read(tmp_path):
    file = tmp_path / "table.json"
    file.write_text(json.dumps({"letter": [], "line": [[0.1, 0.2], [0.9, 0.99]]}))
    assert load_calibration(file).lines == ((0.1, 0.2), (0.9, 0.99))
    file.write_text(json.dumps({"letter": [], "line": [[0.1, 0.2], [0.5, 0.1], [0.9, 0.3]]}))
    assert load_calibration(file).lines == ((0.1, 0.2), (0.5, 0.2), (0.9, 0.3))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"letter": []}',
        '{"letter": [], "line": [[0.5]]}',
        '{"letter": [], "line": [[0.5, 1.2]]}',
        '{"letter": [], "line": [[0.5, NaN]]}',
        '{"letter": [], "line": [[0.5, 0.5], [0.5, 0.6]]}',
        '{"letter": 3, "line": []}',
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, text):
    file = tmp_path / "table.json"
    file.write_text(text)
    with pytest.raises(ModelError) as caught:
        load_calibration(file)
    assert caught.value.code == "model.bad_calibration"
