"""What passes between the signing process and those who ask it: frames of JSON, bounded, and errors with their codes.

A frame is a length of four bytes (big endian) and that many bytes of one JSON object. One request, one answer, in turn.

::

    {"op": "sign", "sad": …, "credential": …, "hashes": [base64, …], "algorithm": …}   → {"values": [base64, …]}
    {"op": "recall", the same}            → the same values, again, without the key
    {"op": "describe", "credential": …}   → {"certificates": [base64, …], "methods": […], "protection": …}
    {"op": "ping"}                        → {"version": 1}
    anything that fails                   → {"error": {"kind": …, "code": …, "message": …, "subject": …}}
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ekyc.errors import BusyError, EkycError, InputError, LimitError, TrustError, UpstreamError
from ekyc.signing.activation.jws import MAX_BYTES, canonical_json
from ekyc.signing.activation.module import ActivationError
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.storage import ActivationUsedError, FactorError, StorageError

VERSION: Final = 1
HEADER_BYTES: Final = 4
MAX_FRAME_BYTES: Final = MAX_BYTES + (64 << 10)
"""The longest SAD, and a hundred hashes or RSA values beside it."""
MAX_HASHES: Final = 100
_KINDS: Final = {
    kind.__name__: kind
    for kind in (
        ActivationError,
        ActivationUsedError,
        BusyError,
        FactorError,
        InputError,
        LimitError,
        StorageError,
        TrustError,
        UpstreamError,
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignRequest:
    """Use a SAD, or have again what left under it."""

    sad: str = field(repr=False)
    credential: str
    hashes: tuple[bytes, ...]
    algorithm: SignatureAlgorithm
    again: bool = False
    """Whether the key stays out of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeRequest:
    """What is this credential?"""

    credential: str


@dataclass(frozen=True, slots=True)
class PingRequest:
    """Is anybody there?"""


Request = SignRequest | DescribeRequest | PingRequest


def write_frame(message: Mapping[str, Any]) -> bytes:
    """A message as it goes over the wire.

    Raises:
        LimitError: ``signing.sam.too_long``.
    """
    body = canonical_json(message)
    if len(body) > MAX_FRAME_BYTES:
        raise LimitError("longer than any message of this kind", code="signing.sam.too_long")
    return len(body).to_bytes(HEADER_BYTES) + body


def read_length(header: bytes) -> int:
    """How many bytes follow a header.

    Raises:
        LimitError: ``signing.sam.too_long``: more than any message has; nothing is to be read on.
    """
    length = int.from_bytes(header)
    if length > MAX_FRAME_BYTES:
        raise LimitError("longer than any message of this kind", code="signing.sam.too_long")
    return length


def read_body(body: bytes) -> dict[str, Any]:
    """The object of a frame.

    Raises:
        InputError: ``signing.sam.malformed``.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise _malformed() from exc
    if not isinstance(message, dict):
        raise _malformed()
    return message


def write_request(request: Request) -> dict[str, Any]:
    """A request as a message."""
    match request:
        case SignRequest():
            return {
                "op": "recall" if request.again else "sign",
                "sad": request.sad,
                "credential": request.credential,
                "hashes": [encode(digest) for digest in request.hashes],
                "algorithm": request.algorithm.value,
            }
        case DescribeRequest():
            return {"op": "describe", "credential": request.credential}
        case PingRequest():
            return {"op": "ping"}


def read_request(message: Mapping[str, Any]) -> Request:
    """The request in a message: exactly its members and no others.

    Raises:
        InputError: ``signing.sam.malformed``.
        LimitError: ``signing.sam.too_many``: more hashes than one activation covers.
    """
    try:
        request = _read_request(message)
    except (KeyError, TypeError, ValueError) as exc:
        raise _malformed() from exc
    if write_request(request) != message:
        raise _malformed()
    return request


def _read_request(message: Mapping[str, Any]) -> Request:
    match message["op"]:
        case "sign" | "recall" as operation:
            hashes = message["hashes"]
            if len(hashes) > MAX_HASHES:
                raise LimitError("more hashes than one SAD covers", code="signing.sam.too_many")
            return SignRequest(
                sad=_text(message["sad"]),
                credential=_text(message["credential"]),
                hashes=tuple(map(decode, hashes)),
                algorithm=SignatureAlgorithm(message["algorithm"]),
                again=operation == "recall",
            )
        case "describe":
            return DescribeRequest(credential=_text(message["credential"]))
        case "ping":
            return PingRequest()
        case _:
            raise ValueError("no such operation")


def write_error(error: EkycError) -> dict[str, Any]:
    """An error as a message; of a kind that is not ours to send, as its nearest ancestor."""
    kinds = (kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _KINDS)
    return {
        "error": {
            "kind": next(kinds, UpstreamError.__name__),
            "code": error.code,
            "message": error.message,
            "subject": error.subject,
        }
    }


def read_answer(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """An answer that is no error.

    Raises:
        EkycError: the one that the signing process sent.
        UpstreamError: ``signing.sam.malformed``: an error that cannot be read.
    """
    if "error" not in message:
        return message
    try:
        said = message["error"]
        kind = _KINDS[said["kind"]]
        error = kind(_text(said["message"]), code=_text(said["code"]), subject=said["subject"])
    except (KeyError, TypeError, ValueError) as exc:
        raise UpstreamError(
            "the signing process answered with an error that cannot be read",
            code="signing.sam.malformed",
        ) from exc
    raise error


def encode(data: bytes) -> str:
    """Base64."""
    return base64.b64encode(data).decode()


def decode(text: str) -> bytes:
    """Base64, in its one canonical form.

    Raises:
        TypeError, ValueError: it is none.
    """
    return base64.b64decode(_text(text), validate=True)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _malformed() -> InputError:
    return InputError("not a message of this kind", code="signing.sam.malformed")
