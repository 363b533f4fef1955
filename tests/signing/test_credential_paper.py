"""The code on paper: drawn on a page, rendered from its PDF, photographed on tables, photocopied, read and verified."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from credential_desk import Registry, result
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from ekyc.benchmarks.page_scenes import SURFACE_NAMES, photograph
from ekyc.errors import InputError, LimitError
from ekyc.imaging import effects
from ekyc.imaging.barcode import read_qr_texts
from ekyc.imaging.document_pages import decode_pages
from ekyc.outcomes import Outcome
from ekyc.signing.credentials.picture import qr_picture

SIDE = 45 * mm


@pytest.fixture(scope="module")
def registry():
    return Registry()


@pytest.fixture(scope="module")
def extract(registry):
    """Text of a birth extract with all twelve fields, and its page at 200 dots per inch or more."""
    text = registry.qr()
    out = BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    for line in range(20):
        canvas.drawString(25 * mm, A4[1] - (30 + 7 * line) * mm, "Trich luc khai sinh - dong mau")
    picture = ImageReader(BytesIO(qr_picture(text, "png")))
    canvas.drawImage(picture, A4[0] - SIDE - 20 * mm, 25 * mm, SIDE, SIDE)
    canvas.showPage()
    canvas.save()
    (page,) = decode_pages(out.getvalue(), name="extract")
    return text, page


def verified(registry, image):
    texts = [text for text in read_qr_texts(image) if text.startswith("EKYC1:")]
    assert len(texts) == 1
    report = registry.inspect(texts[0], registry.statuses())
    assert report.outcome is Outcome.PASSED
    assert report.result == result()
    return texts[0]


def test_rendered(registry, extract):
    text, page = extract
    assert verified(registry, page) == text


@pytest.mark.parametrize("surface", SURFACE_NAMES[:3])
def test_photographed_again(registry, extract, surface):
    scene = photograph(extract[1], surface, np.random.default_rng(7))
    assert verified(registry, effects.jpeg_round_trip(scene, 70)) == extract[0]


def test_photocopied(registry, extract):
    copied = effects.photocopy(extract[1], np.random.default_rng(7), contrast=2.5, speckles=200)
    assert verified(registry, copied) == extract[0]


def test_pictures_that_are_not_drawn():
    with pytest.raises(LimitError):
        qr_picture("A" * 4000, "png")
    with pytest.raises(InputError):
        qr_picture("A", "gif")
