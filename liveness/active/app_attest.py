"""Apple's App Attest: was a key made in the Secure Enclave of a genuine device by the operator's app, for this session?

The client makes a key for the session and hands in the attestation object of it, with the session's challenge as
client data. Steps as Apple's page "Validating apps that connect to your server" numbers them; the object is WebAuthn's
(W3C Web Authentication §6.5), CBOR (RFC 8949). Assertions under keys attested earlier are not read: nobody keeps them
here.

1. The two certificates lead to the root that the operator installed, and hold now.
2. clientDataHash is SHA-256 of the challenge.
3. The nonce is SHA-256 of the authenticator data and clientDataHash.
4. The certificate's extension 1.2.840.113635.100.8.2 holds that nonce.
5. SHA-256 of the certificate's public key is the credential's id (9).
6. The relying party is SHA-256 of the app's id.
7. The counter is zero.
8. The aaguid is that of the production service, or of development where the operator allows it.

What GENUINE does not prove: that the camera's pictures are those that were sent.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ekyc.errors import InputError
from ekyc.liveness.active.attestation import AttestationVerdict

if TYPE_CHECKING:
    from ekyc.ports import Clock

_NONCE_OID: Final = x509.ObjectIdentifier("1.2.840.113635.100.8.2")
_NONCE_PREFIX: Final = bytes.fromhex("3024a1220420")
"""SEQUENCE { [1] { OCTET STRING of 32 bytes } } up to the bytes themselves."""
PRODUCTION: Final = b"appattest" + bytes(7)
DEVELOPMENT: Final = b"appattestdevelop"
_HASH, _AAGUID, _COUNTER = 32, 16, 4
_ID_AT: Final = _HASH + 1 + _COUNTER + _AAGUID
_CERTIFICATES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AppAttestApp:
    """The operator's app, as Apple knows it."""

    app_id: str
    """Team id, a point, bundle id."""
    root_pem: bytes = field(repr=False)
    """Apple's App Attestation Root CA, fetched from Apple by the operator."""
    development: bool = False
    """Whether keys of the development service count too."""


class AppAttestVerifier:
    """Verifies attestation objects of one app. Safe to share between threads."""

    def __init__(self, app: AppAttestApp, clock: Clock) -> None:
        """
        Raises:
            InputError: ``liveness.attestation_keys_invalid``.
        """
        self._relying_party = hashlib.sha256(app.app_id.encode()).digest()
        self._services = {PRODUCTION, DEVELOPMENT} if app.development else {PRODUCTION}
        self._clock = clock
        try:
            self._root = x509.load_pem_x509_certificate(app.root_pem)
        except ValueError as exc:
            raise InputError(
                "the root certificate cannot be read",
                code="liveness.attestation_keys_invalid",
                subject="app_attest",
            ) from exc

    def verify(self, token: bytes, challenge: bytes) -> AttestationVerdict:
        """What Apple's root says of an attestation object made for ``challenge``; never raises for one."""
        try:
            holds = self._holds(token, challenge)
        except Exception:  # noqa: BLE001  # whatever a hostile object does to the parsers, it is refuted
            holds = False
        return AttestationVerdict.GENUINE if holds else AttestationVerdict.REFUTED

    def _holds(self, token: bytes, challenge: bytes) -> bool:
        statement = cbor2.loads(token)
        if statement["fmt"] != "apple-appattest":
            return False
        chain, data = statement["attStmt"]["x5c"], statement["authData"]
        if len(chain) != _CERTIFICATES or not isinstance(data, bytes):
            return False
        leaf = self._chained(*(x509.load_der_x509_certificate(one) for one in chain))  # (1)
        nonce = hashlib.sha256(data + hashlib.sha256(challenge).digest()).digest()  # (2), (3)
        return (
            _same(_extension(leaf), _NONCE_PREFIX + nonce)  # (4)
            and _same(_credential_id(data), _key_id(leaf))  # (5)
            and _same(data[:_HASH], self._relying_party)  # (6)
            and data[_HASH + 1 : _HASH + 1 + _COUNTER] == bytes(_COUNTER)  # (7)
            and data[_ID_AT - _AAGUID : _ID_AT] in self._services  # (8)
        )

    def _chained(self, leaf: x509.Certificate, issuer: x509.Certificate) -> x509.Certificate:
        """The leaf; raises where the chain does not hold."""
        now = self._clock.now()
        leaf.verify_directly_issued_by(issuer)
        issuer.verify_directly_issued_by(self._root)
        for authority, below in ((issuer, 0), (self._root, 1)):
            _require_authority(authority, below)
        if not all(_is_valid(one, now) for one in (leaf, issuer, self._root)):
            raise ValueError("a certificate does not hold at this time")
        if _basic(leaf) is not None and _basic(leaf).ca:
            raise ValueError("a certificate authority is no credential")
        return leaf


def _require_authority(certificate: x509.Certificate, below: int) -> None:
    """RFC 5280 §4.2.1.3 and §4.2.1.9: it may issue certificates, with so many authorities below it."""
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    deep_enough = basic.path_length is None or basic.path_length >= below
    if not (basic.ca and usage.key_cert_sign and deep_enough):
        raise ValueError("a certificate may not issue others")


def _basic(certificate: x509.Certificate) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return None


def _is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _extension(leaf: x509.Certificate) -> bytes:
    value = leaf.extensions.get_extension_for_oid(_NONCE_OID).value
    return value.value if isinstance(value, x509.UnrecognizedExtension) else b""


def _key_id(leaf: x509.Certificate) -> bytes:
    key = leaf.public_key()
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise TypeError("the credential's key lies not on P-256")
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return hashlib.sha256(point).digest()


def _credential_id(data: bytes) -> bytes:
    length = int.from_bytes(data[_ID_AT : _ID_AT + 2])
    return data[_ID_AT + 2 : _ID_AT + 2 + length]


def _same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)
