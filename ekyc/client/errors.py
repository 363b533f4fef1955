"""What a call may raise.

::

    UpstreamError
    ├── ApiError              the service answered with a problem document
    │   ├── InvalidError      400, 413, 415, 422: what was sent is not right; ``faults`` point at members
    │   ├── DeniedError       401, 403: who calls is unknown, or may not
    │   ├── NotFoundError     404, 410
    │   ├── ConflictError     409, 412, 428: the state is another than the caller thinks
    │   └── UnavailableError  429, 5xx, after all retries
    └── UnreachableError      no answer, after all retries
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from ekyc.errors import UpstreamError


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFault:
    """What is wrong with one member of a request."""

    pointer: str
    """JSON pointer, e.g. ``/body/procedure``."""
    code: str
    message: str


class ApiError(UpstreamError):
    """The service answered with a problem document (RFC 9457). ``code`` is stable; branch on it."""

    default_code: ClassVar[str] = "http.unknown"

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        title = str(problem.get("title", f"HTTP {status}"))
        super().__init__(title, code=str(problem.get("code", self.default_code)))
        self.status = status
        self.may_retry = bool(problem.get("retryable", False))
        """Whether the same request may succeed later."""
        self.request_id = str(problem.get("instance", ""))
        """Names the request in the service's log."""
        self.faults = tuple(
            MemberFault(
                pointer=str(fault.get("pointer", "")),
                code=str(fault.get("code", "")),
                message=str(fault.get("message", "")),
            )
            for fault in problem.get("errors", ())
        )

    @classmethod
    def of(cls, status: int, problem: Mapping[str, Any]) -> ApiError:
        """The error for a status."""
        return _CLASSES.get(status, UnavailableError if status >= 500 else InvalidError)(
            status, problem
        )


class InvalidError(ApiError):
    """What was sent is not right."""


class DeniedError(ApiError):
    """Who calls is unknown, or may not."""


class NotFoundError(ApiError):
    """There is no such thing, or not for this caller."""


class ConflictError(ApiError):
    """The state is another than the caller thinks: look again."""


class UnavailableError(ApiError):
    """The service is busy or broken, and stayed so through all retries."""


class UnreachableError(UpstreamError):
    """No answer came, through all retries. Whether a POST was carried out is not known: send it again with its key."""

    default_code: ClassVar[str] = "http.unreachable"

    @classmethod
    def after(cls, attempts: int) -> Self:
        """After so many attempts."""
        return cls(f"no answer after {attempts} attempts")


_CLASSES: Mapping[int, type[ApiError]] = {
    401: DeniedError,
    403: DeniedError,
    404: NotFoundError,
    409: ConflictError,
    410: NotFoundError,
    412: ConflictError,
    428: ConflictError,
    429: UnavailableError,
}
