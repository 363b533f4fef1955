"""Run a function for a limited time. Hostile files can make a parser of ASN.1 or PDF compute for hours.

Python offers no way to stop another thread but one: raise an exception inside it (CPython's
``PyThreadState_SetAsyncExc``). It takes effect between two bytecodes, which is enough here, since the parsers
are written in Python. A call into C that never returns could not be stopped so.

The function also gets a thread without an event loop, whoever calls, and may start one.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")
_REPEAT_S: Final = 0.05


class OverdueError(Exception):
    """The function was stopped because its time was over."""


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

    def result(self, seconds: float) -> _T:
        self._thread.start()
        self._thread.join(seconds)
        while self._thread.is_alive():
            self._interrupt()
            self._thread.join(_REPEAT_S)
        if isinstance(self._error, _Stop) or not self._finished:
            raise OverdueError("stopped: the time for it is over") from self._error
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _interrupt(self) -> None:
        with self._lock:
            if not self._finished:
                _raise_in(self._thread.ident or 0, _Stop)


def _raise_in(thread: int, exception: type[BaseException] | None) -> None:
    """Raise an exception in a thread, or take back one that has not arrived yet."""
    pending = ctypes.py_object(exception) if exception is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), pending)


def within(seconds: float, function: Callable[[], _T]) -> _T:
    """Call ``function`` in a thread of its own; its result, or its exception.

    The function must not return ``None``.

    Raises:
        OverdueError: it did not finish in time and was stopped.
    """
    return _Worker(function).result(seconds)
