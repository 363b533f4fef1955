"""dlib in its own environment: absent, broken, or a stand-in that answers."""

import sys

import pytest

from ekyc.benchmarks.face_peers import dlib_descriptions
from ekyc.benchmarks.peer_environment import PYTHON_VARIABLE
from ekyc.errors import ModelError


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Its interpreter is a script that ignores what it is asked and prints."""

    def make(*lines, status=0):
        script = tmp_path / "python"
        printed = "\n".join(lines)
        script.write_text(f"#!/bin/sh\ncat <<'END'\n{printed}\nEND\nexit {status}\n")
        script.chmod(0o755)
        monkeypatch.setenv(PYTHON_VARIABLE, str(script))
        return tmp_path / "pictures.tar"

    return make


GREETING = '{"ready": "dlib", "version": "1.2"}'
FOUND = '{"picture": "a.jpg", "vector": [1.0, 2.0], "cpu_ms": 3.0}'
NONE = '{"picture": "b.jpg", "vector": null, "cpu_ms": 1.0}'


def test_every_picture_has_a_vector_or_none(environment):
    with dlib_descriptions(environment(GREETING, FOUND, NONE)) as (version, found):
        first, second = found
    assert version == "1.2"
    assert (first.picture, first.vector.tolist(), first.cpu_ms) == ("a.jpg", [1.0, 2.0], 3.0)
    assert second.vector is None


@pytest.mark.parametrize("interpreter", ["absent/python", sys.executable])
def test_an_environment_without_dlib_is_absent(tmp_path, monkeypatch, interpreter):
    """Ours has none; neither has a path where nothing is."""
    monkeypatch.setenv(PYTHON_VARIABLE, interpreter)
    with pytest.raises(ModelError) as caught, dlib_descriptions(tmp_path / "x.tar"):
        pass
    assert caught.value.code == "model.engine_absent"


@pytest.mark.parametrize(
    ("lines", "status"), [((GREETING, FOUND), 1), ((GREETING, "no json"), 0), ((GREETING, "[]"), 0)]
)
def test_a_worker_that_fails_half_way_gives_no_figures(environment, lines, status):
    archive = environment(*lines, status=status)
    with pytest.raises(ModelError) as caught, dlib_descriptions(archive) as (_, found):
        list(found)
    assert caught.value.code == "model.engine_failed"
