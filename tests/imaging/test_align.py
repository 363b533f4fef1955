import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.imaging.align import Similarity, fit_similarity, warp_similarity

FIVE = np.array([(38.0, 52.0), (73.0, 51.0), (56.0, 72.0), (41.0, 92.0), (71.0, 92.0)])


@given(
    scale=st.floats(0.05, 20),
    angle=st.floats(-np.pi, np.pi),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_a_true_similarity_is_found_again(scale, angle, shift):
    true = Similarity(turn=scale * np.exp(1j * angle), shift=complex(*shift))
    found = fit_similarity(FIVE, true.apply(FIVE))
    assert found.turn == pytest.approx(true.turn, rel=1e-6)
    assert found.shift == pytest.approx(true.shift, abs=1e-4)
    assert found.scale == pytest.approx(scale, rel=1e-6)


def test_mirrored_points_are_turned_not_mirrored():
    found = fit_similarity(FIVE, FIVE * (-1, 1) + (112, 0))
    assert np.linalg.det(found.matrix[:, :2]) > 0


@given(noise=st.integers(0, 1000))
def test_no_nearby_similarity_fits_better(noise):
    random = np.random.default_rng(noise)
    target = FIVE + random.normal(0, 3, FIVE.shape)
    best = fit_similarity(FIVE, target)

    def misfit(similarity):
        return np.sum((similarity.apply(FIVE) - target) ** 2)

    for _ in range(10):
        other = Similarity(
            turn=best.turn + complex(*random.normal(0, 0.01, 2)),
            shift=best.shift + complex(*random.normal(0, 0.5, 2)),
        )
        assert misfit(best) <= misfit(other) + 1e-9


@pytest.mark.parametrize(
    "source", [np.zeros((5, 2)), np.full((5, 2), np.nan), np.full((5, 2), 1e200)]
)
def test_points_that_name_no_place(source):
    with np.errstate(all="ignore"), pytest.raises(InputError) as caught:
        fit_similarity(source, FIVE)
    assert caught.value.code == "face.degenerate_landmarks"


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.25, 0.21, 0.1])
def test_marks_arrive_where_the_similarity_says_at_every_scale(scale):
    """Discs on a dark ground: their centres of mass survive shrinking in two steps."""
    side = round(112 / scale)
    image = np.zeros((side, side, 3), dtype=np.uint8)
    y, x = np.mgrid[:side, :side]
    target = np.array([(30.0, 40.0), (80.0, 70.0)])
    similarity = Similarity(turn=complex(scale, 0), shift=complex(0.3, -0.2))
    source = (target - [0.3, -0.2]) / scale
    for cx, cy in source:
        image[np.hypot(x - cx, y - cy) <= 6 / scale] = 255
    warped = warp_similarity(image, similarity, 112, 112)[..., 0].astype(float)
    yy, xx = np.mgrid[:112, :112]
    for cx, cy in target:
        near = (np.hypot(xx - cx, yy - cy) < 12) * warped
        centre = (near * xx).sum() / near.sum(), (near * yy).sum() / near.sum()
        assert centre == pytest.approx((cx, cy), abs=0.12)


def test_strong_shrinking_takes_means_not_samples():
    checkers = np.indices((800, 800)).sum(axis=0) % 2 * 255
    image = np.repeat(checkers[:, :, None], 3, axis=2).astype(np.uint8)
    warped = warp_similarity(image, Similarity(turn=complex(0.125, 0.0), shift=0j), 90, 90)
    assert abs(float(warped.mean()) - 127.5) < 2
    assert warped[2:-2, 2:-2].std() < 1  # the outermost pixels mix with the black outside
