"""What every format shares after the key has signed: the level asked for, and what is left when a service fails."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from ekyc.errors import BusyError, InputError, LimitError, UpstreamError
from ekyc.signing.authority.timestamp import request_token
from ekyc.signing.signatory import Services
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.storage import StorageError

NOT_TO_BE_HAD: Final = (BusyError, LimitError, StorageError, UpstreamError)
"""Time or status does not come, or is too large for its room. The key has signed by then: nothing may be lost."""


class Level(StrEnum):
    """Baseline levels (ETSI EN 319 142-1 §6, EN 319 122-1 §6, EN 319 132-1 §6, TS 119 182-1 §6)."""

    B_B = "B-B"
    """Who signed. Ends with the signer's certificate."""
    B_T = "B-T"
    """And when: proven by a time-stamping authority."""
    B_LT = "B-LT"
    """And that the certificates were good: chains and status travel in the file."""
    B_LTA = "B-LTA"
    """And a document timestamp over all of it, which can be renewed: proof over decades. PDF alone."""


class TimestampFailedError(UpstreamError):
    """Time, or words on status, could not be had after the key had signed; the cause says which.

    ``signed`` is a valid signature of level ``level``; :func:`ekyc.signing.augment_pdf` and its siblings take it further
    when the authority is back.
    """

    default_code = "signing.timestamp.failed"

    def __init__(self, *, signed: bytes, level: Level) -> None:
        super().__init__(f"no time or status; the signature is kept at level {level}")
        self.signed = signed
        self.level = level

    @property
    def signed_pdf(self) -> bytes:
        """``signed``, where it is a PDF."""
        return self.signed


def require_not_archival(level: Level) -> None:
    """Refuse B-LTA where a format has no document timestamps here.

    Raises:
        InputError: ``signing.level.unsupported``.
    """
    if level is Level.B_LTA:
        raise InputError(
            "B-LTA is for PDF; other formats go up to B-LT", code="signing.level.unsupported"
        )


def extended(
    signed: bytes,
    stamped: bytes,
    extend: Callable[[bytes, ValidationMaterial], bytes],
    services: Services,
    *,
    level: Level,
) -> bytes:
    """Take a signature of level B-B to the level asked for.

    Args:
        signed: the signature at level B-B.
        stamped: the bytes that its timestamp is over.
        extend: puts a timestamp token and validation material (which may be empty) into it.
        services: a time-stamping authority, chains and status.
        level: up to B-LT.

    Raises:
        TimestampFailedError: time or status cannot be had; it carries ``signed``.
    """
    if level is Level.B_B:
        return signed
    try:
        digest = hashlib.sha256(stamped).digest()
        token = request_token(
            digest, ask=services.stamp, random=services.random, clock=services.clock
        )
        material = services.material() if level is Level.B_LT else ValidationMaterial()
        return extend(token, material)
    except NOT_TO_BE_HAD as exc:
        raise TimestampFailedError(signed=signed, level=Level.B_B) from exc
