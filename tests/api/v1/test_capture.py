"""The telephone's side: a token for one session, a short time and few cases; and what it never hears."""

from __future__ import annotations

from datetime import timedelta

from ekyc.storage import ServiceKey

KEY = ServiceKey(bytes(32))
CASE_PARTS = [("case", (None, b'schema = "ekyc.case/1"\nprofile = "identity"\n'))]


async def token_for(desk, place):
    response = await desk.post(f"{place}/capture-tokens")
    assert response.status_code == 201, response.text
    return response.json()


async def by_phone(desk, told, *, token=None, **options):
    headers = {"Authorization": f"Bearer {token or told['token']}", "Prefer": "wait=20"}
    return await desk.post(told["submit_to"], files=CASE_PARTS, headers=headers, **options)


def refused(response, status, code):
    assert response.status_code == status, response.text
    assert response.json()["code"] == code


def test_a_telephone_submits_and_hears_no_verdict(talk, verifier):
    verifier.ask_again()

    async def conversation(desk):
        place = await desk.session()
        told = await token_for(desk, place)
        opened = await desk.get(place)
        asked = await by_phone(desk, told)
        verifier.accept()
        done = await by_phone(desk, told)
        return opened, asked, done, await desk.get(place)

    opened, asked, done, seen = talk(conversation)
    assert opened.json()["state"] == "requires_input"
    assert set(asked.json()) == {"session_id", "state", "attempts", "advice", "expires_at"}
    assert asked.json()["state"] == "requires_input"
    assert [one["code"] for one in asked.json()["advice"]] == ["policy.check_absent"]
    assert (done.json()["state"], done.json()["advice"]) == ("decided", [])
    assert seen.json()["outcome"] == "approved"


def test_a_rejection_is_not_told_to_the_telephone(talk, verifier):
    verifier.reject()

    async def conversation(desk):
        place = await desk.session()
        return await by_phone(desk, await token_for(desk, place))

    body = talk(conversation).json()
    assert (body["state"], body["advice"]) == ("needs_review", [])


def test_a_token_ends_with_its_tenant(talk, storage):
    async def conversation(desk):
        told = await token_for(desk, await desk.session())
        storage.access(KEY).register.end_tenant("a")
        headers = {"Authorization": f"Bearer {told['token']}"}
        place = told["submit_to"].removesuffix("/submissions")
        return await desk.get(place, headers=headers), await by_phone(desk, told)

    for response in talk(conversation):
        refused(response, 404, "capture.unknown")


def test_a_token_is_for_one_session(talk):
    async def conversation(desk):
        told = await token_for(desk, await desk.session())
        other = await token_for(desk, await desk.session())
        return (
            await by_phone(desk, other, token=told["token"]),
            await by_phone(desk, told, token="x"),
            await desk.get(f"/v1/captures/{'0' * 32}"),
        )

    for response in talk(conversation):
        refused(response, 404, "capture.unknown")


def test_a_newer_token_ends_the_one_before(talk):
    async def conversation(desk):
        place = await desk.session()
        old = await token_for(desk, place)
        await token_for(desk, place)
        return await by_phone(desk, old)

    refused(talk(conversation), 404, "capture.unknown")


def test_a_token_expires(talk, clock):
    told = talk(of_new_session)
    clock.advance(timedelta(minutes=15))

    refused(talk(lambda desk: by_phone(desk, told)), 410, "capture.expired")


async def of_new_session(desk):
    return await token_for(desk, await desk.session())


def test_a_token_is_used_a_few_times(talk, verifier):
    verifier.ask_again()

    async def conversation(desk):
        told = await token_for(desk, await desk.session(attempts=9))
        return told, [await by_phone(desk, told) for _ in range(4)]

    told, responses = talk(conversation)
    assert told["uses"] == 3
    assert [response.status_code for response in responses] == [200, 200, 200, 409]
    refused(responses[3], 409, "capture.spent")


def test_a_decided_session_ends_its_tokens(talk):
    async def conversation(desk):
        told = await token_for(desk, await desk.session())
        return await by_phone(desk, told), await by_phone(desk, told)

    done, late = talk(conversation)
    assert done.json()["state"] == "decided"
    refused(late, 404, "capture.unknown")


def test_the_token_itself_is_kept_nowhere(talk, storage):
    told = talk(of_new_session)

    with storage._engine.connect() as connection:
        for table in ("capture_tokens", "idempotency_keys", "dossier_actions"):
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").fetchall()
            assert rows
            assert told["token"] not in str(rows)


def test_a_replay_gives_the_same_token(talk):
    async def conversation(desk):
        place = await desk.session()
        first = await desk.post(f"{place}/capture-tokens", key="same")
        return first, await desk.post(f"{place}/capture-tokens", key="same")

    first, again = talk(conversation)
    assert first.json() == again.json()
