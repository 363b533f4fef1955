"""A house with people planted in every room: their numbers, names, portraits, pseudonyms; for searches after erasure."""

from __future__ import annotations

import io
import json
from datetime import timedelta

from ekyc.dossiers import (
    Concluded,
    Created,
    DecisionOutcome,
    Opened,
    Submitted,
    event_as_json,
)
from ekyc.flows import PersonEraser, SignerPseudonyms
from ekyc.policy import Verdict
from ekyc.ports import SystemRandom
from ekyc.signing.credentials.issuer import result_subject
from ekyc.signing.credentials.schemas import schemas
from ekyc.storage import (
    DossierRow,
    FactorKind,
    FileBlobStore,
    FileKeyProvider,
    LoggedAction,
    NewClient,
    Person,
    ServiceKey,
    SessionRow,
    Storage,
)
from ekyc.storage.evidence.export import write_export
from ekyc.storage.evidence.notes import CheckpointKey, ServiceCheckpointSigner
from ekyc.storage.liveness.values import token_digest
from ekyc.storage.service_key import login_pseudonym
from ekyc.testing import FixedClock
from ekyc.values import Owner, Sha256Hex

TENANT = "hanoi"
NUMBER, OTHER = "079185001234", "001099000001"
NAME = "Nguyễn Thị Mẫu Vân"
PORTRAIT = b"\xff\xd8\xff\xe0" + SystemRandom().token_bytes(20_000) + b"\xff\xd9"
KEY = ServiceKey(bytes(range(32)))
PROVIDER = "https://dinhdanh.mau.gov.vn"
PLAIN = (NUMBER.encode(), NAME.encode(), NAME.encode("utf-16-le"), PORTRAIT[1000:1024])


class House:
    """A service with one database, and people in it."""

    def __init__(self, folder, database=None):
        self.folder, self.clock, random = folder, FixedClock(), SystemRandom()
        self.keys = FileKeyProvider(folder / "keys", random)
        self.storage = Storage.open(database or folder / "state.sqlite3", clock=self.clock)
        self.vault = self.storage.vault(self.keys, FileBlobStore(folder / "blobs", random))
        self.eraser = PersonEraser(self.storage, self.vault, KEY)
        access = self.storage.access(KEY)
        access.register.add_tenant(TENANT, "Sở mẫu")
        agent = NewClient(
            id="agent", name="Đại lý", scopes=frozenset({"sessions:write"}), is_agent=True
        )
        access.register.add_client(TENANT, agent)

    def names_of(self, number):
        """What a number is known by, keyed: holder, results, liveness, login."""
        return (
            SignerPseudonyms(KEY).holders_of("VNM", number)[0],
            result_subject(KEY, next(iter(schemas().values())), number),
            KEY.pseudonym("subject", number),
            login_pseudonym(KEY, TENANT, PROVIDER, number),
        )

    def plant(self, number, name, portrait):
        holder, result, _, login = self.names_of(number)
        person = self.vault.subjects.enrol(TENANT, number)
        self.vault.artefacts.put(TENANT, person.id, "portrait", portrait, retention="media")
        decided = self.storage.results.record(
            case_digest=Sha256Hex("ab" * 32),
            profile="demo",
            verdict=Verdict.ACCEPT,
            reasons=(),
            report_digest=Sha256Hex("cd" * 32),
            person=Person(holder=holder, session="ef" * 32),
        )
        self.storage.credentials(KEY).add(
            f"key-{number[:3]}",
            holder=holder,
            key_label=f"label-{number[:3]}",
            methods=("verification",),
            certificates=(name.encode() + number.encode(),),
        )
        self.storage.factors(KEY).enrol(
            holder=holder,
            kind=FactorKind.TOTP,
            decision=decided.id,
            body=b"secret",
            counter=0,
            beside=frozenset(),
        )
        self.storage.grants(KEY).issue("sad", json.dumps({"holder": holder}).encode(), ttl_s=60)
        self.storage.issued_results.issue(
            lambda drawn, place, at: "EKYC1:ABC",
            series="https://ketqua.mau.gov.vn/tt",
            schema=next(iter(schemas())),
            subject=result,
            life=timedelta(days=365),
        )
        access = self.storage.access(KEY)
        body = json.dumps({"subject": login, "csrf": number}).encode()
        access.sessions.open(TENANT, body, life=timedelta(hours=8))
        access.consents.record(
            TENANT,
            citizen=login,
            agent="agent",
            text_digest="aa" * 32,
            purposes=["demo"],
            channel="portal",
            actor=login,
        )
        self.live(number, portrait)
        self.session(number[:3].zfill(32), number, login, decided.id, portrait)
        return person

    def live(self, number, portrait):
        store = self.storage.liveness(KEY)
        ordered = store.order(
            capture_digest=token_digest("c"),
            result_digest=token_digest("r"),
            binding=lambda _: b"",
            settings={"colours": 6},
            attempts_of=[("subject", number)],
            wait_of=lambda times: timedelta(0),
            owner=Owner(tenant=TENANT),
        )
        session = store.begin(ordered.id)
        assert store.append(session, 0, arrived_at=self.clock.now(), body=portrait, seen=b"seen")
        self.storage.frames(KEY).remember([3 << 250], session_id=bytes.fromhex(session.id))

    def session(self, name, number, login, verification, portrait):
        """A session as the service keeps it, concluded, with a sealed file under a person of its own."""
        own = self.vault.subjects.create(TENANT)
        sealer = self.vault.subjects.sealer(TENANT, own.id)
        sealed = self.vault.artefacts.seal(sealer, "card-front", portrait, retention="media")
        row = {"office": None, "subject": login, "created_at": self.clock.now()}
        actor = {"kind": "citizen", "id": login, "role": None, "office": None}
        now = self.clock.now()
        events = (
            Created(
                procedure="demo", procedure_version="00" * 32, attempts_allowed=3, expires_at=now
            ),
            Submitted(attempt=1, deadline=now),
            Concluded(
                attempt=1,
                verdict=Verdict.ACCEPT,
                outcome=DecisionOutcome.APPROVED,
                reasons=(),
                failed=(),
                sample=False,
                verification_id=verification,
                case_digest="ab" * 32,
            ),
        )
        with self.storage.dossiers(KEY).writing(TENANT) as unit:
            unit.sessions.add(
                SessionRow(
                    id=name, dossier_id=f"d{name[1:]}", procedure="demo", state="approved", **row
                )
            )
            for sequence, event in enumerate(events, 1):
                kind, body = event_as_json(event)
                unit.logs.append(
                    name,
                    LoggedAction(sequence=sequence, at=now, actor=actor, kind=kind, body=body),
                )
            unit.dossiers.add(DossierRow(id=f"d{name[1:]}", procedure="demo", state="open", **row))
            kind, body = event_as_json(
                Opened(procedure="demo", procedure_version="00" * 32, reference=f"HS-{number}")
            )
            unit.logs.append(
                f"d{name[1:]}", LoggedAction(sequence=1, at=now, actor=actor, kind=kind, body=body)
            )
            unit.artefacts.add(name, 1, [sealed], now)
            unit.findings.put(name, 1, [{"id": "face.match"}])
            unit.keys.claim(name.encode(), b"fingerprint")
            unit.keys.keep(name.encode(), json.dumps({"id": name, "number": number}).encode())

    def export(self):
        out = io.BytesIO()
        write_export(self.storage.evidence, self.storage.checkpoints, out)
        return out.getvalue()

    def checkpoint(self):
        signer = ServiceCheckpointSigner(KEY)
        self.storage.checkpoints.make(signer=signer)
        return CheckpointKey(signer.public_key_der)


def raw(names):
    return tuple(one if isinstance(one, bytes) else one.encode() for one in names)
