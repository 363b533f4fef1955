"""The installed nets on generated and real material; figures as docs/ocr.md states them, with room for chance."""

import json
import unicodedata
from dataclasses import replace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from ekyc.imaging.decode import read_image
from ekyc.imaging.effects import jpeg_round_trip
from ekyc.imaging.encode import encode_png
from ekyc.ocr import compare_copy, read_card, read_document
from ekyc.ocr.alignment import edit_distance
from ekyc.outcomes import Outcome
from ekyc.samples import SampleBirth, alter, render_birth_certificate, scan_of
from ekyc.samples.documents import ScanConditions

pytestmark = pytest.mark.models

ROUGH = ScanConditions(turn_deg=1.5, blur_px=1.0, noise=5, darkest=0.85)


def entries(folder, name):
    text = (folder / "ocr" / "synth" / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.shared_data
def test_hard_lines_are_read_within_the_stated_error(reader, shared_data):
    errors = letters = 0
    for entry in entries(shared_data, "lines")[:600:10]:
        text = reader.read_line(read_image(shared_data / "ocr" / "synth" / entry["file"])).text
        errors += edit_distance(entry["text"], text)
        letters += len(entry["text"])
    assert errors / letters < 0.035


@pytest.mark.shared_data
def test_fields_of_papers_and_cards_are_read(reader, shared_data):
    wrong = total = 0
    names = {"name": "full_name", "dob": "birth_date", "pin": "personal_number", "sex": "sex"}
    for entry in entries(shared_data, "docs")[3:9]:
        if entry["kind"] == "marriage":
            continue
        image = read_image(shared_data / "ocr" / "synth" / entry["file"])
        reading = (
            read_card(image, None, reader)
            if entry["kind"] == "card"
            else read_document([image], reader)
        )
        values = {field.name: field.value.reveal() for field in reading.fields}
        wanted = {names[key]: value for key, value in entry["fields"].items() if key in names}
        wrong += sum(values.get(name) != value for name, value in wanted.items())
        total += len(wanted)
    assert total == 16
    assert wrong <= 1


@pytest.mark.shared_data
def test_real_one_bit_scans_are_read(reader, shared_data):
    folder = shared_data / "ocr" / "real"
    page = reader.read_page(cv2.imread(str(folder / "vietsample1.tif")))
    truth = unicodedata.normalize("NFC", (folder / "vietsample1.txt").read_text(encoding="utf-8"))
    lines = [" ".join(line.split()) for line in truth.splitlines() if line.strip()]
    errors = sum(min(edit_distance(line, found.text) for found in page.lines) for line in lines)
    assert errors / sum(map(len, lines)) < 0.02


@pytest.fixture(scope="module")
def original():
    return render_birth_certificate(SampleBirth.default())


@pytest.mark.parametrize("conditions", [None, ROUGH], ids=["good", "rough"])
def test_an_honest_scan_passes(conditions, original, reader):
    copy = jpeg_round_trip(scan_of(original, 3, conditions), 70)
    result = compare_copy([original], [copy], reader)
    assert result.original.kind == "birth-certificate"
    assert result.checks[0].outcome is Outcome.PASSED


def changed_digit(birth):
    return replace(birth, personal_number=f"{birth.personal_number[:-1]}1")


def changed_tone(birth):
    return replace(alter(birth), date_as_printed=birth.date_as_printed)


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        (changed_digit, "document.digit_changed", "personal_number"),
        (changed_tone, "document.diacritic_changed", "full_name"),
    ],
)
def test_one_changed_mark_is_caught(change, reason, field, original, reader):
    altered = render_birth_certificate(change(SampleBirth.default()))
    copy = jpeg_round_trip(scan_of(altered, 4, ROUGH), 70)
    check = compare_copy([original], [copy], reader).checks[0]
    assert check.outcome is not Outcome.PASSED
    assert check.subjects == (field,)
    if check.outcome is Outcome.FAILED:
        assert check.reasons == (reason,)


def test_the_sample_certificate_is_read_field_by_field(original, reader):
    birth = SampleBirth.default()
    reading = read_document([original], reader)
    values = {field.name: field.value.reveal() for field in reading.fields}
    assert {check.outcome for check in reading.checks} == {Outcome.PASSED}
    assert values["full_name"] == birth.full_name
    assert values["birth_date"] == birth.date_as_printed
    assert values["personal_number"] == birth.personal_number
    assert values["mother.full_name"] == birth.mother.full_name
    assert values["father.birth_year"] == str(birth.father.birth_year)


def test_a_net_reads_the_same_alone_and_in_company(original, reader):
    quads = [region.quad for region in reader.find_lines(original)][:8]
    together = [text.text for text in reader.read_quads(original, quads)]
    assert together == [reader.read_quads(original, [quad])[0].text for quad in quads]


def test_blank_and_noisy_pages_hold_next_to_nothing(reader):
    blank = np.full((800, 600, 3), 245, np.uint8)
    assert reader.read_page(blank).lines == ()
    noise = np.random.default_rng(0).integers(0, 255, (800, 600, 3)).astype(np.uint8)
    assert len(reader.read_page(noise).text) < 10


def test_the_commands_keep_their_contract(original, tmp_path, models, validate_against):
    from ekyc.cli.ocr import ocr_app

    page, copy = tmp_path / "original.png", tmp_path / "copy.png"
    page.write_bytes(encode_png(original))
    copy.write_bytes(encode_png(render_birth_certificate(alter(SampleBirth.default()))))

    def run(*arguments):
        result = CliRunner().invoke(ocr_app, [*map(str, arguments), "--json"])
        written = json.loads(result.stdout)
        validate_against(f"ekyc.ocr-{arguments[0]}.1", written)
        return result.exit_code, written

    code, written = run("compare", page, copy, "--html", tmp_path / "seen.html")
    assert (code, written["schema"], written["outcome"]) == (11, "ekyc.ocr-compare/1", "FAILED")
    assert {item["class"] for item in written["differences"]} == {"digit", "diacritic"}
    assert "data:image/jpeg" in (tmp_path / "seen.html").read_text(encoding="utf-8")
    code, written = run("read", page)
    assert (code, written["papers"][0]["kind"]) == (0, "birth-certificate")
    code, written = run("card", page)
    assert (code, written["kind"]) == (10, "unknown")
    code, written = run("compare", page, tmp_path / "absent.png")
    assert (code, written["outcome"], written["error"]["code"]) == (1, "ERROR", "image.missing")
