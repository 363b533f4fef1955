from __future__ import annotations

import pytest
from pydantic import ValidationError

from ekyc.errors import ModelError
from ekyc.inference import ModelRegistry, default_registry
from ekyc.inference.transforms import recipe

IDS = (
    "yunet-2023mar",
    "sface-2021dec",
    "mediapipe-face-mesh",
    "mediapipe-iris",
    "ppocr-v6-tiny-det",
    "asterocr-1.0.2",
    "asterocr-vocab",
    "faceplugin-liveness",
    "portrait-astronaut",
    "portrait-hopper",
    "ekyc-lines",
    "ekyc-lines-vocab",
    "ekyc-lines-calibration",
    "ekyc-lines-language",
)
MODELS = [entry for entry in default_registry().values() if entry.kind == "model"]


def test_holds_what_the_other_rooms_ask_for():
    assert tuple(default_registry()) == IDS


@pytest.mark.parametrize("entry", MODELS, ids=lambda entry: entry.id)
def test_every_model_says_what_it_eats_and_answers(entry):
    assert entry.input is not None
    assert entry.outputs
    assert recipe(entry.transforms) is not None
    assert entry.parity_shapes
    for shape in entry.parity_shapes:
        assert entry.input.complaint(shape) is None


@pytest.mark.parametrize("entry", default_registry().values(), ids=lambda entry: entry.id)
def test_undisclosed_training_data_is_said_in_both_places(entry):
    assert entry.disclosed is not entry.training_data.startswith("undisclosed")


@pytest.mark.parametrize("entry", default_registry().values(), ids=lambda entry: entry.id)
def test_every_threshold_says_where_it_was_measured(entry):
    for threshold in entry.thresholds.values():
        assert threshold.meaning
        assert threshold.provenance


def test_entries_cannot_be_changed():
    with pytest.raises(ValidationError):
        MODELS[0].sha256 = "0" * 64


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not toml", "="),
        ("[x]\nkind = 'model'", "title"),
        ("[x]\nsurprise = 1", "surprise"),
        ("x = 1", "mapping"),
    ],
)
def test_a_malformed_registry_is_a_typed_error(text, complaint):
    with pytest.raises(ModelError, match=complaint) as caught:
        ModelRegistry.parse(text, name="models.toml")
    assert caught.value.code == "model.registry_invalid"


def test_an_unknown_id_names_the_known_ones():
    with pytest.raises(ModelError, match="sface-2021dec") as caught:
        default_registry().select(["no-such-model"])
    assert caught.value.code == "model.unknown"
    assert caught.value.subject == "no-such-model"


def test_a_hash_must_be_one(kit):
    with pytest.raises(ValidationError):
        kit.published(kit.tiny.noop(), sha256="abc")


@pytest.mark.parametrize("entry_id", ["../evil", "", "A", "a/b", "-x"])
def test_an_id_is_safe_as_a_folder_name(kit, entry_id):
    with pytest.raises(ValidationError):
        kit.published(kit.tiny.noop(), entry_id=entry_id)


@pytest.mark.parametrize(
    ("shape", "complaint"),
    [
        ((3, 64, 96), None),
        ((3, 64), "rank"),
        ((1, 64, 96), "axis 0"),
        ((3, 33, 96), "H=33"),
        ((3, 0, 96), "H=0"),
        ((3, 64, 2080), "W=2080"),
    ],
)
def test_item_shapes_are_held_against_the_entry(shape, complaint):
    spec = default_registry()["yunet-2023mar"].input
    assert spec is not None
    found = spec.complaint(shape)
    assert found is None if complaint is None else complaint in found
