"""The verifier page as the service hands it out: real HTTP, its policy as a header, the verdict in a real browser."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import credential_desk
import pytest
from chromium import Chromium
from credential_desk import BIRTH, ISSUER, Registry
from httpx import ASGITransport, AsyncClient
from relay_server import NoVerifier

from ekyc.api import create_app
from ekyc.api.publication import Publication
from ekyc.ports import SystemClock, SystemRandom
from ekyc.signing.credentials import schema_of
from ekyc.signing.credentials.issuer import ResultIssuer
from ekyc.storage import ServiceKey, Storage

pytestmark = [pytest.mark.system, pytest.mark.enable_socket]
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def browser(tmp_path):
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no Chromium on this machine")
    running = Chromium(program, tmp_path / "profile")
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def office(tmp_path, monkeypatch):
    """Text of a result on record, and the answers of a service that publishes what it is checked with."""
    monkeypatch.setattr(credential_desk, "NOW", NOW)
    registry = Registry()
    trust = tmp_path / "trust.jwt"
    trust.write_text(registry.signed_trust_list())
    with Storage.open(tmp_path / "state.sqlite3") as storage:
        issuer = ResultIssuer(
            id=ISSUER,
            series=f"{ISSUER}/tt",
            signer=registry.signer,
            register=storage.issued_results,
            service_key=ServiceKey(SystemRandom().token_bytes(32)),
        )
        schema = schema_of("birth-extract")
        text = issuer.issue_qr(schema, BIRTH, person="048185012345", life=timedelta(days=9))
        publication = Publication(
            results=storage.issued_results,
            series=f"{ISSUER}/tt",
            signer=registry.status_signer,
            trust_list=trust,
            operator_key=registry.operator.public,
            clock=SystemClock(),
        )
        app = create_app(NoVerifier(), storage, publication=publication)

        async def get(path):
            transport = ASGITransport(app=app)
            async with (
                app.router.lifespan_context(app),
                AsyncClient(transport=transport, base_url="http://localhost") as client,
            ):
                return await client.get(path)

        yield text, lambda path: asyncio.run(get(path))


@pytest.fixture
def address(office):
    """A port at which the application's answers are given, headers and all."""
    get = office[1]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer = get(self.path)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format, *args):  # noqa: A002  # the name that the base class gives
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_result_passes_in_the_page_that_is_served(office, address, browser):
    verdict = '.then(() => element("verdict").dataset.outcome)'
    text = office[0]
    assert browser.open(f"{address}/verify", f"check({json.dumps(text)}){verdict}") == "PASSED"
    altered = text[:-1] + ("0" if text[-1] != "0" else "1")
    assert browser.open(f"{address}/verify", f"check({json.dumps(altered)}){verdict}") == "FAILED"
    breaches = [
        message["params"]["entry"]["text"]
        for message in browser.messages
        if message.get("method") == "Log.entryAdded"
        and "favicon" not in json.dumps(message["params"])
    ]
    assert breaches == []
