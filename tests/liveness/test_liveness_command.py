"""``ekyc liveness check``: exit codes and the one JSON object."""

import json

import pytest
from typer.testing import CliRunner

from ekyc.cli.liveness import liveness_app
from ekyc.imaging import encode_jpeg, encode_png, read_image


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


@pytest.mark.models
@pytest.mark.shared_data
def test_a_video_is_looked_at_frame_by_frame(models, shared_data, tmp_path):
    """Motion JPEG of shifted cuts of one photograph: the path is open, no more."""
    frame = read_image(shared_data / "liveness/bona_fide/selfie/mv_T1.jpg")
    clip = tmp_path / "clip.mjpeg"
    clip.write_bytes(b"".join(encode_jpeg(frame[i : 600 + i, i : 440 + i], 95) for i in range(12)))
    code, answer = run(clip)
    assert (code, answer["outcome"]) == (0, "PASSED")
    assert len(answer["frames"]) == 10
    assert answer["video"]["frames"] == 12
    assert (answer["video"]["container"], answer["profile"]) == ("mjpeg", "default")
    code, answer = run(clip, "--profile", "fast")
    assert (code, answer["profile"]) == (0, "fast")
    assert len(answer["frames"]) == 12


@pytest.mark.models
@pytest.mark.shared_data
def test_low_assurance_lets_one_frame_pass_and_disclosed_only_lets_none_judge(models, shared_data):
    selfie = shared_data / "liveness/bona_fide/selfie/mv_T1.jpg"
    assert run(selfie, "--assurance", "low")[0] == 0
    code, answer = run(selfie, "--disclosed-only")
    assert (code, answer["outcome"]) == (10, "NOT_PERFORMED")
    assert answer["reasons"] == ["model.undisclosed_not_allowed"]


def test_bad_videos_are_errors_that_name_them(tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"")
    code, answer = run(clip)
    assert (code, answer["reasons"]) == (1, ["video.empty"])
    assert answer["error"]["subject"] == "clip.mp4"


def test_wrong_usage():
    for wrong in (("--profile", "best"), ("--assurance", "total")):
        assert CliRunner().invoke(liveness_app, ["check", "x.png", *wrong]).exit_code == 2
    assert CliRunner().invoke(liveness_app, ["check"]).exit_code == 2
