"""What a caller is told who may not. Never which part of a secret was wrong, nor what there would have been to see."""

from __future__ import annotations

from typing import ClassVar

from ekyc.errors import BusyError, InputError


class AccessError(InputError):
    """The caller is nobody we know, or may not do that.

    Codes: ``access.missing``, ``access.invalid``, ``access.expired``, ``access.not_yet``, ``access.address``,
    ``access.certificate``, ``access.csrf`` (who it is does not hold); ``access.denied``, ``access.agent_forbidden``, ``access.consent``
    (who it is holds and does not suffice); ``access.not_found``.
    """

    default_code: ClassVar[str] = "access.denied"

    def __init__(self, message: str, *, code: str | None = None, scope: str | None = None) -> None:
        super().__init__(message, code=code)
        self.scope = scope
        """What would have been needed, where that is the matter."""

    @property
    def challenge(self) -> str | None:
        """``WWW-Authenticate`` (RFC 6750 §3), where authenticating, or doing so with more rights, would help."""
        if self.code == "access.missing":
            return 'Bearer realm="ekyc"'
        if self.code in {"access.invalid", "access.expired", "access.not_yet"}:
            return 'Bearer realm="ekyc", error="invalid_token"'
        if self.scope is not None:
            return f'Bearer realm="ekyc", error="insufficient_scope", scope="{self.scope}"'
        return None


class AttemptsExceededError(BusyError):
    """Too many wrong attempts from one place, or on one name.

    Code: ``access.too_many_attempts``.
    """

    default_code: ClassVar[str] = "access.too_many_attempts"

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many attempts failed; wait")
        self.wait_s = wait_s


def missing() -> AccessError:
    """Nothing was shown."""
    return AccessError("a key, token or login is needed", code="access.missing")


def invalid() -> AccessError:
    """What was shown is worth nothing."""
    return AccessError("the key, token or login is not valid", code="access.invalid")


def denied(scope: str | None = None) -> AccessError:
    """Known, and may not."""
    needed = "" if scope is None else f": the scope {scope} is needed"
    return AccessError(f"this caller may not do that{needed}", code="access.denied", scope=scope)


def not_visible() -> AccessError:
    """Not there, for this caller."""
    return AccessError("there is no such thing", code="access.not_found")
