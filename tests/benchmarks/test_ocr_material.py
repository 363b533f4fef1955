"""The suite's planted alterations are what they claim to be: one character, of the claimed kind."""

import numpy as np
import pytest

from ekyc.benchmarks.ocr_material import (
    FIELD_NAMES,
    SCANNERS,
    invented_birth,
    truth,
    with_digit_changed,
    with_tone_changed,
)
from ekyc.errors import InputError
from ekyc.ocr.alignment import DifferenceClass, text_differences
from ekyc.ocr.templates import load_templates

TEXTS = ("full_name", "date_as_printed", "number", "personal_number")


def differences(one, other):
    return [
        difference.kind
        for name in TEXTS
        for difference in text_differences(getattr(one, name), getattr(other, name))
    ]


@pytest.mark.parametrize("seed", range(40))
def test_one_character_changes(seed):
    random = np.random.default_rng(seed)
    birth = invented_birth(random)
    assert differences(birth, with_digit_changed(birth, random)) == [DifferenceClass.DIGIT]
    assert differences(birth, with_tone_changed(birth, random)) == [DifferenceClass.DIACRITIC]


def test_a_seed_gives_the_same_birth():
    births = [invented_birth(np.random.default_rng(5)) for _ in range(2)]
    assert births[0] == births[1]


def test_a_scanner_gives_the_same_scan():
    page = np.full((300, 200, 3), 240, np.uint8)
    for scanner in SCANNERS:
        assert (scanner.scan(page, 1) == scanner.scan(page, 1)).all()


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
