"""Codes and tokens: each for one purpose, once where once is meant, and gone with their family."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from ekyc.errors import InputError, LimitError
from ekyc.storage import GrantError, ServiceKey, Storage, StorageError

KEY = ServiceKey(bytes(range(32)))


@pytest.fixture
def grants(storage):
    return storage.grants(KEY)


def code_of(call, error=GrantError):
    with pytest.raises(error) as caught:
        call()
    return caught.value.code


def test_a_grant_is_read_often_and_redeemed_once(grants):
    token = grants.issue("code", b"for whom", ttl_s=60)
    assert grants.read(token, "code").body == b"for whom"
    assert grants.redeem(token, "code").body == b"for whom"
    assert code_of(lambda: grants.redeem(token, "code")) == "grant.ended"
    assert code_of(lambda: grants.read(token, "code")) == "grant.ended"


def test_a_second_redemption_ends_what_the_first_gave(grants):
    code = grants.issue("code", b"c", ttl_s=60)
    family = grants.redeem(code, "code").family
    token = grants.issue("token", b"t", ttl_s=60, family=family)
    stranger = grants.issue("token", b"s", ttl_s=60)
    assert code_of(lambda: grants.redeem(code, "code")) == "grant.ended"
    assert code_of(lambda: grants.read(token, "token")) == "grant.ended"
    assert grants.read(stranger, "token").body == b"s"


def test_a_relative_is_found_while_it_stands(grants, clock):
    family = grants.read(handle := grants.issue("handle", b"h", ttl_s=60), "handle").family
    grants.issue("sad", b"another's", ttl_s=60)
    assert grants.relative(family, "sad") is None
    sad = grants.issue("sad", b"s", ttl_s=30, family=family)
    assert grants.relative(family, "sad").body == b"s"
    clock.advance(timedelta(seconds=30))
    assert grants.relative(family, "sad") is None
    assert grants.read(handle, "handle").body == b"h"
    later = grants.issue("sad", b"later", ttl_s=30, family=family)
    assert grants.relative(family, "sad").body == b"later"
    grants.revoke(later, "sad")
    assert grants.relative(family, "sad") is None
    assert sad != later


def test_a_grant_of_one_kind_is_none_of_another(grants):
    code = grants.issue("code", b"c", ttl_s=60)
    assert code_of(lambda: grants.read(code, "token")) == "grant.unknown"
    assert code_of(lambda: grants.redeem(code, "token")) == "grant.unknown"
    assert grants.redeem(code, "code").body == b"c"


def test_a_grant_expires(grants, clock):
    token = grants.issue("code", b"c", ttl_s=60)
    clock.advance(timedelta(seconds=60) - timedelta(microseconds=1))
    assert grants.read(token, "code").body == b"c"
    clock.advance(timedelta(microseconds=1))
    assert code_of(lambda: grants.read(token, "code")) == "grant.expired"
    assert code_of(lambda: grants.redeem(token, "code")) == "grant.expired"


def test_a_revoked_grant_is_over_and_revoking_again_is_quiet(grants):
    token = grants.issue("token", b"t", ttl_s=60)
    for _ in range(2):
        grants.revoke(token, "token")
    grants.revoke("nonsense", "token")
    assert code_of(lambda: grants.read(token, "token")) == "grant.ended"


def test_neither_token_nor_body_can_be_read_from_the_database(grants, storage):
    token = grants.issue("token", b"012345678901 signs", ttl_s=60)
    with storage._engine.begin() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM grants").all()
    assert token not in repr(rows)
    assert b"signs" not in repr(rows).encode()


def test_a_body_does_not_open_in_another_row(grants, storage):
    mine, other = (grants.issue("token", body, ttl_s=60) for body in (b"mine", b"other"))
    with storage._engine.begin() as connection:
        bodies = connection.exec_driver_sql("SELECT digest, body FROM grants").all()
        for (digest, _), (_, body) in zip(bodies, reversed(bodies), strict=True):
            connection.execute(
                text("UPDATE grants SET body = :body WHERE digest = :digest"),
                {"body": body, "digest": digest},
            )
    assert code_of(lambda: grants.read(mine, "token"), StorageError) == "storage.unsealable"
    assert code_of(lambda: grants.redeem(other, "token"), StorageError) == "storage.unsealable"


def test_of_racing_redeemers_one_wins(storage, database, clock):
    token = storage.grants(KEY).issue("code", b"c", ttl_s=60)
    gate, won = threading.Barrier(4), []

    def race():
        with Storage.open(database, clock=clock) as mine:
            gate.wait(30)
            try:
                won.append(mine.grants(KEY).redeem(token, "code"))
            except GrantError:
                return

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(won) == 1


@pytest.mark.parametrize("token", ["", "x", "A" * 42, "A" * 43 + "\n", "é" * 43, "A" * 10_000])
def test_what_is_no_token_is_unknown(grants, token):
    assert code_of(lambda: grants.read(token, "code")) == "grant.unknown"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"kind": "Code"}, InputError),
        ({"ttl_s": 0}, LimitError),
        ({"ttl_s": 86_401}, LimitError),
        ({"body": bytes((512 << 10) + 1)}, LimitError),
    ],
)
def test_a_grant_has_bounds(grants, options, error):
    wanted = {"kind": "code", "body": b"", "ttl_s": 60} | options
    kind, body = wanted.pop("kind"), wanted.pop("body")
    with pytest.raises(error):
        grants.issue(kind, body, **wanted)


def test_dead_grants_go(grants, storage, clock):
    grants.issue("code", b"c", ttl_s=60)
    clock.advance(timedelta(hours=2))
    grants.issue("code", b"c", ttl_s=60)
    with storage._engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM grants").scalar() == 1
