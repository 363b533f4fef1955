"""Bounds of the service."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

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
    answer_s: float = 60.0
    """Time for the answer of a tool, from its place in the queue."""
    workers: int = 2
    """Verifications that run at once; and again answers of tools."""
    waiting: int = 8
    """Verifications that may wait for a worker, and again questions for tools; the next one is turned away."""
    open_cases: int = 5000
    """Uploaded cases of one tenant that wait for a batch or in one."""
    open_case_bytes: int = 32 * 1024 * MEBIBYTE
    """The same, all of them together."""
    retry_after_s: int = 5
    """What a turned-away caller is told to wait."""

    @classmethod
    def of(cls, workers: int, open_cases: int | None, open_case_mib: int | None) -> Self:
        """Bounds as an operator set them; ``None`` takes the default."""
        given = cls(workers=workers)
        if open_cases is not None:
            given = replace(given, open_cases=open_cases)
        if open_case_mib is not None:
            given = replace(given, open_case_bytes=open_case_mib * MEBIBYTE)
        return given

    def __post_init__(self) -> None:
        positive = (
            *("body_bytes", "small_body_bytes", "file_bytes", "case_bytes"),
            *("parts", "workers", "retry_after_s", "open_cases", "open_case_bytes"),
        )
        for name in positive:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.waiting < 0:
            raise ValueError("waiting must not be negative")


DEFAULT_LIMITS = ServiceLimits()
