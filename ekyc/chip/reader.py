"""Read a chip: open it, authenticate it, fetch its files, put the verifier's nonce to it. One program for every link."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ekyc.chip.access_key import AccessKey, CanKey, MrzKey
from ekyc.chip.active_auth import NONCE_BYTES
from ekyc.chip.apdu import (
    MAX_EXTENDED_LE,
    SW_WRONG_LENGTH,
    CommandApdu,
    ResponseApdu,
)
from ekyc.chip.bac import establish_bac
from ekyc.chip.chip_auth import (
    ChipAuthFailure,
    ChipAuthMethod,
    ChipAuthProtocolResult,
    authenticate_chip,
    verify_pace_cam,
)
from ekyc.chip.file_reading import DEFAULT_CHUNK_BYTES, FileReader
from ekyc.chip.file_rows import prefetch
from ekyc.chip.files import MAX_TOTAL_BYTES, ChipFiles, ElementaryFile, data_group_file
from ekyc.chip.lds.com import parse_com
from ekyc.chip.lds.dg14 import parse_dg14
from ekyc.chip.lds.dg15 import parse_dg15
from ekyc.chip.lds.security_infos import SecurityInfos, parse_security_infos
from ekyc.chip.lds.sod import parse_sod
from ekyc.chip.pace import CamProof, PaceResult, establish_pace
from ekyc.chip.program import Channel, PlainChannel, Program
from ekyc.chip.protocol_infos import (
    PaceInfo,
    chip_authentication_keys,
    offered_chip_authentication,
    offered_pace,
)
from ekyc.chip.secure_messaging import SecureChannel
from ekyc.errors import ChipError, InputError, LimitError, TrustError
from ekyc.pki import parse_signed_data
from ekyc.pki.keys import RsaPublicKey
from ekyc.ports import Random

_SHORT_SIGNATURE_BYTES: Final = 223
_NEEDS_TERMINAL_AUTHENTICATION: Final = frozenset({ElementaryFile.DG3, ElementaryFile.DG4})
_FIRST: Final = (ElementaryFile.COM, ElementaryFile.SOD, ElementaryFile.DG14)
_ONE_FILE_ONLY: Final = (
    "chip.status",
    "chip.read_malformed",
    "chip.read_stalled",
    "chip.file_too_large",
    "chip.files_too_large",
)
"""Codes (or their beginnings) of errors after which one file is missing and the reading goes on."""


class AccessProtocol(StrEnum):
    """How the chip was opened."""

    BAC = "BAC"
    PACE = "PACE"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessResult:
    """How the chip was opened. It shows that the reader was given the document, nothing about the document."""

    protocol: AccessProtocol
    name: str
    """``BAC``, ``PACE-ECDH-GM-AES-128``, …"""
    pace_error: str | None = None
    """Why BAC was used although the chip has PACE: the code of the refusal, or ``chip.pace_hidden`` where DG14 lists PACE
    and EF.CardAccess did not: somebody between may have kept it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipReading:
    """What came out of one reading. Nothing of it is verified but what the protocols say themselves."""

    files: ChipFiles
    access: AccessResult
    chip_authentication: ChipAuthProtocolResult | None = None
    """The chip proved to hold the key of the DG14 among ``files`` (or, by PACE-CAM, of its EF.CardSecurity)."""
    chip_authentication_error: str | None = None
    """Code of the error where the chip offers chip authentication and it came to nothing."""
    chip_authentication_failure: ChipAuthFailure | None = None
    """There where the chip was asked and did not prove to hold its key: for the inspection, which judges it."""
    active_authentication_signature: bytes | None = field(default=None, repr=False)
    """Answer to the nonce, unverified."""
    unread: Mapping[ElementaryFile, str] = field(default_factory=dict)
    """Files that the chip lists or that were asked for and did not give, with the code of the error."""

    @property
    def chip_authentication_evidence(self) -> ChipAuthProtocolResult | ChipAuthFailure | None:
        """What :func:`ekyc.chip.inspect.inspect_chip` takes; None where the chip was not asked."""
        return self.chip_authentication or self.chip_authentication_failure


def read_chip(
    access_key: AccessKey,
    *,
    random: Random,
    files: Collection[ElementaryFile] | None = None,
    chip_authentication: bool = True,
    nonce: bytes | None = None,
    chunk_bytes: int = DEFAULT_CHUNK_BYTES,
    row: int = 1,
) -> Program[ChipReading]:
    """Read a chip.

    1. EF.CardAccess tells what the chip offers. Chips that refuse SELECT MF, or have no such file, are read on.
    2. PACE where it is offered, else BAC. Where PACE is refused by the chip itself and the key is an MRZ, BAC is tried,
       and the result says so. A chip whose answers do not hold is not tried again in a weaker way.
    3. EF.COM, EF.SOD and EF.DG14; then chip authentication, whose keys protect everything after.
    4. The other files. One that is absent, locked or larger than it may be is noted and does not end the reading.
    5. Active authentication over the verifier's nonce, where EF.DG15 was read.

    A chip that fails in (3) is a copy, or the link was disturbed. The failure stays in the result; the chip is opened
    once more, without chip authentication, so that what it shows can be judged and kept.

    Args:
        access_key: machine readable zone or card access number.
        random: the verifier's.
        files: which files; by default all that the chip lists but DG3 and DG4, which need terminal authentication.
        chip_authentication: whether to run it where the chip offers it.
        nonce: eight bytes from the verifier's own nonce store.
        chunk_bytes: how much to ask for at once. Above 256 extended length is used; a chip that refuses is asked for
            less.
        row: most commands that announce each other (:mod:`ekyc.chip.program`), for links that pay for round trips;
            with one, files are read piece by piece.

    Raises:
        InputError: ``chip.aa_nonce``; ``chip.access_key_unfit`` (a card access number for a chip without PACE).
        ChipError: ``chip.bac_refused``, ``chip.pace_refused``, ``chip.sm.*`` and others: the chip cannot be read.
    """
    if nonce is not None and len(nonce) != NONCE_BYTES:
        raise InputError(f"the nonce must have {NONCE_BYTES} bytes", code="chip.aa_nonce")
    run = ReadingRun(random, PlainChannel(), chunk_bytes=chunk_bytes, row=row)
    access = yield from run.open(access_key)  # (1), (2)
    yield from run.read_first(files)  # (3)
    access = run.confirmed(access)
    if chip_authentication:
        yield from run.authenticate_chip()
    if run.channel_is_lost:
        signature = yield from run.finish_reopened(access_key, files, nonce)
    else:
        signature = yield from run.finish(files, nonce)  # (4), (5)
    return run.result(access, signature)


class ReadingRun:
    """What is known so far of a chip, and the channel in force. The steps of :func:`read_chip`."""

    def __init__(self, random: Random, channel: Channel, *, chunk_bytes: int, row: int) -> None:
        self._random = random
        self._reader = FileReader(channel, chunk_bytes=chunk_bytes)
        self._row = row
        self.found: dict[ElementaryFile, bytes] = {}
        self.unread: dict[ElementaryFile, str] = {}
        self.authenticated: ChipAuthProtocolResult | None = None
        self.authentication_error: str | None = None
        self.failure: ChipAuthFailure | None = None
        self.channel_is_lost = False
        """Chip authentication failed half-way: the old keys are gone, the new ones were never shared."""

    def result(self, access: AccessResult, signature: bytes | None) -> ChipReading:
        return ChipReading(
            files=ChipFiles.from_mapping({file.value: data for file, data in self.found.items()}),
            access=access,
            chip_authentication=self.authenticated,
            chip_authentication_error=self.authentication_error,
            chip_authentication_failure=self.failure,
            active_authentication_signature=signature,
            unread=MappingProxyType(dict(self.unread)),
        )

    @property
    def channel(self) -> Channel:
        return self._reader.channel

    # -- opening

    def open(self, key: AccessKey) -> Program[AccessResult]:
        yield from self._reader.select_master_file()
        yield from self._fetch(ElementaryFile.CARD_ACCESS)
        if self.unread.get(ElementaryFile.CARD_ACCESS, "").startswith("chip.status"):
            del self.unread[ElementaryFile.CARD_ACCESS]  # a chip without it lacks nothing
        offers = self._offers()
        if not offers:
            return (yield from self._open_with_bac(key, pace_error=None))
        try:
            pace = yield from self._pace(offers[0], key, ambiguous=len(offers) > 1)
        except ChipError as exc:
            if exc.code not in ("chip.pace_unavailable", "chip.pace_refused"):
                raise
            if isinstance(key, CanKey):
                raise
            return (yield from self._open_with_bac(key, pace_error=exc.code))
        self._reader.channel = pace.channel
        if pace.cam_proof:
            yield from self._take_up(pace.cam_proof, pace.info)
        yield from self._reader.select_application()
        return AccessResult(protocol=AccessProtocol.PACE, name=pace.info.name)

    def _offers(self) -> tuple[PaceInfo, ...]:
        data = self.found.get(ElementaryFile.CARD_ACCESS)
        if data is None:
            return ()
        try:
            return offered_pace(parse_security_infos(data, subject=ElementaryFile.CARD_ACCESS))
        except ChipError:
            return ()

    def _pace(self, info: PaceInfo, key: AccessKey, *, ambiguous: bool) -> Program[PaceResult]:
        """PACE with its parameters named; without naming them where the chip minds."""
        try:
            return (yield from establish_pace(info, key, random=self._random))
        except ChipError as exc:
            if exc.code != "chip.pace_unavailable" or ambiguous:
                raise
        return (yield from establish_pace(info, key, random=self._random, name_parameters=False))

    def _open_with_bac(self, key: AccessKey, *, pace_error: str | None) -> Program[AccessResult]:
        if not isinstance(key, MrzKey):
            raise InputError(
                "the chip has no PACE, which alone takes a card access number",
                code="chip.access_key_unfit",
            )
        yield from self._reader.select_application()
        self._reader.channel = yield from establish_bac(key, random=self._random)
        return AccessResult(protocol=AccessProtocol.BAC, name="BAC", pace_error=pace_error)

    def _take_up(self, proof: CamProof, info: PaceInfo) -> Program[None]:
        """Hold the proof of PACE-CAM against EF.CardSecurity. Whether that file is genuine, others ask."""
        yield from self._fetch(ElementaryFile.CARD_SECURITY)
        data = self.found.get(ElementaryFile.CARD_SECURITY)
        try:
            content = parse_signed_data(data or b"").content
            infos = parse_security_infos(content, subject=ElementaryFile.CARD_SECURITY)
        except (ChipError, InputError):
            self.authentication_error = "chip.card_security_malformed"
            return
        try:
            self.authenticated = verify_pace_cam(proof, info, chip_authentication_keys(infos))
        except TrustError as exc:
            self._note_failure(ChipAuthMethod.PACE_CAM, exc.code)

    def confirmed(self, access: AccessResult) -> AccessResult:
        """EF.CardAccess against the same list in DG14, which the issuer signs."""
        infos = self._dg14()
        if access.protocol is AccessProtocol.PACE or access.pace_error or infos is None:
            return access
        return replace(access, pace_error="chip.pace_hidden") if offered_pace(infos) else access

    # -- files

    def read_first(self, wanted: Collection[ElementaryFile] | None) -> Program[None]:
        """What is still missing of the files that say what else there is, and how the chip proves itself."""
        asked = _FIRST if wanted is None else [file for file in _FIRST if file in wanted]
        yield from self._fetch(*(file for file in asked if file not in self.found))

    def finish(
        self, wanted: Collection[ElementaryFile] | None, nonce: bytes | None
    ) -> Program[bytes | None]:
        """The other files; the answer to the nonce, where there is one."""
        yield from self._fetch(*self._missing(wanted))
        return None if nonce is None else (yield from self._active_authentication(nonce))

    def finish_reopened(
        self, key: AccessKey, wanted: Collection[ElementaryFile] | None, nonce: bytes | None
    ) -> Program[bytes | None]:
        """As much as a chip gives that failed in chip authentication. What it does now cannot undo that."""
        failed = self.authentication_error
        self._reader.channel = PlainChannel()
        try:
            yield from self.open(key)
            return (yield from self.finish(wanted, nonce))
        except (ChipError, InputError) as exc:
            self.unread |= dict.fromkeys(self._missing(wanted), exc.code)
            return None
        finally:
            self.authenticated, self.authentication_error = None, failed

    def _missing(self, wanted: Collection[ElementaryFile] | None) -> list[ElementaryFile]:
        listed = self._listed() if wanted is None else wanted
        return [file for file in listed if file not in self.found and file not in self.unread]

    def _listed(self) -> list[ElementaryFile]:
        """Data groups by EF.SOD, or where that cannot be read, by EF.COM."""
        numbers: Collection[int] = ()
        com, sod = self.found.get(ElementaryFile.COM), self.found.get(ElementaryFile.SOD)
        try:
            if sod is not None:
                numbers = parse_sod(sod).security_object.hashes
            elif com is not None:
                numbers = parse_com(com).data_groups
        except ChipError:
            numbers = range(1, 17)
        listed = [data_group_file(number) for number in sorted(numbers)]
        return [file for file in listed if file not in _NEEDS_TERMINAL_AUTHENTICATION]

    def _fetch(self, *files: ElementaryFile) -> Program[None]:
        yield from prefetch(self._reader, files, row=self._row)
        for file in files:
            try:
                self._keep(file, (yield from self._reader.read(file)))
            except (ChipError, LimitError) as exc:
                if not exc.code.startswith(_ONE_FILE_ONLY):
                    raise
                self.unread[file] = exc.code

    def _keep(self, file: ElementaryFile, data: bytes) -> None:
        if len(data) + sum(map(len, self.found.values())) > MAX_TOTAL_BYTES:
            raise LimitError("more than all files may have together", code="chip.files_too_large")
        self.found[file] = data

    # -- the chip itself

    def authenticate_chip(self) -> Program[None]:
        infos = self._dg14()
        offers = offered_chip_authentication(infos) if infos else ()
        channel = self._reader.channel
        answered = self.authenticated or self.failure
        if answered or not offers or not isinstance(channel, SecureChannel):
            return
        try:
            proven = yield from authenticate_chip(offers[0], channel, random=self._random)
        except (ChipError, TrustError) as exc:
            if exc.code not in ("chip.ca_refused", "chip.ca_invalid"):
                raise
            self._note_failure(ChipAuthMethod.CHIP_AUTHENTICATION, exc.code)
            self.channel_is_lost = exc.code == "chip.ca_invalid"
            return
        self.authenticated, self._reader.channel = proven

    def _note_failure(self, method: ChipAuthMethod, code: str) -> None:
        self.authentication_error = code
        self.failure = ChipAuthFailure(method=method, code=code)

    def _dg14(self) -> SecurityInfos | None:
        data = self.found.get(ElementaryFile.DG14)
        try:
            return parse_dg14(data) if data else None
        except ChipError:
            return None

    def _active_authentication(self, nonce: bytes) -> Program[bytes | None]:
        """INTERNAL AUTHENTICATE (ICAO 9303-11 §6.1). A long RSA signature needs extended length."""
        data = self.found.get(ElementaryFile.DG15)
        if data is None:
            return None
        response = yield from self._internal_authenticate(nonce, _signature_bytes(data))
        return response.data if response.ok and response.data else None

    def _internal_authenticate(self, nonce: bytes, size: int) -> Program[ResponseApdu]:
        channel: Channel = self._reader.channel
        short = CommandApdu(0, 0x88, 0, 0, nonce, le=256)
        if size <= _SHORT_SIGNATURE_BYTES:
            return (yield from channel.send(short))
        long = CommandApdu(0, 0x88, 0, 0, nonce, le=MAX_EXTENDED_LE)
        response = yield from channel.send(long)
        if response.sw != SW_WRONG_LENGTH:
            return response
        return (yield from channel.send(short))


def _signature_bytes(dg15: bytes) -> int:
    """How long the chip's signature will be."""
    try:
        key = parse_dg15(dg15)
    except ChipError:
        return 0
    octets = (key.bits + 7) // 8
    return octets if isinstance(key, RsaPublicKey) else 2 * octets
