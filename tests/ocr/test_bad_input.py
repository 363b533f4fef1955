"""Bad input through every way of reading: a clear reason, in bounded time and memory; nothing invented, no traceback."""

import json
import resource

import numpy as np
import pytest
from bad_papers import encoded, odd_but_sound, refused
from PIL import Image
from typer.testing import CliRunner

from ekyc.imaging.decode import decode_image
from ekyc.ocr import compare_copy, read_card, read_document, straighten_page
from ekyc.outcomes import Outcome
from ekyc.samples import SampleBirth, render_birth_certificate

pytestmark = pytest.mark.models

BIRTH = SampleBirth.default()
REFUSED = refused()
PAGE = render_birth_certificate(BIRTH)
ODD = odd_but_sound(PAGE)

MUTE = {
    "pixel": np.full((1, 1, 3), 250, np.uint8),
    "strip": np.full((1, 3000, 3), 250, np.uint8),
    "column": np.full((3000, 1, 3), 20, np.uint8),
    "white": np.full((1754, 1240, 3), 255, np.uint8),
    "black": np.zeros((900, 700, 3), np.uint8),
    "noise": np.random.default_rng(3).integers(0, 256, (1200, 900, 3)).astype(np.uint8),
}


def run(*arguments):
    from ekyc.cli.ocr import ocr_app

    result = CliRunner().invoke(ocr_app, [*map(str, arguments), "--json"])
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("command", ["read", "compare", "card"])
def test_a_file_that_cannot_be_decoded_is_named(command, name, tmp_path, models, validate_against):
    data, code = REFUSED[name]
    if command == "card" and name.endswith(".pdf"):
        code = "image.wrong_type"
    bad, good = tmp_path / name, tmp_path / "good.png"
    bad.write_bytes(data)
    good.write_bytes(encoded(Image.new("L", (300, 420), 250)))
    exit_code, written = run(command, *([good, bad] if command == "compare" else [bad]))
    validate_against(f"ekyc.ocr-{command}.1", written)
    assert exit_code == 1
    assert (written["error"]["code"], written["error"]["subject"]) == (code, name)
    assert str(tmp_path) not in json.dumps(written)


@pytest.mark.parametrize("name", MUTE)
def test_pages_without_print_have_no_text(name, reader):
    reading = read_document([MUTE[name]], reader)
    assert reading.checks[0].outcome is Outcome.INDETERMINATE
    assert reading.checks[0].reasons[0] in {"document.no_text", "document.unreadable"}
    assert len(reading.pages[0].text) < 10
    assert reading.fields == ()
    card = read_card(MUTE[name], None, reader)
    assert card.checks[0].outcome is Outcome.INDETERMINATE
    assert (card.fields, card.mrz, card.qr) == ((), None, None)
    assert straighten_page(MUTE[name], reader).image.size <= 4 * MUTE[name].size


@pytest.mark.parametrize("name", ["pixel", "white"])
def test_a_page_without_print_never_agrees_with_one_that_has_some(name, reader):
    for pair in ((MUTE[name], PAGE), (PAGE, MUTE[name])):
        check = compare_copy([pair[0]], [pair[1]], reader).checks[0]
        assert check.outcome is not Outcome.PASSED


@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_read_like_plain_ones(name, reader):
    reading = read_document([decode_image(ODD[name], name=name)], reader)
    values = {field.name: field.value.reveal() for field in reading.fields}
    assert values["full_name"] == BIRTH.full_name
    assert values["personal_number"] == BIRTH.personal_number


def test_a_large_scan_of_noise_is_read_within_bounds(reader):
    """As large as decoded pages get. The noise is what finds most lines and most straight edges."""
    random = np.random.default_rng(4)
    specks = random.integers(0, 2, (900, 640, 1)).astype(np.uint8) * 255
    picture = np.repeat(np.kron(specks, np.ones((4, 4, 1), np.uint8)), 3, axis=2)
    before = resource.getrusage(resource.RUSAGE_SELF)
    reading = read_document([picture], reader)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert reading.checks[0].outcome is Outcome.INDETERMINATE
    assert after.ru_utime - before.ru_utime < 60
    assert after.ru_maxrss - before.ru_maxrss < 1_500_000
