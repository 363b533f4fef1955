"""The result page: what stands on it, what never does, and the room it leaves."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import sleep

import pypdfium2
import pytest
from reportlab.pdfbase.ttfonts import TTFontFile

from ekyc.errors import LimitError
from ekyc.outcomes import Check, Outcome
from ekyc.signing import SIGNATURE_BOX_PT, render_result_pdf
from ekyc.signing.pdf.appearance import draw_appearance


def words(pdf):
    with pypdfium2.PdfDocument(pdf) as document:
        return " ".join(page.get_textpage().get_text_bounded() for page in document).split()


def sentence(pdf):
    return " ".join(words(pdf))


def test_it_says_what_was_decided_and_when_in_vietnam(result_document):
    shown = sentence(render_result_pdf(result_document))
    assert "KẾT QUẢ XÁC MINH TRỰC TUYẾN" in shown
    assert "Kết luận: CHẤP NHẬN" in shown
    assert "15/01/2026 08:02:03 (GMT+7)" in shown
    assert result_document.record_id in shown


@pytest.mark.parametrize(
    ("verdict", "text"), [("review", "CẦN CÁN BỘ XEM XÉT"), ("reject", "TỪ CHỐI")]
)
def test_every_verdict_has_its_words(result_document, verdict, text):
    shown = sentence(render_result_pdf(replace(result_document, verdict=verdict)))
    assert f"Kết luận: {text}" in shown


def test_an_unknown_verdict_is_refused(result_document):
    with pytest.raises(ValueError, match="maybe"):
        replace(result_document, verdict="maybe")


def test_it_lists_each_check_with_outcome_and_reason(result_document):
    shown = sentence(render_result_pdf(result_document))
    assert "Chữ ký của cơ quan cấp trên dữ liệu chip Đạt" in shown
    assert "Người ký được tin cậy (không bắt buộc) Chưa xác định" in shown
    assert "không dẫn tới tổ chức chứng thực được tin cậy" in shown


def test_it_carries_both_digests(result_document):
    shown = sentence(render_result_pdf(result_document))
    assert result_document.case_digest in shown
    assert result_document.report_digest in shown


def test_papers_drawn_at_once_are_the_papers_drawn_one_by_one(result_document, monkeypatch):
    def draw(paper):
        return render_result_pdf(paper), draw_appearance(paper.appearance("Đỗ Ệ"), paper.issued_at)

    def seek_and_be_overtaken(file, position):
        seek(file, position)
        sleep(1e-5)

    papers = [replace(result_document, record_id=f"Mã {chr(0x1EA0 + n)}{n}") for n in range(8)]
    one_by_one = [draw(paper) for paper in papers]
    seek = TTFontFile.seek
    monkeypatch.setattr(TTFontFile, "seek", seek_and_be_overtaken)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(draw, papers)) == one_by_one


def test_a_sample_is_marked_and_a_real_one_is_not(result_document):
    assert "SAMPLE" in sentence(render_result_pdf(result_document))
    assert "SAMPLE" not in sentence(render_result_pdf(replace(result_document, sample=False)))


def test_equal_documents_give_equal_bytes(result_document):
    assert render_result_pdf(result_document) == render_result_pdf(replace(result_document))


def test_the_place_for_the_signature_stays_free_of_text(result_document):
    many = tuple(Check(id=f"made.up_{n}", outcome=Outcome.PASSED) for n in range(120))
    full = render_result_pdf(replace(result_document, checks=many, sample=False))
    with pypdfium2.PdfDocument(full) as document:
        assert len(document) == 4
        assert document[0].get_textpage().get_text_bounded(*SIGNATURE_BOX_PT).strip() == ""
        assert "Trang 4" in document[3].get_textpage().get_text_bounded()


def test_markup_in_a_title_is_text(result_document):
    hostile = '<img src="/etc/passwd"/> & <b>x'
    shown = sentence(render_result_pdf(replace(result_document, profile_title_vi=hostile)))
    assert '<img src="/etc/passwd"/> & <b>x' in shown


def test_too_many_checks_are_refused(result_document):
    many = tuple(Check(id=f"made.up_{n}", outcome=Outcome.PASSED) for n in range(201))
    with pytest.raises(LimitError):
        replace(result_document, checks=many)
