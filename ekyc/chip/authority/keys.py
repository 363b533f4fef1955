"""Keys that an operator pins: a certificate or a bare public key, in PEM or DER."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from ekyc.errors import EkycError, InputError
from ekyc.files import read_file
from ekyc.pki import parse_certificate
from ekyc.pki.keys import EcPublicKey, PublicKey, parse_public_key
from ekyc.values import Sha256Hex

_MAX_KEY_BYTES: Final = 64 * 1024
_PEM: Final = re.compile(
    rb"\s*-----BEGIN (CERTIFICATE|PUBLIC KEY)-----([A-Za-z0-9+/=\s]+)-----END \1-----\s*"
)
_MIN_RSA_BITS: Final = 2048
_MIN_EC_BITS: Final = 224


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedKey:
    """A key whose signatures count because the operator says so. No chain is looked for."""

    key: PublicKey = field(repr=False)
    fingerprint: Sha256Hex
    """SHA-256 of the file's DER."""
    not_before: datetime | None = None
    not_after: datetime | None = None
    """Validity of a certificate; None for a bare key."""

    def valid_at(self, moment: datetime) -> bool:
        """Whether a signature made at this moment may count."""
        if self.not_before is None or self.not_after is None:
            return True
        return self.not_before <= moment <= self.not_after


def load_pinned_key(path: Path) -> PinnedKey:
    """Read a certificate or public key.

    Raises:
        InputError: ``authority.config``: no such file, more than one key, another kind, or a short one.
    """
    try:
        data = read_file(path, _MAX_KEY_BYTES)
        return _parse(_der_of(data) if data.lstrip().startswith(b"-----") else data)
    except OSError as exc:
        raise _invalid(path, f"cannot be read: {exc.strerror}") from exc
    except (EkycError, ValueError) as exc:
        raise _invalid(path, "not one certificate or public key that can be used") from exc


def _der_of(pem: bytes) -> bytes:
    match = _PEM.fullmatch(pem)
    if match is None:
        raise ValueError("not one PEM block")
    try:
        return base64.b64decode(b"".join(match[2].split()), validate=True)
    except binascii.Error as exc:
        raise ValueError("not base64") from exc


def _parse(encoded: bytes) -> PinnedKey:
    fingerprint = Sha256Hex(hashlib.sha256(encoded).hexdigest())
    try:
        return PinnedKey(key=_strong(parse_public_key(encoded)), fingerprint=fingerprint)
    except InputError as exc:
        if exc.code != "pki.key_malformed":
            raise
    certificate = parse_certificate(encoded)
    return PinnedKey(
        key=_strong(parse_public_key(certificate.public_key)),
        fingerprint=fingerprint,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
    )


def _strong(key: PublicKey) -> PublicKey:
    if key.bits < (_MIN_EC_BITS if isinstance(key, EcPublicKey) else _MIN_RSA_BITS):
        raise InputError("the key is too short", code="pki.key_unsupported")
    return key


def _invalid(path: Path, message: str) -> InputError:
    return InputError(message, code="authority.config", subject=path.name)
