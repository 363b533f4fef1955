"""Paths from document signers to anchors, one defect at a time."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from ekyc.pki import ChainFlaw, ChainVerdict, TrustStore, inspect_chain
from ekyc.pki.names import Name, parse_name
from ekyc.pki.trust_store import Anchor


def store(*certificates):
    return TrustStore(Anchor(certificate=c, source="test") for c in certificates)


@pytest.fixture
def csca(make):
    return make.party("CSCA")


@pytest.fixture
def signer(make):
    return make.party("DS")


def test_chained(make, now, csca, signer):
    root = make.issue(csca, csca, ca=True)
    chain = inspect_chain(make.issue(signer, csca, ca=False), store(root), at=now)
    assert (chain.verdict, chain.flaws) == (ChainVerdict.CHAINED, ())
    assert chain.anchor
    assert chain.anchor.certificate == root


def test_empty_store_is_no_anchor(make, now, csca, signer):
    chain = inspect_chain(make.issue(signer, csca, ca=False), TrustStore(), at=now)
    assert (chain.verdict, chain.flaws) == (ChainVerdict.NO_ANCHOR, (ChainFlaw.NO_ANCHOR,))


def test_same_name_and_country_but_another_key_is_no_anchor(make, now, csca, signer):
    """Renewed authorities keep their name; that alone refutes nothing and proves nothing."""
    namesake = make.party("CSCA")
    chain = inspect_chain(
        make.issue(signer, csca, ca=False), store(make.issue(namesake, namesake, ca=True)), at=now
    )
    assert chain.flaws == (ChainFlaw.NO_ANCHOR,)


def test_claiming_an_installed_key_that_never_signed_is_refuted(make, now, csca, signer):
    forger = make.party("CSCA")
    forged = make.issue(signer, forger, ca=False, claimed_issuer_key=csca.key)
    chain = inspect_chain(forged, store(make.issue(csca, csca, ca=True)), at=now)
    assert (chain.verdict, chain.flaws) == (ChainVerdict.FAILED, (ChainFlaw.FORGED_ISSUER,))


def test_issuer_without_identifiers_is_found_by_name(make, now, csca, signer):
    root = make.issue(csca, csca, ca=True, with_identifiers=False)
    certificate = make.issue(signer, csca, ca=False, with_identifiers=False)
    assert inspect_chain(certificate, store(root), at=now).verdict is ChainVerdict.CHAINED


def test_issuer_with_another_name_is_found_by_country(make, now, csca, signer):
    renamed = make.party("CSCA Vietnam, second generation")
    renamed.key = csca.key
    root = make.issue(renamed, renamed, ca=True, with_identifiers=False)
    certificate = make.issue(signer, csca, ca=False, with_identifiers=False)
    assert inspect_chain(certificate, store(root), at=now).verdict is ChainVerdict.CHAINED


def test_authority_of_another_country_may_not_sign(make, now, csca):
    foreign = make.party("DS", "DE")
    chain = inspect_chain(
        make.issue(foreign, csca, ca=False), store(make.issue(csca, csca, ca=True)), at=now
    )
    assert (chain.verdict, chain.flaws) == (ChainVerdict.FAILED, (ChainFlaw.COUNTRY_MISMATCH,))


def test_signer_without_a_country_is_refused(make, now):
    csca, signer = make.party("CSCA", None), make.party("DS", None)
    chain = inspect_chain(
        make.issue(signer, csca, ca=False), store(make.issue(csca, csca, ca=True)), at=now
    )
    assert chain.flaws == (ChainFlaw.COUNTRY_MISMATCH,)


def test_a_document_signer_cannot_issue(make, now, csca, signer):
    """An installed (pinned) signer vouches for itself, not for others."""
    other = make.party("DS 2")
    pinned = make.issue(signer, csca, ca=False)
    chain = inspect_chain(make.issue(other, signer, ca=False), store(pinned), at=now)
    assert chain.verdict is not ChainVerdict.CHAINED
    assert inspect_chain(pinned, store(pinned), at=now).verdict is ChainVerdict.CHAINED


def test_a_certificate_that_may_not_sign_data(make, now, csca, signer):
    wrong = make.issue(signer, csca, ca=False, usage_bit="key_agreement")
    chain = inspect_chain(wrong, store(make.issue(csca, csca, ca=True)), at=now)
    assert chain.flaws == (ChainFlaw.NOT_A_SIGNER,)


@pytest.mark.parametrize(
    ("legacy", "verdict"), [(False, ChainVerdict.NO_ANCHOR), (True, ChainVerdict.CHAINED)]
)
def test_authority_with_a_short_key_counts_only_under_legacy(make, now, signer, legacy, verdict):
    csca = make.party("CSCA")
    csca.key = rsa.generate_private_key(65537, 1024)
    chain = inspect_chain(
        make.issue(signer, csca, ca=False),
        store(make.issue(csca, csca, ca=True)),
        at=now,
        legacy=legacy,
    )
    assert (chain.verdict, chain.flaws) == (verdict, (ChainFlaw.WEAK_ALGORITHM,))


class TestSigningTimeModel:
    def test_signer_expired_since_is_only_remarked(self, make, now, csca, signer):
        certificate = make.issue(signer, csca, ca=False, end=now - timedelta(days=1))
        chain = inspect_chain(
            certificate,
            store(make.issue(csca, csca, ca=True)),
            at=now,
            signing_time=now - timedelta(days=50),
        )
        assert chain.verdict is ChainVerdict.CHAINED
        assert chain.flaws == (ChainFlaw.SIGNER_EXPIRED,)

    @pytest.mark.parametrize("days", [-101, 3651])
    def test_signed_outside_the_signers_validity(self, make, now, csca, signer, days):
        chain = inspect_chain(
            make.issue(signer, csca, ca=False),
            store(make.issue(csca, csca, ca=True)),
            at=now + timedelta(days=5000),
            signing_time=now + timedelta(days=days),
        )
        assert (chain.verdict, chain.flaws) == (ChainVerdict.FAILED, (ChainFlaw.OUTSIDE_VALIDITY,))

    def test_signed_in_the_future(self, make, now, csca, signer):
        chain = inspect_chain(
            make.issue(signer, csca, ca=False),
            store(make.issue(csca, csca, ca=True)),
            at=now,
            signing_time=now + timedelta(days=2),
        )
        assert chain.flaws == (ChainFlaw.OUTSIDE_VALIDITY,)

    def test_issued_after_the_authority_expired(self, make, now, csca, signer):
        root = make.issue(
            csca, csca, ca=True, end=now - timedelta(days=200), start=now - timedelta(days=900)
        )
        chain = inspect_chain(make.issue(signer, csca, ca=False), store(root), at=now)
        assert chain.flaws == (ChainFlaw.OUTSIDE_VALIDITY,)

    def test_among_same_keys_the_one_valid_at_issue_counts(self, make, now, csca, signer):
        stale = make.issue(
            csca, csca, ca=True, end=now - timedelta(days=200), start=now - timedelta(days=900)
        )
        fresh = make.issue(csca, csca, ca=True)
        chain = inspect_chain(make.issue(signer, csca, ca=False), store(stale, fresh), at=now)
        assert chain.anchor
        assert (chain.verdict, chain.anchor.certificate) == (ChainVerdict.CHAINED, fresh)


def test_link_certificate_leads_up_to_the_old_root(make, now, csca, signer):
    """ICAO 9303-12 §7.1: the old key signs the new one. The operator may have installed both."""
    successor = make.party("CSCA 2")
    old = make.issue(csca, csca, ca=True)
    link = make.issue(successor, csca, ca=True)
    chain = inspect_chain(make.issue(signer, successor, ca=False), store(old, link), at=now)
    assert chain.anchor
    assert chain.anchor.certificate == link
    assert [anchor.certificate for anchor in chain.roots] == [old]


def test_cross_signed_pair_does_not_loop(make, now, signer):
    a, b = make.party("A"), make.party("B")
    chain = inspect_chain(
        make.issue(signer, a, ca=False),
        store(make.issue(a, b, ca=True), make.issue(b, a, ca=True)),
        at=now,
    )
    assert chain.verdict is ChainVerdict.CHAINED
    assert len(chain.roots) <= 4


def test_names_compare_by_meaning_not_by_encoding():
    """Ukrainian documents spell the issuer as UTF8String here and PrintableString there."""
    utf8 = bytes.fromhex(
        "301d310b3009060355040613025641310e300c06035504030c0543534341 20".replace(" ", "")
    )
    printable = bytes.fromhex(
        "301d310b3009060355040613027661310e300c0603550403130563736361 20".replace(" ", "")
    )
    assert parse_name(utf8).folded == parse_name(printable).folded
    assert parse_name(printable).country == "VA"
    assert Name.of().country is None
