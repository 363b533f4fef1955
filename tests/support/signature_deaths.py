"""Requests for signatures whose process is killed for real: ``python signature_deaths.py FOLDER ROUNDS [DATABASE]``.

One parent with everything imported sets a request up and forks a child that takes the signer's word; the child kills
itself with SIGKILL at one of :data:`POINTS`. The parent looks at what is left, lets the signer try again where they may,
and says in JSON what became of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from csc_desk import CODE, ME, CscDesk
from signing_pilot import make_pdf
from sqlalchemy import text

from ekyc.flows.signature_request import SIGNING_TIME, SignatureFlow, SignatureOrder
from ekyc.ports import SystemRandom
from ekyc.signing import Level, inspect_pdf
from ekyc.signing.activation.remote import Caller, OneTimeCode
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey, Storage
from ekyc.storage.signing.requests import SignatureState
from ekyc.testing import FixedClock

KEY, TENANT = ServiceKey(bytes(range(32))), "a"
POINTS = (
    "after moving",
    "after the word",
    "after keeping the data",
    "after burning",
    "in the key",
    "after releasing",
    "before keeping the value",
    "after keeping the value",
    "after keeping the file",
    "after all",
)


class Deadly:
    """Passes everything on, and dies after one of the calls, or before it."""

    def __init__(self, inner, *, before=(), after=()):
        self._inner, self._before, self._after = inner, before, after

    def __getattr__(self, name):
        found = getattr(self._inner, name)
        if name not in {*self._before, *self._after}:
            return found

        def called(*arguments, **options):
            if name in self._before:
                die()
            done = found(*arguments, **options)
            if name in self._after:
                die()
            return done

        return called


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class Desk:
    """Everything that a service has, over a database that is opened anew."""

    def __init__(self, folder, database, csc, clock):
        self.storage = Storage.open(database, clock=clock)
        csc.storage = self.storage
        self.csc = csc
        keys = FileKeyProvider(folder / "keks", SystemRandom())
        self.vault = self.storage.vault(keys, FileBlobStore(folder / "blobs", SystemRandom()))
        self.unit = self.storage.dossiers(KEY)

    def flow(self, point=""):
        if point in {"after burning", "after releasing"}:
            which = "burn" if point == "after burning" else "release"
            self.storage.activations = Deadly(self.storage.activations, after=(which,))
        if point == "in the key":
            for name, identity in self.csc.identities.items():
                dying = Deadly(identity.key, before=("sign_digest",))
                self.csc.identities[name] = Identity(identity, dying)
        signing = self.csc.open_signing()
        if point == "after the word":
            signing = Deadly(signing, after=("authorise",))
        if point == "before keeping the value":
            signing = Deadly(signing, after=("sign",))
        flow = SignatureFlow(
            self.unit,
            self.vault,
            signing=signing,
            services=self.csc.services,
            level=Level.B_T,
        )
        flow._move = dying_move(flow._move, point)
        return flow


class Identity:
    """A signing identity with another key object."""

    def __init__(self, inner, key):
        self._inner, self.key = inner, key

    def __getattr__(self, name):
        return getattr(self._inner, name)


def dying_move(move, point):
    def moved(tenant, request, **changes):
        body = changes.get("body") or {}
        if "document" in changes and point == "after keeping the file":
            die()
        done = move(tenant, request, **changes)
        died = {
            "after moving": changes.get("state") is SignatureState.SIGNING,
            "after keeping the data": "sad" in body and "value" not in body,
            "after keeping the value": "value" in body,
            "after all": "document" in changes,
        }
        if died.get(point):
            die()
        return done

    return moved


def asked(desk, csc, session, clock):
    """A request whose signer was shown everything, and has only to answer."""
    person = desk.vault.subjects.create(TENANT)
    put = desk.vault.artefacts.put
    source = put(TENANT, person.id, "document", make_pdf(), retention="evidence").id
    csc.verify(ME, session)
    flow = desk.flow()
    order = SignatureOrder(
        session_id=session[:32],
        procedure="identity",
        office=None,
        subject=None,
        title="Đơn",
        source=source,
        folder=person.id,
        signer=Caller(holder=ME, session=session),
        expires_at=clock.now() + timedelta(hours=1),
    )
    with desk.unit.writing(TENANT) as unit:
        request = flow.order(unit, order, bytes.fromhex(session))
    flow.propose(TENANT, request, ActivationMethod.TOTP)
    return request.id


def read(desk, request_id):
    with desk.unit.looking(TENANT) as unit:
        return unit.signatures.get(request_id)


def killed(folder, database, csc, clock, request_id, point):
    """How the child ended."""
    child = os.fork()
    if child == 0:
        desk = Desk(folder, database, csc, clock)
        desk.flow(point).authorise(TENANT, read(desk, request_id), OneTimeCode(code=CODE))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def settled(desk, csc, session, clock, request_id):
    """The request in the end, and whether the signer had to be asked again."""
    flow = desk.flow()
    clock.advance(SIGNING_TIME)
    request = flow.settled(TENANT, read(desk, request_id))
    again = request.state is SignatureState.AWAITING_SIGNER
    if again:
        csc.verify(ME, session)
        flow.propose(TENANT, request, ActivationMethod.TOTP)
        flow.authorise(TENANT, read(desk, request_id), OneTimeCode(code=CODE))
    return read(desk, request_id), again


def main():
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    database = sys.argv[3] if len(sys.argv) > 3 else folder / "requests.sqlite3"
    clock = FixedClock()
    (folder / "pilot").mkdir()
    csc = CscDesk(folder / "pilot", clock=clock)
    identities = dict(csc.identities)
    told = []
    for number in range(rounds):
        point = POINTS[number % len(POINTS)]
        session = f"{number + 1:064x}"
        csc.identities = dict(identities)
        desk = Desk(folder, database, csc, clock)
        request_id, before = asked(desk, csc, session, clock), released(desk)
        desk.storage.close()
        ended = killed(folder, database, csc, clock, request_id, point)
        csc.identities = dict(identities)
        desk = Desk(folder, database, csc, clock)
        request, again = settled(desk, csc, session, clock, request_id)
        signatures = 0
        if request.document is not None:
            pdf = desk.vault.artefacts.read(TENANT, request.document)
            report = inspect_pdf(pdf, anchors=csc.pilot.anchors, clock=clock)
            assert report.outcome == "PASSED", report
            signatures = len(report.signatures)
        state, failure = request.state.value, request.failure
        told.append(
            {
                "point": point,
                "ended": ended,
                "state": state,
                "failure": failure,
                "again": again,
                "signatures": signatures,
                "released": released(desk) - before,
            }
        )
        desk.storage.close()
    json.dump(told, sys.stdout)


def released(desk):
    """Signatures that have left the signing side so far."""
    with desk.storage._engine.connect() as connection:
        query = text("SELECT count(*) FROM activations WHERE released_at IS NOT NULL")
        return connection.execute(query).scalar_one()


if __name__ == "__main__":
    main()
