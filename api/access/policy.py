"""Rules beyond scopes: what agents may not do for others, and what one person may not do alone."""

from __future__ import annotations

from dataclasses import dataclass

from ekyc.api.access.errors import AccessError
from ekyc.api.access.principal import Principal, PrincipalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPolicy:
    """Which procedures a citizen must do in person."""

    forbidden_procedures: frozenset[str] = frozenset()

    def require_allowed(self, caller: Principal, procedure: str) -> None:
        """Return if ``caller`` may act in ``procedure``: as itself, or as an agent to whom a citizen's consent gives it.

        Raises:
            AccessError: ``access.agent_forbidden``: no agent may; ``access.consent``: the consent is not for it.
        """
        if caller.act is None:
            return
        if procedure in self.forbidden_procedures:
            raise AccessError(
                "no agent may do this procedure for a citizen", code="access.agent_forbidden"
            )
        if procedure not in caller.act.purposes:
            raise AccessError("the consent is for other procedures", code="access.consent")


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
