from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from ekyc.errors import ModelError
from ekyc.inference.quantisation import dequantise, fold_quantised_weights
from ekyc.inference.session import run_graph
from ekyc.inference.transforms import recipe, recipe_stamp, transform


def run(model, batch, outputs=("y",)):
    content = model if isinstance(model, bytes) else model.SerializeToString()
    return run_graph(content, batch.astype(np.float32), list(outputs), subject="tiny")


def apply(model, *names):
    return transform(model.SerializeToString(), recipe(names), subject="tiny")


@given(
    rows=st.integers(1, 5),
    columns=st.integers(1, 17),
    block=st.integers(1, 8),
    axis=st.integers(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_blocks_are_dequantised_as_onnx_defines(rows, columns, block, axis, seed):
    generator = np.random.default_rng(seed)
    shape = [rows, columns]
    blocks = list(shape)
    blocks[axis] = -(-shape[axis] // block)
    weight = generator.integers(-128, 128, shape).astype(np.int8)
    scale = generator.uniform(0.001, 2, blocks).astype(np.float32)
    zero = generator.integers(-128, 128, blocks).astype(np.int8)
    node = helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"], axis=axis, block_size=block)
    (wanted,) = ReferenceEvaluator(node).run(None, {"q": weight, "s": scale, "z": zero})
    found = dequantise(weight, scale, zero, axis=axis, block=block)
    np.testing.assert_array_equal(found, wanted)


def test_scales_per_axis_are_dequantised_as_onnx_defines():
    weight = np.arange(-6, 6, dtype=np.int8).reshape(3, 4)
    scale = np.array([0.1, 0.2, 0.3], np.float32)
    zero = np.array([1, 0, -1], np.int8)
    node = helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"], axis=0)
    (wanted,) = ReferenceEvaluator(node).run(None, {"q": weight, "s": scale, "z": zero})
    np.testing.assert_array_equal(dequantise(weight, scale, zero, axis=0, block=0), wanted)


def test_one_scale_counts_for_all_whatever_the_block_size():
    weight = np.array([-3, 5, 7], np.int8)
    found = dequantise(weight, np.array([0.5], np.float32), np.array([1], np.int8), axis=0, block=2)
    np.testing.assert_array_equal(found, np.array([-2.0, 2.0, 3.0], np.float32))


def test_onnxruntime_refuses_the_published_quantised_graph(kit):
    with pytest.raises(ModelError) as caught:
        run(kit.tiny.quantised(), np.zeros((1, 10)))
    assert caught.value.code == "model.unreadable"


def test_a_folded_graph_runs_and_gives_the_quantised_numbers(kit):
    model = kit.tiny.quantised()
    weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    scale = np.repeat(weights["s"], 4, axis=1)[:, :10]
    zero = np.repeat(weights["z"], 4, axis=1)[:, :10]
    matrix = (weights["q"].astype(int) - zero) * scale
    bias = (weights["bq"].astype(int) - 3) * 0.05
    item = np.linspace(-1, 1, 10)[None]
    (found,) = run(apply(model, "fold_quantised_weights", "remove_dropout"), item)
    np.testing.assert_allclose(found, item @ matrix.T + bias, rtol=1e-4)


def test_folding_leaves_one_graph_input_and_no_integer_weight(kit):
    model = kit.tiny.quantised()
    fold_quantised_weights(model)
    assert [item.name for item in model.graph.input] == ["x"]
    # The Dropout's ratio is still read; the quantised weights and scales are gone.
    assert {t.name for t in model.graph.initializer} == {"w", "b", "ratio"}
    assert {t.data_type for t in model.graph.initializer} == {TensorProto.FLOAT}


def test_scales_that_do_not_fit_are_a_typed_error(kit):
    model = kit.tiny.quantised()
    (scales,) = (t for t in model.graph.initializer if t.name == "s")
    scales.CopyFrom(numpy_helper.from_array(np.ones((3, 3), np.float32), "s"))
    with pytest.raises(ModelError) as caught:
        fold_quantised_weights(model)
    assert caught.value.code == "model.transform_failed"
    assert caught.value.subject == "w"


def test_a_chain_of_dropouts_is_bridged(kit):
    nodes = [
        helper.make_node("Dropout", ["x"], ["a"]),
        helper.make_node("Dropout", ["a"], ["b"]),
        helper.make_node("Relu", ["b"], ["y"]),
    ]
    model = kit.model(nodes, [kit.tensor("x", [1, 2])], [kit.tensor("y", [1, 2])], {})
    (found,) = run(apply(model, "remove_dropout"), np.array([[-1.0, 2.0]]))
    np.testing.assert_array_equal(found, [[0.0, 2.0]])


def test_a_dropout_that_gives_the_output_is_refused(kit):
    nodes = [helper.make_node("Dropout", ["x"], ["y"])]
    model = kit.model(nodes, [kit.tensor("x", [1, 2])], [kit.tensor("y", [1, 2])], {})
    with pytest.raises(ModelError, match="Dropout"):
        apply(model, "remove_dropout")


def test_the_published_graph_takes_one_item_and_the_freed_one_any_number(kit):
    model = kit.tiny.prelu()
    batch = np.random.default_rng(0).normal(size=(5, 3, 8, 8))
    with pytest.raises(ModelError):
        run(model, batch)
    freed = apply(model, "free_batch")
    (together,) = run(freed, batch)
    singles = [run(model, batch[i : i + 1])[0] for i in range(5)]
    np.testing.assert_array_equal(together, np.concatenate(singles))


def test_a_shape_shared_with_another_use_is_not_changed_there(kit):
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["r"]),
        helper.make_node("Cast", ["shape"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["r", "f"], ["y"]),
    ]
    shape = {"shape": np.array([1, 2], np.int64)}
    model = kit.model(nodes, [kit.tensor("x", [1, 2])], [kit.tensor("y", [1, 2])], shape)
    (found,) = run(apply(model, "free_batch"), np.zeros((3, 2)))
    np.testing.assert_array_equal(found, [[1.0, 2.0]] * 3)


def test_a_shape_from_a_constant_node_is_freed_too(kit):
    constant = numpy_helper.from_array(np.array([1, 4], np.int64))
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=constant),
        helper.make_node("Reshape", ["x", "shape"], ["y"]),
    ]
    model = kit.model(nodes, [kit.tensor("x", [1, 2, 2])], [kit.tensor("y", [1, 4])], {})
    (found,) = run(apply(model, "free_batch"), np.arange(8).reshape(2, 2, 2))
    np.testing.assert_array_equal(found, np.arange(8).reshape(2, 4))


def test_a_freed_detector_takes_other_image_sizes(kit):
    model = kit.tiny.detector()
    freed = apply(model, "free_batch", "free_image_size")
    image = np.random.default_rng(0).normal(size=(2, 3, 32, 64))
    (found,) = run(freed, image)
    assert found.shape == (2, 4 * 8, 2)
    # Both halves, cut apart, through the published graph: the grid is row-major over the whole width.
    left, right = (run(model, image[:1, :, :, half])[0] for half in (slice(32), slice(32, 64)))
    grid = np.concatenate([left.reshape(4, 4, 2), right.reshape(4, 4, 2)], axis=1)
    np.testing.assert_allclose(found[0].reshape(4, 8, 2), grid, atol=1e-5)


def test_image_size_is_freed_only_for_detectors(kit):
    with pytest.raises(ModelError, match="anchors"):
        apply(kit.tiny.prelu(), "free_image_size")


@given(seed=st.integers(0, 2**32 - 1))
def test_prelu_and_its_rewrite_agree(kit, seed):
    generator = np.random.default_rng(seed)
    slope = {"s": generator.uniform(-2, 2, (3, 1, 1)).astype(np.float32)}
    nodes = [helper.make_node("PRelu", ["x", "s"], ["y"])]
    shape = [1, 3, 4, 5]
    model = kit.model(nodes, [kit.tensor("x", shape)], [kit.tensor("y", shape)], slope)
    item = generator.normal(scale=10, size=shape)
    rewritten = apply(model, "rewrite_prelu")
    assert "PRelu" not in {n.op_type for n in onnx.load_model_from_string(rewritten).graph.node}
    np.testing.assert_allclose(run(rewritten, item)[0], run(model, item)[0], atol=1e-5)


@pytest.mark.parametrize("shape", [(1,), (3, 4, 5), (1, 4, 5)])
def test_a_slope_that_is_not_per_channel_is_refused(kit, shape):
    slope = {"s": np.ones(shape, np.float32)}
    nodes = [helper.make_node("PRelu", ["x", "s"], ["y"], name="the-one")]
    sides = [1, 3, 4, 5]
    model = kit.model(nodes, [kit.tensor("x", sides)], [kit.tensor("y", sides)], slope)
    with pytest.raises(ModelError) as caught:
        apply(model, "rewrite_prelu")
    assert caught.value.subject == "the-one"


def test_an_appended_softmax_keeps_the_name_and_sums_to_one(kit):
    found = run(apply(kit.tiny.prelu(), "append_softmax"), np.ones((1, 3, 8, 8)) * 5)[0]
    assert found.shape == (1, 4)
    assert found.sum() == pytest.approx(1.0)


def test_rubbish_is_not_an_onnx_file():
    with pytest.raises(ModelError) as caught:
        transform(b"\xff rubbish", recipe(["free_batch"]), subject="tiny")
    assert caught.value.code == "model.unreadable"


def test_an_unknown_transform_names_the_known_ones():
    with pytest.raises(ModelError, match="free_batch") as caught:
        recipe(["no_such_step"])
    assert caught.value.code == "model.unknown_transform"


def test_the_stamp_of_a_recipe_carries_versions():
    assert recipe_stamp(["free_batch", "rewrite_prelu"]) == "free_batch@1 rewrite_prelu@1"
