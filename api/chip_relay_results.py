"""What comes out of a relayed reading: checks for the answer, the record for whoever ordered it."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from ekyc.api.chip_relay_sessions import ChipSession, ChipSessionState
from ekyc.chip import (
    ActiveAuthenticationExchange,
    ChipReading,
    chip_report_as_json,
    inspect_chip,
)
from ekyc.chip.relay import RelayPlan, RelaySession
from ekyc.chip.report import DECIDING_CHECKS
from ekyc.flows.safeguards import CHECK_GENUINE, check_genuine
from ekyc.outcomes import Check, Outcome, check_as_json, worst
from ekyc.pki import TrustStore

_SCHEMA: Final = "ekyc.chip-session/1"
_DECIDING: Final = (*DECIDING_CHECKS, CHECK_GENUINE)
"""A device between can play a chip whose files it has; only a proof by the chip's own key tells them apart."""


def reading_as_facts(relay: RelaySession, plan: RelayPlan, trust: TrustStore) -> dict[str, Any]:
    """Judge a finished reading.

    Returns:
        ``facts`` of the answer, without personal data, and ``evidence``: the encoded record.
    """
    reading, record = relay.reading, relay.record
    assert reading is not None  # it has finished
    assert record is not None
    assert record.transcript is not None
    report = inspect_chip(
        reading.files,
        trust=trust,
        challenge=ActiveAuthenticationExchange(
            nonce=plan.nonce, signature=reading.active_authentication_signature
        ),
        chip_authentication=reading.chip_authentication_evidence,
        at=record.recorded_at,
    )
    evidence = record.encode()
    facts = {
        **chip_report_as_json(report),
        **_verdict((*report.checks, check_genuine(report.checks))),
        **_course(reading),
        "round_trips": relay.round_trips,
        "recorded_at": record.recorded_at.isoformat(),
        "transcript_sha256": record.transcript.digest.hex(),
        "evidence_sha256": hashlib.sha256(evidence).hexdigest(),
    }
    return {"facts": facts, "evidence": evidence}


def session_as_json(session: ChipSession) -> dict[str, Any]:
    """The answer to whoever ordered the reading."""
    head = {
        "schema": _SCHEMA,
        "id": session.id,
        "mode": session.mode.value,
        "state": session.state.value,
        "expires_at": session.expires_at.isoformat(),
    }
    if session.state is ChipSessionState.FINISHED:
        return head | session.facts
    error = session.error
    nothing = {"reasons": [error.code] if error else [], "checks": []}
    if error is None:
        return head | {"outcome": Outcome.NOT_PERFORMED.value} | nothing
    described = {
        "code": error.code,
        "message": error.message,
        "subject": error.subject,
        "retryable": error.retryable,
    }
    return head | {"outcome": "ERROR", "error": described} | nothing


def _verdict(checks: tuple[Check, ...]) -> dict[str, Any]:
    outcome = worst(
        check.outcome
        for check in checks
        if check.id in _DECIDING or check.outcome is Outcome.FAILED
    )
    reasons = dict.fromkeys(code for check in checks for code in check.reasons)
    return {
        "outcome": outcome.value,
        "reasons": list(reasons),
        "checks": [check_as_json(check) for check in checks],
    }


def _course(reading: ChipReading) -> dict[str, Any]:
    """How the chip was read; names and digests of its files."""
    return {
        "access": {
            "protocol": reading.access.protocol.value,
            "name": reading.access.name,
            "pace_error": reading.access.pace_error,
        },
        "chip_authentication_error": reading.chip_authentication_error,
        "unread": {file.value: code for file, code in reading.unread.items()},
        "files": {
            name.value: hashlib.sha256(data).hexdigest() for name, data in reading.files.items()
        },
    }
