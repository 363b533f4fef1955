from __future__ import annotations

import threading

import numpy as np
import pytest

from ekyc.errors import BusyError, ModelError
from ekyc.inference import BatchPolicy, Cancellation, Engine, inference_terms


@pytest.fixture
def store(kit, tmp_path, memory_fetcher):
    files = [
        kit.published(kit.tiny.noop(), entry_id="noop", item=("W",), outputs=(("W",),)),
        kit.published(
            kit.tiny.time_first(), entry_id="time", item=(3, "W"), outputs=((("W", 3), 1),)
        ),
        kit.published(
            kit.tiny.noop(), entry_id="alone", item=("W",), outputs=(("W",),), max_batch=1
        ),
        kit.published(b"picture", entry_id="asset", kind="asset"),
        kit.published(kit.tiny.noop(), entry_id="absent", item=("W",), outputs=(("W",),)),
    ]
    store = kit.store(tmp_path, *(file.entry for file in files))
    list(store.install(memory_fetcher(*files), ["noop", "time", "alone", "asset"]))
    return store


IDS = ("noop", "time", "alone", "asset")


@pytest.fixture
def engine(store):
    with Engine.open(store, IDS) as opened:
        yield opened


def test_gives_items_without_batch_axis(engine):
    (found,) = engine.model("noop").infer(np.arange(4, dtype=np.float32))
    np.testing.assert_array_equal(found, np.arange(4))


def test_gives_time_first_answers_item_by_item(engine):
    item = np.arange(12, dtype=np.float32).reshape(3, 4)
    (found,) = engine.model("time").infer(item)
    np.testing.assert_array_equal(found, item.T)


def test_a_model_is_opened_once_for_all_threads(engine):
    found = set()
    threads = [
        threading.Thread(target=lambda: found.add(id(engine.model("noop")))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    assert engine.model("noop").id == "noop"


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (np.zeros((2, 4), np.float32), "model.wrong_shape"),
        (np.zeros((3, 0), np.float32), "model.wrong_shape"),
        (np.zeros((3, 4), np.float64), "model.wrong_dtype"),
    ],
)
def test_items_are_held_against_the_registry(engine, item, code):
    with pytest.raises(ModelError) as caught:
        engine.model("time").infer(item)
    assert caught.value.code == code


def test_a_model_that_is_not_installed_is_told_at_opening(store):
    with pytest.raises(ModelError) as caught:
        Engine.open(store)
    assert caught.value.code == "model.not_installed"
    assert caught.value.subject == "absent"


@pytest.mark.parametrize("model_id", ["absent", "asset", "no-such"])
def test_models_outside_the_engine_are_unknown(engine, model_id):
    with pytest.raises(ModelError) as caught:
        engine.model(model_id)
    assert caught.value.code == "model.unknown"


def test_an_altered_file_is_not_opened(store):
    engine = Engine.open(store, ["noop"])
    store.require("noop").path.write_bytes(b"altered")
    with pytest.raises(ModelError) as caught:
        engine.model("noop")
    assert caught.value.code == "model.altered"


def test_the_registry_may_bound_the_batch(store):
    with Engine.open(store, IDS, BatchPolicy(max_batch=8)) as engine:
        assert engine.model("alone").policy.max_batch == 1
        assert engine.model("noop").policy.max_batch == 8


def test_a_closed_engine_refuses(store):
    engine = Engine.open(store, IDS)
    model = engine.model("noop")
    engine.close()
    for call in (lambda: engine.model("noop"), lambda: model.infer(np.zeros(1, np.float32))):
        with pytest.raises(BusyError) as caught:
            call()
        assert caught.value.code == "busy.closed"


def test_terms_hold_for_the_block_and_no_longer(engine):
    cancellation = Cancellation()
    cancellation.cancel()
    model, item = engine.model("noop"), np.zeros(1, np.float32)
    with inference_terms(cancellation=cancellation), pytest.raises(BusyError) as caught:
        model.infer(item)
    assert caught.value.code == "busy.cancelled"
    assert model.infer(item)
