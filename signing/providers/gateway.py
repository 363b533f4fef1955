"""The national eSign gateway (Cổng eSign): refused, always, because what is needed to speak to it is not public.

Whoever configures it must not get a signature from anywhere else instead; so it is here, and it fails closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

from ekyc.signing.activation.sad import ShownDocument
from ekyc.signing.providers.port import ProviderCertificate, ProviderError

MISSING: Final = (
    "the message format of its API (annex III of the circular names POST and sp_id/sp_password, no messages)",
    "the credentials of a contract with the operator",
    "the certificate that its servers answer with",
)


class NationalGateway:
    """A :class:`~ekyc.signing.providers.port.SigningProvider` that signs nothing."""

    def certificates(self) -> NoReturn:
        """Refuse.

        Raises:
            ProviderError: ``signing.provider.not_connected``; the message says what is missing.
        """
        raise _NotConnectedError

    def sign(
        self, certificate: ProviderCertificate, documents: Sequence[ShownDocument]
    ) -> NoReturn:
        """Refuse, as :meth:`certificates`."""
        del certificate, documents
        raise _NotConnectedError


class _NotConnectedError(ProviderError):
    retryable = False  # it will not be otherwise in a minute

    def __init__(self) -> None:
        super().__init__(
            f"the national gateway is not connected: missing are {'; '.join(MISSING)}",
            code="signing.provider.not_connected",
        )
