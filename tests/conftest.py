"""Fixtures that every folder shares. Each says aloud why it skips."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile(
    "default", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("EKYC_HYPOTHESIS", "default"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, whatever order they were shuffled into: run side by side, the short ones then fill the end."""
    items.sort(key=lambda item: item.path.parent.name != "system")


@pytest.fixture(scope="session")
def repository_root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real material that stays outside the project."""
    folder = Path(os.environ.get("EKYC_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real test material beside the project ({folder.name} is absent)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _migrated_once():
    import migrated_once

    with pytest.MonkeyPatch.context() as patch:
        migrated_once.install(patch)
        yield


@pytest.fixture(scope="session")
def models():
    """An engine over the installed models."""
    from ekyc.errors import ModelError
    from ekyc.inference import Engine

    try:
        engine = Engine.open()
        engine.model("yunet-2023mar")
    except ModelError as error:
        pytest.skip(f"models are not installed (run `ekyc models install`): {error.code}")
    with engine:
        yield engine


@pytest.fixture(scope="session")
def postgresql_server():
    """URL of a database on a real server, as ``EKYC_TEST_DATABASE`` names it or else started here."""
    import postgres_server

    given = os.environ.get("EKYC_TEST_DATABASE")
    if given:
        yield given
        return
    with postgres_server.server() as url:
        yield url


@pytest.fixture
def postgresql(postgresql_server):
    """URL of a new and empty database of that server, gone afterwards."""
    import postgres_server

    with postgres_server.database(postgresql_server) as url:
        yield url


@pytest.fixture(scope="session")
def validate_against(repository_root):
    """``validate_against("ekyc.verify.1", obj)``: valid by docs/schemas, and without undescribed members."""
    from jsonschema import Draft202012Validator, FormatChecker
    from referencing import Registry, Resource

    folder = repository_root / "docs" / "schemas"
    documents = {
        path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")
    }
    registry = Registry().with_resources(
        (name, Resource.from_contents(document)) for name, document in documents.items()
    )

    def validate(schema_name, obj):
        document = documents[f"{schema_name}.schema.json"]
        Draft202012Validator(document, registry=registry, format_checker=FormatChecker()).validate(
            obj
        )
        described = document.get("properties", {}) | document.get("else", {}).get("properties", {})
        if obj.get("outcome") != "ERROR":
            assert set(obj) <= set(described), "docs/schemas does not describe these members"

    return validate
