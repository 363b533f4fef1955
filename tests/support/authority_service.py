"""A national verification service for tests: it signs in every form, over TLS through a Unix socket or loopback."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def service_toml(*, url, ca_file, socket=None):
    """The file that an operator writes for the service of these tests."""
    place = f'socket = "{socket}"' if socket else ""
    return f"""
schema = "ekyc.authority-service/1"
name = "Test service"
[service]
url = "{url}"
ca_file = "{ca_file}"
{place}
[request.body]
id = "{{request_id}}"
sod = "{{EF.SOD}}"
[answer]
request_id = "id"
verdict = "genuine"
genuine = [true]
not_genuine = [false]
[answer.signature]
form = "jws"
algorithm = "ES256"
keys = ["service.pem"]
"""


def new_key(kind="RS", size=2048):
    return (
        rsa.generate_private_key(65537, size)
        if kind in {"RS", "PS"}
        else ec.generate_private_key(ec.SECP256R1())
    )


def public_pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certificate_pem(key, *, at=NOW, days=30, host="authority.example"):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test service, no authority")])
    names = x509.SubjectAlternativeName(
        [x509.DNSName(host), x509.IPAddress(ip_address("127.0.0.1"))]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=days))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def sign(key, algorithm, message):
    """As RFC 7518 §3 names it; ``-DER`` leaves an ECDSA signature as it is."""
    digest = HASHES[algorithm[2:5]]
    if algorithm.startswith("RS"):
        return key.sign(message, padding.PKCS1v15(), digest)
    if algorithm.startswith("PS"):
        pss = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
        return key.sign(message, pss, digest)
    signature = key.sign(message, ec.ECDSA(digest))
    if algorithm.endswith("-DER"):
        return signature
    size = (key.key_size + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(signature))


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def compact_jws(key, algorithm, payload, **header):
    protected = base64url(json.dumps({"alg": algorithm, **header}).encode())
    message = f"{protected}.{base64url(payload)}"
    return f"{message}.{base64url(sign(key, algorithm, message.encode()))}"


@dataclass
class TlsService:
    """Answers each connection with what ``answer`` makes of the request's head and body, then closes."""

    answer: Callable[[bytes, bytes], bytes]
    listening: socket.socket
    context: ssl.SSLContext
    requests: list[bytes] = field(default_factory=list)

    def __enter__(self):
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self._thread.join(10)

    def _serve(self):
        while True:
            try:
                raw, _ = self.listening.accept()
            except OSError:
                return
            try:
                with raw, self.context.wrap_socket(raw, server_side=True) as tls:
                    tls.settimeout(10)
                    self._converse(tls)
            except OSError:
                continue

    def _converse(self, tls):
        received = b""
        while b"\r\n\r\n" not in received:
            received += tls.recv(65536) or b"\r\n\r\n"
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        while len(body) < length:
            body += tls.recv(65536)
        self.requests.append(head)
        answer = self.answer(head, body)
        for part in [answer] if isinstance(answer, bytes) else answer:
            tls.sendall(part)


def server_context(folder: Path, *, host="authority.example"):
    """TLS for a service under a certificate of its own, which is written to ``tls.pem``."""
    key = new_key("ES")
    (folder / "tls.pem").write_bytes(certificate_pem(key, at=datetime.now(UTC), host=host))
    (folder / "tls.key").write_bytes(private_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.pem", folder / "tls.key")
    return context


def http_answer(body, *, status="200 OK", headers=()):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body
