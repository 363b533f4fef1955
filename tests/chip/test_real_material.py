"""Genuine documents of many states and official specimens: an oracle that nobody here wrote."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip import (
    ChainVerdict,
    ChipFiles,
    Coverage,
    inspect_card_security,
    inspect_chip,
    inspect_signed_file,
    inspect_sod,
)
from ekyc.chip.lds.security_infos import SecurityInfos
from ekyc.errors import ChipError
from ekyc.outcomes import Outcome
from ekyc.pki import TrustStore

pytestmark = pytest.mark.shared_data
AT = datetime(2026, 6, 15, tzinfo=UTC)

GENUINE = {
    "SOD_AT_1": "AT",
    "1.2.840.113549.1.7.1_CN_1": "CN",
    "CARDSEC_DE_1": "DE",
    "SOD_DE_1": "DE",
    "SOD_FR_1": "FR",
    "SOD_GB_1": "GB",
    "SOD_MY_1": "MY",
    "SOD_NZ_1": "NZ",
    "SOD_US_1": "US",
}
DAMAGED = ("SOD_DE_2", "CARDSEC_DE_2", "SOD_GB_3")


@pytest.fixture(scope="module")
def german(shared_data):
    return TrustStore.load([shared_data / "chip/masterlists/DE_ML_2026-05-28-08-28-45.ml"])


@pytest.fixture
def signed_file(shared_data, german):
    def run(name, **options):
        data = (shared_data / "chip/sods" / f"{name}.bin").read_bytes()
        return inspect_signed_file(data, trust=options.pop("trust", german), at=AT, **options)

    return run


@pytest.mark.parametrize(("name", "country"), GENUINE.items())
def test_genuine_documents_chain_to_the_german_list(signed_file, name, country):
    report = signed_file(name)
    assert report.outcome is Outcome.PASSED
    assert report.chain_verdict is ChainVerdict.CHAINED
    assert report.chain.chain.anchor.certificate.subject.country == country
    assert not report.signature.evidence.weak


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("legacy", [False, True])
def test_damaged_documents_are_refused(signed_file, name, legacy):
    report = signed_file(name, legacy=legacy)
    assert report.outcome is Outcome.FAILED
    assert report.chain_verdict is ChainVerdict.FAILED


def test_sha1_document_counts_only_under_legacy_and_stays_marked(signed_file):
    modern, legacy = signed_file("SOD_RU_1"), signed_file("SOD_RU_1", legacy=True)
    assert (modern.outcome, modern.chain_verdict) == (
        Outcome.INDETERMINATE,
        ChainVerdict.NO_ANCHOR,
    )
    assert (legacy.outcome, legacy.chain_verdict) == (Outcome.PASSED, ChainVerdict.CHAINED)
    for report in (modern, legacy):
        assert {reason for check in report.checks for reason in check.reasons} == {
            "chip.algorithm_weak"
        }
    assert legacy.signature.evidence.weak


@pytest.mark.parametrize("name", GENUINE)
def test_without_anchors_genuine_documents_stay_open(signed_file, name):
    report = signed_file(name, trust=TrustStore())
    assert (report.outcome, report.chain_verdict) == (
        Outcome.INDETERMINATE,
        ChainVerdict.NO_ANCHOR,
    )


def test_new_zealand_2013_needs_an_older_list(shared_data, german):
    data = (shared_data / "chip/specimens/ef_sod/NZ2013_EF_SOD.BIN").read_bytes()
    report = inspect_sod(data, trust=german, at=AT)
    assert report.signature.outcome is Outcome.PASSED
    assert report.chain_verdict is ChainVerdict.NO_ANCHOR


def test_document_signer_pinned_by_the_operator(shared_data, signed_file):
    signer = signed_file("SOD_FR_1").signature.claimed_signer
    pinned = TrustStore.from_certificates([signer.encoded], source="pin")
    assert signed_file("SOD_FR_1", trust=pinned).chain_verdict is ChainVerdict.CHAINED


def test_card_security_lists_protocols(signed_file):
    report = signed_file("CARDSEC_DE_1")
    assert isinstance(report.security_infos, SecurityInfos)
    assert len(report.security_infos.infos) >= 3


def test_one_kind_of_file_is_not_the_other(shared_data, german):
    folder = shared_data / "chip/sods"
    sod, card_security = (
        (folder / name).read_bytes() for name in ("SOD_DE_1.bin", "CARDSEC_DE_1.bin")
    )
    with pytest.raises(ChipError):
        inspect_card_security(sod, trust=german, at=AT)
    with pytest.raises(ChipError):
        inspect_sod(card_security, trust=german, at=AT)


SETS = {
    "bsi2008": ((1, 2, 3, 14), (4, 15), True),
    "bsi_mustermann_more_dgs": ((1, 2, 3, 14), (4, 5, 7, 11, 12, 15), True),
    "loes2006": ((1, 2, 15), (), False),
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("legacy", [False, True])
def test_specimen_sets(shared_data, german, name, legacy):
    matching, uncovered, weak = SETS[name]
    files = ChipFiles.from_folder(shared_data / "chip/specimens" / name)
    report = inspect_chip(files, trust=german, legacy=legacy, at=AT)
    assert dict(report.data_groups) == dict.fromkeys(matching, Coverage.MATCH) | dict.fromkeys(
        uncovered, Coverage.NOT_COVERED
    )
    hashes = report.check("chip.hashes")
    assert hashes.subjects == tuple(f"EF.DG{number}" for number in uncovered)
    assert ("chip.not_covered" in hashes.reasons) is bool(uncovered)
    assert (hashes.outcome is Outcome.PASSED) is not (bool(uncovered) or (weak and not legacy))
    assert report.check("chip.structure").outcome is Outcome.PASSED
    assert report.check("chip.chain").reasons == (
        ("chip.algorithm_weak",) if weak and not legacy else ("chip.no_anchor",)
    )
    assert (report.portrait is None) is (weak and not legacy)


def test_brainpool_curve_that_cryptography_lacks_is_verified_here(shared_data, german):
    files = ChipFiles.from_folder(shared_data / "chip/specimens/bsi2008")
    report = inspect_chip(files, trust=german, legacy=True, at=AT)
    assert report.passive_authentication
    evidence = report.passive_authentication.signature.evidence
    assert evidence
    assert evidence.signature.curve == "brainpoolP224r1"
    assert report.check("chip.signature").outcome is Outcome.PASSED


def test_changed_specimen_groups_mismatch(shared_data, german):
    folder = shared_data / "chip/specimens/loes2006"
    original = ChipFiles.from_folder(folder)
    for name in original.names:
        if name.data_group is None:
            continue
        data = bytearray(original.get(name) or b"")
        data[-1] ^= 1
        report = inspect_chip(original.with_file(name, bytes(data)), trust=german, at=AT)
        assert report.data_groups[name.data_group] is Coverage.MISMATCH
        assert report.check("chip.hashes").subjects == (name.value,)
        assert report.check("chip.hashes").outcome is Outcome.FAILED


@pytest.mark.parametrize("name", ["SOD_AT_1", "CARDSEC_DE_1"])
def test_no_changed_byte_of_the_signed_part_passes(shared_data, german, name):
    """Every byte of the hash list and of the signer's certificate, each in turn."""
    data = (shared_data / "chip/sods" / f"{name}.bin").read_bytes()
    report = inspect_signed_file(data, trust=german, at=AT)
    assert report.signature.claimed_signer
    content = report.signature.claimed_signer.to_be_signed
    start = data.index(content)
    for at in range(start, start + len(content), 7):
        changed = data[:at] + bytes((data[at] ^ 0x04,)) + data[at + 1 :]
        found = inspect_signed_file(changed, trust=german, at=AT)
        assert found.outcome is not Outcome.PASSED, at


@given(st.data())
def test_damage_anywhere_never_raises_and_never_invents_a_person(shared_data, data):
    """Whole specimen sets with bytes changed and files cut: a report always comes out."""
    folder = shared_data / "chip/specimens" / data.draw(st.sampled_from(sorted(SETS)))
    files = ChipFiles.from_folder(folder)
    for _ in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(files.names))
        content = bytearray(files.get(name) or b"")
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, 3))
        files = files.with_file(name, bytes(content[: len(content) - cut]))
    report = inspect_chip(files, trust=TrustStore(), legacy=True, at=AT)
    assert len(report.checks) == 7
    assert report.chain_verdict is not ChainVerdict.CHAINED
    if report.portrait:
        assert report.data_groups[2] is Coverage.MATCH


SYNTHETIC = [
    "ecdsa-p256-sha256",
    "ecdsa-p384-sha384",
    "ecdsa-p521-sha512",
    "rsa-2048-sha256",
    "rsa-3072-sha384",
    "rsa-4096-sha512",
]


@pytest.mark.parametrize("name", SYNTHETIC)
def test_synthetic_files_of_another_project(shared_data, german, name):
    """Bare CMS without tag 77, signer named by key identifier; ECDSA as plain r‖s under an identifier that means DER, which is refused."""
    file = shared_data / "chip/synthetic_sods" / f"johnny-silverhand-{name}.sod"
    report = inspect_signed_file(file.read_bytes(), trust=german, at=AT)
    assert report.chain_verdict is not ChainVerdict.CHAINED
