"""What one person may not do alone."""

from __future__ import annotations

from ekyc.api.access.errors import AccessError
from ekyc.api.access.principal import Principal, PrincipalKind


def require_four_eyes(proposer: str, approver: Principal) -> None:
    """Return if ``approver`` is a person, and another one than who proposed.

    Args:
        proposer: ``subject`` of the principal who proposed.
        approver: who wants to approve.

    Raises:
        AccessError: ``access.four_eyes``.
    """
    is_person = approver.kind in {PrincipalKind.PERSON, PrincipalKind.DEVELOPMENT}
    if not is_person or not proposer or approver.subject == proposer:
        raise AccessError(
            "whoever approves must be another person than whoever proposed",
            code="access.four_eyes",
        )
