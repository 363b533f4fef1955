"""The door of this room: one database, opened and migrated."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from sqlalchemy import text

from ekyc.ports import SystemClock, SystemRandom
from ekyc.storage import migrate
from ekyc.storage.access.register import has_ended
from ekyc.storage.access.stores import DEFAULT_IDLE, AccessStores
from ekyc.storage.database_time import time_database
from ekyc.storage.dossiers.desk import DossierDesk
from ekyc.storage.engine import make_engine, parse_target, reading, subject_of
from ekyc.storage.errors import StorageError, storage_errors
from ekyc.storage.evidence.checkpoints import CheckpointStore
from ekyc.storage.evidence.log import EvidenceLog
from ekyc.storage.evidence.places import EvidenceReader
from ekyc.storage.liveness.frame_store import FrameStore
from ekyc.storage.liveness.sessions import LivenessStore
from ekyc.storage.liveness.values import DEFAULT_SESSION_BOUNDS, SessionBounds
from ekyc.storage.nonces import NonceStore
from ekyc.storage.patience import unhurried
from ekyc.storage.persons import PersonStore
from ekyc.storage.results.issued import IssuedResultStore
from ekyc.storage.results.records import ResultStore
from ekyc.storage.sealed.traces import TraceStore
from ekyc.storage.sealed.vault import Vault
from ekyc.storage.signing.activations import ActivationStore
from ekyc.storage.signing.certificates import CertificateRegister
from ekyc.storage.signing.credentials import CredentialStore
from ekyc.storage.signing.factors import FactorStore
from ekyc.storage.signing.grants import GrantStore
from ekyc.storage.webhooks.queue import DEFAULT_DISABLE_AFTER
from ekyc.storage.webhooks.stores import WebhookStores
from ekyc.storage.work.batches import BatchStore
from ekyc.storage.work.workers import TimerStore, WorkerRegister, WorkPlace, place_beside

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from ekyc.ports import BlobStore, Clock, KeyProvider, Random
    from ekyc.storage.service_key import ServiceKey

DEFAULT_FRAME_RETENTION: Final = timedelta(days=30)


class Storage:
    """An open database. Safe to use from many threads; close it, or use it as a context manager."""

    def __init__(self, engine: Engine, *, clock: Clock, random: Random, subject: str) -> None:
        self._engine = engine
        self._subject = subject
        self._clock = clock
        self._random = random
        self.nonces = NonceStore(engine, clock=clock, random=random, subject=subject)
        self.evidence = EvidenceLog(engine, clock=clock, random=random, subject=subject)
        self.evidence_reader = EvidenceReader(engine, subject=subject)
        self.checkpoints = CheckpointStore(engine, log=self.evidence, clock=clock, subject=subject)
        self.results = ResultStore(
            engine, log=self.evidence, clock=clock, random=random, subject=subject
        )
        self.timers = TimerStore(engine, clock=clock, subject=subject)
        self.workers = WorkerRegister(engine, clock=clock, subject=subject)
        self.persons = PersonStore(engine, clock=clock, subject=subject)
        self.activations = ActivationStore(engine, log=self.evidence, clock=clock, subject=subject)
        self.certificates = CertificateRegister(
            engine, log=self.evidence, clock=clock, random=random, subject=subject
        )
        self.traces = TraceStore(engine, log=self.evidence, random=random, subject=subject)
        self.batches = BatchStore(
            engine, results=self.results, clock=clock, random=random, subject=subject
        )
        self.issued_results = IssuedResultStore(
            engine, log=self.evidence, clock=clock, random=random, subject=subject
        )

    @classmethod
    def open(
        cls, target: str | Path, *, clock: Clock | None = None, random: Random | None = None
    ) -> Self:
        """Open, create if absent, and migrate.

        Args:
            target: path of an SQLite file (made with mode 0600, its folder with 0700), or a database URL such as
                ``postgresql+psycopg://host/name``.
            clock: source of time; the machine's by default.
            random: source of nonces and ids; the operating system's by default.

        Raises:
            InputError: the URL cannot be used.
            StorageError: damaged, full, not writable, another program's, or made by a newer version.
            BusyError: another process holds the database for too long.
        """
        url = parse_target(target)
        subject = subject_of(url)
        engine = make_engine(url)
        try:
            with (
                storage_errors(subject),
                engine.begin() as connection,
                unhurried(connection),
            ):
                migrate.upgrade(connection, subject=subject)
        except BaseException:
            engine.dispose()
            raise
        return cls(
            engine, clock=clock or SystemClock(), random=random or SystemRandom(), subject=subject
        )

    def liveness(
        self, key: ServiceKey, *, bounds: SessionBounds = DEFAULT_SESSION_BOUNDS
    ) -> LivenessStore:
        """Sessions of the active challenge in this database, sealed under ``key``."""
        return LivenessStore(
            self._engine,
            log=self.evidence,
            key=key,
            bounds=bounds,
            clock=self._clock,
            random=self._random,
            subject=self._subject,
        )

    def frames(
        self, key: ServiceKey, *, retention: timedelta = DEFAULT_FRAME_RETENTION
    ) -> FrameStore:
        """Hashes of frames of earlier sessions, kept for ``retention``, sealed under ``key``."""
        return FrameStore(
            self._engine,
            key=key,
            retention=retention,
            clock=self._clock,
            random=self._random,
            subject=self._subject,
        )

    def credentials(self, key: ServiceKey) -> CredentialStore:
        """Credentials of people in this database, their certificates sealed under ``key``."""
        return CredentialStore(
            self._engine,
            log=self.evidence,
            key=key,
            clock=self._clock,
            random=self._random,
            subject=self._subject,
        )

    def dossiers(self, key: ServiceKey) -> DossierDesk:
        """Dossiers and verification sessions in this database; answers that are kept lie sealed under ``key``."""
        return DossierDesk(
            self._engine,
            log=self.evidence,
            key=key,
            clock=self._clock,
            random=self._random,
            subject=self._subject,
        )

    def factors(self, key: ServiceKey) -> FactorStore:
        """Second factors of people in this database, sealed under ``key``."""
        return FactorStore(
            self._engine,
            log=self.evidence,
            key=key,
            clock=self._clock,
            random=self._random,
            subject=self._subject,
        )

    def grants(self, key: ServiceKey) -> GrantStore:
        """Codes and tokens of the signing interface in this database, sealed under ``key``."""
        return GrantStore(
            self._engine, key=key, clock=self._clock, random=self._random, subject=self._subject
        )

    def access(self, key: ServiceKey, *, idle: timedelta = DEFAULT_IDLE) -> AccessStores:
        """Who may call, in this database; secrets are hashed, and logins sealed, under ``key``."""
        return AccessStores(
            self._engine,
            log=self.evidence,
            key=key,
            idle=idle,
            clock=self._clock,
            random=self._random,
            subject=self._subject,
        )

    def vault(self, keys: KeyProvider, blobs: BlobStore) -> Vault:
        """People in this database and what is kept about them, their keys wrapped by ``keys``."""
        return Vault(
            self._engine,
            log=self.evidence,
            keys=keys,
            blobs=blobs,
            clock=self._clock,
            random=self._random,
            subject=self._subject,
        )

    def webhooks(
        self, key: ServiceKey, *, disable_after: timedelta = DEFAULT_DISABLE_AFTER
    ) -> WebhookStores:
        """Who is told of events in this database, and how it went; addresses and keys lie sealed under ``key``."""
        return WebhookStores(
            self._engine,
            key=key,
            disable_after=disable_after,
            clock=self._clock,
            random=self._random,
            subject=self._subject,
        )

    def work_place(self) -> WorkPlace:
        """Where an engine of durable work keeps its own tables: beside this database, and apart from ours.

        Raises:
            StorageError: the file cannot be made.
        """
        return place_beside(self._engine.url)

    def measure_time(self) -> None:
        """Have the time that this database takes counted from now on, for :func:`~ekyc.storage.database_time.counting_database`."""
        time_database(self._engine)

    def schema(self) -> str:
        """The revision of the schema, which is this version's."""
        with storage_errors(self._subject), reading(self._engine).begin() as connection:
            return migrate.current_revision(connection) or ""

    def tenant_has_ended(self, tenant: str) -> bool:
        """Whether a tenant was ended; one that nobody registered was not.

        Raises:
            StorageError, BusyError: the database cannot be read.
        """
        with storage_errors(self._subject), reading(self._engine).begin() as connection:
            return has_ended(connection, tenant)

    def ping(self) -> None:
        """Return if the database answers and has the schema of this version.

        Raises:
            StorageError, BusyError: it does not.
        """
        with storage_errors(self._subject), reading(self._engine).begin() as connection:
            connection.execute(text("SELECT 1"))
            if migrate.current_revision(connection) != migrate.newest_revision():
                raise StorageError(
                    "the schema was changed underneath",
                    code="storage.newer_schema",
                    subject=self._subject,
                )

    def close(self) -> None:
        """Give the connections back. Twice is once."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
