"""Work beside a block ends with the block, however that ends."""

from __future__ import annotations

import threading

import pytest

from ekyc.threads import running


class Work:
    def __init__(self):
        self.begun, self.ended, self.name = threading.Event(), False, None

    def __call__(self, stop):
        self.name = threading.current_thread().name
        self.begun.set()
        stop.wait()
        self.ended = True


def test_it_runs_beside_the_block_and_is_over_after_it():
    work = Work()
    with running(work, name="ekyc-test"):
        assert work.begun.wait(60)
        assert (work.ended, work.name) == (False, "ekyc-test")
    assert work.ended


@pytest.mark.parametrize("cause", [ValueError, KeyboardInterrupt])
def test_it_is_over_after_a_block_that_failed(cause):
    work = Work()
    with pytest.raises(cause), running(work, name="ekyc-test"):
        raise cause
    assert work.ended
