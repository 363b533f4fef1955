"""A key beside the database: what is personal lies sealed in the tables, and references of people lie as pseudonyms.

One file of 32 random bytes, mode 0600, made on first use. Processes that share a database share it. Whoever reads the
database alone, or a backup of it, reads nothing; whoever reads both reads all that has not been erased.

- :meth:`ServiceKey.sealer`: AES-256-GCM under a derived key, with the place of the value (table, row, column) as
  associated data, so that no value can be moved to another row.
- :meth:`ServiceKey.pseudonym`: HMAC-SHA-256. A plain hash of a twelve-digit number is guessed in minutes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hmac
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ekyc.errors import InputError
from ekyc.files import create_file, sync_folder
from ekyc.storage.errors import StorageError

if TYPE_CHECKING:
    from ekyc.ports import Random

KEY_BYTES: Final = 32
KEY_NAME: Final = "service.key"
"""File name of the default key inside the state folder."""
_IV_BYTES: Final = 12
_PSEUDONYMS: Final = "pseudonyms"


class Sealer:
    """Seals and opens values under one key."""

    def __init__(self, key: bytes, random: Random) -> None:
        self._aead = AESGCM(key)
        self._random = random

    def seal(self, data: bytes, place: str) -> bytes:
        """Encrypt a value for one place."""
        iv = self._random.token_bytes(_IV_BYTES)
        return iv + self._aead.encrypt(iv, data, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Decrypt a value.

        Raises:
            StorageError: ``storage.unsealable``: altered, from another place, or sealed under another key.
        """
        try:
            return self._aead.decrypt(sealed[:_IV_BYTES], sealed[_IV_BYTES:], place.encode())
        except (InvalidTag, ValueError) as exc:
            raise StorageError(
                "a sealed value does not open: altered, or sealed under another key",
                code="storage.unsealable",
                subject=place.partition("/")[0],
            ) from exc


class ServiceKey:
    """The key of a service. ``repr`` shows nothing of it."""

    def __init__(self, key: bytes) -> None:
        """
        Raises:
            InputError: ``storage.key_invalid``: not 32 bytes.
        """
        if len(key) != KEY_BYTES:
            raise InputError(f"a service key has {KEY_BYTES} bytes", code="storage.key_invalid")
        self._key = key

    def __repr__(self) -> str:
        return "ServiceKey(…)"

    @classmethod
    def load(cls, path: Path, random: Random) -> Self:
        """The key of a file, which is made if it is absent; of two processes that make it one wins.

        Raises:
            InputError: ``storage.key_invalid``: the file holds no key, or others than its owner may read it.
            StorageError: ``storage.read_only``: it can be neither read nor made.
        """
        make_key_file(path, random)
        return cls(read_key_file(path))

    def derive(self, label: str) -> bytes:
        """32 bytes for one purpose: HKDF-SHA-256 (RFC 5869)."""
        info = b"ekyc service key: " + label.encode()
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(self._key)

    def sealer(self, label: str, random: Random) -> Sealer:
        """Seals under a key of its own purpose."""
        return Sealer(self.derive(label), random)

    def pseudonym(self, kind: str, reference: str) -> bytes:
        """32 bytes that stand for a reference of one kind."""
        text = f"{kind}\0{reference}".encode()
        return hmac.digest(self.derive(_PSEUDONYMS), text, "sha256")


def login_pseudonym(key: ServiceKey, tenant: str, issuer: str, subject: str) -> str:
    """What an account at an identity provider is known by: 64 hexadecimal digits."""
    return key.pseudonym("login", f"{tenant}\0{issuer}\0{subject}").hex()


def read_key_file(path: Path) -> bytes:
    """What a key file holds, at most one byte more than a key has.

    Raises:
        InputError: ``storage.key_invalid``: others than its owner may read the file.
        StorageError: ``storage.read_only``: it cannot be read.
    """
    with _key_errors(path):
        if path.stat().st_mode & 0o077:
            raise InputError("others than its owner may read the key", code="storage.key_invalid")
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)  # whoever destroys it writes over it first
            return file.read(KEY_BYTES + 1)


def make_key_file(path: Path, random: Random) -> None:
    """Write a new key whole or not at all: linked into its place, so that nobody reads half of it.

    A file that is there already stays.

    Raises:
        StorageError: ``storage.read_only``: it cannot be made.
    """
    with _key_errors(path):
        if path.exists():
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            create_file(path, random.token_bytes(KEY_BYTES))
        except FileExistsError:  # another process was first
            sync_folder(path.parent)


@contextlib.contextmanager
def _key_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StorageError(
            f"the key cannot be read or made ({os.strerror(exc.errno or 0)})",
            code="storage.read_only",
            subject=path.name,
        ) from exc
