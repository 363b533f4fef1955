"""Statements about clients as Google and Apple make them, by primitives alone: no JOSE library, no code under test."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zlib
from datetime import UTC, datetime, timedelta

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
CHALLENGE = hashlib.sha256(b"a session").digest()
PACKAGE, APP_ID = "vn.gov.example", "TEAM123456.vn.gov.example"
CERTIFICATE = base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class PlayConsole:
    """Holds the keys of an app and writes tokens with them."""

    def __init__(self):
        self.decryption_key = os.urandom(32)
        self.signer = ec.generate_private_key(ec.SECP256R1())

    @property
    def verification_key(self):
        return self.signer.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )

    def verdict(self, **changes):
        """A verdict that pleases; ``request``, ``app`` and ``device`` change its parts."""
        request = {
            "requestPackageName": PACKAGE,
            "requestHash": b64(CHALLENGE).decode(),
            "timestampMillis": str(int(NOW.timestamp() * 1000)),
        }
        app = {
            "appRecognitionVerdict": "PLAY_RECOGNIZED",
            "packageName": PACKAGE,
            "certificateSha256Digest": [CERTIFICATE],
            "versionCode": "42",
        }
        device = {"deviceRecognitionVerdict": ["MEETS_DEVICE_INTEGRITY"]}
        parts = {"requestDetails": request, "appIntegrity": app, "deviceIntegrity": device}
        for part, name in zip(parts, ("request", "app", "device"), strict=True):
            parts[part] = {
                key: value
                for key, value in (parts[part] | changes.get(name, {})).items()
                if value is not None
            }
        return parts

    def token(self, verdict, *, signing="ES256", header=None, signer=None):
        payload = verdict if isinstance(verdict, bytes) else json.dumps(verdict).encode()
        signed = b64(json.dumps({"alg": signing}).encode()) + b"." + b64(payload)
        r, s = decode_dss_signature((signer or self.signer).sign(signed, ec.ECDSA(hashes.SHA256())))
        return self.sealed(signed + b"." + b64(r.to_bytes(32) + s.to_bytes(32)), header=header)

    def sealed(self, inner, *, header=None):
        protected = b64(json.dumps(header or {"alg": "A256KW", "enc": "A256GCM"}).encode())
        if "zip" in (header or {}):
            deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
            inner = deflate.compress(inner) + deflate.flush()
        key, nonce = os.urandom(32), os.urandom(12)
        sealed = AESGCM(key).encrypt(nonce, inner, protected)
        wrapped = aes_key_wrap(self.decryption_key, key)
        return b".".join((protected, *map(b64, (wrapped, nonce, sealed[:-16], sealed[-16:]))))


class Apple:
    """A root, an authority and what they attest."""

    def __init__(self):
        self.root_key = ec.generate_private_key(ec.SECP384R1())
        self.issuer_key = ec.generate_private_key(ec.SECP384R1())
        self.root = self._certificate("root", self.root_key, "root", self.root_key, depth=1)
        self.issuer = self._certificate("ca", self.issuer_key, "root", self.root_key, depth=0)

    @property
    def root_pem(self):
        return self.root.public_bytes(Encoding.PEM)

    def object(self, challenge=CHALLENGE, **changes):
        """An attestation object; ``changes`` spoil it: app_id, counter, aaguid, nonce, key_id, days, chain, fmt,
        authority, after.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        key_id = changes.get("key_id", hashlib.sha256(point).digest())
        data = (
            hashlib.sha256(changes.get("app_id", APP_ID).encode()).digest()
            + b"\x40"
            + changes.get("counter", 0).to_bytes(4)
            + changes.get("aaguid", b"appattest" + bytes(7))
            + len(key_id).to_bytes(2)
            + key_id
            + b"the credential's public key"
        )
        nonce = hashlib.sha256(data + hashlib.sha256(challenge).digest()).digest()
        leaf = self._certificate(
            "leaf",
            key,
            "ca",
            changes.get("signer", self.issuer_key),
            nonce=changes.get("nonce", nonce),
            days=changes.get("days", 3),
            depth=changes.get("leaf_depth"),
        )
        chain = changes.get("chain", (leaf, changes.get("authority", self.issuer)))
        return cbor2.dumps(
            {
                "fmt": changes.get("fmt", "apple-appattest"),
                "attStmt": {
                    "x5c": [one.public_bytes(Encoding.DER) for one in chain],
                    "receipt": b"",
                },
                "authData": changes.get("data", data),
            }
        )

    def powerless_authority(self):
        """Signed by the root, but no certificate authority."""
        return self._certificate("ca", self.issuer_key, "root", self.root_key)

    @staticmethod
    def _certificate(name, key, issuer, signer, *, depth=None, nonce=None, days=3):
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=1))
            .not_valid_after(NOW + timedelta(days=days))
            .add_extension(x509.BasicConstraints(depth is not None, depth), critical=True)
            .add_extension(
                x509.KeyUsage(
                    *(nonce is not None, False, False, False, False),
                    *(depth is not None, False, False, False),
                ),
                critical=True,
            )
        )
        if nonce is not None:
            value = bytes.fromhex("3024a1220420") + nonce
            oid = x509.ObjectIdentifier("1.2.840.113635.100.8.2")
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
        return builder.sign(signer, hashes.SHA256())
