"""``ekyc chip simulate``: put a sample card on a virtual reader."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ekyc.cli.output import console, fail, say
from ekyc.errors import EkycError, UpstreamError

if TYPE_CHECKING:
    from ekyc.chip.sim import SimulatedCard, SimulatedIssuer
    from ekyc.chip.sim.vpcd import ResettableCard

_CONNECT_TIMEOUT_S: Final = 10.0
_PIECE: Final = 65536


def register(app: typer.Typer) -> None:
    """Mount ``simulate`` on the group of chip commands."""
    app.command("simulate")(simulate)


def simulate(
    host: Annotated[str, typer.Option(help="Where vpcd listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of vpcd.")] = 35963,
    anchor: Annotated[
        Path | None,
        typer.Option(
            "--anchor", metavar="FILE", help="Write the SAMPLE root certificate here (PEM)."
        ),
    ] = None,
    bac_only: Annotated[
        bool, typer.Option("--bac-only", help="A card without PACE: BAC is the only way in.")
    ] = False,
) -> None:
    """Put a SAMPLE card on the virtual reader of vsmartcard until interrupted.

    The card is invented, its keys are in memory, and no real anchor vouches for it. It behaves like the Vietnamese card
    where that is known: SELECT MF is refused, PACE takes the card access number only, DG3 is locked.
    """
    from ekyc.chip.sim import VIETNAMESE_QUIRKS, AccessProtocol, CardSimulator, SimulatedIssuer

    err = console(json_output=True)
    try:
        issuer = SimulatedIssuer.create()
        card = sample_card(issuer)
        if anchor:
            anchor.write_bytes(issuer.csca_certificate_pem)
        access = frozenset({AccessProtocol.BAC}) if bac_only else frozenset(AccessProtocol)
        simulator = CardSimulator(card, access=access, quirks=VIETNAMESE_QUIRKS)
        connection = _connect(host, port)
    except EkycError as error:
        fail(error, json_output=False, command="chip-simulate")
    say(err, f"SAMPLE card on the reader: --mrz {','.join(card.mrz_key)}  --can {card.can}")
    with connection, suppress(ConnectionError):  # pcscd may end first
        serve_card(simulator, connection)


def serve_card(card: ResettableCard, connection: socket.socket) -> None:
    """Answer the virtual reader until it hangs up."""
    from ekyc.chip.sim.vpcd import VpcdSession

    session = VpcdSession(card)
    while octets := connection.recv(_PIECE):
        connection.sendall(session.receive(octets))


def sample_card(issuer: SimulatedIssuer) -> SimulatedCard:
    """The card of an invented citizen; only its keys differ from run to run."""
    from ekyc.samples import SampleCitizen
    from ekyc.samples.case import citizen_data

    return issuer.issue_card(citizen_data(SampleCitizen.default()), _grey_picture())


def _grey_picture() -> bytes:
    """A portrait of nobody."""
    import numpy as np

    from ekyc.imaging import encode_jpeg

    return encode_jpeg(np.full((531, 413, 3), 160, np.uint8))


def _connect(host: str, port: int) -> socket.socket:
    try:
        connection = socket.create_connection((host, port), timeout=_CONNECT_TIMEOUT_S)
    except OSError as exc:
        raise UpstreamError(
            "no virtual reader listens there (is pcscd with vpcd running?)",
            code="chip.virtual_reader_absent",
        ) from exc
    connection.settimeout(None)
    return connection
