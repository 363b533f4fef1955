"""``ekyc face compare``: exit codes and the one JSON object."""

import json

import pytest
from typer.testing import CliRunner

from ekyc.cli.face import face_app


def run(*arguments):
    result = CliRunner().invoke(face_app, ["compare", *map(str, arguments), "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    answer = json.loads(result.stdout)
    assert answer["schema"] == "ekyc.face-compare/1"
    return result.exit_code, answer


@pytest.fixture
def london(models, shared_data):
    return shared_data / "faces/london"


@pytest.mark.models
@pytest.mark.shared_data
def test_one_person_two_people_and_no_face(london, shared_data, tmp_path):
    code, answer = run(london / "001_03.jpg", london / "001_08.jpg")
    assert (code, answer["outcome"], answer["reasons"]) == (0, "PASSED", [])
    assert answer["cosine"] > answer["thresholds"]["accept_at"]
    assert answer["frames"][answer["best_frame"]]["file"] == "001_08.jpg"
    code, answer = run(london / "001_03.jpg", london / "002_08.jpg")
    assert (code, answer["reasons"]) == (11, ["face.not_same_person"])
    from ekyc.imaging import encode_png, read_image

    (tmp_path / "wall.png").write_bytes(encode_png(read_image(london / "001_03.jpg")[:60, :60]))
    code, answer = run(london / "001_03.jpg", tmp_path / "wall.png")
    assert (code, answer["reasons"]) == (10, ["face.no_face"])
    assert answer["cosine"] is None


@pytest.mark.models
@pytest.mark.shared_data
def test_folder_of_frames(london, tmp_path):
    for name in ("001_03.jpg", "001_08.jpg"):
        (tmp_path / name).write_bytes((london / name).read_bytes())
    (tmp_path / "notes.txt").write_text("no frame")
    code, answer = run(london / "001_03.jpg", tmp_path)
    assert code == 0
    assert [frame["file"] for frame in answer["frames"]] == ["001_03.jpg", "001_08.jpg"]


def test_bad_files_are_errors_that_name_them(tmp_path):
    text = tmp_path / "selfie.jpg"
    text.write_text("no picture")
    code, answer = run(text, text)
    assert (code, answer["outcome"], answer["reasons"]) == (1, "ERROR", ["image.wrong_type"])
    assert answer["error"]["subject"] == "selfie.jpg"
    code, answer = run(tmp_path / "absent.jpg", text)
    assert (code, answer["reasons"]) == (1, ["image.missing"])
    (tmp_path / "empty").mkdir()
    code, answer = run(text, tmp_path / "empty")
    assert (code, answer["error"]["subject"]) == (1, "empty")


def test_without_models_the_error_says_so(tmp_path, monkeypatch):
    import numpy as np

    from ekyc.imaging import encode_png

    monkeypatch.setenv("EKYC_MODELS", str(tmp_path / "no-models"))
    picture = tmp_path / "a.png"
    picture.write_bytes(encode_png(np.zeros((50, 50, 3), dtype=np.uint8)))
    code, answer = run(picture, picture)
    assert (code, answer["reasons"]) == (1, ["model.not_installed"])


def test_wrong_usage():
    assert CliRunner().invoke(face_app, ["compare"]).exit_code == 2


def picture(path):
    import numpy as np

    from ekyc.imaging import encode_png

    path.write_bytes(encode_png(np.zeros((50, 50, 3), dtype=np.uint8)))
    return path


def test_a_pack_opens_only_once_its_licence_is_accepted(tmp_path):
    image = picture(tmp_path / "a.png")
    (tmp_path / "pack").mkdir()
    code, answer = run(image, image, "--insightface", tmp_path / "pack")
    assert (code, answer["reasons"]) == (1, ["face.licence_not_accepted"])
    assert "non-commercial" in answer["error"]["message"]
    code, answer = run(image, image, "--insightface", tmp_path / "pack", "--accept-licence")
    assert (code, answer["reasons"]) == (1, ["face.pack_incomplete"])


def test_a_licence_of_no_pack_cannot_be_accepted(tmp_path):
    image = picture(tmp_path / "a.png")
    code, answer = run(image, image, "--accept-licence")
    assert (code, answer["reasons"]) == (1, ["face.option_invalid"])


@pytest.mark.models
def test_a_calibration_of_another_embedder_is_refused(models, tmp_path):
    image = picture(tmp_path / "a.png")
    row = {
        "fmr": 0.01,
        "cosine": 0.4,
        "cosine_low": 0.35,
        "cosine_high": 0.45,
        "fnmr": 0.0,
        "fnmr_low": 0.0,
        "fnmr_high": 0.1,
        "false_matches": 3,
        "support": "bound",
    }
    made = {
        "schema": "ekyc.face-calibration/1",
        "dataset_sha256": "00" * 32,
        "people": 40,
        "mated_people": 40,
        "pictures": 80,
        "pictures_without_a_usable_face": 0,
        "genuine_pairs": 40,
        "impostor_pairs": 3000,
        "people_pairs": 780,
        "models": [["w600k_mbf.onnx", "11" * 32]],
        "flip": False,
        "seed": 1,
        "thresholds": [row],
    }
    path = tmp_path / "ours.json"
    path.write_text(json.dumps(made))
    code, answer = run(image, image, "--calibration", path)
    assert (code, answer["reasons"]) == (1, ["face.thresholds_of_another_model"])
    assert answer["error"]["subject"] == "sface-2021dec"
