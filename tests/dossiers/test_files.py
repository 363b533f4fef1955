"""A dossier's log, and the flags that its sessions give it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ekyc.dossiers import (
    SYSTEM,
    Action,
    Closed,
    Concluded,
    Created,
    DecisionOutcome,
    DossierFlag,
    DossierState,
    Edited,
    FileAction,
    Opened,
    Reopened,
    SessionAdded,
    Submitted,
    TransitionError,
    apply_to_dossier,
    dossier_flags,
    replay_dossier,
    replay_session,
)
from ekyc.policy import Verdict

T0 = datetime(2026, 1, 15, 8, tzinfo=UTC)
OPENED = Opened(procedure="birth-registration", procedure_version="0" * 64, reference="HS-1")


def log(*events):
    return [
        FileAction(sequence=i + 1, at=T0, actor=SYSTEM, event=event)
        for i, event in enumerate(events)
    ]


def session(*, outcome=None, sample=False):
    events = [
        Created(
            procedure="identity",
            procedure_version="0" * 64,
            attempts_allowed=3,
            expires_at=T0 + timedelta(days=1),
        ),
        Submitted(attempt=1, deadline=T0 + timedelta(days=1)),
    ]
    if outcome is not None:
        events.append(
            Concluded(
                attempt=1,
                verdict=Verdict.ACCEPT,
                outcome=outcome,
                reasons=(),
                failed=(),
                sample=sample,
                verification_id="v",
                case_digest="0" * 64,
            )
        )
    return replay_session(
        Action(sequence=i + 1, at=T0, actor=SYSTEM, event=event) for i, event in enumerate(events)
    )


def test_a_dossier_is_what_its_log_says():
    view = replay_dossier(
        log(OPENED, SessionAdded(session_id="a"), Edited(reference=None, office="hn"), Closed())
    )

    assert view.state is DossierState.CLOSED
    assert (view.reference, view.office, view.sessions, view.version) == (None, "hn", ("a",), 4)
    assert view.opened.reference == "HS-1"


@pytest.mark.parametrize(
    "event", [Edited(reference=None, office=None), SessionAdded(session_id="a"), Closed()]
)
def test_a_closed_dossier_takes_nothing_until_it_is_open_again(event):
    closed = log(OPENED, Closed(), event)
    with pytest.raises(TransitionError) as caught:
        apply_to_dossier(replay_dossier(closed[:2]), closed[2])
    assert caught.value.code == "dossier.state"

    assert replay_dossier(log(OPENED, Closed(), Reopened(), event)).version == 4


def test_sessions_of_a_dossier_are_bounded():
    full = log(OPENED, *(SessionAdded(session_id=str(n)) for n in range(51)))
    with pytest.raises(TransitionError) as caught:
        apply_to_dossier(replay_dossier(full[:51]), full[51])
    assert caught.value.code == "dossier.sessions_spent"


@pytest.mark.parametrize("events", [(), (Closed(),), (OPENED, OPENED)])
def test_a_log_that_we_would_not_write_is_damaged(events):
    with pytest.raises(TransitionError) as caught:
        replay_dossier(log(*events))
    assert caught.value.code == "dossier.log_damaged"


def test_flags_follow_from_the_sessions():
    approved = session(outcome=DecisionOutcome.APPROVED)

    assert dossier_flags([]) == {DossierFlag.INCOMPLETE}
    assert dossier_flags([session()]) == {DossierFlag.INCOMPLETE, DossierFlag.PROCESSING}
    assert dossier_flags([session(outcome=DecisionOutcome.REJECTED)]) == {
        DossierFlag.INCOMPLETE,
        DossierFlag.NEEDS_REVIEW,
    }
    assert dossier_flags([approved]) == {DossierFlag.APPROVED}
    assert dossier_flags([session(outcome=DecisionOutcome.APPROVED, sample=True)]) == {
        DossierFlag.INCOMPLETE
    }
    assert dossier_flags([approved, session()]) == {DossierFlag.APPROVED, DossierFlag.PROCESSING}
