"""Refusals of the signing side in the words of the interface. One table; what is not in it is a fault of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from ekyc.errors import BusyError, EkycError, UpstreamError
from ekyc.signing.csc.errors import INVALID_REQUEST, CscError

_AUTHENTICATION: Final = "invalid_authentication_data"
_WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "activation.credential_unknown": (INVALID_REQUEST, "Invalid parameter credentialID"),
        "activation.already_used": (INVALID_REQUEST, "Invalid parameter SAD: it was used already"),
        "activation.hashes": (INVALID_REQUEST, "Hash is not authorized by the SAD"),
        "activation.expired": (INVALID_REQUEST, "SAD expired"),
        "activation.algorithm": (INVALID_REQUEST, "Invalid parameter signAlgo"),
        "activation.method": (_AUTHENTICATION, "The authentication data is invalid"),
        "activation.malformed": (_AUTHENTICATION, "The authentication data is invalid"),
        "activation.evidence_missing": (
            "access_denied",
            "Nobody was verified in this session",
        ),
        "activation.evidence_stale": ("access_denied", "The verification is not fresh"),
        "activation.evidence_used": (
            "access_denied",
            "The verification has authorised another act already",
        ),
        "activation.evidence_unknown": ("access_denied", "No such decision is on record"),
        "activation.not_accepted": ("access_denied", "The person was not accepted"),
        "activation.other_session": ("access_denied", "The verification is of another session"),
        "activation.other_user": (INVALID_REQUEST, "Invalid parameter SAD"),
        "factor.locked": (INVALID_REQUEST, "Credential locked"),
        "factor.blocked": (INVALID_REQUEST, "Credential locked"),
        "signing.certificate.expired": (INVALID_REQUEST, "Signing certificate is expired"),
        "signing.certificate.not_yet_valid": (
            INVALID_REQUEST,
            "The credential identified by credentialID is disabled",
        ),
        "signing.certificate.revoked": (
            INVALID_REQUEST,
            "The credential identified by credentialID is disabled",
        ),
        "signing.digest.length": (INVALID_REQUEST, "Invalid digest value length"),
    }
)
_FAMILIES: Final = (
    ("activation.", INVALID_REQUEST, "Invalid parameter SAD"),
    ("jws.", INVALID_REQUEST, "Invalid parameter SAD"),
    ("factor.", _AUTHENTICATION, "The authentication data is invalid"),
    ("signing.pdf.", INVALID_REQUEST, "Invalid array parameter documents"),
)


@contextmanager
def in_words_of_csc() -> Iterator[None]:
    """Turn what the signing side raises inside the block into a :class:`~ekyc.signing.csc.errors.CscError`."""
    try:
        yield
    except CscError:
        raise
    except EkycError as exc:
        raise in_csc(exc) from exc


def in_csc(error: EkycError) -> CscError:
    """The refusal for one error."""
    if isinstance(error, CscError):
        return error
    if error.code in _WORDS:
        word, sentence = _WORDS[error.code]
        return CscError(sentence, error=word)
    if isinstance(error, BusyError | UpstreamError):
        return CscError(
            "The service is busy or a part of it fails", error="temporarily_unavailable"
        )
    for beginning, word, sentence in _FAMILIES:
        if error.code.startswith(beginning):
            return CscError(sentence, error=word)
    return CscError("The service met an unexpected condition", error="server_error")
