"""Who signs the service's own results: a long-term key, or a fresh key and certificate for each.

With one-shot credentials there is no signing key that could be stolen between two results; what remains is the issuing
authority's, which a portal can keep elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol

from ekyc.ports import Clock, SystemClock
from ekyc.signing.authority.ca import SubjectName
from ekyc.signing.authority.ceremony import RECORD, Authorities, open_authorities, open_issuing_keys
from ekyc.signing.authority.embedded import EmbeddedAuthority
from ekyc.signing.keys.port import KeyStore
from ekyc.signing.signatory import Party, Signatory
from ekyc.storage import CertificateRegister

_SUBJECT: Final = SubjectName(common_name="SAMPLE result signer")


class ResultSigner(Protocol):
    """Signs results of verifications."""

    @property
    def anchors(self) -> tuple[bytes, ...]:
        """What to pass to :func:`ekyc.signing.inspect_pdf`."""
        ...

    def signing(self, record_id: str) -> AbstractContextManager[Signatory]:
        """Somebody who signs one result; the key may be gone afterwards.

        Raises:
            UpstreamError, StorageError, BusyError: no credential could be had; nothing is signed then.
        """
        ...


class LongTermSigner:
    """Signs all results with the key of an :class:`EmbeddedAuthority`."""

    def __init__(self, authority: EmbeddedAuthority) -> None:
        self._authority = authority

    @property
    def anchors(self) -> tuple[bytes, ...]:
        return self._authority.anchors

    @contextmanager
    def signing(self, record_id: str) -> Iterator[Signatory]:
        del record_id  # one key for all
        yield self._authority


class OneShotSigner:
    """Signs each result with a key made for it, under a certificate of ten minutes that names the record.

    Args:
        authorities: of a ceremony.
        keys: where keys are made; they are never stored.
        clock: time of signing.
    """

    def __init__(
        self, authorities: Authorities, keys: KeyStore, *, clock: Clock | None = None
    ) -> None:
        self._authorities = authorities
        self._keys = keys
        self._clock = clock or SystemClock()

    @property
    def anchors(self) -> tuple[bytes, ...]:
        return (self._authorities.root_der,)

    @contextmanager
    def signing(self, record_id: str) -> Iterator[Signatory]:
        ca, credential = self._authorities.ca, f"result-{record_id}"
        with ca.one_shot(self._keys, subject=_SUBJECT, credential=credential) as identity:
            yield Party(
                signer=identity,
                ask_for_time=self._authorities.timestamp_authority.answer,
                vouch=ca.material,
                clock=self._clock,
            )


def open_result_signer(
    folder: Path, passphrase: str, *, register: CertificateRegister
) -> ResultSigner:
    """The signer whose keys lie in a folder of ``ekyc authority new`` or ``ekyc authority ceremony``.

    Raises:
        InputError: ``signing.keystore.missing``, ``.invalid``, ``.version``, ``.wrong_passphrase``,
            ``signing.key.missing``.
    """
    if not (folder / RECORD).exists():
        return LongTermSigner(EmbeddedAuthority.open(folder, passphrase))
    keys = open_issuing_keys(folder, passphrase)
    return OneShotSigner(open_authorities(folder, keys=keys, register=register), keys)
