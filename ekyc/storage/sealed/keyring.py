"""Key-encryption keys as files: the default behind :class:`ekyc.ports.KeyProvider`.

One folder (mode 0700), one file for each tenant and version (``hanoi.2.kek``, 32 random bytes, mode 0600), made like the
service's key: whole or not at all. Whoever reads the folder **and** the database reads everything; keep them apart in
backups. A token (PKCS#11) or a key-management service takes the place of this class by doing what the port says; nothing
else in this room knows where the keys are.
"""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ekyc.errors import InputError
from ekyc.files import sync_folder
from ekyc.ports import WrappedKey
from ekyc.storage.errors import StorageError
from ekyc.storage.sealed.envelope import KEY_BYTES, unwrap_key, wrap_key
from ekyc.storage.service_key import make_key_file, read_key_file

if TYPE_CHECKING:
    from ekyc.ports import Random

KEYS_NAME: Final = "keys"
"""Name of the default folder of keys inside the state folder."""
_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_SUFFIX: Final = ".kek"
_DESTROYED: Final = bytes(KEY_BYTES)
"""Written over a key before its file goes."""


class FileKeyProvider:
    """A :class:`ekyc.ports.KeyProvider` over a folder. Safe across threads and processes; ``repr`` shows no key."""

    def __init__(self, folder: Path, random: Random) -> None:
        self._folder = folder
        self._random = random

    def versions(self, tenant: str) -> tuple[int, ...]:
        """The versions of a tenant's key, rising."""
        _require_tenant(tenant)
        form = re.compile(re.escape(tenant) + r"\.([1-9][0-9]{0,5})\.kek\Z")
        try:
            names = [file.name for file in self._folder.iterdir()]
        except FileNotFoundError:
            return ()
        except OSError as exc:
            raise _unreadable(self._folder, exc) from exc
        return tuple(sorted(int(match[1]) for match in map(form.match, names) if match))

    def make_version(self, tenant: str) -> int:
        """The next version, on disk."""
        version = max(self.versions(tenant), default=0) + 1
        make_key_file(self._file(tenant, version), self._random)
        return version

    def wrap(self, tenant: str, key: bytes, *, context: bytes) -> WrappedKey:
        """A key under the newest version.

        Raises:
            StorageError: ``storage.key_missing``: the tenant has no key; ``storage.read_only``: it cannot be read.
            InputError: ``storage.key_invalid``: its file holds no key, or others may read it.
        """
        version = max(self.versions(tenant), default=0)
        kek = self._read(tenant, version)
        known = _context(tenant, version, context)
        return WrappedKey(
            version=version,
            wrapped=wrap_key(key, under=kek, context=known, random=self._random),
        )

    def unwrap(self, tenant: str, wrapped: WrappedKey, *, context: bytes) -> bytes:
        """The key.

        Raises:
            StorageError: ``storage.unsealable``: altered, of another context or key; ``storage.key_missing``: the
                version was destroyed; ``storage.read_only``.
            InputError: ``storage.key_invalid``: the file of the version holds no key, or others may read it.
        """
        kek = self._read(tenant, wrapped.version)
        known = _context(tenant, wrapped.version, context)
        return unwrap_key(wrapped.wrapped, under=kek, context=known)

    def destroy(self, tenant: str, version: int) -> None:
        """Remove the file of a version, which must not be the newest: what is new would have no key.

        The bytes are written over first. On a disk that remaps or snapshots this proves little: docs/operations.md.

        Raises:
            InputError: ``storage.key_in_use``: it is the newest.
        """
        if version == max(self.versions(tenant), default=0):
            raise InputError("the newest key is in use", code="storage.key_in_use")
        path = self._file(tenant, version)
        try:
            with path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # whoever reads it reads all of it, or zeros
                file.write(_DESTROYED)
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            sync_folder(self._folder)
        except FileNotFoundError:
            return
        except OSError as exc:
            raise _unreadable(path, exc) from exc

    def _read(self, tenant: str, version: int) -> bytes:
        path = self._file(tenant, version)
        missing = StorageError(
            "the tenant has no key of this version; is it the right folder of keys?",
            code="storage.key_missing",
            subject=path.name,
        )
        try:
            key = read_key_file(path)
        except StorageError as exc:
            if path.exists():
                raise
            raise missing from exc
        if key == _DESTROYED:
            raise missing
        if len(key) != KEY_BYTES:
            raise InputError(
                f"a key has {KEY_BYTES} bytes", code="storage.key_invalid", subject=path.name
            )
        return key

    def _file(self, tenant: str, version: int) -> Path:
        _require_tenant(tenant)
        return self._folder / f"{tenant}.{version}{_SUFFIX}"


def _context(tenant: str, version: int, context: bytes) -> bytes:
    return b"ekyc key under a key|" + f"{tenant}|{version}|".encode("ascii") + context


def _require_tenant(tenant: str) -> None:
    if not _TENANT.match(tenant):
        raise InputError("not a name of a tenant", subject="tenant")


def _unreadable(path: Path, exc: OSError) -> StorageError:
    return StorageError(
        f"the keys cannot be read or written ({os.strerror(exc.errno or 0)})",
        code="storage.read_only",
        subject=path.name,
    )
