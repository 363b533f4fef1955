"""What the service needs from the rooms below."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ekyc.values import NOBODY_IN_PARTICULAR, Owner, Receipt

if TYPE_CHECKING:
    from ekyc.flows import LiveUse


class CaseVerifier(Protocol):
    """Verifies one case folder. Called from several threads at once."""

    def verify_folder(
        self,
        folder: Path,
        *,
        challenge_id: str | None,
        live: LiveUse | None = None,
        owner: Owner = NOBODY_IN_PARTICULAR,
        receipt: Receipt | None = None,
    ) -> Mapping[str, Any]:
        """Verify the case in ``folder`` and return the result object of ``ekyc verify --json``.

        The folder is removed right after; nothing may keep reading it. ``live`` names a liveness session that is the
        live part of the case. ``owner`` is told of the decision.
        With a ``receipt`` the case may be verified again: what it spends is held for it, and the caller records the
        decision.

        Raises:
            EkycError: the case cannot be read, or something of ours failed. A bad verdict is no error.
        """
        ...

    def require_ready(self) -> None:
        """Return if a case could be verified now.

        Raises:
            EkycError: it could not, e.g. models are missing.
        """
        ...
