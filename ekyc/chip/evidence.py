"""A reading of a chip, recorded so that it can be gone through again years later, without the chip.

The protocols are programs: with the same randomness and the same responses they send the same commands. A recorded
session therefore holds what went in (key, randomness, responses) and what came out (commands), and verifying it means to
run the program again and compare every byte. All checksums, tokens and proofs are judged anew on the way.

What that proves: the record is consistent, and the chip's responses were made by somebody with the keys. What it does
not: whoever keeps the record knows the session's secrets and could have invented the chip's side of PACE, BAC and chip
authentication. Those convince only who trusts the record keeper; :attr:`RecordedSession.digest`, timestamped or logged at
the time, narrows when it could have been made. The signature of EF.SOD and the answer to active authentication convince
everybody.

A record holds personal data and the key to the chip in clear. Keep it encrypted.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ekyc.chip.apdu import CommandApdu, ResponseApdu
from ekyc.chip.options import ReadingOptions, TakeoverOptions, options_from_json
from ekyc.chip.program import MAX_COMMANDS, run_program
from ekyc.chip.reader import ChipReading
from ekyc.chip.transcript import Transcript
from ekyc.errors import EkycError, InputError, LimitError, TrustError
from ekyc.ports import Random, Transceiver

_FORMAT: Final = "ekyc-chip-session-1"
MAX_RECORD_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSession:
    """One reading with all that decided it. ``repr`` shows sizes only."""

    options: ReadingOptions | TakeoverOptions = field(repr=False)
    randomness: tuple[bytes, ...] = field(repr=False)
    """What the verifier's generator gave, call by call."""
    exchanges: tuple[tuple[CommandApdu, ResponseApdu], ...] = field(repr=False)
    recorded_at: datetime
    """Aware; by the recorder's clock."""
    transcript: Transcript | None = None
    """Of a relayed session: what went over the network, when, in a chain. ``exchanges`` follow from it."""

    @property
    def digest(self) -> bytes:
        """SHA-256 chained over options, randomness, every exchange in order and the transcript."""
        chain = hashlib.sha256(_canonical(self._head())).digest()
        for exchange in self._exchanges_as_json():
            chain = hashlib.sha256(chain + _canonical(exchange)).digest()
        if self.transcript:
            chain = hashlib.sha256(chain + _canonical(self.transcript.as_json())).digest()
        return chain

    def encode(self) -> bytes:
        """The record as JSON, with its digest. **Personal data and keys in clear.**"""
        content = {**self._head(), "exchanges": self._exchanges_as_json()}
        if self.transcript:
            content["transcript"] = self.transcript.as_json()
        return _canonical({**content, "digest": self.digest.hex()})

    @classmethod
    def decode(cls, encoded: bytes) -> RecordedSession:
        """Read a record.

        Raises:
            InputError: ``chip.evidence_malformed``.
            LimitError: ``chip.evidence_too_large``.
            TrustError: ``chip.evidence_altered``: the digest inside is not that of the content.
        """
        if len(encoded) > MAX_RECORD_BYTES:
            raise LimitError("the record is too large", code="chip.evidence_too_large")
        try:
            content = json.loads(encoded)
            session, digest = _from_json(content), bytes.fromhex(content["digest"])
        except (
            EkycError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as exc:
            raise InputError(
                "not a record of a chip session", code="chip.evidence_malformed"
            ) from exc
        if not hmac.compare_digest(session.digest, digest):
            raise TrustError("the record was altered", code="chip.evidence_altered")
        return session

    def _head(self) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "recorded_at": self.recorded_at.isoformat(),
            **self.options.as_json(),
            "randomness": [drawn.hex() for drawn in self.randomness],
        }

    def _exchanges_as_json(self) -> list[list[str]]:
        return [
            [command.encode().hex(), response.encode().hex()]
            for command, response in self.exchanges
        ]


def record_chip(
    options: ReadingOptions, transceiver: Transceiver, *, random: Random, at: datetime
) -> tuple[ChipReading, RecordedSession]:
    """Read a chip and keep the record.

    Args:
        options: what to read.
        transceiver: the card.
        random: the verifier's.
        at: moment of the reading, aware.

    Raises:
        EkycError: as :func:`ekyc.chip.reader.read_chip`; then there is no record.
    """
    drawn = RecordingRandom(random)
    exchanges: list[tuple[CommandApdu, ResponseApdu]] = []
    reading = run_program(
        options.program(drawn),
        transceiver,
        observe=lambda command, response: exchanges.append((command, response)),
    )
    session = RecordedSession(
        options=options,
        randomness=tuple(drawn.values),
        exchanges=tuple(exchanges),
        recorded_at=at,
    )
    return reading, session


def verify_session(session: RecordedSession) -> ChipReading:
    """Go through a recorded session again.

    Returns:
        What the reading gave, computed anew. Files and signature in it still want
        :func:`ekyc.chip.inspect.inspect_chip`, with the anchors and at the time of the recording.

    Raises:
        TrustError: ``chip.evidence_differs``: the record does not follow from itself; ``chip.transcript_altered``,
            ``chip.transcript_incoherent``: nor does its transcript.
        EkycError: what the reading would have raised.
    """
    if session.transcript:
        session.transcript.verify()
        if session.transcript.exchanges() != session.exchanges:
            raise _differs("the transcript tells of other exchanges")
    program = session.options.program(_ReplayedRandom(session.randomness))
    left = list(reversed(session.exchanges))
    try:
        command = next(program)
        while left:
            recorded, response = left.pop()
            if command != recorded:
                raise _differs("a command of the record is not the one that follows")
            command = program.send(response)
    except StopIteration as stop:
        if left:
            raise _differs("the record goes on after the reading") from stop
        reading: ChipReading = stop.value
        return reading
    finally:
        program.close()
    raise _differs("the record ends before the reading does")


class RecordingRandom:
    """Passes on a generator and keeps what it gave."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.values: list[bytes] = []

    def token_bytes(self, count: int) -> bytes:
        self.values.append(self._random.token_bytes(count))
        return self.values[-1]


class _ReplayedRandom:
    """Gives again what was given, and nothing else."""

    def __init__(self, values: Sequence[bytes]) -> None:
        self._values = iter(values)

    def token_bytes(self, count: int) -> bytes:
        value = next(self._values, b"")
        if len(value) != count:
            raise _differs("the randomness of the record does not fit")
        return value


def _from_json(content: dict[str, Any]) -> RecordedSession:
    if content["format"] != _FORMAT or len(content["exchanges"]) > MAX_COMMANDS:
        raise _malformed()
    recorded_at = datetime.fromisoformat(content["recorded_at"])
    if recorded_at.tzinfo is None:
        raise _malformed()
    transcript = content.get("transcript")
    return RecordedSession(
        options=options_from_json(content),
        randomness=tuple(bytes.fromhex(drawn) for drawn in content["randomness"]),
        exchanges=tuple(
            (
                CommandApdu.parse(bytes.fromhex(command)),
                ResponseApdu.parse(bytes.fromhex(response)),
            )
            for command, response in content["exchanges"]
        ),
        recorded_at=recorded_at,
        transcript=None if transcript is None else Transcript.from_json(transcript),
    )


def _canonical(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _malformed() -> InputError:
    return InputError("not a record of a chip session", code="chip.evidence_malformed")


def _differs(message: str) -> TrustError:
    return TrustError(message, code="chip.evidence_differs")
