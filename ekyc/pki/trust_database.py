"""The operator's trust folder: every imported file as it came, why it is here, and an index that opens in milliseconds.

::

    trust/
    ├── sources.json     what was imported, when, and what was removed by hand
    ├── files/<sha256>   the files themselves, unaltered
    ├── index            cache, made anew whenever it does not fit sources.json
    └── lock

Who may write here decides whom to trust; the folder is made readable by its owner alone. The index saves parsing, not
trust: it names no anchor that the files do not.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from ekyc.errors import InputError
from ekyc.files import replace_file
from ekyc.pki.anchors import SourceKind
from ekyc.pki.trust_assembly import Assembly, assemble, refuse_lonely_lists
from ekyc.pki.trust_files import (
    MAX_REFUSALS,
    Refusal,
    TrustFile,
    parse_trust_file,
    read_bounded,
    read_trust_file,
)
from ekyc.pki.trust_index import TrustIndex, decode_index, encode_index
from ekyc.pki.trust_manifest import MANIFEST_NAME, Manifest, RemovedAnchor, Source
from ekyc.values import Sha256Hex

FOLDER_NAME: Final = "trust"
_FILES: Final = "files"
_INDEX: Final = "index"
_LOCK: Final = "lock"
_MIN_PREFIX: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What the import of one file brought."""

    source: Source
    already_there: bool
    """The very same file had been imported before; nothing changed."""
    anchors: int
    """Certificates in the file, removed ones left out, each counted once."""
    new_anchors: int
    crls: int
    deviation_lists: int
    signers: int
    """Document signers of a directory."""
    refused: int
    refusals: tuple[Refusal, ...]
    """At most a hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What a removal took out."""

    what: str
    """``anchor`` or ``source``."""
    sha256: Sha256Hex
    name: str
    """Name of the file, or country and common name of the certificate."""
    anchors_left: int


class TrustDatabase:
    """A trust folder on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def open(cls, folder: Path) -> Self:
        """A folder that was made by an import.

        Raises:
            InputError: ``trust.not_a_trust_folder``.
        """
        if not (folder / MANIFEST_NAME).is_file():
            raise InputError(
                "no trust folder; make one with `ekyc trust import`",
                code="trust.not_a_trust_folder",
                subject=folder.name,
            )
        return cls(folder)

    @classmethod
    def create(cls, folder: Path) -> Self:
        """The folder, made where it is missing.

        Raises:
            InputError: ``trust.folder_unwritable``; ``trust.not_a_trust_folder``: other files are in it.
        """
        database = cls(folder)
        if (folder / MANIFEST_NAME).is_file():
            return database
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(
                "the folder holds other files", code="trust.not_a_trust_folder", subject=folder.name
            )
        with _writable(folder):
            (folder / _FILES).mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
            replace_file(folder / MANIFEST_NAME, Manifest().encode())
        return database

    @property
    def sources(self) -> tuple[Source, ...]:
        return self._manifest()[0].sources

    @property
    def removed(self) -> tuple[RemovedAnchor, ...]:
        return self._manifest()[0].removed

    def index(self) -> TrustIndex:
        """What the folder amounts to, from its index; the index is made anew where it does not fit.

        Raises:
            InputError: a file is missing or altered (``trust.folder_damaged``).
        """
        manifest, encoded = self._manifest()
        with suppress(OSError):
            found = decode_index((self.folder / _INDEX).read_bytes(), manifest=encoded)
            if found:
                return found
        made = encode_index(self._assemble(manifest), manifest=encoded)
        with suppress(OSError):  # a service may run without the right to write here
            replace_file(self.folder / _INDEX, made)
        found = decode_index(made, manifest=encoded)
        assert found is not None  # just made
        return found

    def import_files(self, paths: Sequence[Path], *, at: datetime) -> tuple[Imported, ...]:
        """Import files, all or none.

        A revocation list or deviation list that is a file of its own must have its authority in the folder or among
        ``paths``; inside an LDIF one without is left out and named.

        Raises:
            InputError: a file cannot be read or is of no known kind.
            TrustError: a signature does not verify, or no anchor stands behind a list.
        """
        with self._locked():
            manifest, _ = self._manifest()
            moment = at.astimezone(UTC).replace(microsecond=0)
            given = [read_trust_file(path, added_at=moment) for path in paths]
            known = {source.sha256 for source in manifest.sources}
            fresh = {file.sha256: file for file in given if file.sha256 not in known}
            wanted = _certificates_given(given)
            present = {entry.fingerprint for entry in self.index().entries}
            changed = Manifest(
                sources=(*manifest.sources, *(_source(file, moment) for file in fresh.values())),
                removed=tuple(item for item in manifest.removed if item.sha256 not in wanted),
            )
            assembly = assemble(
                [*self._files(manifest), *fresh.values()],
                removed=changed.removed_fingerprints,
            )
            refuse_lonely_lists(fresh.values(), assembly)
            with _writable(self.folder):
                for file in fresh.values():
                    replace_file(self._path(file.sha256), file.data)
                self._write(changed, assembly)
        return tuple(
            _imported(file, file.sha256 in known, present, changed, assembly) for file in given
        )

    def remove(self, fingerprint: str, *, at: datetime) -> Removed:
        """Take out an anchor, or a file with everything that only it brought.

        Args:
            fingerprint: SHA-256 in hexadecimal of a certificate or of a file; at least its first eight digits.
            at: now.

        Raises:
            InputError: ``trust.not_found``, ``trust.ambiguous``.
        """
        with self._locked():
            manifest, _ = self._manifest()
            what, sha256, name = self._one(fingerprint.lower().replace(":", ""), manifest)
            removed_at = at.astimezone(UTC).isoformat(timespec="seconds")
            if what == "anchor":
                gone = RemovedAnchor(sha256=sha256, removed_at=removed_at)
                changed = Manifest(sources=manifest.sources, removed=(*manifest.removed, gone))
            else:
                sources = tuple(s for s in manifest.sources if s.sha256 != sha256)
                changed = Manifest(sources=sources, removed=manifest.removed)
            assembly = self._assemble(changed)
            with _writable(self.folder):
                self._write(changed, assembly)
                if what == "source":
                    self._path(sha256).unlink(missing_ok=True)
        return Removed(what=what, sha256=sha256, name=name, anchors_left=len(assembly.anchors))

    def _one(self, prefix: str, manifest: Manifest) -> tuple[str, Sha256Hex, str]:
        """What a removal names. The file of one DER certificate has its fingerprint: then the anchor is meant."""
        sources = {source.sha256: source for source in manifest.sources}
        anchors = {entry.fingerprint: entry for entry in self.index().entries}
        found = [sha256 for sha256 in sources | anchors if sha256.startswith(prefix)]
        if not found or len(prefix) < _MIN_PREFIX:
            raise InputError(
                "no anchor and no imported file has this SHA-256", code="trust.not_found"
            )
        if len(found) > 1:
            raise InputError("several things begin like this", code="trust.ambiguous")
        entry = anchors.get(found[0])
        if entry is None:
            return "source", found[0], sources[found[0]].name
        subject = entry.anchor.certificate.subject
        return "anchor", found[0], f"{subject.country}, {subject.common_name}"

    def _manifest(self) -> tuple[Manifest, bytes]:
        try:
            encoded = (self.folder / MANIFEST_NAME).read_bytes()
        except OSError as exc:
            raise InputError(
                "the list of sources cannot be read",
                code="trust.folder_damaged",
                subject=MANIFEST_NAME,
            ) from exc
        return Manifest.decode(encoded), encoded

    def _files(self, manifest: Manifest) -> list[TrustFile]:
        """The imported files as they came, each held against its digest."""
        files = []
        for source in manifest.sources:
            data = read_bounded(self._path(source.sha256))
            if hashlib.sha256(data).hexdigest() != source.sha256:
                raise InputError(
                    "an imported file was altered", code="trust.folder_damaged", subject=source.name
                )
            moment = datetime.fromisoformat(source.added_at)
            files.append(parse_trust_file(data, name=source.name, added_at=moment))
        return files

    def _assemble(self, manifest: Manifest) -> Assembly:
        return assemble(self._files(manifest), removed=manifest.removed_fingerprints)

    def _write(self, manifest: Manifest, assembly: Assembly) -> None:
        encoded = manifest.encode()
        replace_file(self.folder / MANIFEST_NAME, encoded)
        replace_file(self.folder / _INDEX, encode_index(assembly, manifest=encoded))

    def _path(self, sha256: Sha256Hex) -> Path:
        return self.folder / _FILES / sha256

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with _writable(self.folder):
            lock = os.open(self.folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _certificates_given(files: Iterable[TrustFile]) -> frozenset[Sha256Hex]:
    """Certificates that the operator gives as such, which overrules an earlier removal."""
    return frozenset(
        certificate.fingerprint
        for file in files
        if file.found.kind is SourceKind.CERTIFICATES
        for certificate, _ in file.found.certificates
    )


def _source(file: TrustFile, moment: datetime) -> Source:
    return Source(
        name=file.name,
        kind=file.found.kind,
        sha256=file.sha256,
        size_bytes=len(file.data),
        added_at=moment.isoformat(timespec="seconds"),
    )


def _imported(
    file: TrustFile,
    already_there: bool,
    present: set[Sha256Hex],
    manifest: Manifest,
    assembly: Assembly,
) -> Imported:
    """What the file brought; adds its anchors to those that are ``present`` for the next one."""
    found = file.found
    anchors = {certificate.fingerprint for certificate, _ in found.certificates}
    anchors -= manifest.removed_fingerprints
    fresh = anchors - present
    present |= anchors
    lonely = tuple(refusal for sha256, refusal in assembly.refusals if sha256 == file.sha256)
    return Imported(
        source=next(source for source in manifest.sources if source.sha256 == file.sha256),
        already_there=already_there,
        anchors=len(anchors),
        new_anchors=len(fresh),
        crls=len(found.crls),
        deviation_lists=len(found.deviation_lists),
        signers=len(found.signers),
        refused=found.refused + len(lonely),
        refusals=(*found.refusals, *lonely)[:MAX_REFUSALS],
    )


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise InputError(
            "the trust folder cannot be written",
            code="trust.folder_unwritable",
            subject=folder.name,
        ) from exc
