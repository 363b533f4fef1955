"""Quick runs of the suites ``face`` and ``liveness`` on the real material."""

import pytest

from ekyc.benchmarks import Recorder, RunOptions
from ekyc.benchmarks import face as face_suite
from ekyc.benchmarks import liveness as liveness_suite

pytestmark = [pytest.mark.models, pytest.mark.shared_data]


@pytest.fixture
def recorded(models, shared_data):
    def run(suite):
        recorder = Recorder(seed=1)
        suite.run(recorder, RunOptions(data=shared_data, quick=True))
        return recorder

    return run


def test_face_suite_counts_every_pair_once(recorded):
    recorder = recorded(face_suite)
    metrics = recorder.metrics
    people = 12
    assert metrics["london.true_match_rate"].n == people
    assert metrics["london.false_match_rate"].n == 4 * people * (people - 1) // 2
    assert metrics["london.true_match_rate"].value == 1
    assert set(recorder.models) == {"yunet-2023mar", "mediapipe-face-mesh", "sface-2021dec"}
    shares = [
        metrics[f"london.{name}"].value
        for name in ("true_match_rate", "false_non_match_rate", "mates_left_to_an_officer")
    ]
    assert sum(shares) == pytest.approx(1)


def test_liveness_suite_reports_each_species_with_its_interval(recorded):
    recorder = recorded(liveness_suite)
    metrics = recorder.metrics
    assert metrics["apcer.print"].n == 1
    assert metrics["apcer.screen"].n == 2
    assert metrics["apcer.screen"].value == metrics["scored_as_live.screen"].value == 0
    assert metrics["apcer.screen"].high > 0.8
    assert metrics["bpcer"].n == metrics["bpnrr"].n == 2
    assert metrics["taken_for_a_screen.portraits"].value == 0
    assert len(recorder.raw) == 5
