"""A report on a result as JSON, as ``ekyc verify-result`` and the service state it. Personal data where the result holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from ekyc.signing.credentials.judging import ResultReport


def report_as_json(report: ResultReport, at: datetime) -> dict[str, Any]:
    """What was found, without its checks.

    Args:
        report: of a code or a presentation.
        at: what it was judged as of.
    """
    result, issuer, listed = report.result, report.issuer, report.status_list
    trust = report.trust_list
    return {
        "at": at.isoformat(),
        "result": None
        if result is None
        else {
            "id": result.id.hex(),
            "schema": result.schema.id,
            "version": result.schema.version,
            "subject": result.subject,
            "issued_at": result.issued_at.isoformat(),
            "expires_at": result.expires_at.isoformat(),
            "fields": dict(result.values),
        },
        "issuer": None
        if issuer is None
        else {"id": issuer.id, "name_vi": issuer.name_vi, "name_en": issuer.name_en},
        "trust_list": {
            "operator": trust.operator,
            "number": trust.number,
            "issued_at": trust.issued_at.isoformat(),
            "expires_at": trust.expires_at.isoformat(),
        },
        "status": None if report.status is None else report.status.name.lower(),
        "status_list": None
        if listed is None
        else {"uri": listed.uri, "issued_at": listed.issued_at.isoformat()},
    }
