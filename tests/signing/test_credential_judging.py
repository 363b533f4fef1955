"""The verdict on a result: what passes, and every way in which somebody might make one pass that must not."""

from __future__ import annotations

import pytest
from credential_desk import (
    DAY,
    INDEX,
    ISSUER,
    LIST,
    NOW,
    OTHER,
    Registry,
    ec_signer,
    outcomes,
    reasons,
    result,
    trusted,
)

from ekyc.errors import LimitError
from ekyc.outcomes import Outcome
from ekyc.ports import SystemRandom
from ekyc.signing.credentials import (
    Ed25519Signer,
    KeyUse,
    StatusReference,
    StatusType,
    TrustAnchor,
    encode_jwt,
    inspect_presentation,
    read_result,
    read_status_list,
    read_trust_list,
    sd_jwt,
)


@pytest.fixture(scope="module", params=["ES256", "EdDSA"])
def registry(request):
    return Registry(signer=Ed25519Signer.generate() if request.param == "EdDSA" else ec_signer())


def test_a_genuine_result_with_a_fresh_list_passes(registry):
    report = registry.inspect(registry.qr(), registry.statuses())
    assert report.outcome is Outcome.PASSED
    assert reasons(report) == []
    assert report.result == result()
    assert report.issuer.name_vi == "Cơ quan đăng ký mẫu"
    assert report.status is StatusType.VALID
    assert "Mẫu" not in repr(report)


def test_a_list_in_jwt_form_serves_as_well(registry):
    listed = read_status_list(registry.statuses()).verify(registry.status_signer.public)
    text = encode_jwt(listed, signer=registry.status_signer)
    assert registry.inspect(registry.qr(), text.encode()).outcome is Outcome.PASSED


def test_without_a_list_it_is_not_decided(registry):
    report = registry.inspect(registry.qr())
    assert report.outcome is Outcome.NOT_PERFORMED
    assert outcomes(report)["signature"] == "PASSED"
    assert reasons(report) == ["credential.status_not_asked"]


@pytest.mark.parametrize(
    ("status", "reason"),
    [(1, "credential.revoked"), (2, "credential.suspended"), (3, "credential.superseded")],
)
def test_taken_back(registry, status, reason):
    report = registry.inspect(registry.qr(), registry.statuses(status))
    assert report.outcome is Outcome.FAILED
    assert reasons(report) == [reason]
    assert report.result is not None


def test_a_neighbour_in_the_list_is_not_it(registry):
    for near in (INDEX - 1, INDEX + 1):
        report = registry.inspect(registry.qr(), registry.statuses(1, index=near))
        assert report.outcome is Outcome.PASSED


def test_a_stale_list_is_said_and_lets_nothing_pass(registry):
    listed = registry.statuses(issued_at=NOW - 2 * DAY)
    report = registry.inspect(registry.qr(), listed)
    assert report.outcome is Outcome.INDETERMINATE
    assert reasons(report) == ["credential.status_stale"]
    assert registry.inspect(registry.qr(), listed, max_status_age=3 * DAY).outcome is Outcome.PASSED
    at_the_end = registry.inspect(registry.qr(), registry.statuses(issued_at=NOW - DAY))
    assert at_the_end.outcome is Outcome.INDETERMINATE


def test_no_patience_outlives_the_list_itself(registry):
    listed = registry.statuses(issued_at=NOW - 9 * DAY, expires_at=NOW - 2 * DAY)
    report = registry.inspect(registry.qr(), listed, max_status_age=30 * DAY)
    assert reasons(report) == ["credential.status_stale"]


def test_a_stale_list_that_says_revoked_counts_but_one_that_says_suspended_does_not(registry):
    old = NOW - 5 * DAY
    revoked = registry.inspect(registry.qr(), registry.statuses(1, issued_at=old))
    assert revoked.outcome is Outcome.FAILED
    suspended = registry.inspect(registry.qr(), registry.statuses(2, issued_at=old))
    assert suspended.outcome is Outcome.INDETERMINATE


def test_the_newest_of_several_lists_counts(registry):
    older, newer = registry.statuses(0, issued_at=NOW - DAY / 2), registry.statuses(2)
    for lists in ((older, newer), (newer, older)):
        assert reasons(registry.inspect(registry.qr(), *lists)) == ["credential.suspended"]
    with pytest.raises(LimitError):
        registry.inspect(registry.qr(), *[older] * 65)


def test_bad_lists_beside_a_good_one_do_no_harm(registry):
    report = registry.inspect(registry.qr(), b"", b"\xd2junk", registry.statuses())
    assert report.outcome is Outcome.PASSED


# --- as an attacker ---------------------------------------------------------------------------------------------------


def refused(report, *codes):
    assert report.outcome is not Outcome.PASSED
    assert [code for code in reasons(report) if code != "credential.not_asked"] == list(codes)


def test_altered_fields(registry):
    sound = read_result(registry.qr()).message
    values = result().values | {"full_name": "Nguyễn Thị Bích Khác"}
    forged = registry.qr(values=values, signer=ec_signer())
    report = registry.inspect(forged, registry.statuses())
    refused(report, "credential.key_unknown")
    assert report.result is None
    assert sound.kid == registry.signer.public.kid


def test_signed_by_a_key_that_claims_the_name_of_the_right_one(registry):
    class Impostor:
        public = registry.signer.public

        def sign(self, message):
            return ec_signer().sign(message)

    report = registry.inspect(registry.qr(signer=Impostor()), registry.statuses())
    refused(report, "credential.signature_wrong")
    assert report.outcome is Outcome.FAILED
    assert report.result is None


def test_the_kid_of_another_issuer(registry):
    """Another registry of the trust list signs in this one's name."""
    report = registry.inspect(registry.qr(signer=registry.neighbour), registry.statuses())
    refused(report, "credential.key_of_another")
    assert report.outcome is Outcome.FAILED


def test_an_issuer_who_is_not_listed(registry):
    report = registry.inspect(registry.qr(issuer="https://ketqua.la.gov.vn"), registry.statuses())
    refused(report, "credential.issuer_unknown")


def test_the_key_of_status_lists_issues_no_results(registry):
    report = registry.inspect(registry.qr(signer=registry.status_signer), registry.statuses())
    refused(report, "credential.key_use")


def test_expired_and_not_yet_issued(registry):
    late = registry.inspect(registry.qr(expires_at=NOW), registry.statuses())
    refused(late, "credential.expired")
    early = registry.qr(issued_at=NOW + DAY / 24)
    refused(registry.inspect(early, registry.statuses()), "credential.not_yet_valid")
    skewed = registry.qr(issued_at=NOW + DAY / 24 / 30)
    assert registry.inspect(skewed, registry.statuses()).outcome is Outcome.PASSED


def test_an_expired_result_is_expired_whatever_its_status(registry):
    report = registry.inspect(registry.qr(expires_at=NOW - DAY / 2), registry.statuses(0))
    assert outcomes(report)["status"] == "PASSED"
    assert report.outcome is Outcome.FAILED


def test_a_swapped_status_list(registry):
    """A genuine list of the same issuer, of other results."""
    other = registry.statuses(uri=f"{ISSUER}/tt/2")
    refused(registry.inspect(registry.qr(), other), "credential.status_other_list")


def test_a_status_list_by_anyone_else(registry):
    for signer in (registry.neighbour, registry.signer, ec_signer()):
        report = registry.inspect(registry.qr(), registry.statuses(signer=signer))
        refused(report, "credential.status_untrusted")


def test_a_result_that_points_to_the_list_of_another_issuer(registry):
    """The neighbour's list is genuine, but not this issuer's word."""
    reference = StatusReference(uri=f"{OTHER}/tt/1", index=3)
    listed = registry.statuses(uri=f"{OTHER}/tt/1", signer=registry.neighbour)
    report = registry.inspect(registry.qr(status=reference), listed)
    refused(report, "credential.status_untrusted")


def test_a_list_from_the_future_and_an_index_outside(registry):
    future = registry.statuses(issued_at=NOW + DAY)
    refused(registry.inspect(registry.qr(), future), "credential.status_from_future")
    short = registry.statuses(size=1000)
    refused(registry.inspect(registry.qr(), short), "credential.status_index")


def test_a_status_that_is_not_defined(registry):
    listed = registry.statuses(7, bits=4)
    refused(registry.inspect(registry.qr(), listed), "credential.status_unknown")


def test_a_result_is_no_status_list_and_a_status_list_no_result(registry):
    from ekyc.signing.credentials import base45, packing

    message = packing.unpack(base45.decode(registry.qr()[6:]), most=8192)
    refused(registry.inspect(registry.qr(), message), "credential.cbor")
    text = "EKYC1:" + base45.encode(packing.pack(registry.statuses(size=64, index=3)))
    refused(registry.inspect(text, registry.statuses()), "credential.cbor")


def test_a_lost_key_takes_everything_with_it_whatever_date_it_bears(registry):
    keys = (trusted(registry.signer, compromised_at=NOW), *registry.keys()[1:])
    backdated = registry.qr(issued_at=NOW - 50 * DAY)
    report = registry.inspect(backdated, registry.statuses(), anchor=registry.anchor(keys=keys))
    refused(report, "credential.key_compromised")
    assert report.outcome is Outcome.FAILED


def test_a_key_out_of_its_time(registry):
    keys = (trusted(registry.signer, ends=NOW - 10 * DAY), *registry.keys()[1:])
    report = registry.inspect(registry.qr(), registry.statuses(), anchor=registry.anchor(keys=keys))
    refused(report, "credential.key_out_of_time")


def test_rotation_with_overlap():
    """The next key is listed before it signs; what the old one signed stands until it expires."""
    registry, following = Registry(), ec_signer()
    change = NOW + 30 * DAY
    keys = (
        trusted(registry.signer, ends=change + 10 * DAY),
        trusted(following, begins=change - 10 * DAY, ends=change + 400 * DAY),
        trusted(registry.status_signer, KeyUse.STATUS),
    )
    later = change + 60 * DAY
    anchor = registry.anchor(keys=keys, lasts=300 * DAY)
    listed = registry.statuses(issued_at=later, expires_at=later + DAY)

    def judged(signer, issued_at):
        text = registry.qr(signer=signer, issued_at=issued_at)
        return registry.inspect(text, listed, anchor=anchor, at=later)

    for issued_at in (change - 20 * DAY, change):
        assert judged(registry.signer, issued_at).outcome is Outcome.PASSED
    for issued_at in (change, change + 50 * DAY):
        assert judged(following, issued_at).outcome is Outcome.PASSED
    assert judged(registry.signer, change + 20 * DAY).outcome is Outcome.FAILED
    assert judged(following, change - 20 * DAY).outcome is Outcome.FAILED


def test_a_trust_list_of_somebody_else(registry):
    forged = TrustAnchor(
        listed=read_trust_list(registry.signed_trust_list()),
        operator_key=registry.neighbour.public,
    )
    report = registry.inspect(registry.qr(), registry.statuses(), anchor=forged)
    refused(report, "credential.trust_list_untrusted")
    assert report.outcome is Outcome.FAILED
    assert report.result is None


def test_a_trust_list_that_nobody_vouches_for(registry):
    anchor = TrustAnchor(listed=registry.anchor().listed, operator_key=None)
    report = registry.inspect(registry.qr(), registry.statuses(), anchor=anchor)
    refused(report, "credential.trust_list_unpinned")
    assert report.outcome is Outcome.INDETERMINATE


@pytest.mark.parametrize("issued_at", [NOW - 91 * DAY, NOW + DAY])
def test_a_trust_list_out_of_its_time(registry, issued_at):
    anchor = registry.anchor(issued_at=issued_at)
    report = registry.inspect(registry.qr(), registry.statuses(), anchor=anchor)
    refused(report, "credential.trust_list_expired")


def test_a_code_that_is_something_else(registry):
    report = registry.inspect("https://vneid.gov.vn/", registry.statuses())
    assert outcomes(report)["read"] == "FAILED"
    assert report.outcome is Outcome.FAILED
    assert LIST not in repr(report)


# --- the wallet form --------------------------------------------------------------------------------------------------


def shown_by(registry, holder, *, signer=None, **changes):
    issued = sd_jwt.issue(
        result(**changes),
        signer=signer or registry.signer,
        holder_key=holder.public,
        random=SystemRandom(),
    )
    facts = {"audience": "https://ngan-hang.mau.vn", "nonce": "n1", "at": NOW}
    return issued, sd_jwt.present(issued, ["full_name"], holder=holder, **facts)


def present(registry, text, *lists, **changes):
    facts = {"audience": "https://ngan-hang.mau.vn", "nonce": "n1", "at": NOW, **changes}
    return inspect_presentation(text, anchor=registry.anchor(), status_lists=lists, **facts)


def test_a_presentation_passes_the_same_checks_and_proves_its_holder(registry):
    _, text = shown_by(registry, ec_signer())
    report = present(registry, text, registry.statuses())
    assert report.outcome is Outcome.PASSED
    assert outcomes(report)["holder"] == "PASSED"
    assert dict(report.result.values) == {"full_name": "Nguyễn Thị Bích Mẫu"}
    assert reasons(present(registry, text, registry.statuses(1))) == ["credential.revoked"]


def test_a_presentation_that_is_stolen_replayed_expired_or_forged(registry):
    holder, fresh = ec_signer(), registry.statuses()
    issued, text = shown_by(registry, holder)
    refused(present(registry, issued, fresh), "credential.holder_unproven")
    refused(present(registry, text, fresh, nonce="n2"), "credential.holder_unproven")
    _, expired = shown_by(registry, holder, expires_at=NOW - DAY / 2)
    refused(present(registry, expired, fresh), "credential.expired")
    _, forged = shown_by(registry, holder, signer=registry.neighbour)
    refused(present(registry, forged, fresh), "credential.key_of_another")
    report = present(registry, "EKYC1:", fresh)
    assert report.outcome is Outcome.FAILED
    assert outcomes(report)["holder"] == "NOT_PERFORMED"
