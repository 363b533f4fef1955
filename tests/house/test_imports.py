"""Imports: cheap at the top, downwards only, and public names by hand."""

from __future__ import annotations

import ast
import importlib
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

TOPS = ("ekyc", "ocr", "liveness", "signing", "api", "benchmarks")
HEAVY = {
    "alembic",
    "cv2",
    "fastapi",
    "numpy",
    "onnx",
    "onnxruntime",
    "PIL",
    "pyhanko",
    "sqlalchemy",
}


def modules_after(statement):
    code = f"{statement}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "statement", ["import ekyc", "import ekyc.testing", "import ekyc.cli.__main__"]
)
def test_the_entrances_load_nothing_heavy(statement):
    assert modules_after(statement) & HEAVY == set()


def test_inspecting_a_chip_needs_no_pictures_models_or_database():
    heavy = HEAVY & modules_after("import ekyc.chip, ekyc.mrz, ekyc.policy")

    assert heavy == set()


def public_packages():
    root = Path(__file__).resolve().parents[2]
    table = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    private = ("ekyc.data", "ekyc.ocr.data", "ekyc.cli", "ekyc.storage.migrations")
    return [
        name for name in table["tool"]["setuptools"]["packages"] if not name.startswith(private)
    ]


@pytest.mark.parametrize("name", public_packages())
def test_what_a_package_declares_is_what_it_exports(name):
    package = importlib.import_module(name)
    declared = getattr(package, "__all__", [])
    tree = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ekyc")
        for alias in node.names
    }

    assert len(declared) == len(set(declared))
    assert all(hasattr(package, public) for public in declared)
    assert imported <= set(declared)
    assert package.__doc__
    assert len(package.__doc__) > 10


def lint_imports(folder):
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "NO_COLOR": "1"},
    )


@pytest.fixture(scope="module")
def copied_tree(repository_root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree")
    ignore = shutil.ignore_patterns("__pycache__")
    for top in TOPS:
        shutil.copytree(repository_root / top, folder / top, symlinks=True, ignore=ignore)
    shutil.copy(repository_root / "pyproject.toml", folder)
    return folder


def test_imports_run_downwards(copied_tree):
    done = lint_imports(copied_tree)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "statement", "contract"),
    [
        ("ekyc/errors.py", "import ekyc.policy", "imports run downwards"),
        ("ekyc/chip/__init__.py", "import ekyc.inference", "imports run downwards"),
        ("ocr/__init__.py", "import ekyc.signing", "imports run downwards"),
        (
            "signing/__init__.py",
            "import fastapi",
            "only the API imports the web framework and the figures of Prometheus",
        ),
        ("ekyc/flows/__init__.py", "import dbos", "only ekyc.workflow imports DBOS"),
        ("ocr/__init__.py", "import cv2", "only ekyc.imaging imports cv2 and PIL"),
        ("ekyc/flows/__init__.py", "import sqlalchemy", "only ekyc.storage imports SQLAlchemy"),
        ("ekyc/policy.py", "import numpy", "pure rooms stay pure"),
        ("api/__init__.py", "import ekyc.testing", "no product module uses the test fakes"),
    ],
)
def test_a_planted_breach_is_caught(copied_tree, file, statement, contract):
    path = copied_tree / file
    sound = path.read_text(encoding="utf-8")
    path.write_text(f"{sound}\n{statement}\n", encoding="utf-8")
    try:
        done = lint_imports(copied_tree)
    finally:
        path.write_text(sound, encoding="utf-8")

    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout


def test_a_new_room_must_be_placed(copied_tree):
    room = copied_tree / "ekyc" / "attic"
    room.mkdir()
    (room / "__init__.py").write_text('"""Not placed."""\n', encoding="utf-8")
    try:
        assert lint_imports(copied_tree).returncode == 1
    finally:
        shutil.rmtree(room)
