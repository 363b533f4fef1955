from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import ekyc
from ekyc.errors import ModelError
from ekyc.inference import ModelStore
from ekyc.inference.store import default_root

STEPS = ("free_batch", "rewrite_prelu")


@pytest.fixture
def model(kit):
    return kit.published(kit.tiny.prelu(), item=(3, 8, 8), transforms=STEPS)


@pytest.fixture
def asset(kit):
    return kit.published(b"a picture", entry_id="asset", kind="asset", path="tiny/p.png")


@pytest.fixture
def store(kit, tmp_path, model, asset):
    return kit.store(tmp_path / "store", model.entry, asset.entry)


def install(store, fetcher, ids=None):
    return list(store.install(fetcher, ids))


def files_under(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_installs_the_published_file_the_graph_and_a_manifest(store, memory_fetcher, model, asset):
    done = install(store, memory_fetcher(model, asset))
    assert [item.id for item in done] == ["tiny", "asset"]
    assert {path.name for path in done[0].path.parent.iterdir()} == {
        "published.onnx",
        "model.onnx",
        "manifest.json",
    }
    assert done[0].published.read_bytes() == model.content
    assert done[0].published_sha256 == model.entry.sha256
    assert done[0].sha256 != model.entry.sha256
    assert [record["difference"] <= record["tolerance"] for record in done[0].parity] == [True] * 2


def test_what_needs_no_transform_is_used_as_published(store, memory_fetcher, asset):
    (done,) = install(store, memory_fetcher(asset), ["asset"])
    assert done.path == done.published
    assert store.asset_path("asset").read_bytes() == b"a picture"


def test_a_second_installation_asks_for_nothing(store, memory_fetcher, model, asset):
    install(store, memory_fetcher(model, asset))
    again = memory_fetcher()
    assert len(install(store, again)) == 2
    assert again.asked == []


def test_progress_tells_each_step(store, memory_fetcher, asset):
    told = []
    list(
        store.install(
            memory_fetcher(asset), ["asset"], progress=lambda e, step: told.append((e.id, step))
        )
    )
    assert told == [("asset", "fetch"), ("asset", "transform"), ("asset", "ready")]


@pytest.mark.parametrize("content", [b"", b"a Picture", b"a picture!"])
def test_a_wrong_hash_installs_nothing(store, memory_fetcher, asset, content):
    asset.content = content
    with pytest.raises(ModelError, match="SHA-256") as caught:
        install(store, memory_fetcher(asset), ["asset"])
    assert caught.value.code == "model.altered"
    assert caught.value.subject == "asset"
    assert files_under(store.root) == []


def test_a_failure_keeps_nobody_else_from_being_installed(store, memory_fetcher, model, asset):
    model.content = b"not what is pinned"
    told = []
    installing = store.install(
        memory_fetcher(model, asset), progress=lambda entry, step: told.append((entry.id, step))
    )
    assert next(installing).id == "asset"
    with pytest.raises(ModelError) as caught:
        next(installing)
    assert caught.value.subject == "tiny"
    assert ("tiny", "failed") in told


def test_a_failing_transform_installs_nothing(kit, tmp_path, memory_fetcher):
    file = kit.published(b"no graph", item=(3, 8, 8), transforms=STEPS)
    store = kit.store(tmp_path, file.entry)
    with pytest.raises(ModelError) as caught:
        install(store, memory_fetcher(file))
    assert caught.value.code == "model.unreadable"
    assert files_under(tmp_path) == []


def test_an_interruption_leaves_what_was_finished_and_nothing_half(store, model, asset):
    class Interrupted:
        def fetch(self, entry):
            if entry.id == "asset":
                raise KeyboardInterrupt
            return model.content

    with pytest.raises(KeyboardInterrupt):
        install(store, Interrupted())
    assert store.verify("tiny")
    assert store.installed("asset") is None


def test_remains_of_a_killed_installation_are_swept(store, memory_fetcher, asset):
    old, young = (store.root / "asset" / f".building-{age}" for age in ("old", "young"))
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "published.png").write_bytes(b"half")
    os.utime(old, (1, 1))
    install(store, memory_fetcher(asset), ["asset"])
    assert not old.exists()
    assert young.exists()  # somebody may be at work there


@pytest.mark.parametrize("name", ["model.onnx", "published.onnx"])
@pytest.mark.parametrize("change", ["altered", "truncated", "missing"])
def test_an_altered_file_is_found_and_installed_again(store, memory_fetcher, model, name, change):
    (done,) = install(store, memory_fetcher(model), ["tiny"])
    victim = done.path.with_name(name)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    if change == "missing":
        victim.unlink()
    else:
        victim.write_bytes(content if change == "altered" else content[:-1])
    with pytest.raises(ModelError) as caught:
        store.verify("tiny")
    assert caught.value.code == "model.altered"
    fetcher = memory_fetcher(model)
    install(store, fetcher, ["tiny"])
    assert fetcher.asked == ["tiny"]
    assert store.verify("tiny")
    assert not list(store.root.glob("*/.*"))


def test_an_altered_graph_is_not_read(store, memory_fetcher, model):
    (done,) = install(store, memory_fetcher(model), ["tiny"])
    done.path.write_bytes(b"another graph")
    with pytest.raises(ModelError) as caught:
        done.read()
    assert caught.value.code == "model.altered"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"used": 1, "published": 2, "parity": []}', '{"used": {"file": "x"}}'],
)
def test_a_malformed_manifest_is_a_typed_error(store, memory_fetcher, asset, text):
    (done,) = install(store, memory_fetcher(asset), ["asset"])
    done.path.with_name("manifest.json").write_text(text)
    with pytest.raises(ModelError) as caught:
        store.require("asset")
    assert caught.value.code == "model.altered"


def test_a_manifest_reaches_no_file_outside_its_folder(store, memory_fetcher, asset, tmp_path):
    (done,) = install(store, memory_fetcher(asset), ["asset"])
    secret = tmp_path / "secret"
    secret.write_bytes(b"a picture")
    manifest = done.path.with_name("manifest.json")
    facts = json.loads(manifest.read_text())
    facts["used"]["file"] = "../../../secret"
    manifest.write_text(json.dumps(facts))
    assert store.require("asset").path.parent == done.path.parent
    with pytest.raises(ModelError):
        store.asset_path("asset")


def test_a_manifest_cannot_vouch_for_other_published_bytes(store, memory_fetcher, asset):
    (done,) = install(store, memory_fetcher(asset), ["asset"])
    done.path.write_bytes(b"another picture")
    manifest = done.path.with_name("manifest.json")
    facts = json.loads(manifest.read_text())
    for part in ("used", "published"):
        facts[part]["sha256"] = hashlib.sha256(b"another picture").hexdigest()
    manifest.write_text(json.dumps(facts))
    with pytest.raises(ModelError) as caught:
        store.asset_path("asset")
    assert caught.value.code == "model.altered"


def test_a_root_that_cannot_be_written_is_a_typed_error(kit, tmp_path, memory_fetcher, asset):
    (tmp_path / "file").write_bytes(b"")
    store = kit.store(tmp_path / "file" / "store", asset.entry)
    with pytest.raises(ModelError) as caught:
        install(store, memory_fetcher(asset))
    assert caught.value.code == "model.store_unwritable"


@pytest.mark.skipif(os.name != "posix", reason="permission bits are those of POSIX")
def test_what_one_user_installs_another_may_read(store, memory_fetcher, asset):
    (done,) = install(store, memory_fetcher(asset), ["asset"])
    usual = os.umask(0)
    os.umask(usual)
    assert done.path.parent.stat().st_mode & 0o777 == 0o777 & ~usual


def test_what_is_not_installed_says_how_to_install(store):
    with pytest.raises(ModelError, match="ekyc models install") as caught:
        store.require("tiny")
    assert caught.value.code == "model.not_installed"
    assert store.installed("tiny") is None


def test_another_recipe_is_another_version_beside_the_first(kit, store, memory_fetcher, model):
    (first,) = install(store, memory_fetcher(model), ["tiny"])
    shorter = model.entry.model_copy(update={"transforms": ("free_batch",)})
    newer = kit.store(store.root, shorter)
    assert newer.installed("tiny") is None
    (second,) = install(newer, memory_fetcher(model))
    assert first.path.exists()
    assert second.path != first.path


def test_threads_that_install_at_once_all_find_it_whole(store, memory_fetcher, model, asset):
    errors = []

    def work():
        try:
            install(store, memory_fetcher(model, asset))
            store.verify("tiny")
        except BaseException as exc:
            errors.append(exc)
            raise

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert not list(store.root.glob("*/.*"))


PROCESS = """
import sys
from pathlib import Path
from ekyc.inference import FolderFetcher, ModelRegistry, ModelStore, RegistryEntry
root, folder, text = sys.argv[1:]
entry = RegistryEntry.model_validate_json(text)
store = ModelStore(Path(root), registry=ModelRegistry([entry]))
list(store.install(FolderFetcher(Path(folder))))
store.verify(entry.id)
"""


def test_processes_that_install_at_once_all_find_it_whole(store, tmp_path, model):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "tiny.onnx").write_bytes(model.content)
    arguments = [str(store.root), str(folder), model.entry.model_dump_json()]
    running = [
        subprocess.Popen([sys.executable, "-c", PROCESS, *arguments], stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in running:
        _out, errors = process.communicate()
        assert process.returncode == 0, errors.decode()


def test_the_root_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("EKYC_MODELS", str(tmp_path))
    assert ModelStore().root == tmp_path
    monkeypatch.delenv("EKYC_MODELS")
    assert default_root().parts[-2:] == ("ekyc", "models")


def test_listing_loads_neither_onnx_nor_onnxruntime():
    code = (
        "import sys; from ekyc.inference import ModelStore; ModelStore().installed('sface-2021dec');"
        "assert not {'onnx', 'onnxruntime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def bundled(kit, path, content):
    return kit.published(content, kind="asset", registry="bundled", path=path)


def refuse_to_fetch(entry):
    raise AssertionError(f"{entry.id} was fetched")


class NoFetcher:
    fetch = staticmethod(refuse_to_fetch)


def test_a_bundled_file_is_used_where_it_lies_and_never_fetched(kit, tmp_path):
    content = (Path(ekyc.__file__).parent / "errors.py").read_bytes()
    entry = bundled(kit, "ekyc/errors.py", content).entry
    store = kit.store(tmp_path / "store", entry)
    (done,) = install(store, NoFetcher())
    assert done.path == done.published == Path(ekyc.__file__).parent / "errors.py"
    assert store.verify(entry.id).read() == content
    assert files_under(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "code"),
    [("ekyc/errors.py", "model.altered"), ("ekyc/no-such-file", "model.not_installed")],
)
def test_a_bundled_file_that_is_altered_or_gone_is_a_typed_error(kit, tmp_path, path, code):
    entry = bundled(kit, path, b"something else").entry
    store = kit.store(tmp_path / "store", entry)
    for attempt in (lambda: install(store, NoFetcher()), lambda: store.asset_path(entry.id)):
        with pytest.raises(ModelError) as caught:
            attempt()
        assert caught.value.code == code
