"""The error tree. It splits by whose fault the error is.

::

    EkycError                 root; never raised itself
    ├── InputError            the caller's file, option or value: missing, truncated, oversized, wrong type
    │   └── LimitError        a size, depth, pixel, page or time bound was passed
    ├── ChipError             the chip or its data breaks ICAO 9303 or answers with an error
    ├── TrustError            something is readable but cannot be trusted (raised by ``verify_x`` functions)
    ├── ModelError            a model is missing, altered, or does not match its registry entry
    ├── StorageError          the state database is damaged, full or not ours (ekyc.storage)
    ├── UpstreamError         another service failed or is unreachable; retryable
    └── BusyError             our own queue is full or the deadline passed; retryable

Facts are attributes. ``code`` is stable and names the case; nobody needs to search in message text.
Messages name the file or field and the cause, and never carry personal data.
"""

from __future__ import annotations

from typing import ClassVar


class EkycError(Exception):
    """Root of every error raised on purpose by this package.

    Args:
        message: one sentence for the developer or operator, without personal data.
        code: stable identifier such as ``"input.image.too_many_pixels"``.
        subject: the file, field or part that the error is about, if any.
    """

    default_code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    """Whether the same call may succeed later without any change by the caller."""

    def __init__(
        self, message: str, *, code: str | None = None, subject: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.subject = subject

    def __str__(self) -> str:
        return f"{self.subject}: {self.message}" if self.subject else self.message


class InputError(EkycError):
    """The caller's input is missing, malformed or of the wrong type."""

    default_code = "input.invalid"


class LimitError(InputError):
    """The caller's input passes a bound on size, depth, pixels, pages or time."""

    default_code = "input.limit"


class ChipError(EkycError):
    """Chip data break ICAO 9303, or the chip answered with an error status."""

    default_code = "chip.invalid"


class TrustError(EkycError):
    """The input is readable but its authenticity does not hold."""

    default_code = "trust.failed"


class ModelError(EkycError):
    """A model file is missing or altered, or its graph contradicts the registry."""

    default_code = "model.invalid"


class UpstreamError(EkycError):
    """Another service failed, lied or could not be reached."""

    default_code = "upstream.failed"
    retryable = True


class BusyError(EkycError):
    """Our own queue is full or a deadline passed before the work was done."""

    default_code = "busy"
    retryable = True


def place_of(error: BaseException) -> str:
    """Module and line where an exception was raised; unlike its text, the place holds no personal data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
