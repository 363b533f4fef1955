"""Asking the signing process. What it holds looks like any other key: :meth:`SamClient.identity`.

A request is sent once. Where the answer is lost, nobody here knows whether the SAD was used: :meth:`SamClient.recall` asks,
and is given what left. The signing process sees to it that no evidence lets signatures out twice.
"""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

from ekyc.errors import EkycError, TrustError, UpstreamError
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.keys.algorithms import (
    SignatureAlgorithm,
    algorithm_of,
    require_digest,
    verify_value,
)
from ekyc.signing.keys.port import KeyProtection
from ekyc.signing.sam.messages import (
    DescribeRequest,
    PingRequest,
    Request,
    SignRequest,
    decode,
    read_answer,
    read_body,
    write_frame,
    write_request,
)
from ekyc.signing.sam.sockets import ClosedError, peer_user, receive_frame, send_frame
from ekyc.signing.signatory import SigningIdentity, public_key_der_of

_IDLE_CONNECTIONS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SamCredential:
    """A credential as the signing process describes it."""

    id: str
    certificate_der: bytes
    issuers_der: tuple[bytes, ...]
    """The chain above, root included."""
    methods: tuple[ActivationMethod, ...]
    protection: KeyProtection

    def __repr__(self) -> str:
        return f"SamCredential({self.id})"


class SamKey:
    """A key of the signing process behind the port of all keys: each digest is authorised before it is signed.

    Args:
        client: reaches the signing process.
        credential: whose key it is.
        authorise: gives a SAD that pins this one digest.
    """

    __slots__ = ("_authorise", "_client", "_credential", "algorithm", "public_key_der")

    def __init__(
        self, client: SamClient, credential: SamCredential, *, authorise: Callable[[bytes], str]
    ) -> None:
        self._client = client
        self._credential = credential.id
        self._authorise = authorise
        self.public_key_der: Final = public_key_der_of(credential.certificate_der)
        self.algorithm: Final = algorithm_of(self.public_key_der)

    def sign_digest(self, digest: bytes) -> bytes:
        """Have it signed; errors of :meth:`SamClient.sign` and of whoever authorises.

        Raises:
            UpstreamError: ``signing.sam.lied``: the answer is no signature of this key over this digest.
        """
        require_digest(digest)
        (value,) = self._client.sign(
            self._authorise(digest),
            credential_id=self._credential,
            hashes=(digest,),
            algorithm=self.algorithm,
        )
        try:
            verify_value(self.public_key_der, digest, value)
        except TrustError as exc:
            raise UpstreamError(
                "the answer is not a signature over what was asked", code="signing.sam.lied"
            ) from exc
        return value

    def __repr__(self) -> str:
        return f"SamKey({self.algorithm})"


class SamClient:
    """Reaches the signing process. Safe to use from many threads; close it, or use it as a context manager.

    Args:
        path: of its socket.
        user: whose process it must be, by user id; ours by default.
        connect_s: limit for connecting and for sending.
        answer_s: limit for an answer: a token may take its time over a hundred RSA signatures.
    """

    def __init__(
        self,
        path: Path,
        *,
        user: int | None = None,
        connect_s: float = 5.0,
        answer_s: float = 30.0,
    ) -> None:
        self._path = path
        self._user = os.getuid() if user is None else user
        self._connect_s = connect_s
        self._answer_s = answer_s
        self._mutex = Lock()
        self._idle: list[socket.socket] = []

    def sign(
        self,
        sad: str,
        *,
        credential_id: str,
        hashes: Sequence[bytes],
        algorithm: SignatureAlgorithm,
    ) -> tuple[bytes, ...]:
        """See :meth:`ekyc.signing.activation.module.ActivationModule.sign`, and:

        Raises:
            UpstreamError: ``signing.sam.unreachable`` (nothing was asked), ``signing.sam.lost`` (asked, and no answer
                came), ``signing.sam.malformed``, ``signing.sam.failed``.
            BusyError: ``signing.sam.busy``: nothing was signed.
        """
        request = SignRequest(
            sad=sad, credential=credential_id, hashes=tuple(hashes), algorithm=algorithm
        )
        return self._values(request)

    def recall(
        self,
        sad: str,
        *,
        credential_id: str,
        hashes: Sequence[bytes],
        algorithm: SignatureAlgorithm,
    ) -> tuple[bytes, ...]:
        """See :meth:`ekyc.signing.activation.module.ActivationModule.recall`, and :meth:`sign`."""
        request = SignRequest(
            sad=sad, credential=credential_id, hashes=tuple(hashes), algorithm=algorithm, again=True
        )
        return self._values(request)

    def _values(self, request: SignRequest) -> tuple[bytes, ...]:
        answer = self._ask(request)
        with _readable():
            values = tuple(map(decode, answer["values"]))
            if len(values) != len(request.hashes):
                raise ValueError("not one value a hash")
        return values

    def describe(self, credential_id: str) -> SamCredential:
        """A credential.

        Raises:
            InputError: ``activation.credential_unknown``.
            UpstreamError: as for :meth:`sign`.
        """
        answer = self._ask(DescribeRequest(credential=credential_id))
        with _readable():
            own, *above = map(decode, answer["certificates"])
            return SamCredential(
                id=credential_id,
                certificate_der=own,
                issuers_der=tuple(above),
                methods=tuple(map(ActivationMethod, answer["methods"])),
                protection=KeyProtection(answer["protection"]),
            )

    def identity(self, credential_id: str, *, authorise: Callable[[bytes], str]) -> SigningIdentity:
        """A credential as somebody who signs: everything that takes a :class:`SigningIdentity` signs through it.

        Args:
            credential_id: which one.
            authorise: gives a SAD that pins this one digest.
        """
        credential = self.describe(credential_id)
        return SigningIdentity(
            key=SamKey(self, credential, authorise=authorise),
            certificate_der=credential.certificate_der,
            issuers_der=credential.issuers_der,
        )

    def ping(self) -> None:
        """Return if the signing process answers; errors of :meth:`sign`."""
        self._ask(PingRequest())

    def close(self) -> None:
        """Close what is open. Twice is once."""
        with self._mutex:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, request: Request) -> Mapping[str, Any]:
        frame = write_frame(write_request(request))
        connection = self._taken() or self._connected()
        try:
            with suppress(
                BrokenPipeError, ConnectionResetError
            ):  # it may have said why before it hung up
                send_frame(connection, frame, frame_s=self._connect_s)
            body = receive_frame(connection, idle_s=self._answer_s, frame_s=self._connect_s)
            message = read_body(body)
        except (ClosedError, OSError) as exc:
            connection.close()
            raise UpstreamError(
                "the signing process gave no answer; whether it signed is not known",
                code="signing.sam.lost",
            ) from exc
        except EkycError as exc:
            connection.close()
            raise _unreadable() from exc
        except BaseException:
            connection.close()
            raise
        self._put_back(connection)
        return read_answer(message)

    def _taken(self) -> socket.socket | None:
        """A connection from before, if the other side still holds it."""
        while True:
            with self._mutex:
                connection = self._idle.pop() if self._idle else None
            if connection is None or not _has_news(connection):
                return connection
            connection.close()  # an answer nobody waits for, or the end

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self._connect_s)
            connection.connect(os.fspath(self._path))
            served_by = peer_user(connection)
        except OSError as exc:
            connection.close()
            raise UpstreamError(
                "the signing process is not there", code="signing.sam.unreachable"
            ) from exc
        except BaseException:
            connection.close()
            raise
        if served_by != self._user:
            connection.close()
            raise UpstreamError(
                "another user's process serves the socket", code="signing.sam.unreachable"
            )
        return connection

    def _put_back(self, connection: socket.socket) -> None:
        with self._mutex:
            if len(self._idle) < _IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()


@contextmanager
def _readable() -> Iterator[None]:
    """An answer of another form than expected is the other side's fault."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as exc:
        raise _unreadable() from exc


def _has_news(connection: socket.socket) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(0))


def _unreadable() -> UpstreamError:
    return UpstreamError(
        "the signing process answered something else", code="signing.sam.malformed"
    )
