"""The administrative file of a case as an append-only log of actions. Pure: no disk, no clock, no network.

What happened stands in the log; state, flags and decisions are read from it by replaying, and never stored as truth.
An action that the log does not allow raises :class:`TransitionError` before it is appended::

    view = replay_session(actions)              # where the session stands
    after = apply(view, action)                 # where it would stand, or TransitionError
"""

from ekyc.dossiers.actions import (
    SYSTEM,
    Action,
    Actor,
    ActorKind,
    Canceled,
    CaptureOpened,
    Concluded,
    Created,
    Decided,
    DecisionOutcome,
    Event,
    Expired,
    Interrupted,
    Linked,
    LinkKind,
    Redacted,
    Submitted,
)
from ekyc.dossiers.clocks import (
    Alert,
    AlertKind,
    GivenAlert,
    Mark,
    alerts_at,
    builtin_clocks,
    marks_of,
    spent_on,
)
from ekyc.dossiers.codec import event_as_json, event_from_json
from ekyc.dossiers.conclusions import conclude
from ekyc.dossiers.errors import TransitionError
from ekyc.dossiers.files import (
    Closed,
    DossierFlag,
    DossierState,
    DossierView,
    Edited,
    FileAction,
    FileEvent,
    Opened,
    Reopened,
    SessionAdded,
    apply_to_dossier,
    dossier_flags,
    replay_dossier,
)
from ekyc.dossiers.sessions import (
    Decision,
    SessionState,
    SessionView,
    apply,
    due_event,
    replay_session,
)
from ekyc.dossiers.working_time import WorkingCalendar, default_calendar

__all__ = [
    "SYSTEM",
    "Action",
    "Actor",
    "ActorKind",
    "Alert",
    "AlertKind",
    "Canceled",
    "CaptureOpened",
    "Closed",
    "Concluded",
    "Created",
    "Decided",
    "Decision",
    "DecisionOutcome",
    "DossierFlag",
    "DossierState",
    "DossierView",
    "Edited",
    "Event",
    "Expired",
    "FileAction",
    "FileEvent",
    "GivenAlert",
    "Interrupted",
    "LinkKind",
    "Linked",
    "Mark",
    "Opened",
    "Redacted",
    "Reopened",
    "SessionAdded",
    "SessionState",
    "SessionView",
    "Submitted",
    "TransitionError",
    "WorkingCalendar",
    "alerts_at",
    "apply",
    "apply_to_dossier",
    "builtin_clocks",
    "conclude",
    "default_calendar",
    "dossier_flags",
    "due_event",
    "event_as_json",
    "event_from_json",
    "marks_of",
    "replay_dossier",
    "replay_session",
    "spent_on",
]
