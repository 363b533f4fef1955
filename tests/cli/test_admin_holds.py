"""An operator places, confirms, lifts and lists holds: the same flow as over HTTP, and the same four eyes."""

from __future__ import annotations

import json

import pytest

from ekyc.ports import SystemRandom
from ekyc.storage import DATABASE_NAME, DossierRow, ServiceKey, Storage
from ekyc.storage.evidence.places import EntriesOf
from ekyc.testing import FixedClock

NUMBER, DOSSIER = "079185001234", "d" * 32
TENANT = ("--tenant", "hanoi")


@pytest.fixture
def storage(tmp_path, cli):  # cli sets the home
    home = tmp_path / "home"
    with Storage.open(home / DATABASE_NAME, clock=FixedClock()) as opened:
        desk = opened.dossiers(ServiceKey.load(home / "service.key", SystemRandom()))
        with desk.writing("hanoi") as unit:
            unit.dossiers.add(
                DossierRow(
                    id=DOSSIER,
                    procedure="demo",
                    state="open",
                    office=None,
                    subject=None,
                    created_at=unit.now,
                )
            )
        yield opened


@pytest.fixture
def hold(storage, cli_json):
    """``hold("place", …)``: exit code and object."""

    def run(step, *arguments):
        return cli_json("admin", "hold", step, *arguments, *TENANT)

    return run


@pytest.fixture
def number(tmp_path):
    file = tmp_path / "number.txt"
    file.write_text(NUMBER)
    return file


def place(hold, *whom, by="NV-1"):
    code, told = hold("place", "--order", "12/2026/QĐ-CQĐT", "--by", by, *whom)
    assert code == 0, told
    return told["protection"]


def test_two_place_a_hold_that_keeps_a_person_and_two_end_it(hold, cli_json, number):
    made = place(hold, "--number", number)
    assert (made["state"], made["protects"]) == ("proposed", False)
    for same in ("NV-1", "nv-1"):
        code, refused = hold("confirm", made["id"], "--by", same)
        assert (code, refused["error"]["code"]) == (1, "decision.four_eyes")
    held = hold("confirm", made["id"], "--by", "NV-2")[1]["protection"]
    assert (held["state"], held["protects"], held["confirmed_by"]) == ("in_force", True, "NV-2")

    erasing = ("admin", "erase-subject", *TENANT, "--numbers", number)
    code, refused = cli_json(*erasing)
    assert (code, refused["error"]["code"]) == (1, "subject.held")

    asked = hold("lift", made["id"], "--by", "NV-2")[1]["protection"]
    assert (asked["state"], asked["protects"]) == ("lift_proposed", True)
    ended = hold("confirm", made["id"], "--by", "NV-1")[1]["protection"]
    assert (ended["state"], ended["protects"]) == ("lifted", False)
    assert cli_json(*erasing)[0] == 0


def test_holds_are_listed_by_tenant(hold, cli, cli_json, number):
    made = place(hold, "--dossier", DOSSIER)
    _, told = hold("list")
    assert [(one["id"], one["state"]) for one in told["protections"]] == [(made["id"], "proposed")]
    assert cli_json("admin", "hold", "list", "--tenant", "haiphong")[1]["protections"] == []
    code, out, _ = cli("admin", "hold", "list", *TENANT)
    assert (code, made["id"] in out, NUMBER in out) == (0, True, False)


def test_each_step_is_in_the_evidence_log_with_who_is_said_to_have_done_it(hold, storage, number):
    made = place(hold, "--number", number)
    hold("confirm", made["id"], "--by", "NV-2")
    entries = storage.evidence_reader.page(EntriesOf(tenant="hanoi", file=made["id"]))
    steps = [json.loads(one.event)["facts"]["step"] for one in entries if one.event is not None]
    assert steps == ["proposed", "in_force"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (("--order", "Nguyễn Văn An"), "request.invalid"),
        (("--order", "QĐ-079185001"), "request.invalid"),
        (("--by", "Nguyễn Văn An"), "request.invalid"),
        (("--by", NUMBER), "request.invalid"),
        (("--session", "s"), "request.invalid"),
        (("--session", "0" * 32), "session.unknown"),
        (("--dossier", "0" * 32), "dossier.unknown"),
        (("--batch", "0" * 32), "batch.unknown"),
        ((), "protection.of_nobody"),
    ],
)
def test_what_is_no_order_names_no_staff_or_nothing_is_refused(hold, changed, code):
    given = {"--order": "12/2026/QĐ", "--by": "NV-1"} | dict([changed] if changed else [])
    status, told = hold("place", *(part for pair in given.items() for part in pair))
    assert (status, told["error"]["code"]) == (1, code)
    assert hold("list")[1]["protections"] == []


def test_a_hold_of_another_tenant_or_reason_is_refused(hold, cli_json, number):
    made = place(hold, "--number", number)
    elsewhere = ("admin", "hold", "confirm", made["id"], "--by", "NV-2", "--tenant", "haiphong")
    assert cli_json(*elsewhere)[1]["error"]["code"] == "protection.unknown"
    refused = hold("lift", made["id"], "--by", "NV-2", "--reason", "because")
    assert refused[1]["error"]["code"] == "reason.unknown"


@pytest.mark.parametrize("step", ["place", "confirm", "lift", "list"])
def test_help_teaches(cli, step):
    code, out, _ = cli("admin", "hold", step, "--help")
    assert (code, "--tenant" in out) == (0, True)
