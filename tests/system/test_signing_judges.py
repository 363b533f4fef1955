"""Programs that nobody here wrote judge what we sign: pdfsig, openssl, qpdf, pdftoppm."""

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import cms, parser, pem

from ekyc.outcomes import Check, Outcome
from ekyc.signing import (
    EmbeddedAuthority,
    ResultDocument,
    inspect_pdf,
    render_result_pdf,
    sign_pdf,
)

pytestmark = pytest.mark.system

DOCUMENT = ResultDocument(
    record_id="0193b7a2-6f41-7c3e-9d11-6a2f0c7e8b55",
    profile_title_vi="Trình diễn trên công dân mẫu",
    profile_title_en="Demonstration on a sample citizen",
    issued_at=datetime(2026, 1, 15, tzinfo=UTC),
    verdict="accept",
    checks=(Check(id="chip.signature", outcome=Outcome.PASSED),),
    required=("chip.signature",),
    case_digest=hashlib.sha256(b"case").hexdigest(),
    report_digest=hashlib.sha256(b"report").hexdigest(),
    sample=True,
)


def _pem(der: bytes) -> bytes:
    return pem.armor("CERTIFICATE", der)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A signed result, its parts as the programs want them, and a copy with one signed byte changed."""
    place = tmp_path_factory.mktemp("judges")
    authority = EmbeddedAuthority.create(place / "authority", "mật khẩu")
    signed = sign_pdf(render_result_pdf(DOCUMENT), authority, document=DOCUMENT)
    assert inspect_pdf(signed, anchors=authority.anchors).outcome is Outcome.PASSED
    found = re.search(rb"/ByteRange \[0 (\d+) (\d+) (\d+)", signed)
    before, after, length = map(int, found.groups())
    hole = bytes.fromhex(signed[before + 1 : after - 1].decode())
    der = hole[: parser.peek(hole)]
    (signer,) = cms.ContentInfo.load(der)["content"]["signer_infos"]
    (stamp,) = signer["unsigned_attrs"]
    changed = bytearray(signed)
    changed[signed.index(b"stream") + 40] ^= 1
    parts = {
        "signed.pdf": signed,
        "changed.pdf": bytes(changed),
        "twice.pdf": sign_pdf(signed, authority),
        "covered.bin": signed[:before] + signed[after : after + length],
        "signature.der": der,
        "token.der": stamp["values"][0].dump(),
        "value.bin": signer["signature"].native,
        "root.pem": (place / "authority" / "root.pem").read_bytes(),
        "root.crl": authority.crl_der(),
        "signer.pem": _pem(authority.signer.certificate_der),
        "stamp.pem": _pem(stamp["values"][0]["content"]["certificates"][0].chosen.dump()),
    }
    for name, content in parts.items():
        (place / name).write_bytes(content)
    return place


CMS_VERIFY = ("cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "signature.der")
CMS_VERIFY += ("-CAfile", "root.pem", "-purpose", "any", "-out", "/dev/null")


class TestPdfsig:
    def test_calls_the_signature_valid_and_the_document_covered(self, ask):
        _, said = ask("pdfsig", "signed.pdf")
        assert "Signature is Valid" in said
        assert "Total document signed" in said
        assert "ETSI.CAdES.detached" in said
        assert "SAMPLE result service" in said

    def test_calls_both_of_two_signatures_valid(self, ask):
        _, said = ask("pdfsig", "twice.pdf")
        assert said.count("Signature is Valid") == 2

    def test_calls_a_changed_document_invalid(self, ask):
        _, said = ask("pdfsig", "changed.pdf")
        assert "Signature is Valid" not in said
        assert "Digest Mismatch" in said


class TestOpenssl:
    def test_verifies_the_cms_with_its_cades_attributes_to_the_root(self, ask):
        status, said = ask("openssl", *CMS_VERIFY, "-content", "covered.bin")
        assert status == 0, said
        assert "CAdES Verification successful" in said

    @pytest.mark.parametrize("name", ["signer.pem", "stamp.pem"])
    def test_verifies_the_certificates_with_our_revocation_list(self, ask, name):
        ask("openssl", "crl", "-inform", "DER", "-in", "root.crl", "-out", "crl.pem")
        options = ("-x509_strict", "-crl_check", "-CAfile", "root.pem", "-CRLfile", "crl.pem")
        status, said = ask("openssl", "verify", *options, name)
        assert status == 0, said

    def test_refuses_the_cms_over_other_bytes(self, ask):
        status, _ = ask("openssl", *CMS_VERIFY, "-content", "root.pem")
        assert status != 0

    def test_verifies_the_timestamp_over_the_signature_value(self, ask):
        arguments = ("-in", "token.der", "-token_in", "-data", "value.bin", "-CAfile", "root.pem")
        status, said = ask("openssl", "ts", "-verify", *arguments)
        assert status == 0, said
        assert "Verification: OK" in said

    def test_refuses_the_timestamp_over_other_bytes(self, ask):
        arguments = ("-in", "token.der", "-token_in", "-data", "root.pem", "-CAfile", "root.pem")
        status, _ = ask("openssl", "ts", "-verify", *arguments)
        assert status != 0

    def test_reads_what_the_token_says(self, ask):
        status, said = ask("openssl", "ts", "-reply", "-in", "token.der", "-token_in", "-text")
        assert status == 0, said
        assert "Accuracy: 0x01 seconds" in said
        assert "Nonce: 0x" in said


@pytest.mark.parametrize("name", ["signed.pdf", "twice.pdf"])
def test_qpdf_finds_no_fault(ask, name):
    status, said = ask("qpdf", "--check", name)
    assert status == 0, said
    assert "No syntax or stream encoding errors found" in said


def test_poppler_shows_the_vietnamese_words_unbroken(ask):
    status, said = ask("pdftotext", "-layout", "signed.pdf", "-")
    assert status == 0, said
    assert "KẾT QUẢ XÁC MINH TRỰC TUYẾN" in said
    assert "Kết luận: CHẤP NHẬN" in said
    assert "Ký bởi: SAMPLE result service" in said
    assert f"Mã hồ sơ: {DOCUMENT.record_id}" in said


def test_the_qr_code_is_read_from_popplers_picture(ask, folder):
    import zxingcpp

    from ekyc.imaging.decode import read_image

    status, said = ask("pdftoppm", "-r", "150", "-png", "-singlefile", "signed.pdf", "page")
    assert status == 0, said
    (code,) = zxingcpp.read_barcodes(read_image(folder / "page.png"))
    assert code.text == f"{DOCUMENT.record_id} {DOCUMENT.report_digest[:16]}"
