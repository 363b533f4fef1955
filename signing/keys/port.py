"""The port behind which private keys lie: in this process, in a PKCS#11 token, or with a provider.

A key signs a digest and says which algorithm it uses; nobody above this port knows where it lives. What a store
protects against is named by :class:`KeyProtection` and travels into every report.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final, Protocol, Self, runtime_checkable

from ekyc.errors import InputError, TrustError, UpstreamError
from ekyc.signing.keys.algorithms import (
    SignatureAlgorithm,
    algorithm_of,
    require_digest,
    verify_value,
)

_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}\Z")


class KeyProtection(StrEnum):
    """What stands between a key and whoever wants it."""

    SOFTWARE = "software"
    """Encrypted at rest, plain in this process's memory while in use. Not an HSM."""
    PKCS11 = "pkcs11"
    """In a PKCS#11 token that does not give it out. Whether the token is certified, only its papers say."""
    PROVIDER = "provider"
    """With somebody else, who signs on request."""


class SigningKey(Protocol):
    """A private key in use. Safe to use from many threads."""

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """What it signs with."""
        ...

    @property
    def public_key_der(self) -> bytes:
        """SubjectPublicKeyInfo."""
        ...

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign a SHA-256 digest.

        Returns:
            The signature value in the form that :class:`SignatureAlgorithm` gives.

        Raises:
            InputError: not 32 bytes (``signing.digest.length``), or the key is gone (``signing.key.destroyed``).
            UpstreamError: the token or the provider failed.
        """
        ...


@runtime_checkable
class LongSaltKey(Protocol):
    """An RSA key that can also sign with the longest salt."""

    def sign_long_salt(self, digest: bytes) -> bytes:
        """As :meth:`SigningKey.sign_digest`, by :attr:`SignatureAlgorithm.RSA_PSS_3072_LONG_SALT`."""
        ...


class OneShotKey(SigningKey, Protocol):
    """A key that exists for one act and is destroyed after it; a context manager."""

    def destroy(self) -> None:
        """Make the key unusable, for good. Twice is once."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class KeyStore(Protocol):
    """Where keys are made and found."""

    @property
    def protection(self) -> KeyProtection:
        """What it protects against."""
        ...

    def generate(self, label: str, algorithm: SignatureAlgorithm) -> SigningKey:
        """Make a key that stays.

        Raises:
            InputError: ``signing.key.exists``, ``signing.key.label``.
        """
        ...

    def open(self, label: str) -> SigningKey:
        """The key of this name; loaded once, however often it is asked for.

        Raises:
            InputError: ``signing.key.missing``, ``signing.key.label``.
        """
        ...

    def one_shot(self, algorithm: SignatureAlgorithm) -> OneShotKey:
        """Make a key that is never stored."""
        ...


class ProviderKey:
    """A key held by a provider who signs digests on request.

    What comes back is checked against the public key, so that a provider who errs, or answers for another request,
    is noticed before anything is delivered.

    Args:
        public_key_der: SubjectPublicKeyInfo from the certificate that the provider names.
        ask: carries a digest to the provider and brings back the signature value; raises
            :class:`~ekyc.errors.UpstreamError` where the provider does not answer.
    """

    __slots__ = ("_ask", "algorithm", "public_key_der")

    def __init__(self, public_key_der: bytes, *, ask: Callable[[bytes], bytes]) -> None:
        self.algorithm: Final = algorithm_of(public_key_der)
        self.public_key_der: Final = public_key_der
        self._ask = ask

    def sign_digest(self, digest: bytes) -> bytes:
        """Have the provider sign.

        Raises:
            UpstreamError: ``signing.provider.lied``: the answer is no signature of this key over this digest.
        """
        require_digest(digest)
        signature = self._ask(digest)
        try:
            verify_value(self.public_key_der, digest, signature)
        except TrustError as exc:
            raise UpstreamError(
                "the provider's answer is not a signature over what was asked",
                code="signing.provider.lied",
            ) from exc
        return signature

    def __repr__(self) -> str:
        return f"ProviderKey({self.algorithm})"


class ExternalKey:
    """A key that nobody here can call: somebody else signs the digest of what was prepared, in his own time.

    Args:
        public_key_der: SubjectPublicKeyInfo from his certificate.
    """

    __slots__ = ("algorithm", "public_key_der")

    def __init__(self, public_key_der: bytes) -> None:
        self.algorithm: Final = algorithm_of(public_key_der)
        self.public_key_der: Final = public_key_der

    def sign_digest(self, digest: bytes) -> bytes:
        """Refuse.

        Raises:
            InputError: ``signing.key.external``.
        """
        require_digest(digest)
        raise InputError("this key signs elsewhere", code="signing.key.external")

    def __repr__(self) -> str:
        return f"ExternalKey({self.algorithm})"


def sign_as(key: SigningKey, digest: bytes, algorithm: SignatureAlgorithm) -> bytes:
    """Sign with a key as a caller asks for it.

    Args:
        key: the key.
        digest: SHA-256.
        algorithm: the key's own, or for an RSA key the one with the long salt.

    Raises:
        InputError: ``signing.key.unsupported``: not what this key does; and as of :meth:`SigningKey.sign_digest`.
        UpstreamError: the token or the provider failed.
    """
    if algorithm is key.algorithm:
        return key.sign_digest(digest)
    long = algorithm is SignatureAlgorithm.RSA_PSS_3072_LONG_SALT
    if long and key.algorithm is SignatureAlgorithm.RSA_PSS_3072 and isinstance(key, LongSaltKey):
        return key.sign_long_salt(digest)
    raise InputError("the key does not sign in this way", code="signing.key.unsupported")


def require_label(label: str) -> None:
    """Names of keys: lower-case letters, digits, dots and hyphens, at most 64.

    Raises:
        InputError: ``signing.key.label``.
    """
    if not _LABEL.match(label):
        raise InputError(
            "a key is named by lower-case letters, digits, dots and hyphens, at most 64",
            code="signing.key.label",
        )
