"""Chip authentication version 1 on the card's side (ICAO 9303-11 §6.2)."""

from __future__ import annotations

from ekyc.chip.sim.ciphers import Cipher
from ekyc.chip.sim.commands import Status, StatusError
from ekyc.chip.sim.groups import standard_group
from ekyc.chip.sim.profile import ChipAuthenticationConfiguration
from ekyc.chip.sim.secure_channel import SecureChannel

_OID = 0x80
_KEY_REFERENCE = 0x84
_EPHEMERAL_KEY = 0x91


class ChipAuthentication:
    """The static key of DG14, and the algorithm that goes with it.

    Args:
        configuration: what DG14 says; None where the chip has no such key.
        key: private key.
    """

    def __init__(self, configuration: ChipAuthenticationConfiguration | None, *, key: int) -> None:
        self._configuration = configuration
        self._key = key
        self._selected = False

    def select(self, objects: dict[int, bytes], oid: bytes) -> None:
        """MSE:Set AT: choose algorithm and key (§6.2.4.2).

        Raises:
            StatusError: 6A80, another algorithm; 6A88, another key.
        """
        configuration = self._require_configuration()
        if objects.get(_OID) != oid:
            raise StatusError(Status.WRONG_DATA)
        self._check_key_reference(configuration, objects)
        self._selected = True

    def agree_key(self, objects: dict[int, bytes]) -> SecureChannel:
        """MSE:Set KAT: key agreement in one step, for triple DES only (§6.2.4.1)."""
        configuration = self._require_configuration()
        if configuration.cipher is not Cipher.TRIPLE_DES:
            raise StatusError(Status.CONDITIONS)
        self._check_key_reference(configuration, objects)
        return self._agree(configuration, objects.get(_EPHEMERAL_KEY))

    def authenticate(self, objects: dict[int, bytes]) -> SecureChannel:
        """GENERAL AUTHENTICATE with the terminal's ephemeral key (§6.2.4.2)."""
        configuration = self._require_configuration()
        if not self._selected:
            raise StatusError(Status.CONDITIONS)
        self._selected = False
        return self._agree(configuration, objects.get(0x80))

    def _require_configuration(self) -> ChipAuthenticationConfiguration:
        if self._configuration is None:
            raise StatusError(Status.WRONG_DATA)
        return self._configuration

    @staticmethod
    def _check_key_reference(
        configuration: ChipAuthenticationConfiguration, objects: dict[int, bytes]
    ) -> None:
        reference = objects.get(_KEY_REFERENCE)
        if reference is None:
            return
        if int.from_bytes(reference, "big") != configuration.key_id:
            raise StatusError(Status.REFERENCE_NOT_FOUND)

    def _agree(
        self, configuration: ChipAuthenticationConfiguration, public: bytes | None
    ) -> SecureChannel:
        if public is None:
            raise StatusError(Status.WRONG_DATA)
        group = standard_group(configuration.parameters)
        secret = group.secret(group.multiply(group.decode(public), self._key))
        return SecureChannel.derive(configuration.cipher, secret)
