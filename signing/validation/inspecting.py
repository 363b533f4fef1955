"""The frame around every inspection: a bound on time, and INDETERMINATE for whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

from pyhanko.pdf_utils.misc import PdfError

from ekyc.errors import LimitError
from ekyc.outcomes import Check, Outcome
from ekyc.ports import Clock, SystemClock
from ekyc.signing.validation.bounded import OverdueError, within
from ekyc.signing.validation.report import SignatureReport, ValidationReport
from ekyc.signing.validation.trust import TrustSettings

CHECK_ID = "signature.file"
TIME_S = 30.0


class UnreadableError(Exception):
    """The file, or the structure of a signature in it, cannot be read, or is none that is judged here."""

    def __init__(self, reason: str = "signature.unreadable") -> None:
        """``reason`` is the code under which the report says so."""
        super().__init__(reason)
        self.reason = reason


def settings_of(
    anchors: Iterable[bytes], crls: Iterable[bytes], at: datetime | None, clock: Clock | None
) -> TrustSettings:
    """The caller's own material, read.

    Raises:
        InputError: ``signing.trust.unreadable``, ``signing.time.naive``.
    """
    now = (clock or SystemClock()).now()
    return TrustSettings(anchors=anchors, crls=crls, at=at or now, historical=at is not None)


def inspected(
    work: Callable[[asyncio.AbstractEventLoop], ValidationReport], *, time_s: float = TIME_S
) -> ValidationReport:
    """Run an inspection of a hostile file; it gets an event loop of its own."""
    loop = asyncio.new_event_loop()  # made and closed out here, where nothing is interrupted
    try:
        return within(time_s, lambda: work(loop))
    except (OverdueError, LimitError):
        return problem("signature.limit")
    except UnreadableError as exc:
        return problem(exc.reason)
    except (PdfError, RecursionError):
        return problem("signature.unreadable")
    except Exception:  # noqa: BLE001  # rule: whatever happens in a parser of hostile files never passes
        return problem("signature.unexpected")
    finally:
        loop.close()


def one(entry: SignatureReport) -> ValidationReport:
    """The report on a file that holds one signature."""
    return ValidationReport(signatures=(entry,), document_timestamps=(), problems=())


def problem(reason: str) -> ValidationReport:
    """The report on a file whose signatures could not be looked at."""
    check = Check(id=CHECK_ID, outcome=Outcome.INDETERMINATE, reasons=(reason,))
    return ValidationReport(signatures=(), document_timestamps=(), problems=(check,))
