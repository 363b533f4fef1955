"""Issuing results and the lists that take them back.

The register (:class:`ekyc.storage.IssuedResultStore`) draws the id and the place and records both in the transaction in
which the result is signed. The subject is a pseudonym under the service key, another one for each kind of result: who
holds two results of one person cannot tell by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from ekyc.errors import LimitError
from ekyc.signing.credentials import base64url, sd_jwt
from ekyc.signing.credentials.result import Result, StatusReference, encode_result, require_uri
from ekyc.signing.credentials.schemas import Schema
from ekyc.signing.credentials.status_list import (
    DEFAULT_TTL,
    StatusArray,
    StatusList,
    encode_cwt,
    encode_jwt,
)

if TYPE_CHECKING:
    from ekyc.ports import Random
    from ekyc.signing.credentials.keys import CredentialKey, CredentialSigner
    from ekyc.storage import IssuedResultStore, Place, ServiceKey

_SUBJECT_BYTES: Final = 10
"""14 characters: more than an identity number has, and two of a hundred million people hardly ever share them."""
DEFAULT_LIST_LIFE: Final = timedelta(days=7)
MAX_LIFE: Final = timedelta(days=366 * 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPerson:
    """Somebody whose pseudonym is known, and whose number is not at hand."""

    pseudonym: str
    """Of :func:`result_subject`."""

    def __repr__(self) -> str:
        return "KnownPerson(…)"


class Register(Protocol):
    """Where results are put on record: a store, or its part of somebody's transaction."""

    def issue(
        self,
        make: Callable[[bytes, Place, datetime], str],
        *,
        series: str,
        schema: str,
        subject: str,
        life: timedelta,
        replaces: str | None = None,
    ) -> str:
        """See :meth:`ekyc.storage.IssuedResultStore.issue`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultIssuer:
    """Issues in the name of one authority. Safe to use from many threads."""

    id: str
    """``https://`` address of the issuer."""
    series: str
    """Address below which its status lists are numbered."""
    signer: CredentialSigner
    register: Register
    service_key: ServiceKey

    def __post_init__(self) -> None:
        require_uri(self.id)
        require_uri(self.series)

    def issue_qr(
        self,
        schema: Schema,
        values: Mapping[str, Any],
        *,
        person: str | KnownPerson,
        life: timedelta,
        replaces: str | None = None,
    ) -> str:
        """The text of a QR code; recorded before it is returned.

        Args:
            schema: which kind of result.
            values: its fields in JSON form.
            person: the issuer's own reference of the person, such as the identity number; only a pseudonym of it is
                kept or told. Or who it is by that pseudonym already.
            life: how long the result is good for, up to twenty years.
            replaces: id of the result that this one takes the place of.

        Raises:
            InputError: ``credential.field``; or the result to replace is unknown or final.
            LimitError: more than a QR code holds.
        """
        stated = self._stating(schema, values, person, life)

        def make(drawn: bytes, place: Place, at: datetime) -> str:
            return encode_result(stated(drawn, place, at), signer=self.signer)

        return self._issue(make, schema, person, life, replaces)

    def issue_sd_jwt(
        self,
        schema: Schema,
        values: Mapping[str, Any],
        *,
        person: str | KnownPerson,
        life: timedelta,
        holder_key: CredentialKey,
        random: Random,
        replaces: str | None = None,
    ) -> str:
        """An SD-JWT VC for the wallet that holds ``holder_key``; recorded before it is returned.

        For applications of this library that talk to wallets themselves; the service issues QR codes.

        Args:
            schema: what kind of result it is.
            values: its fields.
            person: whom it is about: a number, or a pseudonym that is known.
            life: for which it is valid, at most twenty years.
            holder_key: public key of the wallet, to which the result is bound.
            random: of the salts by which claims are disclosed one by one.
            replaces: id of the result that it takes the place of.

        Raises:
            InputError: ``credential.field``; or the result to replace is unknown or final.
            LimitError: ``life`` is out of its bounds.
        """
        stated = self._stating(schema, values, person, life)

        def make(drawn: bytes, place: Place, at: datetime) -> str:
            return sd_jwt.issue(
                stated(drawn, place, at), signer=self.signer, holder_key=holder_key, random=random
            )

        return self._issue(make, schema, person, life, replaces)

    def _issue(
        self,
        make: Callable[[bytes, Place, datetime], str],
        schema: Schema,
        person: str | KnownPerson,
        life: timedelta,
        replaces: str | None,
    ) -> str:
        if not timedelta(0) < life <= MAX_LIFE:
            raise LimitError("a result lasts more than nothing and up to twenty years")
        return self.register.issue(
            make,
            series=self.series,
            schema=schema.id,
            subject=self._pseudonym(schema, person),
            life=life,
            replaces=replaces,
        )

    def _stating(
        self, schema: Schema, values: Mapping[str, Any], person: str | KnownPerson, life: timedelta
    ) -> Callable[[bytes, Place, datetime], Result]:
        def state(drawn: bytes, place: Place, at: datetime) -> Result:
            issued_at = at.replace(microsecond=0)
            return Result(
                id=drawn,
                issuer=self.id,
                subject=self._pseudonym(schema, person),
                issued_at=issued_at,
                expires_at=issued_at + life,
                status=StatusReference(uri=place.uri, index=place.index),
                schema=schema,
                values=values,
            )

        return state

    def _pseudonym(self, schema: Schema, person: str | KnownPerson) -> str:
        if isinstance(person, KnownPerson):
            return person.pseudonym
        return result_subject(self.service_key, schema, person)


def result_subject(key: ServiceKey, schema: Schema, person: str) -> str:
    """What a person is known by in results of a kind: base64url of ten bytes, keyed."""
    whole = key.pseudonym(f"result {schema.id}", person)
    return base64url.encode(whole[:_SUBJECT_BYTES])


def sign_status_list(
    register: IssuedResultStore,
    uri: str,
    *,
    signer: CredentialSigner,
    ttl: timedelta = DEFAULT_TTL,
    life: timedelta = DEFAULT_LIST_LIFE,
    as_jwt: bool = False,
) -> bytes:
    """A status list as of now, signed.

    Args:
        register: what was issued and taken back.
        uri: of the list; :meth:`ekyc.storage.IssuedResultStore.lists` names them.
        signer: the key for status lists, which need not be the one for results.
        ttl: how long it counts as fresh.
        life: until it expires.
        as_jwt: the JWT form in place of the CWT form.

    Raises:
        InputError: ``issued_result.list_unknown``.
    """
    state = register.list_state(uri)
    at = state.at.replace(microsecond=0)
    listed = StatusList(
        uri=uri,
        issued_at=at,
        expires_at=at + life,
        ttl=ttl,
        statuses=StatusArray.build(state.size, state.bits, state.statuses),
    )
    return (
        encode_jwt(listed, signer=signer).encode() if as_jwt else encode_cwt(listed, signer=signer)
    )
