"""The register of certificates: none escapes it, no serial repeats, no list knows less than the one before."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

from ekyc.errors import InputError, UpstreamError
from ekyc.storage import Storage, StorageError
from ekyc.testing import FixedClock

ISSUER = "ab" * 32
OTHER = "cd" * 32


def issue(storage, made=b"certificate", *, issuer=ISSUER, life=timedelta(days=1)):
    serials = []

    def make(serial):
        serials.append(serial)
        return made

    storage.certificates.issue(
        make,
        issuer=issuer,
        profile="one-shot",
        credential="c-1",
        expires_at=storage.certificates._clock.now() + life,
    )
    return serials[0]


def crl(storage, issuer=ISSUER):
    found = []
    storage.certificates.next_crl(issuer, lambda *said: found.append(said) or b"list")
    return found[0]


def test_what_was_issued_is_known(storage, clock):
    serial = issue(storage)
    status = storage.certificates.status(ISSUER, serial)
    assert (status.serial, status.profile, status.credential) == (serial, "one-shot", "c-1")
    assert status.issued_at == clock.now()
    assert status.expires_at == clock.now() + timedelta(days=1)
    assert status.revoked_at is None


def test_serials_are_positive_and_fit_twenty_octets(storage):
    serials = {issue(storage) for _ in range(20)}
    assert len(serials) == 20
    assert all(1 << 120 <= serial < 1 << 159 for serial in serials)


def test_an_issuer_answers_only_for_its_own(storage):
    serial = issue(storage)
    assert storage.certificates.status(OTHER, serial) is None
    assert storage.certificates.status(ISSUER, serial + 1) is None
    with pytest.raises(InputError) as caught:
        storage.certificates.revoke(OTHER, serial, "keyCompromise")
    assert caught.value.code == "signing.certificate.unknown"
    assert storage.certificates.status(ISSUER, serial).revoked_at is None


def test_what_could_not_be_signed_was_not_issued(storage):
    seen = []

    def make(serial):
        seen.append(serial)
        raise UpstreamError("the token does not sign")

    with pytest.raises(UpstreamError):
        storage.certificates.issue(
            make,
            issuer=ISSUER,
            profile="seal",
            credential="s",
            expires_at=storage.certificates._clock.now(),
        )
    assert storage.certificates.status(ISSUER, seen[0]) is None


def test_a_source_of_randomness_that_repeats_itself_is_noticed(database):
    class Stuck:
        def token_bytes(self, count):
            return bytes(count)

    with Storage.open(database, random=Stuck()) as storage:
        issue(storage)
        with pytest.raises(StorageError) as caught:
            issue(storage)
        assert caught.value.code == "storage.serial_repeated"
        issue(storage, issuer=OTHER)


def test_the_first_revocation_counts(storage, clock):
    serial = issue(storage)
    first = storage.certificates.revoke(ISSUER, serial, "keyCompromise")
    clock.advance(timedelta(hours=1))
    again = storage.certificates.revoke(ISSUER, serial, "superseded")
    assert again == first
    assert first.revocation_reason == "keyCompromise"


def test_lists_are_numbered_upwards_and_know_what_is_revoked(storage, clock):
    serials = [issue(storage) for _ in range(3)]
    issue(storage, issuer=OTHER)
    assert crl(storage) == (1, (), clock.now())
    storage.certificates.revoke(ISSUER, serials[1], "keyCompromise")
    number, revoked, _ = crl(storage)
    assert number == 2
    assert [(entry.serial, entry.reason) for entry in revoked] == [(serials[1], "keyCompromise")]
    assert crl(storage, OTHER)[:2] == (1, ())


def test_a_list_that_could_not_be_signed_takes_no_number(storage):
    def make(*_):
        raise UpstreamError("the token does not sign")

    with pytest.raises(UpstreamError):
        storage.certificates.next_crl(ISSUER, make)
    assert crl(storage)[0] == 1


def test_the_long_expired_leave_the_list(storage, clock):
    serial = issue(storage, life=timedelta(minutes=10))
    storage.certificates.revoke(ISSUER, serial, "keyCompromise")
    clock.advance(timedelta(days=39))
    assert len(crl(storage)[1]) == 1
    clock.advance(timedelta(days=2))
    assert crl(storage)[1] == ()
    assert storage.certificates.status(ISSUER, serial).revoked_at is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "AB" * 32},
        {"issuer": "ab"},
        {"profile": "Người dân"},
        {"credential": "Nguyễn Văn A"},
        {"credential": ""},
    ],
)
def test_names_of_another_form_are_refused_before_anything_is_signed(storage, changed):
    def make(serial):
        raise AssertionError(serial)

    fields = {"issuer": ISSUER, "profile": "seal", "credential": "c", **changed}
    with pytest.raises(InputError):
        storage.certificates.issue(make, expires_at=FixedClock().now(), **fields)


_REVOKE_AND_DIE = """
import os, signal, sys
from ekyc.storage import Storage
storage = Storage.open(sys.argv[1])
storage.certificates.revoke(sys.argv[2], int(sys.argv[3]), "keyCompromise")
os.kill(os.getpid(), signal.SIGKILL)
"""
_DIE_WHILE_ISSUING = """
import os, signal, sys
from datetime import UTC, datetime
from ekyc.storage import Storage
def make(serial):
    print(serial, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
Storage.open(sys.argv[1]).certificates.issue(
    make, issuer=sys.argv[2], profile="seal", credential="s", expires_at=datetime.now(UTC))
"""


def killed(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -9, done.stderr
    return done.stdout


def test_a_revocation_survives_the_kill_of_its_process(database):
    with Storage.open(database) as storage:
        serial = issue(storage)
    killed(_REVOKE_AND_DIE, database, ISSUER, serial)
    with Storage.open(database) as storage:
        assert [entry.serial for entry in crl(storage)[1]] == [serial]


def test_killed_while_signing_it_issued_nothing_and_the_register_goes_on(database):
    Storage.open(database).close()
    serial = int(killed(_DIE_WHILE_ISSUING, database, ISSUER))
    with Storage.open(database) as storage:
        assert storage.certificates.status(ISSUER, serial) is None
        issue(storage)
