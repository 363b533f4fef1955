"""The operator's trust anchors: country signing authorities, with where each came from.

There is no built-in anchor. The authority behind the Vietnamese ID card is in no public master list, so an operator
must install it; without it a chain ends in NO_ANCHOR, never in a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from ekyc.pki.anchors import Anchor, TrustAnchors
from ekyc.pki.certificates import Certificate, parse_certificate
from ekyc.pki.trust_assembly import assemble, refuse_lonely_lists
from ekyc.pki.trust_database import TrustDatabase
from ekyc.pki.trust_files import TrustFile, read_trust_file
from ekyc.pki.trust_index import TrustIndex, signer_lookup


class TrustStore(TrustAnchors):
    """What the operator trusts, from files, from a trust folder, or from certificates in memory."""

    @classmethod
    def load(cls, paths: Iterable[Path | str]) -> Self:
        """Anchors from files and from trust folders (:class:`TrustDatabase`), which open from their index.

        Files may be PEM (any number of certificates and revocation lists), DER, a CSCA master list, a deviation list
        or an LDIF of the ICAO PKD. All are put together: a revocation list among the files is held against the
        anchors of a folder as well.

        Raises:
            InputError: a file is missing, too large or of no known kind; a folder is no trust folder (``trust.*``,
                ``pki.*``, ``cms.*``).
            TrustError: the signature of a list does not verify, or no anchor stands behind one
                (``pki.crl_no_authority``, ``pki.deviation_list_no_authority``).
        """
        folders: list[TrustIndex] = []
        files: list[TrustFile] = []
        for path in map(Path, paths):
            if path.is_dir():
                folders.append(TrustDatabase.open(path).index())
            else:
                files.append(read_trust_file(path))
        beside = cls._of_folders(folders)
        return cls._with_files(files, beside) if files else beside

    @classmethod
    def from_certificates(
        cls, encoded: Iterable[bytes], *, source: str = "given by the caller"
    ) -> Self:
        """Anchors from DER certificates.

        Raises:
            InputError: ``pki.certificate_malformed``.
        """
        return cls(Anchor(certificate=parse_certificate(item), source=source) for item in encoded)

    @classmethod
    def _of_folders(cls, folders: Sequence[TrustIndex]) -> Self:
        return cls(
            entries=(entry for folder in folders for entry in folder.entries),
            crls=(crl for folder in folders for crl in folder.crls),
            deviation_lists=(item for folder in folders for item in folder.deviation_lists),
            signers=lambda key: [signer for folder in folders for signer in folder.signers(key)],
        )

    @classmethod
    def _with_files(cls, files: Sequence[TrustFile], beside: TrustAnchors) -> Self:
        assembly = assemble(files, beside=beside)
        refuse_lonely_lists(files, assembly)
        lookup = signer_lookup(assembly.signers)

        def signers(key: bytes) -> Sequence[Certificate]:
            return (*lookup(key), *beside.signers(key))

        return cls(
            assembly.anchors,
            entries=beside.entries,
            crls=(*assembly.crls, *beside.crls),
            deviation_lists=(*assembly.deviation_lists, *beside.deviation_lists),
            signers=signers,
        )
