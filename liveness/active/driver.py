"""From the bytes that arrive to the next state: unseal, look, decide. Bad bytes end a session, they never raise."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ekyc.errors import InputError, TrustError
from ekyc.liveness.active.envelope import open_chunk
from ekyc.liveness.active.session import Session, out_of_place, receive, stop, tick

if TYPE_CHECKING:
    from ekyc.liveness.active.observation import FrameObserver


def take_chunk(session: Session, data: bytes, observer: FrameObserver, now_s: float) -> Session:
    """The state after some bytes arrived. A chunk out of its place costs no look at its pictures.

    Args:
        session: the state before; an ended one stays as it is.
        data: what arrived, whatever it is.
        observer: looks at the pictures.
        now_s: the verifier's clock in seconds, as for :func:`~ekyc.liveness.active.open_session`.

    Raises:
        InputError: the clock ran backwards or gave no number.
        ModelError, BusyError: a model failed; ask the client to begin anew.
    """
    session = tick(session, now_s)
    if session.ended is not None:
        return session
    try:
        chunk = open_chunk(data, session_id=session.id, key=session.key)
    except (InputError, TrustError) as error:
        return stop(session, error.code)
    wrong = out_of_place(session, chunk)
    if wrong is not None:
        return stop(session, wrong)
    seen = [
        (hashlib.sha256(frame.payload).hexdigest(), observer.observe(frame.payload))
        for frame in chunk.frames
    ]
    return receive(session, chunk, seen, now_s)
