"""An erasure takes what is the person's, of the tenant that erases: nothing of another tenant, and of a stranger no more than
the number that the stranger claimed.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from planted_house import KEY, NAME, NUMBER, PORTRAIT, TENANT, House
from sqlalchemy import text

from ekyc.dossiers import (
    Actor,
    ActorKind,
    Concluded,
    Created,
    DecisionOutcome,
    Linked,
    LinkKind,
    Submitted,
    event_as_json,
)
from ekyc.dossiers.subject_requests import (
    Acknowledged,
    Filed,
    Granted,
    Identification,
    RequestAction,
    RequestKind,
)
from ekyc.flows.logged_actions import line_of
from ekyc.flows.request_statement import Statement
from ekyc.policy import Verdict
from ekyc.signing.credentials.schemas import schemas
from ekyc.storage import LoggedAction, Person, SessionRow
from ekyc.storage.dossiers.subject_requests import SubjectRequestRow
from ekyc.storage.liveness.values import token_digest
from ekyc.storage.tables import metadata
from ekyc.values import Owner, Sha256Hex

OTHERS, STRANGER = "haiphong", "d" * 64
OFFICER = Actor(kind=ActorKind.OFFICER, id="officer-1")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def house(request, tmp_path):
    """A person at one tenant, known by their number; and another tenant."""
    database = None if request.param == "sqlite" else request.getfixturevalue("postgresql")
    made = House(tmp_path, database)
    made.storage.access(KEY).register.add_tenant(OTHERS, "Sở khác")
    made.plant(NUMBER, NAME, PORTRAIT)
    yield made
    made.storage.close()


def session(house, tenant, outcome, *, login=None, link=None):
    """A session of a tenant that was concluded on the number, with all that it leaves."""
    holder, person, _, _ = house.names_of(NUMBER)
    desk, now = house.storage.dossiers(KEY), house.clock.now()
    decided = house.storage.results.record(
        case_digest=Sha256Hex("ab" * 32),
        profile="demo",
        verdict=Verdict.ACCEPT,
        reasons=(),
        report_digest=Sha256Hex("cd" * 32),
        person=Person(holder=holder, session="ab" * 32),
    )
    events = [
        Created(procedure="demo", procedure_version="00" * 32, attempts_allowed=3, expires_at=now),
        *([] if link is None else [Linked(kind=LinkKind.LIVENESS_SESSION, target=link)]),
        Submitted(attempt=1, deadline=now),
        Concluded(
            attempt=1,
            verdict=Verdict.ACCEPT,
            outcome=outcome,
            reasons=(),
            failed=(),
            sample=False,
            verification_id=decided.id,
            case_digest="ab" * 32,
        ),
    ]
    actor = {"kind": "citizen", "id": STRANGER, "role": None, "office": None}
    name, drawn = desk.new_id(), []

    def make(result_id, place, at):
        drawn.append(result_id.hex())
        return "EKYC1:CODE"

    with desk.writing(tenant) as unit:
        unit.sessions.add(
            SessionRow(
                id=name,
                dossier_id=None,
                procedure="demo",
                state="decided",
                office=None,
                subject=login,
                created_at=now,
            )
        )
        for sequence, event in enumerate(events, 1):
            kind, body = event_as_json(event)
            line = LoggedAction(sequence=sequence, at=now, actor=actor, kind=kind, body=body)
            unit.logs.append(name, line)
        unit.results.put(
            *(name, 1),
            report_digest="1" * 64,
            person=person,
            holder=holder,
            signing_session="ab" * 32,
            procedure_version="00" * 32,
        )
        unit.register_of(None).issue(
            make,
            series="https://ketqua.mau.gov.vn/tt",
            schema=next(iter(schemas())),
            subject=person,
            life=timedelta(days=1),
        )
        unit.results.add_credential(
            drawn[0],
            session_id=name,
            decision=1,
            attempt=1,
            procedure="demo",
            office=None,
            subject=login,
            sample=False,
            code="EKYC1:CODE",
        )
    return name, drawn[0], decided.id


def live(house, tenant):
    """A liveness session that was ordered for the number."""
    store = house.storage.liveness(KEY)
    made = store.order(
        capture_digest=token_digest("c"),
        result_digest=token_digest("r"),
        binding=lambda _: b"",
        settings={},
        attempts_of=[("subject", NUMBER)],
        wait_of=lambda times: timedelta(0),
        owner=Owner(tenant=tenant),
    )
    house.storage.frames(KEY).remember([5 << 250], session_id=bytes.fromhex(made.id))
    return made.id


def request(house, tenant, *, login, granted=None):
    """A data subject's request that gives the number."""
    desk, now = house.storage.dossiers(KEY), house.clock.now()
    events = [Filed(right=RequestKind.ACCESS)]
    if granted is not None:
        events += [Acknowledged(), Granted(identification=granted)]
    with desk.writing(tenant) as unit:
        row = SubjectRequestRow(
            id=desk.new_id(),
            kind="access",
            state="received",
            office=None,
            subject=login,
            person=unit.requests.new_person(house.vault.subjects),
            created_at=now,
        )
        said = Statement(text="Xin bản sao dữ liệu.", number=NUMBER)
        unit.requests.add(row, said.encoded(), house.vault.subjects)
        filer = Actor(kind=ActorKind.CITIZEN, id=login or "portal")
        for sequence, event in enumerate(events, 1):
            actor = filer if sequence == 1 else OFFICER
            action = RequestAction(sequence=sequence, at=now, actor=actor, event=event)
            unit.logs.append(row.id, line_of(action))
    return row.id


def said(house, tenant, name):
    with house.storage.dossiers(KEY).looking(tenant) as unit:
        data = unit.requests.statement(name, house.vault.subjects)
    return None if data is None else Statement.decoded(data)


def kept(house, tenant, made):
    """Whether each of a session's traces still says who it was."""
    name, issued, decided = made
    holder, person, _, _ = house.names_of(NUMBER)
    with house.storage.dossiers(KEY).looking(tenant) as unit:
        result, credential = unit.results.get(name, 1), unit.results.credential(issued)
    bound = house.storage.persons.of_result(decided)
    return (
        (result.person, result.holder) == (person, holder),
        credential.code is not None,
        house.storage.issued_results.get(issued).subject == person,
        bound is not None and bound.holder == holder,
    )


def rows_of(house, tenant):
    """All rows of one tenant, in every table that has a column for it."""
    ours = [table for table in metadata.tables.values() if "tenant_id" in table.c]
    with house.storage._engine.begin() as connection:
        return {
            table.name: sorted(
                map(repr, connection.execute(table.select().where(table.c.tenant_id == tenant)))
            )
            for table in ours
        }


def everything(house, tenant):
    """Plant all kinds of things at a tenant, and what they left."""
    made = session(house, tenant, DecisionOutcome.APPROVED)
    house.vault.subjects.enrol(tenant, NUMBER)
    lived = live(house, tenant)
    request(house, tenant, login=None)
    return made, lived


def test_an_erasure_at_one_tenant_leaves_every_row_of_another(house):
    made, lived = everything(house, OTHERS)
    before = rows_of(house, OTHERS)
    assert kept(house, OTHERS, made) == (True,) * 4

    login = house.names_of(NUMBER)[3]
    house.eraser.erase_number(TENANT, NUMBER, logins=[login])

    assert rows_of(house, OTHERS) == before
    assert kept(house, OTHERS, made) == (True,) * 4
    assert house.storage.frames(KEY).count_known([5 << 250], session_id=bytes(16)) == 1
    assert house.storage.liveness(KEY).load(lived).id == lived
    holder = house.names_of(NUMBER)[0]
    assert len(house.storage.credentials(KEY).of_holder(holder)) == 1


def test_the_last_tenant_that_knows_the_person_ends_their_keys(house):
    made, _ = everything(house, OTHERS)
    holder = house.names_of(NUMBER)[0]
    house.eraser.erase_number(TENANT, NUMBER)
    assert len(house.storage.credentials(KEY).of_holder(holder)) == 1
    house.eraser.erase_number(OTHERS, NUMBER)
    assert house.storage.credentials(KEY).of_holder(holder) == ()
    assert kept(house, OTHERS, made) == (False,) * 4
    assert house.storage.evidence.pseudonym("holder", holder) is None


def test_a_claim_at_another_tenant_keeps_no_key_of_the_person(house):
    """What was rejected there proves nobody: whoever types a number elsewhere keeps nobody's keys."""
    made = session(house, OTHERS, DecisionOutcome.REJECTED, login=STRANGER)
    house.eraser.erase_number(TENANT, NUMBER)
    assert house.storage.credentials(KEY).of_holder(house.names_of(NUMBER)[0]) == ()
    assert kept(house, OTHERS, made) == (True,) * 4


def test_a_factor_that_was_enrolled_here_ends_though_another_tenant_knows_the_person(house):
    everything(house, OTHERS)
    holder = house.names_of(NUMBER)[0]
    assert len(house.storage.factors(KEY).of_holder(holder)) == 1
    house.eraser.erase_number(TENANT, NUMBER)
    assert house.storage.factors(KEY).of_holder(holder) == ()


def test_a_liveness_session_in_a_strangers_session_stays_and_loses_the_number(house):
    own, strange = live(house, TENANT), live(house, TENANT)
    session(house, TENANT, DecisionOutcome.REJECTED, login=STRANGER, link=strange)

    done = house.eraser.erase_number(TENANT, NUMBER)

    store, name = house.storage.liveness(KEY), KEY.pseudonym("subject", NUMBER)
    with house.storage._engine.begin() as connection:
        left = set(connection.execute(text("SELECT id FROM liveness_sessions")).scalars())
        frames = set(connection.execute(text("SELECT session_id FROM liveness_frames")).scalars())
    assert (own in left, strange in left, frames) == (False, True, {strange})
    assert store.load(strange).id == strange
    assert house.storage.traces.liveness_of(TENANT, name) == ()
    assert done.liveness_sessions == 2  # the planted one, and their own


@pytest.mark.parametrize("granted", [None, Identification.LOGIN])
def test_a_strangers_request_that_only_names_the_number_loses_the_number(house, granted):
    name = request(house, TENANT, login=STRANGER, granted=granted)
    house.eraser.erase_number(TENANT, NUMBER)
    assert said(house, TENANT, name) == Statement(text="Xin bản sao dữ liệu.", number=None)


@pytest.mark.parametrize(
    ("login", "granted"),
    [(None, None), (STRANGER, Identification.COUNTER), (STRANGER, Identification.SESSION)],
)
def test_a_request_that_is_the_persons_is_forgotten(house, login, granted):
    name = request(house, TENANT, login=login, granted=granted)
    house.eraser.erase_number(TENANT, NUMBER)
    assert said(house, TENANT, name) is None
