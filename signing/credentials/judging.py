"""Is this result genuine, of whom, and does it still stand? Offline: everything that counts is handed in.

1. the text is a result of a version that is known                         ``credential.read``
2. the trust list is signed by the operator and has not expired            ``credential.trust_list``
3. the key that it names belongs to the issuer that it names, may sign
   results, was not lost, and signed it                                    ``credential.signature``
4. it was issued within the key's time, is not from the future, has not
   expired                                                                 ``credential.validity``
5. the status list that it names, signed by a key of the same issuer for
   status lists, is fresh and says *valid*                                 ``credential.status``

What no step says: that the bearer is the person. A QR code on paper is copied freely; hold the fields against the
person's identity card, or ask for the wallet form, which proves possession of a key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from ekyc.errors import EkycError, InputError, LimitError, TrustError
from ekyc.outcomes import Check, Outcome, worst
from ekyc.signing.credentials import cose, jose
from ekyc.signing.credentials.keys import CredentialKey
from ekyc.signing.credentials.result import Result, UnverifiedResult, read_result
from ekyc.signing.credentials.sd_jwt import Presentation, read_presentation
from ekyc.signing.credentials.status_list import (
    StatusList,
    StatusType,
    UnverifiedStatusList,
    read_status_list,
)
from ekyc.signing.credentials.trust_list import (
    KeyUse,
    TrustedIssuer,
    TrustedKey,
    TrustList,
    UnverifiedTrustList,
)

SKEW: Final = timedelta(minutes=5)
"""How far clocks may differ."""
MAX_LISTS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustAnchor:
    """What the verifier relies on: a trust list, and the operator's key that it was given beforehand."""

    listed: UnverifiedTrustList
    operator_key: CredentialKey | None
    """``None``: nobody vouches for the list, and nothing passes by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultReport:
    """What was found. ``repr`` shows no field."""

    checks: tuple[Check, ...]
    result: Result | None
    """Only where the signature holds: nobody stated what an unsigned one says."""
    issuer: TrustedIssuer | None
    trust_list: TrustList
    status: StatusType | None
    """As the newest list that holds says, fresh or not."""
    status_list: StatusList | None

    @property
    def outcome(self) -> Outcome:
        """PASSED only where every check is."""
        return worst(check.outcome for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVerdict:
    """Which issuer's key signed, or why none did."""

    issuer: TrustedIssuer | None
    trusted: TrustedKey | None
    outcome: Outcome
    reasons: tuple[str, ...]


def inspect_result(
    text: str,
    *,
    anchor: TrustAnchor,
    status_lists: Iterable[bytes] = (),
    at: datetime,
    max_status_age: timedelta | None = None,
) -> ResultReport:
    """Judge the text of a QR code.

    Args:
        text: as scanned.
        anchor: whom to believe.
        status_lists: signed lists at hand, CWT or JWT; the newest that fits counts.
        at: aware; the time to judge as of.
        max_status_age: how old a status list may be, in place of what it says itself.

    Raises:
        LimitError: more than 64 status lists.
    """
    return _judge(lambda: read_result(text), anchor, status_lists, at, max_status_age)


def inspect_presentation(
    text: str,
    *,
    anchor: TrustAnchor,
    audience: str,
    nonce: str,
    status_lists: Iterable[bytes] = (),
    at: datetime,
    max_status_age: timedelta | None = None,
) -> ResultReport:
    """Judge what a wallet shows: the same, and whether its holder presents it here and now (``credential.holder``).

    Args:
        text: SD-JWT with disclosures and key binding.
        anchor: whom to believe.
        audience: this verifier's name.
        nonce: that this verifier gave out for this presentation; it must not accept it twice.
        status_lists: as :func:`inspect_result`.
        at: aware; now.
        max_status_age: as :func:`inspect_result`.

    Raises:
        LimitError: more than 64 status lists.
    """
    holder = _not_asked("holder")

    def read() -> Presentation:
        nonlocal holder
        found = read_presentation(text)
        try:
            found.verify_holder(audience=audience, nonce=nonce, at=at)
            holder = Check(id="credential.holder", outcome=Outcome.PASSED)
        except TrustError as error:
            holder = Check(id="credential.holder", outcome=Outcome.FAILED, reasons=(error.code,))
        return found

    report = _judge(read, anchor, status_lists, at, max_status_age)
    return replace(report, checks=(*report.checks, holder))


def _judge(
    read: Callable[[], UnverifiedResult | Presentation],
    anchor: TrustAnchor,
    status_lists: Iterable[bytes],
    at: datetime,
    max_age: timedelta | None,
) -> ResultReport:
    trust_check = check_trust_list(anchor, at)
    trust = anchor.listed.claimed
    try:
        unverified = read()
    except InputError as error:
        refused = Check(id="credential.read", outcome=Outcome.FAILED, reasons=(error.code,))
        return _nothing_stated(trust, refused, trust_check)
    was_read = Check(id="credential.read", outcome=Outcome.PASSED)
    if trust_check.outcome is Outcome.FAILED:
        return _nothing_stated(trust, was_read, trust_check)
    claimed = unverified.claimed
    signed = judge_key(trust, unverified.message, issuer_id=claimed.issuer, use=KeyUse.RESULT)
    signature = Check(id="credential.signature", outcome=signed.outcome, reasons=signed.reasons)
    if signed.trusted is None:
        return _nothing_stated(trust, was_read, trust_check, signature)
    status, found, status_check = judge_status(claimed, trust, status_lists, at=at, max_age=max_age)
    validity = check_validity(claimed, signed.trusted, at)
    return ResultReport(
        checks=(was_read, trust_check, signature, validity, status_check),
        result=claimed,
        issuer=signed.issuer,
        trust_list=trust,
        status=status,
        status_list=found,
    )


def check_trust_list(anchor: TrustAnchor, at: datetime) -> Check:
    """Is the list the operator's, and in force?"""
    outcome: Outcome = Outcome.PASSED
    reasons: tuple[str, ...] = ()
    trust = anchor.listed.claimed
    if anchor.operator_key is None:
        outcome, reasons = Outcome.INDETERMINATE, ("credential.trust_list_unpinned",)
    else:
        try:
            anchor.listed.verify(anchor.operator_key)
        except TrustError:
            outcome, reasons = Outcome.FAILED, ("credential.trust_list_untrusted",)
    if outcome is Outcome.PASSED and not trust.issued_at - SKEW <= at < trust.expires_at:
        outcome, reasons = Outcome.INDETERMINATE, ("credential.trust_list_expired",)
    return Check(id="credential.trust_list", outcome=outcome, reasons=reasons)


def judge_key(  # noqa: PLR0911  # one for each reason
    trust: TrustList,
    message: cose.Unverified | jose.Unverified,
    *,
    issuer_id: str,
    use: KeyUse,
) -> KeyVerdict:
    """Did a key of this issuer, that may, sign this message?"""
    issuer = trust.issuer(issuer_id)
    if issuer is None:
        return _no_key(Outcome.INDETERMINATE, "credential.issuer_unknown")
    found = trust.key(message.kid)
    if found is None:
        return _no_key(Outcome.INDETERMINATE, "credential.key_unknown")
    owner, trusted = found
    if owner.id != issuer_id:
        return _no_key(Outcome.FAILED, "credential.key_of_another")
    if use not in trusted.uses:
        return _no_key(Outcome.FAILED, "credential.key_use")
    if trusted.compromised_at is not None:
        return _no_key(Outcome.FAILED, "credential.key_compromised")
    try:
        message.verify(trusted.key)
    except TrustError as error:
        return _no_key(Outcome.FAILED, error.code)
    return KeyVerdict(issuer=issuer, trusted=trusted, outcome=Outcome.PASSED, reasons=())


def check_validity(claimed: Result, trusted: TrustedKey, at: datetime) -> Check:
    """Was it issued within the key's time, and is it in force?"""
    reasons = []
    issued = claimed.issued_at
    if not trusted.signs_from <= issued < trusted.signs_until:
        reasons.append("credential.key_out_of_time")
    if at < issued - SKEW:
        reasons.append("credential.not_yet_valid")
    if at >= claimed.expires_at:
        reasons.append("credential.expired")
    outcome = Outcome.FAILED if reasons else Outcome.PASSED
    return Check(id="credential.validity", outcome=outcome, reasons=tuple(reasons))


def judge_status(  # noqa: PLR0911  # one for each finding
    claimed: Result,
    trust: TrustList,
    status_lists: Iterable[bytes],
    *,
    at: datetime,
    max_age: timedelta | None = None,
) -> tuple[StatusType | None, StatusList | None, Check]:
    """What the newest genuine list says of a result.

    A list that says *revoked* or *superseded* counts however old it is: neither is ever taken back.
    """
    found, refusals = _newest(claimed, trust, status_lists, at)
    if found is None:
        if refusals:
            return None, None, _status(Outcome.INDETERMINATE, *refusals)
        return None, None, _status(Outcome.NOT_PERFORMED, "credential.status_not_asked")
    try:
        status = StatusType(found.statuses.at(claimed.status.index))
    except InputError as error:
        return None, found, _status(Outcome.INDETERMINATE, error.code)
    except ValueError:
        return None, found, _status(Outcome.INDETERMINATE, "credential.status_unknown")
    if status in _FINAL:
        return status, found, _status(Outcome.FAILED, _FINAL[status])
    if at >= found.fresh_until(max_age=max_age):
        return status, found, _status(Outcome.INDETERMINATE, "credential.status_stale")
    if status is StatusType.SUSPENDED:
        return status, found, _status(Outcome.FAILED, "credential.suspended")
    return status, found, _status(Outcome.PASSED)


_FINAL: Final = {
    StatusType.REVOKED: "credential.revoked",
    StatusType.SUPERSEDED: "credential.superseded",
}


def _newest(
    claimed: Result, trust: TrustList, status_lists: Iterable[bytes], at: datetime
) -> tuple[StatusList | None, list[str]]:
    newest: StatusList | None = None
    refusals: list[str] = []
    for count, data in enumerate(status_lists):
        if count >= MAX_LISTS:
            raise LimitError("more status lists than are looked at", code="credential.too_large")
        try:
            found = _genuine(claimed, trust, read_status_list(data), at)
        except EkycError as error:
            refusals.append(error.code)
            continue
        if newest is None or found.issued_at > newest.issued_at:
            newest = found
    return newest, list(dict.fromkeys(refusals))


def _genuine(
    claimed: Result, trust: TrustList, unverified: UnverifiedStatusList, at: datetime
) -> StatusList:
    """The list, if it is the one that the result names and a key of its issuer signed it in the key's time."""
    if unverified.uri != claimed.status.uri:
        raise TrustError("another list", code="credential.status_other_list")
    signed = judge_key(trust, unverified.message, issuer_id=claimed.issuer, use=KeyUse.STATUS)
    if signed.trusted is None:
        raise TrustError("not signed by its issuer", code="credential.status_untrusted")
    found = unverified.verify(signed.trusted.key)
    in_time = signed.trusted.signs_from <= found.issued_at < signed.trusted.signs_until
    if found.issuer not in {None, claimed.issuer} or not in_time:
        raise TrustError("not signed by its issuer", code="credential.status_untrusted")
    if found.issued_at - SKEW > at:
        raise TrustError("from the future", code="credential.status_from_future")
    return found


def _nothing_stated(trust: TrustList, *checks: Check) -> ResultReport:
    asked = {check.id for check in checks}
    rest = (_not_asked(name) for name in ("signature", "validity", "status"))
    return ResultReport(
        checks=(*checks, *(check for check in rest if check.id not in asked)),
        result=None,
        issuer=None,
        trust_list=trust,
        status=None,
        status_list=None,
    )


def _no_key(outcome: Outcome, reason: str) -> KeyVerdict:
    return KeyVerdict(issuer=None, trusted=None, outcome=outcome, reasons=(reason,))


def _status(outcome: Outcome, *reasons: str) -> Check:
    return Check(id="credential.status", outcome=outcome, reasons=reasons)


def _not_asked(name: str) -> Check:
    return Check(
        id=f"credential.{name}", outcome=Outcome.NOT_PERFORMED, reasons=("credential.not_asked",)
    )
