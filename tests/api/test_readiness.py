"""Ready means: every part is there. One case for each part that fails."""

from __future__ import annotations

import os

import pytest

from ekyc.api.readiness import HashedModels, states_of
from ekyc.cli.serve_parts import needed_parts, require_keys
from ekyc.errors import InputError, ModelError
from ekyc.inference import ModelStore
from ekyc.ports import SystemRandom
from ekyc.storage import FileKeyProvider, ServiceKey

PARTS = ("database", "models", "service_key", "keys")


@pytest.fixture
def parts(tmp_path):
    key_file, folder = tmp_path / "service.key", tmp_path / "keys"
    ServiceKey.load(key_file, SystemRandom())
    provider = FileKeyProvider(folder, SystemRandom())
    provider.make_version("default")
    return needed_parts(key_file, provider)


def readiness(ask, parts):
    return ask(lambda client: client.get("/readyz"), needed=parts)


def test_all_parts_are_there(ask, parts):
    answer = readiness(ask, parts)
    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, **dict.fromkeys(PARTS, "ok")},
    )


def failing(answer, part):
    told = answer.json()
    assert answer.status_code == 503
    assert told.pop("ready") is False
    assert [name for name, state in told.items() if state != "ok"] == [part]
    return told[part]


def test_a_changed_schema(ask, parts, storage):
    with storage._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE ekyc_schema SET version_num = '0001'")
    assert failing(readiness(ask, parts), "database") == "storage.newer_schema"


def test_a_service_key_that_is_gone(ask, parts, tmp_path):
    (tmp_path / "service.key").unlink()
    assert failing(readiness(ask, parts), "service_key").startswith("storage.")


def test_a_service_key_that_others_may_read(ask, parts, tmp_path):
    (tmp_path / "service.key").chmod(0o644)
    assert failing(readiness(ask, parts), "service_key") == "storage.key_invalid"


def test_a_key_provider_that_fails(ask, parts):
    def away():
        raise InputError("the token is away", code="signing.token.absent")

    assert failing(readiness(ask, {**parts, "keys": away}), "keys") == "signing.token.absent"


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda kek: kek.write_bytes(b"short"), "storage.key_invalid"),
        (lambda kek: kek.chmod(0o644), "storage.key_invalid"),
    ],
)
def test_a_key_that_is_listed_and_opens_nothing(ask, parts, tmp_path, damage, code):
    [kek] = (tmp_path / "keys").iterdir()
    damage(kek)
    assert failing(readiness(ask, parts), "keys") == code


def test_no_key_yet_is_no_fault(ask, parts, tmp_path):
    [kek] = (tmp_path / "keys").iterdir()
    kek.unlink()
    assert readiness(ask, parts).status_code == 200


class Swapping(FileKeyProvider):
    """A provider that gives another key back."""

    def unwrap(self, tenant, wrapped, *, context):
        return bytes(32)


def test_a_provider_that_gives_another_key_back(ask, parts, tmp_path):
    swapping = Swapping(tmp_path / "keys", SystemRandom())
    damaged = {**parts, "keys": lambda: require_keys(swapping, "default")}
    assert failing(readiness(ask, damaged), "keys") == "storage.unsealable"


def test_an_altered_model(ask, parts):
    def altered():
        raise ModelError("altered", code="model.altered")

    assert failing(readiness(ask, {**parts, "models": altered}), "models") == "model.altered"


def test_life_needs_nothing(ask):
    def away():
        raise InputError("gone", code="storage.corrupted")

    answer = ask(lambda client: client.get("/livez"), needed=dict.fromkeys(PARTS, away))
    assert answer.status_code == 200


class Files:
    """A store of one file, which counts how often it is hashed."""

    def __init__(self, path):
        self.path, self.hashed, self.content = path, 0, path.read_bytes()

    def require(self, entry_id):
        if not self.path.exists():
            raise ModelError("gone", code="model.not_installed")
        return self

    def verify(self, entry_id):
        self.hashed += 1
        if self.path.read_bytes() != self.content:
            raise ModelError("altered", code="model.altered")
        return self


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"weights")
    return Files(path)


def test_a_model_is_hashed_once_until_it_looks_different(file):
    now = [0.0]
    models = HashedModels(file, ("m",), lambda: now[0])
    for _ in range(3):
        models.require()
    assert file.hashed == 1

    now[0] = 3601.0
    models.require()
    assert file.hashed == 2

    kept = file.path.stat()
    file.path.write_bytes(b"WEIGHTS")
    os.utime(file.path, ns=(kept.st_atime_ns, kept.st_mtime_ns))  # as who wants to hide it would
    assert states_of({"models": models.require}) == {"models": "model.altered"}
    assert states_of({"models": models.require}) == {"models": "model.altered"}
    file.path.unlink()
    assert states_of({"models": models.require}) == {"models": "model.not_installed"}


def test_the_models_of_the_real_store_that_are_there_are_whole():
    store = ModelStore()
    there = [one.id for one in store.registry.select(None) if store.installed(one.id)]
    HashedModels(store, tuple(there[:2])).require()
