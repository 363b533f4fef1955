"""The result as a QR code on ``result.pdf``: scanned from the rendered page and from a photograph of it, checked offline."""

from __future__ import annotations

from datetime import timedelta

import credential_desk
import numpy as np
import pypdfium2
import pytest
from credential_desk import reasons
from result_office import Office, accepted

from ekyc.benchmarks.page_scenes import SURFACE_NAMES, photograph
from ekyc.cli.verify_result import read_code
from ekyc.flows import issue_result, report_digest, write_outputs
from ekyc.imaging import effects
from ekyc.imaging.barcode import read_qr_texts
from ekyc.imaging.document_pages import decode_pages
from ekyc.outcomes import Outcome
from ekyc.signing import inspect_pdf
from ekyc.signing.credentials import base45
from ekyc.storage import ResultStatus


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    made = Office(tmp_path_factory.mktemp("office"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(credential_desk, "NOW", made.clock.now())
        yield made
    made.pilot.close()


@pytest.fixture(scope="module", params=["identity", "birth-registration"])
def issued(request, office):
    """The verification, its signed PDF and the picture of its first page."""
    result = accepted(office.clock, request.param, sample=request.param != "identity")
    pdf = issue_result(result, office.authority, issuer=office.issuer)
    return result, pdf, decode_pages(pdf, name="result.pdf")[0]


def scanned(image):
    (text,) = [text for text in read_qr_texts(image) if text.startswith("EKYC1:")]
    return text


def test_it_is_read_from_the_rendered_page_and_says_the_result(office, issued):
    result, pdf, page = issued
    report = office.inspect(scanned(page), office.statuses())
    assert report.outcome is Outcome.PASSED
    title = result.profile.title_vi
    assert dict(report.result.values) == {
        "record": result.id,
        "verdict": "accept",
        "procedure": f"MẪU – {title}" if result.sample else title,
        "verified_on": "2026-01-15",
        "report_sha256": report_digest(result),
    }
    assert inspect_pdf(pdf, anchors=office.pilot.anchors, clock=office.clock).outcome == "PASSED"


@pytest.mark.parametrize("surface", SURFACE_NAMES[:3])
def test_it_is_read_from_a_photograph_of_the_printed_page(office, issued, surface):
    scene = photograph(issued[2], surface, np.random.default_rng(11))
    text = scanned(effects.jpeg_round_trip(scene, 70))
    assert office.inspect(text, office.statuses()).outcome is Outcome.PASSED


def test_the_file_itself_is_taken_by_the_command(issued, tmp_path):
    _, pdf, page = issued
    path = tmp_path / "result.pdf"
    path.write_bytes(pdf)
    assert read_code(path) == scanned(page)


def test_altered_is_refused(office, issued):
    text = scanned(issued[2])
    packed = bytearray(base45.decode(text.removeprefix("EKYC1:")))
    packed[len(packed) // 2] ^= 1
    report = office.inspect(f"EKYC1:{base45.encode(bytes(packed))}", office.statuses())
    assert report.outcome is Outcome.FAILED


def test_stale_is_said_and_revoked_is_refused(office):
    pdf = issue_result(accepted(office.clock), office.authority, issuer=office.issuer)
    text = scanned(decode_pages(pdf, name="result.pdf")[0])
    before = office.statuses()
    tomorrow = office.clock.now() + timedelta(hours=25)
    stale = office.inspect(text, before, at=tomorrow)
    assert stale.outcome is Outcome.INDETERMINATE
    assert "credential.status_stale" in reasons(stale)
    result_id = office.inspect(text, before).result.id.hex()
    office.storage.issued_results.set_status(result_id, ResultStatus.REVOKED)
    revoked = office.inspect(text, office.statuses())
    assert revoked.outcome is Outcome.FAILED
    assert "credential.revoked" in reasons(revoked)


def test_without_an_issuer_there_is_no_such_code(office):
    pdf = issue_result(accepted(office.clock), office.authority)
    page = decode_pages(pdf, name="result.pdf")[0]
    assert not [text for text in read_qr_texts(page) if text.startswith("EKYC1:")]


def test_the_page_says_what_the_code_is_and_nothing_of_a_person(issued):
    with pypdfium2.PdfDocument(issued[1]) as document:
        text = document[0].get_textpage().get_text_bounded()
        assert "kiểm tra không cần mạng" in " ".join(text.split())
        assert len(document) == 1


def test_outputs_carry_it(office, tmp_path):
    paths = write_outputs(
        accepted(office.clock), tmp_path, authority=office.authority, issuer=office.issuer
    )
    (pdf,) = [path for path in paths if path.name == "result.pdf"]
    assert read_code(pdf).startswith("EKYC1:")
