"""Whether a certificate was revoked, by the signing-time model (ICAO 9303-12 §4): what counts is when it signed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from ekyc.pki.crl import Crl, RevocationReason, RevokedCertificate

_KEY_MAY_BE_STOLEN: Final = frozenset(
    {
        RevocationReason.KEY_COMPROMISE,
        RevocationReason.CA_COMPROMISE,
        RevocationReason.AA_COMPROMISE,
    }
)
_KEY_WAS_SOUND: Final = frozenset(
    {
        RevocationReason.AFFILIATION_CHANGED,
        RevocationReason.SUPERSEDED,
        RevocationReason.CESSATION_OF_OPERATION,
        RevocationReason.PRIVILEGE_WITHDRAWN,
    }
)
_NOT_FINAL: Final = frozenset({RevocationReason.CERTIFICATE_HOLD, RevocationReason.REMOVE_FROM_CRL})


class Revocation(StrEnum):
    """What the installed revocation lists say about one certificate."""

    NO_LIST = "NO_LIST"
    """No list of its authority is installed: nothing is known."""
    NOT_REVOKED = "NOT_REVOKED"
    """A current list does not name it."""
    STALE = "STALE"
    """The newest list does not name it, but a newer one should be out by now."""
    REVOKED_LATER = "REVOKED_LATER"
    """Revoked after it signed, for a reason that leaves its earlier signatures sound."""
    DOUBTFUL = "DOUBTFUL"
    """On hold, or revoked after the time of signing that the document claims, and nobody says why."""
    REVOKED = "REVOKED"
    """Revoked when it signed, or its signatures can no longer be dated."""


def judge_revocation(
    crls: Sequence[Crl], serial_number: int, *, signed_at: datetime | None, at: datetime
) -> Revocation:
    """Judge one certificate by the lists of its authority, the newest first.

    1. Every list counts, not only the newest: an entry may leave a list once the certificate has expired (RFC 5280
       §5.3.4), but documents outlive their signers. Only a hold may be lifted by a newer list.
    2. A time of signing is the word of the very key that was revoked. So it counts only where that key is known to
       have been sound; without one, or where the key may have been stolen, the certificate is revoked outright. Where
       the authority gives no reason (ICAO 9303-12 does not ask for one) the question stays open.

    What was learnt after ``at`` counts as well: a stolen key was stolen whenever one looks.
    """
    if not crls:
        return Revocation.NO_LIST
    judged = [
        _judge(entry, signed_at)
        for place, crl in enumerate(crls)  # (1)
        if (entry := crl.revoked.get(serial_number))
        and (place == 0 or entry.reason not in _NOT_FINAL)
    ]
    if judged:
        return max(judged, key=list(Revocation).index)
    newest = crls[0]
    outdated = newest.next_update is not None and at > newest.next_update
    return Revocation.STALE if outdated else Revocation.NOT_REVOKED


def _judge(entry: RevokedCertificate, signed_at: datetime | None) -> Revocation:
    """(2)"""
    if entry.reason in _NOT_FINAL:
        return Revocation.DOUBTFUL
    if entry.reason in _KEY_MAY_BE_STOLEN or signed_at is None or entry.revoked_at <= signed_at:
        return Revocation.REVOKED
    return Revocation.REVOKED_LATER if entry.reason in _KEY_WAS_SOUND else Revocation.DOUBTFUL
