"""A case that was accepted is carried on by another process when its own one dies, and what came of it is written once."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from known_callers import NamedGate, portal
from sqlalchemy import text

from ekyc.api import create_app
from ekyc.api.limits import DEFAULT_LIMITS
from ekyc.api.v1 import ResourceFront
from ekyc.api.v1.front import ResourceLimits
from ekyc.api.v1.procedures import procedure_version
from ekyc.errors import BusyError
from ekyc.ports import SystemRandom
from ekyc.storage import (
    Answered,
    FileBlobStore,
    FileKeyProvider,
    ServiceKey,
    Storage,
    SubmissionRun,
)
from ekyc.testing import FixedClock

LEASE = timedelta(seconds=30)
KEY = ServiceKey(bytes(32))
CASE = b'schema = "ekyc.case/1"\nprofile = "identity"\n'
LIVE = b'{"session_id":"%s","result_token":"t-unmistakable","case":"c","subject":"s"}' % (b"a" * 32)


class House:
    """Processes of one service, one after the other: each finds what the disk held when the last one was killed."""

    def __init__(self, folder, clock, verifier, entered):
        self.folder, self.clock, self.verifier = folder, clock, verifier
        self.entered = entered
        self.database, self._lives = folder / "state.sqlite3", 0
        self.random = SystemRandom()
        (folder / "scratch").mkdir()

    def vault(self, storage):
        keys = FileKeyProvider(self.folder / "keys", self.random)
        return storage.vault(keys, FileBlobStore(self.folder / "blobs", self.random))

    def live(self, conversation, *, keeps=True, limits=DEFAULT_LIMITS):
        """A process from its start to its end, and what was talked with it."""

        async def converse():
            with Storage.open(self.database, clock=self.clock) as storage:
                front = ResourceFront(
                    storage.dossiers(KEY),
                    vault=self.vault(storage) if keeps else None,
                    limits=ResourceLimits(lease=LEASE),
                )
                app = create_app(
                    self.verifier,
                    storage,
                    limits=limits,
                    scratch_parent=self.folder / "scratch",
                    gate=NamedGate({"portal": portal()}),
                    resources=front,
                )
                async with self.entered(app) as desk:
                    return await conversation(desk)

        return asyncio.run(converse())

    async def killed(self):
        """What is written from here on is lost."""
        self._lives += 1
        then = self.folder / f"state{self._lives}.sqlite3"
        with (
            contextlib.closing(sqlite3.connect(self.database)) as now,
            contextlib.closing(sqlite3.connect(then)) as copy,
        ):
            now.backup(copy)
        self.database = then

    def dies_while_it_verifies(self, *, keeps=True, **more):
        """The place of a session to which a case was submitted under the key ``one``."""

        async def conversation(desk):
            place = await desk.session()
            self.verifier.hold = threading.Event()
            done = await self.submit(desk, place, **more)
            assert done.status_code == 202, done.text
            await self.killed_while_it_verifies()
            return place

        return self.live(conversation, keeps=keeps)

    def dies_with_many(self, many, limits):
        """Of ``many`` submitted cases, as many as there are workers were begun."""

        async def conversation(desk):
            self.verifier.hold = threading.Event()
            for _ in range(many):
                assert (await desk.submit(await desk.session(), wait=False)).status_code == 202
            await self.killed_while_it_verifies(limits.workers)

        self.live(conversation, limits=limits)

    def claimed_by_the_next(self, begun, limits):
        """How many cases the next process claims while it verifies ``begun``."""

        async def conversation(_):
            self.verifier.hold = threading.Event()
            await self.arrived(begun)
            await asyncio.sleep(0.2)
            query = "SELECT count(*) AS claimed FROM submission_runs WHERE fence > 1"
            ((claimed,),) = await asyncio.to_thread(self.rows, query)
            self.verifier.hold.set()
            return claimed

        return self.live(conversation, limits=limits)

    async def arrived(self, many):
        for _ in range(many):
            await asyncio.to_thread(self.verifier.arrived.acquire)

    async def killed_while_it_verifies(self, begun=1):
        await self.arrived(begun)
        await self.killed()
        self.verifier.hold.set()
        self.verifier.hold = None

    async def submit(self, desk, place, **more):
        files = [("case", (None, CASE)), ("file", ("a.jpg", b"x")), *more.items()]
        return await desk.post(f"{place}/submissions", files=files, key="one")

    def rows(self, query):
        with (
            Storage.open(self.database, clock=self.clock) as storage,
            storage._engine.connect() as connection,
        ):
            return connection.execute(text(query)).all()


@pytest.fixture
def house(tmp_path, clock, verifier, entered):
    return House(tmp_path, clock, verifier, entered)


def settled(place):
    async def conversation(desk):
        for _ in range(400):
            seen = (await desk.get(place)).json()
            if seen["state"] != "processing":
                return seen
            await asyncio.sleep(0.02)
        raise AssertionError("nobody carries it on")

    return conversation


def looked_at(place):
    """What the session says once the process has looked for what others left."""

    async def conversation(desk):
        await asyncio.sleep(0.2)
        return (await desk.get(place)).json()

    return conversation


def test_another_process_carries_it_on_with_the_same_case(house, clock, verifier):
    place = house.dies_while_it_verifies()
    assert [row.tries for row in house.rows("SELECT tries FROM submission_runs")] == [1]
    seen_files, found = [], verifier.result

    def looks(folder, **_):
        files = (path for path in folder.rglob("*") if path.is_file())
        seen_files.append({path.name: path.read_bytes() for path in files})
        return found

    verifier.verify_folder = looks
    clock.advance(LEASE)
    seen = house.live(settled(place))
    assert (seen["state"], seen["attempts"]["made"]) == ("decided", 1)
    assert seen_files == [{"case.toml": CASE, "a.jpg": b"x"}]
    assert len(house.rows("SELECT id FROM results")) == 1
    assert house.rows("SELECT id FROM submission_runs") == []
    kinds = [row.kind for row in house.rows("SELECT kind FROM dossier_actions ORDER BY sequence")]
    assert kinds == ["Created", "Submitted", "Concluded"]
    assert not any(path.is_dir() for path in (house.folder / "scratch").iterdir())


def test_whoever_sends_the_case_again_hears_what_came_of_it(house, clock):
    place = house.dies_while_it_verifies()
    clock.advance(LEASE)

    async def conversation(desk):
        await settled(place)(desk)
        return await house.submit(desk, place)

    again = house.live(conversation)
    assert (again.status_code, again.json()["state"]) == (200, "decided")
    assert again.headers["idempotency-replayed"] == "true"


def test_nobody_takes_it_up_before_its_lease_has_ended(house, clock):
    place = house.dies_while_it_verifies()
    clock.advance(LEASE - timedelta(seconds=1))
    assert house.live(looked_at(place))["state"] == "processing"


def test_what_is_kept_nowhere_is_given_back_as_soon_as_its_lease_has_ended(house, clock):
    place = house.dies_while_it_verifies(keeps=False)
    clock.advance(LEASE)
    seen = house.live(settled(place), keeps=False)
    assert (seen["state"], seen["attempts"]["made"]) == ("requires_input", 0)
    assert seen["last_error"]["code"] == "session.interrupted"


def test_whose_vault_is_elsewhere_leaves_it_to_others(house, clock):
    place = house.dies_while_it_verifies()
    clock.advance(LEASE)
    assert house.live(looked_at(place), keeps=False)["state"] == "processing"
    assert house.live(settled(place))["state"] == "decided"


def test_a_case_that_ends_every_process_is_given_up(house, clock, verifier):
    place = house.dies_while_it_verifies()
    for _ in range(2):
        clock.advance(LEASE)
        verifier.hold = threading.Event()
        house.live(lambda _: house.killed_while_it_verifies())
    assert len(verifier.folders) == 3
    clock.advance(LEASE)
    seen = house.live(settled(place))
    assert len(verifier.folders) == 3
    assert (seen["state"], seen["attempts"]["made"]) == ("requires_input", 0)
    assert seen["last_error"]["code"] == "session.given_up"


def test_of_cases_that_may_have_ended_their_process_one_at_a_time_is_taken_up(house, clock):
    limits = replace(DEFAULT_LIMITS, workers=2)
    house.dies_with_many(2, limits)
    clock.advance(LEASE)
    assert house.claimed_by_the_next(1, limits) == 1


def test_a_process_claims_what_it_has_room_for(house, clock):
    house.dies_with_many(6, replace(DEFAULT_LIMITS, workers=1))
    clock.advance(LEASE)
    assert house.claimed_by_the_next(1, replace(DEFAULT_LIMITS, workers=1, waiting=2)) == 3


def test_a_lost_claim_does_not_let_go_of_the_one_after_it(storage):
    front = ResourceFront(storage.dossiers(KEY))
    first = SubmissionRun(
        tenant="a",
        id="1" * 32,
        session_id="2" * 32,
        attempt=1,
        answered=Answered.PORTAL,
        key_digest=b"",
        received_at=FixedClock().now(),
    )
    then = replace(first, fence=2)
    with front.holding(first):
        after = contextlib.ExitStack()
        after.enter_context(front.holding(then))
    assert front.held == (then,)
    after.close()
    assert front.held == ()


def test_a_late_process_writes_nothing_once_another_has_the_case(house, clock, verifier):
    """The first one was paused for longer than its lease: both find something, one is written."""
    hold = threading.Event()

    async def conversation(desk):
        place = await desk.session()
        verifier.hold = hold
        assert (await desk.submit(place, wait=False)).status_code == 202
        await asyncio.to_thread(verifier.arrived.acquire)
        clock.advance(LEASE)
        verifier.hold = None
        seen = await asyncio.to_thread(house.live, settled(place))
        hold.set()
        return seen, place

    seen, place = house.live(conversation)
    assert seen["state"] == "decided"
    assert house.live(looked_at(place))["version"] == seen["version"]
    assert len(house.rows("SELECT id FROM results")) == 1


def test_a_process_of_another_release_does_not_judge_by_its_own_procedure(house, clock, verifier):
    place = house.dies_while_it_verifies()
    with sqlite3.connect(house.database) as database:
        database.execute(
            "UPDATE dossier_actions SET body = replace(body, ?, ?) WHERE kind = 'Created'",
            (procedure_version("identity"), "0" * 64),
        )
    database.close()
    clock.advance(LEASE)
    seen = house.live(settled(place))
    assert (seen["state"], seen["attempts"]["made"]) == ("requires_input", 0)
    assert seen["last_error"]["code"] == "session.procedure_changed"
    assert len(verifier.folders) == 1


def test_a_model_that_is_busy_is_asked_again(house, clock, verifier):
    verifier.error = BusyError("the queue is full")

    async def conversation(desk):
        place = await desk.session()
        await house.submit(desk, place)
        await asyncio.to_thread(verifier.arrived.acquire)
        return place

    place = house.live(conversation)
    verifier.error = None
    clock.advance(LEASE)
    seen = house.live(settled(place))
    assert (seen["state"], seen["attempts"]["made"]) == ("decided", 1)


def test_of_an_erased_person_nothing_is_carried_on(house, clock, verifier):
    place = house.dies_while_it_verifies()
    ((subject,),) = house.rows("SELECT id FROM subjects")
    with Storage.open(house.database, clock=clock) as storage:
        house.vault(storage).erase_subject("a", subject)
    clock.advance(LEASE)
    seen = house.live(settled(place))
    assert seen["last_error"]["code"] == "subject.erased"
    assert seen["attempts"]["made"] == 0
    assert len(verifier.folders) == 1


def test_names_of_files_and_tokens_lie_sealed_until_then(house):
    house.dies_while_it_verifies(liveness=(None, LIVE))
    for file in house.folder.rglob("*"):
        if file.is_file():
            assert b"t-unmistakable" not in file.read_bytes(), file.name
            assert b"a.jpg" not in file.read_bytes(), file.name
