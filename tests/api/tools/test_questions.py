"""What all tools have in common: bodies, bounds, room, time, and nothing left behind."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading

import anyio
import numpy as np
import pytest
from told_tools import MODELS, ToldTools, finding

from ekyc.api import ServiceLimits
from ekyc.api.tools import tool_body_bytes
from ekyc.errors import InputError, ModelError
from ekyc.flows.tools import PICTURE_BYTES
from ekyc.inference import CPU_POLICY, EngineModel, default_registry
from ekyc.outcomes import Check, Measurement, Outcome

PICTURE = b"\xff\xd8 a picture of 21 b."
QUESTIONS = {
    "card-readings": ({"front": PICTURE}, "read_card"),
    "document-readings": ({"pages": PICTURE}, "read_document"),
    "copy-comparisons": ({"original": PICTURE, "copy": b"another"}, "compare_copy"),
    "face-comparisons": ({"portrait": PICTURE, "frames": b"a frame"}, "compare_faces"),
    "liveness-inspections": ({"frames": b"a frame"}, "inspect_liveness"),
    "signature-validations": ({"file": b"%PDF-"}, "validate_signatures"),
    "result-verifications": ({"file": b"EKYC1:x"}, "verify_result"),
}


def parts(**files):
    return [(name, (f"{name}.bin", content)) for name, content in files.items()]


def problem(response, status, code, pointer=None):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert told["code"] == code
    if pointer is not None:
        assert [fault["pointer"] for fault in told["errors"]] == [pointer]
        assert {fault["code"] for fault in told["errors"]} == {code}
    return told


@pytest.mark.parametrize("tool", QUESTIONS)
def test_a_question_reaches_its_tool_and_is_answered(post, tools, scratch, tool):
    files, method = QUESTIONS[tool]
    response = post(tool, parts(**files))

    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    assert [name for name, _ in tools.asked] == [method]
    assert sorted(tools.contents.values()) == sorted(files.values())
    told = response.json()
    assert told["outcome"] == "PASSED"
    assert sorted(told["files"].values()) == sorted(
        hashlib.sha256(content).hexdigest() for content in files.values()
    )
    assert list(scratch.iterdir()) == []  # its whole folder went with the service


def test_a_score_comes_with_threshold_direction_and_models(post):
    [check] = post("card-readings", parts(front=PICTURE)).json()["checks"]

    assert (check["score"], check["threshold"], check["direction"]) == (0.7, 0.479, "at_least")
    assert {model["id"]: model["sha256"] for model in check["models"]} == dict(MODELS)
    assert check["title"]["vi"] != check["title"]["en"]


def test_a_score_of_which_little_is_good_says_so(post, tools):
    glare = Measurement(name="glare", value=0.1, unit="fraction", threshold=0.3)
    read = Check(id="card.read", outcome=Outcome.PASSED, measurements=(glare,))
    tools.finding = finding(checks=(read,))

    [check] = post("card-readings", parts(front=PICTURE)).json()["checks"]
    assert check["direction"] == "at_most"
    assert check["models"] == []  # the models that were told had no say in a card


def test_no_idempotency_key_is_asked_for_and_asking_twice_asks_twice(post, tools):
    for _ in range(2):
        assert post("card-readings", parts(front=PICTURE)).status_code == 200
    assert len(tools.asked) == 2


@pytest.mark.parametrize(
    ("tool", "files", "code", "pointer"),
    [
        ("card-readings", {"back": PICTURE}, "request.part_missing", "/body/front"),
        ("document-readings", {"page": PICTURE}, "request.part", None),
        ("copy-comparisons", {"original": PICTURE}, "request.part_missing", "/body/copy"),
        ("face-comparisons", {"frames": PICTURE}, "request.part_missing", "/body/portrait"),
        (
            "face-comparisons",
            {"frames": b"f", "dg2": b"x"},
            "request.part_missing",
            "/body/sod",
        ),
        (
            "face-comparisons",
            {"frames": b"f", "dg2": b"x", "portrait": PICTURE},
            "request.part",
            "/body/portrait",
        ),
        (
            "liveness-inspections",
            {"frames": b"f", "assurance": b"none"},
            "request.part",
            "/body/assurance",
        ),
        ("signature-validations", {"content": b"x"}, "request.part_missing", "/body/file"),
        ("result-verifications", {"nonce": b"x"}, "request.part_missing", "/body/file"),
        (
            "result-verifications",
            {"presentation": b"x", "nonce": b"x"},
            "request.part_missing",
            "/body/audience",
        ),
        ("result-verifications", {"presentation": b"\xff"}, "request.part", "/body/presentation"),
    ],
)
def test_what_is_no_question_is_refused_and_pointed_at(post, tools, tool, files, code, pointer):
    problem(post(tool, parts(**files)), 422, code, pointer)
    assert tools.asked == []


def test_a_part_that_comes_too_often_is_refused(post):
    twice = [*parts(front=PICTURE), *parts(front=PICTURE)]
    problem(post("card-readings", twice), 422, "request.part", "/body/front")


def test_chip_files_lead_to_the_comparison_with_a_chip(post, tools):
    assert post("face-comparisons", parts(frames=b"f", sod=b"s", dg1=b"1", dg2=b"2")).is_success
    [(name, options)] = tools.asked
    assert (name, options["chip"]) == ("compare_with_chip", ["EF.DG1", "EF.DG2", "EF.SOD"])


def test_a_presentation_reaches_its_tool_whole(post, tools):
    asked = parts(presentation=b" a~b~c ", audience=b"https://cong.mau", nonce=b"n1")
    assert post("result-verifications", asked).is_success
    [(_, options)] = tools.asked
    shown = options["shown"]
    assert (shown.text, shown.audience, shown.nonce) == ("a~b~c", "https://cong.mau", "n1")
    assert "a~b" not in repr(shown)


def test_small_files_never_see_a_disk_and_large_ones_lie_in_a_private_folder(talk, tools, scratch):
    large = bytes(range(256)) * 4096

    async def conversation(client):
        await client.post("/v1/tools/card-readings", files=parts(front=PICTURE, back=PICTURE))
        small, tools.hold = set(tools.folders), threading.Event()
        tools.arrived.acquire()
        asked = asyncio.create_task(
            client.post("/v1/tools/card-readings", files=parts(front=large, back=large[::-1]))
        )
        await anyio.to_thread.run_sync(tools.arrived.acquire)
        [folder] = tools.folders
        seen = folder.stat().st_mode & 0o777, sorted(path.name for path in folder.iterdir())
        tools.hold.set()
        return small, folder, seen, (await asked).json()

    small, folder, seen, told = talk(conversation)
    assert small == set()
    assert seen == (0o700, ["back", "front"])
    assert not folder.exists()
    assert folder.is_relative_to(scratch)
    assert (tools.contents["front"], tools.contents["back"]) == (large, large[::-1])
    assert told["files"]["back"] == hashlib.sha256(large[::-1]).hexdigest()


def test_a_text_stays_a_text_where_files_have_filled_the_memory(post, tools):
    lists = [("status_lists", ("l", bytes(260_000))) for _ in range(2)]
    text = b"a~" * 10_000
    asked = [*lists, *parts(presentation=text, audience=b"me", nonce=b"n")]

    assert post("result-verifications", asked).is_success
    [(_, options)] = tools.asked
    assert options["shown"].text == text.decode()


def test_a_picture_beyond_its_bound_is_refused_before_it_is_kept(post, tools):
    big = bytes(PICTURE_BYTES + 1)
    problem(
        post("card-readings", parts(front=big, back=b"x")), 413, "request.too_large", "/body/front"
    )
    assert tools.asked == []


def test_a_body_beyond_all_parts_is_refused_unread(post):
    big = bytes(tool_body_bytes("/v1/tools/card-readings") + 1)
    problem(post("card-readings", parts(front=big)), 413, "request.too_large")


def test_the_digest_is_held_against_the_body(talk, tools):
    async def conversation(client):
        request = client.build_request(
            "POST", "/v1/tools/card-readings", files=parts(front=PICTURE)
        )
        body = b"".join(request.stream)
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        answers = []
        for told in (digest, base64.b64encode(bytes(32)).decode()):
            headers = {
                "Content-Type": request.headers["content-type"],
                "Content-Digest": f"sha-256=:{told}:",
            }
            answers.append(
                await client.post("/v1/tools/card-readings", content=body, headers=headers)
            )
        return answers

    right, wrong = talk(conversation)
    assert right.status_code == 200
    problem(wrong, 400, "digest.mismatch")
    assert len(tools.asked) == 1


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"Content-Type": "application/json"}, b'{"front": 1}', 415, "request.not_multipart"),
        ({"Content-Type": "multipart/form-data"}, b"x", 415, "request.not_multipart"),
        (
            {"Content-Type": "multipart/form-data; boundary=b"},
            b'--b\r\nContent-Disposition: form-data; name="front"\r\n\r\nhalf a pic',
            422,
            "request.multipart",
        ),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"nonsense", 422, None),
    ],
)
def test_other_bodies_and_cut_ones_are_refused(talk, tools, headers, body, status, code):
    response = talk(
        lambda client: client.post("/v1/tools/card-readings", content=body, headers=headers)
    )
    assert response.status_code == status, response.text
    if code is not None:
        problem(response, status, code)
    assert tools.asked == []


def test_a_file_that_cannot_be_read_is_pointed_at_among_several(post, tools):
    tools.error = InputError("not a picture", code="image.wrong_type", subject="frames/2")
    told = problem(
        post(
            "liveness-inspections", [*parts(frames=b"1"), *parts(frames=b"2"), *parts(frames=b"3")]
        ),
        422,
        "image.wrong_type",
        "/body/frames/2",
    )
    assert told["errors"][0]["message"] != told["detail"]


def test_our_own_fault_is_ours_and_nothing_stays(post, tools, scratch):
    tools.error = ModelError("altered", code="model.altered")
    problem(post("card-readings", parts(front=PICTURE)), 503, "model.altered")
    assert list(scratch.iterdir()) == []


def test_what_nobody_foresaw_is_a_problem_too_and_nothing_stays(post, tools, scratch, caplog):
    tools.error = RuntimeError("079302012344 is somebody's number")
    problem(post("card-readings", parts(front=PICTURE)), 500, "internal")
    assert "079302012344" not in caplog.text
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        *((role, True) for role in ("receptionist", "officer", "supervisor", "machine")),
        *((role, False) for role in ("citizen", "agent", "auditor", "admin")),
    ],
)
def test_tools_are_for_whoever_works_with_them(post, tools, role, allowed):
    response = post("card-readings", parts(front=PICTURE), headers={"X-Role": role})
    assert response.status_code == (200 if allowed else 403)
    assert len(tools.asked) == allowed


def test_a_service_without_them_says_so(post):
    problem(post("card-readings", parts(front=PICTURE), using=None), 404, "tool.not_offered")


def test_the_comparison_is_a_page_for_whoever_reads_pages(post, tools):
    tools.finding = finding(page="<!doctype html><p>khác</p>")
    asked = parts(original=PICTURE, copy=PICTURE)
    page = post("copy-comparisons", asked, headers={"Accept": "text/html,application/json;q=0.5"})
    plain = post("copy-comparisons", asked, headers={"Accept": "application/json, text/html"})

    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (page.headers["vary"], page.headers["cache-control"]) == ("Accept", "no-store")
    assert [options["with_page"] for _, options in tools.asked] == [True, False]
    assert plain.status_code == 200


def test_the_next_one_is_turned_away_at_once_before_its_body_is_read(talk, tools):
    tools.hold = threading.Event()

    async def conversation(client):
        first = asyncio.create_task(
            client.post("/v1/tools/card-readings", files=parts(front=PICTURE))
        )
        await anyio.to_thread.run_sync(tools.arrived.acquire)

        async def body():
            raise AssertionError("the body was asked for")
            yield b""

        refused = await client.post("/v1/tools/card-readings", content=body())
        tools.hold.set()
        return refused, await first

    refused, first = talk(conversation, limits=ServiceLimits(workers=1, waiting=0))
    problem(refused, 503, "busy.queue_full")
    assert int(refused.headers["retry-after"]) > 0
    assert first.status_code == 200


def test_a_rush_of_questions_turns_no_verification_away_nor_the_reverse(talk, tools):
    """They shared one queue once: whoever filled it with questions shut all verifications out."""
    tools.hold = threading.Event()
    case = [("case", (None, b'schema = "ekyc.case/1"\nprofile = "identity"\n'))]

    async def conversation(client):
        service = client.application.state.service
        first = asyncio.create_task(
            client.post("/v1/tools/card-readings", files=parts(front=PICTURE))
        )
        await anyio.to_thread.run_sync(tools.arrived.acquire)
        service.admission.require_room()
        verified = await client.post("/v1/verifications", files=case)
        tools.hold.set()
        answered = await first
        began, release = threading.Semaphore(0), threading.Event()

        def hold():
            began.release()
            release.wait()

        running = asyncio.create_task(service.admission.run(hold))
        await anyio.to_thread.run_sync(began.acquire)
        refused = await client.post("/v1/verifications", files=case)
        asked = await client.post("/v1/tools/card-readings", files=parts(front=PICTURE))
        release.set()
        await running
        return verified, answered, refused, asked

    limits = ServiceLimits(workers=1, waiting=0)
    verified, answered, refused, asked = talk(conversation, limits=limits)
    assert verified.json().get("code") != "busy.queue_full"
    problem(refused, 503, "busy.queue_full")
    assert (answered.status_code, asked.status_code) == (200, 200)


def test_a_caller_that_leaves_gives_its_place_in_the_queue_back_at_once(talk, tools):
    tools.hold = threading.Event()

    async def conversation(client):
        admission = client.application.state.service.tool_admission
        first = asyncio.create_task(
            client.post("/v1/tools/card-readings", files=parts(front=PICTURE))
        )
        await anyio.to_thread.run_sync(tools.arrived.acquire)
        read, gone = asyncio.Event(), asyncio.Event()
        waiting = asyncio.create_task(leaving(client.application, read, gone))
        await read.wait()
        assert admission.taken == 2
        gone.set()
        await waiting
        taken = admission.taken
        tools.hold.set()
        return taken, await first

    taken, first = talk(conversation, limits=ServiceLimits(workers=1, waiting=1))
    assert taken == 1
    assert first.status_code == 200
    assert len(tools.asked) == 1  # what nobody waits for was not begun


async def leaving(application, read, gone):
    """A caller that sends a whole question, says when all of it was read, and is gone when it is told to."""
    body = b'--b\r\nContent-Disposition: form-data; name="front"\r\n\r\npic\r\n--b--\r\n'
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        if messages:
            return messages.pop()
        read.set()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        pass

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/tools/card-readings",
        "raw_path": b"/v1/tools/card-readings",
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", b"multipart/form-data; boundary=b"),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "state": {},
    }
    await application(scope, receive, send)


class TirelessTools(ToldTools):
    """In-memory Tools that ask a model again and again, until it answers no more."""

    def read_card(self, front, back):
        entry = default_registry()["sface-2021dec"]
        model = EngineModel(
            entry, lambda batch: (np.zeros((len(batch), 128), np.float32),), CPU_POLICY
        )
        while True:
            model.infer(np.zeros((3, 112, 112), np.float32))


def test_time_that_is_over_is_a_problem_and_calls_the_models_off(post, scratch):
    limits = ServiceLimits(answer_s=0.2)
    response = post("card-readings", parts(front=PICTURE), using=TirelessTools(), limits=limits)

    assert problem(response, 503, "busy.deadline")["retryable"]
    assert list(scratch.iterdir()) == []
