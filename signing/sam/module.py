"""The signing process without its socket: a message comes in, an answer goes out, and nothing is ever raised.

It holds the keys, and uses one only as :mod:`ekyc.signing.activation.module` says. What it knows of credentials and decisions
it reads itself, from its own side.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import BoundedSemaphore
from typing import Any, Final

from ekyc.errors import BusyError, EkycError, InputError, UpstreamError, place_of
from ekyc.signing.activation.module import ActivationModule
from ekyc.signing.keys.port import KeyProtection
from ekyc.signing.sam.credentials import SamCredentials
from ekyc.signing.sam.messages import (
    VERSION,
    DescribeRequest,
    PingRequest,
    Request,
    SignRequest,
    encode,
    read_request,
    write_error,
)

_WAIT_S: Final = 5.0
_log = logging.getLogger("ekyc.sam")


class SignatureActivationModule:
    """Answers messages. Safe to call from many threads.

    Args:
        activation: checks SADs and signs.
        credentials: what is signed with.
        protection: what the keys are protected against.
        workers: how many requests are worked on at once; others wait five seconds and are turned away.
    """

    def __init__(
        self,
        *,
        activation: ActivationModule,
        credentials: SamCredentials,
        protection: KeyProtection,
        workers: int = 4,
    ) -> None:
        self._activation = activation
        self._credentials = credentials
        self._protection = protection
        self._places = BoundedSemaphore(workers)

    def answer(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to a message: what was asked for, or an error."""
        try:
            return self._answer(read_request(message))
        except EkycError as error:
            _log.info("refused: %s", error.code)
            return write_error(error)
        except Exception as error:  # noqa: BLE001  # a fault of ours must not leave its caller without an answer
            _log.error("failed: %s at %s", type(error).__name__, place_of(error))
            return write_error(
                UpstreamError("the signing process failed", code="signing.sam.failed")
            )

    def _answer(self, request: Request) -> Mapping[str, Any]:
        match request:
            case PingRequest():
                return {"version": VERSION}
            case DescribeRequest():
                return self._describe(request.credential)
            case SignRequest():
                return self._sign(request)

    def _describe(self, credential_id: str) -> Mapping[str, Any]:
        held = self._credentials.find(credential_id)
        if held is None:
            raise InputError("no such credential", code="activation.credential_unknown")
        identity = held.identity
        chain = (identity.certificate_der, *identity.issuers_der)
        return {
            "certificates": [encode(der) for der in chain],
            "methods": sorted(method.value for method in held.methods),
            "protection": self._protection.value,
        }

    def _sign(self, request: SignRequest) -> Mapping[str, Any]:
        if not self._places.acquire(timeout=_WAIT_S):
            raise BusyError("too many signatures at once", code="signing.sam.busy")
        use = self._activation.recall if request.again else self._activation.sign
        try:
            values = use(
                request.sad,
                credential_id=request.credential,
                hashes=request.hashes,
                algorithm=request.algorithm,
            )
        finally:
            self._places.release()
        said = "given again: %s, %d" if request.again else "signed: %s, %d"
        _log.info(said, request.credential, len(values))
        return {"values": [encode(value) for value in values]}
