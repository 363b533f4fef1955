"""Tools that answer what they are told to, and remember what they were asked. No pipeline behind them: **for tests**."""

import threading
from dataclasses import replace
from pathlib import Path

from ekyc.errors import InputError
from ekyc.flows.tools import ToolFinding
from ekyc.outcomes import Check, Measurement, Outcome

MODELS = (("sface-2021dec", "ab" * 32), ("yunet-2023mar", "cd" * 32))


NOTHING_READ = {"kind": "unknown", "fields": [], "pages": []}
FACTS = {
    "read_card": {
        "kind": "unknown",
        "fields": [],
        "mrz": None,
        "qr": None,
        "sides": [],
        "cross_check": [],
    },
    "read_document": NOTHING_READ,
    "compare_copy": NOTHING_READ | {"originals": [], "copy_pages": {}, "differences": []},
    "inspect_liveness": {"assurance": "substantial", "frames": []},
    "validate_signatures": {"signatures": [], "document_timestamps": [], "revisions": []},
    "verify_result": {
        "at": "2026-11-22T09:00:00+00:00",
        "result": None,
        "issuer": None,
        "trust_list": {},
        "status": None,
        "status_list": None,
    },
}
FACES = {
    "portrait": {"source": "picture", "proven": False},
    "cosine": 0.7,
    "thresholds": None,
    "best_frame": 0,
    "frames": [],
}
"""The members that each answer has at least."""


def finding(**members):
    check = Check(
        id="face.match",
        outcome=Outcome.PASSED,
        measurements=(Measurement(name="cosine", value=0.7, threshold=0.479),),
    )
    return ToolFinding(
        **({"outcome": Outcome.PASSED, "checks": (check,), "models": MODELS} | members)
    )


class ToldTools:
    """An in-memory Tools."""

    def __init__(self):
        self.finding = finding()
        self.error = None
        self.hold = None  # a threading.Event that work waits for
        self.arrived = threading.Semaphore(0)
        self.asked = []
        self.contents = {}
        self.folders = set()

    def _answer(self, name, *files, **options):
        self.asked.append((name, options))
        for file in files:
            if file is not None:
                self.contents[file.name] = file.read()
                if isinstance(file.content, Path):
                    self.folders.add(file.content.parent)
        self.arrived.release()
        if self.hold is not None:
            assert self.hold.wait(30)
        if self.error is not None:
            raise self.error
        if self.finding.facts or self.finding.page is not None:
            return self.finding
        return replace(self.finding, facts=FACTS.get(name, FACES))

    def read_card(self, front, back):
        return self._answer("read_card", front, back)

    def read_document(self, pages):
        return self._answer("read_document", *pages)

    def compare_copy(self, original, copy, *, with_page):
        return self._answer("compare_copy", *original, *copy, with_page=with_page)

    def compare_faces(self, portrait, frames):
        return self._answer("compare_faces", portrait, *frames)

    def compare_with_chip(self, files, frames):
        return self._answer("compare_with_chip", *files.values(), *frames, chip=sorted(files))

    def inspect_liveness(self, frames, assurance):
        return self._answer("inspect_liveness", *frames, assurance=assurance.value)

    def validate_signatures(self, file, content):
        return self._answer("validate_signatures", file, content)

    def verify_result(self, shown, status_lists):
        if hasattr(shown, "audience"):
            return self._answer("verify_result", *status_lists, shown=shown)
        return self._answer("verify_result", shown, *status_lists)


class PickyTools(ToldTools):
    """Takes the examples of the OpenAPI document, which begin with ``<``, for what they stand for, and nothing else."""

    def _answer(self, name, *files, **options):
        for file in files:
            if file is not None and not file.read().startswith(b"<"):
                raise InputError("not a picture", code="image.wrong_type", subject=file.name)
        return super()._answer(name, *files, **options)
