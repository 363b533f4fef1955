"""What must survive a crash: single-use challenges and the records of decisions.

One SQLite file by default, PostgreSQL by URL. No personal data: a result row holds digests, codes and a verdict.
This is the only room that imports SQLAlchemy and Alembic::

    with Storage.open(default_home() / "ekyc.sqlite3") as storage:
        challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION)
        ...
        nonce = storage.nonces.redeem(challenge.id, ACTIVE_AUTHENTICATION)
"""

from ekyc.storage.certificates import CertificateRegister, CertificateStatus, Revocation
from ekyc.storage.errors import FreshnessError, StorageError
from ekyc.storage.home import DATABASE_NAME, default_home
from ekyc.storage.nonces import (
    ACTIVE_AUTHENTICATION,
    CHIP_AUTHENTICATION,
    Challenge,
    NonceStore,
    Redemption,
)
from ekyc.storage.results import ResultStore, StoredResult
from ekyc.storage.store import Storage

__all__ = [
    "ACTIVE_AUTHENTICATION",
    "CHIP_AUTHENTICATION",
    "DATABASE_NAME",
    "CertificateRegister",
    "CertificateStatus",
    "Challenge",
    "FreshnessError",
    "NonceStore",
    "Redemption",
    "ResultStore",
    "Revocation",
    "Storage",
    "StorageError",
    "StoredResult",
    "default_home",
]
