"""Material of the suites of print: repeatable, and named as the templates name it."""

import numpy as np
import pytest

from ekyc.benchmarks.ocr_material import FIELD_NAMES, invented_birth, truth
from ekyc.errors import InputError
from ekyc.ocr.templates import load_templates


def test_a_seed_gives_the_same_birth():
    births = [invented_birth(np.random.default_rng(5)) for _ in range(2)]
    assert births[0] == births[1]


def test_every_field_of_the_truth_stands_in_a_template():
    known = {
        spec.name
        for name in ("cards", "documents")
        for template in load_templates(name)
        for spec in template.fields
    }
    assert {ours for names in FIELD_NAMES.values() for ours in names.values()} <= known


def test_missing_truth_is_a_typed_error(tmp_path):
    with pytest.raises(InputError) as caught:
        truth(tmp_path, "lines")
    assert caught.value.code == "bench.no_data"
