"""What only the joined view of several rooms can tell.

1. Whether the card is still in force: the chip states the day, the verifier knows today.
2. Whether the material is a sample: a simulated issuer says so in its certificates, whatever the case says.
3. Whether a face match rests on a portrait that the issuer vouches for.
4. Whether the frames that prove life are frames of the person who was compared.
5. Whether the chip is a genuine one, by whichever of its two proofs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from ekyc.chip.report import CHECK_ACTIVE_AUTHENTICATION, CHECK_CHIP_AUTHENTICATION
from ekyc.mrz import strip_diacritics
from ekyc.outcomes import Check, Outcome, worst

if TYPE_CHECKING:
    from ekyc.chip import ChipIdentity, ChipReport
    from ekyc.face import FaceComparison
    from ekyc.liveness import LivenessReport

CHECK_NOT_EXPIRED: Final = "chip.not_expired"
CHECK_GENUINE: Final = "chip.genuine"
_PROOFS_OF_GENUINENESS: Final = (CHECK_ACTIVE_AUTHENTICATION, CHECK_CHIP_AUTHENTICATION)
_VIETNAM: Final = timezone(timedelta(hours=7))
_WITHOUT_END: Final = "khong thoi han"
_MARK_OF_SAMPLES: Final = "SAMPLE"


def day_in_vietnam(moment: datetime) -> date:
    """The calendar day in Vietnam at an aware moment."""
    return moment.astimezone(_VIETNAM).date()


def check_not_expired(identity: ChipIdentity | None, today: date) -> Check:
    """Check ``chip.not_expired`` (1). A card counts to the end of its last day; some have none.

    Args:
        identity: what the chip states in groups that the issuer vouches for, or None.
        today: the day in Vietnam.
    """
    if identity is None:
        return _about_expiry(Outcome.NOT_PERFORMED, "chip.identity_not_covered")
    if identity.expiry_date is not None:
        if identity.expiry_date.reveal() < today:
            return _about_expiry(Outcome.FAILED, "case.card_expired")
        return _about_expiry(Outcome.PASSED)
    text = identity.expiry_text.reveal() if identity.expiry_text is not None else ""
    if _plain(text) == _WITHOUT_END:
        return _about_expiry(Outcome.PASSED)
    return _about_expiry(Outcome.INDETERMINATE, "case.expiry_unknown")


def signed_by_simulator(chip: ChipReport | None) -> bool:
    """Whether the chip files name a signer of :mod:`ekyc.chip.sim` (2); its certificates all say SAMPLE."""
    passive = chip.passive_authentication if chip is not None else None
    signer = passive.signature.claimed_signer if passive is not None else None
    if signer is None:
        return False
    names = (signer.subject.common_name, signer.issuer.common_name)
    return any(_MARK_OF_SAMPLES in name for name in names if name)


def without_sample_material(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Sample material passes no check of presence (2); that it failed one stays true."""
    return _not_passing(checks, Outcome.NOT_PERFORMED, "case.sample_material")


def with_portrait_bound(checks: tuple[Check, ...], chip: ChipReport) -> tuple[Check, ...]:
    """A match against a portrait that nobody vouches for decides nothing (3)."""
    if chip.portrait_proven:
        return checks
    return _not_passing(checks, Outcome.INDETERMINATE, "case.portrait_unproven")


def with_frames_bound(
    checks: tuple[Check, ...], face: FaceComparison | None, liveness: LivenessReport | None
) -> tuple[Check, ...]:
    """A match decides nothing if a frame that counts as live was set aside by the comparison (4).

    A stranger could otherwise be live in profile, where eyes lie too close for a comparison, and hold up the
    holder's picture in the one frame that is compared.
    """
    if face is None or liveness is None:
        return checks
    compared = {frame.index for frame in face.frames if frame.problem is None}
    live = {frame.index for frame in liveness.frames if frame.score is not None}
    if live <= compared:
        return checks
    return _not_passing(checks, Outcome.INDETERMINATE, "case.frames_not_compared")


def check_genuine(checks: Iterable[Check]) -> Check:
    """Check ``chip.genuine`` (5): active authentication or chip authentication passed.

    For profiles that serve chips with only one of them. A proof that holds is not undone by the other: whoever could
    answer with the signed key of DG14 holds the chip, whatever came for DG15, and leaving the bad answer out would have
    the same end. Where neither holds, the graver finding stands.
    """
    proofs = [check for check in checks if check.id in _PROOFS_OF_GENUINENESS]
    passed = tuple(check.id for check in proofs if check.outcome is Outcome.PASSED)
    if passed:
        return Check(id=CHECK_GENUINE, outcome=Outcome.PASSED, subjects=passed)
    graver = worst(check.outcome for check in proofs)
    reasons = dict.fromkeys(
        code for check in proofs if check.outcome is graver for code in check.reasons
    )
    return Check(id=CHECK_GENUINE, outcome=graver, reasons=tuple(reasons))


def _not_passing(checks: tuple[Check, ...], outcome: Outcome, reason: str) -> tuple[Check, ...]:
    """The same checks; those that passed have ``outcome`` for ``reason`` instead."""
    return tuple(
        replace(check, outcome=outcome, reasons=(*check.reasons, reason))
        if check.outcome is Outcome.PASSED
        else check
        for check in checks
    )


def _about_expiry(outcome: Outcome, *reasons: str) -> Check:
    return Check(id=CHECK_NOT_EXPIRED, outcome=outcome, reasons=reasons)


def _plain(text: str) -> str:
    """Lower case, without marks, single spaces."""
    return " ".join(strip_diacritics(text).casefold().split())
