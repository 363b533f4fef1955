"""Whoever holds a token for enrolling a second factor: how it is made, and what it opens."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ekyc import base64url
from ekyc.api.signatures import cases
from ekyc.api.signatures.routes import signatures_of
from ekyc.api.v1.cases import UnknownFileError, load_session
from ekyc.api.v1.front import count_request, front_of
from ekyc.api.v1.once import Answer
from ekyc.api.v1.views import time_as_json
from ekyc.ports import SystemRandom
from ekyc.storage import StorageError
from ekyc.storage.dossiers.rows import Jurisdiction

if TYPE_CHECKING:
    from fastapi import Request

    from ekyc.api.signatures.front import SignatureFront
    from ekyc.signing.activation.enrolment import Enrolment
    from ekyc.signing.activation.remote import Caller
    from ekyc.storage import DossierUnit, ServiceKey

PREFIX: Final = "/v1/factor-enrolments"
TAG: Final = "Yếu tố thứ hai để ký / Second factors for signing"
_PLACE: Final = "factor-enrolment"
_BEARER: Final = HTTPBearer(
    auto_error=False,
    scheme_name="EnrolmentToken",
    description="Mã để đăng ký yếu tố thứ hai, dành cho thiết bị của người dân. / Token for enrolling a second factor, for "
    "the person's device.",
)
EnrolmentToken = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
REFUSED: Final = (
    "factor.token",
    "factor.not_offered",
    "activation.evidence_missing",
    "activation.evidence_stale",
    "activation.not_accepted",
)
"""Of every step that changes something."""
DISAGREED: Final = (
    "factor.wrong_code",
    "factor.replayed",
    "factor.locked",
    "factor.blocked",
    "factor.unknown",
    "factor.standing",
    "factor.assertion",
    "freshness.unknown",
    "freshness.already_used",
    "freshness.expired",
    "freshness.wrong_purpose",
)
"""Of those that a factor which stands has to agree to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whoever holds a token for enrolling."""

    tenant: str
    client: str
    """Whose keys and rates its requests are."""
    caller: Caller


def sealed_token(key: ServiceKey, tenant: str, session_id: str, expires_at: datetime) -> str:
    """A token; only :func:`by_token` reads it."""
    body = {"tenant": tenant, "session": session_id, "until": expires_at.isoformat()}
    sealed = key.sealer(_PLACE, SystemRandom()).seal(json.dumps(body).encode(), _PLACE)
    return base64url.encode(sealed)


async def by_token(
    request: Request, credentials: HTTPAuthorizationCredentials | None
) -> tuple[Person, Enrolment]:
    """Whoever holds a token, and what enrols; their session stands still as it stood.

    Raises:
        UnknownFileError: ``factor.token``.
        SignatureError: ``factor.not_offered``.
    """
    front, signing = front_of(request), signatures_of(request)
    refused = UnknownFileError("no such token", code="factor.token")
    token = credentials.credentials if credentials else ""
    try:
        sealed = base64url.decode(token)
        opened = front.desk.key.sealer(_PLACE, SystemRandom()).open(sealed, _PLACE)
    except (ValueError, StorageError):
        raise refused from None  # what it was is nobody's business
    body = json.loads(opened)
    tenant, session_id = body["tenant"], body["session"]
    client = f"{tenant}\0enrolment\0{session_id}"
    count_request(request, client)
    enrolment = offered(signing)

    def look(unit: DossierUnit) -> Caller:
        if unit.has_ended or unit.now >= datetime.fromisoformat(body["until"]):
            raise refused
        try:
            return enrolling_in(unit, signing, Jurisdiction(), session_id)
        except (UnknownFileError, cases.SignatureError) as exc:
            raise refused from exc

    caller = await front.looking(tenant, look)
    return Person(tenant=tenant, client=client, caller=caller), enrolment


def enrolling_in(
    unit: DossierUnit, signing: SignatureFront, within: Jurisdiction, session_id: str
) -> Caller:
    """Whom a session lets enrol: only one of the procedure for it.

    Raises:
        UnknownFileError: ``session.unknown``.
        SignatureError: ``factor.other_procedure``, ``signature.no_signer``.
    """
    loaded = load_session(unit, within, session_id)
    if loaded.row.procedure != signing.enrolment_procedure:
        raise cases.SignatureError(
            "the session is of another procedure", code="factor.other_procedure"
        )
    return cases.signer_of(unit, loaded, samples=signing.samples)


def offered(signing: SignatureFront) -> Enrolment:
    """What enrols here.

    Raises:
        SignatureError: ``factor.not_offered``.
    """
    if signing.enrolment is None or signing.enrolment_procedure is None:
        raise cases.SignatureError("nothing is enrolled here", code="factor.not_offered")
    return signing.enrolment


def standing(enrolment: Enrolment, person: Person, *, status: int) -> Answer:
    """What the person has now."""
    data = [
        {
            "id": one.id,
            "kind": one.kind.value,
            "confirmed_at": None if one.confirmed_at is None else time_as_json(one.confirmed_at),
        }
        for one in enrolment.standing(person.caller)
    ]
    return Answer(status=status, body={"data": data})
