"""What is kept for issuing: of one tenant, once for a decision, and of nobody once the person is erased."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from ekyc.policy import ResultLevel, load_profile, profile_version
from ekyc.storage import ServiceKey, StorageError
from ekyc.storage.engine import make_engine, parse_target

KEY = ServiceKey(bytes(32))
PERSON, HOLDER = "cGVyc29uLW9uZQ", "ab" * 32
OLD = replace(load_profile("identity"), title_vi="Thủ tục cũ", result_level=ResultLevel.B_LTA)
SERIES = "https://ketqua.example.gov.vn/tt"


@pytest.fixture
def desk(storage):
    return storage.dossiers(KEY)


@pytest.fixture
def issued(desk):
    """The id of a result that was issued for the first decision of session ``s``."""
    drawn = []

    def make(result_id, place, at):
        drawn.append(result_id.hex())
        return "EKYC1:CODE"

    with desk.writing("a") as unit:
        unit.results.put(
            *("s", 1),
            report_digest="1" * 64,
            person=PERSON,
            holder=HOLDER,
            signing_session="cd" * 32,
            procedure_version=unit.procedures.keep(OLD),
        )
        unit.register_of("hn").issue(
            make,
            series=SERIES,
            schema="identity-verification",
            subject=PERSON,
            life=timedelta(days=1),
        )
        add(unit, drawn[0])
    return drawn[0]


def add(unit, result_id):
    unit.results.add_credential(
        result_id,
        session_id="s",
        decision=1,
        attempt=1,
        procedure="identity",
        office="hn",
        subject=None,
        sample=False,
        code="EKYC1:CODE",
    )


def test_another_tenant_has_none_of_it(desk, issued):
    with desk.looking("b") as unit:
        assert unit.results.get("s", 1) is None
        assert unit.results.credential(issued) is None
        assert unit.results.credential_of("s", 1) is None


def test_the_database_refuses_a_second_one_for_a_decision(desk, issued):
    assert issued
    with pytest.raises(StorageError), desk.writing("a") as unit:
        add(unit, "f" * 32)


def test_a_person_is_found_by_either_pseudonym_and_taken_out(storage, desk, issued):
    nothing = {"liveness": (), "logins": ()}
    for named in ({"holders": (HOLDER,), "people": ()}, {"holders": (), "people": (PERSON,)}):
        assert storage.traces.sessions_of("a", **named, **nothing) == ("s",)
        assert storage.traces.sessions_of("b", **named, **nothing) == ()
    storage.traces.unlink_holder("a", HOLDER)
    storage.traces.unlink_results("a", PERSON)
    with desk.looking("a") as unit:
        left, credential = unit.results.get("s", 1), unit.results.credential(issued)
    assert (left.person, left.holder, left.signing_session) == (None, None, None)
    assert credential.code is None
    assert storage.issued_results.get(issued).subject != PERSON


def test_the_procedure_is_kept_as_it_stood_with_what_it_judged(desk, issued):
    with desk.looking("a") as unit:
        version = unit.results.get("s", 1).procedure_version
        assert version == profile_version(OLD) != profile_version(load_profile("identity"))
        assert unit.procedures.get(version) == OLD
        assert unit.procedures.get("0" * 64) is None
        assert unit.results.credential(issued).procedure_version == version


def test_a_version_is_kept_once_for_all_tenants(desk):
    with desk.writing("a") as unit:
        unit.procedures.keep(OLD)
    with desk.writing("b") as unit:
        assert unit.procedures.keep(OLD) == profile_version(OLD)
        assert unit.procedures.get(profile_version(OLD)) == OLD


def test_a_kept_version_that_says_something_else_is_not_believed(desk, database):
    with desk.writing("a") as unit:
        version = unit.procedures.keep(OLD)
    engine = make_engine(parse_target(database))
    with engine.begin() as connection:
        connection.execute(text("UPDATE procedure_versions SET body = replace(body, 'cũ', 'mới')"))
    engine.dispose()
    with desk.looking("a") as unit, pytest.raises(StorageError) as refused:
        unit.procedures.get(version)
    assert refused.value.code == "storage.corrupted"
