"""``ekyc sam``: the signing process, the only one that reaches the keys of people."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ekyc.cli.authority import PIN_VARIABLE
from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.cli.state import ask_secret, passphrase
from ekyc.cli.worker import LogFormatOption
from ekyc.errors import EkycError, InputError
from ekyc.files import PUBLIC
from ekyc.logs import LogFormat, install_logging

if TYPE_CHECKING:
    from ekyc.signing.sam.configuration import SamConfiguration

CONFIGURATION: Final = "sam.toml"
AUTHORITY_VARIABLE: Final = "EKYC_AUTHORITY_PASSPHRASE"
ISSUER_VARIABLE: Final = "EKYC_ISSUER_PASSPHRASE"
_EXAMPLE: Final = """\
schema = "ekyc.sam/1"
socket = "sam.sock"
state = "state.sqlite3"
service_key = "service.key"

[keys]
folder = "keys"

[issuers]
{name} = "{name}.pem"

[policy]
methods = ["verification+webauthn", "verification+totp"]

[relying_party]
id = "localhost"
origins = ["https://localhost"]
"""

ConfigurationArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="Configuration, e.g. DIR/sam.toml.")
]

sam_app = typer.Typer(
    help="The signing process: the only one that reaches keys of people.", no_args_is_help=True
)


@sam_app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder; must hold none yet.")],
    issuer: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the side that authorises.")
    ] = "portal",
    json_output: JsonFlag = False,
) -> None:
    """Make a key store for people, the key of the authorising side, and a configuration to edit.

    Passphrases: EKYC_KEY_PASSPHRASE for the keys of people, EKYC_ISSUER_PASSPHRASE for the authorising side; its folder
    (DIR/NAME) belongs to the portal: move it there.
    """
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_der_public_key,
    )

    from ekyc.signing.keys.algorithms import SignatureAlgorithm
    from ekyc.signing.keys.keystore import write_new
    from ekyc.signing.keys.port import require_label
    from ekyc.signing.keys.software import EmbeddedKeys

    try:
        require_label(issuer)
        people, authorising = passphrase(), ask_secret(ISSUER_VARIABLE, "Passphrase of the issuer")
        EmbeddedKeys.create(folder / "keys", people)
        store = EmbeddedKeys.create(folder / issuer, authorising)
        key = store.generate(issuer, SignatureAlgorithm.ECDSA_P256)
        pem = load_der_public_key(key.public_key_der).public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        write_new(folder / f"{issuer}.pem", pem, mode=PUBLIC)
        write_new(folder / CONFIGURATION, _EXAMPLE.format(name=issuer).encode())
    except EkycError as error:
        fail(error, json_output=json_output, command="sam-new")
    written = folder / CONFIGURATION
    if json_output:
        write_json(result_object("sam-new", "PASSED", (), configuration=str(written)))
        return
    say(console(), f"wrote {written}; edit it, then: ekyc sam serve {written}")


@sam_app.command()
def credential(
    configuration: ConfigurationArgument,
    authority: Annotated[
        Path, typer.Option(metavar="DIR", help="Authorities of `ekyc authority ceremony`.")
    ],
    holder: Annotated[
        str, typer.Option(metavar="SHA256", help="Pseudonym of the holder, 64 hexadecimal digits.")
    ],
    name: Annotated[str, typer.Option(metavar="NAME", help="Whom the certificate names.")],
    profile: Annotated[str, typer.Option(help="citizen, officer or seal.")] = "citizen",
    json_output: JsonFlag = False,
) -> None:
    """Make a key, have it certified by an embedded authority, and record it as somebody's credential.

    Passphrases: EKYC_KEY_PASSPHRASE (or EKYC_TOKEN_PIN) for the keys of people, EKYC_AUTHORITY_PASSPHRASE for the
    authority.
    """
    try:
        made = _make_credential(configuration, authority, holder, name, profile)
    except EkycError as error:
        fail(error, json_output=json_output, command="sam-credential")
    if json_output:
        write_json(result_object("sam-credential", "PASSED", (), credential=made))
        return
    say(console(), made)


@sam_app.command("end-factors")
def end_factors(
    configuration: ConfigurationArgument,
    holder: Annotated[
        str, typer.Option(metavar="SHA256", help="Pseudonym of the holder, 64 hexadecimal digits.")
    ],
    json_output: JsonFlag = False,
) -> None:
    """Take all second factors of a person out of use, for good: they have lost them. Then they may enrol anew.

    Make sure first that it is this person who asks. Whoever enrols next needs a fresh verification of them. It says how
    many there were: 0 may mean another person's pseudonym. The evidence log hears of each.
    """
    from ekyc.ports import SystemRandom
    from ekyc.signing.sam.configuration import load_configuration
    from ekyc.storage import ServiceKey, Storage

    try:
        settings = load_configuration(configuration)
        service_key = ServiceKey.load(settings.service_key, SystemRandom())
        with Storage.open(settings.state) as storage:
            ended = storage.factors(service_key).end_of(holder)
    except EkycError as error:
        fail(error, json_output=json_output, command="sam-end-factors")
    if json_output:
        write_json(result_object("sam-end-factors", "PASSED", (), ended=ended))
        return
    say(console(), f"ended: {ended}")


@sam_app.command()
def serve(
    configuration: ConfigurationArgument,
    log_format: LogFormatOption = LogFormat.JSON,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Start nothing: check what the process would run with. Exit code 0 all well, 10 warnings, 11 problems.",
        ),
    ] = False,
) -> None:
    """Sign what is authorised, over a local socket, until told to stop (SIGTERM, SIGINT).

    The passphrase of the keys comes from EKYC_KEY_PASSPHRASE (the PIN of a token from EKYC_TOKEN_PIN), or is asked for.
    """
    from ekyc.signing.sam import SamServer
    from ekyc.signing.sam.assembly import assembled, open_keys
    from ekyc.signing.sam.configuration import load_configuration

    if check:
        from ekyc.cli.config import tell
        from ekyc.cli.sam_check import examine_sam

        tell(tuple(examine_sam(configuration, os.environ)))
        return
    install_logging(log_format)
    try:
        settings = load_configuration(configuration)
        keys = open_keys(settings, lambda: _secret(settings))
        with assembled(settings, keys) as module:
            server = SamServer(module.answer, settings.socket, users=settings.users)
            server.stop_on(signal.SIGTERM, signal.SIGINT)
            say(console(json_output=True), f"serving on {settings.socket}")
            server.serve()
    except EkycError as error:
        fail(error, json_output=False, command="sam-serve")


@sam_app.command()
def ping(
    socket: Annotated[Path, typer.Argument(metavar="SOCKET", help="Socket of the process.")],
    json_output: JsonFlag = False,
) -> None:
    """Ask whether the signing process answers."""
    from ekyc.signing.sam import SamClient

    try:
        with SamClient(socket) as client:
            client.ping()
    except EkycError as error:
        fail(error, json_output=json_output, command="sam-ping")
    if json_output:
        write_json(result_object("sam-ping", "PASSED", ()))
        return
    say(console(), "it answers")


def _secret(settings: SamConfiguration) -> str:
    from ekyc.signing.sam.configuration import TokenStore

    if isinstance(settings.keys, TokenStore):
        return ask_secret(PIN_VARIABLE, "PIN of the token")
    return passphrase()


def _make_credential(file: Path, authority: Path, holder: str, name: str, profile: str) -> str:
    from ekyc.ports import SystemRandom
    from ekyc.signing.authority.ca import SubjectName
    from ekyc.signing.authority.ceremony import open_authorities, open_issuing_keys
    from ekyc.signing.authority.certificates import CertificateProfile
    from ekyc.signing.sam import open_credential
    from ekyc.signing.sam.assembly import open_keys
    from ekyc.signing.sam.configuration import load_configuration
    from ekyc.storage import ServiceKey, Storage

    if profile not in {"citizen", "officer", "seal"}:
        raise InputError("citizen, officer or seal", code="sam.profile", subject=profile)
    settings = load_configuration(file)
    keys = open_keys(settings, lambda: _secret(settings))
    issuing = open_issuing_keys(
        authority, ask_secret(AUTHORITY_VARIABLE, "Passphrase of the authority")
    )
    service_key = ServiceKey.load(settings.service_key, SystemRandom())
    with Storage.open(settings.state) as storage:
        ca = open_authorities(authority, keys=issuing, register=storage.certificates).ca
        return open_credential(
            storage.credentials(service_key),
            keys,
            ca,
            issuers_der=ca.chain_der,
            holder=holder,
            subject=SubjectName(common_name=name),
            profile=CertificateProfile(profile),
            random=SystemRandom(),
            methods=settings.methods,
        )
