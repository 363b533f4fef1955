"""What others see of an engine of durable work."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from ekyc.errors import EkycError, InputError

WORD: Final = re.compile(r"[0-9a-f]{32}|[a-z][a-z0-9_.:-]{0,127}")
"""An id that was drawn here, or a name of ours. Nothing else is given to an engine."""


class WorkError(EkycError):
    """Durable work failed, or its engine could not be started.

    Codes: ``work.step_failed``, ``work.engine``.
    """

    default_code = "work.step_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a job."""

    name: str
    do: Callable[..., None]
    """Takes the ids of the job. May be called twice, by different processes, even at once; must change nothing then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Steps that are done one after another, each until it succeeds."""

    name: str
    steps: tuple[Step, ...]
    at_once: int = 1
    """Of this job, in one process."""


class DurableWork(Protocol):
    """An engine of durable work."""

    def start(self, job: str, work_id: str, ids: tuple[str, ...]) -> None:
        """Have a job done, soon and beside the caller. With an id that is being done it changes nothing.

        One whose last run is over is done anew: only what calls this knows whether anything is left to do.

        Args:
            job: name of a job that the engine was opened with.
            work_id: 32 hexadecimal digits, of this job alone.
            ids: what its steps are called with; ids and names, nothing personal.

        Raises:
            InputError: ``work.not_an_id``.
            WorkError: ``work.engine``: it could not be stored; call again.
        """
        ...


def require_words(*words: str) -> None:
    """Return if these are ids and names.

    Raises:
        InputError: ``work.not_an_id``; what it was is not repeated.
    """
    if not all(WORD.fullmatch(word) for word in words):
        raise InputError("durable work is given ids and nothing else", code="work.not_an_id")
