"""The whole way from a picture to comparable vectors, under the names that users of InsightFace know.

::

    with Engine.open(ids=FacePipeline.MODELS) as engine:
        pipeline = FacePipeline.over(engine)
        (face,) = pipeline.get(image)
        face.normed_embedding @ other.normed_embedding

What differs from ``insightface.app.FaceAnalysis``: pictures in batches (:meth:`FacePipeline.get_batch`), detection
sizes chosen by the picture, 468 points instead of 106 and 68, no guess of age or sex. A vector of a face is personal
data like the face: keep none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from ekyc.errors import InputError
from ekyc.face.detect import SCORE_THRESHOLD, FaceDetector
from ekyc.face.embed import EMBEDDING_LENGTH, FaceEmbedder, align_face, unit_vector
from ekyc.face.mesh import FaceMesher, head_pose

if TYPE_CHECKING:
    from ekyc.face.faces import DetectedFace
    from ekyc.face.select import FindsFaces
    from ekyc.inference import Engine
    from ekyc.values import BgrImage, FloatArray

DETECTOR_ID, MESH_ID, EMBEDDER_ID = "yunet-2023mar", "mediapipe-face-mesh", "sface-2021dec"
MAX_CALLERS = 64

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Face:
    """One face of a picture with all that the pipeline found; names as in InsightFace."""

    detected: DetectedFace
    embedding: FloatArray = field(repr=False)
    """As the model gives it: float32, shape (128,) for SFace; its length says nothing. The sum with the mirrored face's where
    flips are on."""

    @property
    def bbox(self) -> NDArray[np.float32]:
        """float32, shape (4,): left, top, right, bottom in pixels of the picture."""
        box = self.detected.box
        return np.array([box.left, box.top, box.right, box.bottom], dtype=np.float32)

    @property
    def kps(self) -> NDArray[np.float32]:
        """float32, shape (5, 2): eye, eye, nose, mouth corner, mouth corner, as seen from left to right."""
        return self.detected.landmarks.points.astype(np.float32)

    @property
    def det_score(self) -> float:
        """Detector's confidence, 0 to 1."""
        return self.detected.score

    @property
    def landmark_3d_468(self) -> NDArray[np.float32] | None:
        """float32, shape (468, 3), or None where the mesh saw no face."""
        mesh = self.detected.mesh
        return None if mesh is None else mesh.points.astype(np.float32)

    @property
    def pose(self) -> NDArray[np.float32] | None:
        """float32, shape (3,): pitch, yaw, roll in degrees (InsightFace's order), or None without a mesh."""
        mesh = self.detected.mesh
        if mesh is None:
            return None
        pose = head_pose(mesh)
        return np.array([pose.pitch_deg, pose.yaw_deg, pose.roll_deg], dtype=np.float32)

    @property
    def embedding_norm(self) -> float:
        """Length of :attr:`embedding`."""
        return float(np.linalg.norm(self.embedding))

    @property
    def normed_embedding(self) -> FloatArray:
        """float32, shape (128,), length 1; the product of two is their cosine."""
        return unit_vector(self.embedding)


class FacePipeline:
    """Detect, refine, align, embed. Safe to share between threads once prepared."""

    MODELS: ClassVar = (DETECTOR_ID, MESH_ID, EMBEDDER_ID)
    """What an engine must hold."""

    def __init__(self, *, detector: FindsFaces, embedder: FaceEmbedder) -> None:
        """
        Args:
            detector: a :class:`~ekyc.face.detect.FaceDetector`, with its mesher or without.
            embedder: turns aligned faces into vectors.
        """
        self.detector = detector
        self.embedder = embedder

    @classmethod
    def over(cls, engine: Engine, *, flip: bool = False) -> Self:
        """The pipeline over an engine's models.

        Raises:
            ModelError: a model is missing or altered.
        """
        mesher = FaceMesher(engine.model(MESH_ID))
        return cls(
            detector=FaceDetector(engine.model(DETECTOR_ID), mesher=mesher),
            embedder=FaceEmbedder(engine.model(EMBEDDER_ID), flip=flip),
        )

    def prepare(
        self,
        ctx_id: int = -1,
        det_thresh: float = SCORE_THRESHOLD,
        det_size: tuple[int, int] | int | None = None,
    ) -> Self:
        """Set how faces are detected; call it before the pipeline is shared. Returns itself.

        Args:
            ctx_id: kept for callers of InsightFace; negative. The device is the engine's choice, not ours.
            det_thresh: least score of a face, above 0 and at most 1.
            det_size: longer side at which every picture is shown (of a pair, the larger); None lets the picture
                choose, which is better.

        Raises:
            InputError: ``face.option_invalid``.
        """
        if ctx_id >= 0:
            raise InputError(
                "the device is chosen with Engine.open(policy=…), not with ctx_id",
                code="face.option_invalid",
                subject="ctx_id",
            )
        if not 0.0 < det_thresh <= 1.0:
            raise InputError(
                "must lie above 0 and not above 1", code="face.option_invalid", subject="det_thresh"
            )
        sizes: tuple[int, ...] | None = None
        if det_size is not None:
            longest = max(det_size) if isinstance(det_size, tuple) else det_size
            if not 32 <= longest <= 2048:
                raise InputError(
                    "must lie in 32–2048", code="face.option_invalid", subject="det_size"
                )
            sizes = (longest,)
        self.detector = self.detector.configured(long_sides_px=sizes, score_threshold=det_thresh)
        return self

    def get(self, image: BgrImage, max_num: int = 0) -> list[Face]:
        """All faces of a picture, the largest first.

        Args:
            image: uint8, shape (height, width, 3), blue-green-red, upright.
            max_num: at most so many; 0 for all (:data:`~ekyc.face.detect.MAX_FACES`).

        Raises:
            ModelError, BusyError: a model failed.
        """
        found = self.detector.detect(image)
        return [self._complete(image, face) for face in found[: max_num or None]]

    def get_batch(
        self, images: Sequence[BgrImage], max_num: int = 0, *, callers: int = 2
    ) -> list[list[Face]]:
        """:meth:`get` of every picture, in their order, ``callers`` at a time; each answer is that of a single call.

        Args:
            images: as for :meth:`get`; sizes may differ.
            max_num: as for :meth:`get`.
            callers: 1 to 64 threads. As many as cores on a CPU; more on a GPU, where the engine groups equal shapes.

        Raises:
            ModelError, BusyError: a model failed; the first failure in the pictures' order.
        """
        return _in_order(lambda image: self.get(image, max_num), images, callers)

    def detect_batch(
        self, images: Sequence[BgrImage], *, callers: int = 2
    ) -> list[tuple[DetectedFace, ...]]:
        """Faces of every picture, not refined, each the answer of ``detector.detect``."""
        return _in_order(self.detector.detect, images, callers)

    def embed_batch(self, crops: Sequence[BgrImage], *, callers: int = 2) -> FloatArray:
        """Vectors of aligned faces: float32, shape (crops, 128), each of length 1.

        Args:
            crops: uint8, shape (112, 112, 3), blue-green-red, as :func:`~ekyc.face.embed.align_face` gives them.
            callers: as for :meth:`get_batch`.

        Raises:
            InputError: ``face.not_aligned``.
        """
        vectors = _in_order(
            lambda crop: unit_vector(self.embedder.embed_crop(crop)), crops, callers
        )
        return np.stack(vectors) if vectors else np.empty((0, EMBEDDING_LENGTH), dtype=np.float32)

    def _complete(self, image: BgrImage, face: DetectedFace) -> Face:
        refined = self.detector.refine(image, face)
        return Face(
            detected=refined, embedding=self.embedder.embed_crop(align_face(image, refined))
        )


def _in_order(work: Callable[[_In], _Out], items: Sequence[_In], callers: int) -> list[_Out]:
    """Results in the order of the items; the terms of inference of this thread hold in the others."""
    if not 1 <= callers <= MAX_CALLERS:
        raise InputError(
            f"must lie in 1–{MAX_CALLERS}", code="face.option_invalid", subject="callers"
        )
    if min(callers, len(items)) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(callers, len(items)), thread_name_prefix="faces") as pool:
        futures = [pool.submit(copy_context().run, work, item) for item in items]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
