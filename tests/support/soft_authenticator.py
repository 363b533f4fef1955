"""An authenticator in software (WebAuthn Level 2 §6): no part of the product, and written apart from its checks."""

import base64
import hashlib
import json
import secrets

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from ekyc.signing.activation.remote import AuthenticatorAnswer
from ekyc.signing.activation.sad import Assertion

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ES256, EDDSA, RS256, ES512 = -7, -8, -257, -36


class _P256:
    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())

    def cose(self):
        numbers = self.key.public_key().public_numbers()
        return {1: 2, 3: ES256, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}

    def sign(self, data):
        return self.key.sign(data, ec.ECDSA(SHA256()))


class _P521(_P256):
    """Of an algorithm that nobody asked for."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP521R1())

    def cose(self):
        numbers = self.key.public_key().public_numbers()
        return {1: 2, 3: ES512, -1: 3, -2: numbers.x.to_bytes(66), -3: numbers.y.to_bytes(66)}


class _Ed25519:
    def __init__(self):
        self.key = ed25519.Ed25519PrivateKey.generate()

    def cose(self):
        return {1: 1, 3: EDDSA, -1: 6, -2: self.key.public_key().public_bytes_raw()}

    def sign(self, data):
        return self.key.sign(data)


class _Rsa:
    def __init__(self, bits=2048):
        self.key = rsa.generate_private_key(65537, bits)

    def cose(self):
        modulus = self.key.public_key().public_numbers().n
        return {1: 3, 3: RS256, -1: modulus.to_bytes(self.key.key_size // 8), -2: b"\x01\0\x01"}

    def sign(self, data):
        return self.key.sign(data, padding.PKCS1v15(), SHA256())


KEYS = {
    "ES256": _P256,
    "EdDSA": _Ed25519,
    "RS256": _Rsa,
    "ES512": _P521,
    "short RS256": lambda: _Rsa(1024),
}


class SoftAuthenticator:
    """One key for one relying party."""

    def __init__(self, party="portal.example", origin="https://portal.example", key="ES256"):
        self.party, self.origin = party, origin
        self.key = KEYS[key]()
        self.credential_id = secrets.token_bytes(32)
        self.count = 0
        self.flags = PRESENT | VERIFIED
        self.framed = False

    def register(self, options_json):
        """``navigator.credentials.create()``: attestation *none*."""
        challenge = json.loads(options_json)["challenge"]
        attested = (
            bytes(16)
            + len(self.credential_id).to_bytes(2)
            + self.credential_id
            + cbor2.dumps(self.key.cose(), canonical=True)
        )
        data = self._data(self.flags | ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return json.dumps(
            {
                "id": text(self.credential_id),
                "rawId": text(self.credential_id),
                "type": "public-key",
                "response": {
                    "clientDataJSON": text(self._client_data("webauthn.create", challenge)),
                    "attestationObject": text(attestation),
                },
            }
        )

    def answer(self, challenge, **changed):
        """``navigator.credentials.get()``."""
        self.count += 1
        data = self._data(self.flags)
        client = self._client_data("webauthn.get", text(challenge))
        signed = data + hashlib.sha256(client).digest()
        parts = {
            "authenticator_data": data,
            "client_data": client,
            "signature": self.key.sign(signed),
            **changed,
        }
        return AuthenticatorAnswer(credential_id=self.credential_id, assertion=Assertion(**parts))

    def answer_json(self, challenge, **changed):
        """The same, as a page sends it; the challenge is base64url."""
        padded = challenge + "=" * (-len(challenge) % 4)
        said = self.answer(base64.urlsafe_b64decode(padded), **changed)
        return {
            "rawId": text(said.credential_id),
            "response": {
                "clientDataJSON": text(said.assertion.client_data),
                "authenticatorData": text(said.assertion.authenticator_data),
                "signature": text(said.assertion.signature),
            },
        }

    def _data(self, flags):
        return (
            hashlib.sha256(self.party.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)
        )

    def _client_data(self, kind, challenge):
        said = {
            "type": kind,
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": self.framed,
        }
        return json.dumps(said).encode()


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
