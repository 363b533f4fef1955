"""From the register to the verifier: issued, taken back, replaced."""

from __future__ import annotations

from datetime import timedelta

import pytest
from credential_desk import BIRTH, COPY, ISSUER, NOW, Registry, ec_signer, outcomes, reasons

from ekyc.errors import InputError, LimitError
from ekyc.ports import SystemRandom
from ekyc.signing.credentials import read_result, schema_of, sd_jwt
from ekyc.signing.credentials.issuer import ResultIssuer, sign_status_list
from ekyc.storage import IssuedResultStore, ResultStatus, ServiceKey, Storage
from ekyc.testing import FixedClock

YEAR = timedelta(days=365)
PERSON = "048185012345"


@pytest.fixture
def clock():
    return FixedClock(NOW + timedelta(microseconds=7))


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def issuer(tmp_path, clock, registry):
    with Storage.open(tmp_path / "state.sqlite3", clock=clock) as storage:
        yield ResultIssuer(
            id=ISSUER,
            series=f"{ISSUER}/tt",
            signer=registry.signer,
            register=storage.issued_results,
            service_key=ServiceKey(bytes(32)),
        )


def issue(issuer, **changes):
    facts = {"person": PERSON, "life": YEAR, **changes}
    return issuer.issue_qr(schema_of("birth-extract"), BIRTH, **facts)


def current(issuer, registry, **options):
    return sign_status_list(
        issuer.register, f"{ISSUER}/tt/1", signer=registry.status_signer, **options
    )


def test_issue_check_revoke_check(issuer, registry, clock):
    text = issue(issuer)
    assert registry.inspect(text, current(issuer, registry)).outcome.value == "PASSED"
    before = current(issuer, registry)
    known = read_result(text).claimed
    issuer.register.set_status(known.id.hex(), ResultStatus.REVOKED)
    clock.advance(timedelta(seconds=1))
    for as_jwt in (False, True):
        after = current(issuer, registry, as_jwt=as_jwt)
        report = registry.inspect(text, before, after)
        assert reasons(report) == ["credential.revoked"]
    assert outcomes(registry.inspect(text, before))["status"] == "PASSED"


def test_a_replaced_result_says_so(issuer, registry, clock):
    old = issue(issuer)
    new = issue(issuer, replaces=read_result(old).claimed.id.hex())
    listed = current(issuer, registry)
    assert reasons(registry.inspect(old, listed)) == ["credential.superseded"]
    assert registry.inspect(new, listed).outcome.value == "PASSED"


def test_the_subject_is_a_pseudonym_of_the_kind_of_result(issuer):
    first, second = (read_result(issue(issuer)).claimed for _ in range(2))
    copy = issuer.issue_qr(schema_of("certified-copy"), COPY, person=PERSON, life=YEAR)
    assert first.subject == second.subject != read_result(copy).claimed.subject
    assert first.id != second.id
    assert PERSON not in first.subject
    assert len(first.subject) == 14


def test_a_wallet_gets_the_same_result(issuer, registry):
    holder = ec_signer()
    text = issuer.issue_sd_jwt(
        schema_of("birth-extract"),
        BIRTH,
        person=PERSON,
        life=YEAR,
        holder_key=holder.public,
        random=SystemRandom(),
    )
    shown = sd_jwt.present(text, ["full_name"], holder=holder, audience="a", nonce="n", at=NOW)
    read = sd_jwt.read_presentation(shown)
    found = read.verify(registry.signer.public, audience="a", nonce="n", at=NOW)
    assert found.status.uri == f"{ISSUER}/tt/1"
    assert issuer.register.get(found.id.hex()) is not None


def test_nothing_is_recorded_of_what_was_not_issued(issuer):
    with pytest.raises(InputError):
        issuer.issue_qr(schema_of("birth-extract"), {}, person=PERSON, life=YEAR)
    assert issuer.register.lists(f"{ISSUER}/tt") == ()
    for life in (timedelta(0), 21 * 366 * timedelta(days=1)):
        with pytest.raises(LimitError):
            issue(issuer, life=life)


def test_the_register_keeps_no_field(issuer, tmp_path):
    issue(issuer)
    for file in tmp_path.iterdir():
        data = file.read_bytes()
        assert PERSON.encode() not in data
        assert "Bích".encode() not in data


def test_default_lists_hide_among_a_million():
    assert IssuedResultStore.__init__.__kwdefaults__["size"] == 1 << 20
