"""A synchronous client of an ASGI application in this process, for HTTP and WebSockets, without any socket.

Everything of the application runs on one event loop, and only while a call of this client waits.
"""

import asyncio
from contextlib import contextmanager

import httpx

HOST = "localhost"


class SocketClosedError(Exception):
    """The application closed, or refused, the WebSocket."""

    def __init__(self, code):
        super().__init__(f"closed with {code}")
        self.code = code


class AsgiClient:
    """Requests and WebSockets on one application whose lifespan has begun."""

    def __init__(self, app, loop):
        self._app = app
        self._loop = loop
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url=f"http://{HOST}"
        )

    def request(self, method, path, **options):
        return self._run(self._http.request(method, path, **options))

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    @contextmanager
    def websocket(self, path, *, subprotocols=(), host=HOST):
        """A WebSocket that the application has accepted; leaving it disconnects."""
        socket = AsgiSocket(self._app, self._loop, path, subprotocols, host)
        try:
            socket.connect()
            yield socket
        finally:
            socket.disconnect()

    def close(self):
        self._run(self._http.aclose())

    def _run(self, awaitable):
        return self._loop.run_until_complete(asyncio.wait_for(awaitable, 30))


class AsgiSocket:
    """The client's end of one WebSocket."""

    def __init__(self, app, loop, path, subprotocols, host):
        self._loop = loop
        self._to_app, self._from_app = asyncio.Queue(), asyncio.Queue()
        self.accepted_subprotocol = None
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", host.encode())],
            "client": ("127.0.0.1", 1),
            "server": (HOST, 80),
            "subprotocols": list(subprotocols),
            "state": {},
        }
        self._task = loop.create_task(app(scope, self._to_app.get, self._from_app.put))

    def connect(self):
        self.send({"type": "websocket.connect"})
        self.accepted_subprotocol = self._receive("websocket.accept").get("subprotocol")

    def disconnect(self):
        """Leave, and let the application come to its end."""
        self.send({"type": "websocket.disconnect", "code": 1006})
        self._loop.run_until_complete(asyncio.wait_for(self._task, 30))

    def send(self, message):
        self._to_app.put_nowait(message)

    def send_text(self, text):
        self.send({"type": "websocket.receive", "text": text})

    def receive_text(self):
        return self._receive("websocket.send")["text"]

    def _receive(self, kind):
        message = self._loop.run_until_complete(asyncio.wait_for(self._from_app.get(), 30))
        if message["type"] != kind:
            raise SocketClosedError(message.get("code"))
        return message


@contextmanager
def running(app):
    """``with running(app) as client``: from start to end of the application's lifespan."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        lifespan = app.router.lifespan_context(app)
        loop.run_until_complete(lifespan.__aenter__())
        client = AsgiClient(app, loop)
        try:
            yield client
        finally:
            client.close()
            loop.run_until_complete(lifespan.__aexit__(None, None, None))
