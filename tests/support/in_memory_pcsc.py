"""As much of ``smartcard.scard`` (pyscard) as our driver uses, with cards in memory."""


class Scard:
    """Readers by name, each with a card or None. ``results`` sets what a call returns instead of success."""

    SCARD_S_SUCCESS = 0
    SCARD_SCOPE_USER = 0
    SCARD_SHARE_EXCLUSIVE = 1
    SCARD_PROTOCOL_T0 = 1
    SCARD_PROTOCOL_T1 = 2
    SCARD_PCI_T0 = "t0"
    SCARD_PCI_T1 = "t1"
    SCARD_RESET_CARD = 1
    SCARD_E_NO_READERS_AVAILABLE = 10
    SCARD_E_NO_SMARTCARD = 11
    SCARD_W_REMOVED_CARD = 12
    SCARD_E_SHARING_VIOLATION = 13

    def __init__(self, readers, *, protocol=2, **results):
        self.readers = dict(readers)
        self.protocol = protocol
        self.results = results
        self.calls = []

    def _result(self, name, *arguments):
        self.calls.append((name, *arguments))
        return self.results.get(name, self.SCARD_S_SUCCESS)

    def SCardEstablishContext(self, scope):  # noqa: N802  # pyscard's name
        return self._result("establish"), "context"

    def SCardReleaseContext(self, context):  # noqa: N802
        return self._result("release")

    def SCardListReaders(self, context, groups):  # noqa: N802
        return self._result("list"), list(self.readers)

    def SCardConnect(self, context, name, mode, protocols):  # noqa: N802
        result, card = self._result("connect", name, mode), self.readers[name]
        if card is None:
            result = self.SCARD_E_NO_SMARTCARD
        return result, card, self.protocol

    def SCardTransmit(self, card, header, command):  # noqa: N802
        return self._result("transmit", header, bytes(command)), list(
            card.transceive(bytes(command))
        )

    def SCardDisconnect(self, card, disposition):  # noqa: N802
        card.reset()
        return self._result("disconnect", disposition)
