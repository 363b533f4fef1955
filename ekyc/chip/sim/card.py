"""A simulated card: files and a key, and what an attacker makes of them. **Insecure by construction.**"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ekyc.chip.active_auth import NONCE_BYTES
from ekyc.chip.files import ChipFiles, ElementaryFile
from ekyc.chip.sim.active_authentication import PrivateKey, answer, new_key, public_key_of
from ekyc.chip.sim.citizen import CitizenData
from ekyc.chip.sim.files import build_dg1, build_dg13, build_dg15, mrz_expiry
from ekyc.chip.sim.profile import ChipProfile
from ekyc.errors import InputError
from ekyc.mrz import check_digit

_OTHER_NAME: Final = "TRẦN VĂN MẪU"


class SimulatedCard:
    """Files as they would be read, with the private key that a real chip never gives away."""

    def __init__(
        self,
        *,
        files: ChipFiles,
        citizen: CitizenData,
        key: PrivateKey,
        profile: ChipProfile | None = None,
        agreement_key: int = 1,
        access_files: ChipFiles | None = None,
    ) -> None:
        self.files = files
        self.access_files = access_files or ChipFiles()
        """EF.CardAccess and EF.CardSecurity: outside the travel document's application, and in no upload."""
        self.profile = profile or ChipProfile()
        self.agreement_key = agreement_key
        """Private key of chip authentication and of chip authentication mapping."""
        self._citizen = citizen
        self._key = key

    @property
    def mrz_information(self) -> str:
        """What BAC and PACE derive their key from: number, birth and expiry with check digits (ICAO 9303-11 §4.3.2).

        The number is the last nine digits of the personal number.
        """
        number, birth, expiry = self.mrz_key
        return "".join(field + check_digit(field) for field in (number, birth, expiry))

    @property
    def mrz_key(self) -> tuple[str, str, str]:
        """Document number, birth and expiry as in the MRZ, without check digits."""
        citizen = self._citizen
        return citizen.personal_number[-9:], f"{citizen.birth_date:%y%m%d}", mrz_expiry(citizen)

    @property
    def can(self) -> str:
        """Card access number. Here the last six digits of the personal number; what real cards print is not published."""
        return self._citizen.personal_number[-6:]

    def active_authenticate(self, nonce: bytes) -> bytes:
        """Answer to INTERNAL AUTHENTICATE.

        Raises:
            InputError: the nonce does not have eight bytes (``chip.aa_nonce``).
        """
        if len(nonce) != NONCE_BYTES:
            raise InputError(f"the nonce must have {NONCE_BYTES} bytes", code="chip.aa_nonce")
        return answer(self._key, self.profile.active_authentication, nonce)

    def clone_with_own_key(self, *, replace_dg15: bool = False) -> SimulatedCard:
        """A copied chip: the same files, but the private key stayed on the original.

        Args:
            replace_dg15: put the clone's own public key into DG15, so that active authentication completes.
        """
        key = new_key(self.profile.active_authentication)
        files = self.files
        if replace_dg15:
            files = files.with_file(ElementaryFile.DG15, build_dg15(public_key_of(key)))
        return self._changed(files=files, key=key, agreement_key=self.agreement_key + 1)

    def with_changed_name(
        self, name: str = _OTHER_NAME, *, file: ElementaryFile = ElementaryFile.DG13
    ) -> SimulatedCard:
        """A chip whose DG13 or DG1 was rewritten after EF.SOD was signed."""
        changed = replace(self._citizen, full_name=name)
        build = build_dg1 if file is ElementaryFile.DG1 else build_dg13
        files = self.files.with_file(file, build(changed))
        return self._changed(files=files, citizen=changed)

    def without(self, *names: ElementaryFile) -> SimulatedCard:
        """Evidence withheld; EF.COM and EF.SOD still list what is gone."""
        return self._changed(files=self.files.without(*names))

    def with_file(self, name: ElementaryFile, data: bytes) -> SimulatedCard:
        """A chip with one file put in or replaced after EF.SOD was signed."""
        return self._changed(files=self.files.with_file(name, data))

    def _changed(
        self,
        *,
        files: ChipFiles,
        citizen: CitizenData | None = None,
        key: PrivateKey | None = None,
        agreement_key: int | None = None,
    ) -> SimulatedCard:
        return SimulatedCard(
            files=files,
            citizen=citizen or self._citizen,
            key=key or self._key,
            profile=self.profile,
            agreement_key=agreement_key or self.agreement_key,
            access_files=self.access_files,
        )
