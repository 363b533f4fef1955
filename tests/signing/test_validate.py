"""Validation: what we sign passes, and nothing that was touched afterwards does."""

import re
from datetime import timedelta
from io import BytesIO

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer

from ekyc.errors import InputError
from ekyc.outcomes import Outcome
from ekyc.signing import (
    DerivationCost,
    EmbeddedAuthority,
    Indication,
    SigningIdentity,
    ValidationLimits,
    inspect_pdf,
    sign_pdf,
)
from ekyc.signing.authority.certificates import (
    CRL_LIFE,
    LIFE,
    CertificateProfile,
    Issuer,
    issue_crl,
)
from ekyc.testing import FixedClock

CHEAP = DerivationCost(iterations=1, lanes=1, memory_kib=8)


def judged(pdf, authority, **options):
    report = inspect_pdf(pdf, anchors=authority.anchors, **options)
    return report, (report.signatures[0] if report.signatures else None)


def reasons(report):
    return {code for check in report.checks for code in check.reasons}


class TestWhatWeSign:
    def test_passes(self, signed_pdf, authority):
        report, signature = judged(signed_pdf, authority)
        assert report.outcome is Outcome.PASSED
        assert signature.indication is Indication.TOTAL_PASSED
        assert signature.sub_indication is None
        assert signature.integrity == "INTACT"
        assert (signature.coverage, signature.modifications) == ("ENTIRE_FILE", "NONE")
        assert signature.timestamp.indication is Indication.TOTAL_PASSED
        assert "SAMPLE root" in signature.anchor_subject
        assert {check.outcome for check in report.checks} == {Outcome.PASSED}

    def test_the_signers_name_does_not_show_itself(self, signed_pdf, authority):
        _, signature = judged(signed_pdf, authority)
        assert "result service" not in repr(signature)
        assert "SAMPLE result service" in signature.signer_subject.reveal()

    def test_passes_with_the_anchor_as_pem(self, signed_pdf, authority):
        root = x509.load_der_x509_certificate(authority.root_certificate_der)
        report = inspect_pdf(signed_pdf, anchors=[root.public_bytes(Encoding.PEM)])
        assert report.outcome is Outcome.PASSED

    def test_white_space_after_the_end_is_harmless(self, signed_pdf, authority):
        report, _ = judged(signed_pdf + b"\n\r\n ", authority)
        assert report.outcome is Outcome.PASSED


class TestTouchedAfterwards:
    def gap(self, pdf):
        """The hole of the signature, between the two signed ranges."""
        numbers = re.search(rb"/ByteRange \[(\d+) (\d+) (\d+) (\d+)", pdf)
        return range(int(numbers[2]), int(numbers[3]))

    @given(data=st.data())
    def test_no_flipped_bit_of_the_signed_range_passes(self, data, signed_result, authority):
        gap = self.gap(signed_result)
        place = data.draw(st.integers(0, len(signed_result) - 1).filter(lambda n: n not in gap))
        bit = 1 << data.draw(st.integers(0, 7))
        changed = bytearray(signed_result)
        changed[place] ^= bit
        report, _ = judged(bytes(changed), authority)
        assert report.outcome is not Outcome.PASSED

    @given(data=st.data())
    def test_changing_the_cms_can_only_weaken_it(self, data, signed_pdf, authority):
        gap = self.gap(signed_pdf)
        length = len(signed_pdf[gap.start + 1 : gap.stop - 1].rstrip(b"0")) + 1
        place = gap.start + 1 + data.draw(st.integers(0, length - 1))
        digit = data.draw(st.sampled_from(b"0123456789ABCDEF"))
        changed = bytearray(signed_pdf)
        if changed[place] == digit:
            return
        changed[place] = digit
        report, signature = judged(bytes(changed), authority)
        if report.outcome is Outcome.PASSED:
            # The timestamp is no part of what is signed: it may be lost, it may not be wrong.
            stamp = signature.timestamp
            assert stamp is None or stamp.indication is Indication.TOTAL_PASSED

    def test_changed_content_is_total_failed(self, signed_pdf, authority):
        place = signed_pdf.index(b"stream\n") + 20
        changed = bytearray(signed_pdf)
        changed[place] ^= 1
        report, signature = judged(bytes(changed), authority)
        assert report.outcome is Outcome.FAILED
        assert signature.indication is Indication.TOTAL_FAILED
        assert (signature.integrity, signature.sub_indication) == ("BROKEN", "HASH_FAILURE")
        assert reasons(report) == {"signature.digest_mismatch"}

    def test_another_signature_value_is_total_failed(self, signed_pdf, authority):
        gap = self.gap(signed_pdf)
        der = bytes.fromhex(signed_pdf[gap.start + 1 : gap.stop - 1].decode())
        value = cms.ContentInfo.load(der)["content"]["signer_infos"][0]["signature"].native
        other = authority.signer.key.sign_digest(bytes(32))
        while len(other) != len(value):
            other = authority.signer.key.sign_digest(bytes(32))
        changed = signed_pdf.replace(value.hex().upper().encode(), other.hex().upper().encode())
        assert changed != signed_pdf
        report, signature = judged(changed, authority)
        assert (signature.integrity, signature.sub_indication) == ("BROKEN", "SIG_CRYPTO_FAILURE")
        assert signature.indication is Indication.TOTAL_FAILED
        assert reasons(report) == {"signature.value_wrong"}

    @pytest.mark.parametrize(
        "tail", [b"x", b"%comment", b"\n1 0 obj\nnull\nendobj\n", b"\nxref\n0 0\nstartxref\n9\n"]
    )
    def test_appended_bytes_are_total_failed(self, signed_pdf, authority, tail):
        report, signature = judged(signed_pdf + tail, authority)
        assert report.outcome is not Outcome.PASSED
        if signature is not None:
            assert signature.indication is Indication.TOTAL_FAILED
            assert "signature.tail" in reasons(report)

    def test_an_annotation_added_later_needs_a_person(self, signed_pdf, authority):
        writer = IncrementalPdfFileWriter(BytesIO(signed_pdf))
        note = generic.DictionaryObject(
            {
                generic.pdf_name("/Type"): generic.pdf_name("/Annot"),
                generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
                generic.pdf_name("/Rect"): generic.ArrayObject(
                    map(generic.FloatObject, (72, 690, 300, 720))
                ),
                generic.pdf_name("/Contents"): generic.pdf_string("đã sửa"),
            }
        )
        page = writer.find_page_for_modification(0)[0]
        writer.register_annotation(page, writer.add_object(note))
        out = BytesIO()
        writer.write(out)
        report, signature = judged(out.getvalue(), authority)
        assert report.outcome is not Outcome.PASSED
        assert signature.integrity == "INTACT"
        assert signature.indication is Indication.INDETERMINATE
        assert reasons(report) & {"signature.changed_after_signing", "signature.later_changes"}

    def test_replaced_page_content_is_not_passed(self, signed_pdf, authority):
        writer = IncrementalPdfFileWriter(BytesIO(signed_pdf))
        page = writer.root["/Pages"]["/Kids"][0]
        stream = writer.add_object(generic.StreamObject(stream_data=b"0 0 500 500 re f"))
        page[generic.pdf_name("/Contents")] = stream
        writer.update_container(page)
        out = BytesIO()
        writer.write(out)
        report, signature = judged(out.getvalue(), authority)
        assert report.outcome is not Outcome.PASSED
        assert signature.modifications == "OTHER"

    def test_a_stranger_signing_after_us_does_not_pass(self, signed_pdf, authority, stranger):
        report, first = judged(sign_pdf(signed_pdf, stranger), authority)
        assert report.outcome is Outcome.INDETERMINATE
        assert first.modifications == "FORM_FILLING"
        assert report.signatures[1].sub_indication is not None

    def test_no_truncation_passes(self, signed_pdf, authority):
        step = max(1, len(signed_pdf) // 64)
        for end in range(0, len(signed_pdf), step):
            report, _ = judged(signed_pdf[:end], authority)
            assert report.outcome is not Outcome.PASSED, end

    def test_a_signature_moved_to_another_document_fails(
        self, signed_pdf, signed_result, authority
    ):
        gap, other = self.gap(signed_pdf), self.gap(signed_result)
        assert len(gap) == len(other)
        taken = signed_pdf[gap.start : gap.stop]
        changed = signed_result[: other.start] + taken + signed_result[other.stop :]
        report, _ = judged(changed, authority)
        assert report.outcome is Outcome.FAILED

    def test_a_byte_range_that_skips_a_part_fails(self, signed_pdf, authority):
        """The gap grows over signed bytes: the digest no longer fits, and the rule says so by itself."""
        gap = self.gap(signed_pdf)
        shorter = b"%d" % (gap.start - 10)
        changed = signed_pdf.replace(
            b" %d %d " % (gap.start, gap.stop), b" %s %d " % (shorter, gap.stop)
        )
        report, _ = judged(changed, authority)
        assert report.outcome is not Outcome.PASSED


class TestTrust:
    def test_without_anchors_nothing_passes(self, signed_pdf):
        report = inspect_pdf(signed_pdf, anchors=())
        assert report.outcome is Outcome.INDETERMINATE
        assert report.signatures[0].sub_indication == "NO_CERTIFICATE_CHAIN_FOUND"
        assert report.signatures[0].anchor_subject is None
        assert "signature.no_anchor" in reasons(report)

    def test_an_anchor_of_the_same_name_and_another_key_does_not_help(self, signed_pdf, stranger):
        report, signature = judged(signed_pdf, stranger)
        assert report.outcome is Outcome.INDETERMINATE
        assert signature.integrity == "INTACT"

    def test_an_anchor_that_is_no_certificate_is_the_callers_error(self, signed_pdf):
        with pytest.raises(InputError) as caught:
            inspect_pdf(signed_pdf, anchors=[b"junk"])
        assert caught.value.code == "signing.trust.unreadable"

    def test_a_time_without_zone_is_the_callers_error(self, signed_pdf):
        with pytest.raises(InputError):
            inspect_pdf(signed_pdf, anchors=(), at=FixedClock().now().replace(tzinfo=None))

    @pytest.fixture
    def made(self, tmp_path, plain_pdf):
        clock = FixedClock()
        authority = EmbeddedAuthority.create(tmp_path, "x", cost=CHEAP, clock=clock)
        return authority, sign_pdf(plain_pdf, authority), clock

    def test_before_its_certificates_began_it_does_not_pass(self, made):
        authority, signed, clock = made
        report, _ = judged(signed, authority, at=clock.now() - timedelta(days=2))
        assert report.outcome is not Outcome.PASSED

    def test_while_the_revocation_list_is_current_it_passes(self, made):
        authority, signed, clock = made
        report, _ = judged(signed, authority, at=clock.now() + CRL_LIFE - timedelta(hours=1))
        assert report.outcome is Outcome.PASSED

    def test_long_after_it_is_undecided(self, made):
        """B-T ends here; long-term proof needs document timestamps (B-LTA)."""
        authority, signed, clock = made
        life = LIFE[CertificateProfile.RESULT_SIGNER]
        report, _ = judged(signed, authority, at=clock.now() + life + timedelta(days=30))
        assert report.outcome is Outcome.INDETERMINATE

    def test_a_revoked_signer_does_not_pass(self, made):
        authority, signed, clock = made
        root = x509.load_der_x509_certificate(authority.root_certificate_der)
        signer = x509.load_der_x509_certificate(authority.signer.certificate_der)
        revoked = issue_crl(
            Issuer(certificate=root, key=authority._root.key),
            at=clock.now() + timedelta(hours=2),
            number=1,
            revoked=[(signer.serial_number, clock.now() - timedelta(hours=1), None)],
        )
        report, signature = judged(
            signed,
            authority,
            crls=[revoked.public_bytes(Encoding.DER)],
            at=clock.now() + timedelta(hours=3),
        )
        assert report.outcome is not Outcome.PASSED
        assert signature.sub_indication.startswith("REVOKED")
        assert "signature.revoked" in reasons(report)

    def test_a_timestamp_key_may_not_sign_documents(self, authority, plain_pdf, monkeypatch):
        """Same root, wrong purpose: the extended key usage allows timestamps alone. Ours refuses to sign; another may not."""
        monkeypatch.setattr("ekyc.signing.authority.fitness._signs_documents", lambda _: True)
        stamp = authority.timestamp_authority
        identity = SigningIdentity(
            key=stamp._key,
            certificate_der=stamp._certificate_der,
            issuers_der=authority.signer.issuers_der,
        )
        misused = EmbeddedAuthority(
            root=authority._root,
            signer=identity,
            timestamper=identity,
            clock=authority.clock,
            random=authority.random,
        )
        report, signature = judged(sign_pdf(plain_pdf, misused), authority)
        assert signature.integrity == "INTACT"
        assert report.outcome is Outcome.INDETERMINATE
        assert "signature.certificate_unsuitable" in reasons(report)


@pytest.fixture(scope="module")
def deep_fields(plain_pdf):
    """Form fields nested 3000 deep: more than Python's stack, and about a second of work."""
    writer = IncrementalPdfFileWriter(BytesIO(plain_pdf))
    field = generic.DictionaryObject({generic.pdf_name("/T"): generic.pdf_string("leaf")})
    for _ in range(3000):
        kids = generic.ArrayObject([writer.add_object(field)])
        field = generic.DictionaryObject(
            {generic.pdf_name("/T"): generic.pdf_string("n"), generic.pdf_name("/Kids"): kids}
        )
    form = generic.DictionaryObject(
        {generic.pdf_name("/Fields"): generic.ArrayObject([writer.add_object(field)])}
    )
    writer.root[generic.pdf_name("/AcroForm")] = writer.add_object(form)
    writer.update_root()
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


class TestBadFiles:
    def problem(self, data, **options):
        report = inspect_pdf(data, anchors=(), **options)
        assert report.signatures == ()
        assert report.outcome is Outcome.INDETERMINATE
        (check,) = report.problems
        return check.reasons

    def test_unsigned(self, plain_pdf):
        assert self.problem(plain_pdf) == ("signature.none",)

    @pytest.mark.parametrize(
        "junk", [b"", b"%PDF-1.7\n", b"\x00" * 9999, b"%PDF-1.7" + b"<<" * 9999]
    )
    def test_no_pdf(self, junk):
        assert self.problem(junk) == ("signature.unreadable",)

    def test_encrypted(self, signed_pdf):
        writer = copy_into_new_writer(PdfFileReader(BytesIO(signed_pdf)))
        writer.encrypt("owner", "user")
        out = BytesIO()
        writer.write(out)
        assert self.problem(out.getvalue()) == ("signature.encrypted",)

    def test_too_large(self, signed_pdf):
        limits = ValidationLimits(max_bytes=len(signed_pdf) - 1)
        assert self.problem(signed_pdf, limits=limits) == ("signature.limit",)

    def test_too_many_signatures(self, signed_pdf, authority):
        twice = sign_pdf(signed_pdf, authority)
        assert self.problem(twice, limits=ValidationLimits(max_signatures=1)) == (
            "signature.limit",
        )

    # The interruption may land in a destructor, where Python can only report it; it is repeated until it works.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_too_slow(self, deep_fields):
        limits = ValidationLimits(time_s=0.1)
        assert self.problem(deep_fields, limits=limits) == ("signature.limit",)

    def test_a_page_tree_that_bites_its_tail(self, signed_pdf, authority):
        """Cyclic /Kids: no endless walk, whatever it is called."""
        writer = IncrementalPdfFileWriter(BytesIO(signed_pdf))
        pages = writer.root["/Pages"]
        pages["/Kids"].append(writer.root.raw_get("/Pages"))
        writer.update_container(pages)
        out = BytesIO()
        writer.write(out)
        report, _ = judged(out.getvalue(), authority)
        assert report.outcome is not Outcome.PASSED

    def test_fields_nested_three_thousand_deep(self, deep_fields):
        assert self.problem(deep_fields) == ("signature.unreadable",)

    @given(st.binary(max_size=400))
    def test_any_bytes_give_a_report(self, data):
        assert inspect_pdf(data, anchors=()).outcome is Outcome.INDETERMINATE
