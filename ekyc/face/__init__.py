"""Faces, one to one: find them, align them, embed them, compare a portrait with live frames.

Models come in through :class:`ekyc.ports.Model`; this room never opens one itself and never searches a gallery.
"""

from ekyc.face.detect import FaceDetector, decode_yunet
from ekyc.face.embed import FaceEmbedder, align_face, cosine
from ekyc.face.eyes import EyeReader
from ekyc.face.faces import DetectedFace, FaceMesh, HeadPose, Landmarks
from ekyc.face.match import (
    FaceComparison,
    FrameFace,
    compare_faces,
    judge_cosine,
)
from ekyc.face.mesh import FaceMesher, head_pose
from ekyc.face.pipeline import Face, FacePipeline
from ekyc.face.select import FaceProblem, UsableFace, dominant_face, usable_face
from ekyc.face.thresholds import DEFAULT_MATCH, MatchThresholds, thresholds_for_portrait

__all__ = [
    "DEFAULT_MATCH",
    "DetectedFace",
    "EyeReader",
    "Face",
    "FaceComparison",
    "FaceDetector",
    "FaceEmbedder",
    "FaceMesh",
    "FaceMesher",
    "FacePipeline",
    "FaceProblem",
    "FrameFace",
    "HeadPose",
    "Landmarks",
    "MatchThresholds",
    "UsableFace",
    "align_face",
    "compare_faces",
    "cosine",
    "decode_yunet",
    "dominant_face",
    "head_pose",
    "judge_cosine",
    "thresholds_for_portrait",
    "usable_face",
]
