"""A simulated card as a reader sees it: commands in, responses out. **Insecure by construction.**"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from asn1crypto import core

from ekyc.chip.files import ChipFiles
from ekyc.chip.sim.basic_access import BasicAccess
from ekyc.chip.sim.card import SimulatedCard
from ekyc.chip.sim.chip_authentication import ChipAuthentication
from ekyc.chip.sim.commands import (
    CHAINED,
    SHORT_LE,
    CardCommand,
    Status,
    StatusError,
    parse_command,
)
from ekyc.chip.sim.file_system import LDS_APPLICATION, Directory, SecurityState, read_file
from ekyc.chip.sim.pace import PaceRun, dynamic_data, parse_objects, password_key
from ekyc.chip.sim.profile import AccessProtocol, CardQuirks, PaceConfiguration
from ekyc.chip.sim.secure_channel import SecureChannel
from ekyc.errors import InputError
from ekyc.pki import der
from ekyc.ports import Random, SystemRandom

MAX_COMMAND_BYTES: Final = 9 + 65535
_MASTER_FILE: Final = 0x3F00
_SHORT_FILE: Final = 0x0100
_PROTECTED_DATA: Final = 223
"""Most bytes that, protected, still fit into a response of short length."""

_Answer = tuple[bytes, int]


class CardSimulator:
    """The chip of a :class:`SimulatedCard`, with its state. Use one for each reader.

    Args:
        card: files and keys.
        access: protocols that the chip takes; without PACE there is no EF.CardAccess either.
        quirks: how it departs from the standard.
        random: nonces and ephemeral keys.
    """

    extended_length = True
    """The link carries extended length; whether the card understands it is a quirk."""
    max_command_bytes = MAX_COMMAND_BYTES

    def __init__(
        self,
        card: SimulatedCard,
        *,
        access: frozenset[AccessProtocol] = frozenset(AccessProtocol),
        quirks: CardQuirks | None = None,
        random: Random | None = None,
    ) -> None:
        self._card = card
        self._access = access
        self._quirks = quirks or CardQuirks()
        self._random = random or SystemRandom()
        takes_pace = AccessProtocol.PACE in access
        self._pace_by_oid = {_oid_value(item.oid): item for item in card.profile.pace if takes_pace}
        self._files = {
            Directory.MASTER_FILE: card.access_files if takes_pace else ChipFiles(),
            Directory.LDS: card.files,
        }
        self._instructions: dict[int, Callable[[CardCommand], _Answer]] = {
            0x22: self._manage_security_environment,
            0x82: self._external_authenticate,
            0x84: self._get_challenge,
            0x86: self._general_authenticate,
            0x88: self._internal_authenticate,
            0xA4: self._select,
            0xB0: self._read_binary,
            0xB1: self._read_binary_odd,
        }
        self.reset()

    def reset(self) -> None:
        """Take the card out of the field and put it back."""
        self._directory = Directory.MASTER_FILE
        self._end_session()

    def transceive(self, command: bytes) -> bytes:
        """Carry out a command APDU; every input gets a response APDU."""
        try:
            return self._respond(parse_command(command))
        except StatusError as refusal:
            return refusal.status.to_bytes(2, "big")

    def _end_session(self) -> None:
        self._state = SecurityState()
        self._current: bytes | None = None
        self._channel: SecureChannel | None = None
        self._next_channel: SecureChannel | None = None
        self._basic_access = BasicAccess(self._card.mrz_information, self._random)
        self._pace: PaceRun | None = None
        self._chip_authentication = ChipAuthentication(
            self._card.profile.chip_authentication, key=self._card.agreement_key
        )

    def _respond(self, command: CardCommand) -> bytes:
        if command.extended and not self._quirks.extended_length:
            raise StatusError(Status.WRONG_LENGTH)
        if not command.secured:
            if self._channel:  # a plain command ends secure messaging (ICAO 9303-11 §9.8.3)
                self._end_session()
            data, status = self._execute(command)
            response = data + status.to_bytes(2, "big")
        else:
            response = self._respond_secured(command)
        if self._next_channel:
            self._channel, self._next_channel = self._next_channel, None
        return response

    def _respond_secured(self, command: CardCommand) -> bytes:
        if not self._channel:
            raise StatusError(Status.SECURE_MESSAGING_UNSUPPORTED)
        try:
            opened = self._channel.open(command)
        except StatusError:
            self._end_session()
            raise
        data, status = self._execute(opened)
        return self._channel.close(data, status, odd=command.odd)

    def _execute(self, command: CardCommand) -> _Answer:
        if command.cla & ~CHAINED:
            return b"", Status.CLASS
        instruction = self._instructions.get(command.ins)
        if instruction is None:
            return b"", Status.INSTRUCTION
        try:
            return instruction(command)
        except StatusError as refusal:
            return b"", refusal.status

    # Files

    def _select(self, command: CardCommand) -> _Answer:
        self._current = None
        match command.p1:
            case 0x00:
                self._select_master_file(command.data)
            case 0x02:
                self._current = self._file(_file_identifier(command.data))
            case 0x04:
                self._select_application(command.data)
            case _:
                raise StatusError(Status.WRONG_P1_P2)
        return b"", Status.OK

    def _select_master_file(self, data: bytes) -> None:
        if self._quirks.select_mf != Status.OK:
            raise StatusError(self._quirks.select_mf)
        if data and _file_identifier(data) != _MASTER_FILE:
            raise StatusError(Status.FILE_NOT_FOUND)
        self._directory = Directory.MASTER_FILE

    def _select_application(self, identifier: bytes) -> None:
        if identifier != LDS_APPLICATION:
            raise StatusError(Status.FILE_NOT_FOUND)
        self._directory = Directory.LDS

    def _file(self, identifier: int) -> bytes:
        return read_file(self._files[self._directory], self._directory, identifier, self._state)

    def _read_binary(self, command: CardCommand) -> _Answer:
        offset = command.p1 << 8 | command.p2
        if command.p1 & 0x80:
            self._current = self._file(_SHORT_FILE + (command.p1 & 0x1F))
            offset = command.p2
        return self._read(command, offset, command.le or 0)

    def _read_binary_odd(self, command: CardCommand) -> _Answer:
        """READ BINARY with the offset in a data object, for files beyond 32 KiB (ISO/IEC 7816-4 §7.2.3)."""
        reference = command.p1 << 8 | command.p2
        if reference:
            self._current = self._file(_SHORT_FILE + reference)
        offset = parse_objects(command.data).get(0x54)
        if offset is None or command.le is None:
            raise StatusError(Status.WRONG_DATA)
        header = len(der.encode(0x53, bytes(command.le))) - command.le
        room = max(command.le - header, 0)
        data, status = self._read(command, int.from_bytes(offset, "big"), room)
        return der.encode(0x53, data), status

    def _read(self, command: CardCommand, offset: int, count: int) -> _Answer:
        if self._current is None:
            raise StatusError(Status.NO_CURRENT_FILE)
        if offset >= len(self._current):
            raise StatusError(Status.WRONG_OFFSET)
        allowed = count
        if not command.extended:
            limit = _PROTECTED_DATA if self._channel else SHORT_LE
            allowed = min(count, limit, self._quirks.max_response)
        data = self._current[offset : offset + allowed]
        short = offset + count > len(self._current) and len(data) < count
        at_end = offset + len(data) == len(self._current)
        return data, self._quirks.end_of_file if short and at_end else Status.OK

    # Access and authentication

    def _get_challenge(self, _command: CardCommand) -> _Answer:
        self._require_basic_access()
        return self._basic_access.challenge(), Status.OK

    def _external_authenticate(self, command: CardCommand) -> _Answer:
        self._require_basic_access()
        answer, self._next_channel = self._basic_access.authenticate(command.data)
        self._state = SecurityState(authenticated=True)
        return answer, Status.OK

    def _require_basic_access(self) -> None:
        if AccessProtocol.BAC not in self._access:
            raise StatusError(Status.INSTRUCTION)
        if self._directory is not Directory.LDS:
            raise StatusError(Status.CONDITIONS)

    def _manage_security_environment(self, command: CardCommand) -> _Answer:
        objects = parse_objects(command.data)
        match command.p1 << 8 | command.p2:
            case 0xC1A4:
                self._pace = self._begin_pace(objects)
            case 0x41A4:
                self._require_authenticated()
                self._chip_authentication.select(objects, self._chip_authentication_oid)
            case 0x41A6:
                self._require_authenticated()
                self._next_channel = self._chip_authentication.agree_key(objects)
            case _:
                raise StatusError(Status.WRONG_P1_P2)
        return b"", Status.OK

    @property
    def _chip_authentication_oid(self) -> bytes:
        configuration = self._card.profile.chip_authentication
        return _oid_value(configuration.oid) if configuration else b""

    def _begin_pace(self, objects: dict[int, bytes]) -> PaceRun:
        configuration = self._pace_configuration(objects)
        reference = int.from_bytes(objects.get(0x83, b""), "big")
        if reference not in self._quirks.pace_passwords:
            raise StatusError(Status.REFERENCE_NOT_FOUND)
        key = password_key(
            configuration.cipher,
            reference,
            mrz_information=self._card.mrz_information,
            can=self._card.can,
        )
        return PaceRun(
            configuration, key=key, random=self._random, static_key=self._card.agreement_key
        )

    def _pace_configuration(self, objects: dict[int, bytes]) -> PaceConfiguration:
        configuration = self._pace_by_oid.get(objects.get(0x80, b""))
        if configuration is None:
            raise StatusError(Status.WRONG_DATA)
        parameters = objects.get(0x84)
        if parameters is not None and int.from_bytes(parameters, "big") != configuration.parameters:
            raise StatusError(Status.REFERENCE_NOT_FOUND)
        return configuration

    def _general_authenticate(self, command: CardCommand) -> _Answer:
        if self._pace is None:
            self._require_authenticated()
            self._next_channel = self._chip_authentication.authenticate(dynamic_data(command.data))
            return der.encode(0x7C), Status.OK
        run, self._pace = self._pace, None
        answer = run.step(command.data)
        if run.channel:
            self._next_channel = run.channel
            self._state = SecurityState(authenticated=True, pace=True)
        else:
            self._pace = run  # a run that failed is over
        return answer, Status.OK

    def _internal_authenticate(self, command: CardCommand) -> _Answer:
        self._require_authenticated()
        if self._directory is not Directory.LDS:
            raise StatusError(Status.CONDITIONS)
        try:
            signature = self._card.active_authenticate(command.data)
        except InputError:
            return b"", Status.WRONG_DATA
        if len(signature) > _PROTECTED_DATA and not command.extended:
            return b"", Status.WRONG_LENGTH  # a signature cannot be had in parts
        return signature, Status.OK

    def _require_authenticated(self) -> None:
        if not self._state.authenticated:
            raise StatusError(Status.SECURITY_STATUS)


def _file_identifier(data: bytes) -> int:
    if len(data) != 2:
        raise StatusError(Status.WRONG_LENGTH)
    return int.from_bytes(data, "big")


def _oid_value(oid: str) -> bytes:
    value: bytes = core.ObjectIdentifier(oid).contents
    return value
