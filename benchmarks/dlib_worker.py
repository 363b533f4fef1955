"""dlib's face descriptor, as the package ``face_recognition`` uses it, on the pictures of an archive.

Runs by path in an environment of its own that has dlib, numpy, Pillow and ``face_recognition_models``, and imports
nothing of this package::

    PYTHON dlib_worker.py pictures.tar

Writes one JSON object a line: a greeting ``{"ready": "dlib", "version": TEXT}``, then for each JPEG of the archive
``{"picture": NAME, "vector": [128 numbers] | null, "cpu_ms": NUMBER}`` with null where no face was found. As
``face_recognition.face_encodings`` does by default: HOG detector on the picture enlarged once, five points, one
descriptor without jitter. Of several faces the one nearest to the middle counts.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import numpy as np

_ENLARGED = 1
_JITTERS = 1
_POINTS = "shape_predictor_5_face_landmarks.dat"
_DESCRIPTOR = "dlib_face_recognition_resnet_model_v1.dat"


class Descriptor:
    """Detector, points and descriptor."""

    def __init__(self) -> None:
        dlib = importlib.import_module("dlib")
        models = importlib.util.find_spec("face_recognition_models")
        if models is None or not models.submodule_search_locations:
            raise ImportError("face_recognition_models is not installed")
        folder = Path(models.submodule_search_locations[0], "models")
        self.version = str(dlib.__version__)
        self._detect: Any = dlib.get_frontal_face_detector()
        self._place: Any = dlib.shape_predictor(str(folder / _POINTS))
        self._net: Any = dlib.face_recognition_model_v1(str(folder / _DESCRIPTOR))

    def of(self, picture: Any) -> list[float] | None:
        """The descriptor of the middlemost face of a uint8 picture (height, width, 3), red-green-blue; None without one."""
        middle = np.array(picture.shape[1::-1]) / 2
        faces = list(self._detect(picture, _ENLARGED))
        if not faces:
            return None
        nearest = min(faces, key=lambda box: _off(box, middle))
        points = self._place(picture, nearest)
        return [float(x) for x in self._net.compute_face_descriptor(picture, points, _JITTERS)]


def _off(box: Any, middle: Any) -> float:
    return float(np.hypot(box.center().x - middle[0], box.center().y - middle[1]))


def main() -> None:
    """Answer for every picture of the archive that the first argument names."""
    images = importlib.import_module("PIL.Image")
    descriptor = Descriptor()
    _tell({"ready": "dlib", "version": descriptor.version})
    with tarfile.open(sys.argv[1]) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.name.endswith(".jpg") else None
            if content is None:
                continue
            picture = np.array(images.open(content).convert("RGB"))
            started = time.process_time()
            vector = descriptor.of(picture)
            cpu_ms = (time.process_time() - started) * 1000
            name = member.name.rsplit("/", 1)[-1]
            _tell({"picture": name, "vector": vector, "cpu_ms": cpu_ms})


def _tell(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
