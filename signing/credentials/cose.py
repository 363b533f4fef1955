"""COSE_Sign1 (RFC 9052 §4.2) with everything that counts under the signature.

``18([protected, {}, payload, signature])``: algorithm, key and, where there is one, type stand in the protected
header, and the unprotected one is empty. A header with anything else, critical or not, is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ekyc.errors import TrustError
from ekyc.signing.credentials import cbor
from ekyc.signing.credentials.keys import (
    KID_BYTES,
    SIGNATURE_BYTES,
    CredentialKey,
    CredentialSigner,
)

TAG: Final = 18
_ALG: Final = 1
_KID: Final = 4
_TYP: Final = 16
_CONTEXT: Final = "Signature1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unverified:
    """A message that was read and not yet checked. ``repr`` shows nothing of its content."""

    algorithm: int
    kid: bytes
    protected: bytes = field(repr=False)
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def verify(self, key: CredentialKey) -> bytes:
        """The payload, if this key signed it by its own algorithm.

        Raises:
            TrustError: ``credential.algorithm``, ``credential.signature_wrong``.
        """
        if self.algorithm != key.algorithm.cose:
            raise TrustError(
                "the message names another algorithm than its key has", code="credential.algorithm"
            )
        key.verify(to_be_signed(self.protected, self.payload), self.signature)
        return self.payload


def sign1(payload: bytes, *, signer: CredentialSigner, typ: str | None = None) -> bytes:
    """Sign a payload.

    Args:
        payload: any bytes.
        signer: whose algorithm and name go into the protected header.
        typ: kind of content (RFC 9596), where one is wanted.
    """
    header: dict[int, int | bytes | str] = {
        _ALG: signer.public.algorithm.cose,
        _KID: signer.public.kid,
    }
    if typ is not None:
        header[_TYP] = typ
    protected = cbor.encode(header)
    signature = signer.sign(to_be_signed(protected, payload))
    return cbor.encode(cbor.Tagged(TAG, (protected, {}, payload, signature)))


def read_sign1(data: bytes, *, typ: str | None = None) -> Unverified:
    """Read a message without believing it.

    Args:
        data: the tagged message, the whole of it.
        typ: kind that it must name; ``None``: it must name none.

    Raises:
        InputError: ``credential.cbor``: not exactly such a message.
    """
    message = cbor.decode(data)
    if not isinstance(message, cbor.Tagged) or message.tag != TAG:
        raise cbor.malformed("not a tagged COSE_Sign1")
    parts = message.value
    if not isinstance(parts, tuple) or len(parts) != 4 or parts[1] != {}:
        raise cbor.malformed("not four parts, or something outside the signature")
    protected, _, payload, signature = parts
    if not all(isinstance(part, bytes) for part in (protected, payload, signature)):
        raise cbor.malformed("a part is no byte string")
    wanted: dict[int | str, type] = {_ALG: int, _KID: bytes}
    if typ is not None:
        wanted[_TYP] = str
    header = cbor.members(cbor.decode(protected), wanted, {})
    if header.get(_TYP) != typ or len(header[_KID]) != KID_BYTES:
        raise cbor.malformed("of another kind, or a key's name of another length")
    if len(signature) != SIGNATURE_BYTES:
        raise cbor.malformed("a signature of another length")
    return Unverified(
        algorithm=header[_ALG],
        kid=header[_KID],
        protected=protected,
        payload=payload,
        signature=signature,
    )


def to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """``Sig_structure`` (RFC 9052 §4.4) without external data."""
    return cbor.encode((_CONTEXT, protected, b"", payload))
