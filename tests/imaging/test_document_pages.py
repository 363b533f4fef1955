"""Papers come as one picture, as TIFF files of several pages, or as PDF files."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ekyc.errors import EkycError, InputError, LimitError
from ekyc.imaging.decode import ImageLimits, decode_tiff_pages
from ekyc.imaging.document_pages import MAX_PAGES, decode_pages


def tiff(*greys, size=(40, 30), mode="L"):
    pages = [Image.new("L", size, grey).convert(mode) for grey in greys]
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    return out.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_every_page_of_a_tiff_comes_in_order(mode):
    pages = decode_pages(tiff(0, 255, 0, mode=mode), name="scan.tif")
    assert [int(page[0, 0, 0]) for page in pages] == [0, 255, 0]
    assert {page.shape for page in pages} == {(30, 40, 3)}
    assert all(page.dtype == np.uint8 for page in pages)


def test_one_picture_is_one_page():
    out = io.BytesIO()
    Image.new("RGB", (8, 6), (255, 0, 0)).save(out, "PNG")
    (page,) = decode_pages(out.getvalue(), name="page.png")
    assert page[0, 0].tolist() == [0, 0, 255]


def test_too_many_pages_are_refused():
    with pytest.raises(LimitError) as caught:
        decode_pages(tiff(*[0] * (MAX_PAGES + 1), size=(2, 2)), name="scan.tif")
    assert (caught.value.code, caught.value.subject) == ("image.too_many_pages", "scan.tif")


def test_the_pages_together_keep_the_limit_of_pixels():
    limits = ImageLimits(max_pixels=40 * 30 * 2)
    assert len(decode_tiff_pages(tiff(0, 0), name="s", limits=limits, max_pages=9)) == 2
    with pytest.raises(LimitError) as caught:
        decode_tiff_pages(tiff(0, 0, 0), name="s", limits=limits, max_pages=9)
    assert caught.value.code == "image.too_many_pixels"


@pytest.mark.parametrize("data", [b"", b"II*\0", b"%PDF-1.7 nothing", b"plain text"])
def test_what_is_no_paper_is_named(data):
    with pytest.raises(InputError) as caught:
        decode_pages(data, name="x")
    assert caught.value.subject == "x"


def test_two_real_scans_of_two_pages(shared_data):
    for file in sorted((shared_data / "ocr/real").glob("*.tif")):
        assert len(decode_pages(file.read_bytes(), name=file.name)) == 2


@given(st.integers(0, 400), st.binary(max_size=12))
def test_damaged_tiff_gives_pages_or_a_typed_error(at, junk):
    good = tiff(0, 255, size=(9, 7))
    data = good[:at] + junk + good[at + len(junk) :]
    try:
        decode_pages(data, name="x")
    except EkycError as error:
        assert error.subject == "x"
