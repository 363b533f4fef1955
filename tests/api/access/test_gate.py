"""Who gets in with what: keys, tokens, addresses, certificates, tenants."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from datetime import timedelta

import pytest
from access_desk import CITIZEN, EXCHANGE, ISSUER, TEXT, AccessDesk, visitor
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from ekyc.api.access import AccessError, PrincipalKind
from ekyc.api.access.attempts import AttemptLimits
from ekyc.api.access.configuration import AccessSettings
from ekyc.api.access.permissions import grantable_scopes, scopes_of_client
from ekyc.api.access.proxy import ProxySettings
from ekyc.errors import InputError
from ekyc.storage import NewClient

CONSENT_TYPE = "urn:ekyc:params:oauth:token-type:consent"


def exchange(desk, name, consent_id, **changes):
    form = desk.form(
        name,
        grant_type=EXCHANGE,
        subject_token=consent_id,
        subject_token_type=CONSENT_TYPE,
        **changes,
    )
    return desk.ask(lambda http: http.post("/oauth2/token", data=form))


def refusal(desk, form):
    answer = desk.ask(lambda http: http.post("/oauth2/token", data=form))
    return answer.status_code, answer.json()["error"]


def identified(desk, token, **request):
    """The principal that the gate finds."""
    from starlette.requests import Request

    headers = [(b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "method": "GET", "headers": headers, "client": ("127.0.0.1", 1)}
    return desk.front.gate.identify(Request(scope | request))


def test_without_anything_nothing_opens(desk):
    answer = desk.ask(lambda http: http.post("/v1/challenges"))
    assert answer.status_code == 401
    assert answer.json()["code"] == "access.missing"
    assert answer.headers["www-authenticate"] == 'Bearer realm="ekyc"'


def test_a_key_opens_what_it_was_granted(desk):
    desk.client("portal")
    assert desk.reasons(token=desk.api_key("portal")) == (201, None)
    narrow = desk.api_key("portal", scopes=["dossiers:read"])
    assert desk.reasons(token=narrow) == (403, "access.denied")


def test_an_ended_key_client_or_tenant_opens_nothing(desk):
    desk.client("portal")
    secret = desk.api_key("portal")
    token = desk.token("portal")
    desk.stores.register.end_client("a", "portal")
    assert desk.reasons(token=secret) == (401, "access.invalid")
    assert desk.reasons(token=token) == (401, "access.invalid")


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer ekyc_" + "A" * 43},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": "Bearer " + "A" * 9000},
        {"Cookie": "__Host-ekyc-session=" + "A" * 43},
        {"Cookie": "__Host-ekyc-session=x", "Authorization": "Bearer ekyc_" + "A" * 43},
    ],
)
def test_what_is_nothing_is_answered_alike(desk, headers):
    assert desk.reasons(headers=headers) == (401, "access.invalid")


def test_a_scope_that_only_people_may_have_is_worth_nothing_to_a_machine(desk):
    desk.client("portal", scopes=("decisions:write", "dossiers:read"))
    caller = identified(desk, desk.api_key("portal"))
    assert caller.scopes == {"dossiers:read"}
    assert identified(desk, desk.token("portal")).scopes == {"dossiers:read"}


def test_media_need_a_scope_of_their_own(desk):
    desk.client("portal", scopes=("dossiers:read", "sessions:read", "checks:read"))
    with pytest.raises(AccessError):
        identified(desk, desk.api_key("portal")).require_scope("media:read")


def test_offices_are_expanded_and_bounded(desk):
    desk.client("ward", offices=frozenset({"phuong"}))
    desk.client("province", offices=frozenset({"tinh"}))
    desk.client("all")
    assert identified(desk, desk.api_key("ward")).offices == {"phuong"}
    assert identified(desk, desk.token("province")).offices == {"tinh", "phuong"}
    assert identified(desk, desk.api_key("all")).offices is None


def test_each_caller_is_of_its_own_tenant(desk):
    desk.client("one", "a")
    desk.client("two", "b")
    for make in (desk.api_key, None):
        for name, tenant in (("one", "a"), ("two", "b")):
            secret = desk.token(name) if make is None else make(name, tenant)
            caller = identified(desk, secret)
            assert (caller.tenant, caller.client) == (tenant, name)


def test_a_key_is_bound_to_its_networks(desk):
    desk.client("portal", networks=("10.0.0.0/8",))
    desk.client("other")
    bound = desk.api_key("portal")
    assert desk.reasons(token=bound, address="10.1.2.3") == (201, None)
    assert desk.reasons(token=bound, address="192.0.2.1") == (403, "access.address")
    narrower = desk.api_key("other", networks=["2001:db8::/32"])
    assert desk.reasons(token=narrower, address="2001:db8::5") == (201, None)
    assert desk.reasons(token=narrower, address="10.1.2.3") == (403, "access.address")


PROXY = ProxySettings(
    tls=True,
    trusted=("10.0.0.1",),
    address_header="X-Forwarded-For",
    certificate_header="Client-Cert",
)
DER = b"\x30\x03\x02\x01\x05"
CERTIFICATE = {"Client-Cert": f":{base64.b64encode(DER).decode()}:"}


@pytest.fixture
def proxied(tmp_path):
    made = AccessDesk(tmp_path, settings=AccessSettings(issuer=ISSUER, proxy=PROXY))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("peer", "header", "expected"),
    [
        ("10.0.0.1", "198.51.100.7", 201),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7", 201),
        ("10.0.0.1", "198.51.100.7, 203.0.113.9", 403),
        ("10.0.0.1", "198.51.100.7, 10.0.0.1", 201),
        ("10.0.0.1", "::ffff:198.51.100.7", 201),
        ("10.0.0.1", "unknown", 403),
        ("10.0.0.1", "", 403),
        ("192.0.2.1", "198.51.100.7", 403),
    ],
)
def test_only_a_declared_proxy_says_where_a_caller_is(proxied, peer, header, expected):
    proxied.client("portal", networks=("198.51.100.0/24",))
    status, _ = proxied.reasons(
        token=proxied.api_key("portal"), address=peer, headers={"X-Forwarded-For": header}
    )
    assert status == expected


def test_a_token_is_bound_to_the_certificate(proxied):
    proxied.client("portal", certificate=hashlib.sha256(DER).hexdigest())
    refused = proxied.ask(
        lambda http: http.post("/oauth2/token", data=proxied.form("portal")), address="10.0.0.1"
    )
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    given = proxied.ask(
        lambda http: http.post("/oauth2/token", data=proxied.form("portal"), headers=CERTIFICATE),
        address="10.0.0.1",
    ).json()["access_token"]
    claims = json.loads(jws.extract_compact(given.encode()).payload)
    assert claims["cnf"]["x5t#S256"] == (
        base64.urlsafe_b64encode(hashlib.sha256(DER).digest()).rstrip(b"=").decode()
    )
    other = {"Client-Cert": f":{base64.b64encode(b'other').decode()}:"}
    for address, headers, expected in (
        ("10.0.0.1", CERTIFICATE, (201, None)),
        ("10.0.0.1", other, (401, "access.certificate")),
        ("10.0.0.1", {}, (401, "access.certificate")),
        ("192.0.2.1", CERTIFICATE, (401, "access.certificate")),
    ):
        assert proxied.reasons(token=given, address=address, headers=headers) == expected


def test_a_certificate_header_means_nothing_unless_configured(desk):
    desk.client("portal", certificate=hashlib.sha256(DER).hexdigest())
    form = desk.form("portal")
    answer = desk.ask(lambda http: http.post("/oauth2/token", data=form, headers=CERTIFICATE))
    assert answer.json()["error"] == "invalid_client"
    assert desk.reasons(token=desk.api_key("portal"), headers=CERTIFICATE) == (
        401,
        "access.certificate",
    )


def test_percent_encoded_pem_is_a_certificate_too():
    from starlette.requests import Request

    pem = f"-----BEGIN CERTIFICATE-----%0A{base64.b64encode(DER).decode()}%0A-----END CERTIFICATE-----"
    scope = {"type": "http", "headers": [(b"client-cert", pem.encode())], "client": ("10.0.0.1", 1)}
    assert PROXY.thumbprint_of(Request(scope))
    for bad in (b"", b":!:", b"-----BEGIN CERTIFICATE-----", b"x" * 20_000):
        scope["headers"] = [(b"client-cert", bad)]
        assert PROXY.thumbprint_of(Request(dict(scope))) is None
    with pytest.raises(InputError):
        ProxySettings(trusted=("nowhere",))


# The token endpoint


def test_a_token_is_a_signed_jwt_that_others_can_check(desk):
    desk.client("portal")
    token = desk.token("portal", scope="tools:use")
    keys = desk.ask(lambda http: http.get("/.well-known/jwks.json")).json()
    told = jwt.decode(token, ECKey.import_key(keys["keys"][0]), algorithms=["ES256"])
    assert told.header["typ"] == "at+jwt"
    assert told.claims["iss"] == told.claims["aud"] == ISSUER
    assert told.claims["sub"] == told.claims["client_id"] == "portal"
    assert told.claims["scope"] == "tools:use"
    assert told.claims["exp"] - told.claims["iat"] == 300
    assert desk.reasons(token=token) == (201, None)


def test_a_token_expires(desk):
    desk.client("portal")
    token = desk.token("portal")
    desk.clock.advance(timedelta(minutes=5))
    assert desk.reasons(token=token) == (401, "access.expired")


def test_tokens_outlive_a_rotation_of_our_keys(desk):
    desk.client("portal")
    desk.stores.signing_keys.rotate()
    before = desk.token("portal")
    desk.clock.advance(timedelta(minutes=4))
    assert desk.reasons(token=before) == (201, None)
    desk.clock.advance(timedelta(minutes=8))
    after = desk.token("portal")
    kids = {
        json.loads(base64.urlsafe_b64decode(one.split(".")[0] + "=="))["kid"]
        for one in (before, after)
    }
    assert len(kids) == 2
    assert desk.reasons(token=after) == (201, None)


def test_metadata_say_what_there_is(desk):
    told = desk.ask(lambda http: http.get("/.well-known/oauth-authorization-server")).json()
    assert told["issuer"] == ISSUER
    assert told["token_endpoint"] == f"{ISSUER}/oauth2/token"
    assert told["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert "decisions:write" not in told["scopes_supported"]


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "other"},
        {"sub": "other"},
        {"sub": None},
        {"aud": "https://elsewhere.example"},
        {"aud": [ISSUER, "https://elsewhere.example"]},
        {"aud": None},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1},
        {"jti": None},
        {"jti": 7},
        {"header": {"kid": "portal-2"}},
        {"header": {"typ": "at+jwt"}},
        {"header": {"crit": ["exp"]}},
        {"header": {"jku": "https://elsewhere.example"}},
    ],
)
def test_an_assertion_that_does_not_hold_proves_nobody(desk, change):
    desk.client("portal")
    try:
        assertion = desk.assertion("portal", **change)
    except Exception:  # noqa: BLE001  # joserfc refuses to write some of these
        pytest.skip("cannot be written")
    form = desk.form("portal", client_assertion=assertion)
    assert refusal(desk, form) == (401, "invalid_client")


def test_an_assertion_lives_for_five_minutes_at_most(desk):
    desk.client("portal")
    now = int(desk.clock.now().timestamp())
    for exp, iat, expected in (
        (now + 299, now, 200),
        (now + 400, now, 401),
        (now + 60, now + 60, 401),
    ):
        form = desk.form("portal", client_assertion=desk.assertion("portal", exp=exp, iat=iat))
        answer = desk.ask(lambda http, form=form: http.post("/oauth2/token", data=form))
        assert answer.status_code == expected


def test_an_assertion_counts_once(desk):
    desk.client("portal")
    form = desk.form("portal")
    assert desk.ask(lambda http: http.post("/oauth2/token", data=form)).status_code == 200
    assert refusal(desk, form) == (401, "invalid_client")


def test_both_names_of_ours_are_an_audience(desk):
    desk.client("portal")
    for audience in (f"{ISSUER}/oauth2/token", [ISSUER]):
        form = desk.form("portal", client_assertion=desk.assertion("portal", aud=audience))
        assert desk.ask(lambda http, form=form: http.post("/oauth2/token", data=form)).is_success


def unsigned(desk):
    _head, body, _ = desk.assertion("portal").split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{none}.{body}."


def under_the_public_key(desk):
    """HS256 with the public key for a secret: the old confusion."""
    public = desk.private["portal"].as_pem(private=False)
    _head, body, _ = desk.assertion("portal").split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"portal-1"}').rstrip(b"=").decode()
    mac = hmac.digest(public, f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def under_another_key(desk):
    return desk.assertion("portal", key=ECKey.generate_key("P-256"))


@pytest.mark.parametrize("forge", [unsigned, under_the_public_key, under_another_key])
def test_a_forged_assertion_proves_nobody(desk, forge):
    desk.client("portal")
    form = desk.form("portal", client_assertion=forge(desk))
    assert refusal(desk, form) == (401, "invalid_client")


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # joserfc writes it so all the same
@pytest.mark.parametrize(
    ("pair", "algorithm", "works"),
    [
        (lambda: OKPKey.generate_key("Ed25519", parameters={"kid": "k"}), "EdDSA", True),
        (lambda: RSAKey.generate_key(2048, parameters={"kid": "k"}), "PS256", True),
        (lambda: RSAKey.generate_key(2048, parameters={"kid": "k"}), "RS256", False),
    ],
)
def test_algorithms_of_assertions(desk, pair, algorithm, works):
    made = pair()
    desk.private["other"] = made
    desk.stores.register.add_client(
        "a",
        NewClient(
            id="other",
            name="other",
            scopes=frozenset({"tools:use"}),
            jwks=json.dumps({"keys": [made.as_dict(private=False)]}),
        ),
    )
    assertion = desk.assertion("other", header={"alg": algorithm, "kid": "k"})
    form = desk.form("other", client_assertion=assertion)
    answer = desk.ask(lambda http: http.post("/oauth2/token", data=form))
    assert answer.is_success is works


def test_the_token_endpoint_keeps_to_its_form(desk):
    desk.client("portal")
    assert refusal(desk, desk.form("portal", grant_type="password")) == (
        400,
        "unsupported_grant_type",
    )
    assert refusal(desk, desk.form("portal", scope="media:read")) == (400, "invalid_scope")
    assert refusal(desk, desk.form("portal", client_id="other")) == (401, "invalid_client")
    assert refusal(desk, desk.form("portal", client_assertion_type="x")) == (401, "invalid_client")
    answer = desk.ask(lambda http: http.post("/oauth2/token", json={}))
    assert answer.json()["error"] == "invalid_request"
    twice = (
        "&".join(f"{name}={value}" for name, value in desk.form("portal").items())
        + "&scope=a&scope=b"
    )
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = desk.ask(lambda http: http.post("/oauth2/token", content=twice, headers=kind))
    assert answer.json()["error"] == "invalid_request"


def forged_token(desk, **changes):
    """A token of ours with other claims or header, signed by us."""
    key = desk.stores.signing_keys.current()
    good = json.loads(jws.extract_compact(desk.token("portal").encode()).payload)
    claims = {k: v for k, v in (good | changes.pop("claims", {})).items() if v is not None}
    header = {"alg": "ES256", "typ": "at+jwt", "kid": key.id} | changes
    from cryptography.hazmat.primitives import serialization as ser

    pem = ser.load_der_private_key(key.private_der, None).private_bytes(
        ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption()
    )
    return jws.serialize_compact(header, json.dumps(claims), ECKey.import_key(pem))


@pytest.mark.parametrize(
    "change",
    [
        {"typ": "JWT"},
        {"claims": {"iss": "https://elsewhere.example"}},
        {"claims": {"aud": "https://elsewhere.example"}},
        {"claims": {"tenant": "b"}},
        {"claims": {"client_id": "nobody"}},
        {"claims": {"exp": None}},
        {"claims": {"act": {"sub": "portal"}}},
    ],
)
def test_a_token_that_was_not_meant_so_opens_nothing(desk, change):
    desk.client("portal")
    assert desk.reasons(token=forged_token(desk)) == (201, None)
    assert desk.reasons(token=forged_token(desk, **change)) == (401, "access.invalid")


def test_a_bound_token_is_bound_whatever_its_client_is(desk):
    desk.client("portal")
    token = forged_token(desk, claims={"cnf": {"x5t#S256": "A" * 43}})
    assert desk.reasons(token=token) == (401, "access.certificate")


def test_an_assertion_is_no_access_token(desk):
    desk.client("portal")
    assert desk.reasons(token=desk.assertion("portal")) == (401, "access.invalid")


# Agents


@pytest.fixture
def agency(desk):
    desk.client("post", is_agent=True, scopes=("dossiers:read", "dossiers:write", "tools:use"))
    desk.client("portal")
    return desk


def consent(desk, tenant="a", **changes):
    given = {
        "citizen": CITIZEN,
        "agent": "post",
        "text_digest": TEXT,
        "purposes": ["birth-registration"],
        "channel": "sms",
        "actor": "portal",
    }
    return desk.stores.consents.record(tenant, **(given | changes))


def test_an_agent_acts_for_the_citizen_who_consented(agency):
    given = consent(agency)
    told = exchange(agency, "post", given.id).json()
    assert told["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    claims = json.loads(jws.extract_compact(told["access_token"].encode()).payload)
    assert claims["sub"] == CITIZEN
    assert claims["act"] == {"sub": "post"}
    caller = identified(agency, told["access_token"])
    assert caller.kind is PrincipalKind.DELEGATED
    assert caller.own_subject == CITIZEN
    assert caller.act.consent == given.id
    assert caller.scopes == {"dossiers:read", "dossiers:write"}
    assert agency.reasons(token=told["access_token"]) == (403, "access.denied")  # tools:use


def test_a_withdrawn_consent_ends_tokens_in_use(agency):
    given = consent(agency)
    token = exchange(agency, "post", given.id).json()["access_token"]
    assert identified(agency, token)
    agency.stores.consents.withdraw("a", given.id, by=CITIZEN)
    assert agency.reasons(token=token) == (403, "access.consent")
    assert exchange(agency, "post", given.id).json()["error"] == "invalid_grant"


def test_a_consent_is_one_agents_in_one_tenant(agency):
    agency.client("rival", is_agent=True)
    agency.client("far", "b", is_agent=True)
    given = consent(agency)
    for name in ("rival", "far", "portal"):
        assert exchange(agency, name, given.id).json()["error"] == "invalid_grant"
    assert exchange(agency, "post", "0" * 32).json()["error"] == "invalid_grant"
    assert exchange(agency, "post", given.id, scope="tools:use").json()["error"] == "invalid_scope"


def test_the_form_of_an_exchange(agency):
    given = consent(agency)
    wrong = exchange(agency, "post", given.id, requested_token_type="urn:x")
    assert wrong.json()["error"] == "invalid_request"
    form = agency.form("post", grant_type=EXCHANGE, subject_token=given.id)
    assert refusal(agency, form) == (400, "invalid_request")


def test_an_agent_hears_of_nobody_by_scopes_that_name_nobody():
    """Webhooks and reports hold no personal data, but they tell of everybody."""
    assert scopes_of_client(grantable_scopes(), is_agent=True) == {"procedures:read"}
    assert "webhooks:write" in scopes_of_client(grantable_scopes(), is_agent=False)


def test_consents_over_http(agency):
    agency.client("counter", scopes=("consents:read", "consents:write"))
    agency.client("elsewhere", "b", scopes=("consents:read", "consents:write"))
    here = agency.api_key("counter")
    there = agency.api_key("elsewhere", "b")
    body = {
        "citizen": CITIZEN,
        "agent": "post",
        "text_digest": TEXT,
        "purposes": ["birth-registration"],
        "channel": "counter",
    }

    async def talk(http):
        def with_key(key, once="one"):
            return {"Authorization": f"Bearer {key}", "Idempotency-Key": once}

        bare = {"Authorization": f"Bearer {here}"}
        keyless = await http.post("/v1/consents", json=body, headers=bare)
        assert (keyless.status_code, keyless.json()["code"]) == (400, "idempotency.missing")
        made = await http.post("/v1/consents", json=body, headers=with_key(here))
        assert made.status_code == 201, made.text
        again = await http.post("/v1/consents", json=body, headers=with_key(here))
        assert again.json() == made.json()
        assert again.headers["idempotency-replayed"] == "true"
        other = await http.post("/v1/consents", json=body | {"days": 9}, headers=with_key(here))
        assert other.json()["code"] == "idempotency.other_request"
        assert len(agency.stores.consents.of("a", CITIZEN)) == 1
        place = f"/v1/consents/{made.json()['id']}"
        assert (await http.get(place, headers=with_key(here))).json() == made.json()
        assert CITIZEN not in made.text
        for method in ("GET", "DELETE"):  # another tenant's ids are not there
            answer = await http.request(method, place, headers=with_key(there))
            assert (answer.status_code, answer.json()["code"]) == (404, "access.not_found")
        ended = await http.delete(place, headers=with_key(here))
        assert ended.json()["withdrawn_at"]
        agent = await http.post(
            "/v1/consents", json=body | {"agent": "nobody"}, headers=with_key(here, "two")
        )
        assert agent.status_code == 422

    agency.ask(talk)


# Bounds, and what is not told


def test_one_address_that_fails_often_is_not_heard(tmp_path):
    desk = AccessDesk(tmp_path, limits=AttemptLimits(of_an_address=3))
    desk.client("portal")
    good = desk.api_key("portal")
    wrong = "ekyc_" + "A" * 43
    for _ in range(3):
        assert desk.reasons(token=wrong, address="192.0.2.1")[0] == 401
    assert desk.reasons(token=wrong, address="192.0.2.1") == (429, "access.too_many_attempts")
    assert desk.reasons(token=good, address="192.0.2.1") == (429, "access.too_many_attempts")
    assert desk.reasons(token=good, address="192.0.2.2") == (201, None)
    desk.clock.advance(timedelta(minutes=5))
    assert desk.reasons(token=good, address="192.0.2.1") == (201, None)
    desk.close()


@pytest.mark.parametrize(
    ("addresses", "heard"),
    [
        (("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:2::3"), False),
        (("2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:3::3"), True),
        (("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"), False),
        (("::ffff:192.0.2.1", "::ffff:192.0.2.2", "::ffff:192.0.2.3"), True),
    ],
)
def test_a_line_of_ipv6_is_one_place_whatever_addresses_it_takes(tmp_path, addresses, heard):
    desk = AccessDesk(tmp_path, limits=AttemptLimits(of_an_address=2))
    desk.client("portal")
    good = desk.api_key("portal")
    for address in addresses[:2]:
        assert desk.reasons(token="ekyc_" + "A" * 43, address=address)[0] == 401
    status = desk.reasons(token=good, address=addresses[2])[0]
    assert status == (201 if heard else 429)
    desk.close()


def test_attempts_at_one_client_are_bounded_without_locking_it_out(tmp_path):
    desk = AccessDesk(tmp_path, limits=AttemptLimits(of_an_address=5, of_a_client=3))
    desk.client("portal")
    bad = [under_another_key(desk) for _ in range(6)]

    def attempt(assertion, address):
        form = desk.form("portal", client_assertion=assertion)
        answer = desk.ask(lambda http: http.post("/oauth2/token", data=form), address=address)
        return answer.status_code

    assert [attempt(one, f"192.0.2.{n}") for n, one in enumerate(bad[:3])] == [401] * 3
    assert attempt(bad[3], "192.0.2.0") == 429
    assert attempt(desk.assertion("portal"), "198.51.100.1") == 200
    desk.close()


def test_failures_without_an_address_lock_nobody_out(desk):
    desk.front.gate.attempts._limits = AttemptLimits(of_an_address=1)
    desk.client("portal")
    good = desk.api_key("portal")
    from starlette.requests import Request

    def ask(secret):
        headers = [(b"authorization", f"Bearer {secret}".encode())]
        scope = {"type": "http", "method": "GET", "headers": headers, "client": None}
        return desk.front.gate.identify(Request(scope))

    for _ in range(3):
        with pytest.raises(Exception, match=r"not valid|too many"):
            ask("ekyc_" + "A" * 43)
    assert ask(good).client == "portal"


def test_no_secret_reaches_a_log_an_answer_or_a_repr(desk, caplog):
    desk.client("portal")
    secret, token = desk.api_key("portal"), desk.token("portal")
    with caplog.at_level(logging.DEBUG):
        for one in (secret, token, secret + "x", token[:-4] + "AAAA"):
            answer = desk.ask(
                lambda http, one=one: http.post(
                    "/v1/challenges", headers={"Authorization": f"Bearer {one}"}
                )
            )
            assert one not in answer.text + str(answer.headers)
    assert secret not in caplog.text
    assert token.split(".")[1] not in caplog.text
    shown = repr((desk.front, identified(desk, secret), identified(desk, token)))
    assert secret not in shown
    assert token not in shown


def test_every_operation_asks_who_calls(desk):
    """The application as configured: what is not open, and has no token of its own, answers 401."""
    app = desk.app()
    asked = []
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            schemes = {name for one in operation.get("security", []) for name in one}
            if "EkycAccess" in schemes:
                asked.append((method, path.replace("{", "").replace("}", "")))
    assert len(asked) > 5

    async def all_of_them():
        async with visitor(app) as http:
            return [(await http.request(method, path)).status_code for method, path in asked]

    assert asyncio.run(all_of_them()) == [401] * len(asked)
