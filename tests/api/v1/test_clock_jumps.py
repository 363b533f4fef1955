"""The clock of the machine jumps, while sessions run: nothing is given away, nothing breaks, nothing is done twice."""

from __future__ import annotations

import io
import itertools
import threading
from datetime import timedelta

import pytest

from ekyc.api.v1.rates import RateLimit, Rates
from ekyc.errors import EkycError
from ekyc.outcomes import Outcome
from ekyc.policy import Verdict
from ekyc.storage import ServiceKey
from ekyc.storage.evidence.audit import inspect_export
from ekyc.storage.evidence.export import write_export
from ekyc.storage.evidence.notes import CheckpointKey, ServiceCheckpointSigner

CASE = b'schema = "ekyc.case/1"\nprofile = "identity"\n'
HOUR = timedelta(hours=1)
BACK = pytest.mark.parametrize("back", [timedelta(seconds=-1), -HOUR, -400 * 24 * HOUR])


@BACK
def test_a_session_goes_on_when_the_clock_goes_back(talk, clock, back):
    async def conversation(desk):
        place = await desk.session()
        token = (await desk.post(f"{place}/capture-tokens")).json()["token"]
        clock.advance(back)
        shown = await desk.get(place)
        assert shown.json()["state"] == "requires_input"
        capture = place.replace("/sessions/", "/captures/")
        files = [("case", (None, CASE))]
        headers = {"Authorization": f"Bearer {token}", "Prefer": "wait=20"}
        told = await desk.post(f"{capture}/submissions", files=files, headers=headers)
        assert told.status_code == 200, told.text
        seen = (await desk.get(place)).json()
        assert (seen["state"], seen["outcome"]) == ("decided", "approved")
        newer = await desk.session()
        listed = (await desk.get("/v1/sessions?limit=1")).json()
        rest = (await desk.get(f"/v1/sessions?limit=1&cursor={listed['next']}")).json()
        names = {one["id"] for page in (listed, rest) for one in page["data"]}
        assert names == {place.rpartition("/")[2], newer.rpartition("/")[2]}

    talk(conversation)


@BACK
def test_a_key_stands_for_the_same_request_when_the_clock_goes_back(talk, clock, back):
    async def conversation(desk):
        made = await desk.post("/v1/sessions", json={"procedure": "identity"}, key="k")
        clock.advance(back)
        again = await desk.post("/v1/sessions", json={"procedure": "identity"}, key="k")
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json()["id"] == made.json()["id"]

    talk(conversation)


def test_a_key_stands_for_a_day_however_it_comes_about(talk, clock):
    async def conversation(desk):
        async def made():
            answer = await desk.post("/v1/sessions", json={"procedure": "identity"}, key="k")
            return answer.json()["id"], "idempotency-replayed" in answer.headers

        first, _ = await made()
        clock.advance(23 * HOUR)
        assert await made() == (first, True)
        clock.advance(2 * HOUR)
        second, replayed = await made()
        assert (second != first, replayed) == (True, False)
        clock.advance(-25 * HOUR)  # it was a mistake: the key stands for what it was used for last
        assert await made() == (second, True)

    talk(conversation)


def test_a_jump_forward_ends_what_time_ends_and_nothing_else(talk, clock):
    async def conversation(desk):
        place = await desk.session(lasts_s=3600)
        token = (await desk.post(f"{place}/capture-tokens")).json()["token"]
        clock.advance(2 * HOUR)
        bearer = {"Authorization": f"Bearer {token}"}
        capture = place.replace("/sessions/", "/captures/")
        assert (await desk.get(capture, headers=bearer)).json()["code"] == "capture.expired"
        assert (await desk.get(place)).json()["state"] == "expired"
        clock.advance(-2 * HOUR)  # it was a mistake: what was written down stays
        assert (await desk.get(place)).json()["state"] == "expired"
        refused = await desk.submit(place)
        assert (refused.status_code, refused.json()["code"]) == (409, "session.state")

    talk(conversation)


def test_a_jump_while_a_case_is_verified_gives_the_attempt_back_once(talk, verifier, clock):
    """The result comes after its deadline, and somebody has looked: it is dropped."""

    async def conversation(desk):
        place = await desk.session(lasts_s=3 * 24 * 3600)
        verifier.hold = threading.Event()
        assert (await desk.submit(place, wait=False)).status_code == 202
        clock.advance(30 * HOUR)
        seen = (await desk.get(place)).json()
        assert seen["last_error"]["code"] == "session.interrupted"
        assert seen["attempts"]["made"] == 0
        verifier.hold.set()
        verifier.hold = None
        clock.advance(-30 * HOUR)
        after = await desk.submit(place, key="second")
        assert after.json()["state"] == "decided"
        assert after.json()["attempts"]["made"] == 1

    talk(conversation)


def test_rates_do_not_hear_of_the_clock():
    ticks = itertools.count()
    rates = Rates(RateLimit(requests=2, window_s=60.0), lambda: next(ticks) * 0.001)
    rates.take("client")
    rates.take("client")
    with pytest.raises(EkycError) as caught:
        rates.take("client")
    assert caught.value.code == "rate.exceeded"


@BACK
def test_the_evidence_stays_in_order_and_verifies(storage, clock, back):
    def decide():
        storage.results.record(
            case_digest="ab" * 32,
            profile="identity",
            verdict=Verdict.ACCEPT,
            reasons=(),
            report_digest="cd" * 32,
        )

    signer = ServiceCheckpointSigner(ServiceKey(bytes(32)))
    decide()
    storage.checkpoints.make(signer=signer)
    clock.advance(back)
    decide()
    storage.checkpoints.make(signer=signer)
    out = io.BytesIO()
    write_export(storage.evidence, storage.checkpoints, out)
    report = inspect_export(io.BytesIO(out.getvalue()), keys=[CheckpointKey(signer.public_key_der)])
    assert report.outcome is Outcome.PASSED
