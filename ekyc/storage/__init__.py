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

from ekyc.storage.access import AccessStores
from ekyc.storage.access_values import (
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
from ekyc.storage.activations import ActivationStore, ActivationUsedError
from ekyc.storage.artefacts import ArtefactStore, StoredArtefact
from ekyc.storage.backup import Backup
from ekyc.storage.blobs import BLOBS_NAME, FileBlobStore
from ekyc.storage.capture_tokens import CaptureToken, CaptureTokenError
from ekyc.storage.certificates import CertificateRegister, CertificateStatus, Revocation
from ekyc.storage.credentials import CredentialStore, StoredCredential
from ekyc.storage.dossier_rows import DossierRow, Jurisdiction, PageOf, SessionRow
from ekyc.storage.dossiers import DossierDesk, DossierUnit, LoggedAction
from ekyc.storage.erasure import Erasure
from ekyc.storage.errors import FreshnessError, StorageError
from ekyc.storage.evidence_log import Entry, EvidenceLog, LogState
from ekyc.storage.factors import FactorError, FactorKind, FactorStore, StoredFactor
from ekyc.storage.frame_store import FrameStore
from ekyc.storage.grants import Grant, GrantError, GrantStore
from ekyc.storage.home import DATABASE_NAME, default_home
from ekyc.storage.idempotency import IdempotencyError
from ekyc.storage.index_rotation import IndexRotation
from ekyc.storage.issued_results import (
    IssuedResult,
    IssuedResultStore,
    ListState,
    Place,
    ResultStatus,
)
from ekyc.storage.keyring import KEYS_NAME, FileKeyProvider
from ekyc.storage.liveness import LivenessStore
from ekyc.storage.liveness_values import (
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
from ekyc.storage.outbox import EVENT_KINDS
from ekyc.storage.persons import BoundResult, Person, PersonStore
from ekyc.storage.restore import Restored, restore_backup
from ekyc.storage.results import ResultStore, StoredResult
from ekyc.storage.retention import RetentionClass, RetentionPolicy, RetentionRun
from ekyc.storage.rotation import KeyVersion, Rotation
from ekyc.storage.s3_blobs import S3BlobStore, S3Settings, open_s3_blobs
from ekyc.storage.service_key import KEY_NAME, Sealer, ServiceKey
from ekyc.storage.store import Storage
from ekyc.storage.subject_errors import ArtefactError, SubjectError
from ekyc.storage.subjects import Subject, SubjectSealer, SubjectStore
from ekyc.storage.vault import Vault
from ekyc.storage.webhooks import EndpointStore
from ekyc.storage.webhooks_deliveries import DeliveryRecord
from ekyc.storage.webhooks_queue import DeliveryQueue
from ekyc.storage.webhooks_stores import WebhookStores
from ekyc.storage.webhooks_values import (
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
    "ApiKey",
    "ArtefactError",
    "ArtefactStore",
    "AttemptsError",
    "Backup",
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
    "S3BlobStore",
    "S3Settings",
    "Sealer",
    "ServiceKey",
    "SessionBounds",
    "SessionError",
    "SessionRow",
    "SignatureForm",
    "SigningKey",
    "SigningSecret",
    "Storage",
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
    "Tenant",
    "Vault",
    "WebhookEndpoint",
    "WebhookError",
    "WebhookStores",
    "default_home",
    "open_s3_blobs",
    "restore_backup",
]
