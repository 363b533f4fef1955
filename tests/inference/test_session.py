from __future__ import annotations

import threading

import numpy as np
import onnxruntime
import pytest

from ekyc.errors import ModelError
from ekyc.inference import Device
from ekyc.inference.session import Session, as_float32


def noop(kit, **changes):
    return kit.published(kit.tiny.noop(), item=("W",), outputs=(("W",),), **changes)


def test_runs_a_batch_and_keeps_its_axis(kit):
    file = noop(kit)
    batch = np.arange(6, dtype=np.float32).reshape(2, 3)
    (found,) = Session(file.entry, file.content).run(batch)
    np.testing.assert_array_equal(found, batch)


def test_one_session_serves_many_threads(kit):
    file = noop(kit)
    session = Session(file.entry, file.content)
    found = {}

    def work(number):
        for _ in range(50):
            found[number] = session.run(np.full((1, 64), number, np.float32))[0]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, value in found.items():
        np.testing.assert_array_equal(value, np.full((1, 64), number))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"item": (3, "W")}, "x has shape"),
        ({"outputs": ((3, "W"),)}, "y has shape"),
        ({"item": (7,)}, None),
    ],
)
def test_ranks_are_held_against_the_registry(kit, changes, complaint):
    file = kit.published(kit.tiny.noop(), **{"item": ("W",), "outputs": (("W",),), **changes})
    if complaint is None:  # the graph leaves the size open: the registry may be narrower
        Session(file.entry, file.content)
        return
    with pytest.raises(ModelError, match=complaint) as caught:
        Session(file.entry, file.content)
    assert caught.value.code == "model.graph_mismatch"


def test_a_fixed_size_that_differs_is_refused(kit):
    file = kit.published(kit.tiny.time_first(), item=(4, "W"), outputs=((("W", 3), 1),))
    with pytest.raises(ModelError, match="size 3 where the registry says 4"):
        Session(file.entry, file.content)


def test_the_batch_axis_of_the_registry_is_checked(kit):
    file = kit.published(kit.tiny.prelu(), item=(3, 8, 8))
    with pytest.raises(ModelError, match="fixed batch size"):
        Session(file.entry, file.content)


def test_an_output_that_the_graph_lacks_is_refused(kit):
    file = noop(kit)
    outputs = (file.entry.outputs[0].model_copy(update={"name": "z"}),)
    with pytest.raises(ModelError, match="no output 'z'"):
        Session(file.entry.model_copy(update={"outputs": outputs}), file.content)


def test_a_further_graph_input_is_refused(kit):
    model = kit.tiny.noop()
    model.graph.input.append(kit.tensor("surprise", [1]))
    file = kit.published(model, item=("W",), outputs=(("W",),))
    with pytest.raises(ModelError, match="surprise"):
        Session(file.entry, file.content)


def test_another_element_type_is_refused(kit):
    model = kit.tiny.noop()
    for item in (*model.graph.input, *model.graph.output):
        item.type.tensor_type.elem_type = 11  # double
    file = kit.published(model, item=("W",), outputs=(("W",),))
    with pytest.raises(ModelError, match="double"):
        Session(file.entry, file.content)


def test_rubbish_is_a_typed_error(kit):
    file = noop(kit)
    with pytest.raises(ModelError) as caught:
        Session(file.entry, b"rubbish")
    assert caught.value.code == "model.unreadable"


def test_an_asset_is_no_model(kit):
    file = kit.published(b"picture", kind="asset")
    with pytest.raises(ModelError) as caught:
        Session(file.entry, file.content)
    assert caught.value.code == "model.unknown"


def test_a_failing_run_names_the_model_and_the_shape(kit):
    file = noop(kit)
    with pytest.raises(ModelError, match=r"\(1, 2, 3\)") as caught:
        Session(file.entry, file.content).run(np.zeros((1, 2, 3), np.float32))
    assert caught.value.code == "model.run_failed"
    assert caught.value.subject == "tiny"


@pytest.mark.skipif(
    Device.CUDA.provider in onnxruntime.get_available_providers(), reason="a GPU build is installed"
)
def test_a_provider_that_is_missing_is_not_replaced_in_silence(kit):
    file = noop(kit)
    with pytest.raises(ModelError, match="CUDAExecutionProvider") as caught:
        Session(file.entry, file.content, device=Device.CUDA)
    assert caught.value.code == "model.provider_missing"


@pytest.mark.parametrize("item", [np.zeros(3), np.zeros(3, np.uint8), [1.0], None])
def test_other_element_types_are_refused_not_converted(item):
    with pytest.raises(ModelError) as caught:
        as_float32(item)
    assert caught.value.code == "model.wrong_dtype"


def test_a_strided_item_is_made_contiguous():
    item = np.zeros((4, 6), np.float32)[:, ::2]
    found = as_float32(item)
    assert found.flags.c_contiguous
