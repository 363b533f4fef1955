"""A finished session as bytes: its signed report and what the client may be told, for the store to seal."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ekyc.flows.live_values import LiveAdvice, SignedLiveReport
from ekyc.outcomes import Check, Measurement, Outcome

if TYPE_CHECKING:
    from ekyc.liveness.active import ActiveReport, Session, SignedReport

_OF_THE_CAPTURE: Final = frozenset(
    {
        *("liveness.no_face", "liveness.several_faces", "liveness.unreadable_frame"),
        *("liveness.face_too_small", "liveness.no_surroundings", "liveness.blurred"),
        *("liveness.too_dark", "liveness.too_bright"),
        *("liveness.stream_late", "liveness.stream_gaps", "liveness.challenge_timeout"),
        *("liveness.session_too_long", "liveness.challenge_unfinished"),
    }
)
"""What the client may hear: faults of the capture, which it knows itself or which anybody can see in the pictures."""
_AGAIN: Final = "liveness.capture_again"
_SEEN_OFTEN: Final = 5
"""One frame in so many with the same problem is worth telling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePackage:
    """What is kept of a finished session, besides its best frame."""

    signed: SignedLiveReport
    told: LiveAdvice

    def encode(self) -> bytes:
        """JSON."""
        return json.dumps(
            {
                "payload": base64.b64encode(self.signed.payload).decode(),
                "signature": base64.b64encode(self.signed.signature).decode(),
                "key_id": self.signed.key_id,
                "passed": self.told.passed,
                "advice": self.told.advice,
            }
        ).encode()

    @property
    def checks(self) -> tuple[Check, ...]:
        """The report's checks."""
        return tuple(_check(entry) for entry in self.signed.report["checks"])


def make_package(report: ActiveReport, session: Session, signed: SignedReport) -> LivePackage:
    """A judged session as it will be kept."""
    return LivePackage(
        signed=_signed(signed.payload, signed.signature, signed.key_id), told=_told(report, session)
    )


def decode_package(data: bytes) -> LivePackage:
    """What :meth:`LivePackage.encode` wrote."""
    kept = json.loads(data)
    payload, signature = (base64.b64decode(kept[name]) for name in ("payload", "signature"))
    return LivePackage(
        signed=_signed(payload, signature, kept["key_id"]),
        told=LiveAdvice(passed=kept["passed"], advice=tuple(kept["advice"])),
    )


def _signed(payload: bytes, signature: bytes, key_id: str) -> SignedLiveReport:
    return SignedLiveReport(
        report=json.loads(payload), payload=payload, signature=signature, key_id=key_id
    )


def _told(report: ActiveReport, session: Session) -> LiveAdvice:
    """Passed or not, and faults of the capture; the same words whatever else was noticed."""
    if report.outcome is Outcome.PASSED:
        return LiveAdvice(passed=True, advice=())
    found = [f"liveness.{frame.seen.problem}" for frame in session.frames if frame.seen.problem]
    often = [
        code
        for code in dict.fromkeys(found)
        if found.count(code) * _SEEN_OFTEN >= len(session.frames)
    ]
    codes = dict.fromkeys((*often, *report.reasons))
    return LiveAdvice(
        passed=False, advice=(*(code for code in codes if code in _OF_THE_CAPTURE), _AGAIN)
    )


def _check(entry: dict[str, Any]) -> Check:
    return Check(
        id=entry["id"],
        outcome=Outcome(entry["outcome"]),
        reasons=tuple(entry["reasons"]),
        subjects=tuple(entry["subjects"]),
        measurements=tuple(Measurement(**measured) for measured in entry["measurements"]),
        duration_ms=entry["duration_ms"],
    )
