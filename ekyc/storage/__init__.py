"""What must survive a crash: single-use challenges, the records of decisions, and sessions of the active challenge.

One SQLite file by default, PostgreSQL by URL. No personal data that can be read: a result row holds digests, codes and
a verdict; sessions are sealed under a key that lies beside the database (:class:`ServiceKey`); what lasts about people
is sealed under a key of each person, which can be destroyed (:class:`Vault`).
This is the only room that imports SQLAlchemy and Alembic::

    with Storage.open(default_home() / "ekyc.sqlite3") as storage:
        challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION)
        ...
        nonce = storage.nonces.redeem(challenge.id, ACTIVE_AUTHENTICATION)
"""

from ekyc.storage.access.stores import AccessStores
from ekyc.storage.access.values import (
    ApiKey,
    Client,
    Consent,
    LoginSession,
    NewClient,
    Office,
    RegisterError,
    SigningKey,
    Tenant,
)
from ekyc.storage.backup import Backup
from ekyc.storage.dossiers.capture_tokens import CaptureToken, CaptureTokenError
from ekyc.storage.dossiers.desk import DossierDesk, DossierUnit, LoggedAction
from ekyc.storage.dossiers.idempotency import IdempotencyError
from ekyc.storage.dossiers.rows import DossierRow, Jurisdiction, PageOf, SessionRow
from ekyc.storage.dossiers.submissions import (
    Answered,
    RunLostError,
    RunPlace,
    Spent,
    SubmissionRun,
)
from ekyc.storage.errors import FreshnessError, StorageAwayError, StorageError, disk_errors
from ekyc.storage.evidence.log import Entry, EvidenceLog, LogState
from ekyc.storage.home import DATABASE_NAME, default_home
from ekyc.storage.liveness.frame_store import FrameStore
from ekyc.storage.liveness.sessions import LivenessStore
from ekyc.storage.liveness.values import (
    AttemptsError,
    SessionBounds,
    SessionError,
    StoredChunk,
    StoredSession,
)
from ekyc.storage.nonces import (
    ACTIVE_AUTHENTICATION,
    CHIP_AUTHENTICATION,
    Challenge,
    NonceStore,
    Redemption,
)
from ekyc.storage.persons import BoundResult, Person, PersonStore
from ekyc.storage.restore import Restored, restore_backup
from ekyc.storage.results.issued import IssuedResultStore
from ekyc.storage.results.records import ResultStore, StoredResult
from ekyc.storage.results.register import IssuedResult, ListState, Place, ResultStatus
from ekyc.storage.sealed.artefacts import ArtefactStore, SealedArtefact, StoredArtefact
from ekyc.storage.sealed.blobs import BLOBS_NAME, FileBlobStore
from ekyc.storage.sealed.erasure import Erasure
from ekyc.storage.sealed.errors import ArtefactError, SubjectError
from ekyc.storage.sealed.index_rotation import IndexRotation
from ekyc.storage.sealed.keyring import KEYS_NAME, FileKeyProvider
from ekyc.storage.sealed.retention import RetentionClass, RetentionPolicy, RetentionRun
from ekyc.storage.sealed.rotation import KeyVersion, Rotation
from ekyc.storage.sealed.s3_blobs import S3BlobStore, S3Settings, open_s3_blobs
from ekyc.storage.sealed.subjects import Subject, SubjectSealer, SubjectStore
from ekyc.storage.sealed.vault import Vault
from ekyc.storage.service_key import KEY_NAME, Sealer, ServiceKey
from ekyc.storage.signing.activations import ActivationStore, ActivationUsedError
from ekyc.storage.signing.certificates import CertificateRegister, CertificateStatus, Revocation
from ekyc.storage.signing.credentials import CredentialStore, StoredCredential
from ekyc.storage.signing.factors import FactorError, FactorKind, FactorStore, StoredFactor
from ekyc.storage.signing.grants import Grant, GrantError, GrantStore
from ekyc.storage.store import Storage
from ekyc.storage.webhooks.deliveries import DeliveryRecord
from ekyc.storage.webhooks.endpoints import EndpointStore
from ekyc.storage.webhooks.outbox import EVENT_KINDS
from ekyc.storage.webhooks.queue import DeliveryQueue
from ekyc.storage.webhooks.stores import WebhookStores
from ekyc.storage.webhooks.values import (
    DeliveriesOf,
    Delivery,
    DeliveryAttempt,
    DeliveryClaim,
    DeliveryFailure,
    DeliveryState,
    DisabledBy,
    EndpointState,
    SignatureForm,
    SigningSecret,
    WebhookEndpoint,
    WebhookError,
)
from ekyc.storage.work.batch_rows import BatchCase, BatchRow, BatchState, ItemRow, ItemState
from ekyc.storage.work.batches import BatchStore, ItemPlace, ItemRecord
from ekyc.storage.work.workers import TimerState, TimerStore, WorkerRegister, WorkPlace

__all__ = [
    "ACTIVE_AUTHENTICATION",
    "BLOBS_NAME",
    "CHIP_AUTHENTICATION",
    "DATABASE_NAME",
    "EVENT_KINDS",
    "KEYS_NAME",
    "KEY_NAME",
    "AccessStores",
    "ActivationStore",
    "ActivationUsedError",
    "Answered",
    "ApiKey",
    "ArtefactError",
    "ArtefactStore",
    "AttemptsError",
    "Backup",
    "BatchCase",
    "BatchRow",
    "BatchState",
    "BatchStore",
    "BoundResult",
    "CaptureToken",
    "CaptureTokenError",
    "CertificateRegister",
    "CertificateStatus",
    "Challenge",
    "Client",
    "Consent",
    "CredentialStore",
    "DeliveriesOf",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryClaim",
    "DeliveryFailure",
    "DeliveryQueue",
    "DeliveryRecord",
    "DeliveryState",
    "DisabledBy",
    "DossierDesk",
    "DossierRow",
    "DossierUnit",
    "EndpointState",
    "EndpointStore",
    "Entry",
    "Erasure",
    "EvidenceLog",
    "FactorError",
    "FactorKind",
    "FactorStore",
    "FileBlobStore",
    "FileKeyProvider",
    "FrameStore",
    "FreshnessError",
    "Grant",
    "GrantError",
    "GrantStore",
    "IdempotencyError",
    "IndexRotation",
    "IssuedResult",
    "IssuedResultStore",
    "ItemPlace",
    "ItemRecord",
    "ItemRow",
    "ItemState",
    "Jurisdiction",
    "KeyVersion",
    "ListState",
    "LivenessStore",
    "LogState",
    "LoggedAction",
    "LoginSession",
    "NewClient",
    "NonceStore",
    "Office",
    "PageOf",
    "Person",
    "PersonStore",
    "Place",
    "Redemption",
    "RegisterError",
    "Restored",
    "ResultStatus",
    "ResultStore",
    "RetentionClass",
    "RetentionPolicy",
    "RetentionRun",
    "Revocation",
    "Rotation",
    "RunLostError",
    "RunPlace",
    "S3BlobStore",
    "S3Settings",
    "SealedArtefact",
    "Sealer",
    "ServiceKey",
    "SessionBounds",
    "SessionError",
    "SessionRow",
    "SignatureForm",
    "SigningKey",
    "SigningSecret",
    "Spent",
    "Storage",
    "StorageAwayError",
    "StorageError",
    "StoredArtefact",
    "StoredChunk",
    "StoredCredential",
    "StoredFactor",
    "StoredResult",
    "StoredSession",
    "Subject",
    "SubjectError",
    "SubjectSealer",
    "SubjectStore",
    "SubmissionRun",
    "Tenant",
    "TimerState",
    "TimerStore",
    "Vault",
    "WebhookEndpoint",
    "WebhookError",
    "WebhookStores",
    "WorkPlace",
    "WorkerRegister",
    "default_home",
    "disk_errors",
    "open_s3_blobs",
    "restore_backup",
]
