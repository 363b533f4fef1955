"""The operations of the signing interface, free of HTTP: who may do what, and what comes of it.

SADs do not leave this service. What a client gets for one is a random token that is good for this client alone and as long
as the SAD; the SAD itself names persons' documents and lies sealed in the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from ekyc.ports import Clock
from ekyc.signing.activation.remote import (
    Answer,
    Caller,
    CredentialInfo,
    CredentialStatus,
    RemoteSigning,
)
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.authority.timestamp import request_token
from ekyc.signing.csc.authorization import CredentialRequest, Scope
from ekyc.signing.csc.consent import PROPOSAL_LIFE_S, Consent
from ekyc.signing.csc.documents import PreparedDocuments, WantedDocument
from ekyc.signing.csc.errors import CscError, invalid, missing
from ekyc.signing.csc.hashes import read_signature_algorithm, require_sha256
from ekyc.signing.csc.oauth import Access, Activation, AuthorizationServer
from ekyc.signing.csc.records import pack, unpack
from ekyc.signing.csc.refusals import in_words_of_csc
from ekyc.signing.keys.algorithms import SignatureAlgorithm, require_digest
from ekyc.signing.signatory import Services
from ekyc.storage import GrantError, GrantStore

_SAD: Final = "csc-sad"


@dataclass(frozen=True, slots=True, kw_only=True)
class SadToken:
    """What stands for a SAD outside."""

    token: str = field(repr=False)
    expires_in_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _KeptSad:
    client_id: str
    caller: Caller
    activation: Activation


class CscService:
    """One service for both versions. Safe to use from many threads.

    Args:
        signing: keys, persons' words and decisions, behind their port.
        server: codes and tokens.
        consent: asks persons.
        grants: where SADs are kept.
        services: time and status for whole documents and timestamps; without, neither is offered.
        clock: for what is left of a SAD's life.
    """

    def __init__(
        self,
        *,
        signing: RemoteSigning,
        server: AuthorizationServer,
        consent: Consent,
        grants: GrantStore,
        services: Services | None,
        clock: Clock,
    ) -> None:
        self._signing = signing
        self._server = server
        self._consent = consent
        self._grants = grants
        self._services = services
        self._clock = clock
        self._documents = (
            None if services is None else PreparedDocuments(services=services, clock=clock)
        )

    @property
    def signs_documents(self) -> bool:
        """Whether ``signatures/signDoc`` and ``signatures/timestamp`` are offered."""
        return self._services is not None

    def credential_ids(self, access: Access, *, only_valid: bool = False) -> tuple[str, ...]:
        """Credentials of whoever the token speaks for.

        Raises:
            CscError: the token is not of scope ``service``.
        """
        _require_service(access)
        with in_words_of_csc():
            names = self._signing.credential_ids(access.caller)
            if not only_valid:
                return names
            infos = (self._signing.describe(access.caller, name) for name in names)
            return tuple(info.id for info in infos if info.status is CredentialStatus.ENABLED)

    def describe(self, access: Access, credential_id: str) -> CredentialInfo:
        """One of them.

        Raises:
            CscError: the token is not of scope ``service``; no such credential of this person.
        """
        _require_service(access)
        return self._info(access.caller, credential_id)

    def authorise(
        self,
        access: Access,
        request: CredentialRequest,
        *,
        method: ActivationMethod,
        answer: Answer,
    ) -> SadToken:
        """Authorise with an answer that came along.

        Raises:
            CscError: wrong scope, credential or answer, or the signing side refuses.
        """
        _require_service(access)
        self._usable(access, request.credential_id)
        activation = self._consent.activate(
            access.caller, request.credential_id, request.documents, method=method, answer=answer
        )
        return self._keep(access, activation, request)

    def begin_authorisation(self, access: Access, request: CredentialRequest) -> str:
        """Authorise by an answer that comes elsewhere; the handle to ask with.

        Raises:
            CscError: wrong scope or credential.
        """
        _require_service(access)
        self._usable(access, request.credential_id)
        return self._consent.open_handle(access.client_id, access.caller, request)

    def check_authorisation(self, access: Access, handle: str) -> SadToken | None:
        """What has become of it; ``None`` while it waits.

        Raises:
            CscError: no such handle; ``access_denied``: the person said no.
        """
        _require_service(access)
        found = self._consent.check(handle, access.client_id, access.caller)
        return None if found is None else self._keep(access, found)

    def prepare(
        self, access: Access, credential_id: str, wanted: Sequence[WantedDocument]
    ) -> CredentialRequest:
        """Whole documents as something to authorise.

        Raises:
            CscError: not offered; a file that cannot be signed; no such credential.
        """
        _require_service(access)
        info = self._usable(access, credential_id)
        until = self._clock.now() + timedelta(seconds=2 * PROPOSAL_LIFE_S)
        with in_words_of_csc():
            documents = self._held().prepare(info, wanted, until=until)
        return CredentialRequest(credential_id=credential_id, documents=documents)

    def sign_hashes(
        self,
        access: Access,
        credential_id: str,
        *,
        sad: str | None,
        hashes: Sequence[bytes],
        hash_algo: str | None,
        hash_algo_name: str,
        sign_algo: str,
        sign_algo_params: str | None,
    ) -> tuple[bytes, ...]:
        """Use a SAD on exactly the digests that it pins.

        Raises:
            CscError: anything that does not fit; then nothing was signed, or nothing leaves.
        """
        kept = self._activation(access, sad, credential_id)
        info = self._info(kept.caller, credential_id)
        require_sha256(hash_algo, name=hash_algo_name)
        algorithm = read_signature_algorithm(sign_algo, sign_algo_params, info=info)
        values = self._sign(kept, info, hashes, algorithm)
        if sad is not None:
            self._grants.revoke(sad, _SAD)
        return values

    def sign_documents(
        self,
        access: Access,
        credential_id: str,
        *,
        sad: str | None,
        wanted: Sequence[WantedDocument],
    ) -> tuple[bytes, ...]:
        """Use a SAD on exactly the documents that were authorised (PAdES); the signed files, in the order asked for.

        Raises:
            CscError: as :meth:`sign_hashes`; ``invalid_hash``: other documents; ``temporarily_unavailable``: time or
                status is not to be had: the same request may come again while the SAD lasts.
        """
        held = self._held()
        kept = self._activation(access, sad, credential_id)
        request = kept.activation.request
        waiting = held.find(() if request is None else request.documents, wanted)
        info = self._info(kept.caller, credential_id)
        with in_words_of_csc():
            files = held.complete(
                waiting, lambda hashes: self._sign(kept, info, hashes, info.algorithm)
            )
        if sad is not None:
            self._grants.revoke(sad, _SAD)
        return files

    def info_for_signing(
        self, access: Access, credential_id: str, *, sad: str | None
    ) -> CredentialInfo:
        """The credential that a request to sign names, for whoever may sign with it.

        Raises:
            CscError: the SAD or token is not for it.
        """
        return self._info(self._activation(access, sad, credential_id).caller, credential_id)

    def timestamp(self, digest: bytes, nonce: int | None) -> bytes:
        """DER of an RFC 3161 token over a SHA-256.

        Raises:
            CscError: not offered; ``temporarily_unavailable``: the authority does not answer.
        """
        if self._services is None:
            raise _not_offered()
        with in_words_of_csc():
            require_digest(digest)
            return request_token(
                digest, ask=self._services.stamp, random=self._services.random, nonce=nonce
            )

    def _sign(
        self,
        kept: _KeptSad,
        info: CredentialInfo,
        hashes: Sequence[bytes],
        algorithm: SignatureAlgorithm,
    ) -> tuple[bytes, ...]:
        with in_words_of_csc():
            return self._signing.sign(
                kept.caller,
                info.id,
                sad=kept.activation.sad,
                hashes=hashes,
                algorithm=algorithm,
            )

    def _usable(self, access: Access, credential_id: str) -> CredentialInfo:
        info = self._info(access.caller, credential_id)
        if info.status is CredentialStatus.EXPIRED:
            raise CscError("Signing certificate is expired")
        if info.status is not CredentialStatus.ENABLED:
            raise CscError("The credential identified by credentialID is disabled")
        return info

    def _info(self, caller: Caller, credential_id: str) -> CredentialInfo:
        with in_words_of_csc():
            return self._signing.describe(caller, credential_id)

    def _keep(
        self, access: Access, activation: Activation, request: CredentialRequest | None = None
    ) -> SadToken:
        left_s = int((activation.expires_at - self._clock.now()).total_seconds())
        if left_s < 1:
            raise CscError("SAD expired")
        kept = _KeptSad(
            client_id=access.client_id,
            caller=access.caller,
            activation=Activation(
                credential_id=activation.credential_id,
                sad=activation.sad,
                expires_at=activation.expires_at,
                request=request or activation.request,
            ),
        )
        token = self._grants.issue(_SAD, pack(kept), ttl_s=left_s)
        return SadToken(token=token, expires_in_s=left_s)

    def _activation(self, access: Access, sad: str | None, credential_id: str) -> _KeptSad:
        """The SAD that a call may use: its own token's, or one that this client was given for this person."""
        if sad is None:
            if access.activation is None:
                raise missing("string", "SAD")
            kept = _KeptSad(
                client_id=access.client_id, caller=access.caller, activation=access.activation
            )
        else:
            kept = self._given(sad)
        same = (kept.client_id, kept.caller.holder) == (access.client_id, access.caller.holder)
        if not same:
            raise invalid("SAD")
        if kept.activation.credential_id != credential_id:
            raise invalid("credentialID")
        return kept

    def _given(self, sad: str) -> _KeptSad:
        """A SAD from ``credentials/authorize``, or an access token of scope ``credential`` in its place (§11.10)."""
        try:
            return unpack(_KeptSad, self._grants.read(sad, _SAD).body)
        except GrantError as exc:
            if exc.code == "grant.expired":
                raise CscError("SAD expired") from exc
            try:
                access = self._server.access(sad)
            except CscError:
                raise invalid("SAD") from exc
        if access.activation is None:
            raise invalid("SAD")
        return _KeptSad(
            client_id=access.client_id, caller=access.caller, activation=access.activation
        )

    def _held(self) -> PreparedDocuments:
        if self._documents is None:
            raise _not_offered()
        return self._documents


def _require_service(access: Access) -> None:
    if access.scope is not Scope.SERVICE:
        raise CscError("The access token has not scope service", error="insufficient_scope")


def _not_offered() -> CscError:
    return CscError("The method is not offered here", error="not_implemented")
