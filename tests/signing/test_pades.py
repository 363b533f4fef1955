"""Signing a PDF: what is written, from where it may be called, and what is refused."""

import asyncio
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pypdfium2
import pytest
import zxingcpp
from asn1crypto import crl
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer

from ekyc.errors import InputError, LimitError
from ekyc.ports import SystemRandom
from ekyc.signing import (
    Appearance,
    DerivationCost,
    EmbeddedAuthority,
    inspect_pdf,
    sign_pdf,
)
from ekyc.testing import FixedClock

DIGEST = hashlib.sha256(b"evidence").hexdigest()
PLACE = {"signer_name": "Dịch vụ kết quả (MẪU)", "record_id": "HS-2026-0001"}


def appearance(**changed):
    fields = {"box_pt": (56, 50, 356, 140), "evidence_digest": DIGEST, **PLACE, **changed}
    return Appearance(**fields)


def picture(pdf, page=0, scale=3):
    with pypdfium2.PdfDocument(pdf) as document:
        document.init_forms()
        return document[page].render(scale=scale, may_draw_forms=True).to_numpy().copy()


def text(pdf, page=0):
    with pypdfium2.PdfDocument(pdf) as document:
        return document[page].get_textpage().get_text_bounded()


def signature_dictionary(pdf):
    (signature,) = PdfFileReader(BytesIO(pdf)).embedded_signatures
    return signature.sig_object


class TestWhatIsWritten:
    def test_the_original_bytes_stay_at_the_beginning(self, plain_pdf, signed_pdf):
        assert signed_pdf.startswith(plain_pdf)

    def test_the_signature_is_pades_and_covers_everything_but_itself(self, signed_pdf):
        dictionary = signature_dictionary(signed_pdf)
        start, before, after, length = dictionary["/ByteRange"]
        assert dictionary["/SubFilter"] == "/ETSI.CAdES.detached"
        assert (start, after + length) == (0, len(signed_pdf))
        assert signed_pdf[before:after].startswith(b"<30")
        assert signed_pdf[before:after].endswith(b"00>")

    def test_the_revocation_list_travels_inside_the_signed_bytes(self, signed_pdf, authority):
        store = PdfFileReader(BytesIO(signed_pdf)).root["/DSS"]
        (stream,) = store["/CRLs"]
        assert crl.CertificateList.load(stream.get_object().data)
        assert [c.get_object().data for c in store["/Certs"]] == [authority.root_certificate_der]

    def test_time_comes_from_the_authoritys_clock(self, tmp_path, plain_pdf):
        clock = FixedClock()
        cost = DerivationCost(iterations=1, lanes=1, memory_kib=8)
        authority = EmbeddedAuthority.create(tmp_path, "x", cost=cost, clock=clock)
        signed = sign_pdf(plain_pdf, authority)
        (signature,) = inspect_pdf(signed, anchors=authority.anchors, at=clock.now()).signatures
        assert signature.claimed_time == clock.now()
        assert signature.timestamp.time == clock.now()

    def test_reason_and_field_name_are_as_given(self, plain_pdf, authority):
        signed = sign_pdf(plain_pdf, authority, field_name="Seal", reason="Kết quả xác minh")
        assert signature_dictionary(signed)["/Reason"] == "Kết quả xác minh"
        assert inspect_pdf(signed, anchors=()).signatures[0].field_name == "Seal"

    def test_a_second_signature_leaves_the_first_intact(self, signed_pdf, authority):
        twice = sign_pdf(signed_pdf, authority)
        report = inspect_pdf(twice, anchors=authority.anchors)
        assert [s.field_name for s in report.signatures] == ["Signature1", "Signature2"]
        assert [s.indication for s in report.signatures] == ["TOTAL-PASSED"] * 2
        assert report.signatures[0].modifications == "LATER_SIGNATURES"
        assert report.signatures[0].coverage == "ENTIRE_REVISION"


@pytest.fixture(scope="module")
def visible(plain_pdf, authority):
    shown = appearance(lookup_url="https://tra-cuu.example.vn/kq")
    return sign_pdf(plain_pdf, authority, appearance=shown)


class TestAppearance:
    def test_the_qr_code_can_be_read_from_the_page(self, visible):
        (code,) = zxingcpp.read_barcodes(picture(visible))
        assert code.text == f"https://tra-cuu.example.vn/kq HS-2026-0001 {DIGEST[:16]}"

    def test_the_qr_code_can_be_read_from_the_result_page(self, signed_result, result_document):
        (code,) = zxingcpp.read_barcodes(picture(signed_result))
        digest = result_document.report_digest
        assert code.text == f"{result_document.record_id} {digest[:16]}"

    def test_ink_lies_inside_the_box_only(self, plain_pdf, visible):
        before, after = (picture(pdf, scale=2).astype(int) for pdf in (plain_pdf, visible))
        rows, columns = (abs(after - before).sum(axis=2) > 0).nonzero()
        height = before.shape[0]
        left, bottom, right, top = (2 * side for side in (56, 50, 356, 140))
        assert left - 2 <= columns.min() < columns.max() <= right + 2
        assert height - top - 2 <= rows.min() < rows.max() <= height - bottom + 2

    def test_it_is_pades_and_passes(self, visible, authority):
        assert inspect_pdf(visible, anchors=authority.anchors).outcome == "PASSED"

    def test_a_name_too_long_is_cut_not_spilled(self, plain_pdf, authority):
        shown = appearance(signer_name="Nguyễn Thị Ước Mơ Rất Là Dài " * 20)
        signed = sign_pdf(plain_pdf, authority, appearance=shown)
        before, after = (picture(pdf, scale=2).astype(int) for pdf in (plain_pdf, signed))
        _, columns = (abs(after - before).sum(axis=2) > 0).nonzero()
        assert columns.max() <= 2 * 356 + 2

    def test_equal_appearances_are_drawn_to_equal_bytes(self):
        from ekyc.signing.pdf.appearance import draw_appearance

        at = FixedClock().now()
        assert draw_appearance(appearance(), at) == draw_appearance(appearance(), at)

    @pytest.mark.parametrize("box", [(0, 0, 39, 100), (0, 0, 100, 39), (100, 100, 0, 0)])
    def test_a_box_too_small_to_read_is_refused(self, box):
        with pytest.raises(InputError) as caught:
            appearance(box_pt=box)
        assert caught.value.code == "signing.appearance.too_small"

    def test_text_too_long_for_a_qr_code_is_refused(self, plain_pdf, authority):
        with pytest.raises(LimitError) as caught:
            sign_pdf(plain_pdf, authority, appearance=appearance(lookup_url="https://" + "x" * 400))
        assert caught.value.code == "signing.qr.too_long"

    def test_a_page_that_is_not_there_is_refused(self, plain_pdf, authority):
        with pytest.raises(InputError):
            sign_pdf(plain_pdf, authority, appearance=appearance(page=5))


class TestFromWhereItMayBeCalled:
    def test_from_many_threads_at_once(self, plain_pdf, authority):
        start = threading.Barrier(8)

        def work(number):
            start.wait()
            shown = appearance(record_id=f"HS-{number}") if number % 2 else None
            return sign_pdf(plain_pdf, authority, appearance=shown)

        with ThreadPoolExecutor(8) as pool:
            signed = list(pool.map(work, range(16)))
        outcomes = {inspect_pdf(pdf, anchors=authority.anchors).outcome for pdf in signed}
        assert outcomes == {"PASSED"}
        assert len(set(signed)) == 16

    def test_from_inside_a_running_event_loop(self, plain_pdf, authority):
        async def handler():
            signed = sign_pdf(plain_pdf, authority)
            return inspect_pdf(signed, anchors=authority.anchors).outcome

        assert asyncio.run(handler()) == "PASSED"

    def test_validation_from_many_threads_at_once(self, signed_pdf, authority):
        with ThreadPoolExecutor(8) as pool:
            reports = pool.map(
                lambda _: inspect_pdf(signed_pdf, anchors=authority.anchors).outcome, range(16)
            )
            assert set(reports) == {"PASSED"}


class TestRefusals:
    def refused(self, pdf, authority, **options):
        with pytest.raises(InputError) as caught:
            sign_pdf(pdf, authority, **options)
        return caught.value.code

    @pytest.mark.parametrize("junk", [b"", b"%PDF-1.7", b"\x00" * 5000, b"<html>" * 100])
    def test_what_is_no_pdf(self, junk, authority):
        assert self.refused(junk, authority) == "signing.pdf.unreadable"

    def test_every_truncation_is_refused_by_a_typed_error(self, signed_pdf, authority):
        step = max(1, len(signed_pdf) // 64)
        codes = {
            self.refused(signed_pdf[:end], authority)
            for end in range(step, len(signed_pdf) - step, step)
            if b"%%EOF" not in signed_pdf[:end]
        }
        assert codes == {"signing.pdf.unreadable"}

    def test_an_encrypted_file(self, plain_pdf, authority):
        writer = copy_into_new_writer(PdfFileReader(BytesIO(plain_pdf)))
        writer.encrypt("owner", "user")
        out = BytesIO()
        writer.write(out)
        assert self.refused(out.getvalue(), authority) == "signing.pdf.encrypted"

    def test_a_field_that_is_filled_already(self, signed_pdf, authority):
        assert self.refused(signed_pdf, authority, field_name="Signature1") == "signing.pdf.field"

    def test_a_file_too_large(self, authority):
        assert self.refused(bytes((64 << 20) + 1), authority) == "signing.pdf.too_large"

    def test_a_file_with_hybrid_cross_references(self, shared_data, authority):
        file = shared_data / "sign/dss_pades/PAdES-LT.pdf"
        assert self.refused(file.read_bytes(), authority) == "signing.pdf.hybrid"


def test_random_bytes_come_from_the_authoritys_source(tmp_path, plain_pdf):
    class Counting(SystemRandom):
        calls = 0

        def token_bytes(self, count):
            Counting.calls += 1
            return super().token_bytes(count)

    cost = DerivationCost(iterations=1, lanes=1, memory_kib=8)
    authority = EmbeddedAuthority.create(tmp_path, "x", cost=cost, random=Counting())
    before = Counting.calls
    sign_pdf(plain_pdf, authority)
    assert Counting.calls == before + 2  # the nonce of the request, the serial number of the token
