"""An authenticator in software (WebAuthn Level 2 §6): no part of the product, and written apart from its checks."""

import base64
import hashlib
import json
import secrets

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from ekyc.signing.remote import AuthenticatorAnswer
from ekyc.signing.sad import Assertion

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class SoftAuthenticator:
    """One key for one relying party."""

    def __init__(self, party="portal.example", origin="https://portal.example"):
        self.party, self.origin = party, origin
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = secrets.token_bytes(32)
        self.count = 0
        self.flags = PRESENT | VERIFIED

    def register(self, options_json):
        """``navigator.credentials.create()``: attestation *none*."""
        challenge = json.loads(options_json)["challenge"]
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        attested = (
            bytes(16)
            + len(self.credential_id).to_bytes(2)
            + self.credential_id
            + cbor2.dumps(cose, canonical=True)
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
            "signature": self.key.sign(signed, ec.ECDSA(SHA256())),
            **changed,
        }
        return AuthenticatorAnswer(credential_id=self.credential_id, assertion=Assertion(**parts))

    def _data(self, flags):
        return (
            hashlib.sha256(self.party.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)
        )

    def _client_data(self, kind, challenge):
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
