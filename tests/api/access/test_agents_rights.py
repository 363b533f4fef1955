"""An agent claims a citizen's rights by a consent that says so, and by no other; it decides nothing and fetches nothing."""

from __future__ import annotations

import itertools

import pytest
from access_desk import CITIZEN, EXCHANGE, TEXT, AccessDesk, NoVerifier

from ekyc.api import create_app
from ekyc.api.v1 import ResourceFront
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider

ROOT = "/v1/data-subject-requests"
SCOPES = ("subject-requests:read", "subject-requests:write", "media:read")
PURPOSE = "data-subject-requests"


class RightsDesk(AccessDesk):
    """A service that keeps things, with an agent and a portal."""

    def __init__(self, folder):
        super().__init__(folder)
        self.client("post", is_agent=True, scopes=SCOPES)
        self.client("portal", scopes=SCOPES)
        self._keys = itertools.count()

    def app(self):
        keys = FileKeyProvider(self.folder / "keys", SystemRandom())
        vault = self.storage.vault(keys, FileBlobStore(self.folder / "blobs", SystemRandom()))
        front = ResourceFront(self.storage.dossiers(self.key), vault=vault)
        return create_app(
            NoVerifier(),
            self.storage,
            access=self.front,
            scratch_parent=self.folder,
            resources=front,
        )

    def agent(self, *purposes, citizen=CITIZEN):
        given = self.stores.consents.record(
            "a",
            citizen=citizen,
            agent="post",
            text_digest=TEXT,
            purposes=purposes,
            channel="counter",
            actor="portal",
        )
        return self.token(
            "post",
            grant_type=EXCHANGE,
            subject_token=given.id,
            subject_token_type="urn:ekyc:params:oauth:token-type:consent",
        )

    def send(self, token, method, path, **options):
        headers = {
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": f"k{next(self._keys)}",
            "If-Match": '"1"',
        }
        return self.ask(lambda http: http.request(method, path, headers=headers, **options))


@pytest.fixture
def desk(tmp_path):
    made = RightsDesk(tmp_path / "service")
    yield made
    made.close()


def test_an_agent_files_for_who_consented_to_that(desk):
    token = desk.agent(PURPOSE)
    made = desk.send(token, "POST", ROOT, json={"kind": "access"})
    assert made.status_code == 201, made.text
    assert made.json()["filed_by"]["kind"] == "agent"
    seen = desk.send(token, "GET", f"{ROOT}/{made.json()['id']}")
    assert seen.status_code == 200


def test_a_consent_to_something_else_claims_no_right(desk):
    refused = desk.send(desk.agent("identity"), "POST", ROOT, json={"kind": "delete"})
    assert (refused.status_code, refused.json()["code"]) == (403, "access.consent")


def test_an_agent_files_for_nobody_else_and_never_as_itself(desk):
    other = {"kind": "delete", "citizen": "ef" * 32}
    for token in (desk.agent(PURPOSE), desk.api_key("post")):
        refused = desk.send(token, "POST", ROOT, json=other)
        assert (refused.status_code, refused.json()["code"]) == (403, "access.denied")


def test_an_agent_sees_no_request_of_another_citizen(desk):
    made = desk.send(desk.agent(PURPOSE), "POST", ROOT, json={"kind": "access"}).json()
    stranger = desk.agent(PURPOSE, citizen="ef" * 32)
    assert desk.send(stranger, "GET", f"{ROOT}/{made['id']}").status_code == 404
    assert desk.send(stranger, "GET", ROOT).json()["data"] == []
    without = desk.agent("identity")
    assert desk.send(without, "GET", f"{ROOT}/{made['id']}").status_code == 404


@pytest.mark.parametrize("who", ["agent", "portal"])
def test_no_machine_decides(desk, who):
    token = desk.agent(PURPOSE) if who == "agent" else desk.token("portal")
    made = desk.send(token, "POST", ROOT, json={"kind": "delete"}).json()
    for step, body in (
        ("grant", {"identification": "counter"}),
        ("refuse", {"reasons": ["rights.law_keeps"]}),
        ("complete", None),
    ):
        refused = desk.send(token, "POST", f"{ROOT}/{made['id']}/{step}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "access.denied"), step


def test_an_agent_fetches_no_export(desk):
    token = desk.agent(PURPOSE)
    made = desk.send(token, "POST", ROOT, json={"kind": "access"}).json()
    assert desk.send(token, "GET", f"{ROOT}/{made['id']}/export").status_code == 403
