"""Batches over HTTP and through the steps of a worker: each item once, nothing left behind, nobody else's."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import text

from ekyc.api.batches.work import BatchFeeder, BatchParts, BatchWork, sweep_batches
from ekyc.api.limits import ServiceLimits
from ekyc.api.metrics import ServiceMetrics
from ekyc.cli.serve_parts import expose_storage
from ekyc.errors import BusyError, InputError
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey
from ekyc.storage.work.batch_rows import OpenCases

CASE = b'schema = "ekyc.case/1"\nprofile = "identity"\n'
KEY = ServiceKey(bytes(32))
SECRET = b"an unmistakable picture of Nguyen Van An"
NDJSON = {"Content-Type": "application/x-ndjson"}
ZIP = {"Content-Type": "application/zip"}


@pytest.fixture
def vault(storage, tmp_path):
    keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
    return storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))


@pytest.fixture
def verifier(verifier):
    verifier.result = {**verifier.result, "case_digest": "0" * 64}
    return verifier


@pytest.fixture
def work(storage, vault, verifier):
    parts = BatchParts(store=storage.batches, vault=vault, verifier=lambda: verifier)
    return BatchWork(parts)


@pytest.fixture
def sweep(storage, vault, clock):
    return lambda: sweep_batches(storage.batches, vault, clock.now())


class AtOnce:
    """A DurableWork that does the steps while it is called."""

    def __init__(self, work):
        self._steps = work.job(1).steps
        self.started = []

    def start(self, job, work_id, ids):
        self.started.append(work_id)
        for step in self._steps:
            step.do(*ids)


def worked_off(storage, work):
    engine = AtOnce(work)
    feeder = BatchFeeder(storage.batches, lambda: None)
    feeder._feed(engine)
    return engine


def archive(cases):
    """A zip archive: folder → name → content."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for folder, files in cases.items():
            for name, content in files.items():
                out.writestr(zipfile.ZipInfo(f"{folder}/{name}"), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def case(*, extra=None):
    return {"case.toml": CASE, "card/front.jpg": SECRET, **(extra or {})}


async def zipped(desk, cases=None, **options):
    body = archive(cases or {"HS-1": case(), "HS-2": case()})
    return await desk.post("/v1/batches", content=body, headers=ZIP, **options)


async def uploaded(desk, **options):
    parts = [("case", (None, CASE)), ("file", ("card/front.jpg", SECRET))]
    return await desk.post("/v1/cases", files=parts, **options)


async def listed(desk, lines, **options):
    body = "".join(json.dumps(line) + "\n" for line in lines).encode()
    return await desk.post("/v1/batches", content=body, headers=NDJSON, **options)


def test_a_case_without_what_it_names_is_not_kept(talk, vault):
    async def handing_in(desk):
        named = CASE + b'[card]\nfront = "card/front.jpg"\n'
        return await desk.post("/v1/cases", files=[("case", (None, named))])

    refused = talk(handing_in, vault=vault)
    assert (refused.status_code, refused.json()["code"]) == (422, "case.file_missing")
    assert refused.json()["errors"][0]["pointer"] == "/body/file"


def test_an_archive_of_cases_is_verified_item_by_item(talk, vault, storage, work):
    async def handing_in(desk):
        return await zipped(desk)

    told = talk(handing_in, vault=vault)
    assert told.status_code == 202, told.text
    batch = told.json()
    assert told.headers["location"] == f"/v1/batches/{batch['id']}"
    assert batch["state"] == "running"
    assert batch["counts"] == {"waiting": 2, "done": 0, "failed": 0, "canceled": 0}
    engine = worked_off(storage, work)
    assert len(engine.started) == 2

    async def looking(desk):
        place = f"/v1/batches/{batch['id']}"
        return [
            await desk.get(path, caller="officer")
            for path in (place, f"{place}/items", f"{place}/results")
        ]

    one, items, results = talk(looking, vault=vault)
    assert one.json()["state"] == "done"
    assert one.json()["finished_at"]
    data = items.json()["data"]
    assert [item["reference"] for item in data] == ["HS-1", "HS-2"]
    assert {item["state"] for item in data} == {"done"}
    assert data[0]["result"]["verdict"] == "accept"
    assert data[0]["result"]["checks"][0]["code"] == "chip.signature"
    assert [json.loads(line) for line in results.text.splitlines()] == data
    assert results.headers["content-type"].startswith("application/x-ndjson")
    recorded = storage.results.recent()
    assert {item["result"]["verification_id"] for item in data} == {one.id for one in recorded}


def test_what_was_handed_in_is_sealed_and_then_gone(talk, vault, storage, work, tmp_path, verifier):
    seen = []
    verify = verifier.verify_folder

    def looking(folder, **options):
        seen.append((folder / "card" / "front.jpg").read_bytes())
        return verify(folder, **options)

    verifier.verify_folder = looking
    talk(zipped, vault=vault)
    blobs = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) == 2
    assert not any(SECRET in path.read_bytes() for path in blobs)
    worked_off(storage, work)
    assert seen == [SECRET, SECRET]
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert not any(folder.exists() for folder in verifier.folders)
    for file in tmp_path.glob("state*"):
        assert SECRET not in file.read_bytes()


def test_cases_uploaded_one_by_one_are_taken_once(talk, vault, storage, work):
    async def conversation(desk):
        cases = [(await uploaded(desk)).json()["id"] for _ in range(2)]
        lines = [{"reference": f"R{n}", "case_id": one} for n, one in enumerate(cases)]
        first = await listed(desk, lines)
        again = await listed(desk, lines[:1])
        return first, again

    first, again = talk(conversation, vault=vault)
    assert first.status_code == 202, first.text
    assert (again.status_code, again.json()["code"]) == (404, "batch.case_unknown")
    assert len(worked_off(storage, work).started) == 2


def test_a_tenant_has_so_many_cases_open_and_no_more(talk, vault, storage, work, tmp_path):
    metrics = ServiceMetrics()
    bounded = {"vault": vault, "service": ServiceLimits(open_cases=3), "metrics": metrics}

    async def conversation(desk):
        made = [await uploaded(desk, key=f"mine-{n}") for n in range(3)]
        full = [await uploaded(desk), await zipped(desk, {"one": case()})]
        sealed = len([one for one in (tmp_path / "blobs").rglob("*") if one.is_file()])
        again = await uploaded(desk, key="mine-0")
        others = await uploaded(desk, caller="stranger")
        lines = [{"reference": f"R{n}", "case_id": one.json()["id"]} for n, one in enumerate(made)]
        batch = await listed(desk, lines)  # what it takes lay open before
        still = await uploaded(desk)
        worked_off(storage, work)
        return full, sealed, again, others, batch, still, await uploaded(desk)

    full, sealed, again, others, batch, still, after = talk(conversation, **bounded)
    for answer in (*full, still):
        assert (answer.status_code, answer.json()["code"]) == (429, "batch.quota")
        assert answer.headers["retry-after"] == "60"
        assert answer.json()["retryable"] is True
    assert sealed == 3  # nothing was sealed for those who were refused
    assert [one.status_code for one in (again, others, batch, after)] == [201, 201, 202, 201]
    assert again.headers["idempotency-replayed"] == "true"
    assert b"ekyc_case_quota_turned_away_total 3.0" in metrics.render()


def test_a_tenant_has_so_many_bytes_open_and_no_more(talk, vault, storage):
    async def conversation(desk):
        first = await uploaded(desk)
        archive_of_two = await zipped(desk)
        await desk.post("/v1/batches", content=b"", headers=NDJSON)
        return first, archive_of_two, await uploaded(desk)

    first, two, third = talk(conversation, vault=vault, service=ServiceLimits(open_case_bytes=800))
    size = first.json()["size"]
    assert 2 * size <= 800 < 3 * size
    assert (two.status_code, two.json()["code"]) == (429, "batch.quota")
    assert third.status_code == 201
    with storage.dossiers(KEY).looking("a") as unit:
        assert unit.batches.open_cases() == OpenCases(cases=2, size=2 * size)


def test_a_batch_with_one_bad_line_takes_no_case(talk, vault):
    async def conversation(desk):
        one = (await uploaded(desk)).json()["id"]
        bad = await listed(
            desk,
            [{"reference": "a", "case_id": one}, {"reference": "b", "case_id": "0" * 32}],
        )
        good = await listed(desk, [{"reference": "a", "case_id": one}])
        return bad, good

    bad, good = talk(conversation, vault=vault)
    assert bad.status_code == 404
    assert good.status_code == 202


def test_sent_twice_it_is_one_batch_and_sealed_once(talk, vault, tmp_path):
    async def conversation(desk):
        first, second = await zipped(desk, key="k"), await zipped(desk, key="k")
        other = await zipped(desk, {"X": case()}, key="k")
        return first, second, other

    first, second, other = talk(conversation, vault=vault)
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.other_request")
    assert len([path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]) == 2


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"no archive", ZIP, 422, "request.archive"),
        (archive({}), ZIP, 422, "batch.empty"),
        (archive({"a": {"x.txt": b"x"}}), ZIP, 422, "batch.case_missing"),
        (archive({"Nguyễn Văn An": {"case.toml": CASE}}), ZIP, 422, "batch.reference"),
        (archive({"a-079185001234": {"case.toml": CASE}}), ZIP, 422, "batch.reference"),
        (archive({"..": {"case.toml": CASE}}), ZIP, 422, "request.path"),
        (archive({str(n): {"case.toml": CASE} for n in range(201)}), ZIP, 413, "batch.too_many"),
        (b"", NDJSON, 422, "batch.empty"),
        (b"{}\n", NDJSON, 422, "batch.line"),
        (b'{"reference":"079185001234","case_id":"' + b"0" * 32 + b'"}', NDJSON, 422, "batch.line"),
        (b'{"reference":"a","case_id":"x' + b"y" * 600 + b'"}', NDJSON, 422, "batch.line"),
        (b"x" * 600_000, NDJSON, 413, "request.too_large"),
        (b"{}", {"Content-Type": "application/json"}, 415, "request.media_type"),
    ],
)
def test_what_is_no_batch_is_refused_and_leaves_nothing(
    talk, vault, tmp_path, body, headers, status, code
):
    async def conversation(desk):
        return await desk.post("/v1/batches", content=body, headers=headers)

    told = talk(conversation, vault=vault)
    assert (told.status_code, told.json()["code"]) == (status, code), told.text
    assert "Nguyễn" not in told.text
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert not [path for path in (tmp_path / "scratch").rglob("*") if path.is_file()]


def test_a_bomb_is_refused_while_it_unpacks(talk, vault, tmp_path):
    bomb = archive({"a": {"case.toml": CASE, "big": bytes(40 * 1024 * 1024)}})
    assert len(bomb) < 100_000

    async def conversation(desk):
        return await desk.post("/v1/batches", content=bomb, headers=ZIP)

    told = talk(conversation, vault=vault)
    assert (told.status_code, told.json()["code"]) == (413, "request.too_large")


def test_a_challenge_is_refused(talk, vault):
    async def conversation(desk):
        parts = [("case", (None, CASE)), ("challenge_id", (None, b"0" * 32))]
        return await desk.post("/v1/cases", files=parts)

    told = talk(conversation, vault=vault)
    assert (told.status_code, told.json()["code"]) == (422, "request.part")


@pytest.mark.parametrize(
    ("caller", "status"),
    [("stranger", 404), ("foreign", 404), ("hanoi", 404), ("citizen", 403), ("auditor", 200)],
)
def test_others_do_not_see_it(talk, vault, caller, status):
    async def conversation(desk):
        place = f"/v1/batches/{(await zipped(desk)).json()['id']}"
        paths = (place, f"{place}/items", f"{place}/results")
        seen = [await desk.get(path, caller=caller) for path in paths]
        return seen, await desk.get("/v1/batches", caller=caller)

    seen, all_of_them = talk(conversation, vault=vault)
    assert [one.status_code for one in seen] == [status] * 3
    if status == 404:
        assert all_of_them.json()["data"] == []


def test_another_tenant_or_office_cannot_take_a_case(talk, vault):
    async def conversation(desk):
        one = (await uploaded(desk)).json()["id"]
        line = [{"reference": "a", "case_id": one}]
        return [await listed(desk, line, caller=who) for who in ("stranger", "hanoi", "portal")]

    told = talk(conversation, vault=vault)
    assert [one.status_code for one in told] == [404, 404, 202]


def test_only_who_may_hands_one_in_or_calls_one_off(talk, vault):
    async def conversation(desk):
        place = f"/v1/batches/{(await zipped(desk)).json()['id']}"
        return [
            await zipped(desk, caller="auditor"),
            await desk.post(f"{place}/cancel", caller="auditor"),
            await desk.post(f"{place}/cancel", caller="stranger"),
        ]

    assert [one.status_code for one in talk(conversation, vault=vault)] == [403, 403, 404]


def test_what_waits_is_called_off_and_erased(talk, vault, storage, work, sweep, tmp_path):
    async def conversation(desk):
        place = f"/v1/batches/{(await zipped(desk)).json()['id']}"
        return await desk.post(f"{place}/cancel"), await desk.post(f"{place}/cancel")

    canceled, again = talk(conversation, vault=vault)
    assert canceled.json()["state"] == "canceled"
    assert canceled.json()["counts"]["canceled"] == 2
    assert (again.status_code, again.json()["code"]) == (409, "batch.over")
    assert worked_off(storage, work).started == []
    assert sweep() == 2
    assert sweep() == 0
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


def test_uploads_that_no_batch_wanted_are_erased_after_a_day(talk, vault, sweep, clock, tmp_path):
    talk(uploaded, vault=vault)
    assert sweep() == 0
    clock.advance(timedelta(days=1, seconds=1))
    assert sweep() == 1
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


def test_a_bad_case_fails_alone_and_is_told_by_its_code(talk, vault, storage, work, verifier):
    verify, calls = verifier.verify_folder, []

    def first_is_bad(folder, **options):
        calls.append(folder)
        if len(calls) == 1:
            raise InputError("079185001234", code="case.invalid", subject="case.toml")
        return verify(folder, **options)

    verifier.verify_folder = first_is_bad

    async def conversation(desk):
        return (await zipped(desk)).json()["id"]

    batch = talk(conversation, vault=vault)
    worked_off(storage, work)

    async def looking(desk):
        return await desk.get(f"/v1/batches/{batch}/items"), await desk.get(f"/v1/batches/{batch}")

    items, one = talk(looking, vault=vault)
    assert [item["state"] for item in items.json()["data"]] == ["failed", "done"]
    assert items.json()["data"][0]["error"]["code"] == "case.invalid"
    assert items.json()["data"][0]["result"] is None
    assert "079185001234" not in items.text
    assert one.json()["state"] == "done"
    assert len(storage.results.recent()) == 1


def test_a_fault_of_ours_leaves_the_item_waiting(talk, vault, storage, work, verifier):
    talk(zipped, vault=vault)
    verifier.error = BusyError("the queue is full")
    with pytest.raises(BusyError):
        worked_off(storage, work)
    verifier.error = None
    assert len(worked_off(storage, work).started) == 2
    assert len(storage.results.recent()) == 2


def test_one_that_kills_whoever_verifies_it_is_given_up(talk, vault, storage, work, verifier):
    talk(lambda desk: zipped(desk, {"a": case()}), vault=vault)
    (place,) = storage.batches.to_be_started(10, again_after=timedelta(minutes=10))
    verifier.error = BusyError("gone")
    for _ in range(20):
        with pytest.raises(BusyError):
            work.verify(place.tenant, place.item_id)
    work.verify(place.tenant, place.item_id)
    assert storage.batches.any_waits() == ()


def test_two_workers_at_one_item_conclude_it_once(talk, vault, storage, work):
    talk(lambda desk: zipped(desk, {"a": case()}), vault=vault)
    (place,) = storage.batches.to_be_started(10, again_after=timedelta(minutes=10))
    verify, told = work._verified, []

    def overtaken(tenant, artefact_id):
        work._verified = verify
        work.verify(place.tenant, place.item_id)
        told.append("first")
        return verify(tenant, artefact_id)

    work._verified = overtaken
    work.verify(place.tenant, place.item_id)
    assert told
    assert len(storage.results.recent()) == 1
    with storage._engine.connect() as connection:
        kinds = connection.execute(text("SELECT kind FROM outbox_events ORDER BY at, id")).scalars()
        assert sorted(kinds) == ["batch.state_changed"] * 2 + ["verification.decided"]


def test_items_come_page_by_page(talk, vault):
    async def conversation(desk):
        cases = {f"c{n}": {"case.toml": CASE} for n in range(5)}
        place = f"/v1/batches/{(await zipped(desk, cases)).json()['id']}/items?limit=2"
        pages, onward = [], place
        while onward:
            page = (await desk.get(onward)).json()
            pages.append([item["number"] for item in page["data"]])
            onward = f"{place}&cursor={page['next']}" if page["next"] else None
        return pages, (await desk.get("/v1/batches?limit=1")).json()

    pages, batches = talk(conversation, vault=vault)
    assert pages == [[1, 2], [3, 4], [5]]
    assert batches["next"]


def test_without_a_vault_there_are_no_batches(talk):
    told = talk(zipped)
    assert (told.status_code, told.json()["code"]) == (404, "batch.not_offered")


def test_a_case_in_the_clear_does_not_outlive_a_killed_worker(
    talk, vault, storage, verifier, tmp_path
):
    """What a process left behind that was killed in the middle is removed by the next one that works."""
    scratch = tmp_path / "worker"
    scratch.mkdir()
    killed, seen = [], []

    class Killed:
        def verify_folder(self, folder, **_):
            killed.append(folder)
            shutil.copytree(scratch, tmp_path / "left")  # as the disk was at that moment
            raise BusyError("the process was killed")

    class Next:
        def verify_folder(self, folder, **_):
            seen.extend(path for path in scratch.rglob("*") if path.is_file())
            return verifier.result

    talk(lambda desk: zipped(desk, {"HS-1": case()}), vault=vault)
    for one in (Killed(), Next()):
        work = BatchWork(
            BatchParts(
                store=storage.batches, vault=vault, verifier=lambda one=one: one, scratch=scratch
            )
        )
        (place,) = storage.batches.any_waits()
        with suppress(BusyError):
            work.verify(place.tenant, place.item_id)
        if one.__class__ is Killed:
            shutil.copytree(tmp_path / "left", scratch, dirs_exist_ok=True)
            assert any(path.read_bytes() == SECRET for path in killed_files(scratch))
    assert not [path for path in seen if path.is_relative_to(killed[0].parent)]
    assert not list(killed_files(scratch))


def killed_files(folder):
    return (path for path in folder.rglob("*") if path.is_file())


def test_a_key_is_for_the_office_too(talk, vault):
    async def conversation(desk):
        parts = [("case", (None, CASE)), ("file", ("card/front.jpg", SECRET))]
        first = await desk.post("/v1/cases?office=hn", files=parts, key="k")
        return first, await desk.post("/v1/cases?office=hcm", files=parts, key="k")

    first, other = talk(conversation, vault=vault)
    assert (first.status_code, other.status_code) == (201, 422)
    assert other.json()["code"] == "idempotency.other_request"


def test_one_case_may_be_called_what_another_is_sealed_as(talk, vault):
    """A reference chooses a name on disk beside the others; none is in the way of what we make there ourselves."""

    async def conversation(desk):
        body = archive({"a": case(), "a.sealing": case(), "a.zip": case()})
        made = await desk.post("/v1/batches", content=body, headers=ZIP)
        return made, await desk.get(f"/v1/batches/{made.json().get('id')}/items")

    made, items = talk(conversation, vault=vault)
    assert made.status_code == 202, made.text
    assert sorted(one["reference"] for one in items.json()["data"]) == ["a", "a.sealing", "a.zip"]


def test_figures_count_items_by_state_and_say_how_long_the_oldest_waits(
    talk, vault, storage, work, clock
):
    def figures():
        exposed = ServiceMetrics()
        expose_storage(exposed, storage, ServiceKey(bytes(32)), {})
        lines = exposed.render().decode().splitlines()
        return {line for line in lines if line.startswith("ekyc_batch_")}

    states = ("canceled", "done", "failed", "waiting")
    nothing = {f'ekyc_batch_items{{state="{state}"}} 0.0' for state in states}
    assert figures() == {*nothing, "ekyc_batch_oldest_waiting_seconds 0.0"}
    talk(zipped, vault=vault)
    clock.advance(timedelta(minutes=2))
    talk(lambda desk: zipped(desk, key="second"), vault=vault)
    waits = {line for line in figures() if "waiting" in line}
    assert waits == {
        'ekyc_batch_items{state="waiting"} 4.0',
        "ekyc_batch_oldest_waiting_seconds 120.0",
    }
    worked_off(storage, work)
    after = {line for line in figures() if not line.endswith(" 0.0")}
    assert after == {'ekyc_batch_items{state="done"} 4.0'}
