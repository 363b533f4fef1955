"""Blobs in a bucket that speaks S3: another :class:`ekyc.ports.BlobStore`, by ``http.client`` of the standard library.

Four requests: PUT, GET and DELETE of an object, and ListObjectsV2. Path style (``/bucket/prefix/name``), one PUT for a blob,
which S3 makes visible whole or not at all. No redirect is followed. What is sent is ciphertext; TLS is wanted all the same,
for names and sizes, but for a store on this machine.

A bucket that keeps versions keeps what was deleted: switch versioning off, or give it a rule that ends old versions.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import re
import ssl
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from ekyc.errors import InputError, UpstreamError
from ekyc.files import read_file
from ekyc.storage.errors import StorageError
from ekyc.storage.sealed.s3_signature import S3Credentials, encoded_path, encoded_query, sign

if TYPE_CHECKING:
    from ekyc.ports import Clock, Random

_NAME: Final = re.compile(r"[0-9a-f]{32}\Z")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_PREFIX: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63}/){0,8}\Z")
_EMPTY: Final = hashlib.sha256(b"").hexdigest()
_IN_MEMORY_BYTES: Final = 8 << 20
_PIECE_BYTES: Final = 1 << 18
_MOST_LIST_BYTES: Final = 8 << 20
_MOST_TOML_BYTES: Final = 64 * 1024
_OBJECT: Final = re.compile(rb"<Contents>(.*?)</Contents>", re.DOTALL)
_KEY: Final = re.compile(rb"<Key>([^<]{1,1024})</Key>")
_STORED: Final = re.compile(rb"<LastModified>([^<]{1,40})</LastModified>")
_MORE: Final = re.compile(rb"<NextContinuationToken>([^<]{1,4096})</NextContinuationToken>")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """Where the bucket is."""

    host: str
    port: int
    tls: bool
    bucket: str
    prefix: str
    credentials: S3Credentials
    ca_file: str | None
    timeout_s: float

    @classmethod
    def parse(cls, toml: bytes, *, environment: Mapping[str, str]) -> Self:
        """Settings as a TOML file has them (docs/operations.md); secrets come from the environment.

        Raises:
            InputError: ``blob.config``.
        """
        if len(toml) > _MOST_TOML_BYTES:
            raise _invalid("the file is too long")
        try:
            table: dict[str, Any] = tomllib.loads(toml.decode("utf-8"))["s3"]
            url = urlsplit(str(table["endpoint"]))
            port = url.port or (443 if url.scheme == "https" else 80)
            secrets = [
                environment[str(table[f"{one}_key_variable"])] for one in ("access", "secret")
            ]
            known = cls(
                host=url.hostname or "",
                port=port,
                tls=url.scheme == "https",
                bucket=str(table["bucket"]),
                prefix=str(table.get("prefix", "")),
                credentials=S3Credentials(
                    access_key=secrets[0], secret_key=secrets[1], region=str(table["region"])
                ),
                ca_file=table.get("ca_file"),
                timeout_s=float(table.get("timeout_s", 30)),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            raise _invalid("a value is missing, or not of its form") from exc
        known._require_sense(url.scheme, url.path)
        return known

    def _require_sense(self, scheme: str, path: str) -> None:
        if scheme not in {"https", "http"} or not self.host or path not in {"", "/"}:
            raise _invalid("the endpoint is https://host or https://host:port")
        if not self.tls and self.host not in _LOOPBACK:
            raise _invalid("http is for this machine only")
        if not _BUCKET.match(self.bucket) or not _PREFIX.match(self.prefix):
            raise _invalid("not a bucket, or not a prefix, which ends in /")
        if not 0 < self.timeout_s <= 600:
            raise _invalid("the time limit is more than 0 s and at most 600 s")


class S3BlobStore:
    """A :class:`ekyc.ports.BlobStore` over a bucket. Safe across threads and processes; each request connects anew.

    Args:
        settings: where the bucket is.
        clock: requests are signed for a moment; the store refuses one that is minutes away.
        random: source of names.
        connect: how a connection is made; by default to the host of the settings.

    Raises:
        InputError: ``blob.config``: the file of certificates cannot be used.
    """

    def __init__(
        self,
        settings: S3Settings,
        *,
        clock: Clock,
        random: Random,
        connect: Callable[[], http.client.HTTPConnection] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._random = random
        self._connect = connect or _connector(settings)

    def put(self, chunks: Iterable[bytes]) -> str:
        """Store and return the name; the store said that it has it.

        Raises:
            UpstreamError: ``blob.store_failed``, ``blob.store_refused``. Whether it is stored is then not known; a blob
                without a row is swept.
        """
        name = self._random.token_bytes(16).hex()
        digest = hashlib.sha256()
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as body:
            for chunk in chunks:
                digest.update(chunk)
                body.write(chunk)
            length = body.tell()
            body.seek(0)
            with self._asked("PUT", name, body=body, length=length, sha256=digest.hexdigest()):
                return name

    def read(self, name: str) -> Iterator[bytes]:
        """The bytes, in pieces of 256 KiB.

        Raises:
            StorageError: ``blob.unknown``.
            UpstreamError: ``blob.store_failed``, also where the answer breaks off; ``blob.store_refused``.
        """
        with self._asked("GET", name) as answer:
            left = answer.length
            while piece := answer.read(_PIECE_BYTES):
                left = None if left is None else left - len(piece)
                yield piece
            if left:
                raise _failed("the answer breaks off")

    def delete(self, name: str) -> None:
        """Remove; a name that is gone already is no error."""
        with contextlib.suppress(_UnknownBlobError), self._asked("DELETE", name):
            return

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Every blob under the prefix and when it was stored."""
        query = {"list-type": "2", "prefix": self._settings.prefix}
        while True:
            with self._asked("GET", None, query=query) as answer:
                page = answer.read(_MOST_LIST_BYTES + 1)
            if len(page) > _MOST_LIST_BYTES:
                raise _failed("a page of names is too long")
            yield from self._listed(page)
            more = _MORE.search(page)
            if more is None:
                return
            if more[1].decode() == query.get("continuation-token"):
                raise _failed("pages of names repeat themselves")
            query["continuation-token"] = more[1].decode()

    def sweep_unfinished(self, before: datetime) -> int:
        """Nothing: a PUT that breaks off leaves nothing."""
        del before
        return 0

    def _listed(self, page: bytes) -> Iterator[tuple[str, datetime]]:
        for entry in _OBJECT.findall(page):
            key, stored = _KEY.search(entry), _STORED.search(entry)
            if key is None or stored is None:
                raise _failed("a page of names has another form")
            name = key[1].decode("utf-8", "replace").removeprefix(self._settings.prefix)
            if _NAME.match(name):
                try:
                    yield name, datetime.fromisoformat(stored[1].decode())
                except ValueError as exc:
                    raise _failed("a page of names has another form") from exc

    @contextlib.contextmanager
    def _asked(
        self,
        method: str,
        name: str | None,
        *,
        query: Mapping[str, str] | None = None,
        body: IO[bytes] | None = None,
        length: int = 0,
        sha256: str = _EMPTY,
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer to one request, whose status was judged."""
        if name is not None and not _NAME.match(name):
            raise StorageError("not a name of a blob", code="blob.unknown")
        settings = self._settings
        path = f"/{settings.bucket}" + ("" if name is None else f"/{settings.prefix}{name}")
        standard = settings.port == (443 if settings.tls else 80)
        host = settings.host if standard else f"{settings.host}:{settings.port}"
        headers = sign(
            settings.credentials,
            method=method,
            path=path,
            query=query or {},
            headers={"host": host},
            payload_sha256=sha256,
            at=self._clock.now(),
        )
        if method == "PUT":
            headers["content-length"] = str(length)
        target = encoded_path(path) + (f"?{encoded_query(query)}" if query else "")
        with _link_errors(), contextlib.closing(self._connect()) as connection:
            connection.request(method, target, body=body, headers=headers)
            with contextlib.closing(connection.getresponse()) as answer:
                _judge(answer.status, name)
                yield answer


class _UnknownBlobError(StorageError):
    """There is no such object."""


def _judge(status: int, name: str | None) -> None:
    if status in {200, 204}:
        return
    if status == 404 and name is not None:
        raise _UnknownBlobError("no such blob", code="blob.unknown", subject=name)
    if status >= 500 or status == 429:
        raise _failed(f"it answers {status}")
    raise UpstreamError(
        f"the store of blobs refuses the request ({status})", code="blob.store_refused"
    )


def _connector(settings: S3Settings) -> Callable[[], http.client.HTTPConnection]:
    if not settings.tls:
        return lambda: http.client.HTTPConnection(
            settings.host, settings.port, timeout=settings.timeout_s
        )
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, TypeError) as exc:
        raise _invalid("the file of certificates cannot be used") from exc
    return lambda: http.client.HTTPSConnection(
        settings.host, settings.port, timeout=settings.timeout_s, context=context
    )


def open_s3_blobs(file: Path, *, clock: Clock, random: Random) -> S3BlobStore:
    """The store that a file describes, with secrets from the environment of the process.

    Raises:
        InputError: ``blob.config``.
    """
    try:
        toml = read_file(file, _MOST_TOML_BYTES, code="blob.config")
    except OSError as exc:
        raise _invalid("the file cannot be read") from exc
    settings = S3Settings.parse(toml, environment=os.environ)
    return S3BlobStore(settings, clock=clock, random=random)


@contextlib.contextmanager
def _link_errors() -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as exc:
        raise _failed(type(exc).__name__) from exc


def _failed(why: str) -> UpstreamError:
    return UpstreamError(f"the store of blobs failed: {why}", code="blob.store_failed")


def _invalid(message: str) -> InputError:
    return InputError(message, code="blob.config")
