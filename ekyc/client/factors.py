"""Second factors for signing: a person who was verified for it enrols a generator of one-time codes, or an authenticator. ::

    with Client(url, key=portal_key) as ekyc:
        token = ekyc.factors.open(session.id).token
    with Client(url, key=token) as person:  # on the person's device
        made = person.factors.offer_codes()
        show_as_qr(made.uri)
        person.factors.confirm_codes(made.factor, "123456")

An authenticator instead::

        made = person.factors.offer_authenticator()
        credential = create_in_the_browser(made.options)  # navigator.credentials.create()
        person.factors.register_authenticator(made.challenge_id, credential)

Whoever has a factor already gives a ``code`` of it, or has their authenticator answer :meth:`Factors.ask_agreement`; that is
the ``agreement``: ``{"challenge_id": asked.challenge_id, "webauthn": answer}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ekyc.client.calls import Operation, get, items_of, post

if TYPE_CHECKING:
    from ekyc.client.tools import Do, DoAsync

_PATH: Final = "/v1/factor-enrolments"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorEnrolment:
    """What lets a person's device enrol; ``repr`` hides the token."""

    token: str = field(repr=False)
    expires_at: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> FactorEnrolment:
        """From its JSON."""
        return cls(token=body["enrolment_token"], expires_at=body["expires_at"])


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeGenerator:
    """A generator to be set up; ``repr`` hides its secret."""

    factor: str
    uri: str | None = field(repr=False)
    """``otpauth://…`` for a QR code; ``None`` in the answer to a repetition."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> CodeGenerator:
        """From its JSON."""
        return cls(factor=body["factor"], uri=body["uri"])


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorOffer:
    """An authenticator to be registered."""

    challenge_id: str
    options: Mapping[str, Any]
    """For ``navigator.credentials.create()``."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> AuthenticatorOffer:
        """From its JSON."""
        return cls(challenge_id=body["challenge_id"], options=body["options"])


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorAgreement:
    """What the person's authenticator is to sign, so that another factor may come or one may go."""

    challenge_id: str
    webauthn: Mapping[str, Any]
    """For ``navigator.credentials.get()``."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> FactorAgreement:
        """From its JSON."""
        return cls(challenge_id=body["challenge_id"], webauthn=body["webauthn"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A second factor that stands."""

    id: str
    kind: str
    """``totp`` or ``webauthn``."""
    confirmed_at: str | None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Factor:
        """From its JSON."""
        return cls(**{name: body[name] for name in ("id", "kind", "confirmed_at")})


def _open(session_id: str, key: str | None) -> Operation[FactorEnrolment]:
    return post(_PATH, FactorEnrolment.of, key=key, body={"session_id": session_id})


def _word(code: str | None, agreement: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"code": code, "authenticator": agreement}


def _offer(
    code: str | None, agreement: Mapping[str, Any] | None, key: str | None
) -> Operation[CodeGenerator]:
    return post(f"{_PATH}/codes", CodeGenerator.of, key=key, body=_word(code, agreement))


def _offer_authenticator(
    code: str | None, agreement: Mapping[str, Any] | None, key: str | None
) -> Operation[AuthenticatorOffer]:
    path = f"{_PATH}/authenticators"
    return post(path, AuthenticatorOffer.of, key=key, body=_word(code, agreement))


def _register(
    challenge_id: str, credential: Mapping[str, Any], key: str | None
) -> Operation[tuple[Factor, ...]]:
    path = f"{_PATH}/authenticators/{challenge_id}/registrations"
    return post(path, items_of(Factor.of), key=key, body={"credential": dict(credential)})


def _agreement(key: str | None) -> Operation[FactorAgreement]:
    return post(f"{_PATH}/agreements", FactorAgreement.of, key=key)


def _confirm(factor: str, code: str, key: str | None) -> Operation[tuple[Factor, ...]]:
    path = f"{_PATH}/codes/{factor}/confirmations"
    return post(path, items_of(Factor.of), key=key, body={"code": code})


def _listed() -> Operation[tuple[Factor, ...]]:
    return get(f"{_PATH}/factors", items_of(Factor.of))


def _end(
    factor: str, code: str | None, agreement: Mapping[str, Any] | None, key: str | None
) -> Operation[tuple[Factor, ...]]:
    path = f"{_PATH}/factors/{factor}/end"
    return post(path, items_of(Factor.of), key=key, body=_word(code, agreement))


class Factors:
    """Second factors of people who were verified."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def open(self, session_id: str, *, idempotency_key: str | None = None) -> FactorEnrolment:
        """Let whoever a session verified enrol; all else is the person's, by ``token``."""
        return self._do(_open(session_id, idempotency_key))

    def offer_codes(
        self,
        *,
        code: str | None = None,
        agreement: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> CodeGenerator:
        """The person: set a generator up; with the word of a factor that they have, if they have one."""
        return self._do(_offer(code, agreement, idempotency_key))

    def confirm_codes(
        self, factor: str, code: str, *, idempotency_key: str | None = None
    ) -> tuple[Factor, ...]:
        """The person: its first code; what stands now."""
        return self._do(_confirm(factor, code, idempotency_key))

    def offer_authenticator(
        self,
        *,
        code: str | None = None,
        agreement: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> AuthenticatorOffer:
        """The person: register an authenticator; with the word of a factor that they have, if they have one."""
        return self._do(_offer_authenticator(code, agreement, idempotency_key))

    def register_authenticator(
        self,
        challenge_id: str,
        credential: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
    ) -> tuple[Factor, ...]:
        """The person: what the browser gave (``RegistrationResponseJSON``); what stands now."""
        return self._do(_register(challenge_id, credential, idempotency_key))

    def ask_agreement(self, *, idempotency_key: str | None = None) -> FactorAgreement:
        """The person: have the authenticator in use agree."""
        return self._do(_agreement(idempotency_key))

    def standing(self) -> tuple[Factor, ...]:
        """The person: what they have."""
        return self._do(_listed())

    def end(
        self,
        factor: str,
        code: str | None = None,
        *,
        agreement: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[Factor, ...]:
        """The person: take one out of use, by the word of one that they have; what stands now."""
        return self._do(_end(factor, code, agreement, idempotency_key))


class AsyncFactors:
    """As :class:`Factors`, awaited."""

    def __init__(self, do: DoAsync) -> None:
        self._do = do

    async def open(self, session_id: str, *, idempotency_key: str | None = None) -> FactorEnrolment:
        """As :meth:`Factors.open`."""
        return await self._do(_open(session_id, idempotency_key))

    async def offer_codes(
        self,
        *,
        code: str | None = None,
        agreement: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> CodeGenerator:
        """As :meth:`Factors.offer_codes`."""
        return await self._do(_offer(code, agreement, idempotency_key))

    async def confirm_codes(
        self, factor: str, code: str, *, idempotency_key: str | None = None
    ) -> tuple[Factor, ...]:
        """As :meth:`Factors.confirm_codes`."""
        return await self._do(_confirm(factor, code, idempotency_key))

    async def offer_authenticator(
        self,
        *,
        code: str | None = None,
        agreement: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> AuthenticatorOffer:
        """As :meth:`Factors.offer_authenticator`."""
        return await self._do(_offer_authenticator(code, agreement, idempotency_key))

    async def register_authenticator(
        self,
        challenge_id: str,
        credential: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
    ) -> tuple[Factor, ...]:
        """As :meth:`Factors.register_authenticator`."""
        return await self._do(_register(challenge_id, credential, idempotency_key))

    async def ask_agreement(self, *, idempotency_key: str | None = None) -> FactorAgreement:
        """As :meth:`Factors.ask_agreement`."""
        return await self._do(_agreement(idempotency_key))

    async def standing(self) -> tuple[Factor, ...]:
        """As :meth:`Factors.standing`."""
        return await self._do(_listed())

    async def end(
        self,
        factor: str,
        code: str | None = None,
        *,
        agreement: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[Factor, ...]:
        """As :meth:`Factors.end`."""
        return await self._do(_end(factor, code, agreement, idempotency_key))
