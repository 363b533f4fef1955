"""Who signs a result: a key for each, under a certificate of ten minutes, at the level that the profile asks for."""

import pytest
from cryptography import x509
from signing_pilot import CHEAP, Pilot

from ekyc.errors import InputError
from ekyc.flows import issue_result
from ekyc.flows.result import VerificationResult
from ekyc.policy import ResultLevel, decide, load_profile, profile_ids
from ekyc.signing import EmbeddedAuthority, inspect_pdf
from ekyc.signing.pdf.result_signer import OneShotSigner, open_result_signer


@pytest.fixture
def pilot(tmp_path):
    made = Pilot(tmp_path)
    yield made
    made.close()


def signer_of(pilot):
    return OneShotSigner(pilot.authorities, pilot.keys, clock=pilot.clock)


def test_each_result_has_a_key_of_its_own(pilot):
    signer, seen = signer_of(pilot), set()
    for number in range(2):
        with signer.signing(f"{number:032x}") as signatory:
            identity = signatory.signer
            certificate = x509.load_der_x509_certificate(identity.certificate_der)
            seen.add(identity.key.public_key_der)
        life = certificate.not_valid_after_utc - pilot.clock.now()
        assert life.total_seconds() == 600
        with pytest.raises(InputError) as caught:
            identity.key.sign_digest(bytes(32))
        assert caught.value.code == "signing.key.destroyed"
        status = pilot.ca.status(certificate.serial_number)
        assert status.credential == f"result-{number:032x}"
    assert len(seen) == 2


def test_the_folder_says_which_signer_it_is(tmp_path):
    pilot = Pilot(tmp_path / "ceremony")
    EmbeddedAuthority.create(tmp_path / "new", "b", cost=CHEAP)
    register = pilot.storage.certificates
    one_shot = open_result_signer(tmp_path / "ceremony", "b", register=register)
    assert isinstance(one_shot, OneShotSigner)
    assert one_shot.anchors == pilot.anchors
    long_term = open_result_signer(tmp_path / "new", "b", register=register)
    with long_term.signing("r") as first, long_term.signing("s") as second:
        assert first.signer.certificate_der == second.signer.certificate_der
    with pytest.raises(InputError) as caught:
        open_result_signer(tmp_path / "nothing", "b", register=register)
    assert caught.value.code == "signing.keystore.missing"
    pilot.close()


@pytest.mark.parametrize("profile", ["identity", "birth-registration"])
def test_a_result_is_signed_as_its_profile_asks(pilot, profile):
    pdf = issue_result(accepted(profile, pilot.clock), signer_of(pilot))
    report = inspect_pdf(pdf, anchors=pilot.anchors, clock=pilot.clock)
    assert report.outcome == "PASSED"
    lasts = load_profile(profile).result_level is ResultLevel.B_LTA
    assert (b"/ETSI.RFC3161" in pdf) is lasts  # subfilter of a document timestamp


def test_results_that_are_kept_are_signed_for_decades():
    kept = {one for one in profile_ids() if load_profile(one).result_level is ResultLevel.B_LTA}
    assert kept == {"birth-registration", "certified-copy", "demo", "marriage-registration"}


def accepted(profile_id, clock):
    from ekyc.outcomes import Check, Outcome

    profile = load_profile(profile_id)
    checks = tuple(Check(id=name, outcome=Outcome.PASSED) for name in profile.required)
    return VerificationResult(
        id="0193b7a2-6f41-7c3e-9d11-6a2f0c7e8b55",
        created_at=clock.now(),
        case_digest="0" * 64,
        profile=profile,
        decision=decide(profile, checks),
        checks=checks,
        models=(),
        sample=True,
    )
