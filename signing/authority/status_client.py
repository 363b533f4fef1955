"""Words on the status of certificates from their own authorities: OCSP (RFC 6960) and revocation lists (RFC 5280 §5).

For each certificate of a chain but the root:

1. Where it names an OCSP address that may be called: ask, with a nonce. Else, where it names an address of a revocation
   list that may be called: fetch the list. Else nothing is known from here.
2. The answer must be of the certificate's issuer: signed by its key, or by a key that it delegated (RFC 6960 §4.2.2.2).
3. It must speak of that certificate, be current, and, for OCSP, repeat the nonce or carry none.

Addresses in certificates are believed only where :class:`HttpExchange` allows their host. Answers are kept until they say
that there is a newer one, for an hour at most.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
)

from ekyc.errors import UpstreamError
from ekyc.ports import Clock, Random
from ekyc.signing.authority.http_exchange import HttpExchange
from ekyc.signing.validation.material import ValidationMaterial

_OCSP_REQUEST: Final = "application/ocsp-request"
_OCSP_RESPONSE: Final = "application/ocsp-response"
_NONCE_BYTES: Final = 16
_KEPT: Final = timedelta(hours=1)
_MAX_KEPT: Final = 256
_TOLERANCE: Final = timedelta(minutes=5)
_WRONG: Final = (
    InvalidSignature,
    TypeError,
    UnsupportedAlgorithm,
    ValueError,
    x509.DuplicateExtension,
)


class StatusClient:
    """Asks for the status of certificates. Safe to use from many threads.

    Args:
        exchange: whose hosts may be called.
        clock: whether an answer is current.
        random: for nonces.
    """

    def __init__(self, exchange: HttpExchange, *, clock: Clock, random: Random) -> None:
        self._exchange = exchange
        self._clock = clock
        self._random = random
        self._lock = Lock()
        self._kept: dict[tuple[str, str], tuple[datetime, bytes]] = {}

    def material(self, certificates_der: Iterable[bytes]) -> ValidationMaterial:
        """The certificates, and what their authorities say of them now.

        Args:
            certificates_der: chains, in any order, roots included.

        Raises:
            UpstreamError: ``signing.fetch.…``; ``signing.status.mismatch``: the answer is not about this certificate, or not
                of its issuer; ``signing.status.stale``; ``.refused``; ``.unknown``.
        """
        ders = tuple(dict.fromkeys(certificates_der))
        certificates = [x509.load_der_x509_certificate(der) for der in ders]
        crls: list[bytes] = []
        ocsps: list[bytes] = []
        for certificate in certificates:
            if certificate.issuer == certificate.subject:
                continue
            issuer = next((c for c in certificates if _issued(c, certificate)), None)
            asked, listed = self._addresses(certificate)
            if issuer is None:
                continue
            if asked is not None:
                ocsps.append(self._ask(asked, certificate, issuer))
            elif listed is not None:
                crls.append(self._fetch(listed, issuer))
        return ValidationMaterial(
            certificates=ders, crls=tuple(dict.fromkeys(crls)), ocsps=tuple(ocsps)
        )

    def _addresses(self, certificate: x509.Certificate) -> tuple[str | None, str | None]:
        """Of the OCSP responder and of the revocation list, as far as they may be called."""
        allowed = self._exchange.allows
        return (
            next(filter(allowed, _ocsp_addresses(certificate)), None),
            next(filter(allowed, _crl_addresses(certificate)), None),
        )

    def _ask(self, url: str, certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
        serial = f"{certificate.serial_number:x}"

        def fresh() -> tuple[bytes, datetime | None]:
            nonce = self._random.token_bytes(_NONCE_BYTES)
            builder = ocsp.OCSPRequestBuilder().add_certificate(
                certificate,
                issuer,
                SHA1(),  # noqa: S303  # only names the issuer, and responders know nothing else (RFC 5019 §2.1.1)
            )
            request = builder.add_extension(x509.OCSPNonce(nonce), critical=False).build()
            answer = self._exchange.post(
                url,
                request.public_bytes(Encoding.DER),
                content_type=_OCSP_REQUEST,
                accept=_OCSP_RESPONSE,
            )
            return answer, self._judged(answer, certificate, issuer, nonce)

        return self._once((url, serial), fresh)

    def _fetch(self, url: str, issuer: x509.Certificate) -> bytes:
        def fresh() -> tuple[bytes, datetime | None]:
            answer = self._exchange.get(url)
            try:
                crl = x509.load_der_x509_crl(answer)
                fits = crl.issuer == issuer.subject and crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # no key that it knows: TypeError
                begins, ends = crl.last_update_utc, crl.next_update_utc
            except _WRONG as exc:
                raise _mismatch() from exc
            if not fits:
                raise _mismatch()
            self._require_current(begins, ends)
            return answer, ends

        return self._once((url, ""), fresh)

    def _judged(
        self,
        answer: bytes,
        certificate: x509.Certificate,
        issuer: x509.Certificate,
        nonce: bytes,
    ) -> datetime | None:
        """Steps (2) and (3) of an OCSP response; until when it holds."""
        try:
            response = ocsp.load_der_ocsp_response(answer)
            if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
                raise UpstreamError(
                    f"no word on status: {response.response_status.name.lower()}",
                    code="signing.status.refused",
                )
            _require_of(response, issuer, at=self._clock.now())
            fits = response.serial_number == certificate.serial_number and _repeats(response, nonce)
            begins, ends = response.this_update_utc, response.next_update_utc
            known = response.certificate_status is not ocsp.OCSPCertStatus.UNKNOWN
        except _WRONG as exc:
            raise _mismatch() from exc
        if not fits:
            raise _mismatch()
        if not known:
            raise UpstreamError(
                "the authority does not know the certificate", code="signing.status.unknown"
            )
        self._require_current(begins, ends)
        return ends

    def _require_current(self, begins: datetime, ends: datetime | None) -> None:
        now = self._clock.now()
        if begins > now + _TOLERANCE or (ends is not None and ends < now):
            raise UpstreamError("the word on status is not current", code="signing.status.stale")

    def _once(
        self, name: tuple[str, str], fresh: Callable[[], tuple[bytes, datetime | None]]
    ) -> bytes:
        """What was fetched before and still holds, else what is fetched now."""
        now = self._clock.now()
        with self._lock:
            until, answer = self._kept.get(name, (now, b""))
        if now < until:
            return answer
        answer, ends = fresh()
        with self._lock:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.clear()
            self._kept[name] = (min(ends or now, now + _KEPT), answer)
        return answer

    def __repr__(self) -> str:
        return "StatusClient(…)"


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except _WRONG:
        return False
    return True


def _ocsp_addresses(certificate: x509.Certificate) -> Iterator[str]:
    with suppress(x509.ExtensionNotFound, ValueError):
        found = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
        for access in found.value:
            if access.access_method == AuthorityInformationAccessOID.OCSP:
                yield str(access.access_location.value)


def _crl_addresses(certificate: x509.Certificate) -> Iterator[str]:
    with suppress(x509.ExtensionNotFound, ValueError):
        found = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints)
        for point in found.value:
            for name in point.full_name or ():
                if isinstance(name, x509.UniformResourceIdentifier):
                    yield name.value


def _require_of(response: ocsp.OCSPResponse, issuer: x509.Certificate, *, at: datetime) -> None:
    """Step (2).

    Raises:
        InvalidSignature, ValueError: of somebody else.
    """
    digest = response.signature_hash_algorithm
    if digest is None or digest.name not in {"sha256", "sha384", "sha512"}:
        raise ValueError("a weak signature")
    signer = next((c for c in response.certificates if _delegated(c, issuer, at=at)), issuer)
    key = signer.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(digest))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), digest)
    else:
        raise TypeError("a key of an unknown kind")


def _delegated(certificate: x509.Certificate, issuer: x509.Certificate, *, at: datetime) -> bool:
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return (
        ExtendedKeyUsageOID.OCSP_SIGNING in purposes
        and certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
        and _issued(issuer, certificate)
    )


def _repeats(response: ocsp.OCSPResponse, nonce: bytes) -> bool:
    """Many responders sign in advance and know no nonce (RFC 9654 §2.1); a wrong one is another's answer."""
    try:
        found = response.extensions.get_extension_for_class(x509.OCSPNonce)
    except x509.ExtensionNotFound:
        return True
    return hmac.compare_digest(found.value.nonce, nonce)


def _mismatch() -> UpstreamError:
    return UpstreamError(
        "the word on status is not about this certificate, or not of its issuer",
        code="signing.status.mismatch",
    )
