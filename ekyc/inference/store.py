"""The model store: a folder that holds each pinned file, the graph made from it, and a manifest.

::

    <root>/<id>/<stamp>/published.<ext>    bytes as published, SHA-256 as in the registry
    <root>/<id>/<stamp>/model.onnx         after the recipe; absent where nothing is transformed
    <root>/<id>/<stamp>/manifest.json      hashes, recipe with versions, parity measured at installation

``<stamp>`` names the published hash and the recipe, so a newer release of this package never changes a file under a
running process. A version is written beside its place and moved there in one rename: it is whole or absent.
Bundled files, our own nets, lie in the package and are used there; only their hash is checked.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import platformdirs

import ekyc
from ekyc.errors import EkycError, ModelError
from ekyc.files import PUBLIC, create_file, sync_folder
from ekyc.inference.registry import ModelRegistry, RegistryEntry, default_registry
from ekyc.inference.transforms import recipe, recipe_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ekyc.inference.fetch import Fetcher
    from ekyc.inference.parity import ParityRecord

ROOT_VARIABLE = "EKYC_MODELS"
_MANIFEST = "manifest.json"
_BUILDING = ".building-"
_STALE_S = 3600.0
"""Age at which a half-built version is taken to be left over from a killed installation."""
_MANIFEST_SCHEMA = "ekyc.model-manifest/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A version of a file that is in the store."""

    id: str
    path: Path
    """The file to use: transformed where there is a recipe, else as published."""
    sha256: str
    """Of ``path``."""
    published: Path
    published_sha256: str
    parity: tuple[dict[str, Any], ...]
    """What the installation measured, one record per check; nothing for a bundled file, which nobody transforms."""

    def read(self) -> bytes:
        """Content of ``path``.

        Raises:
            ModelError: ``model.altered`` when the file is missing or its hash does not hold.
        """
        return _read_hashed(self.path, self.sha256, subject=self.id)


class ModelStore:
    """Installed models and assets under one root folder."""

    def __init__(self, root: Path | None = None, *, registry: ModelRegistry | None = None) -> None:
        self.root = root if root is not None else default_root()
        self.registry = registry if registry is not None else default_registry()

    def installed(self, entry_id: str) -> Installed | None:
        """What is installed of this entry, or None. Reads the manifest and hashes nothing."""
        entry = self.registry[entry_id]
        if entry.source.registry == "bundled":
            return _bundled(entry)
        folder = self._folder(entry)
        try:
            manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            raise ModelError(
                "manifest is unreadable; install again", code="model.altered", subject=entry.id
            ) from exc
        return _from_manifest(entry, folder, manifest)

    def require(self, entry_id: str) -> Installed:
        """What is installed of this entry.

        Raises:
            ModelError: ``model.not_installed`` or ``model.altered``.
        """
        found = self.installed(entry_id)
        if found is None:
            bundled = self.registry[entry_id].source.registry == "bundled"
            raise ModelError(
                "is missing from this package; install the package again"
                if bundled
                else f"is not installed in {self.root}; run: ekyc models install",
                code="model.not_installed",
                subject=entry_id,
            )
        return found

    def asset_path(self, entry_id: str) -> Path:
        """Path of an installed file, its hash checked.

        Raises:
            ModelError: ``model.not_installed`` or ``model.altered``.
        """
        found = self.require(entry_id)
        found.read()
        return found.path

    def verify(self, entry_id: str) -> Installed:
        """Hash both files again.

        Raises:
            ModelError: ``model.not_installed`` or ``model.altered``.
        """
        found = self.require(entry_id)
        found.read()
        _read_hashed(found.published, self.registry[entry_id].sha256, subject=entry_id)
        return found

    def install(
        self,
        fetcher: Fetcher,
        ids: Iterable[str] | None = None,
        *,
        progress: Callable[[RegistryEntry, str], None] = lambda _entry, _step: None,
    ) -> Iterator[Installed]:
        """Install what is missing or altered, one by one; what is whole is left alone and needs no fetcher.

        An entry that fails does not keep the others from being installed; the first failure is raised at the end.
        ``progress`` is called with each entry and ``"fetch" | "transform" | "ready" | "failed"``.

        Raises:
            ModelError: unknown id, wrong hash, failed transform or parity, ``model.store_unwritable``.
            UpstreamError: download failed.
            InputError: an archive is damaged or passes a bound.
        """
        failure: EkycError | None = None
        for entry in self.registry.select(ids):
            try:
                self._make_whole(entry, fetcher, progress)
            except EkycError as exc:
                failure = failure or exc
                progress(entry, "failed")
            else:
                progress(entry, "ready")
                yield self.require(entry.id)
        if failure is not None:
            raise failure

    def _make_whole(
        self, entry: RegistryEntry, fetcher: Fetcher, progress: Callable[[RegistryEntry, str], None]
    ) -> None:
        if self._is_whole(entry):
            return
        if entry.source.registry == "bundled":
            self.verify(entry.id)  # says what is wrong with it; there is nowhere to fetch it from
        progress(entry, "fetch")
        published = fetcher.fetch(entry)
        _assert_hash(published, entry.sha256, subject=entry.id)
        progress(entry, "transform")
        self._write(entry, published)

    def _is_whole(self, entry: RegistryEntry) -> bool:
        try:
            self.verify(entry.id)
        except ModelError:
            return False
        return True

    def _folder(self, entry: RegistryEntry) -> Path:
        stamp = f"{entry.sha256} {recipe_stamp(entry.transforms)}"
        return self.root / entry.id / hashlib.sha256(stamp.encode()).hexdigest()[:16]

    def _write(self, entry: RegistryEntry, published: bytes) -> None:
        try:
            self._build_in_place(entry, published)
        except OSError as exc:
            raise ModelError(
                f"cannot be written: {exc.strerror}",
                code="model.store_unwritable",
                subject=str(self.root),
            ) from exc

    def _build_in_place(self, entry: RegistryEntry, published: bytes) -> None:
        """Build the version in a folder beside its place, then move it there."""
        place = self._folder(entry)
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place.parent)
        # Not mkdtemp: others, such as the service's own user, must be able to read what is installed.
        building = place.parent / f"{_BUILDING}{uuid4().hex}"
        building.mkdir()
        try:
            _build(entry, published, building)
            self._move_into_place(entry, building, place)
        finally:
            shutil.rmtree(building, ignore_errors=True)

    def _move_into_place(self, entry: RegistryEntry, building: Path, place: Path) -> None:
        """Put the built version in its place by one rename.

        An altered version is moved out of the way first. A whole one, put there by another installer meanwhile, is
        kept: it has the same content.
        """
        if place.exists():
            if self._is_whole(entry):
                return
            discarded = building.with_name(f"{building.name}-altered")
            place.replace(discarded)
            shutil.rmtree(discarded, ignore_errors=True)
        try:
            building.replace(place)
        except OSError:
            # Another installer was faster between the two lines above.
            if not self._is_whole(entry):
                raise
        sync_folder(place.parent)


def _sweep(folder: Path) -> None:
    """Remove what killed installations left behind."""
    now = time.time()
    for leftover in folder.glob(f"{_BUILDING}*"):
        try:
            stale = now - leftover.stat().st_mtime > _STALE_S
        except FileNotFoundError:  # its owner has just finished
            continue
        if stale:
            shutil.rmtree(leftover, ignore_errors=True)


def default_root() -> Path:
    """``$EKYC_MODELS``, or ``models`` in the user's cache folder of this package."""
    named = os.environ.get(ROOT_VARIABLE)
    return Path(named) if named else platformdirs.user_cache_path("ekyc") / "models"


def _bundled(entry: RegistryEntry) -> Installed | None:
    """A file of this package itself, used where it lies."""
    path = Path(ekyc.__file__).parents[1] / entry.source.path
    if not path.is_file():
        return None
    return Installed(
        id=entry.id,
        path=path,
        sha256=entry.sha256,
        published=path,
        published_sha256=entry.sha256,
        parity=(),
    )


def _build(entry: RegistryEntry, published: bytes, folder: Path) -> None:
    extension = Path(entry.file_name).suffix or ".bin"
    published_name = f"published{extension}"
    create_file(folder / published_name, published, mode=PUBLIC)
    used_name, used = published_name, published
    parity: list[ParityRecord] = []
    if entry.kind == "model":
        from ekyc.inference import parity as judge  # noqa: PLC0415 -- onnx only while installing

        used, parity = judge.build_and_check(entry, published, recipe(entry.transforms))
        if entry.transforms:
            used_name = "model.onnx"
            create_file(folder / used_name, used, mode=PUBLIC)
    manifest = {
        "schema": _MANIFEST_SCHEMA,
        "id": entry.id,
        "package": entry.source.requirement,
        "published": {"file": published_name, "sha256": entry.sha256},
        "used": {"file": used_name, "sha256": hashlib.sha256(used).hexdigest()},
        "recipe": recipe_stamp(entry.transforms),
        "parity": [asdict(record) for record in parity],
    }
    create_file(folder / _MANIFEST, json.dumps(manifest, indent=2).encode(), mode=PUBLIC)


def _from_manifest(entry: RegistryEntry, folder: Path, manifest: Any) -> Installed:
    try:
        used, published = (
            folder / Path(manifest[part]["file"]).name for part in ("used", "published")
        )
        return Installed(
            id=entry.id,
            path=used,
            # The registry pins published bytes; what was made of them is known to the manifest alone.
            sha256=entry.sha256 if used == published else str(manifest["used"]["sha256"]),
            published=published,
            published_sha256=entry.sha256,
            parity=tuple(manifest["parity"]),
        )
    except (KeyError, TypeError) as exc:
        raise ModelError(
            "manifest is malformed; install again", code="model.altered", subject=entry.id
        ) from exc


def _read_hashed(path: Path, expected: str, *, subject: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise ModelError(
            "a file is missing or unreadable; install again", code="model.altered", subject=subject
        ) from exc
    _assert_hash(content, expected, subject=subject)
    return content


def _assert_hash(content: bytes, expected: str, *, subject: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ModelError(
            f"SHA-256 is {found}, expected {expected}", code="model.altered", subject=subject
        )
