"""PDF pages as pictures, in a process that may fail without taking us along."""

import io
from dataclasses import asdict

import pytest
from reportlab.pdfgen.canvas import Canvas

from ekyc.errors import InputError, LimitError
from ekyc.imaging.pdf_child import write_answer
from ekyc.imaging.pdf_pages import PdfLimits, is_pdf, render_pdf_pages

A5 = (420, 595)


def pdf(pages=1, size=A5, **options):
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=size, **options)
    for i in range(pages):
        canvas.setFillColorRGB(1, 0, 0)
        canvas.rect(100 * i, 0, 100, 100, fill=1, stroke=0)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def refused(data, **limits):
    with pytest.raises(InputError) as caught:
        render_pdf_pages(data, name="copy.pdf", limits=PdfLimits(**limits))
    assert caught.value.subject == "copy.pdf"
    return caught.value


def test_pages_come_in_order_upright_and_blue_green_red():
    pages = render_pdf_pages(pdf(2), name="copy.pdf", dpi=72)
    assert [page.shape for page in pages] == [(595, 420, 3)] * 2
    assert pages[0][590, 50].tolist() == [0, 0, 255]
    assert pages[1][590, 50].tolist() == [255, 255, 255]
    assert pages[1][590, 150].tolist() == [0, 0, 255]


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7\n", b"%PDF-" + b"\x00" * 4000, pdf()[:300]])
def test_broken_files_are_a_typed_error(data):
    assert refused(data).code == "pdf.broken"


def test_a_password_is_told_apart():
    assert refused(pdf(encrypt="secret")).code == "pdf.encrypted"


@pytest.mark.parametrize(
    ("data", "limits", "code"),
    [
        (pdf(3), {"max_pages": 2}, "pdf.too_many_pages"),
        (pdf(size=(14_000, 14_000)), {}, "pdf.too_many_pixels"),
        (pdf(3), {"max_total_pixels": 2_000_000}, "pdf.too_many_pixels"),
        (pdf(), {"max_bytes": 100}, "pdf.too_large"),
        (pdf(), {"timeout_s": 0.01}, "pdf.too_slow"),
    ],
)
def test_bounds_are_kept(data, limits, code):
    error = refused(data, **limits)
    assert isinstance(error, LimitError)
    assert error.code == code
    assert all(
        f"{value:g}" in error.message or f"{value}" in error.message for value in limits.values()
    )


def test_an_endless_page_is_too_large_and_no_crash():
    answer = io.BytesIO()
    data = pdf().replace(b"[ 0 0 420 595 ]", b"[ 0 0 " + b"9" * 39 + b".5 595 ]")
    write_answer(data, {"dpi": 150, **asdict(PdfLimits())}, answer)
    assert answer.getvalue() == b"too_many_pixels\n"


def test_a_large_page_is_rendered_no_larger_than_it_is_needed():
    (page,) = render_pdf_pages(pdf(size=(2880, 1440)), name="copy.pdf", dpi=150)
    assert page.shape == (1800, 3600, 3)


def test_a_page_of_any_size_is_shrunk_to_the_bound_exactly():
    stream = io.BytesIO()
    canvas = Canvas(stream)
    for i in range(20):
        canvas.setPageSize((300, 400 + 1.7 * i))
        canvas.showPage()
    canvas.save()
    pages = render_pdf_pages(stream.getvalue(), name="copy.pdf", limits=PdfLimits(long_side_px=60))
    assert {page.shape[0] for page in pages} == {60}


def test_a_page_of_endless_work_is_stopped():
    """A form that paints another eight times, nine levels deep, over a whole page."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A5)
    for level in range(10):
        canvas.beginForm(f"f{level}")
        for i in range(8 if level else 1):
            if level:
                canvas.doForm(f"f{level - 1}")
            else:
                canvas.rect(i, 0, 400, 500, fill=1)
        canvas.endForm()
    canvas.doForm("f9")
    canvas.save()
    error = refused(stream.getvalue(), timeout_s=1.5)
    assert (type(error), error.code) == (LimitError, "pdf.too_slow")


def test_too_little_memory_is_an_error_and_not_a_crash_of_ours():
    assert refused(pdf(), max_memory_bytes=32 * 1024 * 1024).code == "pdf.broken"


def test_the_type_is_taken_from_the_first_bytes():
    assert is_pdf(pdf())
    assert not is_pdf(b"\xff\xd8\xff")
