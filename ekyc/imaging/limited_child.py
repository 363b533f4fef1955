"""A child process of ours that may use little: for decoders of hostile files, written in C and C++.

:func:`limit_self` is what such a child does first, :func:`run_child` how its parent talks to it: bytes in on stdin, a
bounded number of bytes back on stdout. Whatever the child does, up to a crash or a flood of output, ends as
:class:`ChildFailed`.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import IO, Any, Final

_XCPU: Final = 24
"""The signal of CPU time used up, on Linux and macOS."""


class ChildFault(Enum):
    """What went wrong with a child."""

    TOO_SLOW = "too_slow"
    TOO_MUCH_OUTPUT = "too_much_output"
    CRASHED = "crashed"


class ChildFailed(Exception):  # noqa: N818  # callers turn it into an error of theirs; it never leaves the room
    """The child gave no answer."""

    def __init__(self, fault: ChildFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildLimits:
    """What the parent grants a child; memory and CPU time are the child's own to limit (:func:`limit_self`)."""

    timeout_s: float
    """By the clock on the wall."""
    max_output_bytes: int


def limit_self(*, memory_bytes: int, cpu_s: float) -> None:
    """In the child, after its imports: from here on no more memory and CPU time than this, and nothing opened.

    No new descriptor can be made, hence no file and no socket; a decoder that is talked into following a link cannot.
    """
    import resource  # noqa: PLC0415  # Unix only; the parent's side must import everywhere

    seconds = math.ceil(cpu_s)
    # The signal at the first bound tells the parent why; the second kills.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    for kind, bound in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (
            resource.RLIMIT_NOFILE,
            0,
        ),  # not 3: whoever closes a stream could open another in its place
    ):
        resource.setrlimit(kind, (bound, bound))


def run_child(module: str, order: Mapping[str, Any], data: bytes, limits: ChildLimits) -> bytes:
    """Run ``python -m module ORDER`` on ``data``.

    Args:
        module: a module of ours that calls :func:`limit_self`.
        order: plain JSON values, the child's one argument.
        data: what the child reads on stdin.
        limits: bounds.

    Returns:
        All that the child wrote, when it ended by itself with status 0.

    Raises:
        ChildFailed: it did not.
    """
    command = (sys.executable, "-m", module, json.dumps(order))
    with subprocess.Popen(  # noqa: S603  # our own module, by absolute interpreter path
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        late = threading.Event()
        timer = threading.Timer(limits.timeout_s, _stop, (child, late))
        feeder = threading.Thread(target=_feed, args=(child.stdin, data), daemon=True)
        timer.start()
        feeder.start()
        try:
            answer = child.stdout.read(limits.max_output_bytes + 1)
            if len(answer) > limits.max_output_bytes:
                raise ChildFailed(ChildFault.TOO_MUCH_OUTPUT)
            status = child.wait()
        finally:
            timer.cancel()
            child.kill()
            feeder.join()
    if late.is_set():
        raise ChildFailed(ChildFault.TOO_SLOW)
    if status == -_XCPU:
        raise ChildFailed(ChildFault.TOO_SLOW)
    if status != 0:
        raise ChildFailed(ChildFault.CRASHED)
    return answer


def _stop(child: subprocess.Popen[bytes], late: threading.Event) -> None:
    """With all processes that it made: one of them might hold the stream open."""
    late.set()
    if child.returncode is None and hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    child.kill()


def _feed(stream: IO[bytes], data: bytes) -> None:
    """A child that stops reading is no error here: its answer tells."""
    with suppress(BrokenPipeError):
        stream.write(data)
    with suppress(BrokenPipeError):
        stream.close()
