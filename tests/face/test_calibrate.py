"""Calibration on people made of numbers: what it finds, what it refuses, what it stores."""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ekyc.cli.face import face_app
from ekyc.errors import InputError
from ekyc.face.calibrate import (
    MAX_PICTURES,
    Sample,
    calibrate,
    dataset_digest,
    parse_calibration,
)
from ekyc.face.metrics import false_match_rate


def crowd(people, pictures=2, seed=1, noise=0.5):
    """Vectors around a direction per person."""
    generator = np.random.default_rng(seed)
    samples = []
    for person in range(people):
        centre = generator.normal(size=128)
        for _ in range(pictures):
            vector = centre + noise * generator.normal(size=128)
            samples.append(
                Sample(person=person, vector=(vector / np.linalg.norm(vector)).astype(np.float32))
            )
    return samples


def refused(samples, fmrs):
    with pytest.raises(InputError) as caught:
        calibrate(samples, fmrs, dataset_sha256="0" * 64)
    return caught.value.code


def test_thresholds_keep_their_rate_on_the_set():
    samples = crowd(100)
    found = calibrate(samples, (0.01, 0.001), dataset_sha256="0" * 64)
    vectors = np.stack([sample.vector for sample in samples])
    person = np.array([sample.person for sample in samples])
    first, second = np.triu_indices(len(samples), 1)
    alike = np.array([vectors[b] @ vectors[a] for a, b in zip(first, second, strict=True)])
    others = alike[person[first] != person[second]]
    assert [row.fmr for row in found.thresholds] == [0.001, 0.01]
    for row in found.thresholds:
        # The sums are added in another order here: a cosine may fall on the other side of the bound.
        assert abs(false_match_rate(others, row.cosine).errors - row.false_matches) <= 1
        assert row.false_matches <= row.fmr * len(others)
        assert row.cosine_low <= row.cosine <= row.cosine_high
        assert row.fnmr_low <= row.fnmr <= row.fnmr_high
    assert (found.people, found.mated_people, found.pictures) == (100, 100, 200)
    assert (found.genuine_pairs, found.impostor_pairs) == (100, 200 * 199 // 2 - 100)
    assert found.people_pairs == 4950


def test_the_rule_of_30_tells_an_estimate_from_a_bound():
    found = calibrate(crowd(100), (0.01, 0.001), dataset_sha256="0" * 64)
    assert [row.support for row in found.thresholds] == [
        "bound",
        "estimate",
    ]  # 4.95 and 49.5 expected


def test_the_rule_of_3_refuses_what_no_pair_could_show():
    assert refused(crowd(60), (1e-3,)) == "face.calibration_too_few_pairs"  # 1,770 pairs of people
    assert refused(crowd(60, pictures=8), (1e-3,)) == "face.calibration_too_few_pairs"


def test_more_pictures_of_few_people_are_not_more_people():
    assert refused(crowd(29, pictures=9), (0.1,)) == "face.calibration_too_few_people"
    single = [*crowd(29), *crowd(80, pictures=1, seed=2)]
    shifted = [Sample(person=i, vector=s.vector) for i, s in enumerate(single[58:], start=29)]
    assert refused([*single[:58], *shifted], (0.1,)) == "face.calibration_too_few_people"


@pytest.mark.parametrize("fmrs", [(), (0.0,), (1.0,), (0.1, -0.1)])
def test_rates_that_are_none_are_refused(fmrs):
    assert refused(crowd(40), fmrs) == "face.option_invalid"


def test_the_set_is_bounded():
    one = crowd(1)[0]
    assert refused([one] * (MAX_PICTURES + 1), (0.1,)) == "face.calibration_too_large"


def test_intervals_of_people_are_wider_where_pictures_repeat():
    """Ten copies of each picture are ten times the pairs and no more knowledge: resampling people sees it."""
    few = calibrate(crowd(60), (0.01,), dataset_sha256="0" * 64).thresholds[0]
    copied = [sample for sample in crowd(60) for _ in range(5)]
    many = calibrate(copied, (0.01,), dataset_sha256="0" * 64).thresholds[0]
    width = few.cosine_high - few.cosine_low
    assert many.cosine_high - many.cosine_low == pytest.approx(width, rel=0.5)


def test_the_same_set_and_seed_give_the_same_result():
    first = calibrate(crowd(50), (0.01,), dataset_sha256="0" * 64)
    assert calibrate(crowd(50), (0.01,), dataset_sha256="0" * 64) == first


def test_the_digest_is_blind_to_names_and_order_and_sees_every_file():
    def of(*people):
        return dataset_digest(
            [(i, hashlib.sha256(f).digest()) for i, files in enumerate(people) for f in files]
        )

    base = of([b"a", b"b"], [b"c"])
    assert of([b"c"], [b"b", b"a"]) == base
    assert of([b"a"], [b"b", b"c"]) != base
    assert of([b"a", b"b"], [b"d"]) != base


def test_what_is_stored_is_read_back_and_cautious():
    found = calibrate(
        crowd(100), (0.01, 0.001), dataset_sha256="ab" * 32, models=(("m", "c" * 64),)
    )
    text = json.dumps(found.as_json())
    assert parse_calibration(text) == found
    chosen = found.loosest_to_strictest()
    strict, loose = found.thresholds
    assert chosen.accept_at == strict.cosine_high >= strict.cosine
    assert chosen.reject_below == loose.cosine_low <= loose.cosine
    with pytest.raises(InputError) as caught:
        found.match_thresholds(accept_fmr=1e-6, reject_fmr=0.01)
    assert caught.value.code == "face.calibration_lacks_fmr"


@given(st.text(max_size=200) | st.sampled_from(['{"schema": 1}', "[]", "{}", "null", "1e999"]))
def test_other_text_is_no_calibration(text):
    with pytest.raises(InputError) as caught:
        parse_calibration(text)
    assert caught.value.code == "face.calibration_invalid"


def run(*arguments):
    result = CliRunner().invoke(face_app, [*map(str, arguments), "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.models
@pytest.mark.shared_data
def test_the_command_measures_real_people(models, shared_data, tmp_path, validate_against):
    names = sorted((shared_data / "faces/london").glob("*_03.jpg"))[:32]
    for path in names:
        folder = tmp_path / "people" / path.stem[:3]
        folder.mkdir(parents=True)
        for view in ("03", "08"):
            source = path.with_name(f"{path.stem[:3]}_{view}.jpg")
            (folder / source.name).write_bytes(source.read_bytes())
    out = tmp_path / "ours.json"
    code, answer = run("calibrate", "--pairs", tmp_path / "people", "--out", out, "--fmr", "0.02")
    assert (code, answer["outcome"]) == (0, "PASSED")
    validate_against("ekyc.face-calibrate.1", answer)
    (row,) = answer["calibration"]["thresholds"]
    assert 0.1 < row["cosine"] < 0.5
    assert row["fnmr"] == 0
    assert answer["calibration"]["people"] == 32
    assert str(tmp_path) not in out.read_text(encoding="utf-8")
    first, second = (tmp_path / "people/001" / f"001_{view}.jpg" for view in ("03", "08"))
    code, answer = run("compare", first, second, "--calibration", out)
    assert code == 0
    assert answer["thresholds"]["accept_at"] == pytest.approx(row["cosine_high"])


def test_the_command_refuses_by_name(tmp_path, validate_against):
    code, answer = run("calibrate", "--pairs", tmp_path / "absent", "--out", tmp_path / "x.json")
    assert (code, answer["reasons"]) == (1, ["input.not_a_folder"])
    validate_against("ekyc.face-calibrate.1", answer)
    code, answer = run("calibrate", "--pairs", tmp_path, "--out", tmp_path / "x.json")
    assert answer["reasons"] == ["face.calibration_too_few_people"]
    picture = tmp_path / "a.jpg"
    code, answer = run("compare", picture, picture, "--calibration", tmp_path / "none.json")
    assert (code, answer["reasons"]) == (1, ["face.calibration_invalid"])
