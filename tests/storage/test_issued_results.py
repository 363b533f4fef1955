"""The register of issued results: none escapes it, no place is given twice, nothing final comes back."""

from __future__ import annotations

import itertools
import subprocess
import sys
from datetime import timedelta

import pytest

from ekyc.errors import InputError, UpstreamError
from ekyc.storage import IssuedResultStore, ResultStatus, Storage, StorageError
from ekyc.testing import FixedClock

SERIES = "https://ketqua.mau.gov.vn/tt"
SUBJECT = "cAFvXw7h2gk3t_-A"
YEAR = timedelta(days=365)


@pytest.fixture
def register(storage, clock):
    """With lists of a thousand places."""
    return IssuedResultStore(
        storage._engine,
        log=storage.evidence,
        clock=clock,
        random=storage._random,
        subject="test",
        size=1000,
    )


def issue(register, clock, **changes):
    seen = []

    def make(result_id, place, at):
        seen.append((result_id, place, at))
        return "EKYC1:ABC"

    facts = {
        "series": SERIES,
        "schema": "birth-extract",
        "subject": SUBJECT,
        "life": YEAR,
    }
    assert register.issue(make, **{**facts, **changes}) == "EKYC1:ABC"
    return seen[0]


def test_what_was_issued_is_known(register, clock):
    drawn, place, at = issue(register, clock)
    known = register.get(drawn.hex())
    assert (known.place, known.issued_at, known.expires_at) == (place, at, at + YEAR)
    assert known.status is ResultStatus.VALID
    assert place.uri == f"{SERIES}/1"
    assert register.lists(SERIES) == (f"{SERIES}/1",)
    assert register.get("00" * 16) is None
    assert register.get("nothing of this form") is None


def test_what_could_not_be_signed_was_not_issued_and_takes_no_place(register, clock):
    def fail(*_):
        raise UpstreamError("the token does not sign")

    with pytest.raises(UpstreamError):
        register.issue(fail, series=SERIES, schema="x", subject=SUBJECT, life=YEAR)
    assert register.lists(SERIES) == ()


def test_ids_and_places_are_fresh_at_each_issue_and_in_no_order(register, clock):
    issued = [issue(register, clock) for _ in range(200)]
    places = [place.index for _, place, _ in issued]
    assert len({drawn for drawn, _, _ in issued}) == len(set(places)) == 200
    rising = sum(a < b for a, b in itertools.pairwise(places))
    assert 60 < rising < 140
    assert all(0 <= place < 1000 for place in places)


def test_a_list_three_quarters_full_is_closed(storage, clock):
    register = IssuedResultStore(
        storage._engine,
        log=storage.evidence,
        clock=clock,
        random=storage._random,
        subject="t",
        size=20,
    )
    issued = []
    for _ in range(40):
        clock.advance(timedelta(seconds=1))
        issued.append(issue(register, clock)[1].uri)
    assert [issued.count(f"{SERIES}/{n}") for n in (1, 2, 3)] == [15, 15, 10]
    assert register.lists(SERIES) == tuple(f"{SERIES}/{n}" for n in (1, 2, 3))


def test_two_series_have_lists_of_their_own(register, clock):
    other = "https://ketqua.khac.gov.vn/tt"
    assert issue(register, clock)[1].uri == f"{SERIES}/1"
    assert issue(register, clock, series=other)[1].uri == f"{other}/1"


def test_a_list_is_made_of_what_is_not_valid(register, clock):
    issued = [issue(register, clock) for _ in range(5)]
    register.set_status(issued[1][0].hex(), ResultStatus.REVOKED)
    register.set_status(issued[3][0].hex(), ResultStatus.SUSPENDED)
    clock.advance(timedelta(hours=1))
    state = register.list_state(f"{SERIES}/1")
    assert dict(state.statuses) == {issued[1][1].index: 1, issued[3][1].index: 2}
    assert (state.size, state.bits, state.at) == (1000, 2, clock.now())
    with pytest.raises(InputError) as caught:
        register.list_state(f"{SERIES}/2")
    assert caught.value.code == "issued_result.list_unknown"


def test_suspended_comes_back_and_revoked_does_not(register, clock):
    drawn = issue(register, clock)[0].hex()
    assert register.set_status(drawn, ResultStatus.SUSPENDED).status is ResultStatus.SUSPENDED
    assert register.set_status(drawn, ResultStatus.VALID).status is ResultStatus.VALID
    first = register.set_status(drawn, ResultStatus.REVOKED)
    clock.advance(timedelta(hours=1))
    assert register.set_status(drawn, ResultStatus.REVOKED) == first
    for status in (ResultStatus.VALID, ResultStatus.SUSPENDED, ResultStatus.SUPERSEDED):
        with pytest.raises(InputError) as caught:
            register.set_status(drawn, status)
        assert caught.value.code == "issued_result.final"
    with pytest.raises(InputError) as caught:
        register.set_status("00" * 16, ResultStatus.REVOKED)
    assert caught.value.code == "issued_result.unknown"


def test_a_later_result_takes_the_place_of_an_earlier_one_in_one_transaction(register, clock):
    old = issue(register, clock)[0].hex()
    new = issue(register, clock, replaces=old)[0].hex()
    known = register.get(old)
    assert (known.status, known.successor) == (ResultStatus.SUPERSEDED, new)
    register.set_status(old, ResultStatus.REVOKED)
    before = len(register.list_state(f"{SERIES}/1").statuses)
    for replaced in (old, "00" * 16):
        with pytest.raises(InputError):
            issue(register, clock, replaces=replaced)
    assert len(register.list_state(f"{SERIES}/1").statuses) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"series": "http://a/tt"},
        {"series": "https://a/tt?x=1"},
        {"schema": "Birth"},
        {"subject": "Nguyễn Thị Mẫu"},
        {"subject": "048185012345"},
    ],
)
def test_names_that_say_too_much_are_not_kept(register, clock, changes):
    with pytest.raises(InputError):
        issue(register, clock, **changes)


def test_a_source_of_randomness_that_repeats_itself_is_noticed(database):
    class Stuck:
        def token_bytes(self, count):
            return bytes(count)

    clock = FixedClock()
    with Storage.open(database, clock=clock, random=Stuck()) as storage:
        issue(storage.issued_results, clock)
        with pytest.raises(StorageError):
            issue(storage.issued_results, clock)


def test_racing_processes_share_no_place(database):
    script = (
        "import sys\n"
        "from datetime import timedelta\n"
        "from ekyc.storage import Storage\n"
        "with Storage.open(sys.argv[1]) as storage:\n"
        "    for _ in range(20):\n"
        "        storage.issued_results.issue(\n"
        "            lambda _id, place, _at: print(place.index) or 'EKYC1:',\n"
        f"            series={SERIES!r}, schema='x', subject={SUBJECT!r},\n"
        "            life=timedelta(days=9),\n"
        "        )\n"
    )
    racing = [
        subprocess.Popen([sys.executable, "-c", script, str(database)], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    places = [int(n) for process in racing for n in process.communicate()[0].split()]
    assert [process.returncode for process in racing] == [0, 0, 0]
    assert len(places) == len(set(places)) == 60
