"""A bucket in memory behind HTTP on a socket of the file system: what S3 does with four requests, and its faults.

It computes signatures by itself, from the description, and refuses what is not signed as it should be.
"""

import hashlib
import hmac
import http.client
import http.server
import socket
import socketserver
import threading
import urllib.parse
from datetime import UTC, datetime, timedelta

SECRET, REGION, BUCKET = "wJalrXUtnFEMI/K7MDENG", "hanoi-1", "ekyc-blobs"
PAGE = 3


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = True

    def handle_error(self, request, client_address):
        """A client that hangs up is none of the bucket's business."""


class Bucket:
    """Serves until closed. ``fault`` is a status, or ``cut`` or ``hang``, for all requests from then on."""

    def __init__(self, place, now):
        self.objects = {}
        self.fault = None
        self.now = now
        self.asked = []
        self.path = str(place / "s3.sock")
        bucket = self

        class Handler(_Handler):
            server_bucket = bucket

        self._server = UnixServer(self.path, Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def connect(self):
        return _UnixConnection(self.path)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("s3.mau.vn", timeout=5)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(5)
        self.sock.connect(self._path)


class _Handler(http.server.BaseHTTPRequestHandler):
    server_bucket: Bucket
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):  # noqa: A002  # the name that http.server gives it
        return

    def address_string(self):
        return "local"

    def _answer(self, status, body=b"", cut=0):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[: len(body) - cut])
        self.close_connection = True

    def _handle(self):
        bucket = self.server_bucket
        bucket.asked.append((self.command, self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path, _, query = self.path.partition("?")
        if isinstance(bucket.fault, int):
            self._answer(bucket.fault, b"<Error><Code>Fault</Code></Error>")
        elif hashlib.sha256(body).hexdigest() != self.headers["x-amz-content-sha256"]:
            self._answer(400)
        elif not self._signed():
            self._answer(403)
        elif not path.startswith(f"/{BUCKET}"):
            self._answer(404)
        else:
            self._serve(urllib.parse.unquote(path[len(BUCKET) + 2 :]), query, body)

    do_GET = do_PUT = do_DELETE = _handle  # noqa: N815  # names that http.server looks for

    def _serve(self, key, query, body):
        bucket = self.server_bucket
        if self.command == "PUT":
            bucket.objects[key] = (body, bucket.now)
            self._answer(200)
        elif self.command == "DELETE":
            bucket.objects.pop(key, None)
            self._answer(204)
        elif not key:
            self._answer(200, self._list(dict(urllib.parse.parse_qsl(query))))
        elif key not in bucket.objects:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            cut = 10 if bucket.fault == "cut" else 0
            self._answer(200, bucket.objects[key][0], cut=cut)

    def _list(self, query):
        keys = sorted(key for key in self.server_bucket.objects if key.startswith(query["prefix"]))
        later = [key for key in keys if key > query.get("continuation-token", "")]
        entries = "".join(
            f"<Contents><LastModified>{self.server_bucket.objects[key][1]:%Y-%m-%dT%H:%M:%S}.000Z"
            f"</LastModified><Size>1</Size><Key>{key}</Key></Contents>"
            for key in later[:PAGE]
        )
        if len(later) > PAGE:
            entries += f"<NextContinuationToken>{later[PAGE - 1]}</NextContinuationToken>"
        return f"<ListBucketResult>{entries}</ListBucketResult>".encode()

    def _signed(self):
        algorithm, _, rest = self.headers["authorization"].partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        moment = datetime.strptime(self.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs(moment - self.server_bucket.now) > timedelta(minutes=15):
            return False
        names = parts["SignedHeaders"].split(";")
        path, _, query = self.path.partition("?")
        request = [self.command, path, query]
        request += [*(f"{name}:{self.headers[name]}" for name in names), "", ";".join(names)]
        request.append(self.headers["x-amz-content-sha256"])
        scope = parts["Credential"].split("/", 1)[1]
        digest = hashlib.sha256("\n".join(request).encode()).hexdigest()
        text = "\n".join((algorithm, self.headers["x-amz-date"], scope, digest))
        key = f"AWS4{SECRET}".encode()
        for one in (f"{moment:%Y%m%d}", REGION, "s3", "aws4_request", text):
            key = hmac.new(key, one.encode(), hashlib.sha256).digest()
        return key.hex() == parts["Signature"] and "host" in names
