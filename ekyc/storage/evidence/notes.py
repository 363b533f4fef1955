"""Signed checkpoints: what a log was at one size, in the form of C2SP tlog-checkpoint and signed-note.

::

    ekyc-evidence-log/0f…            origin: identifier of the log, from its first entry
    20852163                         size
    CsUYapGGPo4dkMgIAUqom/Xajj7h…=   Merkle root, base64
    time 2026-11-22T09:30:00.000000Z
    chain 9xZ…=                      chain hash of the last entry, base64

    — ekyc-evidence-log/0f… base64(key id || signature)

The text up to and with its last line feed is signed: by Ed25519 (type 0x01), or by ECDSA with P-256 and SHA-256 (type
0x02). Tools for such checkpoints read it. Offline, a public key is all that it takes to check one.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from ekyc.errors import InputError, TrustError
from ekyc.storage.evidence.forms import time_text
from ekyc.storage.evidence.merkle import HASH_BYTES, MAX_SIZE

if TYPE_CHECKING:
    from datetime import datetime

    from ekyc.storage.service_key import ServiceKey

MAX_NOTE_BYTES: Final = 16_384
MAX_SIGNATURES: Final = 16
_RAW_BYTES: Final = 64
_KEY_ID_BYTES: Final = 4
_ED25519: Final = b"\x01"
_LABEL: Final = "signatures of evidence log checkpoints"
_TEXT: Final = re.compile(
    r"(?P<origin>ekyc-evidence-log/[0-9a-f]{32})\n"
    r"(?P<size>[1-9][0-9]{0,15})\n"
    r"(?P<root>[A-Za-z0-9+/]{43}=)\n"
    r"time (?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)\n"
    r"chain (?P<chain>[A-Za-z0-9+/]{43}=)\n\Z"
)
_SIGNATURE: Final = re.compile(
    r"— (?P<name>[^ +\n]{1,200}) (?P<value>[A-Za-z0-9+/]{8,400}={0,2})\Z"
)


class CheckpointSigner(Protocol):
    """Whoever signs checkpoints: an Ed25519 or EC P-256 key, in this process, a token or elsewhere."""

    @property
    def public_key_der(self) -> bytes:
        """SubjectPublicKeyInfo."""
        ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes: Ed25519, or r and s of ECDSA with SHA-256."""
        ...


class ServiceCheckpointSigner:
    """Ed25519 (RFC 8032) under a key that follows from the service's key, which lies beside the database.

    Who can write both can write another log and sign it. A key that is elsewhere, a timestamp, and checkpoints that
    others keep are what stands against that.
    """

    def __init__(self, key: ServiceKey) -> None:
        self._key = ed25519.Ed25519PrivateKey.from_private_bytes(key.derive(_LABEL))
        self.public_key_der: Final = self._key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)

    def __repr__(self) -> str:
        return "ServiceCheckpointSigner(…)"


class CheckpointKey:
    """A public key that checkpoints are checked by."""

    __slots__ = ("_key", "der")

    def __init__(self, der: bytes) -> None:
        """
        Raises:
            InputError: ``audit.key_unsupported``: neither Ed25519 nor EC P-256.
        """
        try:
            key = load_der_public_key(der)
        except (ValueError, TypeError) as exc:
            raise _unsupported() from exc
        on_curve = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(
            key.curve, ec.SECP256R1
        )
        if not on_curve and not isinstance(key, ed25519.Ed25519PublicKey):
            raise _unsupported()
        self._key = key
        self.der: Final = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """
        Raises:
            InputError: ``audit.key_unsupported``.
        """
        try:
            key = load_pem_public_key(pem)
        except (ValueError, TypeError) as exc:
            raise _unsupported() from exc
        return cls(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def pem(self) -> str:
        """PEM, to be published."""
        encoded = self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return encoded.decode()

    def id_for(self, name: str) -> bytes:
        """The four bytes that name this key beside a name (C2SP signed-note)."""
        if isinstance(self._key, ed25519.Ed25519PublicKey):
            raw = self._key.public_bytes(Encoding.Raw, PublicFormat.Raw)
            return hashlib.sha256(name.encode() + b"\n" + _ED25519 + raw).digest()[:_KEY_ID_BYTES]
        return hashlib.sha256(self.der).digest()[:_KEY_ID_BYTES]

    def on_wire(self, raw: bytes) -> bytes:
        """64 bytes of a signer as a note carries them: ECDSA as in ASN.1."""
        if isinstance(self._key, ed25519.Ed25519PublicKey):
            return raw
        half = _RAW_BYTES // 2
        return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))

    def holds(self, message: bytes, signature: bytes) -> bool:
        """Whether this key signed."""
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(signature, message)
            elif isinstance(self._key, ec.EllipticCurvePublicKey):
                self._key.verify(signature, message, ec.ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A checkpoint as read. Who signed it is the question of :meth:`require_signed`."""

    origin: str
    size: int
    root: bytes
    time: str
    """RFC 3339, UTC, microseconds: by the clock of whoever signed."""
    chain: bytes
    text: str
    signatures: tuple[tuple[str, bytes], ...] = field(repr=False)
    """Name, and key id with signature."""

    def require_signed(self, keys: tuple[CheckpointKey, ...]) -> CheckpointKey:
        """The key that signed, of those given.

        Raises:
            TrustError: ``audit.checkpoint_forged``: a signature by the name of one of these keys is not its;
                ``audit.checkpoint_unknown_key``: none of them signed.
        """
        for name, value in self.signatures:
            for key in keys:
                if name == self.origin and value[:_KEY_ID_BYTES] == key.id_for(name):
                    if key.holds(self.text.encode(), value[_KEY_ID_BYTES:]):
                        return key
                    raise TrustError("not signed by this key", code="audit.checkpoint_forged")
        raise TrustError("none of these keys signed it", code="audit.checkpoint_unknown_key")


def sign_checkpoint(
    *, origin: str, size: int, root: bytes, chain: bytes, at: datetime, signer: CheckpointSigner
) -> str:
    """Write and sign a checkpoint; the text of the note."""
    text = f"{origin}\n{size}\n{_base64(root)}\ntime {time_text(at)}\nchain {_base64(chain)}\n"
    key = CheckpointKey(signer.public_key_der)
    value = key.id_for(origin) + key.on_wire(signer.sign(text.encode()))
    return f"{text}\n— {origin} {_base64(value)}\n"


def read_checkpoint(note: str) -> Checkpoint:
    """Read a checkpoint without believing it.

    Raises:
        InputError: ``audit.checkpoint_malformed``.
    """
    text, cut, rest = note.partition("\n\n")
    lines = rest.split("\n")
    if len(note.encode("utf-8", "replace")) > MAX_NOTE_BYTES or not cut or lines.pop() != "":
        raise _malformed()
    found = _TEXT.match(f"{text}\n")
    signed = [_SIGNATURE.match(line) for line in lines]
    if found is None or not 0 < len(signed) <= MAX_SIGNATURES or int(found["size"]) > MAX_SIZE:
        raise _malformed()
    signatures = tuple((one["name"], _bytes(one["value"])) for one in signed if one is not None)
    root, chain = _bytes(found["root"]), _bytes(found["chain"])
    if len(signatures) != len(signed) or len(root) != HASH_BYTES or len(chain) != HASH_BYTES:
        raise _malformed()
    return Checkpoint(
        origin=found["origin"],
        size=int(found["size"]),
        root=root,
        time=found["time"],
        chain=chain,
        text=f"{text}\n",
        signatures=signatures,
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as exc:
        raise _malformed() from exc
    if _base64(data) != text:
        raise _malformed()
    return data


def _malformed() -> InputError:
    return InputError("not a checkpoint of an evidence log", code="audit.checkpoint_malformed")


def _unsupported() -> InputError:
    return InputError("keys of checkpoints are Ed25519 or EC P-256", code="audit.key_unsupported")
