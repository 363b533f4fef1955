"""A time-stamping authority (RFC 3161): a request in, a response out. It opens no connection.

Its time is the machine's clock: it proves an order of events to those who trust this machine, and nothing to
anybody else.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Final

from asn1crypto import tsp

from ekyc.ports import Clock, Random
from ekyc.signing.der import (
    context,
    generalized_time,
    integer,
    named_bits,
    null,
    octet_string,
    oid,
    sequence,
)
from ekyc.signing.formats.cms import (
    TST_INFO,
    directory_name,
    signed_attributes,
    signed_data,
    subject_der,
)
from ekyc.signing.keys.port import SigningKey

POLICY_OID: Final = "2.25.101849715259903382754008263407804466822"
"""This authority's policy, "a machine's clock, no audit", in the arc of UUIDs (ITU-T X.667)."""
ACCURACY_S: Final = 1
_GRANTED: Final = 0
_REJECTION: Final = 2
_DIGEST_SIZES: Final = {"sha256": 32, "sha384": 48, "sha512": 64}
_MAX_REQUEST_BYTES: Final = 4096
_MAX_NONCE_BITS: Final = 512

# PKIFailureInfo, RFC 3161 §2.4.2
_BAD_ALGORITHM: Final = 0
_BAD_REQUEST: Final = 2
_BAD_DATA_FORMAT: Final = 5
_UNACCEPTED_POLICY: Final = 15
_UNACCEPTED_EXTENSION: Final = 16


class TimestampAuthority:
    """Stamps digests with the time of a clock. Safe to use from many threads."""

    def __init__(
        self, *, key: SigningKey, certificate_der: bytes, clock: Clock, random: Random
    ) -> None:
        self._key = key
        self._certificate_der = certificate_der
        self._clock = clock
        self._random = random

    def answer(self, request_der: bytes) -> bytes:
        """Answer a DER ``TimeStampReq`` with a DER ``TimeStampResp``, a refusal for anything unacceptable."""
        try:
            request = _parse(request_der)
            problem = _problem(request)
        except (ValueError, TypeError, KeyError):
            return _refuse(_BAD_DATA_FORMAT)
        if problem is not None:
            return _refuse(problem)
        return sequence(sequence(integer(_GRANTED)), self._token(request))

    def _token(self, request: Any) -> bytes:
        at = self._clock.now()
        statement = self._statement(request, at)
        attributes = signed_attributes(
            hashlib.sha256(statement).digest(),
            self._certificate_der,
            content_type=TST_INFO,
            signing_time=at,
        )
        return signed_data(
            attributes,
            self._key.sign_digest(hashlib.sha256(attributes).digest()),
            self._certificate_der,
            algorithm=self._key.algorithm,
            certificates=[self._certificate_der] if request["cert_req"].native else [],
            content=statement,
            content_type=TST_INFO,
        )

    def _statement(self, request: Any, at: datetime) -> bytes:
        """TSTInfo (RFC 3161 §2.4.2): this digest existed at this time."""
        nonce = request["nonce"].native
        return sequence(
            integer(1),
            oid(POLICY_OID),
            _imprint(request["message_imprint"]),
            integer(int.from_bytes(b"\x01" + self._random.token_bytes(15))),
            generalized_time(at),
            sequence(integer(ACCURACY_S)),
            integer(nonce) if nonce is not None else b"",
            context(0, directory_name(subject_der(self._certificate_der))),
        )


def _parse(request_der: bytes) -> Any:
    """TimeStampReq; asn1crypto publishes no types."""
    if len(request_der) > _MAX_REQUEST_BYTES:
        raise ValueError("larger than any request")
    return tsp.TimeStampReq.load(request_der, strict=True)


def _problem(request: Any) -> int | None:
    """The first failure that the request earns, if any."""
    imprint = request["message_imprint"]
    size = _DIGEST_SIZES.get(imprint["hash_algorithm"]["algorithm"].native)
    nonce = request["nonce"].native
    rules = (
        (request["version"].native == "v1", _BAD_REQUEST),
        (size is not None, _BAD_ALGORITHM),
        (imprint["hash_algorithm"]["parameters"].dump() in {b"", null()}, _BAD_ALGORITHM),
        (len(imprint["hashed_message"].native) == size, _BAD_DATA_FORMAT),
        (request["req_policy"].native in {None, POLICY_OID}, _UNACCEPTED_POLICY),
        (not request["extensions"].native, _UNACCEPTED_EXTENSION),
        (nonce is None or nonce.bit_length() <= _MAX_NONCE_BITS, _BAD_REQUEST),
    )
    return next((failure for kept, failure in rules if not kept), None)


def _imprint(asked: Any) -> bytes:
    """The question's imprint in DER, in whatever form it came."""
    algorithm = asked["hash_algorithm"]
    name = sequence(oid(algorithm["algorithm"].dotted), algorithm["parameters"].dump())
    return sequence(name, octet_string(asked["hashed_message"].native))


def _refuse(failure: int) -> bytes:
    return sequence(sequence(integer(_REJECTION), named_bits(failure)))
