"""People and what is kept about them, in one hand: database, keys and blobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ekyc.storage import backup
from ekyc.storage.sealed import erasure, index_rotation, retention, rotation
from ekyc.storage.sealed.artefacts import ArtefactStore
from ekyc.storage.sealed.subjects import SubjectStore

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from ekyc.ports import BlobStore, Clock, KeyProvider, Random
    from ekyc.storage.evidence.log import EvidenceLog


class Vault:
    """What is personal and lasts. Opened by :meth:`ekyc.storage.Storage.vault`; safe across threads and processes.

    ::

        vault = storage.vault(FileKeyProvider(home / KEYS_NAME, random), FileBlobStore(home / BLOBS_NAME, random))
        person = vault.subjects.enrol("hanoi", "079185001234")
        kept = vault.artefacts.put("hanoi", person.id, "card-front", jpeg, retention="media")
        vault.erase_subject("hanoi", person.id)  # nothing of it can be read any more
    """

    def __init__(
        self,
        engine: Engine,
        *,
        log: EvidenceLog,
        keys: KeyProvider,
        blobs: BlobStore,
        clock: Clock,
        random: Random,
        subject: str,
    ) -> None:
        self._engine = engine
        self._log = log
        self._keys = keys
        self._blobs = blobs
        self._clock = clock
        self._random = random
        self._subject = subject
        self.subjects = SubjectStore(engine, keys=keys, clock=clock, random=random, subject=subject)
        self.artefacts = ArtefactStore(
            engine, people=self.subjects, blobs=blobs, clock=clock, random=random, subject=subject
        )

    def erase_subject(self, tenant: str, subject_id: str) -> erasure.Erasure:
        """Erase a person: :mod:`ekyc.storage.sealed.erasure`. Twice is once.

        Raises:
            SubjectError: ``subject.unknown``.
            ProtectedError: ``subject.restricted``, ``subject.held``.
            StorageError, BusyError: the database or the blobs failed. Call again; the key may be gone already.
        """
        return erasure.erase(
            self._engine,
            log=self._log,
            artefact_store=self.artefacts,
            clock=self._clock,
            tenant=tenant,
            subject_id=subject_id,
            subject=self._subject,
        )

    def backup(self, file: Path, *, keys_file: Path | None = None) -> backup.Backup:
        """Write database and blobs into one file, and the wrapped keys of people into another: :mod:`ekyc.storage.backup`.

        Raises:
            InputError: ``backup.engine``, ``backup.exists``.
            StorageError: the database, a blob or the disk failed; then no file is left.
        """
        return backup.make_backup(
            self._engine,
            file,
            keys_file=keys_file,
            blobs=self._blobs,
            clock=self._clock,
            random=self._random,
            subject=self._subject,
        )

    def key_versions(self) -> tuple[rotation.KeyVersion, ...]:
        """The key-encryption keys, and how many keys each still opens."""
        return rotation.key_versions(self._engine, self._keys, subject=self._subject)

    def rotate_keys(self, tenant: str, *, destroy_old: bool = False) -> rotation.Rotation:
        """Rotate a tenant's key-encryption key, or finish a rotation: :mod:`ekyc.storage.sealed.rotation`.

        Raises:
            StorageError, BusyError: ``storage.key_missing``; a key does not open; the database failed. Call again.
        """
        return rotation.rotate(
            self._engine, self._keys, tenant, destroy_old=destroy_old, subject=self._subject
        )

    def rotate_index(self, tenant: str) -> index_rotation.IndexRotation:
        """Rotate the key of a tenant's index of numbers, or finish a rotation: :mod:`ekyc.storage.sealed.index_rotation`.

        Raises:
            StorageError, BusyError: ``storage.key_missing``; a key or number does not open; the database failed.
        """
        return index_rotation.rotate_index(
            self._engine,
            self._keys,
            tenant,
            clock=self._clock,
            random=self._random,
            subject=self._subject,
        )

    def apply_retention(
        self, policy: retention.RetentionPolicy, *, dry_run: bool = False
    ) -> retention.RetentionRun:
        """Remove contents whose time is over: :mod:`ekyc.storage.sealed.retention`.

        Raises:
            StorageError, BusyError: the database or the blobs failed. Call again.
        """
        return retention.run(
            self._engine,
            policy,
            artefact_store=self.artefacts,
            blobs=self._blobs,
            now=self._clock.now(),
            dry_run=dry_run,
            subject=self._subject,
        )
