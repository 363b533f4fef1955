"""Key-encryption keys of data at rest in a PKCS#11 token: a :class:`ekyc.ports.KeyProvider` whose keys never leave it.

AES-256 keys, one for each tenant and version (``ekyc-kek.hanoi.2``), sensitive and not extractable. They wrap and unwrap
with CKM_AES_GCM (PKCS #11 v2.40 §2.12.3), the nonce drawn here, and what a key is for as associated data. A key that the
token would give out is refused.

Two processes that make a version at the same moment would make two keys of one name, which a token allows and this
module refuses to use; :mod:`ekyc.storage.sealed.rotation` makes versions under a lock of the database.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ekyc.errors import InputError, TrustError
from ekyc.files import read_file
from ekyc.ports import WrappedKey
from ekyc.signing.keys.pkcs11 import TokenKeys

if TYPE_CHECKING:
    from ekyc.ports import Random

_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_PREFIX: Final = "ekyc-kek."
_KEY_BITS: Final = 256
_NONCE_BYTES: Final = 12
_TAG_BITS: Final = 128
_MOST_TOML_BYTES: Final = 64 * 1024


class TokenKeyProvider:
    """A :class:`ekyc.ports.KeyProvider` over a token. Safe to use from many threads.

    Args:
        token: the token, logged into.
        random: source of nonces.
    """

    def __init__(self, token: TokenKeys, random: Random) -> None:
        self._token = token
        self._random = random
        self._p11 = token.library

    def versions(self, tenant: str) -> tuple[int, ...]:
        """The versions of a tenant's key, rising.

        Raises:
            UpstreamError: ``signing.hsm.failed``.
        """
        _require_tenant(tenant)
        form = re.compile(re.escape(_PREFIX + tenant) + r"\.([1-9][0-9]{0,5})\Z")
        attribute = self._p11.Attribute
        wanted = {attribute.CLASS: self._p11.ObjectClass.SECRET_KEY, attribute.TOKEN: True}
        with self._token.session() as session:
            labels = [key[attribute.LABEL] for key in session.get_objects(wanted)]
        return tuple(sorted({int(match[1]) for match in map(form.match, labels) if match}))

    def make_version(self, tenant: str) -> int:
        """Make the next version in the token. Callers take turns; see the module.

        Raises:
            UpstreamError: ``signing.hsm.failed``.
        """
        version = max(self.versions(tenant), default=0) + 1
        p11, label = self._p11, _label(tenant, version)
        with self._token.session() as session:
            session.generate_key(
                p11.KeyType.AES,
                _KEY_BITS,
                label=label,
                id=label.encode(),
                store=True,
                capabilities=p11.MechanismFlag.ENCRYPT | p11.MechanismFlag.DECRYPT,
                template={
                    p11.Attribute.SENSITIVE: True,
                    p11.Attribute.EXTRACTABLE: False,
                    p11.Attribute.PRIVATE: True,
                },
            )
        return version

    def wrap(self, tenant: str, key: bytes, *, context: bytes) -> WrappedKey:
        """A key under the newest version: nonce (12 bytes), ciphertext and tag.

        Raises:
            InputError: ``storage.key_missing``: the tenant has no key; ``signing.hsm.extractable``.
            UpstreamError: ``signing.hsm.failed``.
        """
        version = max(self.versions(tenant), default=0)
        nonce = self._random.token_bytes(_NONCE_BYTES)
        with self._token.session() as session:
            kek = self._only(session, tenant, version)
            sealed = kek.encrypt(
                key,
                mechanism=self._p11.Mechanism.AES_GCM,
                mechanism_param=self._parameters(nonce, tenant, version, context),
            )
        return WrappedKey(version=version, wrapped=nonce + bytes(sealed))

    def unwrap(self, tenant: str, wrapped: WrappedKey, *, context: bytes) -> bytes:
        """The key.

        Raises:
            InputError: ``storage.key_missing``: the version is not in the token; ``signing.hsm.extractable``.
            TrustError: ``storage.unsealable``: altered, or of another tenant, version or context.
            UpstreamError: ``signing.hsm.failed``.
        """
        nonce, sealed = wrapped.wrapped[:_NONCE_BYTES], wrapped.wrapped[_NONCE_BYTES:]
        if len(sealed) <= _TAG_BITS // 8:
            raise _unsealable()
        parameters = self._parameters(nonce, tenant, wrapped.version, context)
        refusals = (
            self._p11.EncryptedDataInvalid,
            self._p11.EncryptedDataLenRange,
            self._p11.GeneralError,  # what SoftHSM 2.6 says of a tag that does not fit
        )
        with self._token.session() as session:
            kek = self._only(session, tenant, wrapped.version)
            try:
                return bytes(
                    kek.decrypt(
                        sealed,
                        mechanism=self._p11.Mechanism.AES_GCM,
                        mechanism_param=parameters,
                    )
                )
            except refusals as exc:
                raise _unsealable() from exc

    def destroy(self, tenant: str, version: int) -> None:
        """Destroy a version in the token, unless it is the newest.

        Raises:
            InputError: ``storage.key_in_use``: it is the newest.
            UpstreamError: ``signing.hsm.failed``.
        """
        if version == max(self.versions(tenant), default=0):
            raise InputError("the newest key is in use", code="storage.key_in_use")
        with self._token.session() as session:
            for key in list(session.get_objects(self._where(tenant, version))):
                key.destroy()

    def _only(self, session: Any, tenant: str, version: int) -> Any:
        found = list(session.get_objects(self._where(tenant, version)))
        if len(found) != 1:
            raise InputError(
                "the token holds no key of this version, or several",
                code="storage.key_missing",
                subject=_label(tenant, version),
            )
        attribute = self._p11.Attribute
        if found[0][attribute.EXTRACTABLE] or not found[0][attribute.SENSITIVE]:
            raise InputError(
                "the token would give this key out",
                code="signing.hsm.extractable",
                subject=_label(tenant, version),
            )
        return found[0]

    def _where(self, tenant: str, version: int) -> dict[Any, Any]:
        attribute = self._p11.Attribute
        return {
            attribute.CLASS: self._p11.ObjectClass.SECRET_KEY,
            attribute.TOKEN: True,
            attribute.LABEL: _label(tenant, version),
        }

    def _parameters(self, nonce: bytes, tenant: str, version: int, context: bytes) -> Any:
        known = f"{_label(tenant, version)}|".encode("ascii") + context
        return self._p11.GCMParams(nonce, known, _TAG_BITS)


def open_token_keks(
    file: Path, *, environment: Mapping[str, str], random: Random
) -> TokenKeyProvider:
    """The provider that a TOML file describes (docs/operations.md); the PIN comes from the environment.

    Raises:
        InputError: ``storage.keys_config``; ``signing.hsm.missing``, ``signing.hsm.pin``.
        UpstreamError: ``signing.hsm.failed``.
    """
    try:
        text = read_file(file, _MOST_TOML_BYTES, code="storage.keys_config").decode()
        table: dict[str, Any] = tomllib.loads(text)["pkcs11"]
        module, label, variable = (str(table[one]) for one in ("module", "token", "pin_variable"))
        pin = environment[variable]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
        raise InputError(
            "the description of the token cannot be read, or a value is missing",
            code="storage.keys_config",
        ) from exc
    return TokenKeyProvider(TokenKeys(module, label, pin), random)


def _label(tenant: str, version: int) -> str:
    _require_tenant(tenant)
    return f"{_PREFIX}{tenant}.{version}"


def _require_tenant(tenant: str) -> None:
    if not _TENANT.match(tenant):
        raise InputError("not a name of a tenant", subject="tenant")


def _unsealable() -> TrustError:
    return TrustError(
        "a wrapped key does not open: altered, or wrapped under another key",
        code="storage.unsealable",
        subject="key",
    )
