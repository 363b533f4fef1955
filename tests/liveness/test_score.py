import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import ModelError
from ekyc.face import FaceDetector
from ekyc.imaging import read_image
from ekyc.liveness import score_frame
from ekyc.liveness.score import context_scale, cut_inside
from ekyc.testing import StaticModel
from ekyc.values import BoxPx

BOX = BoxPx(left=200, top=150, right=280, bottom=250)


def probabilities(live):
    return (np.array([live, 1 - live, 0], dtype=np.float32),)


def recording(seen, live=0.5):
    def answer(item):
        seen.append(item)
        return probabilities(live)

    return StaticModel("faceplugin-liveness", answer)


def test_network_is_shown_blue_first():
    seen = []
    frame = np.zeros((480, 480, 3), dtype=np.uint8)
    frame[..., 0], frame[..., 2] = 200, 10
    score_frame(frame, BOX, recording(seen))
    assert len(seen) == 4
    for item in seen:
        assert item.shape == (3, 128, 128)
        assert item.dtype == np.float32
        assert item[:, 64, 64].tolist() == [200.0, 0.0, 10.0]


def test_four_looks_two_cuts_each_with_its_mirror_image():
    seen = []
    frame = np.random.default_rng(0).integers(0, 256, (480, 480, 3), dtype=np.uint8)
    score_frame(frame, BOX, recording(seen))
    for look, mirrored in (seen[:2], seen[2:]):
        assert (look[:, :, ::-1] == mirrored).all()
    assert not (seen[0] == seen[2]).all()


def test_score_is_the_mean_of_four_looks():
    answers = iter([0.1, 0.3, 0.8, 1.0])
    model = StaticModel("faceplugin-liveness", lambda _item: probabilities(next(answers)))
    score = score_frame(np.zeros((480, 480, 3), dtype=np.uint8), BOX, model)
    assert score.wide == pytest.approx(0.2)
    assert score.square == pytest.approx(0.9)
    assert score.live == pytest.approx(0.55)


def test_wide_cut_is_2_7_boxes_and_square_cut_1_5_sides():
    wide = cut_inside(BOX, 2.7 * 80, 2.7 * 100, 480, 480)
    assert (wide.left, wide.right) == pytest.approx((240 - 108, 240 + 108))
    assert (wide.top, wide.bottom) == pytest.approx((200 - 135, 200 + 135))


@given(
    left=st.floats(-50, 400),
    top=st.floats(-50, 300),
    width=st.floats(20, 300),
    height=st.floats(20, 300),
    times=st.floats(1, 5),
)
def test_cuts_never_leave_the_frame_and_keep_their_shape(left, top, width, height, times):
    box = BoxPx(left=left, top=top, right=left + width, bottom=top + height)
    cut = cut_inside(box, times * width, times * height, 420, 340)
    assert -1e-6 <= cut.left < cut.right <= 420 + 1e-6
    assert -1e-6 <= cut.top < cut.bottom <= 340 + 1e-6
    assert cut.width / cut.height == pytest.approx(width / height)


def test_no_padding_is_ever_shown():
    """A face in the corner of a white frame: every pixel shown is white."""
    seen = []
    frame = np.full((300, 300, 3), 255, dtype=np.uint8)
    score_frame(frame, BoxPx(left=0, top=0, right=90, bottom=100), recording(seen))
    assert all((item == 255).all() for item in seen)


def test_context_is_how_often_the_face_fits():
    assert context_scale(BOX, 480, 480) == pytest.approx(4.8)
    assert context_scale(BOX, 120, 480) == pytest.approx(1.5)


@pytest.mark.parametrize(
    "answer",
    [
        np.array([-0.1, 4.1, -4.0]),
        np.array([0.5, 0.5]),
        np.array([[1.0, 0.0, 0.0]]),
        np.array([np.nan, 0.5, 0.5]),
        np.array([1.5, -0.5, 0.0]),
    ],
    ids=["logits", "two", "batched", "nan", "negative"],
)
def test_what_is_no_probability_is_refused(answer):
    model = StaticModel("faceplugin-liveness", lambda _item: (answer.astype(np.float32),))
    with pytest.raises(ModelError) as caught:
        score_frame(np.zeros((480, 480, 3), dtype=np.uint8), BOX, model)
    assert caught.value.code == "model.unexpected_output"


@pytest.mark.models
@pytest.mark.shared_data
def test_exchanged_channels_lose_the_real_order(models, shared_data):
    """Blue first, both living people score above the print and the bare screen; red first, that margin shrinks."""
    detector = FaceDetector(models.model("yunet-2023mar"))
    model = models.model("faceplugin-liveness")
    folder = shared_data / "liveness"
    margins = []
    for order in (slice(None), slice(None, None, -1)):
        score = {}
        for name in ("bona_fide/selfie/mv_T1", "attack/print/mv_F1", "attack/screen/mv_F2"):
            frame = read_image(folder / f"{name}.jpg")
            box = detector.detect(frame)[0].box
            shown = np.ascontiguousarray(frame[..., order])
            score[name] = score_frame(shown, box, model).live
        live = score.pop("bona_fide/selfie/mv_T1")
        margins.append(live - max(score.values()))
    right, exchanged = margins
    assert right > 0.5
    assert exchanged < right / 2
