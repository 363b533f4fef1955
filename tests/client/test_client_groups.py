"""Consents, timelines, files, webhooks, telephones and readings of chips, against the real application."""

from __future__ import annotations

import hashlib

import pytest
from access_desk import CITIZEN, AccessDesk

from ekyc.api import create_app
from ekyc.api.v1 import ResourceFront
from ekyc.client import ApiError, ConflictError, NotFoundError
from ekyc.flows.guarded_link import GuardedLink, LinkBounds
from ekyc.storage import ServiceKey, Storage

KEY = ServiceKey(bytes(32))


@pytest.fixture
def desk(tmp_path):
    made = AccessDesk(tmp_path)
    made.client("post", is_agent=True, scopes=("dossiers:read",))
    made.client("counter", scopes=("consents:read", "consents:write"))
    yield made
    made.close()


def test_a_consent_is_recorded_looked_at_and_withdrawn(desk, talking):
    with talking(desk.app(), key=desk.api_key("counter")) as ekyc:
        made = ekyc.consents.record(
            citizen=CITIZEN,
            agent="post",
            text="Tôi đồng ý".encode(),
            purposes=("identity",),
            channel="counter",
            days=2,
        )
        assert ekyc.consents.get(made.id) == made
        ended = ekyc.consents.withdraw(made.id)
        with pytest.raises(NotFoundError) as missing:
            ekyc.consents.get("0" * 32)
    assert (made.agent, made.purposes, made.withdrawn_at) == ("post", ("identity",), None)
    assert made.text_digest == hashlib.sha256("Tôi đồng ý".encode()).hexdigest()
    assert ended.withdrawn_at is not None
    assert missing.value.code == "access.not_found"


def test_a_timeline_tells_what_happened_and_by_whom(client, case):
    dossier = client.create_dossier("identity")
    session = client.create_session(dossier_id=dossier.id)
    client.submit(session.id, case, wait_s=20)
    told = client.timeline(dossier.id)
    assert [one.type for one in told if one.file_id == session.id] == [
        "session.created",
        "session.processing",
        "session.concluded",
    ]
    assert {one.actor["kind"] for one in told} >= {"system"}


def test_texts_of_codes_and_one_procedure(client):
    text = client.reasons()["session.unknown"]
    assert (text.vi, text.en) != ("", "")
    procedure = client.procedure("identity")
    assert procedure in client.procedures()
    with pytest.raises(NotFoundError):
        client.procedure("no-such")


def test_what_was_submitted_is_listed_and_fetched(vaulted, talking, case):
    with talking(vaulted) as ekyc:
        session = ekyc.create_session(procedure="identity")
        ekyc.submit(session.id, case, wait_s=20)
        listed = ekyc.artefacts(session.id)
        found = {ekyc.artefact(session.id, one.id) for one in listed}
    assert (case / "chip" / "EF.SOD").read_bytes() in found
    assert {one.attempt for one in listed} == {1}


def test_a_telephone_submits_by_its_token_alone(vaulted, talking, case):
    with talking(vaulted) as ekyc:
        session = ekyc.create_session(procedure="identity")
        token = ekyc.capture_token(session.id).token
    with talking(vaulted, key=token) as telephone:
        before = telephone.captures.state(session.id)
        after = telephone.captures.submit(session.id, case, wait_s=20)
    assert (before.state, before.attempts_left) == ("requires_input", 3)
    assert (after.state, after.advice) == ("decided", ())


@pytest.fixture
def hooked(verifier, tmp_path):
    with Storage.open(tmp_path / "hooks.sqlite3") as storage:
        front, link = ResourceFront(storage.dossiers(KEY)), GuardedLink(LinkBounds())
        yield create_app(verifier, storage, scratch_parent=tmp_path, resources=front, webhooks=link)


def test_an_endpoint_lives_from_its_making_to_its_end(hooked, talking):
    with talking(hooked) as ekyc:
        hooks = ekyc.webhooks
        made = hooks.create("https://portal.example.vn/in", events=("credential.revoked",))
        assert [one.id for one in hooks.all()] == [made.id]
        edited = hooks.edit(made.id, events=["credential.issued"])
        assert edited.raw["events"] == ["credential.issued"]
        rotated = hooks.rotate_keys(made.id, overlap_s=3600)
        assert rotated.keys["v1"].startswith("whsec_")
        assert rotated.keys["v1"] != made.keys["v1"]
        assert hooks.get(made.id).keys["v1a"] == rotated.keys["v1a"] != made.keys["v1a"]
        sent = hooks.test(made.id)
        assert (sent.endpoint_id, sent.type) == (made.id, "webhook_endpoint.tested")
        assert [one.id for one in hooks.deliveries(endpoint_id=made.id)] == [sent.id]
        assert hooks.delivery(sent.id).state == "waiting"
        assert hooks.replay(sent.id).raw["replay_of"] == sent.id
        hooks.edit(made.id, state="disabled")
        with pytest.raises(ConflictError) as refused:
            hooks.test(made.id)
        hooks.remove(made.id)
        assert hooks.all() == ()
    assert refused.value.code == "webhook.disabled"


def test_a_reading_is_ordered_looked_at_and_forgotten(client):
    made = client.chips.open(can="123456")
    assert not {made.token, made.result_token} & set(repr(made).split("'"))
    assert client.chips.reading(made).state == "waiting"
    with pytest.raises(ApiError) as early:
        client.chips.evidence(made)
    assert early.value.code == "chip.session_unfinished"
    client.link(client.create_session(procedure="identity").id, "chip-session", made.id)
    client.chips.forget(made)
    with pytest.raises(NotFoundError) as gone:
        client.chips.reading(made)
    assert gone.value.code == "chip.session_unknown"
