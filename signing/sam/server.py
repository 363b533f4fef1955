"""The socket of the signing process.

1. One process at a time serves a path: it holds a lock beside the socket that the kernel lets go of when the process
   ends, however it ends. A socket that a killed process left is replaced.
2. The socket is closed to all other users before anybody can connect, and the kernel is asked who is at the other end.
3. A peer has limited time for each frame and gets one answer for each; what cannot be read ends the connection.
4. Told to stop, the process takes no more connections, answers what it has begun, and goes: what has not ended when the
   grace is over is left without an answer. Should anything hold the process up even then, the kernel ends it. Either is
   as safe as a kill: no signature leaves before its release is on disk.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import selectors
import signal
import socket
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread, current_thread, main_thread
from typing import IO, Any, Final

from ekyc.errors import BusyError, EkycError, InputError
from ekyc.signing.sam.messages import read_body, write_error, write_frame
from ekyc.signing.sam.sockets import ClosedError, peer_user, receive_frame, send_frame

_MAX_PATH: Final = 100
"""sun_path has 108 bytes (unix(7))."""
_PATH: Final = "signing.sam.socket_path"
_AFTERWARDS_S: Final = 5.0
"""For what the process does besides, once the grace is over."""
_log = logging.getLogger("ekyc.sam")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """How long a peer may take, and how many there may be."""

    idle_s: float = 60.0
    """Between two requests."""
    frame_s: float = 5.0
    """For the bytes of one request, and of one answer."""
    grace_s: float = 15.0
    """For all that has begun when the process is told to stop."""
    connections: int = 64


class SamServer:
    """Listens and answers.

    Args:
        answer: gives the answer to a message; never raises.
        path: of the socket.
        users: who may connect, by user id.
        limits: times and numbers.

    Raises:
        InputError: ``signing.sam.socket_in_use`` (another process serves it), ``signing.sam.socket_path`` (too long, or
            its folder may be written by others), ``signing.sam.platform``.
    """

    def __init__(
        self,
        answer: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        path: Path,
        *,
        users: frozenset[int],
        limits: ServerLimits | None = None,
    ) -> None:
        self._answer = answer
        self._path = path
        self._users = users
        self._limits = limits or ServerLimits()
        self._mutex = Lock()
        self._open: dict[socket.socket, Thread] = {}
        self._stopping = False
        self._lock_file = _take_lock(path)  # (1)
        try:
            self._listener = _listen(path)
        except BaseException:
            self._lock_file.close()
            raise
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)

    def serve(self) -> None:
        """Serve until :meth:`stop` is called; returns within ``grace_s`` of that, whatever peers do."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._stopping:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    self._woken.recv(64)  # the handler of a signal runs before the next wait
                if self._listener in ready and not self._stopping:
                    self._accept()
        self._close()

    def stop_on(self, *numbers: int) -> None:
        """End :meth:`serve` on these signals; to be called from the main thread, which then serves.

        The kernel hands a signal to any thread. Only the descriptor that is named here wakes the one that waits. A process
        that is still there five seconds after the grace, say because nobody reads its log, is ended by SIGALRM.
        """
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, self._told)

    def stop(self) -> None:
        """End :meth:`serve`. May be called from any thread, and twice."""
        self._stopping = True
        with suppress(OSError):
            self._wake.send(b"\0")

    def _told(self, *_: object) -> None:
        if not self._stopping:
            signal.setitimer(signal.ITIMER_REAL, self._limits.grace_s + _AFTERWARDS_S)
        self.stop()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:  # gone again, or no descriptor is left
            _log.warning("no connection taken: %s", errno.errorcode.get(error.errno or 0, "?"))
            return
        user = peer_user(connection)
        if user not in self._users:  # (2)
            _log.warning("turned away: user %d", user)
            connection.close()
            return
        thread = Thread(target=self._serve_one, args=(connection,), daemon=True)
        with self._mutex:
            taken = len(self._open) < self._limits.connections
            if taken:
                self._open[connection] = thread
        try:
            if taken:
                thread.start()
                return
        except RuntimeError:  # the system gives no more threads
            with self._mutex:
                del self._open[connection]
        _turn_away(connection)

    def _serve_one(self, connection: socket.socket) -> None:
        try:
            with connection:
                while not self._stopping and self._exchange(connection):  # (3)
                    pass
        except (ClosedError, OSError):
            return  # its side is gone or too slow; what it asked for was answered or not begun
        finally:
            with self._mutex:
                self._open.pop(connection, None)

    def _exchange(self, connection: socket.socket) -> bool:
        """Answer one request; whether another may follow."""
        limits = self._limits
        try:
            body = receive_frame(connection, idle_s=limits.idle_s, frame_s=limits.frame_s)
            message = read_body(body)
        except EkycError as error:
            send_frame(connection, write_frame(write_error(error)), frame_s=limits.frame_s)
            return False
        answer = self._answer(message)
        send_frame(connection, write_frame(answer), frame_s=limits.frame_s)
        return True

    def _close(self) -> None:  # (4)
        self._listener.close()
        with suppress(FileNotFoundError):
            self._path.unlink()
        until = time.monotonic() + self._limits.grace_s
        with self._mutex:
            waiting = dict(self._open)
        for connection in waiting:
            _shut(connection, socket.SHUT_RD)
        for connection, thread in waiting.items():
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                _shut(connection, socket.SHUT_RDWR)
        if current_thread() is main_thread():
            signal.set_wakeup_fd(-1)
        for end in (self._wake, self._woken):
            end.close()
        self._lock_file.close()


def _turn_away(connection: socket.socket) -> None:
    """Say so to one too many, without waiting: the buffer of a new connection has room."""
    busy = BusyError("too many connections", code="signing.sam.busy")
    with connection, suppress(OSError):
        send_frame(connection, write_frame(write_error(busy)), frame_s=0)


def _shut(connection: socket.socket, how: int) -> None:
    with suppress(OSError):
        connection.shutdown(how)


def require_socket_path(path: Path) -> None:
    """Return if a process may serve a socket there; a folder that is not there yet is made by whoever serves.

    Raises:
        InputError: ``signing.sam.socket_path``: too long, or its folder may be written by others.
    """
    if len(os.fsencode(path)) > _MAX_PATH:
        raise InputError(f"a socket's path has at most {_MAX_PATH} bytes", code=_PATH)
    try:
        mode = path.parent.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as exc:
        raise _not_made(exc) from exc
    if mode & (stat.S_IWGRP | stat.S_IWOTH) and not mode & stat.S_ISVTX:
        raise InputError("others may write the socket's folder", code=_PATH)


def _not_made(error: OSError) -> InputError:
    why = os.strerror(error.errno or 0)
    return InputError(f"the socket cannot be made ({why})", code=_PATH)


def _take_lock(path: Path) -> IO[bytes]:
    require_socket_path(path)  # before anything is made
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_socket_path(path)
        handle = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise _not_made(exc) from exc
    lock_file = os.fdopen(handle, "r+b")
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        lock_file.close()
        raise InputError(
            "another process serves this socket", code="signing.sam.socket_in_use"
        ) from exc
    return lock_file


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        peer_user(listener)  # fails here rather than at the first connection
        with suppress(FileNotFoundError):
            path.unlink()
        listener.bind(os.fspath(path))
        path.chmod(0o600)  # (2) before listen: nobody can have connected
        listener.listen()
        listener.setblocking(False)
    except OSError as exc:
        listener.close()
        raise _not_made(exc) from exc
    except BaseException:
        listener.close()
        raise
    return listener
