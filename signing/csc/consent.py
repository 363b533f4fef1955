"""The person's word on a request: what pages of the portal show, and what they bring back.

The portal has verified the person, in a session of its own, and vouches for both (:class:`~ekyc.signing.activation.remote.Caller`).
Whether that verification may activate a key, the signing side decides, not the portal and not this module.

Two things wait for a word: a *ticket*, made when a client sent the browser here, and a *handle*, made by
``credentials/authorize`` where the person answers elsewhere (CSC API v2.0.0.2 §13.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ekyc.signing.activation.remote import Answer, Caller, Proposal, RemoteSigning
from ekyc.signing.activation.sad import ActivationMethod, ShownDocument
from ekyc.signing.csc.authorization import CredentialRequest
from ekyc.signing.csc.clients import ClientRegister
from ekyc.signing.csc.errors import CscError, invalid
from ekyc.signing.csc.oauth import Activation, AuthorizationServer
from ekyc.signing.csc.records import pack, unpack
from ekyc.signing.csc.refusals import in_words_of_csc
from ekyc.storage import Grant, GrantError, GrantStore

PROPOSAL_LIFE_S: Final = 120
_PROPOSAL: Final = "csc-proposal"
_HANDLE: Final = "csc-handle"
_DECIDED: Final = "csc-decided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the person is asked. ``repr`` shows no title."""

    client_name: str
    """Who wants it."""
    proposal: Proposal | None = field(default=None, repr=False)
    """``None`` where the client only wants to see credentials (scope ``service``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A proposal that waits for its answer."""

    holder: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Handle:
    """An authorisation under way by ``credentials/authorize``."""

    client_id: str
    holder: str
    session: str
    request: CredentialRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """The person's word on a handle; without a SAD it was no."""

    sad: str | None
    expires_at: datetime | None


class Consent:
    """Asks and takes answers. Safe across threads and processes."""

    def __init__(
        self,
        *,
        signing: RemoteSigning,
        server: AuthorizationServer,
        clients: ClientRegister,
        grants: GrantStore,
    ) -> None:
        self._signing = signing
        self._server = server
        self._clients = clients
        self._grants = grants

    def ask(self, ticket: str, caller: Caller, method: ActivationMethod) -> Question:
        """What to show for a ticket.

        Args:
            ticket: from the address that the browser came with.
            caller: the person, as the portal has just verified them.
            method: how they are to say yes.

        Raises:
            CscError: no such ticket; the signing side refuses to ask this person.
        """
        waiting = self._server.ticket(ticket)
        name = self._name(waiting.request.client_id)
        wanted = waiting.request.wanted
        if wanted is None:
            return Question(client_name=name)
        return self._question(name, wanted, caller, method, waiting.family)

    def ask_by_handle(self, handle: str, caller: Caller, method: ActivationMethod) -> Question:
        """What to show for a handle.

        Raises:
            CscError: no such handle, or it is another person's; the signing side refuses.
        """
        waiting, grant = self._waiting(handle)
        self._require_same(waiting, caller)
        name = self._name(waiting.client_id)
        return self._question(name, waiting.request, caller, method, grant.family)

    def approve(self, ticket: str, caller: Caller, answer: Answer) -> str:
        """The person said yes to what they were asked last; where the browser is to go.

        Raises:
            CscError: no such ticket, nobody was asked, or the answer is wrong: the person may try again.
        """
        waiting = self._server.ticket(ticket)
        activation = None
        if waiting.request.wanted is not None:
            activation = self._activate(waiting.request.wanted, caller, answer, waiting.family)
        return self._server.approve(ticket, caller, activation)

    def deny(self, ticket: str) -> str:
        """The person said no; where the browser is to go."""
        return self._server.deny(ticket)

    def open_handle(self, client_id: str, caller: Caller, request: CredentialRequest) -> str:
        """Start an authorisation that is answered elsewhere."""
        waiting = _Handle(
            client_id=client_id, holder=caller.holder, session=caller.session, request=request
        )
        return self._grants.issue(_HANDLE, pack(waiting), ttl_s=PROPOSAL_LIFE_S)

    def approve_by_handle(
        self,
        handle: str,
        caller: Caller,
        answer: Answer,
        *,
        repeated: CredentialRequest | None = None,
    ) -> None:
        """The person said yes to what a handle stands for.

        Args:
            handle: which.
            caller: who said so.
            answer: what they gave.
            repeated: where the client says once more what it wants signed: it must be the same.

        Raises:
            CscError: as :meth:`approve`.
        """
        waiting, grant = self._waiting(handle)
        self._require_same(waiting, caller)
        if repeated is not None and repeated != waiting.request:
            raise invalid("handle")
        activation = self._activate(waiting.request, caller, answer, grant.family)
        self._decide(
            grant,
            _Decided(sad=activation.sad, expires_at=activation.expires_at),
        )

    def deny_by_handle(self, handle: str, caller: Caller) -> None:
        """The person said no."""
        waiting, grant = self._waiting(handle)
        self._require_same(waiting, caller)
        self._decide(grant, _Decided(sad=None, expires_at=None))

    def check(self, handle: str, client_id: str, caller: Caller) -> Activation | None:
        """The person's word on a handle; ``None`` while there is none yet.

        Raises:
            CscError: no such handle of this client and person; ``access_denied``: the person said no.
        """
        waiting, grant = self._waiting(handle)
        if waiting.client_id != client_id:
            raise invalid("handle")
        self._require_same(waiting, caller)
        found = self._grants.relative(grant.family, _DECIDED)
        if found is None:
            return None
        said = unpack(_Decided, found.body)
        if said.sad is None or said.expires_at is None:
            raise CscError("The person declined", error="access_denied")
        self._grants.revoke(handle, _HANDLE)
        return Activation(
            credential_id=waiting.request.credential_id,
            sad=said.sad,
            expires_at=said.expires_at,
            request=waiting.request,
        )

    def activate(
        self,
        caller: Caller,
        credential_id: str,
        documents: Sequence[ShownDocument],
        *,
        method: ActivationMethod,
        answer: Answer,
    ) -> Activation:
        """Ask and answer in one, where the answer came with the request.

        Raises:
            CscError: the signing side refuses.
        """
        with in_words_of_csc():
            proposal = self._signing.propose(caller, credential_id, documents, method=method)
            granted = self._signing.authorise(caller, proposal.token, answer)
        return Activation(
            credential_id=credential_id, sad=granted.sad, expires_at=granted.expires_at
        )

    def _question(
        self,
        name: str,
        wanted: CredentialRequest,
        caller: Caller,
        method: ActivationMethod,
        family: str,
    ) -> Question:
        with in_words_of_csc():
            proposal = self._signing.propose(
                caller, wanted.credential_id, wanted.documents, method=method
            )
        kept = _Kept(holder=caller.holder, token=proposal.token)
        self._grants.issue(_PROPOSAL, pack(kept), ttl_s=PROPOSAL_LIFE_S, family=family)
        return Question(client_name=name, proposal=proposal)

    def _activate(
        self, wanted: CredentialRequest, caller: Caller, answer: Answer, family: str
    ) -> Activation:
        """What was proposed last for this very request and person, once the answer is right."""
        grant = self._grants.relative(family, _PROPOSAL)
        kept = None if grant is None else unpack(_Kept, grant.body)
        if kept is None or kept.holder != caller.holder:
            raise CscError("Nobody was asked yet, or too long ago")
        with in_words_of_csc():
            granted = self._signing.authorise(caller, kept.token, answer)
        return Activation(
            credential_id=wanted.credential_id,
            sad=granted.sad,
            expires_at=granted.expires_at,
            request=wanted,
        )

    def _name(self, client_id: str) -> str:
        client = self._clients.find(client_id)
        if client is None:
            raise invalid("client_id")
        return client.name

    def _waiting(self, handle: str) -> tuple[_Handle, Grant]:
        try:
            grant = self._grants.read(handle, _HANDLE)
        except GrantError as exc:
            raise invalid("handle") from exc
        return unpack(_Handle, grant.body), grant

    def _decide(self, grant: Grant, said: _Decided) -> None:
        if self._grants.relative(grant.family, _DECIDED) is not None:
            raise invalid("handle")
        self._grants.issue(_DECIDED, pack(said), ttl_s=PROPOSAL_LIFE_S, family=grant.family)

    def _require_same(self, waiting: _Handle, caller: Caller) -> None:
        if (waiting.holder, waiting.session) != (caller.holder, caller.session):
            raise invalid("handle")
