"""Which attempts of verification sessions are shown to be somebody's, and not only said to be.

Whoever holds a stranger's card can type its number, or send its picture: a session that such an attempt was concluded in leads
to the number, and holds the face of whoever tried. So, of sessions that a person's names lead to:

1. What was filed under their own login is theirs, but for attempts that were concluded on somebody who is not shown to be
   them: by the number, if it is known to be theirs, or by an approval under the same login.
2. Of other sessions the one attempt is theirs that was approved for good on their number.
3. Everything else is a claim. It is counted, and nothing of it is told.

A session is *another's* that is filed under another login and was not approved for good on the person, or that was approved
for good on somebody else. An erasure takes the person's name out of it, and nothing more: else whoever has a number's holder
erased, or is it, would erase what shows who claimed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ekyc.dossiers import DecisionOutcome, LinkKind, SessionView, replay_session
from ekyc.flows.logged_actions import session_action

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit
    from ekyc.storage.dossiers.session_results import SessionResult


def proven_attempts(
    unit: DossierUnit, sessions: Sequence[str], *, names: Iterable[str], logins: Sequence[str]
) -> dict[str, frozenset[int]]:
    """Session → attempts that are somebody's; a session that is a claim only is not in it.

    Args:
        unit: of the tenant.
        sessions: ids that the person's names lead to.
        names: pseudonyms of the person's number, if it is shown to be theirs.
        logins: pseudonyms of the person's logins.

    Raises:
        TransitionError: ``dossier.log_damaged``.
    """
    views = _views(unit, sessions)
    rows = {one: unit.sessions.get(one) for one in views}
    owned = {one for one, row in rows.items() if row is not None and row.subject in logins}
    theirs = set(names)
    for one in owned:  # (1)
        theirs.update(_named(_approved(unit, one, views[one])))
    proven: dict[str, frozenset[int]] = {}
    for one, view in views.items():
        if one in owned:
            others = {
                result.attempt
                for result in unit.results.of_session(one)
                if theirs.isdisjoint(_named(result))
            }
            proven[one] = frozenset(range(1, view.submissions + 1)) - others
            continue
        approved = _approved(unit, one, view)  # (2)
        if approved is not None and not theirs.isdisjoint(_named(approved)):
            proven[one] = frozenset({approved.attempt})
    return proven


def of_others(
    unit: DossierUnit, sessions: Sequence[str], *, names: Iterable[str], logins: Sequence[str]
) -> frozenset[str]:
    """Sessions that a person's names lead to, and that are another's; arguments as of :func:`proven_attempts`.

    Raises:
        TransitionError: ``dossier.log_damaged``.
    """
    theirs, others = set(names), set[str]()
    for one, view in _views(unit, sessions).items():
        row = unit.sessions.get(one)
        if row is None or row.subject in logins:
            continue
        approved = _named(_approved(unit, one, view))
        if approved.isdisjoint(theirs) and (approved or row.subject is not None):
            others.add(one)
    return frozenset(others)


def liveness_of(unit: DossierUnit, sessions: Iterable[str]) -> frozenset[str]:
    """Liveness sessions that are linked to these sessions.

    Raises:
        TransitionError: ``dossier.log_damaged``.
    """
    views = _views(unit, tuple(sessions)).values()
    return frozenset(
        link.target
        for view in views
        for link in view.links
        if link.kind is LinkKind.LIVENESS_SESSION
    )


def _views(unit: DossierUnit, sessions: Sequence[str]) -> dict[str, SessionView]:
    return {
        one: replay_session(map(session_action, lines))
        for one, lines in unit.logs.of_many(tuple(sessions)).items()
    }


def _approved(unit: DossierUnit, session_id: str, view: SessionView) -> SessionResult | None:
    """What a session was approved by for good."""
    decision, conclusion = view.decision, view.conclusion
    if decision is None or conclusion is None or not decision.final:
        return None
    if decision.outcome is not DecisionOutcome.APPROVED:
        return None
    return unit.results.get(session_id, conclusion.attempt)


def _named(result: SessionResult | None) -> set[str]:
    if result is None:
        return set()
    return {name for name in (result.person, result.holder) if name is not None}
