"""The three rules by themselves, each with what only it catches."""

from dataclasses import dataclass
from io import BytesIO

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel, SuspiciousModification
from pyhanko.sign.validation.status import SignatureCoverageLevel

from ekyc.outcomes import Outcome
from ekyc.signing import Indication
from ekyc.signing.validation.revisions import has_clean_tail, has_exact_byte_range, judge


@dataclass
class Shown:
    """What pyHanko says of a signature, as far as the rules look."""

    byte_range: tuple = (0, 10, 16, 4)
    pkcs7_content: bytes = b"\xab\xcd"
    coverage: SignatureCoverageLevel = SignatureCoverageLevel.ENTIRE_FILE
    diff_result: object = None
    docmdp_level: object = None

    def __post_init__(self):
        self.diff_result = self.diff_result or DiffResult(ModificationLevel.NONE, set())


DATA = b"0123456789<abCD>tail"


class TestByteRange:
    def test_a_gap_filled_by_the_signature_alone(self):
        assert has_exact_byte_range(DATA, Shown())

    @pytest.mark.parametrize(
        "numbers",
        [
            (0, 10, 16),
            (0, 10, 16, 4, 0, 0),
            (1, 9, 16, 4),
            (0, 9, 16, 4),
            (0, 10, 15, 5),
            (0, 10, 17, 3),
            (0, 10, 16, 5),
            (0, 16, 10, 10),
            (0, 10, 16, 4.0),
            (0, 10, 16, -4),
            (0, 1 << 70, 1 << 71, 4),
        ],
    )
    def test_any_other_range(self, numbers):
        assert not has_exact_byte_range(DATA, Shown(byte_range=numbers))

    def test_a_gap_with_more_than_the_signature(self):
        hidden = b"0123456789<abCD>/Hidden()<abCD>tail"
        shown = Shown(byte_range=(0, 10, 31, 4))
        assert not has_exact_byte_range(hidden, shown)

    def test_a_gap_that_holds_another_signature(self):
        assert not has_exact_byte_range(DATA, Shown(pkcs7_content=b"\xab\xce"))

    def test_a_gap_that_is_no_hexadecimal(self):
        assert not has_exact_byte_range(b"0123456789<xyzw>tail", Shown())
        assert not has_exact_byte_range(b"0123456789<ab\xffD>tail", Shown())


class TestTail:
    def test_good_files_end_where_the_parser_began(self, signed_pdf):
        reader = PdfFileReader(BytesIO(signed_pdf))
        assert has_clean_tail(signed_pdf, reader)
        assert has_clean_tail(signed_pdf + b"\n \t\r\x00", reader)

    @pytest.mark.parametrize("tail", [b"x", b"\n%%EOF x", b"\nstartxref\n1\n%%EOF"])
    def test_anything_behind_is_seen(self, signed_pdf, tail):
        reader = PdfFileReader(BytesIO(signed_pdf))
        assert not has_clean_tail(signed_pdf + tail, reader)

    def test_an_ending_that_points_back_explains_nothing_before_it(self, signed_pdf):
        ending = signed_pdf[signed_pdf.rindex(b"startxref") :]
        data = signed_pdf + b"anything\n" + ending
        assert not has_clean_tail(data, PdfFileReader(BytesIO(data)))

    def test_the_body_that_pyhanko_overlooks(self, shared_data):
        folder = shared_data / "sign/pdf_insecurity_isa_usf"
        (path,) = folder.rglob("isa_B.pdf")
        data = path.read_bytes()
        assert not has_clean_tail(data, PdfFileReader(BytesIO(data)))


def check(clean_tail=True, kept_settings=True, later=(), **shown):
    finding = judge(
        DATA,
        Shown(**shown),
        clean_tail=clean_tail,
        kept_settings=kept_settings,
        later=dict(later),
    )
    return finding.check.outcome, finding.check.reasons


class TestLevel:
    @pytest.mark.parametrize("level", [ModificationLevel.NONE, ModificationLevel.LTA_UPDATES])
    def test_revocation_data_and_timestamps_may_be_added(self, level):
        assert check(diff_result=DiffResult(level, set())) == (Outcome.PASSED, ())

    def test_what_fields_are_painted_with_may_not_be_exchanged(self):
        update = DiffResult(ModificationLevel.LTA_UPDATES, set())
        found = check(kept_settings=False, diff_result=update)
        assert found == (Outcome.INDETERMINATE, ("signature.changed_after_signing",))

    @pytest.mark.parametrize(
        "level", [ModificationLevel.FORM_FILLING, ModificationLevel.ANNOTATIONS]
    )
    def test_forms_and_annotations_need_a_person(self, level):
        found = check(diff_result=DiffResult(level, {"Text1"}))
        assert found == (Outcome.INDETERMINATE, ("signature.later_changes",))

    @pytest.mark.parametrize(
        "difference",
        [SuspiciousModification("x"), DiffResult(ModificationLevel.OTHER, set()), "nonsense"],
    )
    def test_what_no_rule_explains_needs_a_person(self, difference):
        found = check(diff_result=difference)
        assert found == (Outcome.INDETERMINATE, ("signature.changed_after_signing",))

    def test_fields_of_later_signatures_that_passed_may_be_added(self):
        filled = DiffResult(ModificationLevel.FORM_FILLING, {"Seal"})
        assert check(diff_result=filled, later={"Seal": Indication.TOTAL_PASSED}.items()) == (
            Outcome.PASSED,
            (),
        )

    @pytest.mark.parametrize(
        "later",
        [
            {},
            {"Seal": Indication.INDETERMINATE},
            {"Seal": Indication.TOTAL_FAILED},
            {"Other": Indication.TOTAL_PASSED},
        ],
    )
    def test_fields_of_other_signatures_may_not(self, later):
        filled = DiffResult(ModificationLevel.FORM_FILLING, {"Seal"})
        outcome, _ = check(diff_result=filled, later=later.items())
        assert outcome is Outcome.INDETERMINATE

    def test_form_filling_that_names_no_field_is_not_a_signature(self):
        outcome, _ = check(diff_result=DiffResult(ModificationLevel.FORM_FILLING, set()))
        assert outcome is Outcome.INDETERMINATE

    def test_a_locked_document_allows_nothing_more(self):
        from pyhanko.sign.fields import MDPPerm

        filled = DiffResult(ModificationLevel.FORM_FILLING, {"Seal"})
        found = check(
            diff_result=filled,
            docmdp_level=MDPPerm.NO_CHANGES,
            later={"Seal": Indication.TOTAL_PASSED}.items(),
        )
        assert found == (Outcome.INDETERMINATE, ("signature.changed_after_signing",))


def test_partial_coverage_and_a_tail_are_failures():
    assert check(coverage=SignatureCoverageLevel.CONTIGUOUS_BLOCK_FROM_START) == (
        Outcome.FAILED,
        ("signature.coverage",),
    )
    assert check(clean_tail=False) == (Outcome.FAILED, ("signature.tail",))
    assert check(coverage=None)[0] is Outcome.FAILED
