"""What is packed: every package, every data file, and the five links that show the tree as it ships."""

from __future__ import annotations

import fnmatch
import subprocess
import tomllib
from pathlib import Path, PurePosixPath

import pytest

LINKS = ("api", "benchmarks", "liveness", "ocr", "signing")


@pytest.fixture(scope="module")
def setuptools_table(repository_root):
    text = (repository_root / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["tool"]["setuptools"]


def package_folders(root, mapping):
    """Dotted name → folder, for every folder of ours that holds an ``__init__.py``."""
    found = {}
    for dotted, top in mapping.items():
        for init in (root / top).rglob("__init__.py"):
            inner = init.parent.relative_to(root / top)
            through_link = dotted == "ekyc" and inner.parts[:1] and inner.parts[0] in LINKS
            if not through_link:
                found[".".join((dotted, *inner.parts))] = init.parent
    return found


def test_every_package_is_listed_and_every_listed_one_exists(repository_root, setuptools_table):
    found = package_folders(repository_root, setuptools_table["package-dir"])

    assert sorted(setuptools_table["packages"]) == sorted(found)


def test_every_folder_with_code_or_data_is_a_package(repository_root, setuptools_table):
    folders = set(package_folders(repository_root, setuptools_table["package-dir"]).values())
    for top in ("ekyc", *LINKS):
        for path in (repository_root / top).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert path.parent in folders or _unshipped(path, repository_root), path


def _unshipped(path, root):
    """Folders that stay behind on purpose: notes of the benchmarks, training of the recogniser."""
    return path.relative_to(root).parts[:2] in {("benchmarks", "reports"), ("ocr", "training")}


def test_every_data_file_is_packed(repository_root, setuptools_table):
    patterns = setuptools_table["package-data"]
    folders = package_folders(repository_root, setuptools_table["package-dir"])

    left_out = [
        file.relative_to(repository_root).as_posix()
        for dotted, folder in folders.items()
        for file in folder.iterdir()
        if file.is_file()
        and file.suffix not in {".py", ".pyc", ".md"}
        and not any(fnmatch.fnmatch(file.name, pattern) for pattern in patterns.get(dotted, []))
    ]

    assert left_out == []


def test_every_data_pattern_packs_something(repository_root, setuptools_table):
    folders = package_folders(repository_root, setuptools_table["package-dir"])

    for dotted, patterns in setuptools_table["package-data"].items():
        assert dotted in folders
        assert any(list(folders[dotted].glob(pattern)) for pattern in patterns), dotted


@pytest.mark.parametrize("name", LINKS)
def test_the_link_shows_the_real_folder(repository_root, name):
    link = repository_root / "ekyc" / name
    if not link.is_symlink():
        pytest.skip("this checkout has no symbolic links")

    assert PurePosixPath(link.readlink().as_posix()) == PurePosixPath("..", name)
    assert link.resolve() == (repository_root / name).resolve()
    assert (link / "__init__.py").is_file()


def test_the_links_are_committed_as_links(repository_root):
    if not (repository_root / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-s", *(f"ekyc/{name}" for name in LINKS)],
        cwd=repository_root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert {line.split("\t")[1]: line.split()[0] for line in listed} == {
        f"ekyc/{name}": "120000" for name in LINKS
    }


def test_licence_and_notice_travel_with_the_package(repository_root):
    text = (repository_root / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]

    assert project["license"] == "Apache-2.0"
    licence = (repository_root / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    for name in project["license-files"]:
        assert (repository_root / name).is_file()


def test_fonts_in_notice_have_the_hashes_that_it_states(repository_root):
    import hashlib

    notice = (repository_root / "NOTICE").read_text(encoding="utf-8")
    for font in Path(repository_root, "ekyc/data/fonts").glob("*.ttf"):
        assert hashlib.sha256(font.read_bytes()).hexdigest() in notice, font.name
