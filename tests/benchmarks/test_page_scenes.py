"""The generated pages of the suite ``ocr-pages`` are what they are said to be."""

import numpy as np
import pytest

from ekyc.benchmarks.page_scenes import (
    any_page,
    askew_scan,
    invented_certificate,
    photograph,
    turned_scan,
)


def test_the_same_seed_gives_the_same_pages():
    one, other = (any_page(np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, any_page(np.random.default_rng(4)))


def test_certificates_are_of_different_people():
    random = np.random.default_rng(1)
    one, other = invented_certificate(random), invented_certificate(random)
    assert one.fields["personal_number"] != other.fields["personal_number"]
    assert len(one.fields["personal_number"]) == 12
    assert one.page.shape == (1754, 1240, 3)


@pytest.mark.parametrize("quarters", range(4))
def test_scans_are_turned(quarters):
    random = np.random.default_rng(2)
    page = np.full((300, 200, 3), 250, np.uint8)
    page[:40] = 20
    scan = turned_scan(page, quarters, random)
    bands = [scan[:30].mean(), scan[:, -30:].mean(), scan[-30:].mean(), scan[:, :30].mean()]
    assert int(np.argmin(bands)) == quarters


def test_an_askew_scan_shows_the_whole_page():
    page = np.full((300, 200, 3), 40, np.uint8)
    scan = askew_scan(page, np.random.default_rng(5))
    assert scan[[0, -1]].mean() > 235
    dark = (scan.mean(axis=2) < 140).sum()
    assert dark == pytest.approx(300 * 200, rel=0.03)


def test_a_photograph_is_large_and_shows_its_surface():
    page = np.full((300, 212, 3), 250, np.uint8)
    photo = photograph(page, "plain", np.random.default_rng(6))
    assert sorted(photo.shape) == [3, 2160, 2880]
    assert photo[:20].mean() < 200
