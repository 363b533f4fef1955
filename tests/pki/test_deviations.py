"""Deviation lists: an issuing state's own word about its documents, signed, and shown as a remark."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from ekyc.errors import InputError, TrustError
from ekyc.pki import (
    ChainFlaw,
    ChainVerdict,
    TrustStore,
    der,
    inspect_chain,
    verify_deviation_list,
)

CONTENT_TYPE = "2.23.136.1.1.7"
PURPOSE = "2.23.136.1.1.8"
AA_KEY_COMPROMISED = bytes.fromhex("06086781080101070104")
DAY = timedelta(days=1)


def time(moment):
    return der.encode(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())


def description(text="the key may be known"):
    shown = der.encode(0x13, text.encode()) if text else b""
    return der.encode(der.SEQUENCE, shown, AA_KEY_COMPROMISED, der.encode(0xA0, b"\x05\x00"))


def deviation(*criteria, descriptions=None):
    described = der.encode(der.SET, *(descriptions or [description()]))
    return der.encode(der.SEQUENCE, der.encode(der.SEQUENCE, *criteria), described)


def content(*deviations, algorithm=True):
    digest = bytes.fromhex("300b0609608648016503040201") if algorithm else b""
    return der.encode(der.SEQUENCE, b"\x02\x01\x00", digest, der.encode(der.SET, *deviations))


def by_number(certificate):
    serial = certificate.serial_number
    encoded = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    return der.encode(0xA1, certificate.issuer_encoded, der.encode(der.INTEGER, encoded))


def by_key(certificate):
    return der.encode(0x82, certificate.subject_key_identifier)


def by_digest(certificate):
    return der.encode(0x83, hashlib.sha256(certificate.encoded).digest())


class State:
    def __init__(self, make, country="VN"):
        self.make = make
        self.csca, self.party = make.party("CSCA", country), make.party("Lists", country)
        self.root = make.issue(self.csca, self.csca, ca=True)
        self.signer = make.issue(self.party, self.csca, ca=False, purposes=(PURPOSE,))
        self.document_signer = make.issue(make.party("DS", "VN"), self.csca, ca=False)

    def list(self, *deviations, signer=None, **options):
        return self.make.signed_list(
            CONTENT_TYPE, content(*deviations, **options), self.party, signer or self.signer
        )


@pytest.fixture
def state(make):
    return State(make)


def load(tmp_path, state, *lists):
    (tmp_path / "csca.cer").write_bytes(state.root.encoded)
    paths = [tmp_path / "csca.cer"]
    for number, encoded in enumerate(lists):
        paths.append(tmp_path / f"list{number}.dl")
        paths[-1].write_bytes(encoded)
    return TrustStore.load(paths)


@pytest.mark.parametrize("identify", [by_number, by_key, by_digest])
def test_a_signer_that_is_named_is_remarked(state, now, tmp_path, identify):
    trust = load(tmp_path, state, state.list(deviation(identify(state.document_signer))))
    chain = inspect_chain(state.document_signer, trust, at=now)
    assert (chain.verdict, chain.flaws) == (ChainVerdict.CHAINED, (ChainFlaw.DEVIATION_LISTED,))
    (found,) = chain.deviations
    (described,) = found.descriptions
    assert (described.name, described.text) == (
        "CertOrKey-AAKeyCompromised",
        "the key may be known",
    )


@pytest.mark.parametrize("identify", [by_number, by_key, by_digest])
def test_another_signer_is_not(state, make, now, tmp_path, identify):
    other = make.issue(make.party("DS 2"), state.csca, ca=False)
    trust = load(tmp_path, state, state.list(deviation(identify(other))))
    assert inspect_chain(state.document_signer, trust, at=now).flaws == ()


def test_without_the_optional_algorithm_and_text(state, now, tmp_path):
    entry = deviation(by_key(state.document_signer), descriptions=[description(text="")])
    trust = load(tmp_path, state, state.list(entry, algorithm=False))
    (found,) = inspect_chain(state.document_signer, trust, at=now).deviations
    assert found.descriptions[0].text is None


@pytest.mark.parametrize(
    ("days", "listed"), [(-11, False), (-10, True), (-5, True), (0, True), (1, False)]
)
def test_by_period_of_issue(state, now, tmp_path, days, listed):
    period = der.encode(0xA4, time(now - 15 * DAY), time(now - 5 * DAY))
    trust = load(tmp_path, state, state.list(deviation(period)))
    signed = now - 5 * DAY + days * DAY
    chain = inspect_chain(state.document_signer, trust, at=now, signing_time=signed)
    assert bool(chain.deviations) is listed


def test_all_criteria_must_be_met(state):
    both = state.list(
        deviation(by_key(state.document_signer), der.encode(0x80, b"I<"), numbers("B1234567"))
    )
    (entry,) = verify_deviation_list(both).deviations
    signer = state.document_signer
    assert entry.concerns(signer)
    assert entry.concerns(signer, document_type="I<", document_number="B1234567")
    assert not entry.concerns(signer, document_type="P<", document_number="B1234567")
    assert not entry.concerns(signer, document_number="B7654321")


def test_a_criterion_that_nobody_tested_makes_no_remark(state):
    (entry,) = verify_deviation_list(state.list(deviation(numbers("B1234567")))).deviations
    assert not entry.concerns(state.document_signer)
    assert entry.concerns(state.document_signer, document_number="B1234567")


def numbers(*listed):
    return der.encode(0xA5, *(der.encode(0x13, number.encode()) for number in listed))


def test_a_state_speaks_only_for_its_own_documents(make, now, tmp_path):
    """The list is genuine and names the certificate, but the certificate is of another state."""
    state, foreign = State(make), State(make, "DE")
    (tmp_path / "de.cer").write_bytes(foreign.root.encoded)
    (tmp_path / "de.dl").write_bytes(foreign.list(deviation(by_key(state.document_signer))))
    (tmp_path / "vn.cer").write_bytes(state.root.encoded)
    trust = TrustStore.load(sorted(tmp_path.iterdir()))
    assert len(trust.deviation_lists) == 1
    assert inspect_chain(state.document_signer, trust, at=now).flaws == ()


class TestRefused:
    def test_signer_without_its_authority(self, make, tmp_path):
        state, stranger = State(make), State(make)
        with pytest.raises(TrustError) as caught:
            load(tmp_path, state, stranger.list(deviation()))
        assert caught.value.code == "pki.deviation_list_no_authority"
        assert caught.value.subject == "list0.dl"

    def test_signer_for_another_purpose(self, state, make):
        wrong = make.issue(state.party, state.csca, ca=False, purposes=("2.23.136.1.1.3",))
        with pytest.raises(TrustError) as caught:
            verify_deviation_list(state.list(deviation(), signer=wrong))
        assert caught.value.code == "pki.signer_not_allowed"

    def test_signer_that_says_no_purpose(self, state, make, tmp_path):
        """An ordinary document signer is allowed by the standard's letter only with the purpose; we ask the chain."""
        plain = make.issue(state.party, state.csca, ca=False)
        trust = load(tmp_path, state, state.list(deviation(), signer=plain))
        assert len(trust.deviation_lists) == 1

    def test_changed_content(self, state):
        encoded = state.list(deviation(numbers("B1234567")))
        with pytest.raises(TrustError) as caught:
            verify_deviation_list(encoded.replace(b"B1234567", b"B1234568"))
        assert caught.value.code == "cms.content_digest"

    def test_another_content(self, state, make):
        other = make.signed_list("2.23.136.1.1.2", content(), state.party, state.signer)
        with pytest.raises(InputError) as caught:
            verify_deviation_list(other)
        assert caught.value.code == "pki.deviation_list_malformed"

    @pytest.mark.parametrize(
        "broken",
        [
            b"",
            b"\x30\x00",
            der.encode(der.SEQUENCE, b"\x02\x01\x00", b"\x30\x00"),
            content(b"\x30\x00"),
            content(deviation(der.encode(0xA4, time(datetime(2026, 1, 1, tzinfo=UTC))))),
            content(deviation(der.encode(0xA1, b"\x30\x00"))),
            content(deviation(descriptions=[b"\x30\x00"])),
        ],
    )
    def test_broken_structure(self, state, make, broken):
        encoded = make.signed_list(CONTENT_TYPE, broken, state.party, state.signer)
        with pytest.raises(InputError) as caught:
            verify_deviation_list(encoded)
        assert caught.value.code == "pki.deviation_list_malformed"
