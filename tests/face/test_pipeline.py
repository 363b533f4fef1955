"""The pipeline under InsightFace's names: what it gives, and that a batch gives what single calls give."""

import numpy as np
import pytest

from ekyc.errors import InputError, ModelError
from ekyc.face import FaceDetector, FaceEmbedder, FacePipeline, cosine
from ekyc.face.embed import align_face
from ekyc.imaging import flip_horizontally
from ekyc.inference import inference_terms
from ekyc.testing import StaticModel

PICTURES = ("001_03", "001_08", "002_08", "126_03")


@pytest.fixture(scope="module")
def pictures(shared_data):
    from ekyc.imaging import read_image, resize

    read = [read_image(shared_data / f"faces/london/{name}.jpg") for name in PICTURES]
    return [*read[:2], resize(read[2], 300, 333), resize(read[3], 640, 640)]


@pytest.mark.models
@pytest.mark.shared_data
def test_faces_have_the_names_that_users_of_insightface_know(models, pictures):
    pipeline = FacePipeline.over(models).prepare(ctx_id=-1)
    first, second, other, _ = (pipeline.get(picture) for picture in pictures)
    (face,) = first
    assert face.bbox.shape == (4,)
    assert face.kps.shape == (5, 2)
    assert face.kps[0, 0] < face.kps[1, 0]
    assert 0.5 < face.det_score <= 1
    assert face.landmark_3d_468.shape == (468, 3)
    assert np.abs(face.pose).max() < 15
    assert face.embedding.shape == (128,)
    assert np.linalg.norm(face.embedding) == pytest.approx(face.embedding_norm)
    assert np.linalg.norm(face.normed_embedding) == pytest.approx(1, abs=1e-6)
    assert cosine(face.normed_embedding, second[0].normed_embedding) > 0.7
    assert cosine(face.normed_embedding, other[0].normed_embedding) < 0.3


@pytest.mark.models
@pytest.mark.shared_data
def test_a_batch_is_its_single_pictures(models, pictures):
    pipeline = FacePipeline.over(models)
    together = pipeline.get_batch(pictures, callers=3)
    for alone, face in zip(pictures, together, strict=True):
        (wanted,) = pipeline.get(alone)
        assert np.abs(face[0].embedding - wanted.embedding).max() <= 1e-5
        assert np.array_equal(face[0].kps, wanted.kps)
    found = pipeline.detect_batch(pictures, callers=2)
    assert [faces[0].box for faces in found] == [
        pipeline.detector.detect(picture)[0].box for picture in pictures
    ]
    crops = [align_face(p, f[0].detected) for p, f in zip(pictures, together, strict=True)]
    vectors = pipeline.embed_batch(crops)
    wanted = np.array([face[0].normed_embedding for face in together])
    assert np.abs(vectors - wanted).max() <= 1e-5
    assert pipeline.embed_batch([]).shape == (0, 128)


@pytest.mark.models
@pytest.mark.shared_data
def test_with_flips_a_mirrored_face_has_the_same_vector(models, pictures):
    plain, flipping = FacePipeline.over(models), FacePipeline.over(models, flip=True)
    (face,) = plain.get(pictures[0])
    crop = align_face(pictures[0], face.detected)
    mirrored = flip_horizontally(crop)
    one, two = flipping.embed_batch([crop, mirrored])
    assert np.abs(one - two).max() < 1e-6
    assert np.abs(np.subtract(*plain.embed_batch([crop, mirrored]))).max() > 1e-3


@pytest.fixture
def fake(detector, embedder):
    return FacePipeline(detector=detector, embedder=embedder)


def test_without_a_mesh_what_needs_it_is_none(fake, draw):
    (face,) = fake.get(draw(3))
    assert face.landmark_3d_468 is None
    assert face.pose is None


def test_max_num_keeps_the_largest(fake, draw):
    image = draw(3, faces=((70, 128, 60), (190, 128, 100)))
    assert len(fake.get(image)) == 2
    (largest,) = fake.get(image, max_num=1)
    assert largest.bbox[2] - largest.bbox[0] == pytest.approx(100, abs=1)


def test_the_terms_of_inference_reach_every_thread(draw, detector, embedder):
    """A deadline is kept in a context variable, which new threads do not inherit."""
    from ekyc.inference.engine import _terms

    seen = []

    def infer(item):
        seen.append(_terms.get().deadline_s)
        return embedder._model.infer(item)

    pipeline = FacePipeline(
        detector=detector, embedder=FaceEmbedder(StaticModel("sface-2021dec", infer))
    )
    with inference_terms(deadline_s=7.0):
        pipeline.get_batch([draw(1), draw(2), draw(3)], callers=3)
    assert seen == [7.0, 7.0, 7.0]


def test_a_failure_in_a_batch_is_raised(draw, detector):
    def infer(_item):
        raise ModelError("broken", code="model.run_failed")

    pipeline = FacePipeline(
        detector=detector, embedder=FaceEmbedder(StaticModel("sface-2021dec", infer))
    )
    with pytest.raises(ModelError):
        pipeline.get_batch([draw(1), draw(2)], callers=2)


@pytest.mark.parametrize(
    ("options", "subject"),
    [
        ({"ctx_id": 0}, "ctx_id"),
        ({"det_thresh": 0.0}, "det_thresh"),
        ({"det_thresh": 1.1}, "det_thresh"),
        ({"det_size": (16, 16)}, "det_size"),
        ({"det_size": 4096}, "det_size"),
    ],
)
def test_options_that_cannot_be_kept_are_refused(fake, options, subject):
    with pytest.raises(InputError) as caught:
        fake.prepare(**options)
    assert (caught.value.code, caught.value.subject) == ("face.option_invalid", subject)


@pytest.mark.parametrize("callers", [0, 65])
def test_threads_are_bounded(fake, draw, callers):
    with pytest.raises(InputError) as caught:
        fake.get_batch([draw(1)], callers=callers)
    assert caught.value.subject == "callers"


def test_a_chosen_detection_size_is_the_only_one_shown(embedder):
    shown = []

    def infer(item):
        shown.append(item.shape[1:])
        from ekyc.face.cells import STRIDES

        return tuple(
            np.zeros((item.shape[1] // s * (item.shape[2] // s), values), np.float32)
            for values in (1, 1, 4, 10)
            for s in STRIDES
        )

    pipeline = FacePipeline(
        detector=FaceDetector(StaticModel("yunet-2023mar", infer)), embedder=embedder
    ).prepare(det_size=(320, 320))
    assert pipeline.get(np.zeros((900, 1200, 3), np.uint8)) == []
    assert shown == [(256, 320)]


def test_a_crop_of_another_size_is_refused(fake):
    with pytest.raises(InputError) as caught:
        fake.embed_batch([np.zeros((100, 100, 3), np.uint8)])
    assert caught.value.code == "face.not_aligned"


def test_a_vector_never_shows_itself(fake, draw):
    (face,) = fake.get(draw(3))
    assert "embedding" not in repr(face)
