"""The disk is full: under the uploads, under what is kept, under the database. On small disks of our own."""

from __future__ import annotations

import contextlib
import os

import pytest
from fault_house import House, filled, small_disk

pytestmark = [pytest.mark.system, pytest.mark.enable_socket, pytest.mark.timeout(300)]

LARGE = os.urandom(600_000)


@pytest.fixture
def house_on(tmp_path):
    """``house_on("blobs", size)``: a service with that folder, or its database, on a small disk; and the disk."""
    with contextlib.ExitStack() as stack:

        def make(place, size):
            disk = stack.enter_context(small_disk(tmp_path / place, size))
            state = (disk if place == "state" else tmp_path) / "state.sqlite3"
            return stack.enter_context(contextlib.closing(House(tmp_path, state))), disk

        yield make


def problem_of(answer):
    return answer.status_code, answer.json()["code"]


def test_no_room_for_uploads(house_on):
    house, disk = house_on("scratch", 4_000_000)
    name = house.new_session("one").json()["id"]
    with filled(disk, but=200_000):
        assert problem_of(house.submit(name, "first", pad=LARGE)) == (507, "storage.full")
        assert house.session(name)["attempts"]["left"] == 9
        assert house.submit(name, "small", plan="again").json()["state"] == "requires_input"
        assert house.http.get("/livez").status_code == 200
        [own] = disk.glob("ekyc-uploads-*")
        assert [one.name for one in own.iterdir()] == ["lock"]
    assert house.submit(name, "first", pad=LARGE).json()["state"] == "decided"


def test_no_room_for_what_is_kept(house_on):
    house, disk = house_on("blobs", 4_000_000)
    name = house.new_session("one").json()["id"]
    with filled(disk, but=200_000):
        assert problem_of(house.submit(name, "first", pad=LARGE)) == (507, "storage.full")
        assert house.session(name)["attempts"]["left"] == 9  # it was not accepted
    assert house.submit(name, "first", pad=LARGE).json()["state"] == "decided"


def test_no_room_for_the_database(house_on):
    house, disk = house_on("state", 4_000_000)
    made, refused = [], []
    with filled(disk, but=100_000):
        for number in range(400):
            answer = house.new_session(f"key-{number}")
            if answer.status_code == 201:
                made.append(answer.json()["id"])
                continue
            assert problem_of(answer) == (507, "storage.full")
            refused.append(f"key-{number}")
            if len(refused) == 5:
                break
        assert len(refused) == 5
        assert house.session(made[0])["state"] == "created"  # reading goes on
    for key in refused:
        answer = house.new_session(key)
        assert (answer.status_code, "idempotency-replayed" in answer.headers) == (201, False)
    assert all(house.session(name)["state"] == "created" for name in made)
