"""The chip's stage of a verification: spend the challenge, inspect the files, and join what only both together tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ekyc.chip import ChipReport, inspect_chip
from ekyc.chip.authority import CHECK_AUTHORITY, AuthorityFinding, inspect_authority
from ekyc.flows.freshness import redeem_challenge
from ekyc.flows.safeguards import (
    CHECK_GENUINE,
    CHECK_NOT_EXPIRED,
    check_genuine,
    check_not_expired,
    day_in_vietnam,
)
from ekyc.flows.stages import StageResult, not_performed

if TYPE_CHECKING:
    from ekyc.chip.authority import Authority
    from ekyc.flows.case import Case
    from ekyc.pki import TrustStore
    from ekyc.storage import Storage
    from ekyc.values import Receipt

CHIP_CHECKS: Final = (
    "chip.structure",
    "chip.signature",
    "chip.hashes",
    "chip.chain",
    "chip.active_authentication",
    "chip.chip_authentication",
    "chip.dg1_matches_dg13",
    CHECK_GENUINE,
    CHECK_NOT_EXPIRED,
    CHECK_AUTHORITY,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipFindings:
    """What the stage found."""

    report: ChipReport
    authority: AuthorityFinding


def judge_chip(
    case: Case,
    *,
    trust: TrustStore,
    storage: Storage | None,
    authority: Authority | None = None,
    challenge_id: str | None,
    now: datetime,
    receipt: Receipt | None = None,
) -> StageResult[ChipFindings]:
    """Every check about the chip of a case.

    1. The challenge is spent, if the case answers one.
    2. The files are inspected, with the answers as far as they are fresh.
    3. Either proof that counts makes the chip a genuine one.
    4. The day of expiry is held against today.
    5. The national verification service, where there is one, is asked about a document that holds so far.

    Raises:
        StorageError, BusyError: the store of challenges failed.
    """
    if case.chip is None:
        return StageResult(value=None, checks=not_performed(CHIP_CHECKS, "case.part_missing"))
    fresh = redeem_challenge(storage, challenge_id, case, receipt)  # (1)
    report = inspect_chip(  # (2)
        case.chip,
        trust=trust,
        challenge=fresh.active_authentication,
        chip_authentication=fresh.chip_authentication,
        at=now,
    )
    checks = fresh.applied_to(report.checks)
    genuine = check_genuine(checks)  # (3)
    in_force = check_not_expired(report.identity, day_in_vietnam(now))  # (4)
    word = inspect_authority(authority, case.chip, report)  # (5)
    return StageResult(
        value=ChipFindings(report=report, authority=word),
        checks=(*checks, genuine, in_force, word.check),
    )
