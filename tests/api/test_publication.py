"""Status lists, trust list and verifier page over HTTP: signed, cacheable, open to all, about nobody."""

from __future__ import annotations

import re
from datetime import timedelta

import credential_desk
import pytest
from credential_desk import BIRTH, ISSUER, Registry, reasons

from ekyc.api.publication import REFRESH, SIGNED_ANEW, Publication
from ekyc.outcomes import Outcome
from ekyc.ports import SystemRandom
from ekyc.signing.credentials import read_status_list, read_trust_list, schema_of
from ekyc.signing.credentials.issuer import ResultIssuer
from ekyc.signing.credentials.page import verifier_policy
from ekyc.storage import ResultStatus, ServiceKey, Storage
from ekyc.testing import FixedClock


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def storage(tmp_path, clock):
    with Storage.open(tmp_path / "state.sqlite3", clock=clock) as opened:
        yield opened


@pytest.fixture
def registry(clock, monkeypatch):
    monkeypatch.setattr(credential_desk, "NOW", clock.now())
    return Registry()


@pytest.fixture
def trust_file(tmp_path, registry):
    path = tmp_path / "trust.jwt"
    path.write_text(registry.signed_trust_list() + "\n")
    return path


@pytest.fixture
def published(storage, registry, trust_file, clock):
    return Publication(
        results=storage.issued_results,
        series=f"{ISSUER}/tt",
        signer=registry.status_signer,
        trust_list=trust_file,
        operator_key=registry.operator.public,
        clock=clock,
    )


@pytest.fixture
def get(ask, published):
    def run(path, *, publication=published, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(lambda client: client.get(path, headers=named), publication=publication)

    return run


@pytest.fixture
def issued(storage, registry):
    """Text of a result on record."""
    issuer = ResultIssuer(
        id=ISSUER,
        series=f"{ISSUER}/tt",
        signer=registry.signer,
        register=storage.issued_results,
        service_key=ServiceKey(SystemRandom().token_bytes(32)),
    )
    schema = schema_of("birth-extract")
    return issuer.issue_qr(schema, BIRTH, person="048185012345", life=timedelta(days=9))


def revoke(storage, registry, text, listed):
    result_id = registry.inspect(text, listed).result.id.hex()
    storage.issued_results.set_status(result_id, ResultStatus.REVOKED)


@pytest.mark.parametrize("form", ["application/statuslist+cwt", "application/statuslist+jwt"])
def test_a_result_is_checked_by_what_is_served(get, registry, storage, issued, clock, form):
    response = get("/v1/status-lists/1", accept=form)
    assert response.status_code == 200
    assert response.headers["content-type"] == form
    assert response.headers["cache-control"] == "public, max-age=60"
    assert response.headers["vary"] == "Accept"
    assert registry.inspect(issued, response.content).outcome is Outcome.PASSED
    revoke(storage, registry, issued, response.content)
    clock.advance(REFRESH)
    again = get("/v1/status-lists/1", accept=form)
    assert again.headers["etag"] != response.headers["etag"]
    report = registry.inspect(issued, again.content, at=clock.now())
    assert report.outcome is Outcome.FAILED
    assert "credential.revoked" in reasons(report)


def test_without_a_wish_a_list_comes_as_cwt(get, issued):
    del issued
    assert get("/v1/status-lists/1").headers["content-type"] == "application/statuslist+cwt"


def test_who_has_it_is_told_so(get, issued, clock):
    del issued
    for path in ("/v1/status-lists/1", "/v1/trust-list", "/verify"):
        first = get(path)
        same = get(path, if_none_match=f'"x", W/{first.headers["etag"]}')
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["etag"] == first.headers["etag"]
        assert same.headers["cache-control"] == "public, max-age=60"
    clock.advance(timedelta(days=400))
    assert get("/v1/status-lists/1", if_none_match='"other"').status_code == 200


def test_a_list_in_which_nothing_changed_stays_the_same_and_never_goes_stale(
    get, issued, clock, registry
):
    del issued
    first = get("/v1/status-lists/1")
    clock.advance(2 * REFRESH)
    assert get("/v1/status-lists/1").headers["etag"] == first.headers["etag"]
    clock.advance(SIGNED_ANEW)
    later = get("/v1/status-lists/1")
    assert later.headers["etag"] != first.headers["etag"]
    listed = read_status_list(later.content).verify(registry.status_signer.public)
    assert listed.issued_at == clock.now()


def test_the_trust_list_is_the_operators_word_for_word(get, registry, trust_file):
    response = get("/v1/trust-list")
    assert response.headers["content-type"] == "application/ekyc-trust-list+jwt"
    assert response.text == trust_file.read_text().strip()
    read_trust_list(response.text).verify(registry.operator.public)
    trust_file.write_text(registry.signed_trust_list(issued_at=credential_desk.NOW))
    assert get("/v1/trust-list").headers["etag"] != response.headers["etag"]


@pytest.mark.parametrize("text", ["", "nonsense", None])
def test_a_trust_list_that_is_none_is_not_served(get, trust_file, text, registry):
    other = Registry()
    trust_file.write_text(other.signed_trust_list() if text is None else text)
    for path in ("/v1/trust-list", "/verify"):
        response = get(path)
        assert response.status_code == 503
        assert response.json()["code"] == "credential.trust_list_unusable"
    del registry


def test_the_page_comes_under_its_own_policy_and_holds_no_person(get, issued, registry):
    del issued
    response = get("/verify")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert policy == f"{verifier_policy()}; frame-ancestors 'none'"
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert response.headers["referrer-policy"] == "no-referrer"
    assert registry.signed_trust_list().split(".")[0] in response.text
    for value in BIRTH.values():
        if len(value) > 8:
            assert value not in response.text
    assert "048185012345" not in response.text


@pytest.mark.parametrize("path", ["/v1/status-lists/1", "/v1/trust-list", "/verify"])
def test_what_is_not_published_is_not_found(get, path):
    response = get(path, publication=None)
    assert response.status_code == 404
    assert response.json()["code"] == "credential.not_published"


def test_lists_that_are_not_there(get, issued):
    del issued
    assert get("/v1/status-lists/2").json()["code"] == "issued_result.list_unknown"
    assert get("/v1/status-lists/2").status_code == 404
    for number in ("0", "1000001", "one", "1%2F.."):
        assert get(f"/v1/status-lists/{number}").status_code in {404, 422}


def test_the_description_speaks_both_languages(get):
    document = get("/openapi.json").json()
    for path, types in (
        ("/v1/status-lists/{number}", {"application/statuslist+cwt", "application/statuslist+jwt"}),
        ("/v1/trust-list", {"application/ekyc-trust-list+jwt"}),
        ("/verify", {"text/html"}),
    ):
        operation = document["paths"][path]["get"]
        assert set(operation["responses"]["200"]["content"]) == types
        assert {"304", "404"} <= set(operation["responses"])
        assert re.search(
            r"[ăâđêôơưạảấầẩậắằặẹẻẽếềểệịọỏốồổộớờởợụủứừửữựỳỵỷỹ]", operation["description"]
        )
        assert " / " in operation["summary"]
