"""POST /v1/verifications: what arrives, what is refused, what stays behind (nothing)."""

from __future__ import annotations

import asyncio
import hashlib
import io
import stat
import struct
import threading
import zipfile

import httpx
import pytest

from ekyc.api import ServiceLimits
from ekyc.api.admission import Admission
from ekyc.api.archives import unpack
from ekyc.errors import BusyError, InputError, LimitError, ModelError

CASE = b'schema = "ekyc.case/1"\nprofile = "identity"\n'


def part(name, data=b"x", filename=None):
    return (name, (filename, data) if filename is not None else (None, data))


def zipped(files, *, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def archive(data):
    return part("archive", data, "case.zip")


def sha(data):
    return hashlib.sha256(data).hexdigest()


def problem(response, status, code):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["code"] == code
    assert document["status"] == status
    assert document["instance"].endswith(response.headers["x-request-id"])
    return document


def test_parts_become_the_case_folder(post):
    response = post(
        [
            part("case", CASE),
            part("file", b"sod", "chip/EF.SOD"),
            part("file", "ảnh".encode(), "card/mặt trước.jpg"),
            part("challenge_id", b"ab12"),
        ]
    )

    assert response.status_code == 200
    result = response.json()
    assert result["files"] == {
        "card/mặt trước.jpg": sha("ảnh".encode()),
        "case.toml": sha(CASE),
        "chip/EF.SOD": sha(b"sod"),
    }
    assert result["challenge_id"] == "ab12"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("prefix", ["", "my case/"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_becomes_the_case_folder(post, prefix, method):
    data = zipped({f"{prefix}case.toml": CASE, f"{prefix}chip/EF.SOD": b"sod"}, method=method)

    response = post([part("challenge_id", b"ab12"), archive(data)])

    assert response.status_code == 200, response.text
    assert response.json()["files"] == {"case.toml": sha(CASE), "chip/EF.SOD": sha(b"sod")}


def test_nothing_stays_behind_whatever_happens(post, verifier, scratch):
    post([part("case", CASE)])
    verifier.error = InputError("no", code="case.invalid")
    post([part("case", CASE)])
    verifier.error = ZeroDivisionError("Nguyễn Văn An")
    post([part("case", CASE)])
    post([part("case", CASE), part("file", b"x", "../x")])

    assert len(verifier.folders) == 3
    assert not any(folder.exists() for folder in verifier.folders)
    assert list(scratch.iterdir()) == []


def test_uploads_lie_where_only_the_service_may_look(ask, verifier, scratch):
    seen = []

    def look(folder, *, challenge_id, live, owner):
        assert (challenge_id, live) == (None, None)
        seen.extend(stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.parents[:2]))
        return {}

    verifier.verify_folder = look
    ask(lambda client: client.post("/v1/verifications", files=[part("case", CASE)]))

    assert seen == [0o700, 0o700, 0o700]


@pytest.mark.parametrize(
    "name",
    [
        "../case.toml",
        "/etc/passwd",
        "a/../../b",
        "a\\..\\b",
        "C:/x.jpg",
        "a//b",
        "./a",
        ".hidden",
        "a/b/c/d/e",
        "a\nb",
        "a\0b",
        "x" * 101,
        "a/",
        "CON:",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(post, verifier, name):
    response = post([part("case", CASE), part("file", b"x", name)])

    document = problem(response, 422, "request.path")
    assert name not in document["detail"]
    assert verifier.folders == []


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([part("file", b"x", "a.jpg")], "request.case_missing"),
        ([part("challenge_id", b"1")], "request.case_missing"),
        ([part("case", CASE), part("case", CASE)], "request.part"),
        ([part("case", CASE), part("file", CASE, "case.toml")], "request.part"),
        (
            [part("case", CASE), part("file", b"x", "A.jpg"), part("file", b"y", "a.JPG")],
            "request.part",
        ),
        ([part("case", CASE), part("file", b"x", "a"), part("file", b"y", "a/b")], "request.part"),
        ([part("case", CASE), part("file", b"x")], "request.path"),
        ([part("case", CASE), part("verdict", b"accept")], "request.part"),
        (
            [part("challenge_id", b"1"), part("challenge_id", b"2"), part("case", CASE)],
            "request.part",
        ),
        ([part("case", CASE), archive(zipped({"case.toml": CASE}))], "request.part"),
        ([archive(zipped({"case.toml": CASE})), part("file", b"x", "a.jpg")], "request.part"),
        ([archive(zipped({"a.jpg": b"x"}))], "request.case_missing"),
        ([archive(b"PK\3\4 no archive at all")], "request.archive"),
        ([archive(b"")], "request.archive"),
        ([archive(zipped({"../case.toml": CASE}))], "request.path"),
        ([archive(zipped({"case.toml": CASE, "CASE.TOML": CASE}))], "request.archive"),
    ],
)
def test_a_body_of_another_form_is_refused(post, verifier, parts, code):
    problem(post(parts), 422, code)
    assert verifier.folders == []


def test_an_archive_with_a_link_is_refused(post):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("case.toml", CASE)
        link = zipfile.ZipInfo("secret")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")

    problem(post([archive(buffer.getvalue())]), 422, "request.archive")


def test_a_case_that_is_an_archive_is_taken_as_one(post):
    data = zipped({"case.toml": CASE})
    assert post([part("case", data, "case.ZIP")]).status_code == 200


@pytest.mark.parametrize("cut", [30, 60, 90])
def test_a_damaged_archive_is_refused(post, cut):
    data = bytearray(zipped({"case.toml": CASE * 50, "a.jpg": b"x" * 500}))
    data[cut : cut + 8] = b"\xff" * 8

    assert post([archive(bytes(data))]).json()["code"] in {"request.archive", "request.path"}


def test_a_zip_bomb_is_stopped_while_it_unpacks(post, small, verifier):
    bomb = zipped({"case.toml": CASE, "a.jpg": bytes(5_000_000)})
    assert len(bomb) < 10_000

    problem(post([archive(bomb)], limits=small()), 413, "request.too_large")
    assert verifier.folders == []


def test_many_entries_that_are_fine_alone_are_stopped_together(post, small):
    bomb = zipped({"case.toml": CASE} | {f"{i}.jpg": bytes(40_000) for i in range(5)})

    problem(post([archive(bomb)], limits=small()), 413, "request.too_large")


def test_an_archive_of_very_many_files_is_refused_before_it_is_listed(post, small):
    many = zipped({f"{i}": b"" for i in range(2000)})

    problem(post([archive(many)], limits=small()), 413, "request.too_many_parts")


def test_a_large_directory_is_refused_whatever_its_count_says(tmp_path, small):
    path = tmp_path / "many.zip"
    data = bytearray(zipped({f"{i:050}": b"" for i in range(50)}))
    data[-14:-10] = struct.pack("<2H", 1, 1)  # claims one entry
    path.write_bytes(data)

    with pytest.raises(LimitError) as caught:
        unpack(path, tmp_path, small(parts=100, directory_bytes=1000))
    assert caught.value.code == "request.too_many_parts"


def test_a_file_that_is_too_large_is_refused(post, small):
    parts = [part("case", CASE), part("file", bytes(50_001), "a.jpg")]

    document = problem(post(parts, limits=small()), 413, "request.too_large")
    assert document["subject"] == "file"


def test_files_that_are_too_large_together_are_refused(post, small):
    parts = [part("case", CASE), *(part("file", bytes(40_000), f"{i}.jpg") for i in range(3))]

    problem(post(parts, limits=small()), 413, "request.too_large")


def test_too_many_parts_are_refused(post, small):
    parts = [part("case", CASE), *(part("file", b"", f"{i}.jpg") for i in range(20))]

    problem(post(parts, limits=small()), 413, "request.too_many_parts")


@pytest.mark.parametrize(
    "beginning",
    [
        b"--b\r\nContent-Disposition: form-data; name=archive; filename=a\r\n\r\n",
        b"--b--\r\n",  # all that follows belongs to no part
    ],
)
def test_a_body_is_counted_even_without_content_length(ask, small, beginning):
    async def endless():
        yield beginning
        while True:
            yield bytes(10_000)

    def talk(client):
        return client.post(
            "/v1/verifications",
            content=endless(),
            headers={"content-type": "multipart/form-data; boundary=b"},
        )

    problem(ask(talk, limits=small()), 413, "request.too_large")


def test_a_claimed_length_beyond_the_bound_is_refused_unread(ask, small):
    def talk(client):
        return client.post(
            "/v1/verifications", content=b"x", headers={"content-length": "999999999999"}
        )

    problem(ask(talk, limits=small()), 413, "request.too_large")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "text/plain; boundary=x",
    ],
)
def test_another_kind_of_body_is_refused(ask, content_type):
    def talk(client):
        return client.post(
            "/v1/verifications", content=b"{}", headers={"content-type": content_type}
        )

    problem(ask(talk), 415, "request.not_multipart")


@pytest.mark.parametrize("body", [b"", b"--b", b"junk", b"--b\r\n\r\nx\r\n--b--\r\n"])
def test_a_broken_body_is_refused(ask, body):
    def talk(client):
        return client.post(
            "/v1/verifications",
            content=body,
            headers={"content-type": "multipart/form-data; boundary=b"},
        )

    problem(ask(talk), 422, "request.multipart")


def test_a_body_cut_off_at_any_byte_is_refused(ask, verifier):
    whole = httpx.Request(
        "POST", "http://x", files=[part("case", CASE), part("file", b"sod", "chip/EF.SOD")]
    )
    body = whole.read()

    async def talk(client):
        for end in range(0, len(body) - 4, 7):
            response = await client.post(
                "/v1/verifications",
                content=body[:end],
                headers={"content-type": whole.headers["content-type"]},
            )
            assert response.status_code in {413, 422}, end

    ask(talk)
    assert verifier.folders == []


def test_an_upload_that_never_ends_runs_out_of_time(ask):
    async def stalled():
        yield b"--b\r\n"
        await asyncio.Event().wait()

    def talk(client):
        return client.post(
            "/v1/verifications",
            content=stalled(),
            headers={"content-type": "multipart/form-data; boundary=b"},
        )

    problem(ask(talk, limits=ServiceLimits(upload_s=0.05)), 408, "request.upload_time")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("bad", code="case.invalid", subject="case.toml"), 422),
        (ModelError("gone", code="model.missing"), 503),
        (BusyError("full"), 503),
    ],
)
def test_a_typed_error_keeps_its_code(post, verifier, error, status):
    verifier.error = error

    response = post([part("case", CASE)])

    document = problem(response, status, error.code)
    assert document["retryable"] is error.retryable
    assert ("retry-after" in response.headers) is isinstance(error, BusyError)


def test_an_unexpected_error_shows_and_logs_nothing_of_its_text(post, verifier, caplog):
    verifier.error = ValueError("Nguyễn Văn An 001234567890")

    with caplog.at_level("INFO"):
        response = post([part("case", CASE)])

    problem(response, 500, "internal")
    assert "001234567890" not in response.text + caplog.text
    assert "ValueError" in caplog.text
    assert "verify_folder" in caplog.text


def test_logs_hold_no_names_bodies_or_challenges(post, caplog):
    canary = "001234567890"
    with caplog.at_level("DEBUG"):
        post(
            [
                part("case", CASE + f"# {canary}".encode()),
                part("file", canary.encode(), f"{canary}.jpg"),
                part("challenge_id", canary.encode()),
            ]
        )

    assert '"route": "/v1/verifications"' in caplog.text
    assert canary not in caplog.text


def test_when_all_places_are_taken_the_next_is_turned_away_and_life_goes_on(ask, verifier):
    verifier.hold = threading.Event()
    limits = ServiceLimits(workers=2, waiting=0, retry_after_s=7)

    async def talk(client):
        def send():
            return client.post("/v1/verifications", files=[part("case", CASE)])

        held = [asyncio.create_task(send()) for _ in range(2)]
        for _ in held:
            await asyncio.to_thread(verifier.arrived.acquire)
        turned_away = await send()
        alive = await client.get("/livez")
        verifier.hold.set()
        return turned_away, alive, await asyncio.gather(*held)

    turned_away, alive, answers = ask(talk, limits=limits)

    problem(turned_away, 503, "busy.queue_full")
    assert turned_away.headers["retry-after"] == "7"
    assert alive.status_code == 200
    assert [answer.status_code for answer in answers] == [200, 200]


def test_places_count_those_that_wait():
    finish = threading.Event()

    async def fill():
        admission = Admission(ServiceLimits(workers=1, waiting=1))
        running = [asyncio.create_task(admission.run(finish.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            admission.require_room()
        finish.set()
        assert await asyncio.gather(*running) == [True, True]
        admission.require_room()

    asyncio.run(fill())


def test_a_case_without_what_it_names_is_not_verified(post, verifier):
    response = post([part("case", CASE + b'[card]\nfront = "card/front.jpg"\n')])
    (fault,) = problem(response, 422, "case.file_missing")["errors"]
    assert fault["pointer"] == "/body/file"
    assert verifier.folders == []


def test_verification_runs_outside_the_event_loop(post, verifier):
    post([part("case", CASE)])

    assert threading.main_thread() not in verifier.threads
