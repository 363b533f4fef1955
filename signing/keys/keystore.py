"""Software keys at rest: one file, sealed under a passphrase. **This is not an HSM.**

While a process runs, the keys lie in its memory; whoever can read that memory or guess the passphrase has them.
An agency that signs for real puts a hardware module behind the same interface.

The file is JSON with a header and one AES-256-GCM ciphertext. The whole header is authenticated with it, so that
nobody can weaken the derivation without being noticed:

1. key = Argon2id(passphrase in NFC and UTF-8, salt, cost)    RFC 9106 §4
2. contents = AES-256-GCM(key, nonce).open(ciphertext, header)    NIST SP 800-38D
"""

from __future__ import annotations

import base64
import binascii
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from ekyc import files
from ekyc.errors import InputError, LimitError
from ekyc.ports import Random, SystemRandom

FORMAT: Final = "ekyc.signing.keys.keystore"
VERSION: Final = 1
MAX_FILE_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivationCost:
    """Cost of Argon2id. The default is the second recommendation of RFC 9106 §4: about 0.2 s of one core."""

    iterations: int = 3
    lanes: int = 4
    memory_kib: int = 65_536

    def __post_init__(self) -> None:
        """Refuse what would not protect, and what a hostile file could exhaust a machine with."""
        within = (
            1 <= self.iterations <= 16
            and 1 <= self.lanes <= 16
            and 8 * self.lanes <= self.memory_kib <= 1 << 20
        )
        if not within:
            raise LimitError(
                "the cost of key derivation is out of bounds", code="signing.keystore.cost"
            )


def seal(
    contents: Mapping[str, str],
    passphrase: str,
    *,
    cost: DerivationCost | None = None,
    random: Random | None = None,
) -> bytes:
    """Encrypt named texts under a passphrase into the bytes of a keystore file."""
    cost = cost or DerivationCost()
    random = random or SystemRandom()
    header: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "note": "software keys, not an HSM",
        "kdf": {"name": "argon2id", "salt": _encode(random.token_bytes(16)), **asdict(cost)},
        "cipher": {"name": "AES-256-GCM", "nonce": _encode(random.token_bytes(12))},
    }
    plaintext = json.dumps(dict(contents), sort_keys=True).encode()
    sealed = AESGCM(_derive(passphrase, header)).encrypt(
        base64.b64decode(header["cipher"]["nonce"]), plaintext, _authenticated(header)
    )
    return json.dumps({**header, "ciphertext": _encode(sealed)}, indent=1).encode() + b"\n"


def unseal(file: bytes, passphrase: str) -> Mapping[str, str]:
    """Decrypt the bytes of a keystore file.

    Raises:
        InputError: ``signing.keystore.wrong_passphrase`` (or the file was altered: the two cannot be told
            apart), ``signing.keystore.invalid`` (not a keystore), ``signing.keystore.version``.
        LimitError: the file asks for a derivation outside the bounds of :class:`DerivationCost`.
    """
    header = _read_header(file)
    sealed = _decode(header.pop("ciphertext"))
    nonce = _decode(header["cipher"]["nonce"])
    if len(nonce) != 12:
        raise _invalid()
    try:
        plaintext = AESGCM(_derive(passphrase, header)).decrypt(
            nonce, sealed, _authenticated(header)
        )
    except InvalidTag as exc:
        raise InputError(
            "the passphrase is wrong, or the keystore was altered",
            code="signing.keystore.wrong_passphrase",
        ) from exc
    contents: Mapping[str, str] = json.loads(plaintext)
    return contents


def write_new(path: Path, content: bytes, *, mode: int = files.PRIVATE) -> None:
    """Write a file that must not exist yet: whole or not at all, readable by its owner only.

    Raises:
        InputError: ``signing.keystore.exists``.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        files.create_file(path, content, mode=mode)
    except FileExistsError as exc:
        raise InputError(
            "a file of this name exists already and is not overwritten",
            code="signing.keystore.exists",
            subject=path.name,
        ) from exc


def read_file(path: Path) -> bytes:
    """The bytes of a keystore file, bounded.

    Raises:
        InputError: ``signing.keystore.missing``.
        LimitError: the file is larger than any keystore.
    """
    try:
        return files.read_file(path, MAX_FILE_BYTES, code="signing.keystore.invalid")
    except OSError as exc:
        raise InputError(
            "no keystore can be read here", code="signing.keystore.missing", subject=path.name
        ) from exc


def _read_header(file: bytes) -> dict[str, Any]:
    """Parse the outer JSON and check every type that later code relies on."""
    try:
        header = json.loads(file)
        kdf, cipher = header["kdf"], header["cipher"]
        names = (header["format"], kdf["name"], cipher["name"])
        texts = (kdf["salt"], cipher["nonce"], header["ciphertext"])
        version = header["version"]
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise _invalid() from exc
    if names != (FORMAT, "argon2id", "AES-256-GCM") or not all(isinstance(t, str) for t in texts):
        raise _invalid()
    if version != VERSION:
        raise InputError(
            "written by another version of this program", code="signing.keystore.version"
        )
    result: dict[str, Any] = header
    return result


def _derive(passphrase: str, header: Mapping[str, Any]) -> bytes:
    if not passphrase:
        raise InputError("the passphrase is empty", code="signing.keystore.passphrase_empty")
    kdf = header["kdf"]
    numbers = {name: kdf.get(name) for name in ("iterations", "lanes", "memory_kib")}
    if not all(type(number) is int for number in numbers.values()):
        raise _invalid()
    cost = DerivationCost(**numbers)
    salt = _decode(kdf["salt"])
    if not 16 <= len(salt) <= 64:
        raise _invalid()
    return Argon2id(
        salt=salt,
        length=32,
        iterations=cost.iterations,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    ).derive(unicodedata.normalize("NFC", passphrase).encode())


def _authenticated(header: Mapping[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _invalid() from exc


def _invalid() -> InputError:
    return InputError("not a keystore of this program", code="signing.keystore.invalid")
