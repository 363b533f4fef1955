"""An agent's whole way: the citizen's consent, a token, a dossier, and what it does not see."""

from __future__ import annotations

import pytest
from access_desk import CITIZEN, EXCHANGE, ISSUER, TEXT, AccessDesk, NoVerifier

from ekyc.api import create_app
from ekyc.api.access.configuration import AccessSettings
from ekyc.api.v1 import ResourceFront

CLOSED = "identity-present"


class AgentDesk(AccessDesk):
    """A service with dossiers, where one procedure is closed to agents."""

    def __init__(self, folder):
        settings = AccessSettings(issuer=ISSUER, no_agents=frozenset({CLOSED}))
        super().__init__(folder, settings=settings)
        scopes = ("dossiers:read", "dossiers:write", "decisions:read", "media:read")
        self.client("post", is_agent=True, scopes=("procedures:read", *scopes))
        self.client("portal", scopes=scopes)

    def app(self):
        return create_app(
            NoVerifier(),
            self.storage,
            access=self.front,
            scratch_parent=self.folder,
            resources=ResourceFront(self.storage.dossiers(self.key)),
        )

    def agent(self, *purposes, citizen=CITIZEN):
        """An agent's token, by a fresh consent to ``purposes``."""
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

    _sent = 0

    def send(self, token, method, path, **options):
        AgentDesk._sent += 1
        headers = {
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": f"agent-{AgentDesk._sent}",
        }
        return self.ask(lambda http: http.request(method, path, headers=headers, **options))

    def open(self, token, procedure):
        return self.send(token, "POST", "/v1/dossiers", json={"procedure": procedure})


@pytest.fixture
def desk(tmp_path):
    made = AgentDesk(tmp_path)
    yield made
    made.close()


def test_an_agent_opens_and_reads_dossiers_of_its_citizen(desk):
    token = desk.agent("birth-registration")
    made = desk.open(token, "birth-registration")
    assert made.status_code == 201, made.text
    assert desk.send(token, "GET", made.headers["location"]).status_code == 200
    listed = desk.send(token, "GET", "/v1/dossiers").json()["data"]
    assert [one["id"] for one in listed] == [made.json()["id"]]


def test_an_agent_keeps_to_the_procedures_of_the_consent(desk):
    mine = desk.agent("birth-registration")
    refused = desk.open(mine, "identity")
    assert (refused.status_code, refused.json()["code"]) == (403, "access.consent")
    other = desk.open(desk.agent("identity"), "identity")
    assert other.status_code == 201
    assert desk.send(mine, "GET", other.headers["location"]).status_code == 404
    assert desk.send(mine, "GET", "/v1/dossiers").json()["data"] == []


def test_a_procedure_may_be_closed_to_agents(desk):
    token = desk.agent("identity-present", "birth-registration")
    refused = desk.open(token, "identity-present")
    assert (refused.status_code, refused.json()["code"]) == (403, "access.agent_forbidden")
    of_portal = desk.open(desk.api_key("portal"), "identity-present")
    assert of_portal.status_code == 201


def test_an_agent_sees_no_other_citizens_dossier(desk):
    theirs = desk.open(desk.agent("birth-registration", citizen="ef" * 32), "birth-registration")
    assert theirs.status_code == 201
    mine = desk.agent("birth-registration")
    assert desk.send(mine, "GET", theirs.headers["location"]).status_code == 404


def test_an_agents_token_of_one_tenant_is_nothing_to_another(desk):
    desk.client("far", "b", scopes=("dossiers:read",))
    made = desk.open(desk.agent("birth-registration"), "birth-registration")
    far = desk.send(desk.api_key("far", "b"), "GET", made.headers["location"])
    assert far.status_code == 404


def test_without_a_consent_an_agent_sees_nobody(desk):
    """Neither its API key nor a token of its own credentials stands for a citizen."""
    made = desk.open(desk.api_key("portal"), "identity")
    for shown in (desk.api_key("post"), desk.token("post", scope="procedures:read")):
        for method, path in (
            ("GET", made.headers["location"]),
            ("GET", "/v1/dossiers"),
            ("POST", "/v1/dossiers"),
        ):
            refused = desk.send(shown, method, path, json={"procedure": "identity"})
            assert (refused.status_code, refused.json()["code"]) == (403, "access.denied"), path
        assert desk.send(shown, "GET", "/v1/procedures").status_code == 200
    form = desk.form("post", scope="dossiers:read")
    refused = desk.ask(lambda http: http.post("/oauth2/token", data=form))
    assert refused.json()["error"] == "invalid_scope"


def test_an_answer_of_one_consent_is_not_given_again_under_another(desk):
    """The same idempotency key, the same citizen; the later consent is for another procedure."""
    first, later = desk.agent("birth-registration"), desk.agent("identity")
    wanted = {"procedure": "birth-registration"}

    def open_once(token):
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "same"}
        return desk.ask(lambda http: http.post("/v1/dossiers", headers=headers, json=wanted))

    assert open_once(first).status_code == 201
    refused = open_once(later)
    assert (refused.status_code, refused.json()["code"]) == (403, "access.consent")
