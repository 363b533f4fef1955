"""Another engine's process: reads pictures from its standard input, writes what it read to its standard output.

Runs by path in an environment of its own that has numpy and the engine, and imports nothing of this package::

    PYTHON foreign_worker.py tesseract '{"tessdata": "/usr/share/tesseract-ocr/5/tessdata"}'

One JSON object a line, both ways. Greeting: ``{"ready": ENGINE, "version": TEXT}``. A request is
``{"task": "line" | "page", "height": H, "width": W, "pixels": BASE64}`` with blue-green-red bytes row by row; the answer
is ``{"lines": [{"text", "score", "quad"}], "cpu_ms"}``, where ``quad`` is null for a line and four points clockwise from
the top left for a page, or ``{"error": TEXT}`` when the engine failed on this picture. Whatever an engine itself prints
goes to the standard error.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO, ClassVar, Protocol

import numpy as np

Line = tuple[str, float, list[list[float]] | None]
"""Text, score 0–1, and four points or None."""


class Engine(Protocol):
    """What stands between a picture and its lines."""

    version: str

    def read_line(self, picture: Any) -> list[Line]: ...

    def read_page(self, picture: Any) -> list[Line]: ...


class Tesseract:
    """Tesseract with one language's data through tesserocr: page mode 7 for lines, 3 for pages."""

    _WHOLE_PAGE: ClassVar[int] = 3
    _ONE_LINE: ClassVar[int] = 7
    _TEXT_LINE: ClassVar[int] = 2

    def __init__(self, options: dict[str, Any]) -> None:
        self._module = importlib.import_module("tesserocr")
        self.version = self._module.tesseract_version().split()[1]
        data = {"path": options["tessdata"], "lang": options.get("language", "vie")}
        self._line = self._module.PyTessBaseAPI(psm=self._ONE_LINE, **data)
        self._page = self._module.PyTessBaseAPI(psm=self._WHOLE_PAGE, **data)

    def read_line(self, picture: Any) -> list[Line]:
        self._show(self._line, picture)
        text = " ".join(self._line.GetUTF8Text().split())
        return [(text, self._line.MeanTextConf() / 100.0, None)]

    def read_page(self, picture: Any) -> list[Line]:
        self._show(self._page, picture)
        self._page.Recognize()
        found: list[Line] = []
        for item in self._module.iterate_level(self._page.GetIterator(), self._TEXT_LINE):
            if item.Empty(self._TEXT_LINE):
                continue
            left, top, right, bottom = map(float, item.BoundingBox(self._TEXT_LINE))
            quad = [[left, top], [right, top], [right, bottom], [left, bottom]]
            text = " ".join(item.GetUTF8Text(self._TEXT_LINE).split())
            found.append((text, item.Confidence(self._TEXT_LINE) / 100.0, quad))
        return found

    @staticmethod
    def _show(api: Any, picture: Any) -> None:
        height, width, planes = picture.shape
        rgb = np.ascontiguousarray(picture[:, :, ::-1])
        api.SetImageBytes(rgb.tobytes(), width, height, planes, planes * width)


class RapidOcr:
    """RapidOCR with its default models."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.version = importlib.import_module("importlib.metadata").version("rapidocr")
        threads = {"EngineConfig.onnxruntime.intra_op_num_threads": 1} | options
        self._read = importlib.import_module("rapidocr").RapidOCR(params=threads)

    def read_line(self, picture: Any) -> list[Line]:
        found = self._read(picture, use_det=False, use_cls=False, use_rec=True)
        return [(_or_empty(found.txts), float(_first(found.scores)), None)]

    def read_page(self, picture: Any) -> list[Line]:
        # It remembers the last call's choice of steps, so each call makes its own.
        found = self._read(picture, use_det=True, use_cls=True, use_rec=True)
        if found.boxes is None:
            return []
        rows = zip(found.boxes, found.txts, found.scores, strict=True)
        return [(text, float(score), _points(box)) for box, text, score in rows]


class PaddleOcr:
    """PaddleOCR with the user's model folders; nothing is downloaded."""

    def __init__(self, options: dict[str, Any]) -> None:
        os.environ["PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK"] = "True"
        module = importlib.import_module("paddleocr")
        self.version = str(module.__version__)
        for folder in options["recogniser"], options.get("detector") or options["recogniser"]:
            if not os.path.isdir(folder):  # noqa: PTH112  # the worker keeps to what every environment has
                raise FileNotFoundError(folder)
        run = {"device": "cpu", "cpu_threads": 1, "enable_mkldnn": bool(options.get("mkldnn"))}
        names = options.get("names", {})
        self._line = module.TextRecognition(
            model_name=names.get("recogniser"), model_dir=options["recogniser"], **run
        )
        self._find: Any = None
        if options.get("detector"):
            self._find = module.TextDetection(
                model_name=names.get("detector"), model_dir=options["detector"], **run
            )

    def read_line(self, picture: Any) -> list[Line]:
        (found,) = self._line.predict(picture)
        return [(found["rec_text"], float(found["rec_score"]), None)]

    def read_page(self, picture: Any) -> list[Line]:
        if self._find is None:
            raise RuntimeError("no detector folder was given")
        (found,) = self._find.predict(picture)
        lines: list[Line] = []
        for box in found["dt_polys"]:
            points = np.asarray(box, dtype=float)
            low, high = points.min(axis=0).astype(int), points.max(axis=0).astype(int) + 1
            cut = picture[max(0, low[1]) : high[1], max(0, low[0]) : high[0]]
            text, score, _ = self.read_line(np.ascontiguousarray(cut))[0]
            lines.append((text, score, _points(box)))
        return lines


ENGINES: dict[str, Callable[[dict[str, Any]], Engine]] = {
    "tesseract": Tesseract,
    "rapidocr": RapidOcr,
    "paddleocr": PaddleOcr,
}


def _first(scores: Any) -> float:
    return scores[0] if scores is not None and len(scores) else 0.0


def _or_empty(texts: Any) -> str:
    return str(texts[0]) if texts is not None and len(texts) else ""


def _points(box: Any) -> list[list[float]]:
    return [[float(x), float(y)] for x, y in box]


def serve(engine: Engine, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer one request a line until the input ends."""
    for line in requests:
        _say(answers, _answer(engine, json.loads(line)))


def _answer(engine: Engine, request: dict[str, Any]) -> dict[str, Any]:
    shape = (int(request["height"]), int(request["width"]), 3)
    flat = np.frombuffer(base64.b64decode(request["pixels"]), dtype=np.uint8)
    picture = flat.reshape(shape)
    started = time.process_time()
    try:
        read = engine.read_page if request["task"] == "page" else engine.read_line
        found = read(picture)
    except Exception as exc:  # noqa: BLE001  # a foreign engine may raise anything; its name is all that is told
        return {"error": type(exc).__name__}
    spent = (time.process_time() - started) * 1000
    lines = [{"text": text, "score": score, "quad": quad} for text, score, quad in found]
    return {"lines": lines, "cpu_ms": spent}


def _say(answers: BinaryIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message).encode() + b"\n")
    answers.flush()


def main(arguments: list[str]) -> None:
    """Start the engine and serve. What the engine prints must not mix with the answers."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    name, options = arguments[0], json.loads(arguments[1])
    try:
        engine = ENGINES[name](options)
    except Exception as exc:  # noqa: BLE001  # whatever keeps the engine from starting is told by name
        _say(answers, {"error": f"{type(exc).__name__}: {exc}"[:300]})
        sys.exit(1)
    _say(answers, {"ready": name, "version": engine.version})
    serve(engine, sys.stdin.buffer, answers)


if __name__ == "__main__":
    main(sys.argv[1:])
