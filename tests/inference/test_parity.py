"""The proof at installation must be able to fail: each recipe is also run broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from ekyc.errors import ModelError
from ekyc.inference.parity import build_and_check, difference
from ekyc.inference.transforms import Transform, recipe

PRELU_STEPS = ("free_batch", "rewrite_prelu")
FOLD_STEPS = ("fold_quantised_weights", "remove_dropout", "free_batch")


class Spoiling(Transform):
    """A step that does its work and then spoils one weight a little."""

    __slots__ = ()

    def apply(self, model):
        super().apply(model)
        spoilt = max(
            (t for t in model.graph.initializer if t.data_type == 1), key=lambda t: len(t.raw_data)
        )
        value = numpy_helper.to_array(spoilt) * np.float32(1.01)
        spoilt.CopyFrom(numpy_helper.from_array(value, spoilt.name))


def spoil(step):
    return Spoiling(**{name: getattr(step, name) for name in Transform.__slots__})


def prelu(kit):
    return kit.published(kit.tiny.prelu(), item=(3, 8, 8), transforms=PRELU_STEPS)


def quantised(kit):
    return kit.published(kit.tiny.quantised(), item=(10,), transforms=FOLD_STEPS)


def test_a_right_recipe_passes_every_check(kit):
    file = prelu(kit)
    content, records = build_and_check(file.entry, file.content, recipe(PRELU_STEPS))
    assert content != file.content
    assert [record.check for record in records] == [
        "equals the published graph at (3, 8, 8)",
        "a batch of 3 equals single items at (3, 8, 8)",
    ]
    assert all(record.difference <= record.tolerance for record in records)


def test_folded_weights_are_held_against_the_reference_evaluator(kit):
    file = quantised(kit)
    _content, records = build_and_check(file.entry, file.content, recipe(FOLD_STEPS))
    assert records[0].check == "2 folded weights equal onnx's reference evaluator"
    assert records[0].difference == 0.0


@pytest.mark.parametrize("position", range(len(PRELU_STEPS)))
def test_a_spoilt_step_is_refused(kit, position):
    file = prelu(kit)
    steps = list(recipe(PRELU_STEPS))
    steps[position] = spoil(steps[position])
    with pytest.raises(ModelError, match="equals the published graph") as caught:
        build_and_check(file.entry, file.content, steps)
    assert caught.value.code == "model.parity_failed"


def test_a_spoilt_fold_is_refused_although_the_reference_graph_is_spoilt_alike(kit):
    file = quantised(kit)
    steps = list(recipe(FOLD_STEPS))
    steps[0] = spoil(steps[0])
    with pytest.raises(ModelError, match="reference evaluator") as caught:
        build_and_check(file.entry, file.content, steps)
    assert caught.value.code == "model.parity_failed"


def test_a_batch_symbol_without_freed_reshapes_is_refused(kit):
    """The trap of the detector: a renamed axis 0 and a Reshape that still begins with 1."""

    class OnlyRename(Transform):
        __slots__ = ()

        def apply(self, model):
            for item in (*model.graph.input, *model.graph.output):
                item.type.tensor_type.shape.dim[0].dim_param = "N"

    (step,) = recipe(["free_batch"])
    naive = OnlyRename(**{name: getattr(step, name) for name in Transform.__slots__})
    file = kit.published(
        kit.tiny.detector(), item=(3, 32, 32), outputs=((16, 2),), transforms=("free_batch",)
    )
    with pytest.raises(ModelError) as caught:
        build_and_check(file.entry, file.content, [naive])
    assert caught.value.code == "model.graph_mismatch"  # onnxruntime infers the fixed axis


def test_a_softmax_is_expected_where_the_recipe_appends_one(kit):
    steps = ("free_batch", "append_softmax")
    file = kit.published(kit.tiny.prelu(), item=(3, 8, 8), transforms=steps)
    _content, records = build_and_check(file.entry, file.content, recipe(steps))
    assert records[0].difference < 1e-6
    forgetful = [replace(step, expected=tuple) for step in recipe(steps)]
    with pytest.raises(ModelError, match="equals the published graph"):
        build_and_check(file.entry, file.content, forgetful)


def test_no_shape_that_the_published_graph_can_run_proves_nothing(kit):
    file = kit.published(
        kit.tiny.prelu(), item=(3, 8, 8), transforms=PRELU_STEPS, parity=((3, 9, 9),)
    )
    with pytest.raises(ModelError, match="no parity shape"):
        build_and_check(file.entry, file.content, recipe(PRELU_STEPS))


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([0.5], [0.25], 0.25),
        ([110.0], [100.0], 0.1),
        ([1.0], [1.0, 2.0], np.inf),
        ([], [], 0.0),
    ],
)
def test_difference_is_relative_to_the_largest_value_but_at_least_one(found, wanted, expected):
    pair = (np.array(found, np.float32), np.array(wanted, np.float32))
    assert difference(*pair) == pytest.approx(expected)


@given(
    values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=8),
    odd=st.sampled_from([np.nan, np.inf, -np.inf]),
)
def test_what_is_not_a_finite_number_is_infinitely_far(values, odd):
    wanted = np.array(values, np.float32)
    found = wanted.copy()
    found[-1] = odd
    assert difference(found, wanted) == difference(wanted, found) == np.inf


def test_a_published_graph_that_answers_nothing_finite_is_refused(kit):
    model = kit.tiny.prelu()
    (weight,) = (t for t in model.graph.initializer if t.name == "w")
    spoilt = np.full((4, 3, 3, 3), np.nan, np.float32)
    weight.CopyFrom(numpy_helper.from_array(spoilt, "w"))
    file = kit.published(model, item=(3, 8, 8), transforms=PRELU_STEPS)
    with pytest.raises(ModelError) as caught:
        build_and_check(file.entry, file.content, recipe(PRELU_STEPS))
    assert caught.value.code == "model.parity_failed"


def test_batches_are_not_asked_for_where_the_registry_allows_none(kit):
    file = kit.published(kit.tiny.prelu(), item=(3, 8, 8), transforms=PRELU_STEPS, max_batch=1)
    _content, records = build_and_check(file.entry, file.content, recipe(PRELU_STEPS))
    assert [record.check for record in records] == ["equals the published graph at (3, 8, 8)"]
