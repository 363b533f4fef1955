"""``ekyc liveness check``: exit codes and the one JSON object."""

import json

import pytest
from typer.testing import CliRunner

from ekyc.cli.liveness import liveness_app
from ekyc.imaging import encode_png, read_image


def run(*arguments):
    result = CliRunner().invoke(liveness_app, ["check", *map(str, arguments), "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    answer = json.loads(result.stdout)
    assert answer["schema"] == "ekyc.liveness-check/1"
    return result.exit_code, answer


@pytest.mark.models
@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["print/mv_F1", "screen/mv_F2", "screen/dt_moire"])
def test_real_attacks_exit_with_11(models, shared_data, name):
    code, answer = run(shared_data / f"liveness/attack/{name}.jpg")
    assert (code, answer["outcome"]) == (11, "FAILED")
    assert answer["frames"][0]["live"] is not None


@pytest.mark.models
@pytest.mark.shared_data
def test_undecided_exits_with_10_and_a_capture_with_0(models, shared_data, tmp_path):
    selfie = shared_data / "liveness/bona_fide/selfie/mv_T1.jpg"
    code, answer = run(selfie)
    assert (code, answer["reasons"]) == (10, ["liveness.too_few_frames"])
    frame = read_image(selfie)
    for i in range(5):
        (tmp_path / f"{i}.png").write_bytes(encode_png(frame[i : 600 + i, i : 440 + i]))
    code, answer = run(tmp_path)
    assert (code, answer["outcome"]) == (0, "PASSED")
    assert len(answer["frames"]) == 5
    code, answer = run(tmp_path / "0.png", tmp_path / "0.png")
    assert code == 10
    assert answer["frames"][1]["problem"] == "repeated"


def test_bad_files_are_errors_that_name_them(tmp_path):
    broken = tmp_path / "frame-1.png"
    broken.write_bytes(encode_png(read_image_of_noise())[:-20])
    code, answer = run(broken)
    assert (code, answer["outcome"], answer["reasons"]) == (1, "ERROR", ["image.unreadable"])
    assert answer["error"]["subject"] == "frame-1.png"
    code, answer = run(*[broken] * 61)
    assert (code, answer["reasons"]) == (1, ["liveness.too_many_frames"])


def read_image_of_noise():
    import numpy as np

    return np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)


def test_wrong_usage():
    assert CliRunner().invoke(liveness_app, ["check"]).exit_code == 2
