"""What a forger, a copier and a submitter who leaves things out meet. The simulator plays all of them."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from ekyc.chip import (
    ActiveAuthenticationExchange,
    ChainVerdict,
    ChipFiles,
    Coverage,
    ElementaryFile,
    inspect_chip,
)
from ekyc.chip.sim import SimulatedIssuer
from ekyc.chip.sim.active_authentication import public_key_of
from ekyc.chip.sim.files import (
    build_com,
    build_dg1,
    build_dg13,
    build_dg15,
    build_security_object,
)
from ekyc.outcomes import Outcome, worst
from ekyc.pki import TrustStore

CHECKS = (
    "chip.structure",
    "chip.signature",
    "chip.hashes",
    "chip.chain",
    "chip.active_authentication",
    "chip.chip_authentication",
    "chip.dg1_matches_dg13",
)


def not_passed(report):
    """But chip authentication, which needs a chip that answers: ``test_chip_auth.py``."""
    return {
        c.id: (c.outcome, c.reasons)
        for c in report.checks
        if c.outcome is not Outcome.PASSED and c.id != "chip.chip_authentication"
    }


def test_honest_card_passes_every_check(card, inspect):
    report = inspect(card)
    assert tuple(check.id for check in report.checks) == CHECKS
    assert not_passed(report) == {}
    assert report.chain_verdict is ChainVerdict.CHAINED
    assert report.portrait_proven
    assert report.active_authentication.protocol.scheme == "ecdsa-plain"


def test_cloned_chip_fails_active_authentication(card, inspect):
    report = inspect(card, answering=card.clone_with_own_key())
    assert not_passed(report) == {
        "chip.active_authentication": (Outcome.FAILED, ("chip.aa_invalid",))
    }
    assert report.active_authentication is None


def test_clone_that_brings_its_own_dg15_is_caught_twice(card, inspect):
    """The protocol completes, with a key that nobody vouches for."""
    report = inspect(card.clone_with_own_key(replace_dg15=True))
    assert not_passed(report) == {
        "chip.hashes": (Outcome.FAILED, ("chip.hash_mismatch",)),
        "chip.active_authentication": (Outcome.FAILED, ("chip.aa_key_not_covered",)),
    }
    assert report.active_authentication is None


@pytest.mark.parametrize("file", [ElementaryFile.DG1, ElementaryFile.DG13])
def test_changed_name_fails_the_hashes_and_is_not_believed(card, inspect, file):
    report = inspect(card.with_changed_name("TRẦN VĂN GIẢ", file=file))
    assert report.check("chip.hashes").reasons == ("chip.hash_mismatch",)
    assert report.check("chip.hashes").subjects == (file.value,)
    assert report.check("chip.dg1_matches_dg13").outcome is Outcome.NOT_PERFORMED
    assert "GIA" not in report.identity.full_name.reveal()
    assert "GIẢ" not in report.identity.full_name.reveal()


def test_swapped_face_is_not_given_out(card, inspect, issuer, citizen):
    other = issuer.issue_card(citizen, b"\xff\xd8\xff another face")
    files = card.files.with_file(ElementaryFile.DG2, other.files.get(ElementaryFile.DG2))
    report = inspect_chip_of(card, files, inspect)
    assert report.check("chip.hashes").subjects == ("EF.DG2",)
    assert report.portrait is None


def inspect_chip_of(card, files, inspect):
    changed = type(card)(files=files, citizen=card._citizen, key=card._key)
    return inspect(changed)


def test_withheld_dg15_is_named_and_helps_nobody(card, inspect):
    report = inspect(card.without(ElementaryFile.DG15), challenge=False)
    assert not_passed(report) == {
        "chip.active_authentication": (Outcome.NOT_PERFORMED, ("chip.aa_key_withheld",))
    }
    assert report.data_groups[15] is Coverage.NOT_SUBMITTED


def test_withheld_answer_is_named(card, inspect):
    report = inspect(card, challenge=False)
    assert not_passed(report) == {
        "chip.active_authentication": (Outcome.NOT_PERFORMED, ("chip.aa_not_submitted",))
    }


def test_answer_without_the_verifiers_challenge_is_not_fresh(card, trust, clock):
    exchange = ActiveAuthenticationExchange(
        nonce=None, signature=card.active_authenticate(bytes(8))
    )
    report = inspect_chip(card.files, trust=trust, challenge=exchange, at=clock.now())
    assert not_passed(report) == {
        "chip.active_authentication": (Outcome.NOT_PERFORMED, ("chip.aa_no_challenge",))
    }


def test_answer_to_another_nonce_fails(card, trust, clock):
    exchange = ActiveAuthenticationExchange(
        nonce=bytes(8), signature=card.active_authenticate(b"recorded")
    )
    report = inspect_chip(card.files, trust=trust, challenge=exchange, at=clock.now())
    assert report.check("chip.active_authentication").reasons == ("chip.aa_invalid",)


def test_foreign_signer_has_no_anchor(citizen, inspect, clock):
    foreign = SimulatedIssuer.create(clock=clock).issue_card(citizen, b"\xff\xd8\xff")
    report = inspect(foreign)
    assert not_passed(report) == {"chip.chain": (Outcome.INDETERMINATE, ("chip.no_anchor",))}
    assert report.chain_verdict is ChainVerdict.NO_ANCHOR
    assert not report.portrait_proven


def test_no_anchor_at_all(card, inspect):
    assert inspect(card, trust=TrustStore()).chain_verdict is ChainVerdict.NO_ANCHOR


def test_one_state_cannot_sign_for_another(citizen, inspect, clock):
    """A German authority, installed and genuine, signs a document that says VNM."""
    german = SimulatedIssuer.create(country="DE", clock=clock)
    report = inspect(
        german.issue_card(citizen, b"\xff\xd8\xff"),
        trust=TrustStore.from_certificates([german.csca_certificate_der]),
    )
    assert report.check("chip.chain").outcome is Outcome.FAILED
    assert report.check("chip.chain").reasons == ("chip.country_mismatch",)
    assert report.chain_verdict is ChainVerdict.FAILED
    assert (report.identity, report.portrait) == (None, None)


def test_sod_of_one_person_with_groups_of_another(card, issuer, citizen, inspect):
    other = issuer.issue_card(
        replace(citizen, personal_number="048185999999", full_name="LÊ VĂN KHÁC", sex="M"),
        b"\xff\xd8\xff",
    )
    files = other.files.with_file(ElementaryFile.SOD, card.files.get(ElementaryFile.SOD))
    report = inspect_chip_of(card, files, inspect)
    assert report.check("chip.hashes").outcome is Outcome.FAILED
    assert report.identity is None


def sign(issuer, files, groups):
    """Let the issuer sign whatever it is given: files of two people, unusual lists."""
    listed = {n: data for n, data in files.data_groups.items() if n in groups}
    sod = issuer.sign_security_object(build_security_object(listed))
    return files.with_file(ElementaryFile.SOD, sod)


def test_dg13_of_another_person_under_one_signature(card, issuer, citizen, inspect):
    other = replace(citizen, full_name="LÊ VĂN KHÁC")
    files = card.files.with_file(ElementaryFile.DG13, build_dg13(other))
    report = inspect_chip_of(card, sign(issuer, files, {1, 2, 13, 14, 15}), inspect)
    assert not_passed(report) == {
        "chip.dg1_matches_dg13": (Outcome.FAILED, ("chip.dg1_dg13_differ",))
    }
    assert report.check("chip.dg1_matches_dg13").subjects == ("full_name",)


def test_group_outside_the_signed_list_is_not_covered(card, issuer, inspect):
    """DG13 and DG15 added beside a genuine signature over the rest count for nothing."""
    report = inspect_chip_of(card, sign(issuer, card.files, {1, 2, 14}), inspect)
    assert report.check("chip.hashes").reasons == ("chip.not_covered",)
    assert report.check("chip.hashes").subjects == ("EF.DG13", "EF.DG15")
    active = report.check("chip.active_authentication")
    assert (active.outcome, active.reasons) == (
        Outcome.INDETERMINATE,
        ("chip.aa_key_not_covered",),
    )
    assert report.active_authentication is None
    assert report.check("chip.dg1_matches_dg13").outcome is Outcome.NOT_PERFORMED
    assert report.identity.place_of_residence is None
    assert report.identity.full_name.reveal() == "NGUYEN THI MAU"


@pytest.mark.parametrize(
    ("covered", "outcome"),
    [({1, 2, 13, 15}, Outcome.PASSED), ({1, 2, 13, 14, 15}, Outcome.FAILED)],
)
def test_digest_named_in_dg14_binds_only_if_the_issuer_signed_it(
    card, issuer, inspect, covered, outcome
):
    """The card signs with SHA-256; this DG14 says SHA-512."""
    named = card.files.get(ElementaryFile.DG14)
    other = named.replace(
        bytes.fromhex("04007f00070101040103"), bytes.fromhex("04007f00070101040105")
    )
    assert other != named
    files = card.files.with_file(ElementaryFile.DG14, other)
    report = inspect_chip_of(card, sign(issuer, files, covered), inspect)
    assert report.check("chip.active_authentication").outcome is outcome


def test_list_of_files_that_differs_from_the_signed_one_is_only_remarked(card, inspect):
    files = card.files.with_file(ElementaryFile.COM, build_com((1, 2, 13)))
    report = inspect_chip_of(card, files, inspect)
    structure = report.check("chip.structure")
    assert (structure.outcome, structure.reasons) == (Outcome.PASSED, ("chip.com_differs",))
    assert structure.subjects == ("EF.DG14", "EF.DG15")


@pytest.mark.parametrize("file", [ElementaryFile.SOD, ElementaryFile.DG1, ElementaryFile.DG2])
def test_missing_required_file_never_passes(card, inspect, file):
    report = inspect(card.without(file))
    structure = report.check("chip.structure")
    assert (structure.outcome, structure.reasons) == (
        Outcome.INDETERMINATE,
        ("chip.file_missing",),
    )
    assert structure.subjects == (file.value,)


def test_without_sod_nothing_is_believed(card, inspect):
    report = inspect(card.without(ElementaryFile.SOD))
    for check_id in CHECKS[1:5]:
        assert report.check(check_id).reasons == ("chip.sod_missing",)
    assert (report.identity, report.portrait) == (None, None)
    assert report.chain_verdict is ChainVerdict.NO_ANCHOR


def test_sod_with_a_changed_hash_is_refused(card, inspect):
    """The hash of the forged group goes into the list; the signature over the list gives it away."""
    forged = card.with_changed_name().files
    data = card.files.get(ElementaryFile.SOD)
    hashes = (
        hashlib.sha256(files.get(ElementaryFile.DG13)).digest() for files in (card.files, forged)
    )
    data = data.replace(*hashes)
    report = inspect_chip_of(card, forged.with_file(ElementaryFile.SOD, data), inspect)
    assert report.check("chip.hashes").outcome is Outcome.PASSED
    assert report.check("chip.signature").reasons == ("chip.signature_invalid",)
    assert report.chain_verdict is ChainVerdict.FAILED
    assert (report.identity, report.portrait, report.active_authentication) == (None, None, None)


def test_unreadable_sod_is_refused(card, inspect):
    files = card.files.with_file(ElementaryFile.SOD, b"\x77\x02\x30\x00")
    report = inspect_chip_of(card, files, inspect)
    assert report.check("chip.structure").subjects == ("EF.SOD",)
    assert report.check("chip.structure").outcome is Outcome.FAILED
    assert report.check("chip.signature").outcome is Outcome.NOT_PERFORMED
    assert report.chain_verdict is ChainVerdict.FAILED
    assert report.identity is None


def test_signed_group_that_we_cannot_read_is_left_open_not_refused(card, issuer, inspect):
    """ISO/IEC 39794-5 faces exist; the issuer is not at fault."""
    unknown = bytes.fromhex("750a7f61077f6004") + b"\x5f\x2e\x01x"
    files = sign(issuer, card.files.with_file(ElementaryFile.DG2, unknown), {1, 2, 13, 14, 15})
    structure = inspect_chip_of(card, files, inspect).check("chip.structure")
    assert (structure.outcome, structure.reasons) == (
        Outcome.INDETERMINATE,
        ("chip.file_not_understood",),
    )


def test_damaged_group_that_nobody_signed_is_refused(card, inspect):
    files = card.files.with_file(ElementaryFile.DG2, b"\x75\x02\x00\x00")
    structure = inspect_chip_of(card, files, inspect).check("chip.structure")
    assert (structure.outcome, structure.subjects) == (Outcome.FAILED, ("EF.DG2",))


def test_state_that_the_table_does_not_know_is_left_open(card, issuer, citizen, inspect):
    dg1 = build_dg1(citizen).replace(b"IDVNM", b"IDXQQ")
    files = sign(issuer, card.files.with_file(ElementaryFile.DG1, dg1), {1, 2, 13, 14, 15})
    chain = inspect_chip_of(card, files, inspect).check("chip.chain")
    assert (chain.outcome, chain.reasons) == (Outcome.INDETERMINATE, ("chip.country_unknown",))


def test_signature_from_after_the_moment_of_judgement(card, trust, clock):
    report = inspect_chip(card.files, trust=trust, at=clock.now() - timedelta(days=3))
    assert report.check("chip.chain").reasons == ("chip.outside_validity",)


def test_identity_never_shows_itself(card, inspect, citizen):
    report = inspect(card)
    shown = repr(report) + repr(report.identity) + repr(card.files) + repr(report.checks)
    for secret in (citizen.personal_number, citizen.full_name, "NGUYEN", citizen.residence):
        assert secret not in shown


def test_empty_set_of_files(trust, clock):
    report = inspect_chip(ChipFiles.from_mapping({}), trust=trust, at=clock.now())
    assert worst(check.outcome for check in report.checks) is not Outcome.PASSED
    assert report.identity is None


@pytest.mark.shared_data
def test_weak_signature_leaves_active_authentication_open(shared_data, trust, clock):
    """Nobody vouches for the key as long as SHA-1 does not count; that is no evidence of a copy."""
    files = ChipFiles.from_folder(shared_data / "chip/specimens/bsi2008")
    key = ec.generate_private_key(ec.SECP256R1())
    files = files.with_file(ElementaryFile.DG15, build_dg15(public_key_of(key)))
    signature = key.sign(bytes(8), ec.ECDSA(hashes.SHA256()))
    report = inspect_chip(
        files,
        trust=trust,
        challenge=ActiveAuthenticationExchange(nonce=bytes(8), signature=signature),
        at=clock.now(),
    )
    active = report.check("chip.active_authentication")
    assert (active.outcome, active.reasons) == (
        Outcome.INDETERMINATE,
        ("chip.aa_key_not_covered",),
    )
