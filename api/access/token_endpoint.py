"""What the token endpoint decides: client credentials (RFC 6749 §4.4), and acting for a citizen (RFC 8693)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ekyc.api.access.assertions import ASSERTION_TYPE, ClientAssertions, ClientProofError
from ekyc.api.access.errors import AccessError
from ekyc.api.access.jwts import peek_claim
from ekyc.api.access.permissions import (
    grantable_scopes,
    scopes_of_client,
    scopes_on_behalf,
)
from ekyc.api.access.tokens import TOKEN_LIFE, TokenContent
from ekyc.signing.csc import CscError

if TYPE_CHECKING:
    from ekyc.api.access.gate import AccessGate, Caller
    from ekyc.storage import Client

CLIENT_CREDENTIALS: Final = "client_credentials"
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # the name of a grant
CONSENT_TYPE: Final = "urn:ekyc:params:oauth:token-type:consent"
ACCESS_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # the name of a type


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """What a client gets."""

    access_token: str = field(repr=False)
    expires_in_s: int
    scopes: frozenset[str]
    exchanged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEndpoint:
    """Gives tokens to clients that prove their key. Errors are those of RFC 6749 §5.2, whose words the CSC API shares."""

    gate: AccessGate
    assertions: ClientAssertions

    def grant(self, fields: list[tuple[str, str]], caller: Caller) -> IssuedToken:
        """A token for what a form asks.

        Raises:
            CscError: ``invalid_request``, ``invalid_client``, ``invalid_scope``, ``invalid_grant``,
                ``unsupported_grant_type``.
            AttemptsExceededError: too many failed.
        """
        given = _without_repeats(fields)
        client = self._client(given, caller)
        grant = given.get("grant_type")
        if grant == CLIENT_CREDENTIALS:
            allowed = scopes_of_client(client.scopes, is_agent=client.is_agent)
            return self._issue(client, client.id, _asked(given, allowed), caller, consent=None)
        if grant == TOKEN_EXCHANGE:
            return self._exchange(given, client, caller)
        raise CscError("Invalid parameter grant_type", error="unsupported_grant_type")

    def _client(self, given: Mapping[str, str], caller: Caller) -> Client:
        """The client that the assertion proves, from where it may come."""
        assertion = given.get("client_assertion", "")
        named = peek_claim(assertion, "iss") if assertion else None
        attempts = self.gate.attempts
        attempts.require_room(caller.address, named)
        try:
            client = self._proven(given, assertion)
            self.gate.require_bound(client, caller)
        except (ClientProofError, AccessError) as exc:
            attempts.failed(caller.address, named)
            raise CscError("Client authentication failed", error="invalid_client") from exc
        return client

    def _proven(self, given: Mapping[str, str], assertion: str) -> Client:
        if given.get("client_assertion_type") != ASSERTION_TYPE:
            raise ClientProofError("client_assertion_type")
        client = self.assertions.verify(assertion)
        if given.get("client_id", client.id) != client.id:
            raise ClientProofError("client_id")
        return client

    def _exchange(self, given: Mapping[str, str], client: Client, caller: Caller) -> IssuedToken:
        """A token for an agent, from the consent of the citizen it acts for.

        The subject token is the id of the consent: it says which citizen, to which agent, for what, and it counts until it
        is withdrawn.
        """
        if given.get("requested_token_type", ACCESS_TOKEN_TYPE) != ACCESS_TOKEN_TYPE:
            raise CscError("Invalid parameter requested_token_type")
        if given.get("subject_token_type") != CONSENT_TYPE:
            raise CscError("Invalid parameter subject_token_type")
        consents = self.gate.stores.consents
        consent = consents.standing(client.tenant, given.get("subject_token", ""), client.id)
        if consent is None or not client.is_agent:
            raise CscError("There is no such consent, or it was withdrawn", error="invalid_grant")
        scopes = _asked(given, scopes_on_behalf(client.scopes & grantable_scopes()))
        return self._issue(client, consent.subject, scopes, caller, consent=consent.id)

    def _issue(
        self,
        client: Client,
        subject: str,
        scopes: frozenset[str],
        caller: Caller,
        *,
        consent: str | None,
    ) -> IssuedToken:
        bound = caller.certificate if client.certificate is not None else None
        content = TokenContent(
            tenant=client.tenant,
            client=client.id,
            subject=subject,
            scopes=scopes,
            consent=consent,
            certificate=bound,
        )
        return IssuedToken(
            access_token=self.gate.tokens.issue(content),
            expires_in_s=int(TOKEN_LIFE.total_seconds()),
            scopes=scopes,
            exchanged=consent is not None,
        )


def _asked(given: Mapping[str, str], allowed: frozenset[str]) -> frozenset[str]:
    """What is asked for, if it is allowed; all of it where nothing is named (RFC 6749 §3.3)."""
    wanted = frozenset(given.get("scope", "").split())
    if not wanted <= allowed or not allowed:
        raise CscError("The scope is unknown or was not granted", error="invalid_scope")
    return wanted or allowed


def _without_repeats(fields: list[tuple[str, str]]) -> dict[str, str]:
    given = dict(fields)
    if len(given) != len(fields):
        raise CscError("A parameter is repeated")
    return given
