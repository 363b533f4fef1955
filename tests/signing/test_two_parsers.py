"""The differential rule: shadow attacks are refused, honest later signatures are not."""

from io import BytesIO

import pytest
import shadow_files
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from signing_pilot import Pilot, make_pdf

from ekyc.imaging.pdf_views import DEFAULT_VIEW_LIMITS
from ekyc.outcomes import Outcome
from ekyc.signing import (
    Appearance,
    Indication,
    Level,
    ReservedField,
    ValidationLimits,
    augment_pdf,
    inspect_pdf,
    sign_pdf,
)
from ekyc.signing.validation.two_parsers import TwoParsers


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    made = Pilot(tmp_path_factory.mktemp("pilot"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def officer(pilot):
    return pilot.party("officer", "Nguyễn Văn Cán Bộ")


@pytest.fixture(scope="module")
def signed(officer):
    return sign_pdf(shadow_files.PREPARED, officer, level=Level.B_T)


@pytest.fixture(scope="module")
def page(officer):
    return sign_pdf(make_pdf(), officer, level=Level.B_T)


def judged(pdf, pilot, **options):
    return inspect_pdf(pdf, anchors=pilot.anchors, clock=pilot.clock, **options)


def alone(pdf):
    """What the rule says by itself of the first signature, whatever the other rules say."""
    reader = PdfFileReader(BytesIO(pdf))
    found = reader.embedded_signatures
    return TwoParsers(pdf, found, DEFAULT_VIEW_LIMITS).judge(found[0])


def refused(report):
    assert report.outcome is not Outcome.PASSED
    assert report.signatures
    assert report.signatures[0].indication is not Indication.TOTAL_PASSED
    return report.signatures[0]


def test_the_prepared_document_passes_before_it_is_touched(signed, pilot):
    report = judged(signed, pilot)
    assert report.outcome is Outcome.PASSED
    assert report.signatures[0].shown == "SAME"


class TestShadows:
    @pytest.mark.parametrize("attack", shadow_files.VISIBLE)
    def test_another_page_is_a_failure(self, attack, signed, pilot):
        manipulated = shadow_files.VISIBLE[attack](signed)
        first = refused(judged(manipulated, pilot))
        assert first.integrity == "INTACT"
        assert first.indication is Indication.TOTAL_FAILED, first
        assert first.shown == "CHANGED"

    @pytest.mark.parametrize("attack", shadow_files.VISIBLE)
    def test_the_rule_sees_it_by_itself(self, attack, signed):
        try:
            found = alone(shadow_files.VISIBLE[attack](signed))
        except (
            PdfError,
            IndexError,
        ):  # cannot be opened, or shows no signature: refused before any rule
            return
        assert found.shown == "CHANGED"
        assert found.check.outcome is Outcome.FAILED

    @pytest.mark.parametrize("attack", [*shadow_files.UNSEEN, *shadow_files.BLANK])
    def test_what_paints_nothing_over_is_not_passed_either(self, attack, signed, pilot):
        change = (shadow_files.UNSEEN | shadow_files.BLANK)[attack]
        refused(judged(change(signed), pilot))

    @pytest.mark.parametrize("attack", shadow_files.BLANK)
    def test_what_covers_nothing_is_left_to_a_person(self, attack, signed, pilot):
        first = refused(judged(shadow_files.BLANK[attack](signed), pilot))
        assert first.indication is Indication.INDETERMINATE
        assert first.shown == "ADDED"

    @pytest.mark.parametrize("attack", shadow_files.DOUBLED_ATTACKS)
    def test_a_version_that_lay_asleep_in_the_signed_body(self, attack, officer, pilot):
        doubled = sign_pdf(shadow_files.DOUBLED, officer, level=Level.B_T)
        assert judged(doubled, pilot).outcome is Outcome.PASSED
        first = refused(judged(shadow_files.DOUBLED_ATTACKS[attack](doubled), pilot))
        assert first.indication is Indication.TOTAL_FAILED


class TestLaterSignatures:
    def look(self, box):
        return Appearance(
            box_pt=box, signer_name="Người Ký Sau", record_id="mau", evidence_digest="0" * 64
        )

    def test_on_blank_ground_it_is_no_change(self, page, pilot):
        seal = pilot.party("seal", "Ủy ban nhân dân Mẫu")
        twice = sign_pdf(page, seal, level=Level.B_LTA, appearance=self.look((320, 60, 560, 140)))
        report = judged(twice, pilot)
        assert report.outcome is Outcome.PASSED
        assert report.signatures[0].shown == "LATER_SIGNATURES"

    def test_over_what_was_signed_it_needs_a_person(self, page, pilot):
        """Trusted, intact, and its appearance hides the amount: no other rule sees anything wrong."""
        insider = pilot.party("citizen", "Người ký sau")
        covered = sign_pdf(
            page, insider, level=Level.B_T, appearance=self.look((60, 680, 300, 740))
        )
        first = refused(judged(covered, pilot))
        assert first.indication is Indication.INDETERMINATE
        assert first.shown == "COVERED"
        assert first.changed_pages == (1,)
        without = judged(covered, pilot, limits=ValidationLimits(comparison=None))
        assert without.outcome is Outcome.PASSED, "else this test shows nothing of the rule"

    def test_a_timestamp_explains_nothing_that_is_seen(self, page, officer, pilot):
        """Whoever can ask for a time can make one; that it is trusted says nothing of what it shows."""
        rect = (72, 640, 300, 690)
        stamped = shadow_files.stamped_visibly(page, officer, b"0 g 0 0 90 9 re f", rect)
        report = judged(stamped, pilot)
        assert report.document_timestamps[0].indication is Indication.TOTAL_PASSED
        first = refused(report)
        assert first.indication is Indication.INDETERMINATE
        assert first.shown == "ADDED"


LOOK = Appearance(
    box_pt=(320, 60, 560, 140), signer_name="Mẫu", record_id="mau", evidence_digest="0" * 64
)


class TestHonestFiles:
    def test_officer_agency_and_renewed_timestamps(self, pilot, officer):
        reserved = ReservedField(name="seal", box_pt=(320, 60, 560, 140))
        first = sign_pdf(make_pdf(), officer, certify=True, reserve=reserved)
        seal = pilot.party("seal", "Ủy ban nhân dân Mẫu")
        both = sign_pdf(first, seal, level=Level.B_LTA, field_name="seal", appearance=LOOK)
        kept = augment_pdf(augment_pdf(both, seal), seal)
        for pdf in (first, both, kept):
            report = judged(pdf, pilot)
            assert report.outcome is Outcome.PASSED
            assert {s.shown for s in report.signatures} <= {"SAME", "LATER_SIGNATURES"}


def test_without_the_rule_the_report_says_so(signed, pilot):
    report = judged(signed, pilot, limits=ValidationLimits(comparison=None))
    (check,) = (check for check in report.checks if check.id == "signature.shown")
    assert check.outcome is Outcome.NOT_PERFORMED
    assert check.reasons == ("signature.comparison_off",)
    assert report.outcome is Outcome.PASSED
