"""Results are issued for final approvals, once for each, and taken back with all that hangs on it, or not at all."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pypdfium2
import pytest
from credential_desk import ISSUER, Registry
from signing_pilot import Pilot
from sqlalchemy import create_engine, text

from ekyc.api.credentials import CredentialFront
from ekyc.policy import load_profile, profile_version
from ekyc.ports import SystemRandom
from ekyc.signing import inspect_pdf
from ekyc.signing.credentials import read_result
from ekyc.signing.credentials.issuer import ResultIssuer
from ekyc.signing.pdf.result_signer import OneShotSigner
from ekyc.storage import FileBlobStore, FileKeyProvider, ResultStatus, ServiceKey

KEY = ServiceKey(bytes(32))
EARLIER = replace(load_profile("identity"), title_vi="Thủ tục như hồi ấy", required=("face.match",))
REVOKE = {"status": "revoked", "reason": "issued_in_error"}


@pytest.fixture
def pilot(tmp_path):
    (tmp_path / "pilot").mkdir()
    made = Pilot(tmp_path / "pilot")
    yield made
    made.close()


@pytest.fixture
def issuing(storage, pilot):
    """``issuing(**changes)``: in whose name results are issued."""

    def make(**changes):
        issuer = ResultIssuer(
            id=ISSUER,
            series=f"{ISSUER}/tt",
            signer=Registry().signer,
            register=storage.issued_results,
            service_key=KEY,
        )
        authority = OneShotSigner(pilot.authorities, pilot.keys, clock=pilot.clock)
        return CredentialFront(**{"issuer": issuer, "authority": authority} | changes)

    return make


@pytest.fixture
def vault(storage, tmp_path):
    keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
    return storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))


@pytest.fixture
def told(tmp_path):
    """Events of the outbox: kind, tenant, office, id."""

    def read():
        engine = create_engine(f"sqlite:///{tmp_path / 'state.sqlite3'}")
        with engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT kind, tenant_id, office, body FROM outbox_events "
                    "WHERE kind LIKE 'credential%' ORDER BY at"
                )
            ).all()
        engine.dispose()
        return [(row[0], row[1], row[2], json.loads(row[3])["data"]["id"]) for row in rows]

    return read


async def approved(desk, **members):
    place = await desk.session(**members)
    done = await desk.submit(place, caller=members.get("caller", "portal"))
    assert done.json()["outcome"] == "approved", done.text
    return place.rpartition("/")[2]


async def issue(desk, session_id, **options):
    return await desk.post("/v1/credentials", json={"session_id": session_id}, **options)


def test_a_final_approval_is_issued_once_whatever_the_key(talk, issuing, vault, told):
    async def conversation(desk):
        session_id = await approved(desk, office="hn")
        first = await issue(desk, session_id, key="one")
        replayed = await issue(desk, session_id, key="one")
        again = await issue(desk, session_id, key="two")
        return session_id, first, replayed, again

    session_id, first, replayed, again = talk(conversation, credentials=issuing(), vault=vault)
    assert first.status_code == 201, first.text
    body = first.json()
    assert replayed.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.json()) == (200, body)
    assert (body["session_id"], body["decision"], body["status"]) == (session_id, 1, "valid")
    assert body["sample"] is False
    result = read_result(body["code"]).claimed
    assert result.id.hex() == body["id"]
    assert dict(result.values)["record"] == "v-1"
    assert dict(result.values)["report_sha256"] == "1" * 64
    assert result.subject == "cGVyc29uLW9uZQ"
    assert told() == [("credential.issued", "a", "hn", body["id"])]


def test_two_at_once_are_issued_one(talk, issuing, storage):
    async def conversation(desk):
        session_id = await approved(desk)
        both = await asyncio.gather(*(issue(desk, session_id) for _ in range(6)))
        return {answer.json().get("id", answer.text) for answer in both}

    assert len(talk(conversation, credentials=issuing())) == 1
    assert len(storage.issued_results.lists(f"{ISSUER}/tt")) == 1


@pytest.mark.parametrize("samples", [False, True])
def test_samples_are_issued_by_a_demonstration_only_and_marked(talk, issuing, verifier, samples):
    verifier.accept(sample=True)

    async def conversation(desk):
        return await issue(desk, await approved(desk))

    answer = talk(conversation, credentials=issuing(samples=samples))
    if not samples:
        assert (answer.status_code, answer.json()["code"]) == (409, "credential.not_final")
        return
    assert answer.status_code == 201
    assert answer.json()["sample"] is True
    assert dict(read_result(answer.json()["code"]).claimed.values)["procedure"].startswith("MẪU – ")


def test_nothing_is_issued_before_the_second_pair_of_eyes(talk, issuing, verifier):
    verifier.reject()

    async def conversation(desk):
        place, etag = await desk.under_review()
        session_id = place.rpartition("/")[2]
        early = await issue(desk, session_id)
        first = await desk.decide(place, "approved", caller="officer", etag=etag)
        proposed = await issue(desk, session_id)
        done = await desk.decide(place, "approved", caller="supervisor", etag=first.headers["etag"])
        return early, proposed, done, await issue(desk, session_id)

    early, proposed, done, issued = talk(conversation, credentials=issuing())
    assert (early.status_code, proposed.status_code) == (409, 409)
    assert done.json()["final"] is True
    assert (issued.status_code, issued.json()["decision"]) == (201, 3)


def test_without_an_issuer_nothing_is_issued(talk):
    async def conversation(desk):
        return await issue(desk, await approved(desk))

    answer = talk(conversation)
    assert (answer.status_code, answer.json()["code"]) == (404, "credential.not_offered")


@pytest.mark.parametrize(
    ("caller", "issued", "seen"),
    [("stranger", 404, 404), ("foreign", 404, 404), ("hanoi", 404, 404), ("citizen", 403, 404)],
)
def test_others_neither_issue_nor_see_nor_revoke(talk, issuing, caller, issued, seen):
    async def conversation(desk):
        session_id = await approved(desk)
        made = (await issue(desk, session_id)).json()["id"]
        place = f"/v1/credentials/{made}"
        return [
            await issue(desk, session_id, caller=caller),
            await desk.get(place, caller=caller),
            await desk.post(f"{place}/revocations", json=REVOKE, caller=caller),
            await desk.get("/v1/credentials", caller=caller),
        ]

    issue_, get, revoke, listed = talk(conversation, credentials=issuing())
    assert [issue_.status_code, get.status_code, revoke.status_code] == [issued, seen, issued]
    assert listed.json()["data"] == []


def test_taking_back_changes_the_register_says_why_and_tells_the_tenant(
    talk, issuing, storage, told
):
    async def conversation(desk):
        made = (await issue(desk, await approved(desk, office="hn"))).json()["id"]
        place = f"/v1/credentials/{made}/revocations"
        steps = [
            {"status": "suspended", "reason": "under_examination"},
            {"status": "valid", "reason": "examination_ended"},
            REVOKE,
            REVOKE,
        ]
        bodies = [(await desk.post(place, json=step)).json() for step in steps]
        late = await desk.post(place, json={"status": "valid", "reason": "facts_changed"})
        return made, bodies, late

    made, bodies, late = talk(conversation, credentials=issuing())
    assert [body["status"] for body in bodies] == ["suspended", "valid", "revoked", "revoked"]
    assert [one["reason"] for one in bodies[-1]["changes"]] == [
        "under_examination",
        "examination_ended",
        "issued_in_error",
    ]
    assert (late.status_code, late.json()["code"]) == (409, "issued_result.final")
    assert storage.issued_results.get(made).status is ResultStatus.REVOKED
    statuses = storage.issued_results.list_state(f"{ISSUER}/tt/1").statuses
    assert [status for _, status in statuses] == [1]
    kinds = ["issued", "suspended", "reinstated", "revoked"]
    assert told() == [(f"credential.{kind}", "a", "hn", made) for kind in kinds]


def test_a_refused_revocation_changes_nothing(talk, issuing, storage):
    async def conversation(desk):
        made = (await issue(desk, await approved(desk))).json()["id"]
        place = f"/v1/credentials/{made}/revocations"
        wrong = await desk.post(place, json={"status": "revoked", "reason": "because"})
        missing = await desk.http.post(place, json=REVOKE, headers={"X-Caller": "portal"})
        return made, wrong.status_code, missing.json()["code"]

    made, wrong, missing = talk(conversation, credentials=issuing())
    assert (wrong, missing) == (422, "idempotency.missing")
    assert storage.issued_results.get(made).status is ResultStatus.VALID


def test_who_has_a_result_in_force_uses_it_again(talk, issuing, verifier, clock):
    async def conversation(desk):
        made = (await issue(desk, await approved(desk))).json()["id"]
        later = await approved(desk)
        ask = f"/v1/credentials?reusable_for={later}"
        found = (await desk.get(ask)).json()["data"]
        verifier.result["person"] = "c29tZWJvZHktZQ"
        other = await approved(desk)
        none = (await desk.get(f"/v1/credentials?reusable_for={other}")).json()["data"]
        await desk.post(f"/v1/credentials/{made}/revocations", json=REVOKE)
        revoked = (await desk.get(ask)).json()["data"]
        open_one = (await desk.session()).rpartition("/")[2]
        early = await desk.get(f"/v1/credentials?reusable_for={open_one}")
        return made, found, none, revoked, early

    made, found, none, revoked, early = talk(conversation, credentials=issuing())
    assert [one["id"] for one in found] == [made]
    assert (none, revoked) == ([], [])
    assert (early.status_code, early.json()["code"]) == (409, "credential.not_final")


def test_lists_go_on_and_are_filtered(talk, issuing, clock):
    async def conversation(desk):
        made = [(await issue(desk, await approved(desk))).json()["id"] for _ in range(3)]
        await desk.post(f"/v1/credentials/{made[0]}/revocations", json=REVOKE)
        seen, path = [], "/v1/credentials?limit=2"
        while path:
            answer = await desk.get(path)
            seen += [one["id"] for one in answer.json()["data"]]
            path = (
                answer.json()["next"] and f"/v1/credentials?limit=2&cursor={answer.json()['next']}"
            )
        revoked = (await desk.get("/v1/credentials?status=revoked")).json()["data"]
        return made, seen, [one["id"] for one in revoked]

    made, seen, revoked = talk(conversation, credentials=issuing())
    assert sorted(seen) == sorted(made)
    assert revoked == made[:1]


def test_the_page_is_signed_once_and_carries_the_code(talk, issuing, vault, pilot):
    async def conversation(desk):
        session_id = await approved(desk)
        made = (await issue(desk, session_id)).json()
        pages = await asyncio.gather(*(desk.get(made["document"]) for _ in range(3)))
        last = await desk.get(made["document"])
        auditor = await desk.get(made["document"], caller="auditor")
        await desk.post(f"/v1/sessions/{session_id}/redact")
        return pages, last, auditor, await desk.get(made["document"])

    pages, last, auditor, gone = talk(conversation, credentials=issuing(), vault=vault)
    assert {page.status_code for page in pages} == {200}, pages[0].text
    assert {page.content for page in pages} == {last.content}
    assert last.headers["content-type"] == "application/pdf"
    assert inspect_pdf(last.content, anchors=pilot.anchors, clock=pilot.clock).outcome == "PASSED"
    assert auditor.status_code == 403
    assert (gone.status_code, gone.json()["code"]) == (404, "credential.no_document")


def test_without_a_key_for_pages_there_are_none(talk, issuing, vault):
    async def conversation(desk):
        made = (await issue(desk, await approved(desk))).json()
        return await desk.get(made["document"])

    answer = talk(conversation, credentials=issuing(authority=None), vault=vault)
    assert (answer.status_code, answer.json()["code"]) == (404, "credential.no_document")


@pytest.mark.parametrize("status", ["revoked", "suspended"])
def test_no_page_is_signed_for_what_does_not_stand(talk, issuing, vault, status):
    async def conversation(desk):
        made = (await issue(desk, await approved(desk))).json()
        taken = {"status": status, "reason": "fraud"}
        await desk.post(f"/v1/credentials/{made['id']}/revocations", json=taken)
        return await desk.get(made["document"])

    answer = talk(conversation, credentials=issuing(), vault=vault)
    assert (answer.status_code, answer.json().get("code")) == (404, "credential.no_document")


def test_no_page_is_signed_once_the_result_has_expired(talk, issuing, vault, clock):
    async def conversation(desk):
        made = (await issue(desk, await approved(desk))).json()
        clock.advance(timedelta(days=366))
        return await desk.get(made["document"])

    answer = talk(conversation, credentials=issuing(), vault=vault)
    assert (answer.status_code, answer.json().get("code")) == (404, "credential.no_document")


def test_a_result_is_revoked_however_often_it_changed(talk, issuing, storage):
    async def conversation(desk):
        made = (await issue(desk, await approved(desk))).json()["id"]
        with storage.dossiers(KEY).writing("a") as unit:
            for _ in range(205):
                unit.results.add_change(made, status="valid", reason="fraud", actor="officer-1")
        return await desk.post(f"/v1/credentials/{made}/revocations", json=REVOKE)

    answer = talk(conversation, credentials=issuing())
    assert (answer.status_code, answer.json()["status"]) == (201, "revoked")
    assert answer.json()["changes"][-1]["reason"] == "issued_in_error"


def test_the_auditors_of_a_tenant_read_what_was_issued_and_taken_back_in_it(
    talk, issuing, storage, clock
):
    """Of a log that several tenants share."""

    async def conversation(desk):
        made = (await issue(desk, await approved(desk))).json()["id"]
        await desk.post(f"/v1/credentials/{made}/revocations", json=REVOKE)
        storage.access(KEY).register.add_tenant("b", name="B")
        entries = [
            (await desk.get("/v1/audit/entries?limit=200", caller=caller)).json()["data"]
            for caller in ("auditor", "auditor-b")
        ]
        return [[one["event"] for one in data if one["event"]] for data in entries]

    own, other = talk(conversation, credentials=issuing())
    kinds = [json.loads(event)["kind"] for event in own]
    assert [kind for kind in kinds if kind.startswith("result.")] == [
        "result.issued",
        "result.status_changed",
    ]
    assert not [event for event in other if '"result.' in event]


@pytest.fixture
def database(tmp_path):
    """``database(statement, **values)``: what another version of the software left behind."""

    def change(statement, **values):
        engine = create_engine(f"sqlite:///{tmp_path / 'state.sqlite3'}")
        with engine.begin() as connection:
            assert connection.execute(text(statement), values).rowcount == 1
        engine.dispose()

    return change


def words_of(pdf):
    with pypdfium2.PdfDocument(pdf) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return " ".join(" ".join(pages).split())


def test_code_and_page_speak_of_the_procedure_as_it_stood(talk, issuing, vault, storage, database):
    async def conversation(desk):
        session_id = await approved(desk)
        with storage.dossiers(KEY).writing("a") as unit:
            version = unit.procedures.keep(EARLIER)
        database("UPDATE session_results SET procedure_version = :version", version=version)
        made = (await issue(desk, session_id)).json()
        return made, await desk.get(made["document"])

    made, page = talk(conversation, credentials=issuing(), vault=vault)
    assert made["procedure_version"] == profile_version(EARLIER)
    assert dict(read_result(made["code"]).claimed.values)["procedure"] == EARLIER.title_vi
    told = words_of(page.content)
    assert EARLIER.title_vi in told
    assert load_profile("identity").title_vi not in told


def test_the_version_is_kept_when_the_case_is_judged(talk, issuing, storage):
    async def conversation(desk):
        return (await issue(desk, await approved(desk))).json()

    version = talk(conversation, credentials=issuing())["procedure_version"]
    with storage.dossiers(KEY).looking("a") as unit:
        assert unit.procedures.get(version) == load_profile("identity")


def test_nothing_is_said_of_a_procedure_that_is_not_known_any_more(talk, issuing, vault, database):
    async def conversation(desk):
        made = (await issue(desk, await approved(desk))).json()
        database("UPDATE session_results SET procedure_version = :version", version="0" * 64)
        page = await desk.get(made["document"])
        database("DELETE FROM session_credentials")
        return page, await issue(desk, made["session_id"])

    for answer in talk(conversation, credentials=issuing(), vault=vault):
        assert (answer.status_code, answer.json()["code"]) == (409, "credential.procedure_unknown")


@pytest.mark.parametrize("changed", [False, True])
def test_an_older_result_goes_by_the_version_of_its_session(talk, issuing, database, changed):
    async def conversation(desk):
        session_id = await approved(desk)
        database("UPDATE session_results SET procedure_version = NULL")
        if changed:
            database(
                "UPDATE dossier_actions SET body = replace(body, :today, :other) "
                "WHERE body LIKE '%procedure_version%'",
                today=profile_version(load_profile("identity")),
                other="0" * 64,
            )
        return await issue(desk, session_id)

    answer = talk(conversation, credentials=issuing())
    if changed:
        assert (answer.status_code, answer.json()["code"]) == (409, "credential.procedure_unknown")
    else:
        assert (answer.status_code, answer.json()["procedure_version"]) == (201, None)
