"""What can be asked of requests for signatures. No HTTP here."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ekyc.api.credentials.cases import approved, require_credential, stands
from ekyc.api.v1.cases import UnknownFileError, jurisdiction_of, load_session
from ekyc.api.v1.views import time_as_json
from ekyc.errors import InputError
from ekyc.flows.signature_request import SignatureOrder
from ekyc.signing.activation.remote import Caller

if TYPE_CHECKING:
    from ekyc.api.access import Principal
    from ekyc.api.signatures.front import SignatureFront
    from ekyc.api.signatures.schemas import SignatureRequestNew
    from ekyc.api.v1.cases import LoadedSession
    from ekyc.flows.signature_request import SignatureFlow
    from ekyc.storage import DossierUnit
    from ekyc.storage.signing.requests import SignatureRequest


class SignatureError(InputError):
    """A signature cannot be asked for.

    Codes: ``signature.not_offered``, ``signature.no_signer``, ``signature.no_document``.
    """

    default_code = "signature.no_signer"


def flow_of(front: SignatureFront) -> SignatureFlow:
    """What carries requests on.

    Raises:
        SignatureError: ``signature.not_offered``.
    """
    if front.flow is None:
        raise SignatureError("nothing is signed here", code="signature.not_offered")
    return front.flow


def order(
    unit: DossierUnit,
    front: SignatureFront,
    caller: Principal,
    wanted: SignatureRequestNew,
    token_digest: bytes,
) -> SignatureRequest:
    """Ask whoever a session verified for a signature.

    Raises:
        UnknownFileError: ``session.unknown``, ``credential.unknown``.
        SignatureError: ``signature.not_offered``; ``signature.no_signer``: the session is not approved, or its decision lets
            nobody sign; ``signature.no_document``: there is no such PDF, its page was not fetched yet, or the
            result does not stand.
    """
    flow = flow_of(front)
    loaded = load_session(unit, jurisdiction_of(caller), wanted.session_id, lock=True)
    if loaded.row.procedure == front.enrolment_procedure:
        raise SignatureError("sessions of this procedure enrol, and sign nothing")
    signer = signer_of(unit, loaded, samples=front.samples)
    kept = {one.artefact_id: one.subject_id for one in unit.artefacts.of(wanted.session_id)}
    source = wanted.artefact_id
    if wanted.credential_id is not None:
        found = require_credential(unit, caller, wanted.credential_id)
        own = found.session_id == wanted.session_id
        source = found.document if own and stands(found, unit.now) else None
    if not kept or source is None or (wanted.artefact_id is not None and source not in kept):
        raise SignatureError("there is no such document", code="signature.no_document")
    row = loaded.row
    return flow.order(
        unit,
        SignatureOrder(
            session_id=row.id,
            procedure=row.procedure,
            office=row.office,
            subject=row.subject,
            title=wanted.title,
            source=source,
            folder=next(iter(kept.values())),
            signer=signer,
            expires_at=unit.now + timedelta(seconds=wanted.lasts_s),
        ),
        token_digest,
    )


def require_request(
    unit: DossierUnit, caller: Principal, request_id: str, *, lock: bool = False
) -> SignatureRequest:
    """One, if it exists for the caller.

    Raises:
        UnknownFileError: ``signature.unknown``.
    """
    found = unit.signatures.get(request_id, lock=lock)
    if found is None or not jurisdiction_of(caller).covers(found):
        raise UnknownFileError("no such request", code="signature.unknown")
    return found


def request_as_json(request: SignatureRequest) -> dict[str, Any]:
    """One, as it is answered."""
    return {
        "id": request.id,
        "version": request.version,
        "state": request.state.value,
        "session_id": request.session_id,
        "procedure": request.procedure,
        "office": request.office,
        "failure": request.failure,
        "document": f"/v1/signature-requests/{request.id}/document",
        "created_at": time_as_json(request.created_at),
        "updated_at": time_as_json(request.updated_at),
        "expires_at": time_as_json(request.expires_at),
    }


def signer_as_json(request: SignatureRequest) -> dict[str, Any]:
    """What the signer's device hears."""
    body = request.body or {}
    return {
        "id": request.id,
        "state": request.state.value,
        "title": body.get("title"),
        "failure": request.failure,
        "expires_at": time_as_json(request.expires_at),
    }


def signer_of(unit: DossierUnit, loaded: LoadedSession, *, samples: bool) -> Caller:
    """Whom the decision on a session lets sign.

    Raises:
        SignatureError: ``signature.no_signer``.
    """
    found = approved(unit, loaded, samples=samples)
    result = None if found is None else found[2]
    if result is None or result.holder is None or result.signing_session is None:
        raise SignatureError("its decision lets nobody sign", code="signature.no_signer")
    return Caller(holder=result.holder, session=result.signing_session)
