"""A validation report as JSON, as ``ekyc validate`` and the service state it. It names the signers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ekyc.signing.validation.criteria import nine_criteria
from ekyc.signing.validation.words import change_in_words

if TYPE_CHECKING:
    from ekyc.signing.validation.report import (
        Revision,
        SignatureReport,
        TimestampReport,
        ValidationReport,
    )


def report_as_json(report: ValidationReport) -> dict[str, Any]:
    """What was found, without its checks."""
    return {
        "signatures": [_as_json(entry) for entry in report.signatures],
        "document_timestamps": [_as_json(entry) for entry in report.document_timestamps],
        "revisions": [_revision_as_json(revision) for revision in report.revisions],
    }


def _as_json(entry: SignatureReport) -> dict[str, Any]:
    return {
        "field": entry.field_name,
        "indication": entry.indication.value,
        "sub_indication": entry.sub_indication,
        "integrity": entry.integrity.value,
        "coverage": entry.coverage.value if entry.coverage else None,
        "modifications": entry.modifications.value if entry.modifications else None,
        "signer": entry.signer_subject.reveal() if entry.signer_subject else None,
        "anchor": entry.anchor_subject,
        "claimed_time": entry.claimed_time.isoformat() if entry.claimed_time else None,
        "timestamp": _timestamp_as_json(entry.timestamp) if entry.timestamp else None,
        "anchor_kind": entry.anchor_kind.value if entry.anchor_kind else None,
        "shown": entry.shown.value if entry.shown else None,
        "changed_pages": list(entry.changed_pages),
        "revision": entry.revision,
        "covered_bytes": entry.covered_bytes,
        "algorithm": entry.algorithm,
        "criteria": _criteria_as_json(entry),
    }


def _criteria_as_json(entry: SignatureReport) -> list[dict[str, Any]]:
    return [
        {
            "criterion": found.criterion.value,
            "outcome": found.outcome.value,
            "reasons": list(found.reasons),
            "rests_on": found.rests_on,
        }
        for found in nine_criteria(entry)
    ]


def _revision_as_json(revision: Revision) -> dict[str, Any]:
    return {
        "number": revision.number,
        "changes": [
            {
                "kind": change.kind.value,
                "page": change.page,
                "subject": change.subject,
                "count": change.count,
                "vi": change_in_words(change, "vi"),
                "en": change_in_words(change, "en"),
            }
            for change in revision.changes
        ],
    }


def _timestamp_as_json(timestamp: TimestampReport) -> dict[str, Any]:
    return {
        "indication": timestamp.indication.value,
        "sub_indication": timestamp.sub_indication,
        "time": timestamp.time.isoformat(),
    }
