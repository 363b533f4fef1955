"""What the tables hand to the suite ``validation``: plain JSON, and every bound met."""

import json
from importlib import import_module

import pytest

from ekyc.benchmarks.recorder import Recorder

pytestmark = pytest.mark.shared_data


@pytest.mark.parametrize(("name", "rows"), [("pkits", 258), ("formats", 376), ("wycheproof", 20)])
def test_a_table_is_recorded(shared_data, name, rows):
    recorder = Recorder(seed=1)
    import_module(f"ekyc.benchmarks.validation_{name}").record(recorder, shared_data)
    found = json.loads(json.dumps(recorder.as_json()))
    assert len(found["raw"]) == rows
    assert {observation["table"] for observation in found["raw"]} == {name}
    assert found["targets"]
    assert all(target["met"] for target in found["targets"].values())
