"""Work beside a block, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def running(work: Callable[[threading.Event], object], *, name: str) -> Iterator[None]:
    """Run work during the block; at its end, however it comes, the work is told to stop and waited for.

    Args:
        work: runs until the event that it is given is set.
        name: of the thread.
    """
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,), name=name)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
