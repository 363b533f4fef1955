"""Run a function for a limited time and memory. Hostile files can make a parser of ASN.1 or PDF compute for hours.

Python offers no way to stop another thread but one: raise an exception inside it (CPython's
``PyThreadState_SetAsyncExc``). It takes effect between two bytecodes, which is enough here, since the parsers
are written in Python. A call into C that never returns could not be stopped so.

Memory is that of the whole process, looked at twenty times a second: a name of ten megabytes costs pyHanko 0.38 nine
hundred. Where other threads grow meanwhile, they count too, and a file may be refused that would not have been.

The function also gets a thread without an event loop, whoever calls, and may start one.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")
_REPEAT_S: Final = 0.05
MEMORY_BYTES: Final = 1 << 30
"""By how much the process may grow meanwhile."""
_STATUS: Final = Path("/proc/self/statm")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class OverdueError(Exception):
    """The function was stopped because its time, or its memory, was used up."""


class _Stop(BaseException):
    """Raised inside the worker; no Exception, so that the parsers' own handlers let it through."""


class _Worker(Generic[_T]):
    def __init__(self, function: Callable[[], _T]) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._finished = False
        self._result: _T | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="ekyc-bounded", daemon=True)

    def _run(self) -> None:
        try:
            self._result = self._function()
        except BaseException as exc:  # noqa: BLE001  # handed to the caller's thread, whatever it is
            self._error = exc
        while not self._finished:
            try:
                self._finish()
            except _Stop as exc:
                self._error = exc  # it arrived between the end of the function and the lock

    def _finish(self) -> None:
        """From here on no exception can be raised in this thread from outside; one under way is taken back."""
        with self._lock:
            self._finished = True
            _raise_in(threading.get_ident(), None)

    def result(self, seconds: float, memory_bytes: int) -> _T:
        before = _resident_bytes()
        deadline = time.monotonic() + seconds
        self._thread.start()
        self._thread.join(min(seconds, _REPEAT_S))
        while self._thread.is_alive():
            overdue = time.monotonic() >= deadline
            if overdue or _resident_bytes() - before > memory_bytes:
                self._interrupt()
            self._thread.join(_REPEAT_S)
        if isinstance(self._error, _Stop) or not self._finished:
            raise OverdueError("stopped: its time or its memory is used up") from self._error
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _interrupt(self) -> None:
        with self._lock:
            if not self._finished:
                _raise_in(self._thread.ident or 0, _Stop)


def _resident_bytes() -> int:
    """What the process holds in memory; 0 where the system does not tell."""
    try:
        return int(_STATUS.read_bytes().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return 0


def _raise_in(thread: int, exception: type[BaseException] | None) -> None:
    """Raise an exception in a thread, or take back one that has not arrived yet."""
    pending = ctypes.py_object(exception) if exception is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), pending)


def within(seconds: float, function: Callable[[], _T], *, memory_bytes: int = MEMORY_BYTES) -> _T:
    """Call ``function`` in a thread of its own; its result, or its exception.

    The function must not return ``None``.

    Raises:
        OverdueError: it did not finish in time, or the process grew by more than ``memory_bytes``, and was stopped.
    """
    return _Worker(function).result(seconds, memory_bytes)
