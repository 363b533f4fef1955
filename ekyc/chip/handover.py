"""A session with a chip that one side opens and another goes on with: the phone reads, the server makes the chip prove.

Who hands over tells the session keys. Until chip authentication, the taker therefore knows no more than that somebody
has these keys; files handed over are as good as uploaded ones, and count by their signature. Chip authentication makes
new keys that only the chip and the taker share: from there on the giver can read nothing and change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ekyc.chip.access_key import AccessKey
from ekyc.chip.file_reading import DEFAULT_CHUNK_BYTES
from ekyc.chip.files import ChipFiles
from ekyc.chip.program import PlainChannel, Program
from ekyc.chip.reader import AccessProtocol, AccessResult, ChipReading, ReadingRun
from ekyc.chip.secure_messaging import SecureChannel, SecureMessaging, SessionKeys
from ekyc.errors import InputError
from ekyc.ports import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """An open session: keys, counter, and what was read in it. ``repr`` shows neither keys nor files."""

    access: AccessProtocol
    """How the chip was opened, as the giver says."""
    keys: SessionKeys
    counter: int = field(repr=False)
    """Send-sequence counter as last used."""
    files: ChipFiles

    def __post_init__(self) -> None:
        suite = self.keys.suite
        fits = len(self.keys.encryption) == len(self.keys.mac) == suite.key_bytes
        if not fits or not 0 <= self.counter < 1 << 8 * suite.block_bytes:
            raise InputError(
                "keys or counter do not fit the cipher", code="chip.handover_malformed"
            )


def hand_over(access_key: AccessKey, *, random: Random, row: int = 1) -> Program[Handover]:
    """Open a chip, read what it lists, and stop before chip authentication.

    Args:
        access_key: machine readable zone or card access number.
        random: the giver's.
        row: as for :func:`~ekyc.chip.reader.read_chip`.

    Raises:
        InputError, ChipError: as :func:`~ekyc.chip.reader.read_chip`.
    """
    run = ReadingRun(random, PlainChannel(), chunk_bytes=DEFAULT_CHUNK_BYTES, row=row)
    access = yield from run.open(access_key)
    yield from run.read_first(None)
    yield from run.finish(None, None)
    channel = run.channel
    assert isinstance(channel, SecureChannel)  # every way to open a chip ends in one
    return Handover(
        access=access.protocol,
        keys=channel.messaging.keys,
        counter=channel.messaging.counter,
        files=ChipFiles.from_mapping({file.value: data for file, data in run.found.items()}),
    )


def take_over(
    handover: Handover,
    *,
    random: Random,
    nonce: bytes | None = None,
    chunk_bytes: int = DEFAULT_CHUNK_BYTES,
    row: int = 1,
) -> Program[ChipReading]:
    """Go on with an open session: chip authentication, files that are listed and were not handed over, the nonce.

    EF.DG14 is fetched first where it was not handed over, so that keeping it back spares no chip its proof.

    A chip that fails in chip authentication ends the session: the taker cannot open it anew.

    Args:
        handover: what the giver told.
        random: the taker's.
        nonce: eight bytes from the taker's own nonce store.
        chunk_bytes: as for :func:`~ekyc.chip.reader.read_chip`.
        row: likewise.

    Raises:
        ChipError: ``chip.sm.*`` and others: keys and counter are not those of the chip, or it does not answer.
    """
    channel = SecureChannel(SecureMessaging(handover.keys, counter=handover.counter))
    run = ReadingRun(random, channel, chunk_bytes=chunk_bytes, row=row)
    run.found.update(handover.files.items())
    yield from run.read_first(None)
    yield from run.authenticate_chip()
    signature = None
    if not run.channel_is_lost:
        signature = yield from run.finish(None, nonce)
    name = f"{handover.access.value}, by the phone"
    access = AccessResult(protocol=handover.access, name=name)
    return run.result(run.confirmed(access), signature)
