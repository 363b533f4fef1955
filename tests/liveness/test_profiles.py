"""Profiles, policy and the second look, with the fake detector and network; the operator's own nets."""

import hashlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from ekyc.errors import InputError, ModelError
from ekyc.inference.registry import default_registry
from ekyc.liveness import (
    PROFILES,
    Assurance,
    PadPolicy,
    PadThresholds,
    ProfileName,
    check_liveness,
)
from ekyc.liveness.score import FrameScore, gain_to, score_frame
from ekyc.liveness.silent_face import PINNED_NETS, PinnedNet, SilentFace
from ekyc.outcomes import Outcome
from ekyc.testing import StaticModel
from ekyc.values import BoxPx


@pytest.fixture
def check(detector, pad_model):
    def run(frames, **options):
        return check_liveness(frames, detector=detector, pad_model=pad_model, **options)

    return run


def capture(draw, *scores, **options):
    return [draw(score, number=number, **options) for number, score in enumerate(scores)]


def test_every_profile_says_what_the_registry_says_of_its_nets():
    assert set(PROFILES) == set(ProfileName)
    for profile in PROFILES.values():
        entries = [default_registry()[model_id] for model_id in profile.models]
        own = all(entry.disclosed for entry in entries)
        assert profile.training_data_disclosed == (own and not profile.user_weights)
        assert profile.demonstration == (profile.name is ProfileName.DEMO)


class Counting:
    """A net that counts its runs and answers by the cut that it is shown: wide cuts are darker on average here."""

    id = "faceplugin-liveness"

    def __init__(self, answer):
        self.runs = 0
        self._answer = answer

    def infer(self, item):
        self.runs += 1
        live = self._answer(item)
        return (np.array([live, 1 - live, 0], dtype=np.float32),)


def test_fast_runs_the_net_once_a_frame_and_looks_at_all_four_views_in_turn(detector, draw):
    frames = capture(draw, *[0.9] * 8)
    net = Counting(lambda item: 0.9)
    report = check_liveness(
        frames, detector=detector, pad_model=net, profile=PROFILES[ProfileName.FAST]
    )
    assert report.check.outcome is Outcome.PASSED
    assert net.runs == 8
    assert [score.wide is None for score in report.scored] == [False, True] * 4
    searched = [frame.screen_lines_nats is not None for frame in report.frames]
    assert searched == [True] + [False] * 7


def test_fast_takes_the_median_of_each_cut_before_their_mean(detector, draw):
    """All wide cuts 0.9, all square ones 0.45: neither kind may outvote the other."""
    scores = iter([0.9, 0.45] * 4 + [0.9])
    report = check_liveness(
        capture(draw, *[0.5] * 9),
        detector=detector,
        pad_model=Counting(lambda item: next(scores)),
        profile=PROFILES[ProfileName.FAST],
    )
    assert report.median == pytest.approx(0.675)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_few_frames_are_looked_at_in_every_way(detector, draw, count):
    """A single cut of a single frame would accuse people whom the other cut knows to be live."""
    net = Counting(lambda item: 0.9)
    report = check_liveness(
        capture(draw, *[0.9] * count),
        detector=detector,
        pad_model=net,
        profile=PROFILES[ProfileName.FAST],
    )
    assert net.runs == 4 * count
    assert all(None not in {score.wide, score.square} for score in report.scored)
    assert all(frame.screen_lines_nats is not None for frame in report.frames)
    assert report.check.outcome is Outcome.INDETERMINATE


def test_one_scored_frame_of_many_neither_passes_nor_accuses(detector, draw):
    """With views in turn it was seen through one cut only."""
    frames = [*capture(draw, 0.0), *capture(draw, *[0.0] * 9, faces=())]
    report = check_liveness(
        frames,
        detector=detector,
        pad_model=Counting(lambda item: 0.01),
        profile=PROFILES[ProfileName.FAST],
        policy=PadPolicy(assurance=Assurance.LOW),
    )
    assert report.check.outcome is Outcome.INDETERMINATE


def test_default_runs_four_views(detector, draw):
    net = Counting(lambda item: 0.9)
    check_liveness(capture(draw, 0.9), detector=detector, pad_model=net)
    assert net.runs == 4


@pytest.mark.parametrize(
    ("assurance", "outcome"),
    [
        (Assurance.LOW, Outcome.PASSED),
        (Assurance.SUBSTANTIAL, Outcome.INDETERMINATE),
        (Assurance.HIGH, Outcome.INDETERMINATE),
    ],
)
def test_a_single_frame_passes_up_to_the_policys_level_only(check, draw, assurance, outcome):
    report = check(capture(draw, 0.99), policy=PadPolicy(assurance=assurance))
    assert report.check.outcome is outcome


def test_the_level_for_single_frames_is_the_operators(check, draw):
    policy = PadPolicy(assurance=Assurance.HIGH, single_frames_up_to=Assurance.HIGH)
    assert check(capture(draw, 0.99), policy=policy).check.outcome is Outcome.PASSED
    assert check(capture(draw, 0.3), policy=policy).check.outcome is Outcome.INDETERMINATE


def test_a_policy_may_forbid_nets_of_undisclosed_training_data(detector, draw):
    net = Counting(lambda item: 0.9)
    report = check_liveness(
        capture(draw, *[0.9] * 5),
        detector=detector,
        pad_model=net,
        policy=PadPolicy(allow_undisclosed=False),
    )
    assert report.check.outcome is Outcome.NOT_PERFORMED
    assert report.check.reasons == ("model.undisclosed_not_allowed",)
    assert net.runs == 0


def by_exposure(item):
    """As the real net does: takes what is dim for an attack."""
    return 0.95 if float(np.median(item[0])) > 100 else 0.02


def test_a_dim_person_is_not_called_an_attack_and_does_not_pass(detector, draw):
    frames = capture(draw, *[0.5] * 5, level=45)
    report = check_liveness(frames, detector=detector, pad_model=Counting(by_exposure))
    assert report.check.outcome is Outcome.INDETERMINATE
    assert report.check.reasons == ("liveness.poor_light",)
    assert report.median == pytest.approx(0.02)
    assert report.at_best == pytest.approx(0.95)


def test_an_attack_in_the_dark_that_stays_one_in_the_light_is_one(detector, draw):
    frames = capture(draw, *[0.5] * 5, level=45)
    report = check_liveness(frames, detector=detector, pad_model=Counting(lambda item: 0.05))
    assert report.check.outcome is Outcome.FAILED


def test_a_second_look_never_lets_pass(detector, draw):
    """However live the frames look at another exposure: the first look decides."""
    for level in (45, 100, 220):
        frames = capture(draw, *[0.5] * 5, level=level)
        outcome = check_liveness(
            frames,
            detector=detector,
            pad_model=Counting(lambda item: 0.99 if float(item[0].max()) >= 255 else 0.3),
        ).check.outcome
        assert outcome is not Outcome.PASSED


def test_gain_is_bounded_and_brings_a_face_to_the_asked_level():
    box = BoxPx(left=10, top=10, right=90, bottom=90)
    frame = np.full((100, 100, 3), 50, dtype=np.uint8)
    assert gain_to(frame, box, luma=125, most=3.0) == pytest.approx(2.5)
    assert gain_to(frame // 50, box, luma=125, most=3.0) == 3.0
    assert gain_to(frame * 5, box, luma=50, most=3.0) == pytest.approx(1 / 3)


def test_mirror_images_and_cuts_are_averaged():
    """The left half of the picture is bright: a net that looks only there sees the mirror image differ."""
    frame = np.zeros((400, 400, 3), dtype=np.uint8)
    frame[:, :200] = 200
    box = BoxPx(left=150, top=150, right=250, bottom=250)
    net = Counting(lambda item: 0.8 if item[0, 64, 5] > 100 else 0.2)
    score = score_frame(frame, box, net)
    assert (score.wide, score.square, score.live) == pytest.approx((0.5, 0.5, 0.5))


def test_users_nets_weigh_as_much_as_ours():
    assert FrameScore(wide=0.2, square=0.4, silent_face=0.9).live == pytest.approx(0.6)
    assert FrameScore(wide=0.2, square=None).live == pytest.approx(0.2)
    assert FrameScore(wide=0.2, square=0.2, second_look=0.1).at_best == pytest.approx(0.2)


def tiny_net(bias):
    """(1, 3, 80, 80) → logits: the mean of the first channel added to the class "live"."""
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
        helper.make_node("Add", ["mean", "bias"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 80, 80])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        [
            helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
            helper.make_tensor("bias", TensorProto.FLOAT, [3], bias),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return onnx.ModelProto.SerializeToString(model)


@pytest.fixture
def folder(tmp_path):
    """Two nets of a file each, and what pins them."""
    pins = []
    for name, bias, scale in (("a.onnx", [0.0, 5.0, 0.0], 2.7), ("b.onnx", [5.0, 0.0, 0.0], 4.0)):
        content = tiny_net(bias)
        (tmp_path / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        pins.append(PinnedNet(file=name, sha256=digest, scale=scale))
    return tmp_path, pins


def test_silent_face_averages_the_live_class_of_its_nets(folder, draw):
    path, pins = folder
    nets = SilentFace.open(path, nets=pins)
    gray = np.full((480, 480, 3), 77, dtype=np.uint8)
    box = BoxPx(left=200, top=200, right=280, bottom=280)
    sure = np.exp(5) / (np.exp(5) + 2)
    assert nets.score(gray, box) == pytest.approx((sure + (1 - sure) / 2) / 2, abs=1e-6)
    assert nets.digests == {pin.file: pin.sha256 for pin in pins}


def test_users_nets_join_the_score_when_the_profile_asks(detector, pad_model, draw, folder):
    path, pins = folder
    report = check_liveness(
        capture(draw, *[0.8] * 5),
        detector=detector,
        pad_model=pad_model,
        profile=PROFILES[ProfileName.USER_WEIGHTS],
        silent_face=SilentFace.open(path, nets=pins),
    )
    assert all(score.silent_face is not None for score in report.scored)
    assert report.median == pytest.approx((0.8 + report.scored[0].silent_face) / 2, abs=1e-3)


def test_altered_and_missing_nets_are_refused(folder):
    path, pins = folder
    with pytest.raises(InputError) as missing:
        SilentFace.open(path)
    assert (missing.value.code, missing.value.subject) == (
        "model.file_unreadable",
        PINNED_NETS[0].file,
    )
    (path / "a.onnx").write_bytes(tiny_net([0.0, 9.0, 0.0]))  # sound, and another net
    with pytest.raises(ModelError) as altered:
        SilentFace.open(path, nets=pins)
    assert (altered.value.code, altered.value.subject) == ("model.altered", "a.onnx")


def test_user_weights_without_nets_is_refused(check, draw):
    with pytest.raises(InputError) as caught:
        check(capture(draw, 0.9), profile=PROFILES[ProfileName.USER_WEIGHTS])
    assert caught.value.code == "liveness.weights_missing"


def test_a_net_that_answers_nonsense_is_an_error(draw):
    nan = StaticModel("a.onnx", lambda item: (np.full(3, np.nan, dtype=np.float32),))
    with pytest.raises(ModelError) as caught:
        SilentFace([(PINNED_NETS[0], nan)]).score(
            draw(0.5), BoxPx(left=100, top=100, right=200, bottom=200)
        )
    assert caught.value.code == "model.unexpected_output"


def test_thresholds_of_all_profiles_are_sound():
    for profile in PROFILES.values():
        assert profile.thresholds.min_frames >= 3
        assert PadThresholds().live_at == profile.thresholds.live_at
