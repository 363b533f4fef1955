"""ekyc batch: handed in once however often it is cut off, and results whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from ekyc.cli import batch as command
from ekyc.cli import batch_notes
from ekyc.cli.__main__ import app
from ekyc.client import Client

URL = "https://ekyc.example.vn"
KEY = "ekyc_c4n4ry"


class Service(httpx.BaseTransport):
    """Batches in memory, with the service's idempotency; after ``left`` requests Ctrl-C is pressed."""

    def __init__(self):
        self.left, self.kept, self.cases, self.batches, self.asked = None, {}, [], [], []
        self.waiting = 0

    def handle_request(self, request):
        if self.left == 0:
            raise KeyboardInterrupt
        if self.left is not None:
            self.left -= 1
        request.read()
        self.asked.append(request)
        if request.method == "GET":
            return self._told(request.url.path)
        key = (request.url.path, request.headers["idempotency-key"])
        if key not in self.kept:
            self.kept[key] = self._made(request)
        status, body = self.kept[key]
        return httpx.Response(status, json=body)

    def _made(self, request):
        if request.url.path == "/v1/cases":
            self.cases.append(request.content)
            return 201, {"id": f"case-{len(self.cases)}"}
        self.batches.append([json.loads(line) for line in request.content.splitlines()])
        return 202, self._batch()

    def _batch(self):
        total = len(self.batches[-1])
        counts = {"waiting": self.waiting, "done": total - self.waiting, "failed": 0, "canceled": 0}
        state = "running" if self.waiting else "done"
        return {"id": "b-1", "state": state, "items": total, "counts": counts}

    def _told(self, path):
        if path == "/v1/batches/b-1":
            told = self._batch()
            self.waiting = max(0, self.waiting - 1)
            return httpx.Response(200, json=told)
        if path != "/v1/batches/b-1/items":
            return httpx.Response(
                404, json={"title": "there is no such batch", "code": "batch.unknown"}
            )
        items = [
            {
                "number": number,
                "reference": one["reference"],
                "state": "waiting",
                "result": None,
                "error": None,
            }
            for number, one in enumerate(self.batches[-1], 1)
        ]
        return httpx.Response(200, json={"data": items, "next": None})


@pytest.fixture
def service(monkeypatch):
    made = Service()
    monkeypatch.setenv("EKYC_URL", URL)
    monkeypatch.setenv(command.KEY_VARIABLE, KEY)
    monkeypatch.setattr(command, "_LOOKS_EVERY_S", 0.0)
    monkeypatch.setattr(command, "open_client", lambda url: Client(url, key=KEY, transport=made))
    return made


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "hồ sơ"
    for name in ("HS-1", "HS-2", "HS-3"):
        (made / name).mkdir(parents=True)
        (made / name / "case.toml").write_text('schema = "ekyc.case/1"\nprofile = "identity"\n')
    (made / "notes.txt").write_text("no case")
    return made


def ask(*words):
    done = CliRunner().invoke(app, ["batch", *map(str, words)])
    return done.exit_code, done.output


@pytest.mark.parametrize("requests", [0, 1, 2, 3])
def test_what_is_cut_off_is_gone_on_with_and_nothing_is_handed_in_twice(service, folder, requests):
    service.left = requests
    code, _ = ask("submit", folder)
    assert code != 0
    assert ask("submit", folder)[0] == 1  # it was begun
    service.left = None
    code, told = ask("resume", folder)
    assert (code, told.split()[-1]) == (0, "b-1")
    assert (len(service.cases), len(service.batches)) == (3, 1)
    assert [one["reference"] for one in service.batches[0]] == ["HS-1", "HS-2", "HS-3"]
    asked = len(service.asked)
    assert ask("resume", folder)[1].split()[-1] == "b-1"
    assert len(service.asked) == asked
    notes = folder.with_name("hồ sơ.batch.json")
    assert notes.stat().st_mode & 0o077 == 0
    assert KEY not in notes.read_text()


def test_an_answer_that_was_lost_is_asked_for_again_under_its_key(service, folder, monkeypatch):
    """Cut off after the service took a case and before it was noted."""
    written = []

    def fail_once(folder, notes):
        written.append(1)
        if len(written) == 3:
            raise KeyboardInterrupt
        return write(folder, notes)

    write = batch_notes.write_notes
    monkeypatch.setattr(batch_notes, "write_notes", fail_once)
    assert ask("submit", folder)[0] != 0
    assert ask("resume", folder)[0] == 0
    assert (len(service.cases), len(service.batches)) == (3, 1)


def test_waiting_ends_when_nothing_waits(service, folder):
    ask("submit", folder)
    service.waiting = 2
    code, told = ask("status", "b-1", "--wait")
    assert (code, "done: 3 items, 0 waiting, 3 done" in told) == (0, True)


def test_results_are_a_line_for_each_item_and_replace_the_file_when_whole(
    service, folder, tmp_path
):
    ask("submit", folder)
    out = tmp_path / "results.ndjson"
    assert ask("results", "b-1", "--out", out)[0] == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["reference"] for line in lines] == ["HS-1", "HS-2", "HS-3"]
    before = out.read_text()
    service.left = 1
    assert ask("results", "b-1", "--out", out)[0] != 0
    assert out.read_text() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_faults_are_told_by_their_codes(service, folder, tmp_path):
    assert "nothing was begun" in ask("resume", folder)[1]
    assert "batch.unknown" in ask("status", "b-9")[1]
    (tmp_path / "empty").mkdir()
    assert "batch.empty" in ask("submit", tmp_path / "empty")[1]
    folder.with_name("hồ sơ.batch.json").write_text("[]")
    assert "cannot be read" in ask("resume", folder)[1]
    assert KEY not in ask("status", "b-9")[1]


NOTED = {
    "schema": "ekyc.batch-notes/1",
    "run": "0" * 32,
    "office": None,
    "cases": {"HS-1": "case-1", "HS-2": None},
    "batch": None,
}


def told_of(folder, notes):
    folder.with_name("hồ sơ.batch.json").write_text(notes)
    return ask("resume", folder)


def test_what_was_noted_is_gone_on_with(service, folder):
    assert told_of(folder, json.dumps(NOTED))[0] == 0
    assert (len(service.cases), service.batches[0][0]["case_id"]) == (1, "case-1")


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "ekyc.batch-notes/2"},
        {"schema": None},
        {"run": 7},
        {"run": "0" * 31},
        {"run": "0" * 32 + "\n"},
        {"office": ["x"]},
        {"cases": 5},
        {"cases": {}},
        {"cases": ["HS-1"]},
        {"cases": {"HS-1": 5}},
        {"cases": {"HS-1": ["case-1"]}},
        {"cases": {"": None}},
        {"cases": {"..": None}},
        {"cases": {"../other/HS-1": None}},
        {"cases": {"/etc": None}},
        {"cases": {"HS\0": None}},
        {"batch": {"id": "b-1"}},
        {"batch": 0},
        {"more": 1},
    ],
)
def test_notes_that_are_not_ours_are_told_and_nothing_is_handed_in(service, folder, changes):
    code, told = told_of(folder, json.dumps(NOTED | changes))
    assert (code, "cannot be read" in told, "Traceback" in told) == (1, True, False)
    assert service.asked == []


@pytest.mark.parametrize("missing", ["schema", "run", "office", "cases"])
def test_notes_that_lack_a_part_are_told(service, folder, missing):
    told = {name: value for name, value in NOTED.items() if name != missing}
    assert "cannot be read" in told_of(folder, json.dumps(told))[1]


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, '{"cases":' * 100_000])
def test_what_is_no_json_of_ours_is_told(service, folder, text):
    code, told = told_of(folder, text)
    assert (code, "cannot be read" in told) == (1, True)


def test_a_folder_whose_name_is_no_unicode_is_told_and_nothing_is_noted(service, folder):
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/HS-\xff"))
    odd.mkdir()
    (odd / "case.toml").touch()
    code, told = ask("submit", folder)
    assert (code, "no Unicode" in told) == (1, True)
    assert not folder.with_name("hồ sơ.batch.json").exists()


def test_a_result_with_half_a_character_is_written_as_its_escape(tmp_path):
    out = tmp_path / "results.ndjson"
    command._write(out, [json.dumps("Mẫu \ud83d", ensure_ascii=False)])
    assert out.read_bytes() == '"Mẫu \\ud83d"\n'.encode()
