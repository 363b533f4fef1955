"""Bounds of the service."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLimits:
    """What one request may cost, and how many may run."""

    body_bytes: int = 130 * MEBIBYTE
    """Whole body of a verification, counted while it arrives whatever Content-Length says."""
    small_body_bytes: int = 64 * 1024
    """Whole body of every other request, counted likewise."""
    file_bytes: int = 32 * MEBIBYTE
    """One file of a case, after unpacking."""
    case_bytes: int = 128 * MEBIBYTE
    """All files of a case, after unpacking."""
    parts: int = 200
    """Parts of a multipart body, and again files of an archive."""
    directory_bytes: int = 64 * 1024
    """Central directory of an archive."""
    upload_s: float = 120.0
    """Time until the body must have arrived, of any request."""
    workers: int = 2
    """Verifications that run at once."""
    waiting: int = 8
    """Verifications that may wait for a worker; the next one is turned away."""
    retry_after_s: int = 5
    """What a turned-away caller is told to wait."""

    def __post_init__(self) -> None:
        positive = (
            *("body_bytes", "small_body_bytes", "file_bytes", "case_bytes"),
            *("parts", "workers", "retry_after_s"),
        )
        for name in positive:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.waiting < 0:
            raise ValueError("waiting must not be negative")


DEFAULT_LIMITS = ServiceLimits()
