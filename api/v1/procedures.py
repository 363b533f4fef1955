"""Procedures: the shipped profiles, each with a version that its content gives."""

from __future__ import annotations

from functools import cache
from typing import Any

from ekyc.errors import InputError
from ekyc.outcomes import check_title
from ekyc.policy import ProcedureProfile, load_profile, profile_ids, profile_version


class UnknownProcedureError(InputError):
    """There is no such procedure.

    Code: ``procedure.unknown``.
    """

    default_code = "procedure.unknown"


@cache
def procedure_version(profile_id: str) -> str:
    """SHA-256 (hex) of all that the profile says."""
    return profile_version(load_profile(profile_id))


def require_procedure(profile_id: str) -> ProcedureProfile:
    """The profile of a procedure.

    Raises:
        UnknownProcedureError: there is none.
    """
    if profile_id not in profile_ids():
        raise UnknownProcedureError("no such procedure", subject="procedure")
    return load_profile(profile_id)


def procedure_as_json(profile_id: str) -> dict[str, Any]:
    """What ``GET /v1/procedures/{id}`` answers."""
    profile = require_procedure(profile_id)
    return {
        "id": profile.id,
        "version": procedure_version(profile.id),
        "title": {"vi": profile.title_vi, "en": profile.title_en},
        "demonstration": profile.demonstration,
        "result_level": profile.result_level.value,
        "required_checks": [
            {"code": code, "title": {"vi": check_title(code, "vi"), "en": check_title(code)}}
            for code in profile.required
        ],
    }
