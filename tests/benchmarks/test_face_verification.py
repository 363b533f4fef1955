"""The arithmetic of the suite ``face-verification`` on pairs made by hand."""

import numpy as np
import pytest

from ekyc.benchmarks.face_material import cosines, lfw_pairs
from ekyc.benchmarks.face_verification import accuracy_by_fold, as_on_a_chip


@pytest.fixture
def protocol(tmp_path):
    """Two folds of one pair of each kind."""
    path = tmp_path / "pairs.txt"
    lines = ["2\t1", "An\t1\t2", "An\t1\tBao\t3", "Chi\t1\t2", "Chi\t2\tDung\t1"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lfw_pairs(path)


def test_the_protocol_is_read_as_it_is_written(protocol):
    assert [(pair.first, pair.second, pair.same, pair.fold) for pair in protocol] == [
        ("An_0001.jpg", "An_0002.jpg", True, 0),
        ("An_0001.jpg", "Bao_0003.jpg", False, 0),
        ("Chi_0001.jpg", "Chi_0002.jpg", True, 1),
        ("Chi_0002.jpg", "Dung_0001.jpg", False, 1),
    ]


def unit(angle_deg):
    return np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))], np.float32)


def test_the_threshold_of_a_fold_is_chosen_on_the_others(protocol):
    vectors = {
        "An_0001.jpg": unit(0),
        "An_0002.jpg": unit(60),  # cosine 0.5, one person
        "Bao_0003.jpg": unit(85),
        "Chi_0001.jpg": unit(60),
        "Chi_0002.jpg": unit(0),  # cosine 0.5, one person
        "Dung_0001.jpg": unit(50),  # cosine 0.64, two people
    }
    # No threshold tells fold 1's pairs apart; the best one there lies above or below both.
    first, second = accuracy_by_fold(vectors, protocol)
    assert second == 0.5
    assert first in {0.5, 1.0}
    vectors["Dung_0001.jpg"] = unit(85)
    assert accuracy_by_fold(vectors, protocol) == [1.0, 1.0]


def test_a_picture_without_a_face_never_matches(protocol):
    vectors = {name: unit(0) for name in ("An_0001.jpg", "Chi_0001.jpg", "Chi_0002.jpg")}
    first, _ = accuracy_by_fold(vectors, protocol)
    assert first == 0.5  # the pair of one person is lost, the pair of two is right


def test_all_pairs_are_counted_once():
    vectors = np.stack([unit(0), unit(60), unit(90)])
    mates, others = cosines(vectors, ["a", "a", "b"])
    assert mates == pytest.approx([0.5])
    assert sorted(others.tolist()) == pytest.approx([0.0, np.cos(np.radians(30))], abs=1e-6)


def test_a_chips_portrait_is_small_and_grey():
    image = np.random.default_rng(1).integers(0, 256, (480, 360, 3), dtype=np.uint8)
    portrait = as_on_a_chip(image)
    assert portrait.shape == (320, 240, 3)
    spread = portrait.astype(int).max(axis=2) - portrait.astype(int).min(axis=2)
    assert spread.mean() < 2
