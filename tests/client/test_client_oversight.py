"""The clients and what looks after the rest: data subjects' requests, the evidence log, reports."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json

import httpx
import pytest

from ekyc.api import create_app
from ekyc.api.v1 import ResourceFront
from ekyc.client import ApiError, AsyncClient, Client, DeniedError, NotFoundError, RetryPolicy
from ekyc.errors import UpstreamError
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey, Storage
from ekyc.storage.evidence.notes import CheckpointKey, ServiceCheckpointSigner
from ekyc.storage.evidence.proofs import inspect_proof

KEY = ServiceKey(bytes(32))
SIGNER = ServiceCheckpointSigner(KEY)
PUBLIC = CheckpointKey(SIGNER.public_key_der)


@pytest.fixture
def storage(tmp_path):
    with Storage.open(tmp_path / "state.sqlite3") as opened:
        yield opened


@pytest.fixture
def app(verifier, storage, tmp_path):
    """The application of the other tests, with somewhere to keep things."""
    keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
    vault = storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))
    front = ResourceFront(storage.dossiers(KEY), vault=vault)
    return create_app(verifier, storage, scratch_parent=tmp_path, resources=front)


def test_a_right_is_claimed_seen_and_called_off(client):
    made = client.rights.file("access", text="Tôi muốn biết", number="079185001234")
    told = client.rights.acknowledge(made.id)
    later = client.rights.extend(made.id, reasons=("rights.complex",))

    assert (made.state, told.state, later.raw["extended"]) == ("received", "acknowledged", True)
    assert later.answer_by > made.answer_by
    assert later.reasons[0].code == "rights.complex"
    assert [one.id for one in client.rights.all(kind="access")] == [made.id]
    assert list(client.rights.all(kind="delete")) == []
    said = client.rights.statement(made.id)
    assert said.number == "079185001234"
    assert "079185001234" not in repr(said)
    for decide in (
        lambda: client.rights.grant(later, "counter"),
        lambda: client.rights.refuse(later, reasons=("rights.law_keeps",)),
    ):
        with pytest.raises(DeniedError) as caught:
            decide()
        assert caught.value.code == "decision.four_eyes"  # in development one person is everybody
    with pytest.raises(NotFoundError) as missing:
        client.rights.export(made.id)
    assert missing.value.code == "rights.no_export"
    assert client.rights.cancel(made.id).state == "canceled"


def test_the_log_is_read_and_proved(client, storage):
    made = client.rights.file("access")
    client.rights.statement(made.id)
    storage.checkpoints.make(signer=SIGNER)
    entries = list(client.audit.entries())
    kinds = [json.loads(one.event)["kind"] for one in entries]
    assert kinds == ["log.opened", "request.filed", "media.viewed"]
    assert [one.what for one in client.audit.accesses(file=made.id)] == ["statement"]
    latest = client.audit.latest_checkpoint()
    assert [latest] == list(client.audit.checkpoints())
    for proof in (client.audit.inclusion(1), client.audit.consistency(latest.size)):
        report = inspect_proof(json.dumps(proof).encode(), keys=(PUBLIC,))
        assert report.check.outcome == "PASSED"
    assert client.reports.times(days=7)["data"] == []


def test_the_other_client_does_the_same(app):
    async def conversation():
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            AsyncClient("http://localhost", transport=transport) as ekyc,
        ):
            made = await ekyc.rights.file("correct")
            await ekyc.rights.acknowledge(made.id)
            listed = [one.id async for one in ekyc.rights.all()]
            entries = [one async for one in ekyc.audit.entries()]
            report = await ekyc.reports.times()
            return made, listed, entries, report, await ekyc.rights.get(made.id)

    made, listed, entries, report, now = asyncio.run(conversation())
    assert (listed, now.state) == ([made.id], "acknowledged")
    assert len(entries) == 3
    assert report["complete"] is True


def test_an_export_that_is_not_what_its_digest_says_is_not_taken():
    answer = httpx.Response(200, content=b"PK", headers={"Content-Digest": "sha-256=:AAAA:"})
    transport = httpx.MockTransport(lambda _: answer)
    with (
        Client("http://localhost", transport=transport, retries=RetryPolicy(attempts=1)) as ekyc,
        pytest.raises(UpstreamError) as caught,
    ):
        ekyc.rights.export("0" * 32)
    assert caught.value.code == "http.foreign"


ORDER = "12/2026/QĐ-CQĐT"


def test_a_hold_is_proposed_seen_and_declined(client):
    made = client.protections.hold(ORDER, citizen="c" * 64)
    assert (made.kind, made.state, made.order) == ("legal-hold", "proposed", ORDER)
    assert client.protections.get(made.id) == made
    assert [one.id for one in client.protections.all(state="proposed")] == [made.id]
    with pytest.raises(DeniedError) as caught:
        client.protections.confirm(made)
    assert caught.value.code == "decision.four_eyes"
    with pytest.raises(ApiError) as unlifted:
        client.protections.lift(made, reasons=("rights.order_over",))
    assert unlifted.value.code == "protection.state"
    assert client.protections.decline(made).state == "declined"


def test_the_other_client_holds_likewise(app):
    async def conversation():
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            AsyncClient("http://localhost", transport=transport) as ekyc,
        ):
            made = await ekyc.protections.hold(ORDER, citizen="c" * 64)
            listed = [one async for one in ekyc.protections.all()]
            codes = []
            for refused in (
                ekyc.protections.confirm(made),
                ekyc.protections.lift(made, reasons=("rights.order_over",)),
            ):
                try:
                    await refused
                except ApiError as error:
                    codes.append(error.code)
            same = await ekyc.protections.get(made.id)
            return made, listed, codes, same, await ekyc.protections.decline(made)

    made, listed, codes, same, declined = asyncio.run(conversation())
    assert (listed, same) == ([made], made)
    assert codes == ["decision.four_eyes", "protection.state"]
    assert declined.state == "declined"


ZIP = b"PK of one's own"
DIGEST = "sha-256=:" + base64.b64encode(hashlib.sha256(ZIP).digest()).decode() + ":"


def own_answer(request):
    """As the service answers; the token is asked for first, and goes in a header."""
    if request.method == "POST":
        assert request.url.path.endswith("/export-tokens")
        return httpx.Response(201, json={"token": "once", "expires_at": "2026-01-15T00:00:00Z"})
    assert request.url.path.endswith("/own-export")
    assert request.headers["Export-Token"] == "once"
    return httpx.Response(200, content=ZIP, headers={"Content-Digest": DIGEST})


def test_ones_own_export_is_fetched_with_a_token():
    with Client("http://localhost", transport=httpx.MockTransport(own_answer)) as ekyc:
        assert ekyc.rights.own_export("0" * 32) == ZIP


def test_the_other_client_fetches_ones_own_export():
    async def conversation():
        transport = httpx.MockTransport(own_answer)
        async with AsyncClient("http://localhost", transport=transport) as ekyc:
            return await ekyc.rights.own_export("0" * 32)

    assert asyncio.run(conversation()) == ZIP
