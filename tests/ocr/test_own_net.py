"""Our own net as it ships: what it reads, whatever stands beside it in a batch, and what it does not invent."""

import json
import unicodedata

import numpy as np
import pytest

from ekyc.benchmarks.ocr_padding import count_equal_in_batches, cpu_of_batches
from ekyc.benchmarks.ocr_scores import cer, score_line
from ekyc.imaging.decode import read_image
from ekyc.ocr.engines import own_recogniser, own_vocabulary
from ekyc.ocr.recognise import DIGITS

pytestmark = pytest.mark.models

LETTERS = "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY"
TONES = "\u0300\u0301\u0303\u0309\u0323"


@pytest.fixture(scope="module")
def lines(shared_data):
    folder = shared_data / "ocr" / "synth"
    entries = (folder / "lines.jsonl").read_text(encoding="utf-8").splitlines()[::20]
    found = [json.loads(entry) for entry in entries]
    return [(read_image(folder / entry["file"]), entry["text"]) for entry in found]


@pytest.mark.shared_data
def test_hard_lines_are_read(models, lines):
    reader = own_recogniser(models)
    scores = [score_line(text, reader.read_line(image).text) for image, text in lines]
    assert cer(scores) < 0.02


@pytest.mark.shared_data
def test_company_and_padding_change_no_text(models, lines):
    images = [image for image, _ in lines]
    assert count_equal_in_batches(models, images, seed=3) == len(images)


@pytest.mark.shared_data
def test_every_way_of_batching_is_measured(models, lines):
    costs = cpu_of_batches(models, [image for image, _ in lines[:6]], seed=3)
    assert list(costs) == ["alone", "alone_in_buckets", "buckets_of_16", "any_16"]
    assert min(costs.values()) > 0


@pytest.mark.shared_data
def test_digits_alone_give_digits(models, lines):
    reader = own_recogniser(models)
    image, _ = next(pair for pair in lines if any(char.isdigit() for char in pair[1]))
    assert set(reader.read_line(image, alphabet=DIGITS).text) <= DIGITS | {" "}


def test_every_vietnamese_letter_has_a_class(models):
    wanted = {unicodedata.normalize("NFC", letter + tone) for letter in LETTERS for tone in TONES}
    assert len(wanted | set("ăâêôơưđĂÂÊÔƠƯĐ")) == 134
    assert wanted | set("ăâêôơưđĂÂÊÔƠƯĐ") <= set(own_vocabulary(models))


def test_noise_and_patterns_are_no_words(models):
    reader = own_recogniser(models)
    random = np.random.default_rng(4)
    noise = random.integers(0, 255, (48, 400, 3)).astype(np.uint8)
    waves = np.broadcast_to(127 + 100 * np.sin(np.arange(400) / 5), (48, 400))
    pictures = (noise, np.repeat(waves[:, :, None], 3, axis=2).astype(np.uint8))
    assert all(len(reader.read_line(picture).text) < 4 for picture in pictures)
