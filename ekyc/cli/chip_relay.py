"""``ekyc chip relay``: stand beside a card and pass it the commands of a service."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from ekyc.cli.chip_read import parse_mrz_option
from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.errors import EkycError, InputError, UpstreamError
from ekyc.outcomes import Outcome
from ekyc.ports import SystemRandom, Transceiver
from ekyc.values import Redacted

if TYPE_CHECKING:
    from rich.status import Status
    from websockets.sync.client import ClientConnection

    from ekyc.chip.access_key import AccessKey
    from ekyc.chip.relay import RelayClient

_COMMAND: Final = "chip-relay"
_OPEN_S: Final = 10.0
_CLOSE_S: Final = 5.0
_SERVER_S: Final = 60.0
_SESSION_BYTES: Final = 16_384
_INTERRUPTED: Final = 130
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_ROW: Final = 1
"""Beside the card nothing is gained by rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What the client needs of the answer to POST /v1/chip-sessions."""

    number: str
    token: Redacted[str]
    path: str
    mode: str


def register(app: typer.Typer) -> None:
    """Mount ``relay`` on the group of chip commands."""
    app.command("relay")(relay)


def relay(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The service, e.g. https://ekyc.example.vn.")
    ],
    session: Annotated[
        str,
        typer.Option(
            "--session",
            metavar="FILE|-",
            help="What POST /v1/chip-sessions answered (JSON); - reads it from stdin.",
        ),
    ],
    reader: Annotated[
        str | None,
        typer.Option("--reader", metavar="NAME", help="PC/SC reader, or a part of its name."),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="A SAMPLE card instead of a reader.")
    ] = False,
    bac_only: Annotated[
        bool, typer.Option("--bac-only", help="With --simulated: a card without PACE.")
    ] = False,
    anchor: Annotated[
        Path | None,
        typer.Option(
            "--anchor",
            metavar="FILE",
            help="With --simulated: write the SAMPLE root certificate here (PEM), before the session is read.",
        ),
    ] = None,
    mrz: Annotated[
        str | None,
        typer.Option(
            "--mrz",
            metavar="ZONE|NUMBER,BIRTH,EXPIRY",
            help="Hybrid mode only: the key to the chip, which is opened here.",
        ),
    ] = None,
    can: Annotated[
        str | None,
        typer.Option("--can", metavar="DIGITS", help="Hybrid mode only: card access number."),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Pass the commands of a service to a chip, and the answers back.

    Whoever orders the reading keeps `result_token` and hands the rest to the device beside the card:

        curl -s URL/v1/chip-sessions -H 'Content-Type: application/json' -H "Idempotency-Key: $(uuidgen)" -d '{"can": "123456"}' > session.json

        ekyc chip relay URL --session session.json --reader ACS

    In full mode the service opens the chip and this command knows nothing. In hybrid mode it opens the chip itself,
    with --mrz or --can, and hands the open session over. Commands that reading a document does not need are refused.

    Exit code 0: relayed to the end; what the chip is worth, the service tells whoever ordered the reading. 1: not.
    130: interrupted; the service is told.
    """
    try:
        key = _access_key(mrz, can)
        with _card(reader, simulated=simulated, bac_only=bac_only, anchor=anchor) as card:
            order = _read_order(session)
            result = _relay(url, order, card, key, json_output=json_output)
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    except KeyboardInterrupt as exc:
        say(console(json_output=True), "interrupted")
        raise typer.Exit(_INTERRUPTED) from exc
    if json_output:
        write_json(result)


def socket_address(url: str, path: str) -> str:
    """Address of the WebSocket: ``wss`` for ``https``; ``ws`` for ``http``, on this machine only.

    Raises:
        InputError: ``chip.relay_url``; ``chip.relay_insecure``: the token would cross a network in clear.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise InputError("give the service as https://HOST", code="chip.relay_url")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise InputError(
            "without TLS only a service on this machine is spoken to", code="chip.relay_insecure"
        )
    scheme = "wss" if parts.scheme == "https" else "ws"
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}{path}"


def _access_key(mrz: str | None, can: str | None) -> AccessKey | None:
    from ekyc.chip.access_key import CanKey

    if mrz is not None and can is not None:
        raise InputError("give either --mrz or --can", code="chip.access_key")
    if mrz is not None:
        return parse_mrz_option(mrz)
    return None if can is None else CanKey(can)


@contextmanager
def _card(
    reader: str | None, *, simulated: bool, bac_only: bool, anchor: Path | None
) -> Iterator[Transceiver]:
    """The card on the reader, or an invented one."""
    if simulated == (reader is not None):
        raise InputError("give either --reader or --simulated", code="input.option_missing")
    if reader is not None:
        from ekyc.chip.pcsc import PcscContext

        with PcscContext() as context, context.connect(reader) as card:
            yield card
        return
    from ekyc.chip.sim import VIETNAMESE_QUIRKS, AccessProtocol, CardSimulator, SimulatedIssuer
    from ekyc.cli.chip_simulate import sample_card

    issuer = SimulatedIssuer.create()
    sample = sample_card(issuer)
    if anchor:
        anchor.write_bytes(issuer.csca_certificate_pem)
    access = frozenset({AccessProtocol.BAC}) if bac_only else frozenset(AccessProtocol)
    say(
        console(json_output=True),
        f"SAMPLE card: --mrz {','.join(sample.mrz_key)}  --can {sample.can}",
    )
    yield CardSimulator(sample, access=access, quirks=VIETNAMESE_QUIRKS)


def _read_order(session: str) -> _Order:
    try:
        if session == "-":
            text = sys.stdin.read(_SESSION_BYTES)
        else:
            with Path(session).open(encoding="utf-8") as file:
                text = file.read(_SESSION_BYTES)
        content = json.loads(text)
        return _Order(
            number=str(content["id"]),
            token=Redacted(str(content["token"])),
            path=str(content["relay_path"]),
            mode=str(content["mode"]),
        )
    except OSError as exc:
        raise InputError("the session cannot be read", code="chip.relay_session") from exc
    except (ValueError, LookupError, TypeError) as exc:
        raise InputError(
            "not the answer to POST /v1/chip-sessions", code="chip.relay_session"
        ) from exc


def _relay(
    url: str, order: _Order, card: Transceiver, key: AccessKey | None, *, json_output: bool
) -> dict[str, Any]:
    """From greeting to end; the result object."""
    from ekyc.chip.relay import RelayClient

    if (order.mode == "hybrid") != (key is not None):
        raise InputError(
            "hybrid mode takes --mrz or --can, full mode neither", code="chip.relay_mode"
        )
    people = console(json_output=json_output)
    client = RelayClient(order.token, card)
    with (
        _connection(socket_address(url, order.path)) as socket,
        people.status("greeting the service") as status,
    ):
        _converse(socket, client, card, key, status)
    say(people, f"relayed    {client.commands} commands")
    say(people, f"transcript {client.transcript}")
    return result_object(
        _COMMAND,
        Outcome.PASSED.value,
        (),
        id=order.number,
        mode=order.mode,
        commands=client.commands,
        transcript_sha256=client.transcript,
    )


@contextmanager
def _connection(address: str) -> Iterator[ClientConnection]:
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    from ekyc.chip.relay import MAX_FRAME_BYTES, PROTOCOL

    try:
        with connect(
            address,
            subprotocols=[Subprotocol(PROTOCOL)],
            compression=None,
            open_timeout=_OPEN_S,
            close_timeout=_CLOSE_S,
            max_size=MAX_FRAME_BYTES,
        ) as socket:
            yield socket
    except ConnectionClosed as exc:
        raise UpstreamError("the service hung up", code="chip.relay_closed") from exc
    except (InvalidHandshake, InvalidURI, TimeoutError, OSError) as exc:
        raise UpstreamError(
            "the service does not answer there", code="chip.relay_unreachable"
        ) from exc


def _converse(
    socket: ClientConnection,
    client: RelayClient,
    card: Transceiver,
    key: AccessKey | None,
    status: Status,
) -> None:
    from ekyc.chip.relay import CardWork, RelayMode, require_mode

    try:
        socket.send(client.hello())
        while not client.finished:
            step = client.receive(_received(socket))
            if isinstance(step, CardWork):
                socket.send(client.carry_out(step))
                status.update(f"{client.commands} commands put to the chip; keep the card still")
            elif step is not None:
                require_mode(step, RelayMode.FULL if key is None else RelayMode.HYBRID)
                if key is not None:
                    status.update("opening the chip; keep the card still")
                    _hand_over(socket, client, card, key)
    except EkycError as error:
        _tell(socket, client, error)
        raise
    except KeyboardInterrupt:
        _tell(socket, client, UpstreamError("interrupted", code="chip.relay_interrupted"))
        raise


def _hand_over(
    socket: ClientConnection, client: RelayClient, card: Transceiver, key: AccessKey
) -> None:
    from ekyc.chip.handover import hand_over
    from ekyc.chip.program import run_program

    opened = run_program(hand_over(key, random=SystemRandom(), row=_ROW), card)
    for frame in client.hand_over(opened):
        socket.send(frame)


def _received(socket: ClientConnection) -> str:
    message = socket.recv(timeout=_SERVER_S)
    if not isinstance(message, str):
        raise InputError("frames are text messages", code="chip.relay_frame_malformed")
    return message


def _tell(socket: ClientConnection, client: RelayClient, error: EkycError) -> None:
    """Say why we stop, as long as somebody listens."""
    from websockets.exceptions import ConnectionClosed

    if error.code != "chip.relay_refused":
        with suppress(ConnectionClosed, OSError):
            socket.send(client.abort(error))
