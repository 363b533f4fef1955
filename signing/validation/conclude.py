"""From the findings about one signature to its indication; the same for every format."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ekyc.outcomes import Check, Outcome
from ekyc.signing.validation import revisions, trust, two_parsers
from ekyc.signing.validation.report import (
    Coverage,
    Indication,
    Integrity,
    SignatureKind,
    SignatureReport,
    TimestampReport,
)
from ekyc.values import Redacted

INTEGRITY_CHECK_ID: Final = "signature.valid"
TIMESTAMP_CHECK_ID: Final = "signature.timestamp"
_ALGORITHMS: Final = {"rsa", "pkcs1v15", "pss", "ecdsa", "ed25519", "ed448"}
"""Endings of the names that asn1crypto gives to signature algorithms, as in ``sha256_rsa``, ``rsassa_pss``."""
_News = tuple[Indication, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrityFinding:
    """Whether the key of the embedded certificate signed what it is said to have signed."""

    value: Integrity
    sub_indication: str | None
    check: Check


class Watch:
    """Writes into each check the time since the one before."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    def timed(self, check: Check) -> Check:
        before, self._since = self._since, time.perf_counter()
        return replace(check, duration_ms=(self._since - before) * 1000)


def is_known_algorithm(name: str) -> bool:
    """Whether a signature algorithm is one that is judged here."""
    return name.split("_", 1)[-1] in _ALGORITHMS


def intact() -> IntegrityFinding:
    check = Check(id=INTEGRITY_CHECK_ID, outcome=Outcome.PASSED)
    return IntegrityFinding(value=Integrity.INTACT, sub_indication=None, check=check)


def broken(sub_indication: str) -> IntegrityFinding:
    """``HASH_FAILURE`` or ``SIG_CRYPTO_FAILURE``."""
    reasons = (trust.reason_for(sub_indication),)
    check = Check(id=INTEGRITY_CHECK_ID, outcome=Outcome.FAILED, reasons=reasons)
    return IntegrityFinding(value=Integrity.BROKEN, sub_indication=sub_indication, check=check)


def unknown(sub_indication: str, reason: str) -> IntegrityFinding:
    check = undecided(INTEGRITY_CHECK_ID, reason)
    return IntegrityFinding(value=Integrity.UNKNOWN, sub_indication=sub_indication, check=check)


def undecided(check_id: str, reason: str) -> Check:
    return Check(id=check_id, outcome=Outcome.INDETERMINATE, reasons=(reason,))


def worst_news(news: list[_News]) -> _News:
    """The worst news decides; passing is what is left when there is no bad news."""
    for indication in (Indication.TOTAL_FAILED, Indication.INDETERMINATE):
        for found in news:
            if found[0] is indication:
                return found
    return Indication.TOTAL_PASSED, None


def news_of_integrity(integrity: IntegrityFinding) -> list[_News]:
    if integrity.value is Integrity.INTACT:
        return []
    failed = integrity.value is Integrity.BROKEN
    indication = Indication.TOTAL_FAILED if failed else Indication.INDETERMINATE
    return [(indication, integrity.sub_indication)]


def news_of_shown(shown: revisions.Finding | None) -> list[_News]:
    if shown is None:
        return [(Indication.INDETERMINATE, "GENERIC")]
    if shown.check.outcome is Outcome.FAILED:
        return [(Indication.TOTAL_FAILED, "FORMAT_FAILURE")]
    if shown.check.outcome is not Outcome.PASSED:
        return [(Indication.INDETERMINATE, "SIG_CONSTRAINTS_FAILURE")]
    return []


def news_of_compared(compared: two_parsers.Finding | None, *, asked: bool) -> list[_News]:
    """Of the differential rule; none where nobody asked for it."""
    undecided_news: list[_News] = [(Indication.INDETERMINATE, "SIG_CONSTRAINTS_FAILURE")]
    if compared is None:
        return undecided_news if asked else []
    if compared.check.outcome is Outcome.PASSED:
        return []
    if compared.check.outcome is Outcome.FAILED:
        return [(Indication.TOTAL_FAILED, "FORMAT_FAILURE")]
    return undecided_news


def news_of_signer(signer: trust.Finding | None) -> list[_News]:
    if signer is None:
        return [(Indication.INDETERMINATE, "GENERIC")]
    news: list[_News] = []
    if signer.indication is not Indication.TOTAL_PASSED:
        news.append((signer.indication, signer.sub_indication))
    stamp = signer.timestamp
    if stamp is not None and stamp.indication is not Indication.TOTAL_PASSED:
        # A missing timestamp leaves a weaker signature; a wrong one is a sign of tampering.
        news.append((Indication.INDETERMINATE, stamp.sub_indication))
    return news


def timestamp_check(timestamp: TimestampReport | None) -> Check:
    if timestamp is None:
        return Check(
            id=TIMESTAMP_CHECK_ID,
            outcome=Outcome.NOT_PERFORMED,
            reasons=("signature.timestamp_missing",),
        )
    if timestamp.indication is not Indication.TOTAL_PASSED:
        return undecided(TIMESTAMP_CHECK_ID, "signature.timestamp_invalid")
    return Check(id=TIMESTAMP_CHECK_ID, outcome=Outcome.PASSED)


async def judge_without_revisions(
    name: str,
    judge_integrity: Callable[[], IntegrityFinding],
    judge_signer: Callable[[], Awaitable[trust.Finding]],
    *,
    subject: str | None,
    claimed_time: datetime | None,
) -> SignatureReport:
    """Report on a signature over a whole content: its integrity first, and the certificate of what is INTACT alone.

    Whatever fails while the certificate is judged leaves no finding, and without a finding nothing passes.
    """
    watch = Watch()
    integrity = judge_integrity()
    integrity = replace(integrity, check=watch.timed(integrity.check))
    signer: trust.Finding | None = None
    if integrity.value is Integrity.INTACT:
        with suppress(Exception):
            signer = await judge_signer()
            signer = replace(signer, check=watch.timed(signer.check))
    return _report_without_revisions(
        name, integrity, signer, subject=subject, claimed_time=claimed_time
    )


def _report_without_revisions(
    name: str,
    integrity: IntegrityFinding,
    signer: trust.Finding | None,
    *,
    subject: str | None = None,
    claimed_time: datetime | None = None,
) -> SignatureReport:
    """Report on a signature over a whole content, which has no revisions as a PDF has."""
    whole = integrity.value is Integrity.INTACT
    news = news_of_integrity(integrity)
    checks = [integrity.check]
    if whole:
        news += news_of_signer(signer)
        checks += (
            [undecided(trust.CHECK_ID, "signature.unexpected")]
            if signer is None
            else [signer.check, timestamp_check(signer.timestamp)]
        )
    indication, sub_indication = worst_news(news)
    return SignatureReport(
        field_name=name,
        kind=SignatureKind.SIGNATURE,
        indication=indication,
        sub_indication=sub_indication,
        integrity=integrity.value,
        coverage=Coverage.ENTIRE_FILE if whole else None,
        modifications=None,
        signer_subject=Redacted(subject) if subject is not None else None,
        anchor_subject=signer.anchor_subject if signer else None,
        claimed_time=claimed_time,
        timestamp=signer.timestamp if signer else None,
        checks=tuple(checks),
    )
