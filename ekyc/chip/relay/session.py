"""The server's side of one relayed reading. Frames in, frames out: it knows no socket and never waits.

1. ``start`` gives the first frames. In ``full`` mode the server opens the chip; in ``hybrid`` mode it takes files and an
   open session from the client first.
2. Each frame of commands carries as many as the program announces and the limits allow, and has a number.
3. Its answer must bear that number, and answer the commands in order up to the first that failed, and no further.
4. The answers go to the program one by one. Whatever they say is judged there: checksums, counters, proofs.
5. Commands and answers are written to a chained transcript. With options and randomness it makes a
   :class:`~ekyc.chip.evidence.RecordedSession`, which can be gone through again without the chip.

Whoever drives a session calls :meth:`RelaySession.require_time` when :attr:`RelaySession.wait_s` has passed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final, TypeVar

from ekyc.chip.access_key import AccessKey
from ekyc.chip.apdu import CommandApdu, ResponseApdu
from ekyc.chip.evidence import RecordedSession, RecordingRandom
from ekyc.chip.file_reading import DEFAULT_CHUNK_BYTES
from ekyc.chip.files import ChipFiles
from ekyc.chip.handover import Handover
from ekyc.chip.options import ReadingOptions, TakeoverOptions, session_keys
from ekyc.chip.program import Program
from ekyc.chip.reader import ChipReading
from ekyc.chip.relay.frames import (
    Abort,
    Commands,
    FileFrame,
    Finished,
    HandoverFrame,
    Hello,
    Ready,
    RelayMode,
    Responses,
    encode_frame,
    parse_any,
)
from ekyc.chip.relay.limits import MAX_FRAME_BYTES, RelayLimits
from ekyc.chip.transcript import Direction, TranscriptWriter
from ekyc.errors import EkycError, InputError, LimitError, UpstreamError
from ekyc.ports import Clock, Random

_PROTECTION_BYTES: Final = 34
"""What secure messaging adds to the data of a response, at most: objects, padding, status, checksum."""
_SMALLEST_CHUNK: Final = 16
_FRAME_OCTETS: Final = MAX_FRAME_BYTES // 2
"""APDUs of one frame together: base64 and brackets make a frame of it that is within the bound."""

_T = TypeVar("_T")


class RelayState(StrEnum):
    """How far a session is."""

    NEW = "new"
    HANDING_OVER = "handing-over"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayPlan:
    """What a session is for."""

    session_id: str
    mode: RelayMode = RelayMode.FULL
    access_key: AccessKey | None = field(default=None, repr=False)
    """In full mode; in hybrid mode the server does not need it."""
    nonce: bytes | None = field(default=None, repr=False)
    """Eight bytes of the server's own, for active authentication."""
    chunk_bytes: int = DEFAULT_CHUNK_BYTES

    def __post_init__(self) -> None:
        if (self.mode is RelayMode.FULL) != (self.access_key is not None):
            raise InputError(
                "full mode takes the key to the chip, hybrid mode takes none",
                code="chip.relay_mode",
            )


class RelaySession:
    """One relayed reading.

    Args:
        plan: what it is for.
        hello: the client's greeting, whose token the caller has checked.
        random: the server's. All freshness of full mode comes from it.
        clock: the server's.
        limits: what the session may cost.

    Methods raise an :class:`~ekyc.errors.EkycError` once, and the session is over: :attr:`error` keeps it.
    """

    def __init__(
        self,
        plan: RelayPlan,
        hello: Hello,
        *,
        random: Random,
        clock: Clock,
        limits: RelayLimits | None = None,
    ) -> None:
        self._plan = plan
        self._link = hello
        self._random = RecordingRandom(random)
        self._clock = clock
        self._limits = limits or RelayLimits()
        self._transcript = TranscriptWriter(plan.session_id)
        self._exchanges: list[tuple[CommandApdu, ResponseApdu]] = []
        self._files: dict[str, bytes] = {}
        self._options: ReadingOptions | TakeoverOptions | None = None
        self._program: Program[ChipReading] | None = None
        self._sent: tuple[CommandApdu, ...] = ()
        self._spent = _Spent()
        self._begun = self._asked = clock.now()
        self.state = RelayState.NEW
        self.error: EkycError | None = None
        self.reading: ChipReading | None = None
        self.record: RecordedSession | None = None
        """Evidence of a finished session. **Keys and personal data.**"""

    @property
    def round_trips(self) -> int:
        """Frames of commands so far."""
        return self._spent.sequence

    @property
    def wait_s(self) -> float:
        """Seconds until the next deadline; 0 where it has passed."""
        now = self._clock.now()
        ends = (
            self._begun + timedelta(seconds=self._limits.total_s),
            self._asked + timedelta(seconds=self._limits.answer_s),
        )
        return max(0.0, (min(ends) - now).total_seconds())

    def start(self) -> tuple[str, ...]:
        """The first frames to send."""
        return self._guarded(self._start)

    def receive(self, text: str) -> tuple[str, ...]:
        """Take one frame of the client.

        Returns:
            Frames to send, in order. After the last one :attr:`state` is FINISHED.

        Raises:
            InputError: ``chip.relay_frame_malformed``, ``chip.relay_unexpected_frame``, ``chip.relay_sequence``,
                ``chip.relay_truncated_batch``, ``chip.relay_batch_overrun``, ``chip.relay_handover``.
            LimitError: ``chip.relay_frame_too_large``, ``chip.relay_too_many_frames``,
                ``chip.relay_too_many_commands``, ``chip.relay_too_many_bytes``, ``chip.relay_deadline``,
                ``chip.relay_answer_late``.
            UpstreamError: ``chip.relay_aborted``: the client said that it cannot go on.
            EkycError: what reading the chip raises.
        """
        return self._guarded(lambda: self._receive(text))

    def require_time(self) -> None:
        """Return if no deadline has passed.

        Raises:
            LimitError: ``chip.relay_deadline``, ``chip.relay_answer_late``.
        """
        self._guarded(self._require_time)

    def lose(self) -> None:
        """The client is gone: let go of everything. Nothing happens where the session is over already."""
        if self.state not in {RelayState.FINISHED, RelayState.FAILED}:
            self._fail(UpstreamError("the client went away", code="chip.relay_disconnected"))

    # -- steps

    def _start(self) -> tuple[str, ...]:
        if self.state is not RelayState.NEW:
            raise InputError("the session has begun", code="chip.relay_unexpected_frame")
        self._begun = self._asked = self._clock.now()
        ready = encode_frame(Ready(mode=self._plan.mode))
        key = self._plan.access_key
        if key is None:
            self.state = RelayState.HANDING_OVER
            return (ready,)
        chunk, row = self._sizes()
        options = ReadingOptions(access_key=key, nonce=self._plan.nonce, chunk_bytes=chunk, row=row)
        return (ready, *self._run(options))

    def _receive(self, text: str) -> tuple[str, ...]:
        self._require_time()
        self._spent.take(text, self._limits)
        frame = parse_any(text)
        self._asked = self._clock.now()
        if isinstance(frame, Abort):
            raise UpstreamError(
                "the client cannot go on", code="chip.relay_aborted", subject=frame.code
            )
        if self.state is RelayState.RUNNING and isinstance(frame, Responses):
            return self._answered(frame)
        if self.state is RelayState.HANDING_OVER and isinstance(frame, FileFrame):
            return self._take_file(frame)
        if self.state is RelayState.HANDING_OVER and isinstance(frame, HandoverFrame):
            return self._take_over(frame)
        raise InputError("another frame was due", code="chip.relay_unexpected_frame")

    def _take_file(self, frame: FileFrame) -> tuple[str, ...]:
        if frame.name.value in self._files:
            raise InputError("a file came twice", code="chip.relay_handover", subject=frame.name)
        self._files[frame.name.value] = frame.content
        return ()

    def _take_over(self, frame: HandoverFrame) -> tuple[str, ...]:
        try:
            keys = session_keys(frame.suite, frame.encryption, frame.mac)
        except LookupError as exc:
            raise InputError("an unknown cipher", code="chip.relay_handover") from exc
        handover = Handover(
            access=frame.access,
            keys=keys,
            counter=int.from_bytes(frame.counter, "big"),
            files=ChipFiles.from_mapping(self._files),
        )
        chunk, row = self._sizes()
        nonce = self._plan.nonce
        return self._run(
            TakeoverOptions(handover=handover, nonce=nonce, chunk_bytes=chunk, row=row)
        )

    def _sizes(self) -> tuple[int, int]:
        """How much to ask for at once, and how many commands in a row, by what link and frames carry."""
        carried = max(_SMALLEST_CHUNK, self._link.max_response_bytes - _PROTECTION_BYTES)
        chunk = min(self._plan.chunk_bytes, carried)
        if not self._link.extended_length:
            chunk = min(chunk, DEFAULT_CHUNK_BYTES)
        return chunk, max(1, min(self._limits.row, _FRAME_OCTETS // (chunk + _PROTECTION_BYTES)))

    def _run(self, options: ReadingOptions | TakeoverOptions) -> tuple[str, ...]:
        self._options = options
        self._program = options.program(self._random)
        self.state = RelayState.RUNNING
        return self._step(next)

    def _answered(self, frame: Responses) -> tuple[str, ...]:
        if frame.sequence != self._spent.sequence:
            raise InputError(
                f"an answer to {self._spent.sequence} was due", code="chip.relay_sequence"
            )
        answers = [ResponseApdu.parse(octets) for octets in frame.responses]
        _require_whole_row(self._sent, answers)
        now = self._clock.now()
        for octets in frame.responses:
            self._transcript.add(Direction.FROM_CHIP, octets, now)
        pairs = list(zip(self._sent, answers, strict=False))
        self._exchanges += pairs
        for (_, answer), (following, _) in pairwise(pairs):
            command = self._feed(answer)
            if command != following:  # answers stand for commands that the program did not want
                raise InputError("the program left its row", code="chip.relay_out_of_step")
        return self._step(lambda program: program.send(answers[-1]))

    def _feed(self, answer: ResponseApdu) -> CommandApdu | None:
        assert self._program is not None
        try:
            return self._program.send(answer)
        except StopIteration:
            return None

    def _step(self, advance: Callable[[Program[ChipReading]], CommandApdu]) -> tuple[str, ...]:
        """To the next frame of commands, or to the end."""
        assert self._program is not None
        try:
            command = advance(self._program)
        except StopIteration as stop:
            return self._finish(stop.value)
        row = self._row(command)
        self._spent.send(len(row), self._limits)
        now = self._clock.now()
        encoded = tuple(item.encode() for item in row)
        for octets in encoded:
            self._transcript.add(Direction.TO_CHIP, octets, now)
        self._sent, self._asked = row, now
        return (encode_frame(Commands(sequence=self._spent.sequence, commands=encoded)),)

    def _row(self, command: CommandApdu) -> tuple[CommandApdu, ...]:
        """The command, and of those it announces as many as link and limits carry."""
        if not self._carries(command):
            raise InputError(
                "the client's link cannot carry so long a command", code="chip.apdu.too_long"
            )
        row, octets = [command], len(command.encode())
        for following in command.ahead[: self._limits.row - 1]:
            octets += len(following.encode())
            if octets > _FRAME_OCTETS or not self._carries(following):
                break
            row.append(following)
        return tuple(row)

    def _carries(self, command: CommandApdu) -> bool:
        extended = self._link.extended_length or not command.needs_extended_length
        return extended and len(command.encode()) <= self._link.max_command_bytes

    def _finish(self, reading: ChipReading) -> tuple[str, ...]:
        assert self._options is not None
        transcript = self._transcript.finish()
        self.record = RecordedSession(
            options=self._options,
            randomness=tuple(self._random.values),
            exchanges=tuple(self._exchanges),
            recorded_at=self._begun,
            transcript=transcript,
        )
        self.reading, self.state = reading, RelayState.FINISHED
        return (encode_frame(Finished(transcript=transcript.digest.hex())),)

    # -- ends

    def _require_time(self) -> None:
        now = self._clock.now()
        if _passed(self._begun, now, self._limits.total_s):
            raise LimitError("the session took too long", code="chip.relay_deadline")
        if _passed(self._asked, now, self._limits.answer_s):
            raise LimitError("the client answers too late", code="chip.relay_answer_late")

    def _guarded(self, work: Callable[[], _T]) -> _T:
        """Do a step; an error ends the session."""
        if self.state in {RelayState.FINISHED, RelayState.FAILED}:
            raise InputError("the session is over", code="chip.relay_unexpected_frame")
        try:
            return work()
        except EkycError as exc:
            self._fail(exc)
            raise

    def _fail(self, error: EkycError) -> None:
        self.error, self.state = error, RelayState.FAILED
        if self._program is not None:
            self._program.close()
        self._program, self._options = None, None
        self._files.clear()


@dataclass(slots=True)
class _Spent:
    """What a session has cost so far."""

    sequence: int = 0
    frames: int = 0
    commands: int = 0
    octets: int = 0

    def take(self, text: str, limits: RelayLimits) -> None:
        self.frames += 1
        self.octets += len(text)
        if self.frames > limits.frames:
            raise LimitError("too many frames", code="chip.relay_too_many_frames")
        if self.octets > limits.octets:
            raise LimitError("too many bytes", code="chip.relay_too_many_bytes")

    def send(self, commands: int, limits: RelayLimits) -> None:
        self.sequence += 1
        self.commands += commands
        if self.commands > limits.commands:
            raise LimitError("too many commands", code="chip.relay_too_many_commands")


def _require_whole_row(sent: tuple[CommandApdu, ...], answers: list[ResponseApdu]) -> None:
    """Answers in order, up to the first that failed or to the end."""
    if len(answers) > len(sent) or not all(answer.ok for answer in answers[:-1]):
        raise InputError(
            "answers beyond the row, or behind a failure", code="chip.relay_batch_overrun"
        )
    if len(answers) < len(sent) and answers[-1].ok:
        raise InputError("answers are missing", code="chip.relay_truncated_batch")


def _passed(since: datetime, now: datetime, seconds: float) -> bool:
    return now - since > timedelta(seconds=seconds)
