"""Somebody only claimed a number: whose session that is, and who has it kept."""

from __future__ import annotations

import pytest
from protections_desk import held, restricted

from ekyc.errors import EkycError
from ekyc.flows import PersonEraser
from ekyc.ports import SystemRandom
from ekyc.signing.credentials import schema_of
from ekyc.signing.credentials.issuer import result_subject
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey

KEY = ServiceKey(bytes(32))
NUMBER = "079185001234"


@pytest.fixture
def vault(storage, tmp_path):
    keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
    return storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))


@pytest.fixture
def claimed(verifier):
    """Have a neighbour's session concluded on the number, and not approved."""

    async def claim(desk):
        verifier.ask_again()
        verifier.result["person"] = result_subject(KEY, schema_of("identity-verification"), NUMBER)
        place = await desk.session(caller="neighbour")
        await desk.submit(place, caller="neighbour")
        return place

    return claim


def test_a_restriction_stops_no_session_in_which_a_neighbour_only_claimed_the_number(
    talk, vault, claimed
):
    async def conversation(desk):
        place = await claimed(desk)
        counter = await desk.session(caller="portal")
        await desk.submit(counter, caller="portal")
        path = await restricted(desk, caller="portal", identification="counter", number=NUMBER)
        under = (await desk.get(path, caller="supervisor")).json()["sessions"]
        canceled = await desk.post(f"{place}/cancel", caller="officer")
        return under, counter.rpartition("/")[2], canceled

    under, counter, canceled = talk(conversation, vault=vault)
    assert (under, canceled.status_code) == ([counter], 200)


@pytest.mark.parametrize("kind", ["restriction", "hold"])
def test_a_claim_in_a_neighbours_session_is_kept_by_a_hold_alone(
    talk, vault, storage, claimed, kind
):
    """By restricting their own data nobody keeps another from having theirs erased; an authority does."""

    async def conversation(desk):
        place = await claimed(desk)
        if kind == "hold":
            await held(desk, sessions=[place.rpartition("/")[2]])
        else:
            await restricted(desk, caller="neighbour")
        try:
            PersonEraser(storage, vault, KEY).erase_number("a", NUMBER)
        except EkycError as error:
            return error.code
        return None

    assert talk(conversation, vault=vault) == ("subject.held" if kind == "hold" else None)
