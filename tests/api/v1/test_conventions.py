"""What HTTP asks of every resource: keys, digests, pages, rates, problems."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.api.v1.rates import RateLimit
from ekyc.api.v1.wire import Cursors
from ekyc.errors import InputError

NEW = {"procedure": "identity"}


def refused(response, status, code):
    assert response.status_code == status, response.text
    document = response.json()
    assert document["code"] == code
    return document


# --- Idempotency-Key ---


def test_a_request_sent_twice_is_carried_out_once(talk):
    async def conversation(desk):
        first = await desk.post("/v1/sessions", json=NEW, key="same")
        second = await desk.post("/v1/sessions", json=NEW, key="same")
        listed = await desk.get("/v1/sessions")
        return first, second, listed

    first, second, listed = talk(conversation)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert (first.headers["etag"], first.headers["location"]) == (
        second.headers["etag"],
        second.headers["location"],
    )
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert len(listed.json()["data"]) == 1


def test_a_replay_outlives_the_process(talk):
    first = talk(lambda desk: desk.post("/v1/sessions", json=NEW, key="same"))
    second = talk(lambda desk: desk.post("/v1/sessions", json=NEW, key="same"))

    assert second.headers["idempotency-replayed"] == "true"
    assert first.content == second.content


def test_a_key_is_its_clients_and_its_paths(talk):
    async def conversation(desk):
        mine = await desk.post("/v1/sessions", json=NEW, key="same")
        theirs = await desk.post("/v1/sessions", json=NEW, key="same", caller="stranger")
        place = f"/v1/sessions/{mine.json()['id']}"
        elsewhere = await desk.post(f"{place}/cancel", key="same")
        return mine, theirs, elsewhere

    mine, theirs, elsewhere = talk(conversation)
    assert mine.json()["id"] != theirs.json()["id"]
    assert elsewhere.json()["state"] == "canceled"


def test_a_key_is_not_used_for_another_request(talk):
    async def conversation(desk):
        await desk.post("/v1/sessions", json=NEW, key="same")
        return await desk.post("/v1/sessions", json=NEW | {"attempts": 1}, key="same")

    refused(talk(conversation), 422, "idempotency.other_request")


def test_a_refused_request_claims_no_key(talk):
    async def conversation(desk):
        refused_one = await desk.post("/v1/sessions", json=NEW | {"attempts": 99}, key="same")
        unknown = await desk.post("/v1/sessions", json={"procedure": "no-such"}, key="same")
        return refused_one, unknown, await desk.post("/v1/sessions", json=NEW, key="same")

    invalid, unknown, done = talk(conversation)
    refused(invalid, 422, "request.invalid")
    refused(unknown, 404, "procedure.unknown")
    assert done.status_code == 201


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency.missing"),
        ("", "idempotency.malformed"),
        ("a b", "idempotency.malformed"),
        ("x" * 256, "idempotency.malformed"),
    ],
)
def test_a_key_is_needed(talk, key, code):
    headers = {} if key is None else {"Idempotency-Key": key}

    async def conversation(desk):
        return await desk.http.post("/v1/sessions", json=NEW, headers=headers)

    refused(talk(conversation), 400, code)


def test_every_post_of_a_resource_asks_for_a_key(app):
    for path, operations in app().openapi()["paths"].items():
        is_resource = path.startswith(("/v1/sessions", "/v1/dossiers", "/v1/captures"))
        if is_resource and "post" in operations:
            names = [one["name"] for one in operations["post"]["parameters"]]
            assert "Idempotency-Key" in names, path
            assert {"400", "409", "422"} <= set(operations["post"]["responses"]), path


def test_the_same_key_at_the_same_time_waits(talk, verifier):
    """While an upload with the key is still arriving, another is told to come again."""
    boundary = "b"
    part = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="case"\r\n\r\n'
        'schema = "ekyc.case/1"\nprofile = "identity"\n\r\n'
    ).encode()

    async def conversation(desk):
        place = await desk.session()
        reading, more = asyncio.Event(), asyncio.Event()

        async def slow():
            reading.set()  # the service asks for the body, and so holds the key
            yield part
            await more.wait()
            yield f"--{boundary}--\r\n".encode()

        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Prefer": "wait=20"}
        where = f"{place}/submissions"
        first = asyncio.create_task(desk.post(where, key="same", content=slow(), headers=kind))
        await reading.wait()
        second = await desk.submit(place, key="same")
        more.set()
        return await first, second

    first, second = talk(conversation)
    document = refused(second, 409, "idempotency.in_flight")
    assert document["retryable"] is True
    assert second.headers["retry-after"] == "1"
    assert first.status_code == 200


def test_a_case_that_is_sent_twice_is_verified_once(talk, verifier):
    async def conversation(desk):
        place = await desk.session()
        first = await desk.submit(place, key="same")  # each with a boundary of its own
        again = await desk.submit(place, key="same")
        other = await desk.submit(
            place, key="same", case=b'schema = "ekyc.case/1"\nprofile = "identity"\n# another\n'
        )
        return first, again, other

    first, again, other = talk(conversation)
    assert len(verifier.folders) == 1
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    refused(other, 422, "idempotency.other_request")


# --- Content-Digest ---


def multipart():
    boundary = "b"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="case"\r\n\r\n'
        f'schema = "ekyc.case/1"\nprofile = "identity"\n\r\n--{boundary}--\r\n'
    ).encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def digest_of(body, name="sha-256"):
    value = hashlib.new(name.replace("-", ""), body).digest()
    return f"{name}=:{base64.b64encode(value).decode()}:"


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (digest_of, 202, None),
        (lambda body: digest_of(body, "sha-512"), 202, None),
        (lambda body: f"md5=:AAAA:, {digest_of(body)}", 202, None),
        (lambda body: "md5=:AAAA:", 202, None),
        (lambda body: digest_of(body + b"x"), 400, "digest.mismatch"),
        (lambda body: f"{digest_of(body)}, {digest_of(b'', 'sha-512')}", 400, "digest.mismatch"),
        (lambda body: "sha-256=abc", 400, "digest.malformed"),
        (lambda body: "sha-256=:a:", 400, "digest.malformed"),
    ],
)
def test_an_upload_is_what_its_digest_says(talk, verifier, tmp_path, header, status, code):
    body, kind = multipart()

    async def conversation(desk):
        place = await desk.session()
        headers = kind | {"Content-Digest": header(body)}
        return await desk.post(f"{place}/submissions", content=body, headers=headers)

    response = talk(conversation)
    assert response.status_code == status, response.text
    if code:
        assert response.json()["code"] == code
        assert verifier.folders == []
    assert list((tmp_path / "scratch").iterdir()) == []


# --- pages ---


def test_pages_lead_through_the_whole_list(talk):
    async def conversation(desk):
        made = [await desk.session() for _ in range(5)]
        seen, where = [], "/v1/sessions?limit=2"
        while where:
            page = await desk.get(where)
            assert page.status_code == 200, page.text
            seen += [f"/v1/sessions/{one['id']}" for one in page.json()["data"]]
            link = page.headers.get("link")
            assert bool(link) == bool(page.json()["next"])
            where = link and link.partition(">")[0][1:]
        return made, seen

    made, seen = talk(conversation)
    assert sorted(seen) == sorted(made)


def test_a_cursor_is_good_for_its_own_list_only(talk):
    async def conversation(desk):
        for _ in range(2):
            await desk.session()
        cursor = (await desk.get("/v1/sessions?limit=1")).json()["next"]
        wrong = [
            await desk.get(f"/v1/dossiers?cursor={cursor}"),
            await desk.get(f"/v1/sessions?cursor={cursor}", caller="stranger"),
            await desk.get(f"/v1/sessions?cursor={cursor}&state=created"),
            await desk.get(f"/v1/sessions?cursor={cursor[:-2]}AA"),
            await desk.get("/v1/sessions?cursor=x"),
        ]
        return await desk.get(f"/v1/sessions?cursor={cursor}"), wrong

    right, wrong = talk(conversation)
    assert right.status_code == 200
    for response in wrong:
        refused(response, 400, "cursor.invalid")


@given(st.text(max_size=60))
def test_no_text_is_a_cursor(text):
    with pytest.raises(InputError) as caught:
        Cursors(bytes(32)).place(text, "list")
    assert caught.value.code == "cursor.invalid"


def test_lists_are_filtered_and_bounded(talk, verifier):
    async def conversation(desk):
        place, _ = await desk.under_review(review_only=True)
        await desk.session()
        queue = await desk.get("/v1/sessions?state=needs_review&procedure=identity")
        return place, queue, await desk.get("/v1/sessions?limit=201")

    place, queue, wide = talk(conversation)
    assert [f"/v1/sessions/{one['id']}" for one in queue.json()["data"]] == [place]
    refused(wide, 422, "request.invalid")


# --- rates ---


class Hands:
    """A monotonic clock that stands still until told to move."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def test_whoever_asks_too_often_is_told_when_to_come_again(talk):
    hands = Hands()

    async def conversation(desk):
        first = await desk.get("/v1/sessions")
        await desk.get("/v1/sessions")
        last = await desk.get("/v1/sessions")
        over = await desk.get("/v1/sessions")
        other = await desk.get("/v1/sessions", caller="stranger")
        hands.now_s += 20.0
        return first, last, over, other, await desk.get("/v1/sessions")

    limits = {"rate": RateLimit(requests=3, window_s=60.0)}
    first, last, over, other, later = talk(
        conversation, limits=resource_limits(**limits), monotonic=hands
    )
    assert first.headers["ratelimit-policy"] == '"default";q=3;w=60'
    assert first.headers["ratelimit"] == '"default";r=2;t=20'
    assert last.headers["ratelimit"].startswith('"default";r=0')
    document = refused(over, 429, "rate.exceeded")
    assert document["retryable"] is True
    assert over.headers["retry-after"] == "20"
    assert over.headers["ratelimit"] == '"default";r=0;t=20'
    assert other.status_code == later.status_code == 200


def resource_limits(**members):
    from ekyc.api.v1 import ResourceLimits

    return ResourceLimits(**members)


# --- problems ---


@pytest.mark.parametrize(
    ("language", "title", "message"),
    [
        (
            "vi",
            "Dữ liệu gửi lên không hợp lệ; hãy xem các mục được chỉ ra.",
            "Trường không được phép.",
        ),
        (
            "en-GB, vi;q=0.1",
            "What was sent is not valid; see what is pointed at.",
            "There is no such member.",
        ),
    ],
)
def test_a_problem_speaks_the_callers_language_and_points_at_the_member(
    talk, validate_against, language, title, message
):
    async def conversation(desk):
        headers = {"Accept-Language": language}
        return await desk.post(
            "/v1/sessions", json=NEW | {"name": "Nguyễn Văn An"}, headers=headers
        )

    response = talk(conversation)
    document = refused(response, 422, "request.invalid")
    validate_against("ekyc.problem.1", document)
    assert document["title"] == title
    assert document["errors"] == [
        {
            "pointer": "/body",
            "code": "extra_forbidden",
            "message": message,
        }  # its name may be somebody's
    ]
    assert "Nguyễn" not in response.text


def test_event_waiters_are_bounded(talk):
    async def conversation(desk):
        place = await desk.session()
        return await desk.get(f"{place}/events")

    response = talk(conversation, limits=resource_limits(subscribers=0))
    refused(response, 503, "busy.subscribers")


def test_who_would_wait_where_too_many_wait_is_answered_at_once(talk, verifier):
    verifier.hold = threading.Event()

    async def conversation(desk):
        response = await desk.submit(await desk.session())
        verifier.hold.set()
        return response

    assert talk(conversation, limits=resource_limits(subscribers=0)).status_code == 202


@pytest.mark.parametrize(
    ("kind", "body", "code", "words"),
    [
        ("application/json", b'{"procedure":', "json_invalid", "JSON"),
        (
            "application/x-www-form-urlencoded",
            b"procedure=identity",
            "model_attributes_type",
            "Content-Type: application/json",
        ),
    ],
)
def test_a_body_that_is_no_json_object_is_pointed_at_as_a_whole(talk, kind, body, code, words):
    async def conversation(desk):
        headers = {"Content-Type": kind, "Accept-Language": "en"}
        return await desk.post("/v1/sessions", content=body, headers=headers)

    document = refused(talk(conversation), 422, "request.invalid")
    [fault] = document["errors"]
    assert (fault["pointer"], fault["code"]) == ("/body", code)
    assert words in fault["message"]
