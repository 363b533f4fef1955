"""Software keys: plain objects in memory, and a folder that keeps them under envelope encryption. **Not an HSM.**

Each key has a file of its own:

1. master key = what ``master.json`` holds, sealed under the passphrase (:mod:`ekyc.signing.keys.keystore`: Argon2id)
2. data key = 32 random bytes for this file, wrapped by AES-256-GCM under the master key
3. private key (PKCS #8) = AES-256-GCM under the data key

Label, algorithm and public key stand in clear and are authenticated with both ciphertexts, so that no file can be
renamed into another. Python cannot wipe memory: destroying a key drops the last reference to it, no more.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from ekyc.errors import InputError
from ekyc.ports import Random, SystemRandom
from ekyc.signing.keys.algorithms import (
    PREHASHED,
    RSA_BITS,
    SignatureAlgorithm,
    long_salt_bytes,
    pss,
    require_digest,
)
from ekyc.signing.keys.keystore import DerivationCost, read_file, seal, unseal, write_new
from ekyc.signing.keys.port import KeyProtection, require_label

MASTER_NAME: Final = "master.json"
FORMAT: Final = "ekyc.signing.key"
_MASTER: Final = "master"
_SUFFIX: Final = ".key.json"
_PUBLIC_EXPONENT: Final = 65537

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class SoftwareKey:
    """A private key in this process's memory."""

    __slots__ = ("_key", "algorithm", "public_key_der")

    def __init__(self, key: PrivateKey) -> None:
        self._key: PrivateKey | None = key
        self.public_key_der: Final = key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        on_curve = isinstance(key, ec.EllipticCurvePrivateKey)
        self.algorithm: Final = (
            SignatureAlgorithm.ECDSA_P256 if on_curve else SignatureAlgorithm.RSA_PSS_3072
        )

    @classmethod
    def generate(cls, algorithm: SignatureAlgorithm) -> Self:
        """A fresh key."""
        if algorithm is SignatureAlgorithm.ECDSA_P256:
            return cls(ec.generate_private_key(ec.SECP256R1()))
        return cls(rsa.generate_private_key(_PUBLIC_EXPONENT, RSA_BITS))

    @classmethod
    def load(cls, pkcs8_der: bytes) -> Self:
        """A key from its encoding.

        Raises:
            ValueError, TypeError: it is none, or of another kind.
        """
        key = load_der_private_key(pkcs8_der, password=None)
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            return cls(key)
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= RSA_BITS:
            return cls(key)
        raise TypeError("neither EC P-256 nor RSA of at least 3072 bits")

    def sign_digest(self, digest: bytes) -> bytes:
        require_digest(digest)
        key = self._alive()
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(digest, ec.ECDSA(PREHASHED))
        return key.sign(digest, pss(), PREHASHED)

    def sign_long_salt(self, digest: bytes) -> bytes:
        require_digest(digest)
        key = self._alive()
        if isinstance(key, ec.EllipticCurvePrivateKey):
            raise InputError("no RSA key", code="signing.key.unsupported")
        return key.sign(digest, pss(long_salt_bytes(key.key_size)), PREHASHED)

    def pkcs8_der(self) -> bytes:
        """The secret itself, for sealing."""
        return self._alive().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def destroy(self) -> None:
        """Forget the key."""
        self._key = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    def _alive(self) -> PrivateKey:
        if self._key is None:
            raise InputError("the key was destroyed", code="signing.key.destroyed")
        return self._key

    def __repr__(self) -> str:
        return f"SoftwareKey({self.algorithm})"


class EmbeddedKeys:
    """A folder of keys under one passphrase. Safe to use from many threads."""

    def __init__(self, folder: Path, master: bytes, *, random: Random | None = None) -> None:
        self._folder = folder
        self._master = AESGCM(master)
        self._random = random or SystemRandom()
        self._lock = Lock()
        self._opened: dict[str, SoftwareKey] = {}

    @classmethod
    def create(
        cls,
        folder: Path,
        passphrase: str,
        *,
        cost: DerivationCost | None = None,
        random: Random | None = None,
    ) -> Self:
        """Make a new store in ``folder`` and open it.

        Raises:
            InputError: ``signing.keystore.exists``, or the passphrase is empty.
        """
        random = random or SystemRandom()
        master = random.token_bytes(32)
        sealed = seal({_MASTER: _text(master)}, passphrase, cost=cost, random=random)
        write_new(folder / MASTER_NAME, sealed)
        return cls(folder, master, random=random)

    @classmethod
    def unlock(cls, folder: Path, passphrase: str, *, random: Random | None = None) -> Self:
        """Open what :meth:`create` made.

        Raises:
            InputError: ``signing.keystore.missing``, ``.invalid``, ``.version``, ``.wrong_passphrase``.
        """
        contents = unseal(read_file(folder / MASTER_NAME), passphrase)
        try:
            master = base64.b64decode(contents[_MASTER], validate=True)
        except (KeyError, TypeError, ValueError) as exc:
            raise _damaged(MASTER_NAME) from exc
        if len(master) != 32:
            raise _damaged(MASTER_NAME)
        return cls(folder, master, random=random)

    @property
    def protection(self) -> KeyProtection:
        return KeyProtection.SOFTWARE

    def generate(self, label: str, algorithm: SignatureAlgorithm) -> SoftwareKey:
        """Make a key, seal it and keep it open.

        Raises:
            InputError: ``signing.key.exists``, ``signing.key.label``.
        """
        require_label(label)
        key = SoftwareKey.generate(algorithm)
        try:
            write_new(self._path(label), self._sealed(label, key))
        except InputError as exc:
            raise InputError(
                "a key of this name exists already", code="signing.key.exists", subject=label
            ) from exc
        with self._lock:
            self._opened[label] = key
        return key

    def open(self, label: str) -> SoftwareKey:
        """The key of this name.

        Raises:
            InputError: ``signing.key.missing``, ``signing.key.label``; ``signing.keystore.invalid``: the file is
                damaged, was altered, or belongs to another store.
        """
        require_label(label)
        with self._lock:
            key = self._opened.get(label)
            if key is None:
                key = self._opened[label] = self._read(label)
        return key

    def one_shot(self, algorithm: SignatureAlgorithm) -> SoftwareKey:
        """A key that is never written anywhere."""
        return SoftwareKey.generate(algorithm)

    def _path(self, label: str) -> Path:
        return self._folder / f"{label}{_SUFFIX}"

    def _sealed(self, label: str, key: SoftwareKey) -> bytes:
        header = {
            "format": FORMAT,
            "version": 1,
            "note": "software key, not an HSM",
            "label": label,
            "algorithm": key.algorithm.value,
            "public_key": _text(key.public_key_der),
        }
        data_key = self._random.token_bytes(32)
        said = _authenticated(header)
        wrapping, sealing = (self._random.token_bytes(12) for _ in range(2))
        secrets = {
            "wrapped": _text(wrapping + self._master.encrypt(wrapping, data_key, said)),
            "sealed": _text(sealing + AESGCM(data_key).encrypt(sealing, key.pkcs8_der(), said)),
        }
        return json.dumps({**header, **secrets}, indent=1).encode() + b"\n"

    def _read(self, label: str) -> SoftwareKey:
        path = self._path(label)
        if not path.is_file():
            raise InputError("no key of this name", code="signing.key.missing", subject=label)
        try:
            header: dict[str, Any] = json.loads(read_file(path))
            wrapped, sealed = (
                base64.b64decode(header.pop(name), validate=True) for name in ("wrapped", "sealed")
            )
            said = _authenticated(header)
            data_key = self._master.decrypt(wrapped[:12], wrapped[12:], said)
            key = SoftwareKey.load(AESGCM(data_key).decrypt(sealed[:12], sealed[12:], said))
        except (
            AttributeError,
            InvalidTag,
            KeyError,
            RecursionError,
            TypeError,
            ValueError,
            binascii.Error,
        ) as exc:
            raise _damaged(label) from exc
        if (header.get("format"), header.get("label")) != (FORMAT, label):
            raise _damaged(label)
        return key

    def __repr__(self) -> str:
        return "EmbeddedKeys(software keys, not an HSM)"


def _authenticated(header: dict[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _damaged(name: str) -> InputError:
    return InputError(
        "damaged, altered, or sealed for another store",
        code="signing.keystore.invalid",
        subject=name,
    )
