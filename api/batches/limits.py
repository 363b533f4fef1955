"""Bounds of batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ekyc.api.limits import MEBIBYTE, ServiceLimits

CASES: Final = "/v1/cases"
BATCHES: Final = "/v1/batches"
BATCH_BODY_BYTES: Final = 512 * MEBIBYTE


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """What one batch may be."""

    items: int = 1000
    """Items of a list of uploaded cases."""
    zipped: int = 200
    """Cases of one archive."""
    files: int = 4000
    """Files of one archive."""
    unpacked_bytes: int = 1024 * MEBIBYTE
    """All files of one archive, after unpacking."""
    line_bytes: int = 500
    """One line of a list."""

    def of_archive(self, limits: ServiceLimits) -> ServiceLimits:
        """Bounds of an archive with several cases."""
        return ServiceLimits(
            body_bytes=BATCH_BODY_BYTES,
            file_bytes=limits.file_bytes,
            case_bytes=self.unpacked_bytes,
            parts=self.files,
            directory_bytes=8 * limits.directory_bytes,
        )


def batch_body_bytes(path: str, limits: ServiceLimits) -> int | None:
    """Bound on a request body, for uploads of this room."""
    return {CASES: limits.body_bytes, BATCHES: BATCH_BODY_BYTES}.get(path)
