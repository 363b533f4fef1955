"""Under a restriction each place where somebody's data would be used refuses, on both engines; what was being verified when it
came is written down, and no more.
"""

from __future__ import annotations

import asyncio
import threading

import protections_desk
import pytest
from csc_desk import ME, SESSION
from known_callers import NamedGate, portal
from known_callers import person as caller
from protections_desk import moved, restricted
from signing_bench import PATH, Bench, asked, propose, say_yes
from told_tools import ToldTools

from ekyc.api import create_app
from ekyc.api.access import Role
from ekyc.api.v1 import ResourceFront
from ekyc.signing.credentials import schema_of
from ekyc.signing.credentials.issuer import result_subject
from ekyc.storage import ServiceKey, Storage

KEY = ServiceKey(bytes(32))
NUMBER, ANOTHER = "079185001234", "079185009999"
STOPPED = (409, "subject.restricted")
LIFTED = ["rights.person_lifts"]
CALLERS = {
    "portal": portal(),
    "officer": caller("officer-1", Role.OFFICER),
    "supervisor": caller("officer-2", Role.SUPERVISOR),
    "citizen": caller("c" * 64, Role.CITIZEN, offices=frozenset()),
}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def storage(request, tmp_path, clock):
    database = tmp_path / "state.sqlite3"
    if request.param == "postgresql":
        database = request.getfixturevalue("postgresql")
    with Storage.open(database, clock=clock) as opened:
        opened.access(KEY).register.add_tenant("a", "Tỉnh A")
        yield opened


def person(number=NUMBER):
    return result_subject(KEY, schema_of("identity-verification"), number)


@pytest.fixture
def bench(tmp_path, storage, clock, verifier):
    verifier.result |= {"signer": {"holder": ME, "session": SESSION}, "person": person()}
    made = Bench(tmp_path, storage, clock)
    yield made
    made.csc.close()


class Interrupted(ToldTools):
    """Tools that have something else happen while they compare."""

    def __init__(self):
        super().__init__()
        self.meanwhile = lambda: None

    def compare_faces(self, portrait, frames):
        self.meanwhile()
        return super().compare_faces(portrait, frames)


@pytest.fixture
def tools():
    return Interrupted()


@pytest.fixture
def converse(verifier, storage, tmp_path, bench, tools, entered):
    """Run a conversation with a service that does all of it."""

    def run(conversation):
        options = dict(bench.options)
        front = ResourceFront(storage.dossiers(KEY), vault=options.pop("vault"))
        application = create_app(
            verifier,
            storage,
            scratch_parent=tmp_path,
            gate=NamedGate(CALLERS),
            resources=front,
            tools=tools,
            **options,
        )

        async def talk():
            async with entered(application) as desk:
                return await conversation(desk)

        return asyncio.run(talk())

    return run


async def by_number(desk):
    return await restricted(desk, caller="portal", identification="counter", number=NUMBER)


async def decided(desk):
    place = await desk.session()
    assert (await desk.submit(place)).json()["final"] is True
    return place


async def to_compare(desk, place):
    listed = (await desk.get(f"{place}/artefacts", caller="officer")).json()["data"]
    first, second = (one["id"] for one in listed[:2])
    wanted = {"kind": "face", "first": [first], "second": [second]}
    return lambda: desk.post(f"{place}/comparisons", json=wanted, caller="officer")


async def comparing(desk, bench, verifier):
    return await to_compare(desk, await decided(desk))


async def issuing(desk, bench, verifier):
    wanted = {"session_id": (await decided(desk)).rpartition("/")[2]}
    return lambda: desk.post("/v1/credentials", json=wanted)


async def ordering_a_signature(desk, bench, verifier):
    body, _, _ = await asked(desk, bench)
    (issued,) = (await desk.get("/v1/credentials")).json()["data"]
    wanted = {"session_id": body["session_id"], "credential_id": issued["id"], "title": "Kết quả"}
    return lambda: desk.post(PATH, json=wanted)


async def signing(desk, bench, verifier):
    body, headers, _ = await asked(desk, bench)
    assert (await propose(desk, body, headers)).status_code == 201
    return lambda: say_yes(desk, body, headers)


async def deciding(desk, bench, verifier):
    verifier.reject()
    verifier.result["person"] = person()
    place, etag = await desk.under_review()
    reasons = ["policy.check_absent"]
    return lambda: desk.decide(place, "rejected", caller="officer", etag=etag, reasons=reasons)


async def submitting(desk, bench, verifier):
    verifier.ask_again()
    verifier.result["person"] = person()
    place = await desk.session()
    assert (await desk.submit(place)).json()["state"] == "requires_input"
    return lambda: desk.submit(place)


PLACES = [comparing, issuing, ordering_a_signature, signing, deciding, submitting]


@pytest.mark.parametrize("place", PLACES, ids=lambda one: one.__name__)
def test_what_is_restricted_is_not_used_until_it_is_lifted(converse, bench, verifier, place):
    async def conversation(desk):
        act = await place(desk, bench, verifier)
        path = await by_number(desk)
        stopped = await act()
        await moved(desk, path, "lift", caller="supervisor", reasons=LIFTED)
        return stopped, await act()

    stopped, after = converse(conversation)
    assert (stopped.status_code, stopped.json()["code"]) == STOPPED
    assert after.status_code in {200, 201}, after.text


def test_a_comparison_that_a_restriction_overtakes_is_not_kept(converse, bench, verifier, tools):
    async def conversation(desk):
        place = await decided(desk)
        act = await to_compare(desk, place)
        loop = asyncio.get_running_loop()
        tools.meanwhile = lambda: asyncio.run_coroutine_threadsafe(by_number(desk), loop).result(20)
        return await act(), await desk.get(f"{place}/comparisons", caller="officer")

    stopped, kept = converse(conversation)
    assert (stopped.status_code, stopped.json()["code"]) == STOPPED
    assert kept.json()["data"] == []


async def overtaken(desk, verifier, place, restriction, **options):
    """A submission that a restriction overtakes while it is verified, at its end; and the path of the restriction."""
    verifier.hold, verifier.arrived = threading.Event(), threading.Semaphore(0)
    pending = asyncio.ensure_future(desk.submit(place, **options))
    try:
        await asyncio.to_thread(verifier.arrived.acquire)
        path = await restriction()
    finally:
        verifier.hold.set()
    await pending
    return path


@pytest.mark.parametrize(
    "reach", [{}, {"identification": "counter", "number": NUMBER}], ids=["login", "number"]
)
def test_a_verification_that_a_restriction_overtakes_is_kept_and_not_used(
    converse, bench, verifier, reach
):
    async def conversation(desk):
        place = await desk.session(caller="citizen")
        path = await overtaken(
            desk, verifier, place, lambda: restricted(desk, **reach), caller="citizen"
        )
        session = (await desk.get(place)).json()
        wanted = {"session_id": session["id"]}
        issued = await desk.post("/v1/credentials", json=wanted)
        checks = (await desk.get(f"{place}/checks")).json()
        await moved(desk, path, "lift", caller="supervisor", reasons=LIFTED)
        return session, issued, checks, await desk.post("/v1/credentials", json=wanted)

    session, issued, checks, after = converse(conversation)
    assert (session["state"], session["outcome"]) == ("decided", "approved")
    assert (issued.status_code, issued.json()["code"]) == STOPPED
    assert [one["code"] for one in checks["data"]] == ["chip.signature"]
    assert after.status_code == 201, after.text


def test_what_is_concluded_on_another_whose_data_are_restricted_is_not_kept(
    converse, bench, verifier
):
    """The session stands still by the citizen's own restriction; the number's holder has one of theirs."""

    async def conversation(desk):
        verifier.result["person"] = person()
        await decided(desk)
        place = await desk.session(caller="citizen")

        async def both():
            await restricted(desk)
            theirs = {"identification": "counter", "number": NUMBER}
            await protections_desk.asked(desk, "restrict", caller="portal", **theirs)

        await overtaken(desk, verifier, place, both, caller="citizen")
        return (await desk.get(place)).json()

    session = converse(conversation)
    assert (session["state"], session["outcome"]) == ("requires_input", None)
    assert session["last_error"]["code"] == "subject.restricted"
    assert session["attempts"]["left"] == session["attempts"]["allowed"]
