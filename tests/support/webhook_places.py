"""Where webhooks are sent to: a receiver in a process of its own, and the authority that it is believed by."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ekyc.flows.webhook_signatures import shown_key

SUPPORT = Path(__file__).parent
HOST = "localhost"


def make_authority(folder):
    """A test CA, and a receiver's certificate by it, as files; the folder."""
    now = datetime.now(UTC)

    def name(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def builder(subject, key):
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("Test CA"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )

    root, host = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(root.public_key())
    usage = dict.fromkeys(
        (
            "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
            "decipher_only", "digital_signature",
        ),
        False,
    )  # fmt: skip
    ca = (
        builder("Test CA", root)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage),
            critical=True,
        )
        .add_extension(identifier, critical=False)
        .sign(root, hashes.SHA256())
    )
    certificate = (
        builder(HOST, host)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False
        )
        .sign(root, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(
        host.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    return folder


class Receiver:
    """The receiver's process, and what it wrote down."""

    def __init__(self, folder, authority):
        self.folder = folder
        for file in ("cert.pem", "key.pem"):
            (folder / file).write_bytes((authority / file).read_bytes())
        self.process = subprocess.Popen(
            [sys.executable, str(SUPPORT / "webhook_receiver.py"), str(folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self.process.stdout.readline())
        self.url = f"https://{HOST}:{self.port}/hooks?from=ekyc"

    def holds(self, secrets):
        (self.folder / "keys.json").write_text(json.dumps([shown_key(one) for one in secrets]))

    def answers(self, text):
        fresh = self.folder / "answer.new"
        fresh.write_text(text)
        fresh.replace(self.folder / "answer.txt")

    @property
    def journal(self):
        file = self.folder / "journal.ndjson"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
