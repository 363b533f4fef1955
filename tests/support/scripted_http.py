"""An authority across HTTP that behaves as a script says: one behaviour for each request, the last one for all after.

It listens on a socket of the file system, so that tests need no network. Behaviours take the connection and the request's
body, answer as they like, and say whether the connection stays open.
"""

import os
import socket
import threading
from contextlib import suppress


def reply(body, *, media_type, status="200 OK", more="", keep=True):
    """One honest answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + more.encode() + b"\r\n" + body, keep


class ScriptedHttp:
    """Serves until closed; ``connections`` and ``requests`` say what came."""

    def __init__(self, place, *script):
        self.path = str(place / f"http-{os.urandom(4).hex()}.sock")
        self.script = list(script)
        self.connections = 0
        self.requests = []
        self._links = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def dial(self, host, port, timeout_s):
        del host, port
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(timeout_s)
        link.connect(self.path)
        return link

    def close(self):
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for link in self._links:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for link in self._links:
            link.close()

    def _accept(self):
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._links.append(link)
            thread = threading.Thread(target=self._serve, args=(link,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, link):
        with suppress(OSError, ValueError), link.makefile("rb") as stream:
            while (request := _read_request(stream)) is not None:
                self.requests.append(request)
                behaviour = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                if not behaviour(link, request):
                    break
            link.shutdown(socket.SHUT_RDWR)


def _read_request(stream):
    first = stream.readline()
    if not first:
        return None
    length = 0
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return first.split()[0].decode(), first.split()[1].decode(), stream.read(length)


def answering(answer, *, media_type, **how):
    """Answers a request's body with ``answer(body)``."""

    def behave(link, request):
        data, keep = reply(answer(request[2]), media_type=media_type, **how)
        link.sendall(data)
        return keep

    return behave


def saying(data, *, keep=False):
    """Sends bytes, whatever was asked."""

    def behave(link, _):
        link.sendall(data)
        return keep

    return behave


def dripping(data, until):
    """Sends an octet now and then, until an event is set."""

    def behave(link, _):
        for octet in data:
            if until.wait(0.05):
                break
            link.sendall(bytes((octet,)))
        return False

    return behave


def silent(until):
    """Says nothing until an event is set."""

    def behave(*_):
        until.wait(30)
        return False

    return behave
