"""Errors as the interface words them (CSC API v2.0.0.2 §10, v1.0.4.0 §10): an HTTP status, a word, a sentence.

The sentences are those of the tables of the standard, which clients compare.
"""

from __future__ import annotations

from typing import ClassVar, Final

from ekyc.errors import InputError

INVALID_REQUEST: Final = "invalid_request"
_STATUSES: Final = {
    "invalid_token": 401,
    "invalid_client": 401,
    "invalid_hash": 403,
    "insufficient_scope": 403,
    "server_error": 500,
    "not_implemented": 501,
    "temporarily_unavailable": 503,
}


class CscError(InputError):
    """A request of the signing interface that is refused.

    Args:
        description: one sentence in English, without personal data.
        error: word of CSC API §10.2, RFC 6749 §5.2 or RFC 6750 §3.1; it gives the HTTP status.
    """

    default_code: ClassVar[str] = "csc.invalid_request"

    def __init__(self, description: str, *, error: str = INVALID_REQUEST) -> None:
        super().__init__(description, code=f"csc.{error}")
        self.error = error

    @property
    def status(self) -> int:
        """HTTP status."""
        return _STATUSES.get(self.error, 400)


class AuthorizationRefusedError(CscError):
    """A request for authorisation that is refused, from a client and to a place that are known.

    The answer goes back through the browser (RFC 6749 §4.1.2.1).
    """

    def __init__(
        self, description: str, *, error: str, redirect_uri: str, state: str | None
    ) -> None:
        super().__init__(description, error=error)
        self.redirect_uri = redirect_uri
        self.state = state


def missing(kind: str, name: str) -> CscError:
    """A parameter that is not there, or of another type: ``string``, ``integer``, ``array``, ``object``."""
    return CscError(f"Missing (or invalid type) {kind} parameter {name}")


def invalid(name: str) -> CscError:
    """A parameter whose value cannot be used."""
    return CscError(f"Invalid parameter {name}")
