"""The result of a session: checks, what is suspected, and digests of everything they rest on; ready to be signed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from ekyc.liveness.active.attestation import CHECK_CLIENT
from ekyc.liveness.active.conclusion import (
    DEFAULT_CONCLUSION,
    ActiveThresholds,
    SessionEvidence,
    best_frame,
    check_challenge,
    check_stream,
)
from ekyc.liveness.active.session import ActivePolicy, ReplyKind, Session
from ekyc.outcomes import Check, Outcome, check_as_json, worst

SCHEMA: Final = "ekyc.active-liveness/1"
LIMITS: Final = "one colour camera: no proof against masks, nor against pictures generated while they are asked for"


class Suspected(StrEnum):
    """Kinds of attack that a failed check speaks of."""

    REPLAY = "replay"
    INJECTION = "injection"
    OTHER_PERSON = "other_person"
    PRESENTATION = "presentation"
    """A print, screen or mask, by passive detection."""


_SUSPECTED: Final[Mapping[str, Suspected]] = {
    "liveness.answered_before_asked": Suspected.REPLAY,
    "liveness.frames_looped": Suspected.REPLAY,
    "liveness.replayed_session": Suspected.REPLAY,
    "liveness.other_session": Suspected.INJECTION,
    "liveness.stream_tampered": Suspected.INJECTION,
    "liveness.order_violation": Suspected.INJECTION,
    "liveness.captured_out_of_order": Suspected.INJECTION,
    "liveness.attestation_refuted": Suspected.INJECTION,
    "liveness.subject_switch": Suspected.OTHER_PERSON,
    "liveness.presentation_attack": Suspected.PRESENTATION,
    "liveness.screen_pattern": Suspected.PRESENTATION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveReport:
    """For the operator. The person before the camera is told the reasons' texts at most, an untrusted client nothing."""

    session_id: str
    checks: tuple[Check, ...]
    """``liveness.challenge``, ``liveness.stream``, passive detection if it ran, ``liveness.client``."""
    policy: ActivePolicy
    thresholds: ActiveThresholds
    steps: tuple[str, ...]
    colours: tuple[str, ...]
    chain: str
    """Digest of the last chunk: stands for all chunks in their order."""
    frame_digests: tuple[str, ...] = field(repr=False)
    best_frame: str | None
    """Digest of the frame that the verifier chose for comparison."""
    models: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of every model that was asked, by its id."""
    bound_to: str | None = None
    """What the session was ordered for, as a keyed digest that whoever ordered it can recompute."""
    judged_at: str | None = None
    """ISO 8601, UTC."""

    @property
    def outcome(self) -> Outcome:
        """The worst of the checks. An unattested client alone does not count; a policy may ask for more."""
        return worst(
            check.outcome
            for check in self.checks
            if check.id != CHECK_CLIENT or check.outcome is not Outcome.NOT_PERFORMED
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(code for check in self.checks for code in check.reasons))

    @property
    def suspected(self) -> tuple[Suspected, ...]:
        """What failed checks speak of; never derived from bad quality."""
        failed = (check for check in self.checks if check.outcome is Outcome.FAILED)
        codes = (code for check in failed for code in check.reasons)
        return tuple(dict.fromkeys(_SUSPECTED[code] for code in codes if code in _SUSPECTED))


class ReportSigner(Protocol):
    """Signs reports; keys live elsewhere."""

    @property
    def key_id(self) -> str: ...

    def sign(self, payload: bytes) -> bytes:
        """A signature over exactly these bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedReport:
    """A report as bytes with a signature over them."""

    payload: bytes = field(repr=False)
    """Canonical JSON, UTF-8: sorted names, no blanks."""
    signature: bytes = field(repr=False)
    key_id: str


def report_session(
    session: Session,
    *,
    client: Check,
    evidence: SessionEvidence | None = None,
    passive: Check | None = None,
    models: Mapping[str, str] | None = None,
    thresholds: ActiveThresholds = DEFAULT_CONCLUSION,
    bound_to: str | None = None,
    judged_at: str | None = None,
) -> ActiveReport:
    """Judge a session; never raises for what a client sent.

    Args:
        session: ended or not.
        client: of :func:`~ekyc.liveness.active.check_client`.
        evidence: what was looked up beside the session.
        passive: ``liveness.passive`` of frames of this session.
        models: SHA-256 of the models behind observer and passive detection, by id.
        thresholds: of the conclusion.
        bound_to: what the session was ordered for.
        judged_at: when, for the report.
    """
    checks = (
        check_challenge(session, thresholds),
        check_stream(session, evidence or SessionEvidence(), thresholds),
        *((passive,) if passive is not None else ()),
        client,
    )
    best = best_frame(session) if session.ended is ReplyKind.DONE else None
    return ActiveReport(
        session_id=session.id.hex(),
        checks=checks,
        policy=session.policy,
        thresholds=thresholds,
        steps=tuple(session.plan.steps),
        colours=tuple(session.plan.colours),
        chain=session.chain.hex(),
        frame_digests=tuple(frame.digest for frame in session.frames),
        best_frame=best.digest if best else None,
        models=dict(models or {}),
        bound_to=bound_to,
        judged_at=judged_at,
    )


def report_as_json(report: ActiveReport) -> dict[str, Any]:
    """The one JSON form of a report."""
    return {
        "schema": SCHEMA,
        "session": report.session_id,
        "bound_to": report.bound_to,
        "judged_at": report.judged_at,
        "outcome": report.outcome.value,
        "reasons": list(report.reasons),
        "suspected": [kind.value for kind in report.suspected],
        "checks": [check_as_json(check) for check in report.checks],
        "policy": asdict(report.policy),
        "thresholds": asdict(report.thresholds),
        "steps": list(report.steps),
        "colours": list(report.colours),
        "chain_sha256": report.chain,
        "frames_sha256": list(report.frame_digests),
        "best_frame_sha256": report.best_frame,
        "models_sha256": dict(report.models),
        "limits": LIMITS,
    }


def sign_report(report: ActiveReport, signer: ReportSigner) -> SignedReport:
    """The report as canonical JSON, signed."""
    payload = json.dumps(
        report_as_json(report),
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    ).encode()
    return SignedReport(payload=payload, signature=signer.sign(payload), key_id=signer.key_id)
