"""``ekyc ocr compare`` with the installed nets: a copy photographed upside down or sideways."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from ekyc.benchmarks.copy_changes import Change, plant
from ekyc.benchmarks.copy_devices import Mode, copied, original_scan
from ekyc.benchmarks.copy_papers import draw_sheet, invented_paper
from ekyc.imaging.encode import encode_png
from ekyc.imaging.geometry import turn_quarters

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def sheets():
    random = np.random.default_rng(71)
    paper = invented_paper(random)
    return paper[0], plant(paper, Change.DIGIT, random)[0]


@pytest.mark.parametrize(("quarters", "altered"), [(1, False), (2, False), (3, True), (2, True)])
def test_a_photograph_turned_by_right_angles_is_compared(
    quarters, altered, sheets, tmp_path, models, validate_against
):
    from ekyc.cli.ocr import ocr_app

    random = np.random.default_rng(72)
    original, copy = tmp_path / "original.png", tmp_path / "copy.png"
    original.write_bytes(encode_png(original_scan(draw_sheet(sheets[0]), random)))
    photo = copied(draw_sheet(sheets[altered]), Mode.PHOTO, random)
    copy.write_bytes(encode_png(turn_quarters(photo, quarters)))
    result = CliRunner().invoke(ocr_app, ["compare", str(original), str(copy), "--json"])
    written = json.loads(result.stdout)
    validate_against("ekyc.ocr-compare.1", written)
    assert result.exit_code == (11 if altered else 0)
    assert written["pages"][0]["turned_deg"] == 90 * quarters
    reasons = {"document.page_turned", "document.digit_changed"}
    assert set(written["reasons"]) == (reasons if altered else {"document.page_turned"})
