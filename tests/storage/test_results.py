"""Records of decisions hold digests, codes and a verdict, and nothing else gets in."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ekyc.errors import InputError, LimitError
from ekyc.policy import Verdict
from ekyc.storage import Storage
from ekyc.testing import FixedClock

DIGEST = "ab" * 32


def record(storage, **changes):
    facts = {
        "case_digest": DIGEST,
        "profile": "demo",
        "verdict": Verdict.REVIEW,
        "reasons": ("chip.no_anchor", "freshness.expired"),
        "report_digest": "cd" * 32,
    }
    return storage.results.record(**(facts | changes))


def test_a_record_is_read_back_as_written(storage, clock):
    stored = record(storage)

    assert storage.results.get(stored.id) == stored
    assert stored.created_at == clock.now()
    assert storage.results.get("0" * 32) is None


def test_recent_records_come_newest_first_and_bounded(storage, clock):
    ids = []
    for _ in range(5):
        clock.advance(timedelta(seconds=1))
        ids.append(record(storage).id)

    assert [stored.id for stored in storage.results.recent(3)] == ids[:1:-1]
    for limit in (0, 1001):
        with pytest.raises(LimitError):
            storage.results.recent(limit)


@pytest.mark.parametrize(
    "changes",
    [
        {"case_digest": DIGEST.upper()},
        {"report_digest": "NGUYEN VAN AN"},
        {"profile": "Nguyễn Văn An"},
        {"reasons": ("Nguyễn Văn An",)},
        {"reasons": ("001234567890",)},
        {"reasons": ("a.b",) * 201},
    ],
)
def test_what_could_be_personal_is_refused_by_its_form(storage, changes):
    with pytest.raises(InputError):
        record(storage, **changes)
    assert storage.results.recent() == ()


def test_records_survive_closing(database):
    with Storage.open(database, clock=FixedClock()) as storage:
        stored = record(storage, verdict=Verdict.ACCEPT, reasons=())
    with Storage.open(database) as storage:
        assert storage.results.get(stored.id) == stored
