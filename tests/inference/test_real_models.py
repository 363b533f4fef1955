"""The pinned models themselves, as installed: run with the models, skipped with the reason without."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ekyc.inference import BatchPolicy, Engine, default_registry
from ekyc.inference.parity import BATCH_TOLERANCE, difference, random_items
from ekyc.inference.session import Session, run_graph
from ekyc.inference.transforms import parse_graph, recipe

pytestmark = pytest.mark.models

MODELS = [entry for entry in default_registry().values() if entry.kind == "model"]
by_id = pytest.mark.parametrize("entry", MODELS, ids=lambda entry: entry.id)


@by_id
def test_the_installed_files_are_whole_and_proved(models, entry):
    installed = models.store.verify(entry.id)
    assert installed.parity or entry.source.registry == "bundled"
    for record in installed.parity:
        assert record["difference"] <= record["tolerance"]


@by_id
def test_answers_have_the_shapes_that_the_registry_says(models, entry):
    (item,) = random_items(entry, entry.parity_shapes[0], 1)
    outputs = models.model(entry.id).infer(item)
    assert len(outputs) == len(entry.outputs)
    for spec, found in zip(entry.outputs, outputs, strict=True):
        assert found.dtype == np.float32
        assert found.ndim == len(spec.shape)
        for size, wanted in zip(found.shape, spec.shape, strict=True):
            assert isinstance(wanted, str) or size == wanted
        assert np.isfinite(found).all()


@by_id
def test_a_mixed_crowd_gets_the_answers_of_single_items(models, entry):
    items = [item for shape in entry.parity_shapes[-2:] for item in random_items(entry, shape, 4)]
    session = Session(entry, models.store.require(entry.id).read())
    with (
        Engine.open(models.store, [entry.id], BatchPolicy(max_batch=4, workers=1)) as crowded,
        ThreadPoolExecutor(max_workers=8) as pool,
    ):
        together = list(pool.map(crowded.model(entry.id).infer, items))
    for item, outputs in zip(items, together, strict=True):
        alone = session.run(item[np.newaxis])
        for spec, found, wanted in zip(entry.outputs, outputs, alone, strict=True):
            assert difference(found, wanted.squeeze(spec.batch_axis)) <= BATCH_TOLERANCE


def test_the_freed_detector_answers_as_one_that_is_fixed_at_another_size(models):
    """The published graph, declared for 320 x 480 instead of 640 x 640 and otherwise only folded."""
    entry = default_registry()["yunet-2023mar"]
    graph = parse_graph(models.store.require(entry.id).published.read_bytes(), subject=entry.id)
    (fold,) = recipe(["fold_quantised_weights"])
    fold.apply(graph)
    dims = graph.graph.input[0].type.tensor_type.shape.dim
    dims[2].dim_value, dims[3].dim_value = 320, 480
    for output in graph.graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = f"anchors_{output.name}"
    del graph.graph.value_info[:]
    names = [output.name for output in entry.outputs]
    (item,) = random_items(entry, (3, 320, 480), 1)
    fixed = run_graph(graph.SerializeToString(), item[np.newaxis], names, subject=entry.id)
    found = models.model(entry.id).infer(item)
    for one, other in zip(found, fixed, strict=True):
        np.testing.assert_array_equal(one, other[0])


def test_liveness_probabilities_are_those_of_the_published_logits(models):
    entry = default_registry()["faceplugin-liveness"]
    published = models.store.require(entry.id).published.read_bytes()
    gradient = np.linspace(0, 255, 3 * 128 * 128, dtype=np.float32).reshape(3, 128, 128)
    for item in (gradient, gradient[::-1].copy(), np.full_like(gradient, 90.0)):
        (logits,) = run_graph(published, item[np.newaxis], ["output"], subject=entry.id)
        powers = np.exp(logits[0] - logits[0].max())
        (found,) = models.model(entry.id).infer(item)
        np.testing.assert_allclose(found, powers / powers.sum(), atol=1e-5)
        assert found.sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("model", "vocabulary"),
    [("asterocr-1.0.2", "asterocr-vocab"), ("ekyc-lines", "ekyc-lines-vocab")],
)
def test_the_vocabulary_has_a_character_for_every_class(models, model, vocabulary):
    import json

    text = models.store.asset_path(vocabulary).read_text(encoding="utf-8")
    characters = json.loads(text)["chars"]
    classes = default_registry()[model].outputs[0].shape[1]
    assert len(characters) == classes
    assert characters[0] in {"<blank>", ""}
    assert set("ăâđêôơưạảấầẩẫậắằẳẵặỵỴỸ") <= set(characters)


def test_a_line_wider_than_the_model_allows_is_refused_before_it_runs(models):
    from ekyc.errors import ModelError

    with pytest.raises(ModelError) as caught:
        models.model("asterocr-1.0.2").infer(np.zeros((3, 32, 1025), np.float32))
    assert caught.value.code == "model.wrong_shape"
