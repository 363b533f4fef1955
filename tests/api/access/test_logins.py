"""People who log in: what a provider may say, what is refused, and what a session can and cannot do."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import anyio
import anyio.to_thread
import pytest
from access_desk import CITIZEN, EXCHANGE, ISSUER, TEXT, AccessDesk, NoVerifier
from canaries import NAME, NUMBER, PLAIN_NAME, WORDS, found_in
from csc_desk import CscDesk
from identity_provider import SECRET, DirectLink, IdentityProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ekyc.api import create_app
from ekyc.api.access import PrincipalKind, Role, grantable_scopes, permissions
from ekyc.api.access.configuration import AccessSettings
from ekyc.api.access.login_profiles import LoginProfile, OfficeRule, RoleRule
from ekyc.api.metrics import ServiceMetrics
from ekyc.api.tracing import Tracing
from ekyc.api.v1 import ResourceFront
from ekyc.errors import UpstreamError
from ekyc.logs import AllowListFormatter, LogFormat

PROVIDER = "https://login.example.vn"
CALLBACK = f"{ISSUER}/login/staff/callback"
ROLES = (
    RoleRule(role="citizen"),
    RoleRule(role="officer", claim="groups", value="ekyc-officers"),
    RoleRule(role="supervisor", claim="groups", value="ekyc-supervisors"),
    RoleRule(role="auditor", claim="groups", value="ekyc-auditors"),
    RoleRule(role="admin", claim="groups", value="ekyc-admins"),
)


def profile(**changes):
    given = {
        "id": "staff",
        "name": "Cán bộ",
        "tenant": "a",
        "issuer": PROVIDER,
        "client_id": "ekyc",
        "client_secret": SECRET,
        "roles": ROLES,
        "office": OfficeRule(claim="office", map={"HN01": "tinh", "HN02": "phuong"}),
    }
    return LoginProfile(**(given | changes))


class LoginDesk(AccessDesk):
    """A service with one provider, and a browser."""

    def __init__(self, folder, *, others=(), csc=None, **changes):
        self.made = profile(**changes)
        self.provider = None
        settings = AccessSettings(issuer=ISSUER, logins=(self.made, *others))
        super().__init__(folder, settings=settings, link_to=self._link, csc=csc)

    def _link(self, _profile):
        if self.provider is None:
            self.provider = IdentityProvider(PROVIDER, redirect_uri=CALLBACK, clock=_Later(self))
        return DirectLink(self.provider)

    def begin(self, return_to="/"):
        """(where the browser is sent, its cookie)"""
        answer = self.ask(lambda http: http.get("/login/staff", params={"return_to": return_to}))
        assert answer.status_code == 302, answer.text
        return answer.headers["location"], answer.headers["set-cookie"].split(";")[0]

    def visit(self, location):
        """The provider's answer: parameters of the way back."""
        target = location.removeprefix(PROVIDER)
        status, headers, _ = self.provider.answer("GET", target, {}, b"")
        assert status == 302
        return urlsplit(headers["location"]).query

    def back(self, query, cookie, path="/login/staff/callback"):
        headers = {} if cookie is None else {"Cookie": cookie}
        return self.ask(lambda http: http.get(f"{path}?{query}", headers=headers))

    def login(self, fault=None, **claims):
        self.provider.fault = fault
        self.provider.claims |= claims
        location, cookie = self.begin()
        return self.back(self.visit(location), cookie)

    def session(self, **claims):
        answer = self.login(**claims)
        assert answer.status_code == 303, answer.text
        return answer.headers.get_list("set-cookie")[0].split(";")[0]

    def who(self, cookie):
        return self.ask(lambda http: http.get("/login/session", headers={"Cookie": cookie}))


class _Later:
    """The clock of a desk that is still being made."""

    def __init__(self, desk):
        self.desk = desk

    def now(self):
        return self.desk.clock.now()


@pytest.fixture
def desk(tmp_path):
    made = LoginDesk(tmp_path)
    yield made
    made.close()


def refused(answer):
    return answer.status_code, answer.json()["code"]


def test_a_login_is_asked_for_with_all_that_protects_it(desk):
    location, cookie = desk.begin()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert location.startswith(f"{PROVIDER}/authorize?")
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == CALLBACK
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == len(asked["state"]) == len(asked["nonce"]) == 43
    assert cookie.split("=")[1] not in location
    assert desk.begin()[0] != location


def test_whoever_logged_in_has_a_session(desk):
    answer = desk.login()
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    session, ended = answer.headers.get_list("set-cookie")
    assert session.startswith("__Host-ekyc-session=")
    attributes = {part.strip().lower() for part in session.split(";")[1:]}
    assert {"httponly", "secure", "samesite=lax", "path=/", "max-age=28800"} <= attributes
    assert "domain" not in session.lower()
    assert ended.startswith('__Host-ekyc-login=""')
    told = desk.who(session.split(";")[0]).json()
    assert told["roles"] == ["citizen", "officer"]
    assert told["offices"] == ["phuong", "tinh"]
    assert told["tenant"] == "a"
    assert "staff-1" not in str(told)
    assert len(told["subject"]) == 64


def test_the_same_person_is_the_same_pseudonym(desk):
    first, again = (desk.who(desk.session()).json()["subject"] for _ in range(2))
    other = desk.who(desk.session(sub="staff-2")).json()["subject"]
    assert first == again != other


@pytest.mark.parametrize(
    "fault",
    [
        "declined",
        "issuer mix-up",
        "no issuer",
        "no ID token",
        "nonce",
        "no nonce",
        "token of another issuer",
        "audience",
        "two audiences",
        "authorised party",
        "expired",
        "old",
        "from the future",
        "alg none",
        "another key",
        "unknown key",
        "changed",
    ],
)
def test_a_provider_that_says_something_wrong_logs_nobody_in(desk, fault):
    answer = desk.login(fault)
    assert refused(answer) == (403, "access.login")
    assert "set-cookie" not in answer.headers
    assert desk.login().status_code == 303


def test_what_came_back_counts_once(desk):
    location, cookie = desk.begin()
    query = desk.visit(location)
    assert desk.back(query, cookie).status_code == 303
    again = desk.back(query, cookie)
    assert refused(again) == (403, "access.login")
    assert again.json()["detail"].endswith(": state")  # before the provider is asked


def test_a_code_of_another_login_is_worth_nothing(desk):
    """Code injection: the provider finds that the verifier is another."""
    first, _ = desk.begin()
    second, cookie = desk.begin()
    stolen = parse_qs(desk.visit(first))["code"][0]
    mine = parse_qs(desk.visit(second))
    query = f"code={stolen}&state={mine['state'][0]}&iss={PROVIDER}"
    assert refused(desk.back(query, cookie)) == (403, "access.login")


@pytest.mark.parametrize("cookie", [None, "__Host-ekyc-login=" + "A" * 43])
def test_another_browser_cannot_finish_a_login(desk, cookie):
    location, _ = desk.begin()
    assert refused(desk.back(desk.visit(location), cookie)) == (403, "access.login")


def test_a_login_is_finished_within_ten_minutes(desk):
    location, cookie = desk.begin()
    query = desk.visit(location)
    desk.clock.advance(timedelta(minutes=10))
    assert refused(desk.back(query, cookie)) == (403, "access.login")


@pytest.mark.parametrize("query", ["", "code=x", "code=x&state=y", "state=a&state=b"])
def test_what_never_began_does_not_end(desk, query):
    assert refused(desk.back(query, None)) == (403, "access.login")


def test_a_state_of_one_provider_is_none_of_another(tmp_path):
    """Mix-up: each provider has an address of its own to come back to."""
    desk = LoginDesk(tmp_path, others=(profile(id="gov"),))
    location, cookie = desk.begin()
    query = desk.visit(location)
    answer = desk.back(query, cookie, path="/login/gov/callback")
    assert refused(answer) == (403, "access.login")
    assert "another provider" in answer.json()["detail"]
    location, cookie = desk.begin()
    assert desk.back(desk.visit(location), cookie).status_code == 303
    desk.close()


@pytest.mark.parametrize("place", ["//evil.example", "https://evil.example", "/\\evil", "x", ""])
def test_a_login_leads_back_here_alone(desk, place):
    answer = desk.ask(lambda http: http.get("/login/staff", params={"return_to": place}))
    assert refused(answer) == (403, "access.login")


def test_a_login_leads_back_to_where_it_was_wanted(desk):
    location, cookie = desk.begin("/console?queue=1")
    assert desk.back(desk.visit(location), cookie).headers["location"] == "/console?queue=1"


def test_a_provider_that_calls_itself_otherwise_is_not_gone_to(desk):
    desk.provider.fault = "calls itself otherwise"
    answer = desk.ask(lambda http: http.get("/login/staff"))
    assert refused(answer) == (403, "access.login")


def test_an_unknown_provider_is_not_there(desk):
    assert refused(desk.ask(lambda http: http.get("/login/nobody"))) == (404, "access.not_found")
    assert desk.ask(lambda http: http.get("/login")).json() == [{"id": "staff", "name": "Cán bộ"}]


def test_a_providers_new_key_is_fetched(desk):
    desk.session()
    desk.provider.key = type(desk.provider.key).generate_key("P-256", parameters={"kid": "op-1"})
    desk.clock.advance(timedelta(minutes=2))
    assert desk.login().status_code == 303


@pytest.mark.parametrize(
    ("groups", "roles"),
    [
        ([], ["citizen"]),
        (["ekyc-officers"], ["citizen", "officer"]),
        ("ekyc-auditors", ["auditor", "citizen"]),
        (["EKYC-OFFICERS"], ["citizen"]),
        ({"ekyc-admins": True}, ["citizen"]),
        (["ekyc-admins", 7], ["admin", "citizen"]),
    ],
)
def test_roles_are_what_the_profile_makes_of_claims(desk, groups, roles):
    assert desk.who(desk.session(groups=groups)).json()["roles"] == roles


@pytest.mark.parametrize(
    ("office", "offices"), [("HN02", ["phuong"]), ("elsewhere", []), (["HN02", "x"], ["phuong"])]
)
def test_offices_are_what_the_profile_makes_of_claims(desk, office, offices):
    assert desk.who(desk.session(office=office)).json()["offices"] == offices


def test_whoever_has_no_role_does_not_come_in(tmp_path):
    desk = LoginDesk(tmp_path, roles=ROLES[1:])
    assert refused(desk.login(groups=[])) == (403, "access.login")
    desk.close()


def test_assurance_that_is_asked_for_must_be_said(tmp_path):
    desk = LoginDesk(tmp_path, acr_values=("high",))
    assert refused(desk.login()) == (403, "access.login")
    assert refused(desk.login(acr="low")) == (403, "access.login")
    assert desk.login(acr="high").status_code == 303
    desk.close()


def test_a_session_reads_and_its_changes_need_the_token_against_forgery(desk):
    cookie = desk.session()
    token = desk.who(cookie).json()["csrf_token"]
    for headers, expected in (
        ({}, (403, "access.csrf")),
        ({"X-CSRF-Token": "x"}, (403, "access.csrf")),
        ({"X-CSRF-Token": token}, (201, None)),
    ):
        assert desk.reasons(headers={"Cookie": cookie} | headers) == expected


def test_a_citizen_sees_their_own_and_no_office(desk):
    from starlette.requests import Request

    cookie = desk.session(groups=[])
    headers = [(b"cookie", cookie.encode())]
    scope = {"type": "http", "method": "GET", "headers": headers, "client": ("127.0.0.1", 1)}
    caller = desk.front.gate.identify(Request(scope))
    assert caller.kind is PrincipalKind.PERSON
    assert caller.roles == {Role.CITIZEN}
    assert caller.own_subject == caller.subject
    assert caller.offices == frozenset()
    assert "tools:use" not in caller.scopes


def test_a_session_ends_by_logging_out(desk):
    cookie = desk.session()
    token = desk.who(cookie).json()["csrf_token"]

    def logout(headers):
        return desk.ask(lambda http: http.post("/logout", headers={"Cookie": cookie} | headers))

    assert refused(logout({})) == (403, "access.csrf")
    answer = logout({"X-CSRF-Token": token})
    assert answer.json() == {"end_session_endpoint": f"{PROVIDER}/end"}
    assert 'ekyc-session=""' in answer.headers["set-cookie"]
    assert desk.who(cookie).status_code == 401
    assert desk.reasons(headers={"Cookie": cookie}) == (401, "access.invalid")


def test_a_session_goes_idle_and_ends(desk):
    cookie = desk.session()
    desk.clock.advance(timedelta(minutes=29))
    assert desk.who(cookie).status_code == 200
    desk.clock.advance(timedelta(minutes=30))
    assert desk.who(cookie).status_code == 401
    cookie = desk.session()
    told = []
    for _ in range(17):
        desk.clock.advance(timedelta(minutes=29))
        told.append(desk.who(cookie).status_code)
    assert told == [200] * 16 + [401]


def test_logins_begun_are_bounded(desk):
    async def many(http):
        return [(await http.get("/login/staff")).status_code for _ in range(61)]

    assert desk.ask(many) == [302] * 60 + [429]


def test_a_provider_that_hangs_holds_up_logins_alone(desk):
    """More logins wait for it than the service has threads; whoever shows a key is heard all the same."""
    desk.client("portal")
    asked = {"Authorization": f"Bearer {desk.api_key('portal')}"}
    came, go_on = threading.Semaphore(0), threading.Event()

    class Hanging:
        def send(self, method, url, body, *, headers):
            came.release()
            assert go_on.wait(60)
            raise UpstreamError("gone", code="link.timeout")

    desk.front.logins._parties["staff"]._link = Hanging()

    async def converse(http):
        async with anyio.create_task_group() as group:
            for _ in range(45):
                group.start_soon(http.get, "/login/staff")
            await anyio.to_thread.run_sync(came.acquire, limiter=anyio.CapacityLimiter(1))
            await anyio.wait_all_tasks_blocked()
            try:
                with anyio.fail_after(20):
                    return await http.get("/v1/consents/x", headers=asked)
            finally:
                go_on.set()

    assert refused(desk.ask(converse)) == (403, "access.denied")


def test_failed_returns_count_as_attempts(desk):
    async def many(http):
        return [(await http.get("/login/staff/callback?state=x")).status_code for _ in range(32)]

    told = desk.ask(many)
    assert told[:30] == [403] * 30
    assert told[-1] == 429


def test_no_secret_of_a_login_is_shown(desk):
    location, cookie = desk.begin()
    shown = repr((desk.made, desk.front, desk.front.logins.begin("staff", "/")))
    assert SECRET not in shown
    assert "code_challenge" not in shown
    assert cookie.split("=")[1] not in shown
    with desk.storage._engine.connect() as connection:
        rows = repr(connection.exec_driver_sql("SELECT * FROM grants").all())
    state = parse_qs(urlsplit(location).query)["state"][0]
    assert state not in rows


@pytest.fixture
def signing(tmp_path):
    """A service with remote signing beside the login."""
    csc = CscDesk(tmp_path / "csc")
    made = LoginDesk(tmp_path, csc=csc.front)
    yield made
    made.close()
    csc.close()


def test_no_login_token_or_key_activates_a_signature(signing):
    """Every operation of signing, with a login, an access token and an API key of who may do everything."""
    signing.client("portal", scopes=tuple(grantable_scopes()))
    cookie = signing.session(groups=["ekyc-officers", "ekyc-supervisors"])
    csrf = signing.who(cookie).json()["csrf_token"]
    shown = (
        {"Cookie": cookie, "X-CSRF-Token": csrf},
        {"Authorization": f"Bearer {signing.token('portal')}"},
        {"Authorization": f"Bearer {signing.api_key('portal')}"},
    )
    app = signing.app()
    asked = [
        (method, path)
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/csc/") and operation.get("security")
    ]
    assert {"/csc/v2/signatures/signHash", "/csc/v2/credentials/authorize"} <= {p for _, p in asked}

    async def all_of_them(http):
        for headers in shown:
            for method, path in asked:
                answer = await http.request(method, path, headers=headers, json={})
                assert answer.status_code == 401, path
                assert answer.json()["error"] == "invalid_token"

    signing.ask(all_of_them)


def test_no_scope_speaks_of_activating_a_key():
    assert not [one for one in permissions() if "activat" in one or one == "signatures:sign"]


# Canary: what a provider says of a person stands in the session, sealed, and nowhere else.

SAID = {
    "name": NAME,
    "given_name": NAME,
    "email": f"{PLAIN_NAME}@example.vn",
    "phone_number": NUMBER,
    "picture": f"https://login.example.vn/{NUMBER}.jpg",
    "sub": NUMBER,
}
FAULTS = (
    *("issuer mix-up", "no issuer", "declined", "no ID token", "alg none", "another key"),
    *("unknown key", "changed", "nonce", "audience", "expired"),
)


class WatchedDesk(LoginDesk):
    """A service whose log, traces and figures are kept."""

    def __init__(self, folder):
        super().__init__(folder)
        self.figures, self.spans = ServiceMetrics(), InMemorySpanExporter()
        self.tracing = Tracing(SimpleSpanProcessor(self.spans))
        self.answers = []

    def app(self):
        return create_app(
            NoVerifier(),
            self.storage,
            access=self.front,
            scratch_parent=self.folder,
            resources=ResourceFront(self.storage.dossiers(self.key)),
            metrics=self.figures,
            tracing=self.tracing,
        )

    def ask(self, talk, **options):
        answer = super().ask(talk, **options)
        self.answers.append(answer)
        return answer

    def written(self, records):
        lines = [
            AllowListFormatter(style).format(one)
            for one in records
            if one.name not in {"httpx", "asyncio"}
            for style in LogFormat
        ]
        own = [one.getMessage() for one in records if one.name.startswith("ekyc")]
        traced = [span.to_json(indent=None) for span in self.spans.get_finished_spans()]
        assert lines
        assert traced
        return "\n".join([*lines, *own, *traced, self.figures.render().decode()])

    def stored(self):
        return b"".join(one.read_bytes() for one in self.folder.glob("state.sqlite3*"))


@pytest.fixture
def watched(tmp_path):
    made = WatchedDesk(tmp_path)
    made.begin()  # makes the provider
    yield made
    made.close()


def require_silence(desk, caplog):
    assert found_in(desk.written(caplog.records)) == []
    assert found_in(desk.stored().decode("latin-1")) == []
    shown = [one for one in desk.answers if found_in(one.text + str(one.headers))]
    assert [one.request.url.path for one in shown] == []


@pytest.mark.parametrize("groups", [[], ["ekyc-officers"]], ids=["citizen", "officer"])
def test_nothing_that_a_provider_says_comes_out(watched, caplog, groups):
    with caplog.at_level(logging.DEBUG):
        answer = watched.login(**SAID, groups=groups)
        assert answer.status_code == 303, answer.text
        cookie = answer.headers.get_list("set-cookie")[0].split(";")[0]
        assert watched.who(cookie).json()["roles"]
        refused_at = watched.ask(lambda http: http.get("/v1/dossiers", headers={"Cookie": cookie}))
    assert refused_at.status_code == 200
    require_silence(watched, caplog)


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_comes_out_of_a_login_that_fails(watched, caplog, fault):
    with caplog.at_level(logging.DEBUG):
        answer = watched.login(fault, **SAID)
    assert answer.status_code == 403, answer.text
    require_silence(watched, caplog)


@pytest.mark.parametrize("part", ["code", "state", "error", "error_description", "iss", "other"])
def test_nothing_comes_out_of_what_a_browser_brings_back(watched, caplog, part):
    for word in WORDS:
        with caplog.at_level(logging.DEBUG):
            location, cookie = watched.begin(return_to=f"/{NUMBER}")
            query = dict(parse_qsl(watched.visit(location))) | {part: word}
            if part == "error":
                del query["code"]
            watched.back(urlencode(query), cookie)
            watched.back(urlencode(query), f"{cookie}{quote(word)}")
            watched.back(urlencode(query), cookie, path=f"/login/{quote(word)}/callback")
    watched.answers = [one for one in watched.answers if one.status_code not in {302, 303}]
    assert watched.answers
    require_silence(watched, caplog)


def test_nothing_comes_out_of_what_an_agent_shows(watched, caplog):
    """Clients' names are the operator's; what their assertions and tokens say is theirs."""
    watched.client("post", is_agent=True, scopes=("sessions:read",))
    planted = [
        watched.form("post", client_assertion=watched.assertion("post", **{claim: word}))
        for claim in ("iss", "sub", "aud", "jti", "preferred_username", "exp")
        for word in WORDS
    ]
    exchange = {"grant_type": EXCHANGE, "subject_token_type": f"urn:{NUMBER}"}
    planted += [watched.form("post", **exchange, subject_token=word) for word in WORDS]
    given = watched.stores.consents.record(
        "a",
        citizen=CITIZEN,
        agent="post",
        text_digest=TEXT,
        purposes={"identity"},
        channel="counter",
        actor="clerk",
    )
    kind = "urn:ekyc:params:oauth:token-type:consent"
    good = {"grant_type": EXCHANGE, "subject_token": given.id, "subject_token_type": kind}
    planted += [watched.form("post", **good, actor_token=word, note=word) for word in WORDS]
    planted += [watched.form("post", scope=word) for word in WORDS]
    planted += [watched.form("post", client_assertion=word) for word in WORDS]
    with caplog.at_level(logging.DEBUG):
        statuses = {
            watched.ask(lambda http, form=form: http.post("/oauth2/token", data=form)).status_code
            for form in planted
        }
        for word in WORDS:
            watched.ask(
                lambda http, word=word: http.get(
                    "/v1/sessions", headers={"Authorization": f"Bearer {quote(word)}"}
                )
            )
    assert {200, 400, 401} >= statuses >= {200, 400}
    watched.answers = [one for one in watched.answers if one.status_code != 200]
    require_silence(watched, caplog)
