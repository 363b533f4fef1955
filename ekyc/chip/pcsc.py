"""Cards on a PC/SC reader, through pyscard (extra ``pcsc``).

The one module of this room that talks to a device. pyscard is published as source only: building it takes swig and
libpcsclite-dev, so it is no part of a plain installation.
"""

from __future__ import annotations

import importlib
from typing import Any, Final, NoReturn, Self

from ekyc.errors import InputError, UpstreamError

# PC/SC part 5 allows a whole extended command: header, three octets of Lc, data, two of Le.
_MAX_COMMAND_BYTES: Final = 4 + 3 + 65535 + 2
_MAX_READERS: Final = 64


class PcscContext:
    """The PC/SC service. A context manager.

    Args:
        scard: the module ``smartcard.scard``, or something that behaves like it; by default the installed one.

    Raises:
        InputError: ``chip.pcsc_missing``: pyscard is not installed; the message names the extra.
        UpstreamError: ``chip.pcsc_unavailable``: the service does not run.
    """

    def __init__(self, scard: Any = None) -> None:
        self._scard = scard or _load_scard()
        result, self._context = self._scard.SCardEstablishContext(self._scard.SCARD_SCOPE_USER)
        if result != self._scard.SCARD_S_SUCCESS:
            raise UpstreamError(
                "the PC/SC service (pcscd) does not run", code="chip.pcsc_unavailable"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the service."""
        self._scard.SCardReleaseContext(self._context)

    def readers(self) -> tuple[str, ...]:
        """Names of the readers; empty where there is none."""
        result, names = self._scard.SCardListReaders(self._context, [])
        if result == self._scard.SCARD_E_NO_READERS_AVAILABLE:
            return ()
        if result != self._scard.SCARD_S_SUCCESS:
            raise UpstreamError("the readers cannot be listed", code="chip.pcsc_unavailable")
        return tuple(names[:_MAX_READERS])

    def find_reader(self, wanted: str) -> str:
        """The reader of this name, or the only one whose name contains it, in any case.

        Raises:
            InputError: ``chip.reader_unknown``.
        """
        names = self.readers()
        if wanted in names:
            return wanted
        matching = [name for name in names if wanted.casefold() in name.casefold()]
        if len(matching) != 1:
            raise InputError(
                f"{len(matching)} of {len(names)} readers match", code="chip.reader_unknown"
            )
        return matching[0]

    def connect(self, reader: str) -> PcscTransceiver:
        """Power the card on the reader and keep it to ourselves.

        Args:
            reader: name, or a part of it that only one reader has.

        Raises:
            InputError: ``chip.reader_unknown``.
            UpstreamError: ``chip.card_absent``, ``chip.card_busy``, ``chip.card_lost``.
        """
        scard, name = self._scard, self.find_reader(reader)
        result, card, protocol = scard.SCardConnect(
            self._context,
            name,
            scard.SCARD_SHARE_EXCLUSIVE,
            scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
        )
        if result != scard.SCARD_S_SUCCESS:
            _refuse_connection(scard, result)
        return PcscTransceiver(scard, card, protocol)


class PcscTransceiver:
    """One powered card. A context manager; leaving it resets the card, so that no session stays open."""

    extended_length = True
    max_command_bytes = _MAX_COMMAND_BYTES

    def __init__(self, scard: Any, card: Any, protocol: int) -> None:
        self._scard = scard
        self._card = card
        t0 = protocol == scard.SCARD_PROTOCOL_T0
        self._protocol_header = scard.SCARD_PCI_T0 if t0 else scard.SCARD_PCI_T1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Reset the card and let go of it."""
        self._scard.SCardDisconnect(self._card, self._scard.SCARD_RESET_CARD)

    def transceive(self, command: bytes) -> bytes:
        """Send one command APDU and return the response APDU.

        Raises:
            UpstreamError: ``chip.card_lost``: the card left the field, or the reader failed.
        """
        result, response = self._scard.SCardTransmit(
            self._card, self._protocol_header, list(command)
        )
        if result != self._scard.SCARD_S_SUCCESS:
            raise UpstreamError("the card does not answer any more", code="chip.card_lost")
        return bytes(response)


def list_readers() -> tuple[str, ...]:
    """Names of the PC/SC readers of this machine.

    Raises:
        InputError, UpstreamError: as :class:`PcscContext`.
    """
    with PcscContext() as context:
        return context.readers()


def _refuse_connection(scard: Any, result: int) -> NoReturn:
    if result in {scard.SCARD_E_NO_SMARTCARD, scard.SCARD_W_REMOVED_CARD}:
        raise UpstreamError("no card lies on the reader", code="chip.card_absent")
    if result == scard.SCARD_E_SHARING_VIOLATION:
        raise UpstreamError("another program uses the card", code="chip.card_busy")
    raise UpstreamError("the card does not power up", code="chip.card_lost")


def _load_scard() -> Any:
    """``smartcard.scard``; Any, because pyscard publishes no types and is no part of the lock."""
    try:
        return importlib.import_module("smartcard.scard")
    except ImportError as exc:
        raise InputError(
            "PC/SC needs pyscard: pip install 'ekyc-vn[pcsc]' (builds with swig and libpcsclite-dev)",
            code="chip.pcsc_missing",
        ) from exc
