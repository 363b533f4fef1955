"""The card and the reader share no protocol code: a mistake in common would never show."""

import ast

import pytest

READERS_OWN = (
    "access_key",
    "apdu",
    "bac",
    "chip_auth",
    "ciphers",
    "domain_parameters",
    "pace",
    "pace_mapping",
    "program",
    "reader",
    "secure_messaging",
)


def imported_by(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


@pytest.fixture(scope="module")
def chip(repository_root):
    return repository_root / "ekyc" / "chip"


def test_the_card_imports_nothing_of_the_readers_protocols(chip):
    forbidden = {f"ekyc.chip.{name}" for name in READERS_OWN}
    found = {
        (path.name, module)
        for path in (chip / "sim").glob("*.py")
        for module in imported_by(path)
        if module in forbidden
    }
    assert not found


def test_the_reader_imports_nothing_of_the_card(chip):
    found = {
        (path.name, module)
        for path in chip.glob("*.py")
        for module in imported_by(path)
        if module and module.startswith("ekyc.chip.sim")
    }
    assert not found


def test_the_names_of_the_readers_modules_are_right(chip):
    assert all((chip / f"{name}.py").is_file() for name in READERS_OWN)
