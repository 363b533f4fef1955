"""Local stream sockets with time limits: whole frames in, whole frames out, and who is at the other end."""

from __future__ import annotations

import socket
import struct
import time
from typing import Final

from ekyc.errors import InputError
from ekyc.signing.sam.messages import HEADER_BYTES, read_length

_UCRED: Final = struct.Struct("3i")
_CHUNK: Final = 64 << 10


class ClosedError(Exception):
    """The other side has gone, between two frames or within one."""


def peer_user(connection: socket.socket) -> int:
    """The user that the kernel says is at the other end (``SO_PEERCRED``, unix(7)).

    Raises:
        InputError: ``signing.sam.platform``: this system cannot say.
    """
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        raise InputError(
            "this system does not say who is at the other end of a socket",
            code="signing.sam.platform",
        )
    _, user, _ = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, option, _UCRED.size))
    return int(user)


def receive_frame(connection: socket.socket, *, idle_s: float, frame_s: float) -> bytes:
    """The body of the next frame.

    Args:
        connection: a stream.
        idle_s: how long its first byte may take.
        frame_s: how long the rest may take, all together.

    Raises:
        ClosedError: the other side has gone.
        TimeoutError: it took too long.
        LimitError: ``signing.sam.too_long``.
        OSError: the connection broke.
    """
    connection.settimeout(idle_s)
    first = connection.recv(1)
    if not first:
        raise ClosedError
    until = time.monotonic() + frame_s
    header = first + _receive(connection, HEADER_BYTES - 1, until)
    return _receive(connection, read_length(header), until)


def send_frame(connection: socket.socket, frame: bytes, *, frame_s: float) -> None:
    """Send a whole frame.

    Raises:
        TimeoutError: the other side did not take it in time.
        OSError: the connection broke.
    """
    connection.settimeout(frame_s)
    connection.sendall(frame)


def _receive(connection: socket.socket, count: int, until: float) -> bytes:
    parts: list[bytes] = []
    while count:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(min(count, _CHUNK))
        if not part:
            raise ClosedError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
