"""What a log refuses."""

from __future__ import annotations

from typing import ClassVar

from ekyc.errors import InputError


class TransitionError(InputError):
    """The action is not allowed where the dossier or session stands. Nothing was appended.

    Codes: ``session.state`` (not in this state), ``session.attempts_spent``, ``session.attempt_ended`` (another
    attempt runs by now, or none), ``decision.four_eyes`` (the second pair of eyes must be another person's),
    ``decision.not_an_officer``, ``dossier.state``, ``dossier.log_damaged`` (the log does not begin as a log does).
    """

    default_code: ClassVar[str] = "session.state"
