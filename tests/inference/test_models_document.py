"""The tables of docs/models.md say what the registry says."""

from __future__ import annotations

import pytest

from ekyc.inference import default_registry

REGISTRY_NAMES = {"pypi": "PyPI", "npm": "npm", "bundled": "bundled"}


@pytest.fixture(scope="module")
def rows(repository_root):
    text = (repository_root / "docs" / "models.md").read_text(encoding="utf-8")
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    return {
        width: {row[0].strip("`"): row for row in cells if len(row) == width} for width in (3, 6)
    }


def test_every_entry_has_its_row(rows):
    assert list(rows[6]) == list(default_registry())


@pytest.mark.parametrize("entry", default_registry().values(), ids=lambda entry: entry.id)
def test_the_row_says_what_the_registry_says(rows, entry):
    _id, package, path, size, licence, training = rows[6][entry.id]
    source = entry.source
    assert package == f"{REGISTRY_NAMES[source.registry]} {source.package} {source.version}"
    assert path == f"`{source.path}`"
    assert int(size) == entry.size
    assert licence == entry.licence_weights
    assert training.replace("**", "") == entry.training_data
    assert ("**undisclosed**" in training) is not entry.disclosed


@pytest.mark.parametrize(
    "entry",
    [entry for entry in default_registry().values() if entry.kind == "model"],
    ids=lambda entry: entry.id,
)
def test_the_steps_are_those_of_the_recipe(rows, entry):
    steps = tuple(step.strip("` ") for step in rows[3][entry.id][1].split(","))
    assert steps == (entry.transforms or ("none",))


def test_the_download_commands_name_every_pinned_package(repository_root):
    text = (repository_root / "docs" / "models.md").read_text(encoding="utf-8")
    for entry in default_registry().values():
        assert entry.source.requirement in text
