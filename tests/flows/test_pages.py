"""Documents made to cost more than a case may."""

import io

import pytest
from PIL import Image

from ekyc.errors import LimitError
from ekyc.flows import Case, CaseFile
from ekyc.flows.pages import decode_pictures


def sheets(count):
    """A TIFF file of so many tiny pages."""
    out = io.BytesIO()
    page = Image.new("L", (8, 8), 255)
    page.save(out, "TIFF", save_all=True, append_images=[page] * (count - 1))
    return out.getvalue()


def documents(*files):
    return Case(
        profile_id="certified-copy",
        original_pages=tuple(CaseFile(name=f"{i}.tif", data=d) for i, d in enumerate(files)),
    )


def refusal(case, **options):
    with pytest.raises(LimitError) as caught:
        decode_pictures(case, **options)
    return caught.value.code, caught.value.subject


def test_pages_of_all_files_count_together():
    assert len(decode_pictures(documents(sheets(20), sheets(20))).original_pages) == 40
    assert refusal(documents(sheets(20), sheets(20), sheets(1))) == (
        "case.too_many_pages",
        "2.tif",
    )


def test_no_file_is_begun_when_time_is_up():
    assert refusal(documents(sheets(1)), budget_s=0.0) == ("case.too_slow", "0.tif")
