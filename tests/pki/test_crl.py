"""Revocation lists: what they say, who may say it, and forms that would hide revocations if read as whole lists."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import ReasonFlags
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError, TrustError
from ekyc.pki import Revocation, parse_crl, verify_crl
from ekyc.pki.crl import RevocationReason
from ekyc.pki.revocation import judge_revocation

DAY = timedelta(days=1)


@pytest.fixture
def csca(make):
    return make.party("CSCA")


def test_what_a_list_says(make, now, csca):
    encoded = make.crl(csca, (7, now - DAY, None), (-5 % 2**64, now, ReasonFlags.key_compromise))
    crl = parse_crl(encoded)
    assert (crl.issuer.country, crl.issuer.common_name) == ("VN", "CSCA")
    assert (crl.this_update, crl.next_update) == (now - 10 * DAY, now + 80 * DAY)
    assert {serial: entry.reason for serial, entry in crl.revoked.items()} == {
        7: RevocationReason.UNSPECIFIED,
        2**64 - 5: RevocationReason.KEY_COMPROMISE,
    }
    assert crl.revoked[7].revoked_at == now - DAY


def test_agrees_with_an_independent_parser(make, now, csca):
    reasons = [None, *(flag for flag in ReasonFlags if flag is not ReasonFlags.remove_from_crl)]
    encoded = make.crl(csca, *((100 + i, now - i * DAY, r) for i, r in enumerate(reasons)))
    theirs = x509.load_der_x509_crl(encoded)
    ours = parse_crl(encoded)
    assert ours.to_be_signed == theirs.tbs_certlist_bytes
    assert ours.signature == theirs.signature
    assert {s: e.revoked_at for s, e in ours.revoked.items()} == {
        e.serial_number: e.revocation_date_utc for e in theirs
    }


def test_empty_list(make, csca):
    assert dict(parse_crl(make.crl(csca)).revoked) == {}


def test_the_date_since_when_the_key_is_doubted_counts(make, now, csca):
    since = (now - 90 * DAY).replace(tzinfo=None)
    crl = parse_crl(
        make.crl(csca, (7, now, None), entry_extensions=((x509.InvalidityDate(since), False),))
    )
    assert crl.revoked[7].revoked_at == now - 90 * DAY


PARTIAL = {
    "delta list": ((x509.DeltaCRLIndicator(1), True),),
    "list of one distribution point": (
        (
            x509.IssuingDistributionPoint(
                full_name=None,
                relative_name=None,
                only_contains_user_certs=True,
                only_contains_ca_certs=False,
                only_some_reasons=None,
                indirect_crl=False,
                only_contains_attribute_certs=False,
            ),
            True,
        ),
    ),
}


@pytest.mark.parametrize("extensions", PARTIAL.values(), ids=PARTIAL)
def test_partial_lists_are_refused(make, csca, extensions):
    with pytest.raises(InputError) as caught:
        parse_crl(make.crl(csca, extensions=extensions))
    assert caught.value.code == "pki.crl_unsupported"


def test_entries_of_another_authority_are_refused(make, now, csca):
    other = x509.CertificateIssuer([x509.DirectoryName(make.party("Another").name)])
    with pytest.raises(InputError) as caught:
        parse_crl(make.crl(csca, (7, now, None), entry_extensions=((other, True),)))
    assert caught.value.code == "pki.crl_unsupported"


def test_signed_by_its_authority(make, csca):
    root = make.issue(csca, csca, ca=True)
    assert verify_crl(parse_crl(make.crl(csca)), [root]) == root


@pytest.mark.parametrize("defect", ["another key", "another country", "may not", "nobody"])
def test_without_its_authority(make, csca, defect):
    namesake, foreign = make.party("CSCA"), make.party("CSCA", "DE")
    foreign.key = csca.key
    authorities = {
        "another key": [make.issue(namesake, namesake, ca=True)],
        "another country": [make.issue(foreign, foreign, ca=True)],
        "may not": [make.issue(csca, csca, ca=True, crl_sign=False)],
        "nobody": [],
    }
    with pytest.raises(TrustError) as caught:
        verify_crl(parse_crl(make.crl(csca)), authorities[defect])
    assert caught.value.code == "pki.crl_no_authority"


def test_signed_by_a_broken_algorithm(make, csca):
    csca.key = rsa.generate_private_key(65537, 1024)
    with pytest.raises(TrustError) as caught:
        verify_crl(parse_crl(make.crl(csca)), [make.issue(csca, csca, ca=True)])
    assert caught.value.code == "pki.algorithm_weak"


@pytest.fixture(scope="module")
def sound_list(make, now):
    return make.crl(make.party("CSCA"), (7, now, ReasonFlags.superseded))


@given(st.data())
def test_damage_is_a_typed_error(sound_list, data):
    encoded = bytearray(sound_list)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, 10_000)) % len(encoded)
        encoded[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 10_000)) % (len(encoded) + 1)
    with suppress(InputError):
        parse_crl(bytes(encoded[:cut]))


@given(st.binary(max_size=200))
def test_noise_is_a_typed_error(noise):
    with pytest.raises(InputError):
        parse_crl(noise)


class TestJudgement:
    """Signed on day 0; revoked a day before or after, for each kind of reason."""

    SIGNED = datetime(2026, 1, 1, tzinfo=UTC)
    AT = datetime(2026, 6, 1, tzinfo=UTC)

    def judge(self, make, *entries, signed_at=SIGNED, next_update=None):
        party = make.party("CSCA")
        lists = [
            parse_crl(
                make.crl(
                    party,
                    *([(7, date, reason)] if date else []),
                    this_update=self.AT - timedelta(days=5 + age),
                    next_update=next_update or self.AT + 80 * DAY,
                )
            )
            for age, (date, reason) in enumerate(entries)
        ]
        return judge_revocation(lists, 7, signed_at=signed_at, at=self.AT)

    @pytest.mark.parametrize(
        ("days", "reason", "expected"),
        [
            (-1, None, Revocation.REVOKED),
            (0, None, Revocation.REVOKED),
            (-1, ReasonFlags.superseded, Revocation.REVOKED),
            (1, ReasonFlags.key_compromise, Revocation.REVOKED),
            (1, ReasonFlags.ca_compromise, Revocation.REVOKED),
            (1, ReasonFlags.aa_compromise, Revocation.REVOKED),
            (1, None, Revocation.DOUBTFUL),
            (1, ReasonFlags.unspecified, Revocation.DOUBTFUL),
            (-1, ReasonFlags.certificate_hold, Revocation.DOUBTFUL),
            (1, ReasonFlags.superseded, Revocation.REVOKED_LATER),
            (1, ReasonFlags.cessation_of_operation, Revocation.REVOKED_LATER),
            (1, ReasonFlags.affiliation_changed, Revocation.REVOKED_LATER),
            (1, ReasonFlags.privilege_withdrawn, Revocation.REVOKED_LATER),
        ],
    )
    def test_by_signing_time(self, make, days, reason, expected):
        assert self.judge(make, (self.SIGNED + days * DAY, reason)) is expected

    def test_without_a_signing_time_it_is_revoked_outright(self, make):
        entry = (self.SIGNED + DAY, ReasonFlags.superseded)
        assert self.judge(make, entry, signed_at=None) is Revocation.REVOKED

    def test_an_entry_that_left_the_list_still_counts(self, make):
        old = (self.SIGNED - DAY, None)
        assert self.judge(make, (None, None), old) is Revocation.REVOKED

    def test_a_lifted_hold_is_lifted(self, make):
        hold = (self.SIGNED - DAY, ReasonFlags.certificate_hold)
        assert self.judge(make, (None, None), hold) is Revocation.NOT_REVOKED
        assert self.judge(make, hold, (None, None)) is Revocation.DOUBTFUL

    def test_nothing_known(self):
        assert judge_revocation((), 7, signed_at=None, at=self.AT) is Revocation.NO_LIST

    def test_an_overdue_list_is_stale(self, make):
        overdue = self.AT - DAY
        assert self.judge(make, (None, None), next_update=overdue) is Revocation.STALE
        revoked = (self.SIGNED - DAY, None)
        assert self.judge(make, revoked, next_update=overdue) is Revocation.REVOKED
