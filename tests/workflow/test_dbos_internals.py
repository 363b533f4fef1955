"""What of DBOS we touch that it does not promise. An upgrade that changes it must be looked at before it is taken.

- That a row decides how it is read, and the default way is a pickle: :func:`ekyc.workflow.plain_json.refuse_pickle`.
- How runs of a process that died are put back: ``DBOS._recover_pending_workflows``. Its public sisters (``resume_workflow``,
  ``fork_workflow``) begin a run again whoever has it, so that two workers that notice a death at once would do it twice.
- That nothing is reported to its vendor: ``GlobalParams.dbos_cloud``.
"""

from __future__ import annotations

import inspect
import re
from importlib import metadata
from pathlib import Path

import dbos
import pytest
from dbos import DBOS, _recovery, _serialization, _sys_db
from dbos._utils import GlobalParams

from ekyc.workflow import WorkError
from ekyc.workflow.plain_json import PlainJson, refuse_pickle

SOURCES = Path(dbos.__file__).parent


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    monkeypatch.setattr(
        _serialization, "DBOSDefaultSerializer", _serialization.DBOSDefaultSerializer
    )


def test_it_is_the_version_whose_insides_were_read():
    assert metadata.version("dbos").startswith("3.4."), (
        "read _serialization.py, _recovery.py and _utils.py of the new version against ekyc/workflow first"
    )


def test_only_one_module_knows_pickles_and_it_looks_its_reader_up_when_it_reads():
    knowing = {
        path.name
        for path in SOURCES.rglob("*.py")
        if re.search(
            r"\bpickle\.|import (c?pickle|dill|cloudpickle|marshal|shelve)", path.read_text("utf-8")
        )
    }
    assert knowing == {"_serialization.py"}
    assert not hasattr(_sys_db, "DBOSDefaultSerializer")  # a copy would not hear of the change


def test_every_reader_of_rows_is_kept_from_pickles():
    refuse_pickle()
    readers = {
        name: reader
        for name, reader in inspect.getmembers(_serialization, inspect.isfunction)
        if name.startswith(("deserialize", "safe_deserialize"))
    }
    assert set(readers) == {
        "deserialize_value",
        "deserialize_args",
        "deserialize_exception",
        "safe_deserialize",  # by way of the three before
        "safe_deserialize_schedule_context",  # by the serializer that was given
    }
    for name in ("deserialize_value", "deserialize_args", "deserialize_exception"):
        with pytest.raises(ValueError, match="nothing is unpickled"):
            readers[name]("gAROLg==", "py_pickle", PlainJson())


def test_a_version_that_reads_pickles_otherwise_does_not_start(monkeypatch):
    monkeypatch.setattr(_serialization, "deserialize_args", lambda *_: ((), {}))
    with pytest.raises(WorkError) as refused:
        refuse_pickle()
    assert refused.value.code == "work.engine"


def test_a_version_that_asks_for_something_else_does_not_start(monkeypatch):
    monkeypatch.setattr(_serialization, "deserialize_value", lambda: None)
    with pytest.raises(WorkError) as refused:
        refuse_pickle()
    assert refused.value.code == "work.engine"


def test_runs_of_the_dead_are_put_back_into_the_queue_and_not_begun_by_who_noticed():
    assert list(inspect.signature(DBOS._recover_pending_workflows).parameters) == ["executor_ids"]
    assert "executor_ids" in inspect.getsource(_recovery._recover_workflow)
    assert "reenqueue_for_recovery" in inspect.getsource(_recovery._recover_workflow)
    wanted = ["self", "workflow_id", "executor_ids", "recovery_queue_name"]
    guarded = _sys_db.SystemDatabase.reenqueue_for_recovery
    assert list(inspect.signature(guarded).parameters)[:4] == wanted


def test_what_would_report_to_the_vendor_is_one_switch():
    assert isinstance(GlobalParams.dbos_cloud, bool)
