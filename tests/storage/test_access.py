"""Tenants, offices, clients, keys, logins, consents: what is found, by whom, and until when."""

from __future__ import annotations

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ekyc.errors import InputError, LimitError
from ekyc.storage import FreshnessError, NewClient, RegisterError, ServiceKey

CITIZEN = "ab" * 32
TEXT = "cd" * 32


@pytest.fixture
def access(storage):
    return storage.access(ServiceKey(bytes(range(32))))


@pytest.fixture
def register(access):
    access.register.add_tenant("a", "Tỉnh A")
    access.register.add_tenant("b", "Tỉnh B")
    return access.register


def client(name="portal", **changes):
    given = {"id": name, "name": "Cổng", "scopes": frozenset({"dossiers:read", "tools:use"})}
    return NewClient(**(given | changes))


def refused(code, work):
    with pytest.raises(InputError) as caught:
        work()
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "x" * 1000])
def test_a_consent_of_another_form_is_none(access, register, name):
    """PostgreSQL takes no NUL: whoever sent one was told that the database is away."""
    assert access.consents.read("a", name) is None
    assert access.consents.standing("a", name, "post") is None


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_what_no_database_takes_is_the_callers_fault(access, register, name, database):
    if name == "a\0b" and not isinstance(database, str):
        assert access.consents.of("a", name) == ()  # SQLite takes it
        return
    refused("request.invalid", lambda: access.consents.of("a", name))


def test_offices_hold_what_is_beneath_them(register):
    register.add_office("a", "tinh", "Tỉnh")
    register.add_office("a", "phuong-1", "Phường 1", parent="tinh")
    register.add_office("a", "phuong-10", "Phường 10", parent="tinh")
    register.add_office("a", "to-1", "Tổ 1", parent="phuong-1")
    register.add_office("b", "tinh", "Tỉnh B")

    assert register.within("a", ["tinh"]) == {"tinh", "phuong-1", "phuong-10", "to-1"}
    assert register.within("a", ["phuong-1"]) == {"phuong-1", "to-1"}
    assert register.within("b", ["tinh", "phuong-1"]) == {"tinh"}
    assert register.within("a", []) == frozenset()
    assert register.within("a", ["nowhere"]) == frozenset()
    register.end_office("a", "to-1")
    assert "to-1" in register.within("a", ["tinh"])
    refused("office.ended", lambda: register.add_office("a", "x", "X", parent="to-1"))


def test_offices_have_bounds(register):
    above = None
    for level in range(8):
        register.add_office("a", f"l{level}", "L", parent=above)
        above = f"l{level}"
    refused("register.depth", lambda: register.add_office("a", "l8", "L", parent="l7"))
    refused("office.unknown", lambda: register.add_office("a", "x", "X", parent="nowhere"))
    refused("register.unknown", lambda: register.add_office("nobody", "x", "X"))
    refused("register.taken", lambda: register.add_office("a", "l0", "L"))
    refused("register.form", lambda: register.add_office("a", "L_0", "L"))
    refused("register.form", lambda: register.add_office("a", "ok", "two\nlines"))
    with pytest.raises(LimitError):
        register.within("a", [f"o{one}" for one in range(65)])


def test_clients_are_of_one_tenant(register):
    register.add_client("a", client())
    assert [one.id for one in register.clients("a")] == ["portal"]
    assert register.clients("b") == ()
    refused("register.taken", lambda: register.add_client("b", client()))
    refused("register.unknown", lambda: register.end_client("b", "portal"))
    assert register.client("portal").tenant == "a"
    assert register.count_clients() == 1
    register.end_client("a", "portal")
    assert register.client("portal") is None
    assert register.count_clients() == 1  # or the next start would be open to everybody


def test_a_client_is_as_it_was_described(register):
    register.add_office("a", "tinh", "Tỉnh")
    made = client(
        offices=frozenset({"tinh"}),
        networks=("10.0.0.0/8", "::1"),
        jwks='{"keys": []}',
        certificate="0" * 64,
        is_agent=True,
    )
    assert register.add_client("a", made) == register.client("portal")
    assert register.client("portal").offices == {"tinh"}


def test_clients_have_a_form(register):
    refused("office.unknown", lambda: register.add_client("a", client(offices=frozenset({"x"}))))
    refused("register.form", lambda: client(id="-x"))
    refused("register.form", lambda: client(scopes=frozenset({"everything"})))
    refused("register.form", lambda: client(networks=("10.0.0.1/8",)))
    refused("register.form", lambda: client(certificate="xyz"))
    with pytest.raises(LimitError):
        client(networks=("::1",) * 65)
    agent = client(is_agent=True, scopes=frozenset({"consents:write"}))
    refused("register.scope", lambda: register.add_client("a", agent))


def test_a_key_opens_until_it_expires_is_revoked_or_its_owner_ends(access, register, clock):
    register.add_client("a", client())
    made, secret = access.keys.issue("a", "portal", life=timedelta(days=10))
    assert re.fullmatch(r"ekyc_[A-Za-z0-9_-]{43}", secret.reveal())
    assert len(base64.urlsafe_b64decode(secret.reveal()[5:] + "=")) == 32
    found, owner = access.keys.find(secret.reveal())
    assert (found.id, owner.id, found.scopes) == (made.id, "portal", owner.scopes)

    clock.advance(timedelta(days=10))
    assert access.keys.find(secret.reveal()) is None
    second, other = access.keys.issue("a", "portal")
    access.keys.revoke("a", second.id)
    assert access.keys.find(other.reveal()) is None
    _, third = access.keys.issue("a", "portal")
    register.end_client("a", "portal")
    assert access.keys.find(third.reveal()) is None


def test_keys_of_an_ended_tenant_open_nothing(access, register):
    register.add_client("a", client())
    _, secret = access.keys.issue("a", "portal")
    register.end_tenant("a")
    assert access.keys.find(secret.reveal()) is None
    assert register.client("portal") is None


def test_no_secret_is_kept_or_shown(access, register, storage):
    register.add_client("a", client())
    made, secret = access.keys.issue("a", "portal")
    assert secret.reveal() not in repr((made, secret)) + str(secret)
    with storage._engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM access_keys").all()
    assert secret.reveal() not in repr(rows)
    assert secret.reveal().removeprefix("ekyc_") not in repr(rows)


def test_another_service_key_finds_no_key(access, register, storage):
    register.add_client("a", client())
    _, secret = access.keys.issue("a", "portal")
    assert storage.access(ServiceKey(bytes(32))).keys.find(secret.reveal()) is None


@pytest.mark.parametrize("wrong", ["", "ekyc_", "ekyc_" + "a" * 43, "EKYC_" + "a" * 43, "ekyc_\n"])
def test_what_is_no_key_finds_nothing(access, register, wrong):
    register.add_client("a", client())
    access.keys.issue("a", "portal")
    assert access.keys.find(wrong) is None


def test_a_key_is_never_worth_more_than_its_client(access, register):
    register.add_client("a", client())
    fewer, _ = access.keys.issue("a", "portal", scopes=["tools:use"])
    assert fewer.scopes == {"tools:use"}
    refused("register.scope", lambda: access.keys.issue("a", "portal", scopes=["media:read"]))
    refused("register.unknown", lambda: access.keys.issue("b", "portal"))
    refused("register.form", lambda: access.keys.issue("a", "portal", life=timedelta(days=731)))
    refused("register.form", lambda: access.keys.issue("a", "portal", networks=["nowhere"]))


def test_rotation_overlaps(access, register, clock):
    register.add_client("a", client())
    old, first = access.keys.issue("a", "portal", life=timedelta(days=90), networks=["::1"])
    new, second = access.keys.rotate("a", old.id, overlap=timedelta(days=7))
    assert (new.scopes, new.networks) == (old.scopes, old.networks)
    assert new.expires_at - new.created_at == timedelta(days=90)
    assert access.keys.find(first.reveal())
    assert access.keys.find(second.reveal())
    clock.advance(timedelta(days=7))
    assert access.keys.find(first.reveal()) is None
    assert access.keys.find(second.reveal())
    refused("register.unknown", lambda: access.keys.rotate("a", old.id))
    refused("register.unknown", lambda: access.keys.rotate("b", new.id))
    refused("register.unknown", lambda: access.keys.revoke("b", new.id))
    refused("register.form", lambda: access.keys.rotate("a", new.id, overlap=timedelta(days=31)))


def test_the_day_of_use_is_noted_and_no_more(access, register, clock):
    register.add_client("a", client())
    _, secret = access.keys.issue("a", "portal")
    assert access.keys.keys("a")[0].used_on is None
    access.keys.find(secret.reveal())
    noted = access.keys.keys("a", "portal")[0].used_on
    assert noted == clock.now().replace(hour=0, minute=0)
    assert access.keys.keys("b") == ()
    assert access.keys.keys("a", "other") == ()


def test_a_login_goes_idle_and_ends(access, register, clock):
    token = access.sessions.open("a", b"who", life=timedelta(hours=8)).reveal()
    assert access.sessions.find(token).body == b"who"
    for _ in range(3):
        clock.advance(timedelta(minutes=29))
        assert access.sessions.find(token).tenant == "a"
    clock.advance(timedelta(minutes=30))
    assert access.sessions.find(token) is None


def test_a_login_in_use_ends_too(access, register, clock):
    token = access.sessions.open("a", b"who", life=timedelta(hours=1)).reveal()
    for _ in range(2):
        clock.advance(timedelta(minutes=29))
        assert access.sessions.find(token)
    clock.advance(timedelta(minutes=2))
    assert access.sessions.find(token) is None


def test_a_login_that_was_ended_is_erased(access, register, storage):
    token = access.sessions.open("a", b"who", life=timedelta(hours=1)).reveal()
    access.sessions.end(access.sessions.find(token).id)
    assert access.sessions.find(token) is None
    with storage._engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT body FROM access_sessions").scalars().all()
    assert [bytes(one) for one in rows] == [b""]


def test_logins_lie_sealed(access, register, storage):
    token = access.sessions.open("a", b"who it is", life=timedelta(hours=1)).reveal()
    with storage._engine.connect() as connection:
        rows = repr(connection.exec_driver_sql("SELECT * FROM access_sessions").all())
    assert token not in rows
    assert "who it is" not in rows
    assert access.sessions.find("A" * 43) is None
    assert access.sessions.find("short") is None


def test_logins_of_an_ended_tenant_end(access, register):
    token = access.sessions.open("a", b"who", life=timedelta(hours=1)).reveal()
    register.end_tenant("a")
    assert access.sessions.find(token) is None
    with pytest.raises(LimitError):
        access.sessions.open("b", bytes(20_000), life=timedelta(hours=1))


def consent(access, tenant="a", **changes):
    given = {
        "citizen": CITIZEN,
        "agent": "post",
        "text_digest": TEXT,
        "purposes": ["birth-registration"],
        "channel": "sms",
        "actor": "portal",
    }
    return access.consents.record(tenant, **(given | changes))


@pytest.fixture
def agent(register):
    register.add_client("a", client("post", is_agent=True))
    register.add_client("a", client())


@pytest.mark.usefixtures("agent")
def test_a_consent_stands_until_withdrawn_or_over(access, clock):
    given = consent(access)
    assert access.consents.standing("a", given.id, "post") == given
    assert access.consents.standing("a", given.id, "portal") is None
    assert access.consents.standing("b", given.id, "post") is None
    assert access.consents.read("b", given.id) is None
    assert access.consents.withdraw("b", given.id, by="x") is None
    assert access.consents.of("a", CITIZEN) == (given,)
    assert access.consents.of("b", CITIZEN) == ()
    withdrawn = access.consents.withdraw("a", given.id, by=CITIZEN)
    clock.advance(timedelta(days=1))
    assert access.consents.withdraw("a", given.id, by="x") == withdrawn
    assert access.consents.standing("a", given.id, "post") is None
    later = consent(access)
    clock.advance(timedelta(days=30))
    assert access.consents.standing("a", later.id, "post") is None
    assert access.consents.read("a", later.id) == later


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize(
    "change",
    [
        {"citizen": "079123456789"},
        {"text_digest": "x"},
        {"purposes": []},
        {"purposes": ["*"]},
        {"channel": "tacit"},
        {"actor": "post"},
        {"life": timedelta(days=366)},
    ],
)
def test_consents_have_a_form(access, change):
    refused("register.form", lambda: consent(access, **change))


@pytest.mark.usefixtures("agent")
def test_only_agents_of_the_tenant_are_consented_to(access, register):
    refused("register.unknown", lambda: consent(access, agent="portal", actor="x"))
    refused("register.unknown", lambda: consent(access, "b"))
    register.end_client("a", "post")
    refused("register.unknown", lambda: consent(access))


def test_signing_keys_rotate_without_a_gap(access, clock):
    first = access.signing_keys.current()
    assert access.signing_keys.published() == (first,)
    second = access.signing_keys.rotate()
    assert access.signing_keys.current().id == first.id
    assert {one.id for one in access.signing_keys.published()} == {first.id, second.id}
    clock.advance(timedelta(minutes=10))
    assert access.signing_keys.current().id == second.id
    clock.advance(timedelta(minutes=59))
    assert len(access.signing_keys.published()) == 2
    clock.advance(timedelta(minutes=1))
    assert [one.id for one in access.signing_keys.published()] == [second.id]
    assert "private" not in repr(second)
    assert "d" not in json.loads(second.public)


def test_signing_keys_lie_sealed(access, storage):
    made = access.signing_keys.current()
    with storage._engine.connect() as connection:
        sealed = connection.exec_driver_sql("SELECT private FROM access_signing_keys").scalar_one()
    assert made.private_der not in bytes(sealed)


def test_a_value_counts_once(access, clock):
    until = clock.now() + timedelta(minutes=5)
    access.once.claim("jti", "one", "x", until=until)
    access.once.claim("jti", "two", "x", until=until)
    refused("freshness.already_used", lambda: access.once.claim("jti", "one", "x", until=until))
    with pytest.raises(LimitError):
        access.once.claim("jti", "one", "y", until=clock.now() + timedelta(hours=2))


def test_of_racing_claims_one_wins(access, clock):
    until = clock.now() + timedelta(minutes=5)

    def claim(_):
        try:
            access.once.claim("jti", "one", "x", until=until)
        except FreshnessError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(claim, range(24))) == 1


@pytest.mark.usefixtures("agent")
def test_the_evidence_log_tells_what_was_granted_and_consented_to(access, register, storage):
    made, _ = access.keys.issue("a", "portal")
    access.keys.revoke("a", made.id)
    given = consent(access)
    for _ in range(2):  # withdrawn once, however often it is said
        access.consents.withdraw("a", given.id, by=CITIZEN)
    register.end_client("a", "portal")
    entries = [json.loads(one.event) for one in storage.evidence.entries()]
    told = [(one["kind"], one["facts"]) for one in entries]
    assert [kind for kind, _ in told] == [
        "log.opened",
        *("access.granted", "access.granted", "access.granted", "access.ended"),
        *("consent.given", "consent.withdrawn", "access.ended"),
    ]
    assert told[3][1]["key"] == told[4][1]["key"] == made.id
    assert told[3][1]["client"] == told[7][1]["client"]
    assert told[5][1]["text"] == TEXT
    assert told[5][1]["purposes"] == ["birth-registration"]
    assert not [one for one in entries if CITIZEN in str(one) or "portal" in str(one)]


def test_no_error_repeats_what_was_given(access, register):
    secret = "Nguyễn Văn A 079123456789"
    for work in (
        lambda: register.add_tenant(secret, "x"),
        lambda: register.add_office("a", secret, "x"),
        lambda: client(id=secret),
    ):
        with pytest.raises(RegisterError) as caught:
            work()
        assert secret not in str(caught.value)
