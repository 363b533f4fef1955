"""The installed nets on pages that are turned, lie on a desk, or hold no print."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from pen_strokes import written_page
from typer.testing import CliRunner

from ekyc.imaging.encode import encode_png
from ekyc.imaging.geometry import turn_quarters
from ekyc.ocr import compare_copy, read_document
from ekyc.outcomes import Outcome
from ekyc.samples import SampleBirth, render_birth_certificate, scan_of

pytestmark = pytest.mark.models

BIRTH = SampleBirth.default()


@pytest.fixture(scope="module")
def scan():
    return scan_of(render_birth_certificate(BIRTH), 3)


def values(reading):
    return {field.name: field.value.reveal() for field in reading.fields}


@pytest.mark.parametrize("quarters", range(4))
def test_a_turned_scan_reads_like_an_upright_one(quarters, scan, reader):
    reading = read_document([turn_quarters(scan, quarters)], reader)
    assert reading.checks[0].outcome is Outcome.PASSED
    found = values(reading)
    assert found["full_name"] == BIRTH.full_name
    assert found["personal_number"] == BIRTH.personal_number
    assert found["mother.full_name"] == BIRTH.mother.full_name
    assert reading.views[0].turned_deg == pytest.approx({0: 0, 1: 90, 2: 180, 3: -90}[quarters])


def test_a_page_photographed_upside_down_on_a_desk_is_read(scan, reader):
    desk = np.random.default_rng(1).integers(40, 90, (3000, 2600, 3)).astype(np.uint8)
    corners = np.array([(2150, 2700), (420, 2600), (330, 180), (2290, 240)], np.float32)
    height, width = scan.shape[:2]
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners)
    photo = cv2.warpPerspective(scan, matrix, (2600, 3000), desk, borderMode=cv2.BORDER_TRANSPARENT)
    reading = read_document([photo], reader)
    assert reading.views[0].search.document is not None
    assert abs(reading.views[0].turned_deg) > 170
    found = values(reading)
    assert found["full_name"] == BIRTH.full_name
    assert found["personal_number"] == BIRTH.personal_number


@pytest.mark.parametrize(("quarters", "altered"), [(2, False), (1, True)])
def test_a_turned_original_is_compared_like_an_upright_one(quarters, altered, scan, reader):
    birth = replace(BIRTH, personal_number=f"{BIRTH.personal_number[:-1]}1") if altered else BIRTH
    copy = scan_of(render_birth_certificate(birth), 4)
    result = compare_copy([turn_quarters(scan, quarters)], [copy], reader)
    assert np.array_equal(result.originals[0], scan)
    assert result.checks[0].outcome is (Outcome.FAILED if altered else Outcome.PASSED)
    assert result.checks[0].subjects == (("personal_number",) if altered else ())


@pytest.mark.parametrize("seed", range(3))
def test_handwriting_is_said_to_be_unreadable(seed, reader):
    reading = read_document([written_page(np.random.default_rng(seed))], reader)
    assert reading.checks[0].outcome is Outcome.INDETERMINATE
    assert reading.checks[0].reasons == ("document.unreadable",)
    assert len(reading.pages[0].text) < 40
    assert len(reading.pages[0].unread) > 10


def test_handwritten_values_of_a_printed_form_are_not_made_up(reader):
    form = render_birth_certificate(BIRTH)
    upright = read_document([form], reader)
    field = upright.field("full_name")
    box = field.spans[0].value_quad
    left, right = round(box.top_left.x) - 4, round(box.top_right.x) + 8
    top, bottom = round(box.top_left.y) - 6, round(box.bottom_left.y) + 6
    form[top:bottom, left:right] = form[top - 3, left]
    written_page(np.random.default_rng(5), on=form, box=(left, top, right, bottom))
    reading = read_document([form], reader)
    found = reading.field("full_name")
    assert found is None or found.standing.value in {"unreadable", "malformed", "uncertain"}
    assert reading.checks[0].outcome is Outcome.INDETERMINATE


def test_the_command_places_everything_on_the_picture(
    scan, tmp_path, models, reader, validate_against
):
    from ekyc.cli.ocr import ocr_app

    turned, hand = tmp_path / "turned.png", tmp_path / "hand.png"
    turned.write_bytes(encode_png(turn_quarters(scan, 1)))
    hand.write_bytes(encode_png(written_page(np.random.default_rng(0))))
    result = CliRunner().invoke(ocr_app, ["read", str(turned), str(hand), "--json"])
    written = json.loads(result.stdout)
    validate_against("ekyc.ocr-read.1", written)
    assert (result.exit_code, written["reasons"]) == (10, ["document.unreadable"])
    page = written["papers"][0]["pages"][0]
    assert (page["width"], page["height"]) == (scan.shape[0], scan.shape[1])
    assert page["turned_deg"] == 90
    fields = {field["name"]: field for field in written["papers"][0]["fields"]}
    number = fields["personal_number"]
    assert (number["kind"], number["standing"]) == ("personal_number", "certain")
    (x0, y0), (x1, y1) = number["quads"][0][:2]
    assert y1 - y0 > 3 * abs(x1 - x0)
    upright = read_document([scan], reader).field("personal_number").spans[0].quad
    assert x0 == pytest.approx(scan.shape[0] - upright.top_left.y, abs=8)
    assert y0 == pytest.approx(upright.top_left.x, abs=8)
