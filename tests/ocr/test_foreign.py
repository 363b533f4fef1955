"""Engines in other processes: the real worker with an engine of the test's own, and processes that misbehave."""

import base64
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from ekyc.errors import ModelError
from ekyc.ocr import foreign_worker
from ekyc.ocr.foreign import ForeignEngine, ForeignRecogniser
from ekyc.ocr.paddle import paddle_engine

PICTURE = np.zeros((20, 100, 3), np.uint8)
PICTURE[:, ::10] = 255


@pytest.fixture
def recogniser(tmp_path):
    """A recogniser whose process runs the given body after ``import json, sys, time``."""
    opened = []

    def start(body, **limits):
        script = tmp_path / "python"
        script.write_text(f"#!{sys.executable}\nimport json, sys, time\n{body}\n")
        script.chmod(0o755)
        engine = ForeignEngine(name="tesseract", python=script, options={})
        opened.append(ForeignRecogniser(engine, **limits))
        return opened[-1]

    yield start
    for item in opened:
        item.close()


GREETING = 'print(json.dumps({"ready": sys.argv[3], "version": "5"}), flush=True)'


def answering(expression):
    return f"{GREETING}\nfor line in sys.stdin:\n    print({expression}, flush=True)"


def test_a_line_is_asked_for_and_spread_over_its_width(recogniser):
    body = answering(
        'json.dumps({"lines": [{"text": "Số  12 ", "score": 0.9, "quad": None}], "cpu_ms": 3})'
    )
    text = recogniser(body).read_line(PICTURE)
    assert text.text == "Số 12"
    assert text.confidence == 0.9
    assert text.certainty is None
    assert recogniser(body).read_line(PICTURE, alphabet=frozenset("0123456789")).text == "12"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("sys.exit(1)", "model.engine_absent"),
        ("print('hello', flush=True); time.sleep(60)", "model.engine_absent"),
        ("""print('{"error": "ImportError: no module"}')""", "model.engine_absent"),
        ("time.sleep(60)", "model.engine_absent"),
        ("print('[1]', flush=True); time.sleep(60)", "model.engine_absent"),
    ],
)
def test_an_engine_that_does_not_start_fails_closed(recogniser, body, code):
    with pytest.raises(ModelError) as caught:
        recogniser(body, start_timeout_s=0.5)
    assert caught.value.code == code
    assert caught.value.subject == "tesseract"


@pytest.mark.parametrize(
    "body",
    [
        GREETING,
        answering("'nonsense'"),
        answering("'[]'"),
        answering("""'{"lines": 3}'"""),
        answering("""'{"lines": [{"text": "a"}], "cpu_ms": 1}'"""),
        answering("""'{"error": "RuntimeError"}'"""),
        answering("""'{"lines": [{"text": "a", "score": 1, "quad": [[1]]}], "cpu_ms": 1}'"""),
        f"{GREETING}\ntime.sleep(60)",
        answering("'x' * 9_000_000"),
    ],
    ids=[
        "dies",
        "nonsense",
        "list",
        "no lines",
        "no score",
        "error",
        "bad quad",
        "late",
        "endless",
    ],
)
def test_an_engine_that_fails_is_never_an_empty_reading(recogniser, body):
    reader = recogniser(body, answer_timeout_s=0.5)
    with pytest.raises(ModelError) as caught:
        reader.read("page", PICTURE)
    assert caught.value.code == "model.engine_failed"


def test_a_late_engine_is_not_asked_again(recogniser):
    reader = recogniser(f"{GREETING}\ntime.sleep(60)", answer_timeout_s=0.2)
    for _ in range(2):
        with pytest.raises(ModelError):
            reader.read_line(PICTURE)


def test_a_missing_interpreter_is_a_typed_error(tmp_path):
    engine = ForeignEngine(name="paddleocr", python=tmp_path / "absent", options={})
    with pytest.raises(ModelError) as caught:
        ForeignRecogniser(engine)
    assert caught.value.code == "model.engine_absent"


def test_blank_pictures_are_not_sent(recogniser):
    reader = recogniser(f"{GREETING}\ntime.sleep(60)", answer_timeout_s=0.2)
    assert reader.read_line(np.full((20, 100, 3), 9, np.uint8)).text == ""


def test_the_real_worker_says_which_engine_it_lacks():
    engine = ForeignEngine(name="paddleocr", python=Path(sys.executable), options={})
    with pytest.raises(ModelError, match="ModuleNotFoundError") as caught:
        ForeignRecogniser(engine)
    assert caught.value.code == "model.engine_absent"


class Echo:
    """An engine that tells the size of what it sees."""

    version = "1"

    def read_line(self, picture):
        return [(f"{picture.shape}", 0.5, None)]

    def read_page(self, picture):
        raise RuntimeError("secret words of the page")


def test_the_worker_answers_line_by_line_and_keeps_an_engines_words_to_itself():
    request = {
        "task": "line",
        "height": 20,
        "width": 100,
        "pixels": base64.b64encode(PICTURE.tobytes()).decode(),
    }
    requests = (json.dumps(request), json.dumps(request | {"task": "page"}))
    answers = io.BytesIO()
    foreign_worker.serve(Echo(), io.BytesIO("\n".join(requests).encode()), answers)
    line, page = (json.loads(text) for text in answers.getvalue().splitlines())
    assert line["lines"] == [{"text": "(20, 100, 3)", "score": 0.5, "quad": None}]
    assert page == {"error": "RuntimeError"}


@pytest.mark.parametrize(
    ("text", "name"),
    [("Global:\n  model_name: My_rec\nHpi:\n", "My_rec"), ("nothing", None), (None, None)],
)
def test_a_paddle_folder_names_its_model(tmp_path, text, name):
    if text is not None:
        (tmp_path / "inference.yml").write_text(text)
    engine = paddle_engine(Path(sys.executable), recogniser=tmp_path)
    assert engine.options["names"] == {"recogniser": name, "detector": None}
    assert engine.options["recogniser"] == str(tmp_path)


def test_a_missing_paddle_folder_is_a_typed_error(tmp_path):
    with pytest.raises(ModelError) as caught:
        paddle_engine(Path(sys.executable), recogniser=tmp_path / "absent")
    assert caught.value.code == "model.engine_absent"
