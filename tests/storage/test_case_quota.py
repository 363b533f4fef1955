"""What lies open of a tenant's uploaded cases: what waits for a batch or in one, and nothing that is over."""

from __future__ import annotations

import pytest

from ekyc.storage import BatchCase, BatchRow, BatchState, ServiceKey
from ekyc.storage.work.batch_rows import OpenCases

KEY = ServiceKey(bytes(32))


@pytest.fixture
def desk(storage):
    return storage.dossiers(KEY)


@pytest.fixture
def uploaded(vault, clock):
    """``uploaded(number, size, tenant)``: a sealed case that waits for its batch."""

    def make(number, size, tenant="a"):
        subject = vault.subjects.create(tenant)
        stored = vault.artefacts.put(
            tenant, subject.id, "batch-case", bytes(size), retention="transient"
        )
        return BatchCase(
            id=f"{number:032x}",
            office=None,
            artefact_id=stored.id,
            subject_id=subject.id,
            size=stored.size,
            created_at=clock.now(),
        )

    return make


def opened(desk, tenant="a"):
    with desk.looking(tenant) as unit:
        return unit.batches.open_cases()


def test_cases_are_open_until_their_batch_is_over(desk, uploaded, clock):
    assert opened(desk) == OpenCases(cases=0, size=0)
    first, second, other = uploaded(1, 100), uploaded(2, 250), uploaded(3, 7, "b")
    with desk.writing("a") as unit:
        unit.batches.add_case(first)
        unit.batches.add_case(second)
    with desk.writing("b") as unit:
        unit.batches.add_case(other)
    both = OpenCases(cases=2, size=first.size + second.size)
    assert opened(desk) == both
    batch = BatchRow(
        id="e" * 32,
        state=BatchState.RUNNING,
        office=None,
        actor={"kind": "client", "id": "portal", "role": None, "office": None},
        items=1,
        created_at=clock.now(),
    )
    with desk.writing("a") as unit:
        taken = unit.batches.take_case(first.id)
        unit.batches.add(batch, (("f" * 32, "HS-1", taken),))
    assert opened(desk) == both
    with desk.writing("a") as unit:
        unit.batches.cancel(unit.batches.get(batch.id))
    assert opened(desk) == OpenCases(cases=1, size=second.size)
    assert opened(desk, "b").cases == 1
