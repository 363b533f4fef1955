"""A provider of the ``sp_id``/``sp_password`` shape (SmartCA-like): an order, a person who confirms, then polling or a notice.

1. Ask for the person's certificates.
2. Place an order under a transaction number of ours; the provider answers with a number of its own and asks the person's phone.
3. Ask how it stands, in bounded steps – or be told, by a notice that anybody could send: it is believed only where it names
   our transaction and every value verifies. The same notice twice gives the same values.

The names are those that public client code uses; the provider's own description comes with a contract.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from ekyc.errors import LimitError
from ekyc.ports import Clock, Random
from ekyc.signing.activation.sad import MAX_DOCUMENTS, ShownDocument
from ekyc.signing.providers.link import ProviderLink, ask, list_of, malformed, text_of
from ekyc.signing.providers.port import (
    ProviderCertificate,
    ProviderError,
    checked,
    read_certificate,
)

_MAX_CERTIFICATES: Final = 20
_MAX_NOTICE_BYTES: Final = 256 << 10
_OK: Final = 200
_DECLINED: Final = frozenset({"sig_rejected", "user_rejected", "rejected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SpAccount:
    """As whom and for whom. ``repr`` shows none of it."""

    sp_id: str = field(repr=False)
    sp_password: str = field(repr=False)
    person: str = field(repr=False)
    """Digits of the verified number (``user_id``)."""
    serial_number: str = field(default="", repr=False)
    """Of the certificate wanted; empty for all."""
    confirm_within: timedelta = timedelta(minutes=5)
    """How long a person may take."""
    pause: timedelta = timedelta(seconds=3)
    """Between two questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSignature:
    """An order that a person is to confirm. It can be stored: nothing in it is secret."""

    transaction_id: str
    """Ours."""
    tran_code: str
    """The provider's."""
    documents: tuple[ShownDocument, ...] = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a webhook carries. Anybody could have sent it."""

    transaction_id: str
    message: str
    values: Mapping[str, bytes] = field(repr=False)
    """By ``doc_id``."""


class SpProvider:
    """See :class:`~ekyc.signing.providers.port.SigningProvider`. Safe to use from many threads.

    Args:
        account: as whom and for whom.
        link: to the provider.
        clock: for certificates and deadlines.
        random: for transaction numbers.
        wait: waits so many seconds.
    """

    def __init__(
        self,
        account: SpAccount,
        *,
        link: ProviderLink,
        clock: Clock,
        random: Random,
        wait: Callable[[float], None],
    ) -> None:
        self._account = account
        self._link = link
        self._clock = clock
        self._random = random
        self._wait = wait

    def certificates(self) -> tuple[ProviderCertificate, ...]:
        said = self._ask(
            "/v1/credentials/get_certificate",
            {
                "serial_number": self._account.serial_number,
                "transaction_id": self._transaction(),
            },
        )
        listed = list_of(said, "user_certificates", most=_MAX_CERTIFICATES)
        return tuple(self._certificate(entry) for entry in listed)

    def sign(
        self, certificate: ProviderCertificate, documents: Sequence[ShownDocument]
    ) -> tuple[bytes, ...]:
        pending = self.order(certificate, documents)
        while True:
            values = self.poll(certificate, pending)
            if values is not None:
                return values
            self._wait(self._account.pause.total_seconds())

    def order(
        self, certificate: ProviderCertificate, documents: Sequence[ShownDocument]
    ) -> PendingSignature:
        """Place an order; the person's phone is asked from now on.

        Raises:
            ProviderError: refused, or not understood; then nothing is under way that we know of.
        """
        if not 1 <= len(documents) <= MAX_DOCUMENTS:
            raise LimitError("1 to 100 documents", code="signing.provider.count")
        transaction, now = self._transaction(), self._clock.now()
        said = self._ask(
            "/v1/signatures/sign",
            {
                "transaction_id": transaction,
                "transaction_desc": documents[0].title,
                "serial_number": certificate.reference,
                "time_stamp": f"{now:%Y%m%d%H%M%SZ}",
                "sign_files": [
                    {
                        "doc_id": _doc_id(number),
                        "file_type": "pdf",
                        "sign_type": "hash",
                        "data_to_be_signed": document.to_be_signed.hex(),
                    }
                    for number, document in enumerate(documents)
                ],
            },
        )
        if said.get("transaction_id", transaction) != transaction:
            raise malformed()
        return PendingSignature(
            transaction_id=transaction,
            tran_code=_path_part(text_of(said, "tran_code")),
            documents=tuple(documents),
            expires_at=now + self._account.confirm_within,
        )

    def poll(
        self, certificate: ProviderCertificate, pending: PendingSignature
    ) -> tuple[bytes, ...] | None:
        """How an order stands; ``None`` while the person has not confirmed.

        Raises:
            ProviderError: ``signing.provider.declined``, ``.unconfirmed`` (too late), ``.lied``, …
        """
        if self._clock.now() >= pending.expires_at:
            raise ProviderError(
                "the person did not confirm in time", code="signing.provider.unconfirmed"
            )
        said = self._ask(f"/v1/signatures/sign/{pending.tran_code}/status", {})
        return self._values(certificate, pending, _notice(said, pending.transaction_id))

    def receive(
        self, certificate: ProviderCertificate, pending: PendingSignature, body: bytes
    ) -> tuple[bytes, ...] | None:
        """What a notice says of an order; ``None`` where it says that nothing has happened yet.

        Args:
            certificate: that the order named.
            pending: the order.
            body: of the webhook, as it came.

        Raises:
            ProviderError: ``signing.provider.malformed``: not a notice, or of another order; ``.declined``, ``.lied``.
        """
        if len(body) > _MAX_NOTICE_BYTES:
            raise malformed()
        try:
            said = json.loads(body)
        except (ValueError, RecursionError) as exc:
            raise malformed() from exc
        if not isinstance(said, dict):
            raise malformed()
        return self._values(certificate, pending, _notice(said, None))

    def _values(
        self, certificate: ProviderCertificate, pending: PendingSignature, notice: Notice
    ) -> tuple[bytes, ...] | None:
        if notice.transaction_id != pending.transaction_id:
            raise malformed()
        if notice.message.lower() in _DECLINED:
            raise ProviderError("the person declined", code="signing.provider.declined")
        if not notice.values:
            return None
        wanted = [_doc_id(number) for number in range(len(pending.documents))]
        if set(notice.values) != set(wanted):
            raise ProviderError(
                "another number of values than of digests", code="signing.provider.count"
            )
        return checked(certificate, pending.documents, [notice.values[name] for name in wanted])

    def _certificate(self, entry: object) -> ProviderCertificate:
        if not isinstance(entry, dict):
            raise malformed()
        chain = entry.get("chain_data") or {}
        if not isinstance(chain, dict):
            raise malformed()
        above = [chain[name] for name in ("ca_cert", "root_cert") if chain.get(name)]
        if not all(isinstance(one, str) for one in above):
            raise malformed()
        return read_certificate(
            text_of(entry, "serial_number"),
            text_of(entry, "cert_data"),
            above,
            person=self._account.person,
            at=self._clock.now(),
        )

    def _ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        account = self._account
        whole = {
            "sp_id": account.sp_id,
            "sp_password": account.sp_password,
            "user_id": account.person,
            **body,
        }
        status, said = ask(self._link, path, whole)
        word = said.get("status_code", status)
        if status != _OK or word != _OK:
            case = "unauthorised" if 401 in {status, word} else "refused"
            raise ProviderError(f"the provider refuses ({status})", code=f"signing.provider.{case}")
        data = said.get("data")
        if not isinstance(data, dict):
            raise malformed()
        message = said.get("message")
        return {**data, "message": message if isinstance(message, str) else ""}

    def _transaction(self) -> str:
        return self._random.token_bytes(16).hex()


def _notice(said: Mapping[str, Any], usual: str | None) -> Notice:
    """A status or a webhook; a status may leave our own transaction number out."""
    transaction = said.get("transaction_id", usual)
    files = said.get("signed_files") or []
    if not isinstance(transaction, str) or not isinstance(files, list):
        raise malformed()
    if len(files) > MAX_DOCUMENTS or not all(isinstance(entry, dict) for entry in files):
        raise malformed()
    values = {text_of(entry, "doc_id"): _value(entry) for entry in files}
    if len(values) != len(files):
        raise malformed()
    message = said.get("message", "")
    return Notice(
        transaction_id=transaction,
        message=message if isinstance(message, str) else "",
        values=values,
    )


def _value(entry: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(text_of(entry, "signature_value"), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise malformed() from exc


def _doc_id(number: int) -> str:
    return f"doc-{number + 1}"


def _path_part(code: str) -> str:
    """A number that goes into an address: nothing that could lead elsewhere."""
    if (
        len(code) > 128
        or not code.isascii()
        or not code.replace("-", "").replace("_", "").isalnum()
    ):
        raise malformed()
    return code
