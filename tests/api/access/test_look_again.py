"""Whoever was let in to something that lasts is looked at again: what it was let in by may have ended meanwhile."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from access_desk import CITIZEN
from starlette.requests import Request

from ekyc.api.access import AccessError, PrincipalKind
from ekyc.api.access.require import SESSION_COOKIE


def request_with(*headers):
    scope = {"type": "http", "method": "GET", "client": ("127.0.0.1", 1), "headers": list(headers)}
    return Request(scope)


def bearer(token):
    return request_with((b"authorization", f"Bearer {token}".encode()))


def test_a_key_that_was_revoked_stands_no_more(desk):
    desk.client("portal")
    key, secret = desk.stores.keys.issue("a", "portal")
    shown = bearer(secret.reveal())
    assert desk.front.gate.look_again(shown).kind is PrincipalKind.KEY

    desk.stores.keys.revoke("a", key.id)
    with pytest.raises(AccessError) as caught:
        desk.front.gate.look_again(shown)
    assert caught.value.code == "access.invalid"


def test_a_token_that_expired_stands_no_more(desk):
    desk.client("portal")
    shown = bearer(desk.token("portal"))
    assert desk.front.gate.look_again(shown).kind is PrincipalKind.CLIENT

    desk.clock.advance(timedelta(minutes=20))
    with pytest.raises(AccessError) as caught:
        desk.front.gate.look_again(shown)
    assert caught.value.code == "access.expired"


def test_looking_again_at_many_streams_locks_nobody_out(desk):
    desk.client("portal")
    key, secret = desk.stores.keys.issue("a", "portal")
    other = bearer(desk.api_key("portal"))
    desk.stores.keys.revoke("a", key.id)
    for _ in range(200):
        with pytest.raises(AccessError):
            desk.front.gate.look_again(bearer(secret.reveal()))
    assert desk.front.gate.identify(other).client == "portal"


def test_looking_again_keeps_no_login_from_going_idle(desk):
    body = {"subject": CITIZEN, "roles": ["citizen"], "offices": [], "csrf": "x", "provider": "p"}
    token = desk.stores.sessions.open("a", json.dumps(body).encode(), life=timedelta(hours=8))
    shown = request_with((b"cookie", f"{SESSION_COOKIE}={token.reveal()}".encode()))
    for _ in range(2):
        desk.clock.advance(timedelta(minutes=14))
        assert desk.front.gate.look_again(shown).subject == CITIZEN
    desk.clock.advance(timedelta(minutes=14))
    with pytest.raises(AccessError):
        desk.front.gate.look_again(shown)


def test_without_anything_nobody_stands(desk):
    with pytest.raises(AccessError):
        desk.front.gate.look_again(request_with())
