"""Pages that nobody should hand in: each gives a clear reason, in bounded time and memory."""

import io
import random

import numpy as np
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from ekyc.errors import EkycError, InputError, LimitError
from ekyc.imaging.document_pages import MAX_PAGES, PaperLimits, decode_files, decode_pages
from ekyc.imaging.registration import RegistrationProblem, page_features, register_features


def encoded(picture, kind="PNG", **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def pdf(pages=1, size=(200, 280), **options):
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=size, **options)
    for _ in range(pages):
        canvas.drawString(20, 200, "Page")
        canvas.showPage()
    canvas.save()
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "kind", "code"),
    [
        (lambda: encoded(Image.new("1", (10_000, 6_001))), LimitError, "image.too_many_pixels"),
        (lambda: encoded(Image.new("1", (20_001, 1))), LimitError, "image.too_many_pixels"),
        (lambda: pdf(300), LimitError, "pdf.too_many_pages"),
        (lambda: pdf(encrypt="secret"), InputError, "pdf.encrypted"),
        (lambda: pdf(size=(14_400, 14_400)), LimitError, "pdf.too_many_pixels"),
        (lambda: pdf(size=(200_000, 10)), LimitError, "pdf.too_many_pixels"),
        (
            lambda: encoded(
                Image.new("L", (9, 9)),
                "WEBP",
                save_all=True,
                append_images=[Image.new("L", (9, 9), 255)],
            ),
            InputError,
            "image.multiple_frames",
        ),
        (lambda: encoded(Image.new("F", (9, 9)), "TIFF"), InputError, "image.unsupported_pixels"),
        (lambda: b"GIF89a" + bytes(40), InputError, "image.wrong_type"),
    ],
    ids=[
        "60-megapixels",
        "long-strip",
        "300-pages",
        "encrypted",
        "huge-page-box",
        "endless-page-box",
        "animated",
        "floating-point",
        "other-format",
    ],
)
def test_what_cannot_be_read_is_named(data, kind, code):
    with pytest.raises(kind) as caught:
        decode_pages(data(), name="scan")
    assert (caught.value.code, caught.value.subject) == (code, "scan")


def test_odd_pixels_are_read():
    cmyk = encoded(Image.new("CMYK", (9, 7), (0, 255, 255, 0)), "JPEG")
    assert decode_pages(cmyk, name="scan")[0][3, 4, 2] > 200
    deep = Image.fromarray(np.full((7, 9), 0x8001, np.uint16))
    assert decode_pages(encoded(deep), name="scan")[0][3, 4].tolist() == [0x80] * 3
    turned = Image.Exif()
    turned[0x0112] = 6
    assert decode_pages(encoded(Image.new("L", (9, 7)), "JPEG", exif=turned), name="s")[0].shape[
        :2
    ] == (9, 7)


def test_large_scans_are_shrunk_as_they_come():
    (page,) = decode_pages(encoded(Image.new("1", (5_000, 7_000), 1)), name="scan")
    assert max(page.shape) == PaperLimits().long_side_px


def test_a_folder_is_bounded_as_one_paper():
    page = encoded(Image.new("L", (40, 30)))
    assert len(decode_files([("a", page)] * MAX_PAGES)) == MAX_PAGES
    with pytest.raises(LimitError) as caught:
        decode_files([("a", page)] * (MAX_PAGES + 1))
    assert caught.value.code == "image.too_many_pages"
    with pytest.raises(LimitError) as caught:
        decode_files([("a", page), ("b", page)], limits=PaperLimits(max_total_pixels=2000))
    assert (caught.value.code, caught.value.subject) == ("image.too_many_pixels", "b")


@pytest.mark.parametrize(
    "page",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.full((900, 3, 3), 255, np.uint8),
        np.full((900, 700, 3), 255, np.uint8),
        np.zeros((900, 700, 3), np.uint8),
        np.random.default_rng(1).normal(240, 4, (900, 700, 3)).clip(0, 255).astype(np.uint8),
    ],
    ids=["pixel", "strip", "white", "black", "noisy paper"],
)
def test_blank_pages_are_blank(page):
    features = page_features(page)
    assert features.is_blank
    assert register_features(features, features) is RegistrationProblem.BLANK


def test_damaged_pdf_files_give_pages_or_a_typed_error():
    dice = random.Random("pdf")
    good = pdf(2)
    for _ in range(12):
        data = bytearray(good)
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(5, len(data))] = dice.randrange(256)
        if dice.random() < 0.3:
            del data[dice.randrange(len(data)) :]
        try:
            assert decode_pages(bytes(data), name="scan")
        except EkycError as error:
            assert error.subject == "scan"
