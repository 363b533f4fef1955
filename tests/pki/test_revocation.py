"""Chains of document signers once revocation lists, critical extensions and deviation lists are looked at."""

from datetime import timedelta

import pytest
from cryptography.x509 import ReasonFlags

from ekyc.outcomes import Outcome
from ekyc.pki import (
    ChainFlaw,
    ChainVerdict,
    Revocation,
    TrustStore,
    inspect_chain,
    parse_crl,
    parse_signed_data,
)
from ekyc.pki.anchors import Anchor, TrustAnchors
from ekyc.pki.passive_auth import inspect_signature, inspect_signer_chain
from ekyc.pki.trust_assembly import install_crl

DAY = timedelta(days=1)


class State:
    """An authority with one document signer."""

    def __init__(self, make):
        self.make = make
        self.csca, self.party = make.party("CSCA"), make.party("DS")
        self.root = make.issue(self.csca, self.csca, ca=True)
        self.signer = make.issue(self.party, self.csca, ca=False)

    def trust(self, *crls, anchors=()):
        found = [Anchor(certificate=c, source="test") for c in (self.root, *anchors)]
        bare = TrustAnchors(found)
        return TrustAnchors(found, crls=[install_crl(parse_crl(crl), bare) for crl in crls])

    def revoke(self, date, reason=None, certificate=None, **options):
        serial = (certificate or self.signer).serial_number
        return self.make.crl(self.csca, (serial, date, reason), **options)


@pytest.fixture
def state(make):
    return State(make)


def test_without_a_list_nothing_is_known(state, now):
    chain = inspect_chain(state.signer, state.trust(), at=now)
    assert (chain.verdict, chain.revocation) == (ChainVerdict.CHAINED, Revocation.NO_LIST)


def test_not_revoked(state, make, now):
    chain = inspect_chain(state.signer, state.trust(make.crl(state.csca)), at=now)
    assert (chain.verdict, chain.flaws) == (ChainVerdict.CHAINED, ())
    assert chain.revocation is Revocation.NOT_REVOKED


def test_revoked_signer_is_refused_with_its_own_reason(state, now):
    chain = inspect_chain(
        state.signer, state.trust(state.revoke(now - 5 * DAY)), at=now, signing_time=now - DAY
    )
    assert (chain.verdict, chain.flaws) == (ChainVerdict.FAILED, (ChainFlaw.SIGNER_REVOKED,))
    assert chain.revocation is Revocation.REVOKED


@pytest.mark.parametrize(
    ("reason", "verdict"),
    [
        (ReasonFlags.superseded, ChainVerdict.CHAINED),
        (None, ChainVerdict.NO_ANCHOR),
        (ReasonFlags.key_compromise, ChainVerdict.FAILED),
    ],
)
def test_revoked_after_the_claimed_signing_time(state, now, reason, verdict):
    trust = state.trust(state.revoke(now - DAY, reason))
    chain = inspect_chain(state.signer, trust, at=now, signing_time=now - 5 * DAY)
    expected = (
        ChainFlaw.SIGNER_REVOKED
        if verdict is ChainVerdict.FAILED
        else ChainFlaw.SIGNER_REVOKED_LATER
    )
    assert (chain.verdict, chain.flaws) == (verdict, (expected,))


def test_an_overdue_list_is_remarked(state, make, now):
    trust = state.trust(make.crl(state.csca, next_update=now - DAY))
    chain = inspect_chain(state.signer, trust, at=now)
    assert (chain.verdict, chain.flaws) == (ChainVerdict.CHAINED, (ChainFlaw.REVOCATION_STALE,))


def test_revoked_authority(state, now):
    trust = state.trust(state.revoke(now - 200 * DAY, certificate=state.root))
    chain = inspect_chain(state.signer, trust, at=now, signing_time=now - DAY)
    assert (chain.verdict, chain.flaws) == (ChainVerdict.FAILED, (ChainFlaw.AUTHORITY_REVOKED,))


def test_the_new_key_of_an_authority_speaks_for_its_old_certificates(state, make, now):
    renewed = make.party("CSCA")
    anchor = make.issue(renewed, renewed, ca=True)
    crl = make.crl(renewed, (state.signer.serial_number, now - 5 * DAY, None))
    chain = inspect_chain(state.signer, state.trust(crl, anchors=(anchor,)), at=now)
    assert chain.flaws == (ChainFlaw.SIGNER_REVOKED,)


def test_a_list_of_another_authority_does_not_speak_here(state, make, now):
    other = make.party("Another CSCA")
    anchor = make.issue(other, other, ca=True)
    crl = make.crl(other, (state.signer.serial_number, now - 5 * DAY, None))
    chain = inspect_chain(state.signer, state.trust(crl, anchors=(anchor,)), at=now)
    assert (chain.verdict, chain.revocation) == (ChainVerdict.CHAINED, Revocation.NO_LIST)


def test_a_pinned_signer_may_be_revoked_too(state, now):
    trust = state.trust(state.revoke(now - 5 * DAY), anchors=(state.signer,))
    assert inspect_chain(state.signer, trust, at=now).flaws == (ChainFlaw.SIGNER_REVOKED,)


class TestExtensions:
    UNKNOWN = "1.3.6.1.4.1.99999.1"

    def test_unknown_critical_extension_leaves_the_question_open(self, state, make, now):
        strange = make.issue(state.party, state.csca, ca=False, critical=self.UNKNOWN)
        assert strange.unknown_critical == (self.UNKNOWN,)
        chain = inspect_chain(strange, state.trust(), at=now)
        assert (chain.verdict, chain.flaws) == (
            ChainVerdict.NO_ANCHOR,
            (ChainFlaw.UNKNOWN_EXTENSION,),
        )

    def test_but_the_operator_may_pin_it(self, state, make, now):
        strange = make.issue(state.party, state.csca, ca=False, critical=self.UNKNOWN)
        chain = inspect_chain(strange, state.trust(anchors=(strange,)), at=now)
        assert chain.verdict is ChainVerdict.CHAINED

    @pytest.mark.parametrize(
        "purpose", ["2.23.136.1.1.3", "2.23.136.1.1.8", "2.23.136.1.1.9.8.1", "2.23.136.1.1.14.2"]
    )
    def test_signers_of_lists_stamps_and_seals_may_not_sign_documents(
        self, state, make, now, purpose
    ):
        """Many an office of a state holds a key for travel stamps or seals, under the same authority."""
        wrong = make.issue(state.party, state.csca, ca=False, purposes=(purpose,))
        chain = inspect_chain(wrong, state.trust(), at=now)
        assert (chain.verdict, chain.flaws) == (ChainVerdict.FAILED, (ChainFlaw.NOT_A_SIGNER,))
        listed = inspect_chain(wrong, state.trust(), at=now, purpose=purpose)
        assert listed.verdict is ChainVerdict.CHAINED
        other = inspect_chain(wrong, state.trust(), at=now, purpose="2.23.136.1.1.99")
        assert other.flaws == (ChainFlaw.NOT_A_SIGNER,)


class TestMemory:
    """The issuer of a document signer is remembered per version of the store, and nothing that time can change."""

    def test_the_second_document_costs_no_search(self, state, now, monkeypatch):
        trust = state.trust()
        first = inspect_chain(state.signer, trust, at=now)
        monkeypatch.setattr(TrustAnchors, "issuers_of", None)
        assert inspect_chain(state.signer, trust, at=now) == first

    def test_expiry_is_judged_anew(self, state, now):
        trust = state.trust()
        assert inspect_chain(state.signer, trust, at=now).flaws == ()
        later = inspect_chain(state.signer, trust, at=now + 5000 * DAY)
        assert later.flaws == (ChainFlaw.SIGNER_EXPIRED,)

    def test_a_revocation_list_makes_another_version(self, state, now):
        before, after = state.trust(), state.trust(state.revoke(now - 5 * DAY))
        assert inspect_chain(state.signer, before, at=now).verdict is ChainVerdict.CHAINED
        after.verdicts = before.verdicts
        assert before.version != after.version
        assert inspect_chain(state.signer, after, at=now).verdict is ChainVerdict.FAILED

    def test_a_removed_anchor_is_not_remembered(self, state, now):
        before, after = state.trust(), TrustAnchors()
        inspect_chain(state.signer, before, at=now)
        after.verdicts = before.verdicts
        assert inspect_chain(state.signer, after, at=now).verdict is ChainVerdict.NO_ANCHOR

    def test_strangers_leave_no_trace(self, state, make, now):
        trust = state.trust()
        for name in ("CSCA", "Elsewhere"):
            stranger = make.party(name)
            inspect_chain(make.issue(make.party("DS"), stranger, ca=False), trust, at=now)
        assert len(trust.verdicts) == 0

    def test_weak_algorithms_are_weighed_anew(self, make, now):
        from cryptography.hazmat.primitives.asymmetric import rsa

        state = State(make)
        state.csca.key = rsa.generate_private_key(65537, 1024)
        state.root = make.issue(state.csca, state.csca, ca=True)
        signer, trust = make.issue(state.party, state.csca, ca=False), state.trust()
        for legacy, verdict in ((False, "NO_ANCHOR"), (True, "CHAINED"), (False, "NO_ANCHOR")):
            assert inspect_chain(signer, trust, at=now, legacy=legacy).verdict.value == verdict


class TestDirectory:
    """A document that does not carry its signer's certificate; the PKD has it."""

    @pytest.fixture
    def bare(self, state, make):
        encoded = make.signed_list("2.23.136.1.1.1", b"hashes", state.party, state.signer)
        signed = parse_signed_data(encoded)
        return type(signed)(
            content_type=signed.content_type,
            content=signed.content,
            certificates=(),
            signers=signed.signers,
        )

    def test_found_by_issuer_and_serial_number(self, state, make, now, bare, tmp_path):
        (tmp_path / "pkd.ldif").write_bytes(
            make.ldif(
                ("cn=A,o=csca,c=VN", "cACertificate;binary", state.root.encoded),
                ("cn=B,o=dsc,c=VN", "userCertificate;binary", state.signer.encoded),
            )
        )
        trust = TrustStore.load([tmp_path / "pkd.ldif"])
        assert len(trust) == 1
        signature = inspect_signature(bare, trust=trust)
        assert signature.outcome is Outcome.PASSED
        chain = inspect_signer_chain(signature, trust=trust, at=now)
        assert chain.outcome is Outcome.PASSED

    def test_nowhere_to_be_found(self, state, bare):
        signature = inspect_signature(bare, trust=state.trust())
        assert signature.reasons == ("chip.signer_certificate_missing",)
