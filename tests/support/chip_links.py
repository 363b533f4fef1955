"""Card links for tests: a recorded card that insists on every byte, and a stranger that says what it likes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ekyc.errors import UpstreamError


class RecordedCard:
    """Answers recorded commands in order, and fails the test on any other command."""

    max_command_bytes = 65_545
    extended_length = True

    def __init__(self, exchanges: Iterable[Sequence[bytes]]) -> None:
        self._exchanges = [tuple(exchange) for exchange in exchanges]

    def transceive(self, command: bytes) -> bytes:
        assert self._exchanges, f"unexpected {command.hex()}"
        expected, response = self._exchanges.pop(0)
        assert command.hex() == expected.hex()
        return response

    @property
    def finished(self) -> bool:
        return not self._exchanges


class Stranger:
    """Answers by a function of the command; counts."""

    max_command_bytes = 65_545
    extended_length = True

    def __init__(self, answer: Callable[[bytes], bytes], *, patience: int = 100_000) -> None:
        self._answer = answer
        self._patience = patience
        self.commands = 0

    def transceive(self, command: bytes) -> bytes:
        self.commands += 1
        if self.commands > self._patience:
            raise UpstreamError("the card was withdrawn")
        return self._answer(command)


class QueuedRandom:
    """Gives the values that were put in, in order."""

    def __init__(self, *values: bytes) -> None:
        self._values = list(values)

    def token_bytes(self, count: int) -> bytes:
        value = self._values.pop(0)
        assert len(value) == count
        return value
