"""A person who was verified signs a document: from the request to the signed file, through any number of deaths.

1. *propose*: the file is prepared and kept, its digest pinned by the authorising side. Nothing is authorised.
2. *authorise*: the request moves to *signing*; of two at once one goes on.
3. The person's answer is checked; the activation data is on disk before the key is asked.
4. The signing side burns it before it touches the key, so that a key signs once, whatever dies.
5. The value is on disk before anything else happens with it; the file is completed from it, as often as needed.
6. The signed file is kept, and the request is *signed*.

A request that is still *signing* after its deadline is looked at by what is on disk. A value: step 5 again. None, but
activation data: the signing side is asked what left under it. It gives the same value again, without the key: step 5. Or
it says that nothing left and nothing will any more: the signer may be asked again. Or it gives the value to nobody, because a
week has passed or the key was switched off or revoked: the verification is spent, and the request has *failed*
(``signature.lost``).

A login is no word of the signer: what counts is the verification of this person in this session, minutes ago, with the
second factor that their key asks for, both checked by the signing side from its own records. Whoever holds a request's token
may be the portal: it never gets away with the verification alone where the signer has a second factor.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from ekyc.errors import BusyError, EkycError, InputError, TrustError, UpstreamError
from ekyc.signing import Level, complete_pdf, prepare_pdf
from ekyc.signing.activation.module import ActivationError
from ekyc.signing.activation.remote import (
    Answer,
    Caller,
    CredentialInfo,
    CredentialStatus,
    Proposal,
)
from ekyc.signing.activation.sad import ActivationMethod, ShownDocument
from ekyc.signing.pdf.external import external_identity, keep, take_up
from ekyc.storage.signing.requests import (
    SignatureRequest,
    SignatureRequestError,
    SignatureState,
)

if TYPE_CHECKING:
    from ekyc.signing.activation.remote import RemoteSigning
    from ekyc.signing.signatory import Services
    from ekyc.storage import DossierDesk, DossierUnit, Vault

SIGNING_TIME: Final = timedelta(minutes=4)
"""After which an attempt is taken for lost: activation data lasts two minutes at most."""
_PREPARED: Final = "signature-prepared"
_STATE: Final = "signature-state"
SIGNED: Final = "signed-document"
"""Kind of the signed files."""
_EVIDENCE: Final = "evidence"
_BY_STRENGTH: Final = (
    ActivationMethod.WEBAUTHN,
    ActivationMethod.TOTP,
    ActivationMethod.VERIFICATION,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureOrder:
    """What is to be signed by whom."""

    session_id: str
    procedure: str
    office: str | None
    subject: str | None
    title: str
    """As the signer is shown it."""
    source: str
    """Artefact of the PDF."""
    folder: str
    """Person of the vault under whose key files are kept: the session's own."""
    signer: Caller
    expires_at: datetime


class SignatureFlow:
    """Carries requests on. Safe to use from many threads; several processes may share one database.

    Args:
        desk: where requests are kept.
        vault: where files are kept.
        signing: keys, decisions and second factors.
        services: time and status.
        level: that signatures are made to.
    """

    def __init__(
        self,
        desk: DossierDesk,
        vault: Vault,
        *,
        signing: RemoteSigning,
        services: Services,
        level: Level,
    ) -> None:
        self._desk = desk
        self._vault = vault
        self._signing = signing
        self._services = services
        self._level = level

    def order(
        self, unit: DossierUnit, order: SignatureOrder, token_digest: bytes
    ) -> SignatureRequest:
        """Record a request in the caller's transaction."""
        body = {
            "title": order.title,
            "source": order.source,
            "folder": order.folder,
            "holder": order.signer.holder,
            "session": order.signer.session,
        }
        request = SignatureRequest(
            id=self._desk.new_id(),
            session_id=order.session_id,
            procedure=order.procedure,
            office=order.office,
            subject=order.subject,
            state=SignatureState.AWAITING_SIGNER,
            version=1,
            failure=None,
            document=None,
            created_at=unit.now,
            updated_at=unit.now,
            expires_at=order.expires_at,
            deadline=None,
            body=body,
        )
        unit.signatures.add(request, token_digest)
        return request

    def cancel(self, unit: DossierUnit, request: SignatureRequest) -> SignatureRequest:
        """Call a request off, in the caller's transaction.

        Raises:
            SignatureRequestError: ``signature.state``: it is over, or the key is being asked right now.
        """
        _require(request, SignatureState.AWAITING_SIGNER)
        return unit.signatures.move(request, state=SignatureState.CANCELED)

    def settled(self, tenant: str, request: SignatureRequest) -> SignatureRequest:
        """The request as it stands now, once time and earlier deaths have had their effect."""
        try:
            return self._settled(tenant, request)
        except SignatureRequestError:  # another looked at the same time, and was faster
            with self._desk.looking(tenant) as unit:
                return unit.signatures.get(request.id) or request

    def _settled(self, tenant: str, request: SignatureRequest) -> SignatureRequest:
        now = self._desk.clock.now()
        if request.state is SignatureState.AWAITING_SIGNER and now >= request.expires_at:
            return self._move(tenant, request, state=SignatureState.EXPIRED)
        late = request.deadline is not None and now >= request.deadline
        if request.state is not SignatureState.SIGNING or not late:
            return request
        body = _body(request)
        if "value" not in body:
            if "sad" not in body:
                return self._back(tenant, request)
            request = self._recalled(tenant, request)
        if "value" in (request.body or {}):
            with suppress(UpstreamError):  # no time is to be had: the value waits for the next look
                return self._finish(tenant, request)
        return request

    def _recalled(self, tenant: str, request: SignatureRequest) -> SignatureRequest:
        """The request with the value that died on its way, or as it stands without one."""
        body = _body(request)
        try:
            value = self._value_of(self._signing.recall, _signer(request), body, body["sad"])
        except (UpstreamError, BusyError):  # not known yet
            return request
        except (InputError, TrustError) as error:
            if error.code == "activation.not_released":
                return self._back(tenant, request)
            if not isinstance(error, TrustError) and error.code != "activation.not_kept":
                return request
            failed = {"state": SignatureState.FAILED, "failure": "signature.lost", "deadline": None}
            return self._move(tenant, request, **failed)
        return self._move(tenant, request, body=_with_value(request, value))

    def original(self, tenant: str, request: SignatureRequest) -> bytes:
        """The file as the signer is to see it, as long as they are asked.

        Raises:
            SignatureRequestError: ``signature.state``.
            ArtefactError, SubjectError: it was destroyed.
            StorageError, BusyError: it cannot be read.
        """
        _require(request, SignatureState.AWAITING_SIGNER, SignatureState.SIGNING)
        return self._vault.artefacts.read(tenant, _body(request)["source"])

    def propose(
        self, tenant: str, request: SignatureRequest, method: ActivationMethod | None
    ) -> Proposal:
        """Prepare the file and pin it (1). Asked again, the file is prepared anew.

        Raises:
            SignatureRequestError: ``signature.state``; ``signature.no_key``: the signer has no key that can sign now.
            ActivationError: the verification is too old, or was spent; the method is not one of the key's.
            InputError: the file cannot be signed.
            UpstreamError, StorageError, BusyError: the signing side or storage failed.
        """
        _require(request, SignatureState.AWAITING_SIGNER)
        body, caller = _body(request), _signer(request)
        info = self._key(caller)
        pdf = self._vault.artefacts.read(tenant, body["source"])
        identity = external_identity(info.certificate_der, info.issuers_der)
        prepared = prepare_pdf(pdf, identity, self._services, level=self._level)
        shown = ShownDocument(
            title=body["title"],
            shown_digest=hashlib.sha256(pdf).hexdigest(),
            to_be_signed=prepared.to_be_signed,
        )
        proposal = self._signing.propose(caller, info.id, (shown,), method=_method(method, info))
        kept = {
            "credential": info.id,
            "proposal": proposal.token,
            "hash": prepared.to_be_signed.hex(),
            "prepared": self._put(tenant, body, _PREPARED, prepared.hole.pdf),
            "state": self._put(tenant, body, _STATE, keep(prepared, level=self._level)),
        }
        self._move(tenant, request, body={**body, **kept})
        return proposal

    def authorise(self, tenant: str, request: SignatureRequest, answer: Answer) -> SignatureRequest:
        """Take the signer's word and sign (2-6).

        Raises:
            SignatureRequestError: ``signature.state``; ``signature.not_proposed``: nothing was shown.
            TrustError: the answer is wrong, or the verification does not count; the signer may be asked again.
            UpstreamError: the signing side or the time did not answer; look again.
            StorageError, BusyError: the database failed; look again.
        """
        _require(request, SignatureState.AWAITING_SIGNER)
        body, caller = _body(request), _signer(request)
        if "proposal" not in body:
            raise SignatureRequestError("nothing was proposed yet", code="signature.not_proposed")
        deadline = self._desk.clock.now() + SIGNING_TIME
        request = self._move(  # (2)
            tenant, request, state=SignatureState.SIGNING, deadline=deadline
        )
        try:
            sad = self._signing.authorise(caller, body["proposal"], answer).sad
            request = self._move(tenant, request, body={**body, "sad": sad})  # (3)
            value = self._value_of(self._signing.sign, caller, body, sad)  # (4)
        except EkycError as error:
            if not _is_unknown(error):
                self._refused(tenant, request, error)
            raise
        request = self._move(tenant, request, body=_with_value(request, value))  # (5)
        return self._finish(tenant, request)

    def _value_of(
        self,
        use: Callable[..., tuple[bytes, ...]],
        caller: Caller,
        body: Mapping[str, Any],
        sad: str,
    ) -> bytes:
        info = self._signing.describe(caller, body["credential"])
        (value,) = use(
            caller,
            info.id,
            sad=sad,
            hashes=(bytes.fromhex(body["hash"]),),
            algorithm=info.algorithm,
        )
        return value

    def _refused(self, tenant: str, request: SignatureRequest, error: EkycError) -> None:
        """Nothing was signed: ask again, unless the verification was spent by another signature."""
        if error.code == "activation.evidence_used":
            failed = {"state": SignatureState.FAILED, "failure": error.code, "deadline": None}
            self._move(tenant, request, **failed)
        else:
            self._back(tenant, request)

    def _back(self, tenant: str, request: SignatureRequest) -> SignatureRequest:
        body = {name: value for name, value in _body(request).items() if name != "sad"}
        return self._move(
            tenant, request, state=SignatureState.AWAITING_SIGNER, deadline=None, body=body
        )

    def _finish(self, tenant: str, request: SignatureRequest) -> SignatureRequest:
        """The signed file from the value on disk (5, 6); no key is asked."""
        body = _body(request)
        read = self._vault.artefacts.read
        prepared, level = take_up(
            read(tenant, body["state"]), read(tenant, body["prepared"]), self._services
        )
        signed = complete_pdf(
            prepared, base64.b64decode(body["value"]), self._services, level=level
        )
        document = self._put(tenant, body, SIGNED, signed)
        left = {name: value for name, value in body.items() if name not in _OF_ATTEMPT}
        return self._move(
            tenant,
            request,
            state=SignatureState.SIGNED,
            document=document,
            deadline=None,
            body=left,
        )

    def _key(self, caller: Caller) -> CredentialInfo:
        for credential in self._signing.credential_ids(caller):
            info = self._signing.describe(caller, credential)
            if info.status is CredentialStatus.ENABLED and info.methods:
                return info
        raise SignatureRequestError("the signer has no key", code="signature.no_key")

    def _put(self, tenant: str, body: Mapping[str, Any], kind: str, content: bytes) -> str:
        put = self._vault.artefacts.put
        return put(tenant, body["folder"], kind, content, retention=_EVIDENCE).id

    def _move(self, tenant: str, request: SignatureRequest, **changes: Any) -> SignatureRequest:
        with self._desk.writing(tenant) as unit:
            return unit.signatures.move(request, **changes)


_OF_ATTEMPT: Final = frozenset({"proposal", "sad", "value", "prepared", "state", "hash"})
_UNASKED: Final = frozenset({"signing.sam.unreachable", "signing.sam.busy"})


def _is_unknown(error: EkycError) -> bool:
    """Whether a signature may have left although no value came back."""
    return isinstance(error, UpstreamError) and error.code not in _UNASKED


def _with_value(request: SignatureRequest, value: bytes) -> dict[str, Any]:
    return {**_body(request), "value": base64.b64encode(value).decode()}


def _method(wanted: ActivationMethod | None, info: CredentialInfo) -> ActivationMethod:
    """How the signer is asked: as wanted, but never with less than a second factor of theirs.

    Raises:
        ActivationError: ``activation.method``.
    """
    strongest = next(method for method in _BY_STRENGTH if method in info.methods)
    alone = ActivationMethod.VERIFICATION
    if wanted is alone and strongest is not alone:
        raise ActivationError("the signer has a second factor", code="activation.method")
    return wanted or strongest


def _signer(request: SignatureRequest) -> Caller:
    body = _body(request)
    return Caller(holder=body["holder"], session=body["session"])


def _body(request: SignatureRequest) -> Mapping[str, Any]:
    if request.body is None:
        raise SignatureRequestError("the person was erased")
    return request.body


def _require(request: SignatureRequest, *states: SignatureState) -> None:
    if request.state not in states:
        raise SignatureRequestError(f"the request is {request.state}")
