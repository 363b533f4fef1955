"""Reading what an operator hands over to trust: certificates and revocation lists, PEM or DER, any number in a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from asn1crypto import crl, pem, x509

from ekyc.errors import InputError, LimitError

_MAX_ITEMS: Final = 2000
_CERTIFICATE_LABELS: Final = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustMaterial:
    """DER of what a file holds."""

    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...]


def read_trust_material(data: bytes) -> TrustMaterial:
    """Sort the certificates of a file from its revocation lists.

    Raises:
        InputError: ``signing.trust.unreadable``: neither is in it, or something else is.
    """
    certificates: list[bytes] = []
    crls: list[bytes] = []
    for label, der in _items(data):
        if label in {None, "X509 CRL"} and _is_crl(der):
            crls.append(der)
        elif (label is None or label in _CERTIFICATE_LABELS) and _is_certificate(der):
            certificates.append(der)
        else:
            raise _unreadable()
    return TrustMaterial(certificates=tuple(certificates), crls=tuple(crls))


def _items(data: bytes) -> list[tuple[str | None, bytes]]:
    if not pem.detect(data):
        return [(None, data)]
    try:
        found = list(islice(_unarmoured(data), _MAX_ITEMS + 1))
    except (ValueError, TypeError) as exc:
        raise _unreadable() from exc
    if len(found) > _MAX_ITEMS:
        raise LimitError(f"more than {_MAX_ITEMS} items", code="signing.trust.too_many")
    return found


def _unarmoured(data: bytes) -> Iterator[tuple[str | None, bytes]]:
    items: Any = pem.unarmor(data, multiple=True)  # untyped
    for label, _, der in items:
        yield label, der


def _is_certificate(der: bytes) -> bool:
    try:
        certificate = x509.Certificate.load(der, strict=True)
        certificate.native  # noqa: B018  # parses everything now, rather than at first use
    except (ValueError, TypeError, KeyError):
        return False
    return True


def _is_crl(der: bytes) -> bool:
    try:
        body = crl.CertificateList.load(der, strict=True)["tbs_cert_list"]
        known = body["issuer"].native is not None and body["this_update"].native is not None
    except (ValueError, TypeError, KeyError):
        return False
    return known


def _unreadable() -> InputError:
    return InputError(
        "holds something that is neither a certificate nor a revocation list",
        code="signing.trust.unreadable",
    )
