"""Webhook endpoints and deliveries over HTTP: once, by tenant and scope, keys shown once, addresses guarded."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from ekyc.api.webhooks import router
from ekyc.flows.guarded_link import GuardedLink, LinkBounds
from ekyc.policy import Verdict
from ekyc.ports import SystemRandom
from ekyc.storage import DeliveryAttempt, DeliveryFailure, ServiceKey
from ekyc.storage.webhooks.outbox import CredentialRevoked, Outbox
from ekyc.values import Owner

URL = "https://portal.example.vn/hooks"
ENDPOINTS = "/v1/webhook-endpoints"
DELIVERIES = "/v1/webhook-deliveries"
KEY = ServiceKey(bytes(32))


@pytest.fixture
def app(app):
    def make(**options):
        made = app(**options)
        made.state.webhook_addresses = GuardedLink(LinkBounds())
        made.include_router(router)
        return made

    return make


def decide(storage, **changes):
    return storage.results.record(
        **changes,
        case_digest="ab" * 32,
        profile="demo",
        verdict=Verdict.REVIEW,
        reasons=(),
        report_digest="cd" * 32,
    )


async def created(desk, **members):
    response = await desk.post(ENDPOINTS, json={"url": URL} | members)
    assert response.status_code == 201, response.text
    return response


def test_an_endpoint_is_made_once_and_its_secret_shown_once(talk):
    async def story(desk):
        first = await desk.post(ENDPOINTS, json={"url": URL}, key="one")
        again = await desk.post(ENDPOINTS, json={"url": URL}, key="one")
        place = first.headers["location"]
        return first, again, await desk.get(place), await desk.get(ENDPOINTS)

    first, again, shown, listed = talk(story)
    assert first.status_code == 201
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    keys = {key["form"]: key["key"] for key in first.json()["keys"]}
    assert keys["v1"].startswith("whsec_")
    assert [key["key"] for key in shown.json()["keys"]] == [keys["v1a"]]
    assert listed.json() == {"data": [shown.json()], "next": None}
    assert keys["v1"] not in shown.text + listed.text


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({"url": "http://portal.example.vn/"}, 422, "link.url"),
        ({"url": "https://10.0.0.1/"}, 422, "link.address"),
        ({"url": "https://169.254.169.254/latest/"}, 422, "link.address"),
        ({"url": "https://user:word@portal.example.vn/"}, 422, "link.url"),
        ({"events": ["no.such"]}, 422, "webhook.kinds"),
        ({"secret": "whsec_mine"}, 422, "request.invalid"),
    ],
)
def test_what_cannot_be_an_endpoint_is_refused_and_not_repeated(talk, members, status, code):
    async def story(desk):
        return await desk.post(ENDPOINTS, json={"url": URL} | members), await desk.get(ENDPOINTS)

    refused, listed = talk(story)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert "169.254" not in refused.text
    assert "word" not in refused.text.replace("password", "")
    assert listed.json()["data"] == []


def test_another_tenant_sees_nothing_and_changes_nothing(talk):
    async def story(desk):
        place = (await created(desk)).headers["location"]
        sent = await desk.post(f"{place}/tests")
        told = sent.headers["location"]
        foreign = [
            await desk.get(place, caller="stranger"),
            await desk.get(told, caller="stranger"),
            await desk.patch(place, caller="stranger", json={"state": "disabled"}),
            await desk.post(f"{place}/keys", caller="stranger", json={}),
            await desk.post(f"{place}/tests", caller="stranger"),
            await desk.post(f"{told}/replays", caller="stranger"),
            await desk.http.delete(place, headers={"X-Caller": "stranger"}),
        ]
        lists = [await desk.get(path, caller="stranger") for path in (ENDPOINTS, DELIVERIES)]
        return foreign, lists, await desk.get(place)

    foreign, lists, mine = talk(story)
    assert {(one.status_code, one.json()["code"]) for one in foreign} == {(404, "webhook.unknown")}
    assert [one.json()["data"] for one in lists] == [[], []]
    assert mine.json()["state"] == "enabled"


@pytest.mark.parametrize("caller", ["officer", "supervisor", "auditor", "citizen"])
def test_only_who_has_the_scope_may(talk, caller):
    async def story(desk):
        return [
            await desk.get(ENDPOINTS, caller=caller),
            await desk.get(DELIVERIES, caller=caller),
            await desk.post(ENDPOINTS, caller=caller, json={"url": URL}),
        ]

    assert {one.status_code for one in talk(story)} == {403}


def test_keys_are_rotated_and_an_endpoint_is_edited(talk):
    async def story(desk):
        made = await created(desk, events=["verification.decided"])
        place = made.headers["location"]
        rotated = await desk.post(f"{place}/keys", json={"overlap_s": 60})
        edited = await desk.patch(place, json={"url": f"{URL}/new", "events": []})
        off = await desk.patch(place, json={"state": "disabled"})
        refused = await desk.post(f"{place}/tests")
        on = await desk.patch(place, json={"state": "enabled"})
        inside = await desk.patch(place, json={"url": "https://127.0.0.1/"})
        gone = await desk.http.delete(place)
        return made, rotated, edited, off, refused, on, inside, gone, await desk.get(place)

    made, rotated, edited, off, refused, on, inside, gone, after = talk(story)
    old = {key["key"] for key in made.json()["keys"]}
    assert rotated.status_code == 201
    assert not old & {key["key"] for key in rotated.json()["keys"]}
    assert (edited.json()["url"], edited.json()["events"]) == (f"{URL}/new", [])
    expiries = [key["expires_at"] for key in edited.json()["keys"]]
    assert [at is None for at in expiries] == [True, False]
    assert (off.json()["state"], off.json()["disabled_by"]) == ("disabled", "operator")
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook.disabled")
    assert on.json()["state"] == "enabled"
    assert inside.json()["code"] == "link.address"
    assert (gone.status_code, after.status_code) == (204, 404)


def test_deliveries_are_listed_looked_at_and_replayed(talk, storage, clock):
    hooks = storage.webhooks(KEY)
    made, _ = hooks.endpoints.create("a", url=URL)
    with storage._engine.begin() as connection:
        for _ in range(3):
            outbox = Outbox(connection, now=clock.now(), random=SystemRandom(), tenant="a")
            outbox.put(CredentialRevoked(id="0" * 32))
    hooks.queue.spread()
    claims = hooks.queue.claim(9, per_endpoint=9, lease=timedelta(minutes=1))
    attempt = DeliveryAttempt(number=1, at=clock.now(), cause="status", status=500, duration_ms=3)
    hooks.queue.failed(claims[0], attempt, DeliveryFailure(retry_at=None))

    async def story(desk):
        first = await desk.get(f"{DELIVERIES}?limit=2&endpoint_id={made.id}")
        rest = await desk.get(
            f"{DELIVERIES}?limit=2&endpoint_id={made.id}&cursor={first.json()['next']}"
        )
        failed = await desk.get(f"{DELIVERIES}?state=failed")
        place = f"{DELIVERIES}/{claims[0].delivery_id}"
        shown = await desk.get(place)
        replayed = await desk.post(f"{place}/replays", key="again")
        twice = await desk.post(f"{place}/replays", key="again")
        other = await desk.get(f"{DELIVERIES}?state=failed&cursor={first.json()['next']}")
        return first, rest, failed, shown, replayed, twice, other

    first, rest, failed, shown, replayed, twice, other = talk(story)
    ids = [one["id"] for one in first.json()["data"] + rest.json()["data"]]
    assert sorted(ids) == sorted(one.delivery_id for one in claims)
    assert 'rel="next"' in first.headers["link"]
    assert [one["id"] for one in failed.json()["data"]] == [claims[0].delivery_id]
    assert shown.json()["attempts"][0]["status"] == 500
    assert (replayed.status_code, replayed.json()["state"]) == (202, "waiting")
    assert replayed.json()["event_id"] == claims[0].event_id
    assert twice.json() == replayed.json()
    assert other.json()["code"] == "cursor.invalid"


def test_a_post_without_a_key_is_not_carried_out(talk):
    async def story(desk):
        refused = await desk.http.post(ENDPOINTS, json={"url": URL})
        return refused, await desk.get(ENDPOINTS)

    refused, listed = talk(story)
    assert (refused.status_code, refused.json()["code"]) == (400, "idempotency.missing")
    assert listed.json()["data"] == []


def test_states_of_a_session_are_told_to_its_tenant(talk, storage):
    hooks = storage.webhooks(KEY)
    hooks.endpoints.create("a", url=URL, kinds=["session.state_changed"])
    hooks.endpoints.create("b", url=URL)

    async def story(desk):
        place = await desk.session()
        assert (await desk.submit(place)).json()["state"] == "decided"
        return place.rpartition("/")[2]

    session = talk(story)
    hooks.queue.spread()
    claims = hooks.queue.claim(9, per_endpoint=9, lease=timedelta(minutes=1))
    told = [json.loads(one.body)["data"] for one in claims]
    assert {one["id"] for one in told} == {session}
    assert {one["state"] for one in told} >= {"processing", "decided"}
    assert len(told) == len({one["state"] for one in told})
    assert {one.endpoint.tenant for one in claims} == {"a"}


def test_a_decision_is_told_to_the_tenant_and_office_whose_case_it_was(storage, clock):
    hooks = storage.webhooks(KEY)
    mine, _ = hooks.endpoints.create("a", url=URL, offices=frozenset({"hn"}))
    for tenant, offices in (("a", frozenset({"hcm"})), ("b", None), ("default", None)):
        hooks.endpoints.create(tenant, url=URL, offices=offices)
    clock.advance(timedelta(seconds=1))
    result = decide(storage, owner=Owner(tenant="a", office="hn"))
    assert told_of(hooks) == {mine.id: [result.id]}


def test_a_decision_is_told_to_the_only_tenant(storage, clock):
    hooks = storage.webhooks(KEY)
    hooks.endpoints.create("default", url=URL, kinds=["verification.decided"])
    clock.advance(timedelta(seconds=1))
    result = decide(storage)
    hooks.queue.spread()
    [claim] = hooks.queue.claim(1, per_endpoint=1, lease=timedelta(minutes=1))
    assert result.id.encode() in claim.body


def told_of(hooks):
    """Endpoint → the events that it is sent."""
    hooks.queue.spread()
    told = {}
    for claim in hooks.queue.claim(99, per_endpoint=99, lease=timedelta(minutes=1)):
        told.setdefault(claim.endpoint.id, []).append(json.loads(claim.body)["data"]["id"])
    return told


def test_an_endpoint_of_an_office_hears_of_its_own_sessions_alone(talk, storage, clock):
    """A client that is bound to an office would else have learnt of every session of the tenant."""
    hooks = storage.webhooks(KEY)

    async def story(desk):
        ids = {}
        for caller in ("portal", "hanoi", "saigon"):
            made = await desk.post(ENDPOINTS, json={"url": URL}, caller=caller)
            ids[caller] = made.json()["id"]
            assert made.json()["offices"] == {"hanoi": ["hn"], "saigon": ["hcm"]}.get(caller)
        clock.advance(timedelta(seconds=1))
        for office in ("hn", "hcm", None):
            place = await desk.session(**({} if office is None else {"office": office}))
            await desk.post(f"{place}/cancel")
            ids[office] = place.rpartition("/")[2]
        return ids

    ids = talk(story)
    with storage._engine.begin() as connection:
        outbox = Outbox(connection, now=clock.now(), random=SystemRandom(), tenant="a")
        outbox.put(CredentialRevoked(id="0" * 32))
    told = told_of(hooks)
    assert set(told[ids["portal"]]) == {ids["hn"], ids["hcm"], ids[None], "0" * 32}
    assert set(told[ids["hanoi"]]) == {ids["hn"]}
    assert set(told[ids["saigon"]]) == {ids["hcm"]}


def test_endpoints_that_hear_more_than_its_office_are_not_there_for_a_client(talk):
    """Whoever could turn the tenant's endpoint to an address of theirs would hear the whole tenant."""

    async def story(desk):
        answers = []
        for owner in ("portal", "saigon"):
            made = await desk.post(ENDPOINTS, json={"url": URL}, caller=owner)
            place = made.headers["location"]
            told = (await desk.post(f"{place}/tests", caller=owner)).headers["location"]
            answers += [
                await desk.get(place, caller="hanoi"),
                await desk.get(told, caller="hanoi"),
                await desk.patch(place, caller="hanoi", json={"url": f"{URL}/mine"}),
                await desk.post(f"{place}/keys", caller="hanoi", json={}),
                await desk.post(f"{place}/tests", caller="hanoi"),
                await desk.post(f"{told}/replays", caller="hanoi"),
                await desk.http.delete(place, headers={"X-Caller": "hanoi"}),
            ]
            assert (await desk.get(place, caller=owner)).json()["url"] == URL
        lists = [await desk.get(path, caller="hanoi") for path in (ENDPOINTS, DELIVERIES)]
        mine = await desk.post(ENDPOINTS, json={"url": URL}, caller="hanoi")
        own = await desk.post(f"{mine.headers['location']}/tests", caller="hanoi")
        return answers, lists, own, await desk.get(DELIVERIES, caller="hanoi")

    answers, lists, own, listed = talk(story)
    assert {(one.status_code, one.json()["code"]) for one in answers} == {(404, "webhook.unknown")}
    assert [one.json()["data"] for one in lists] == [[], []]
    assert [one["id"] for one in listed.json()["data"]] == [own.json()["id"]]
