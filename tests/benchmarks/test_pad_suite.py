"""The suite ``pad``: an auditor's folder is found without any code, and its rates are those of the presentations."""

import numpy as np
import pytest

from ekyc.benchmarks import Recorder, RunOptions
from ekyc.benchmarks import pad as pad_suite
from ekyc.benchmarks.pad import _det, _rates
from ekyc.benchmarks.pad_material import presentations
from ekyc.errors import InputError
from ekyc.imaging import encode_jpeg, encode_png
from ekyc.liveness import Presentation
from ekyc.outcomes import Outcome


@pytest.fixture
def folder(tmp_path):
    """Two subjects: a live video, frames of a live capture, two prints, a replay."""
    picture = np.zeros((32, 32, 3), dtype=np.uint8)
    clip = b"".join(encode_jpeg(picture + i) for i in range(20))
    places = {
        "s1/bona_fide/selfie.mjpeg": clip,
        "s1/print/one.png": encode_png(picture),
        "s1/print/two.png": encode_png(picture + 1),
        "s2/replay/clip.mjpeg": clip,
        "s2/replay/notes.txt": b"not a picture",
    }
    places |= {f"s2/live/capture/{i:02}.png": encode_png(picture + i) for i in range(40)}
    for place, content in places.items():
        path = tmp_path / "pad" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def test_an_auditors_folder_is_read_by_subject_and_species(folder):
    found = presentations(folder)
    assert [(item.subject, item.species, item.name) for item in found] == [
        ("s1", None, "s1/bona_fide/selfie.mjpeg"),
        ("s1", "print", "s1/print/one.png"),
        ("s1", "print", "s1/print/two.png"),
        ("s2", None, "s2/live/capture"),
        ("s2", "replay", "s2/replay/clip.mjpeg"),
    ]
    assert [len(item.frames()) for item in found] == [16, 1, 1, 16, 16]


def test_frames_of_a_folder_are_spread_evenly_and_in_order(folder):
    (capture,) = (item for item in presentations(folder) if item.name.endswith("capture"))
    levels = [int(frame[0, 0, 0]) for frame in capture.frames()]
    assert levels == sorted(set(levels))
    assert (levels[0], levels[-1]) == (0, 39)


def test_a_manifest_groups_frames_by_presentation(tmp_path):
    (tmp_path / "liveness").mkdir()
    (tmp_path / "liveness/manifest.csv").write_text(
        "file,label,species,presentation\n"
        "a1.png,attack,screen,a\na2.png,attack,screen,a\nb.png,bona_fide,selfie,b\n",
        encoding="utf-8",
    )
    screen, selfie = presentations(tmp_path)
    assert (screen.species, [path.name for path in screen.files]) == (
        "screen",
        ["a1.png", "a2.png"],
    )
    assert selfie.species is None


def test_a_folder_of_neither_kind_is_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        presentations(tmp_path)
    assert caught.value.code == "bench.no_data"


def test_rates_are_by_species_with_the_greatest_and_no_average():
    recorder = Recorder(seed=1)
    outcomes = {
        "print": [Outcome.FAILED, Outcome.FAILED],
        "mask": [Outcome.PASSED, Outcome.INDETERMINATE],
        None: [Outcome.PASSED, Outcome.PASSED, Outcome.FAILED, Outcome.NOT_PERFORMED],
    }
    found = [Presentation(species=s, outcome=o) for s, some in outcomes.items() for o in some]
    _rates(recorder, "x", found)
    values = {name: (metric.value, metric.n) for name, metric in recorder.metrics.items()}
    assert values["x.apcer.print"] == (0.0, 2)
    assert values["x.apcer.mask"] == values["x.apcer_max"] == (0.5, 2)
    assert values["x.apnrr.mask"] == (0.5, 2)
    assert values["x.bpcer"] == (0.25, 4)
    assert values["x.bpnrr"] == (0.25, 4)
    assert values["x.live_passed"] == (0.5, 4)
    assert values["x.undecided"] == (0.25, 8)
    assert not [name for name in values if "acer" in name.replace("apcer", "")]


def test_det_has_both_errors_at_every_score():
    assert _det([(True, 0.9), (False, 0.1), (False, 0.95)]) == [
        {"live_at": 0.1, "apcer_all_species": 1.0, "bpcer": 0.0},
        {"live_at": 0.9, "apcer_all_species": 0.5, "bpcer": 0.0},
        {"live_at": 0.95, "apcer_all_species": 0.5, "bpcer": 1.0},
    ]
    assert _det([(True, 0.9)]) == []


@pytest.mark.models
def test_the_suite_runs_on_an_auditors_folder_alone(models, folder):
    """Black squares hold no face: nothing passes, everything is a non-response, and nothing raises."""
    (folder / "pad/s1/print/one.png").write_bytes(b"damaged")
    recorder = Recorder(seed=1)
    pad_suite.run(recorder, RunOptions(data=folder, quick=True))
    for profile in ("fast", "default"):
        assert recorder.metrics[f"{profile}.low.apcer_max"].value == 0
        assert recorder.metrics[f"{profile}.low.apnrr.print"].value == 1
        assert recorder.metrics[f"{profile}.low.undecided"].value == 1
        assert f"{profile}.low.live_passed" in recorder.targets
