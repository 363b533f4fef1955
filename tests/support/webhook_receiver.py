"""A receiver of webhooks in a process of its own: TLS, its own verifier by the published text, a journal on disk.

    python webhook_receiver.py FOLDER

The folder holds ``cert.pem``, ``key.pem`` and ``keys.json`` (``whsec_…`` and ``whpk_…``); the port is printed. Each
message is a line of ``journal.ndjson``, on disk before it is answered. ``answer.txt``, if there, says how: a status and,
after a space, ``Retry-After``; ``hang`` answers nothing.

Nothing of ekyc is imported: this is the other side.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import os
import ssl
import sys
import time
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE_S = 5 * 60


def verify(keys, headers, body, now):
    """The forms that a message is signed in, out of those that there are keys for; none is a forgery.

    Standard Webhooks 1.0.0, "Verifying signatures".
    """
    message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(now - int(timestamp)) > TOLERANCE_S:
        return set()
    signed = message_id.encode() + b"." + timestamp.encode() + b"." + body
    good = set()
    for part in headers["webhook-signature"].split(" "):
        form, _, text = part.partition(",")
        signature = base64.b64decode(text, validate=True)
        for key in keys:
            prefix, _, encoded = key.partition("_")
            raw = base64.b64decode(encoded, validate=True)
            if form == "v1" and prefix == "whsec":
                expected = hmac.new(raw, signed, hashlib.sha256).digest()
                if hmac.compare_digest(expected, signature):
                    good.add("v1")
            if form == "v1a" and prefix == "whpk":
                try:
                    Ed25519PublicKey.from_public_bytes(raw).verify(signature, signed)
                except InvalidSignature:
                    continue
                good.add("v1a")
    return good


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder = Path()

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:  # the sender died in the middle: no message
            self.close_connection = True
            return
        keys = json.loads((self.folder / "keys.json").read_text())
        good = verify(keys, self.headers, body, time.time())
        line = {
            "id": self.headers["webhook-id"],
            "forms": sorted(good),
            "host": self.headers["Host"],
            "path": self.path,
            "headers": {
                name: self.headers[name]
                for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
            },
            "body": body.decode(),
        }
        journal = os.open(self.folder / "journal.ndjson", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(journal, json.dumps(line).encode() + b"\n")
        os.fsync(journal)
        os.close(journal)
        status, wait = self.wanted()
        while status == "hang":
            time.sleep(0.05)
            status, wait = self.wanted()
        self.send_response(int(status))
        self.send_header("Content-Length", "0")
        if wait:
            self.send_header("Retry-After", wait)
        if status == "302":
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def wanted(self):
        """Status and ``Retry-After`` that are asked for."""
        asked = self.folder / "answer.txt"
        status, _, wait = (asked.read_text().strip() if asked.exists() else "204").partition(" ")
        return status, wait

    def log_message(self, format, *args):  # noqa: A002 - its name in the base class
        """Quiet."""


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Quiet: senders die in the middle."""


def main():
    Receiver.folder = Path(sys.argv[1])
    server = Server(("127.0.0.1", 0), Receiver)
    if (Receiver.folder / "cert.pem").exists():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Receiver.folder / "cert.pem", Receiver.folder / "key.pem")
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
