"""The profile of user-supplied packs: nothing opens without a word on the licence, and SCRFD is decoded by hand."""

import os
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from ekyc.errors import InputError, ModelError
from ekyc.face import FaceEmbedder, compare_faces
from ekyc.face.embed import ARCFACE
from ekyc.face.insightface import InsightFacePack, open_pack
from ekyc.face.scrfd import ScrfdDetector, decode_scrfd
from ekyc.inference.file_model import FileModel
from ekyc.testing import StaticModel

HEIGHT, WIDTH = 64, 96
STRIDES = (8, 16, 32)


def empty_outputs(height=HEIGHT, width=WIDTH):
    return [
        np.zeros((2 * (height // stride) * (width // stride), values), np.float32)
        for values in (1, 4, 10)
        for stride in STRIDES
    ]


def refused(code, work):
    with pytest.raises((InputError, ModelError)) as caught:
        work()
    assert caught.value.code == code
    return caught.value


def test_nothing_opens_before_the_licence_is_accepted(tmp_path):
    error = refused("face.licence_not_accepted", lambda: open_pack(tmp_path))
    assert "non-commercial" in error.message


def test_a_pack_has_one_detector_and_one_embedder(tmp_path):
    refused("face.pack_incomplete", lambda: InsightFacePack.find(tmp_path))
    for name in ("det_500m.onnx", "w600k_mbf.onnx", "genderage.onnx", "2d106det.onnx"):
        (tmp_path / name).write_bytes(b"x")
    pack = InsightFacePack.find(tmp_path)
    assert (pack.detector.name, pack.embedder.name) == ("det_500m.onnx", "w600k_mbf.onnx")
    refused("model.unreadable", lambda: open_pack(tmp_path, accept_licence=True))
    (tmp_path / "det_10g.onnx").write_bytes(b"x")
    refused("face.pack_incomplete", lambda: InsightFacePack.find(tmp_path))


@pytest.mark.parametrize("anchor", [0, 1])
def test_an_anchor_stands_in_the_corner_of_its_cell(anchor):
    outputs = empty_outputs()
    cell = 1 * (WIDTH // 16) + 2  # row 1, column 2 of stride 16
    index = 2 * cell + anchor
    outputs[1][index] = 0.9
    outputs[4][index] = (0.5, 1.0, 1.5, 2.0)
    outputs[7][index] = np.arange(10) / 10
    (face,) = decode_scrfd(outputs, height=HEIGHT, width=WIDTH)
    assert face[:4] == pytest.approx([32 - 8, 16 - 16, 32 + 24, 16 + 32])
    assert face[4:14].reshape(5, 2) == pytest.approx(
        np.arange(10).reshape(5, 2) * 1.6 + np.array([32, 16]), abs=1e-4
    )
    assert face[14] == pytest.approx(0.9)


def test_outputs_of_another_net_are_refused():
    for outputs in (empty_outputs()[:6], empty_outputs(96, 96), empty_outputs()[::-1]):
        refused(
            "model.unexpected_output", lambda o=outputs: decode_scrfd(o, height=HEIGHT, width=WIDTH)
        )


def test_scrfd_is_shown_red_first_around_zero():
    seen = []

    def infer(item):
        seen.append(item)
        return tuple(empty_outputs(*item.shape[1:]))

    image = np.zeros((64, 64, 3), np.uint8)
    image[..., 2] = 255
    assert ScrfdDetector(StaticModel("det", infer)).detect(image) == ()
    assert seen[0][:, 0, 0].tolist() == [127.5 / 128, -127.5 / 128, -127.5 / 128]


def test_arcface_is_shown_red_first_around_zero():
    seen = []

    def infer(item):
        seen.append(item)
        return (np.ones(512, np.float32),)

    image = np.zeros((112, 112, 3), np.uint8)
    image[..., 2] = 255
    vector = FaceEmbedder(StaticModel("w600k", infer), pixels=ARCFACE).embed_crop(image)
    assert vector.shape == (512,)
    assert seen[0][:, 50, 50].tolist() == [1.0, -1.0, -1.0]


def test_our_thresholds_are_not_lent_to_other_models(draw, detector):
    other = FaceEmbedder(
        StaticModel("w600k", lambda _item: (np.ones(512, np.float32),)), pixels=ARCFACE
    )
    refused(
        "face.thresholds_of_another_model",
        lambda: compare_faces(draw(1), [draw(1)], detector, other),
    )


def tiny(shape=(1, 3, "H", "W"), kind=TensorProto.FLOAT):
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=0)],
        "tiny",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind, [1, 3])],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    ).SerializeToString()


def test_a_file_is_a_model_with_a_digest():
    model = FileModel(tiny(), model_id="tiny.onnx")
    item = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    (answer,) = model.infer(item)
    assert answer.tolist() == [1.5, 5.5, 9.5]
    assert len(model.sha256) == 64
    refused("model.wrong_dtype", lambda: model.infer(item.astype(np.float64)))
    refused("model.run_failed", lambda: model.infer(item[:2]))


def test_a_file_that_takes_no_picture_is_refused(tmp_path):
    refused("model.graph_mismatch", lambda: FileModel(tiny(shape=(1, 3, 4, 5, 6)), model_id="x"))
    refused("model.file_unreadable", lambda: FileModel.read(tmp_path / "absent.onnx"))


@pytest.mark.models
@pytest.mark.shared_data
def test_a_real_pack_tells_people_apart(shared_data):
    folder = os.environ.get("EKYC_INSIGHTFACE")
    if not folder:
        pytest.skip("no model pack named by EKYC_INSIGHTFACE")
    from ekyc.imaging import read_image

    pipeline = open_pack(Path(folder), accept_licence=True)
    faces = [
        pipeline.get(read_image(shared_data / f"faces/london/{name}.jpg"))
        for name in ("001_03", "001_08", "002_08")
    ]
    assert [len(found) for found in faces] == [1, 1, 1]
    first, second, other = (found[0].normed_embedding for found in faces)
    assert first @ second > 0.6
    assert first @ other < 0.3
