"""Tables from raw to measured: monotone, honest at the ends, refused when they are none."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError, ModelError
from ekyc.ocr.calibration import LineCalibration, fit_table, load_calibration
from ekyc.ocr.ctc import ReadChar

measured = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=300)


@given(measured)
def test_tables_rise_and_stay_between_none_and_all(pairs):
    table = fit_table(*zip(*pairs, strict=True))
    raws, shares = zip(*table, strict=True)
    assert list(raws) == sorted(set(raws))
    assert list(shares) == sorted(set(shares))
    assert all(0 < share < 1 for share in shares)


def test_a_boastful_net_is_put_right():
    random = np.random.default_rng(5)
    raw = random.uniform(0, 1, 20_000)
    right = random.uniform(0, 1, 20_000) < raw**2
    calibration = LineCalibration(lines=fit_table(list(raw), list(right)))
    for value in (0.3, 0.5, 0.8):
        assert calibration.of_line(value) == pytest.approx(value**2, abs=0.05)


def test_few_lines_never_make_certainty():
    calibration = LineCalibration(lines=fit_table([0.9] * 30, [True] * 30))
    assert calibration.of_line(1.0) == pytest.approx(30.5 / 31)


def test_characters_take_the_table_and_lines_without_one_have_no_certainty():
    char = ReadChar(char="a", confidence=0.99, left=0.0, right=0.1)
    calibration = LineCalibration(chars=((0.5, 0.2), (1.0, 0.9)))
    assert calibration.of_chars([char])[0].confidence == pytest.approx(0.886, abs=1e-3)
    assert calibration.of_line(0.5) is None
    assert LineCalibration().of_chars([char]) == (char,)


@pytest.mark.parametrize("measurements", [([], []), ([0.5], [True, False])])
def test_nothing_measured_fits_nothing(measurements):
    with pytest.raises(InputError) as caught:
        fit_table(*measurements)
    assert caught.value.code == "ocr.calibration_empty"


def test_a_file_is_read(tmp_path):
    file = tmp_path / "table.json"
    file.write_text(json.dumps({"chars": [], "lines": [[0.1, 0.2], [0.9, 0.99]]}))
    assert load_calibration(file).lines == ((0.1, 0.2), (0.9, 0.99))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"chars": []}',
        '{"chars": [], "lines": [[0.5]]}',
        '{"chars": [], "lines": [[0.5, 1.2]]}',
        '{"chars": [], "lines": [[0.5, NaN]]}',
        '{"chars": [], "lines": [[0.5, 0.5], [0.5, 0.6]]}',
        '{"chars": [], "lines": [[0.5, 0.5], [0.6, 0.4]]}',
        '{"chars": 3, "lines": []}',
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, text):
    file = tmp_path / "table.json"
    file.write_text(text)
    with pytest.raises(ModelError) as caught:
        load_calibration(file)
    assert caught.value.code == "model.bad_calibration"
