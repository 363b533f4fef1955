"""A simulated card: files and a key, and what an attacker makes of them. **Insecure by construction.**"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ekyc.chip.active_auth import NONCE_BYTES
from ekyc.chip.files import ChipFiles, ElementaryFile
from ekyc.chip.sim.citizen import CitizenData
from ekyc.chip.sim.files import build_dg1, build_dg13, build_dg15
from ekyc.errors import InputError

_OTHER_NAME: Final = "TRẦN VĂN MẪU"


class SimulatedCard:
    """Files as they would be read, with the private key that a real chip never gives away."""

    def __init__(
        self, *, files: ChipFiles, citizen: CitizenData, key: ec.EllipticCurvePrivateKey
    ) -> None:
        self.files = files
        self._citizen = citizen
        self._key = key

    def active_authenticate(self, nonce: bytes) -> bytes:
        """Answer to INTERNAL AUTHENTICATE: ECDSA over the nonce, r and s side by side (BSI TR-03111 §5.2.1).

        Raises:
            InputError: the nonce does not have eight bytes (``chip.aa_nonce``).
        """
        if len(nonce) != NONCE_BYTES:
            raise InputError(f"the nonce must have {NONCE_BYTES} bytes", code="chip.aa_nonce")
        r, s = decode_dss_signature(self._key.sign(nonce, ec.ECDSA(hashes.SHA256())))
        size = (self._key.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def clone_with_own_key(self, *, replace_dg15: bool = False) -> SimulatedCard:
        """A copied chip: the same files, but the private key stayed on the original.

        Args:
            replace_dg15: put the clone's own public key into DG15, so that active authentication completes.
        """
        key = new_key()
        files = self.files
        if replace_dg15:
            files = files.with_file(ElementaryFile.DG15, build_dg15(public_key_of(key)))
        return SimulatedCard(files=files, citizen=self._citizen, key=key)

    def with_changed_name(
        self, name: str = _OTHER_NAME, *, file: ElementaryFile = ElementaryFile.DG13
    ) -> SimulatedCard:
        """A chip whose DG13 or DG1 was rewritten after EF.SOD was signed."""
        changed = replace(self._citizen, full_name=name)
        build = build_dg1 if file is ElementaryFile.DG1 else build_dg13
        files = self.files.with_file(file, build(changed))
        return SimulatedCard(files=files, citizen=changed, key=self._key)

    def without(self, *names: ElementaryFile) -> SimulatedCard:
        """Evidence withheld; EF.COM and EF.SOD still list what is gone."""
        files = self.files.without(*names)
        return SimulatedCard(files=files, citizen=self._citizen, key=self._key)


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def public_key_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """DER SubjectPublicKeyInfo."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
