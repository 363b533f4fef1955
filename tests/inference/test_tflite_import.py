"""The converter against sums written out by hand, against another runtime's recorded answers, and against damage."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_tflite import Network, Table, build

from ekyc.errors import ModelError
from ekyc.inference.parity import build_and_check, drawn_item
from ekyc.inference.registry import default_registry
from ekyc.inference.session import run_graph
from ekyc.inference.tflite_import import import_tflite
from ekyc.inference.transforms import Transform, recipe

ADD, CONV, DEPTHWISE, MAX_POOL, RESHAPE, PAD, PRELU = 0, 3, 4, 17, 22, 34, 54
SAME, VALID = 0, 1


def conv_options(padding, stride, activation=0):
    return {0: ("b", padding), 1: ("i", stride), 2: ("i", stride), 3: ("b", activation)}


def converted(network, image):
    """Answer of the converted graph, flat, to an image (height, width, channels)."""
    model = import_tflite(network.content())
    item = np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)
    name = model.graph.output[0].name
    return run_graph(model.SerializeToString(), item, [name], subject="tiny")[0].ravel()


def padded(image, taps, stride, padding, fill):
    """As TensorFlow pads: ⌈size / stride⌉ places, the odd pixel at the end."""
    if padding == VALID:
        return image
    margins = []
    for size in image.shape[:2]:
        missing = max(0, (-(-size // stride) - 1) * stride + taps - size)
        margins.append((missing // 2, missing - missing // 2))
    return np.pad(image, (*margins, (0, 0)), constant_values=fill)


def windows(image, taps, stride):
    """Every place of a window: shape (rows, columns, taps, taps, channels)."""
    rows = range(0, image.shape[0] - taps + 1, stride)
    columns = range(0, image.shape[1] - taps + 1, stride)
    return np.array([[image[r : r + taps, c : c + taps] for c in columns] for r in rows])


sizes = st.tuples(st.integers(4, 9), st.integers(4, 9), st.integers(1, 3))


@given(
    size=sizes,
    taps=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=st.sampled_from([SAME, VALID]),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_convolution_sums_what_tensorflow_sums(size, taps, stride, padding, seed):
    generator = np.random.default_rng(seed)
    image = generator.normal(size=size)
    weights = generator.normal(size=(4, taps, taps, size[2])).astype(np.float32)
    bias = generator.normal(size=4).astype(np.float32)
    places = windows(padded(image, taps, stride, padding, 0), taps, stride)
    wanted = np.einsum("rcijk,oijk->rco", places, weights) + bias
    network = Network((1, *size))
    network.step(CONV, (1, *wanted.shape), weights, bias, options=conv_options(padding, stride))
    np.testing.assert_allclose(converted(network, image), wanted.ravel(), atol=1e-4)


@given(size=sizes, stride=st.integers(1, 2), seed=st.integers(0, 2**32 - 1))
def test_a_depthwise_convolution_keeps_channels_apart(size, stride, seed):
    generator = np.random.default_rng(seed)
    image = generator.normal(size=size)
    weights = generator.normal(size=(1, 3, 3, size[2])).astype(np.float32)
    bias = generator.normal(size=size[2]).astype(np.float32)
    places = windows(padded(image, 3, stride, SAME, 0), 3, stride)
    wanted = np.einsum("rcijk,ijk->rck", places, weights[0]) + bias
    options = {0: ("b", SAME), 1: ("i", stride), 2: ("i", stride), 3: ("i", 1)}
    network = Network((1, *size))
    network.step(DEPTHWISE, (1, *wanted.shape), weights, bias, options=options)
    np.testing.assert_allclose(converted(network, image), wanted.ravel(), atol=1e-4)


@given(size=sizes, taps=st.integers(1, 3), seed=st.integers(0, 2**32 - 1))
def test_a_pool_takes_maxima_and_never_a_margin(size, taps, seed):
    image = np.random.default_rng(seed).normal(size=size) - 5  # a margin of zeros would win
    wanted = windows(padded(image, taps, 2, SAME, -np.inf), taps, 2).max(axis=(2, 3))
    options = {
        0: ("b", SAME),
        1: ("i", 2),
        2: ("i", 2),
        3: ("i", taps),
        4: ("i", taps),
    }
    network = Network((1, *size))
    network.step(MAX_POOL, (1, *wanted.shape), options=options)
    np.testing.assert_allclose(converted(network, image), wanted.ravel(), atol=1e-6)


def test_prelu_pad_and_add_work_on_channels():
    image = np.random.default_rng(3).normal(size=(4, 5, 2))
    slope = np.array([[[0.25, -2.0]]], np.float32)
    margins = np.array([[0, 0], [0, 0], [0, 0], [0, 1]], np.int32)
    wide = np.concatenate([np.where(image > 0, image, slope[0] * image), np.zeros((4, 5, 1))], 2)
    network = Network((1, *image.shape))
    network.step(PRELU, (1, *image.shape), slope)
    padded_one = network.step(PAD, (1, 4, 5, 3), margins)
    network.step(ADD, (1, 4, 5, 3), also=[padded_one])
    np.testing.assert_allclose(converted(network, image), 2 * wide.ravel(), atol=1e-6)


@pytest.mark.parametrize(("activation", "bounds"), [(1, (0, np.inf)), (3, (0, 6))])
def test_a_fused_activation_is_not_forgotten(activation, bounds):
    image = np.linspace(-9, 9, 12).reshape(2, 3, 2)
    one = np.eye(2, dtype=np.float32).reshape(2, 1, 1, 2)
    options = conv_options(VALID, 1, activation)
    network = Network((1, *image.shape))
    network.step(CONV, (1, *image.shape), one, np.zeros(2, np.float32), options=options)
    np.testing.assert_allclose(
        converted(network, image), np.clip(image, *bounds).ravel(), rtol=1e-6
    )


def test_a_closing_reshape_keeps_the_order_of_memory():
    image = np.arange(24.0).reshape(2, 3, 4)
    network = Network((1, *image.shape))
    network.step(RESHAPE, (1, 24))
    np.testing.assert_array_equal(converted(network, image), np.arange(24.0))


def simple():
    network = Network((1, 4, 4, 2))
    weights = np.ones((3, 3, 3, 2), np.float32)
    options = conv_options(SAME, 2)
    network.step(CONV, (1, 2, 2, 3), weights, np.zeros(3, np.float32), options=options)
    return network


def refused(content):
    with pytest.raises(ModelError) as caught:
        import_tflite(content)
    return caught.value.code


def test_what_is_not_understood_is_refused_by_name():
    network = Network((1, 4, 4, 2))
    network.step(9, (1, 4, 4, 2))
    with pytest.raises(ModelError, match="operator 9") as caught:
        import_tflite(network.content())
    assert caught.value.code == "model.unsupported_graph"
    strange = simple()
    strange.operators[0].fields[4] = Table(conv_options(SAME, 0))
    assert refused(strange.content()) == "model.unsupported_graph"
    half = simple()
    half.tensors[1].fields[1] = ("b", 1)
    assert refused(half.content()) == "model.unsupported_graph"


def test_a_file_that_contradicts_itself_is_refused():
    wrong_size = simple()
    wrong_size.tensors[-1].fields[0] = [1, 4, 4, 3]
    assert refused(wrong_size.content()) == "model.unreadable"
    no_tensor = simple()
    no_tensor.operators[0].fields[1] = [0, 77, 2]
    assert refused(no_tensor.content()) == "model.unreadable"
    short_weight = simple()
    short_weight.buffers[1].fields[0] = b"\0" * 20
    assert refused(short_weight.content()) == "model.unreadable"
    not_a_number = simple()
    not_a_number.buffers[2].fields[0] = np.array([0, np.nan, 0], np.float32).tobytes()
    assert refused(not_a_number.content()) == "model.unreadable"
    circle = simple()
    circle.operators[0].fields[1] = [3, 1, 2]
    assert refused(circle.content()) == "model.unreadable"


def test_other_files_are_refused():
    assert refused(b"") == "model.unreadable"
    assert refused(b"\x08\0\0\0TFL3") == "model.unreadable"
    assert refused(build(Table({}), identifier=b"ABCD")) == "model.unreadable"
    assert refused(build(Table({}))) == "model.unsupported_graph"


@given(cut=st.integers(0, 2000), data=st.data())
def test_damage_raises_a_typed_error_or_nothing(cut, data):
    content = bytearray(simple().content())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        import_tflite(bytes(content[: max(1, len(content) - cut)]))
    except ModelError as error:
        assert error.code in {"model.unreadable", "model.unsupported_graph"}


def recorded_entry(kit, network, spoil=0.0):
    content = network.content()
    shape = (2, 4, 4)
    model = import_tflite(content)
    item = drawn_item(shape, 0.0, 255.0)
    name = model.graph.output[0].name
    answer = run_graph(model.SerializeToString(), item[None], [name], subject="tiny")[0]
    values = tuple(float(value) * (1 + spoil) for value in answer.ravel()[::2])
    steps = ("import_tflite", "free_batch")
    file = kit.published(
        content,
        item=shape,
        transforms=steps,
        outputs=((12,),),
        recorded={"runtime": "test", "outputs": ({"name": "y", "every": 2, "values": values},)},
    )
    outputs = tuple(output.model_copy(update={"name": name}) for output in file.entry.outputs)
    recorded = file.entry.recorded.model_copy(
        update={
            "outputs": (file.entry.recorded.outputs[0].model_copy(update={"name": name}),),
        }
    )
    return file.entry.model_copy(update={"outputs": outputs, "recorded": recorded}), content


def test_an_installation_compares_with_the_recorded_answers(kit):
    steps = recipe(("import_tflite", "free_batch"))
    entry, content = recorded_entry(kit, simple())
    _graph, records = build_and_check(entry, content, steps)
    assert "equals what test answered" in [record.check for record in records]
    entry, content = recorded_entry(kit, simple(), spoil=0.001)
    with pytest.raises(ModelError, match="equals what test answered") as caught:
        build_and_check(entry, content, steps)
    assert caught.value.code == "model.parity_failed"


def test_symmetric_padding_would_not_pass(kit):
    """The trap of every hand-made conversion: a window of three at stride 2 padded (1, 1)."""

    class Symmetric(Transform):
        __slots__ = ()

        def read(self, content):
            model = super().read(content)
            (conv,) = (node for node in model.graph.node if node.op_type == "Conv")
            (pads,) = (item for item in conv.attribute if item.name == "pads")
            pads.ints[:] = [1, 1, 0, 0]
            return model

    first, *rest = recipe(("import_tflite", "free_batch"))
    wrong = Symmetric(**{name: getattr(first, name) for name in Transform.__slots__})
    entry, content = recorded_entry(kit, simple())
    with pytest.raises(ModelError) as caught:
        build_and_check(entry, content, [wrong, *rest])
    assert caught.value.code == "model.parity_failed"


def test_an_import_comes_first_or_not_at_all():
    with pytest.raises(ModelError) as caught:
        recipe(("free_batch", "import_tflite"))
    assert caught.value.code == "model.unknown_transform"


@pytest.mark.models
def test_the_installed_graph_was_held_against_litert(models):
    records = models.store.require("mediapipe-face-mesh").parity
    (held,) = (record for record in records if record["check"].startswith("equals what LiteRT"))
    assert held["difference"] < 1e-5


@pytest.mark.models
def test_a_real_face_gets_the_points_that_litert_gave(models):
    from ekyc.imaging import read_image

    recorded = json.loads(
        (Path(__file__).parent / "data/face_mesh_by_litert.json").read_text(encoding="utf-8")
    )
    picture = read_image(models.store.asset_path("portrait-astronaut"))
    red_first = picture[15:207, 130:322, ::-1].transpose(2, 0, 1)
    item = np.ascontiguousarray(red_first, dtype=np.float32) / 255
    points, presence = models.model("mediapipe-face-mesh").infer(item)
    assert np.abs(points[:: recorded["every"]] - recorded["points"]).max() < 1e-3
    assert presence[0] == pytest.approx(recorded["presence"], abs=1e-3)
    # Blue first is not noticed by the shape of anything, only by the numbers.
    other, _ = models.model("mediapipe-face-mesh").infer(np.ascontiguousarray(item[::-1]))
    assert np.abs(other[:: recorded["every"]] - recorded["points"]).max() > 0.1


def test_the_registry_pins_the_recorded_answers():
    entry = default_registry()["mediapipe-face-mesh"]
    assert [len(output.values) for output in entry.recorded.outputs] == [39, 1]
