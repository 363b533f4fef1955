"""pyHanko's CSC client, unchanged, against the service over a Unix socket in this process."""

import asyncio
import socket
import threading
from contextlib import contextmanager

import aiohttp
import pytest
import uvicorn
from asgi_client import running
from csc_desk import Speaker
from pyhanko_csc import sign

from ekyc.signing import Indication, inspect_pdf


@contextmanager
def listening(app, path):
    """The application behind a real HTTP server, on a thread of its own."""
    place = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    place.bind(str(path))
    place.listen()
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(30)
        place.close()


@pytest.mark.parametrize(("credential", "count"), [("c-ec", 1), ("c-ec", 10), ("c-rsa", 10)])
def test_pyhanko_signs_through_version_1(desk, app, tmp_path, credential, count):
    with running(app) as client:
        token = Speaker(client).service_token()

    async def work():
        connector = aiohttp.UnixConnector(str(tmp_path / "s"))
        return await sign("http://localhost", token, credential, count, connector=connector)

    with listening(app, tmp_path / "s"):
        signed = asyncio.run(work())
    assert len(set(signed)) == count
    for file in signed:
        report = inspect_pdf(
            file,
            anchors=desk.pilot.anchors,
            crls=desk.pilot.ca.material().crls,
            clock=desk.clock,
        )
        assert report.signatures[0].indication is Indication.TOTAL_PASSED, report
