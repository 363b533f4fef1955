"""The port behind which private keys lie: in this process, in a PKCS#11 token, or with a provider.

A key signs a digest and says which algorithm it uses; nobody above this port knows where it lives. What a store
protects against is named by :class:`KeyProtection` and travels into every report.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final, Protocol, Self

from ekyc.errors import InputError, TrustError, UpstreamError
from ekyc.signing.algorithms import (
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
