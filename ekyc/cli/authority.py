"""``ekyc authority``: create the signing authorities of a pilot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.cli.state import ask_secret, passphrase
from ekyc.errors import EkycError, InputError

if TYPE_CHECKING:
    from ekyc.signing.keys.port import KeyStore

ROOT_VARIABLE: Final = "EKYC_ROOT_PASSPHRASE"
PIN_VARIABLE: Final = "EKYC_TOKEN_PIN"

authority_app = typer.Typer(
    help="Create signing authorities for tests and pilots (not a licensed CA).",
    no_args_is_help=True,
)


@authority_app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the encrypted keys.")],
    json_output: JsonFlag = False,
) -> None:
    """Create a root, a result signer and a timestamp authority; the keys are encrypted at rest.

    The passphrase comes from EKYC_KEY_PASSPHRASE or is asked for. Then sign results with
    ekyc verify CASE --authority DIR --out DIR.
    """
    from ekyc.signing import ROOT_NAME, EmbeddedAuthority

    try:
        EmbeddedAuthority.create(folder, passphrase())
    except EkycError as error:
        fail(error, json_output=json_output, command="authority-new")
    root = folder / ROOT_NAME
    if json_output:
        write_json(result_object("authority-new", "PASSED", (), root_certificate=str(root)))
        return
    out = console()
    say(out, f"wrote the encrypted keys to {folder} and the root certificate to {root}")
    out.print("This authority is for tests and pilots: its signatures have no legal standing.")


@authority_app.command()
def ceremony(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder; must hold none yet.")],
    token: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="Keep the working keys in this PKCS#11 token."),
    ] = None,
    module: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The token's PKCS#11 library, e.g. libsofthsm2.so."),
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Who was there, for the record; may be given again."),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Hold a key ceremony: a root to take offline, an issuing authority, a timestamp authority, a record.

    The root's passphrase comes from EKYC_ROOT_PASSPHRASE, that of the working keys from EKYC_KEY_PASSPHRASE (or the
    token's PIN from EKYC_TOKEN_PIN), or they are asked for. Afterwards take DIR/root offline.
    """
    from ekyc.signing.authority.ceremony import RECORD, ROOT_CERTIFICATE, ROOT_FOLDER, hold_ceremony

    try:
        root_passphrase = ask_secret(ROOT_VARIABLE, "Passphrase of the root key")
        record = hold_ceremony(
            folder,
            root_passphrase=root_passphrase,
            keys=_working_keys(folder, token, module),
            witnesses=witness or (),
        )
    except EkycError as error:
        fail(error, json_output=json_output, command="authority-ceremony")
    root = folder / ROOT_CERTIFICATE
    if json_output:
        facts = {"record": record, "root_certificate": str(root)}
        write_json(result_object("authority-ceremony", "PASSED", (), **facts))
        return
    out = console()
    for name, made in record["certificates"].items():
        say(out, f"{name}  SHA-256 {made['sha256']}")
    say(out, f"wrote the record to {folder / RECORD}; compare the digests on paper")
    say(out, f"take {folder / ROOT_FOLDER} offline now")
    out.print(
        "These authorities are for tests and pilots: their signatures have no legal standing."
    )


@authority_app.command()
def renew_root_crl(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the ceremony.")],
    revoke: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Certificate that the root revokes; may be given again."),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Renew the root's revocation list, once a year and whenever an authority below is revoked.

    Needs DIR/root, brought back for this, and its passphrase (EKYC_ROOT_PASSPHRASE, or asked for).
    """
    from ekyc.signing import read_trust_material
    from ekyc.signing.authority import ceremony as ceremonies
    from ekyc.signing.keys.keystore import read_file

    try:
        named = [read_trust_material(read_file(file)) for file in revoke or ()]
        ceremonies.renew_root_crl(
            folder,
            root_passphrase=ask_secret(ROOT_VARIABLE, "Passphrase of the root key"),
            revoke=[der for material in named for der in material.certificates],
        )
    except EkycError as error:
        fail(error, json_output=json_output, command="authority-renew-root-crl")
    written = folder / ceremonies.ROOT_CRL
    if json_output:
        write_json(result_object("authority-renew-root-crl", "PASSED", (), crl=str(written)))
        return
    say(console(), f"wrote {written}; take the root offline again")


def _working_keys(folder: Path, token: str | None, module: str | None) -> KeyStore:
    if (token is None) != (module is None):
        raise InputError("a token needs --token and --module", code="authority.token_incomplete")
    if token is not None and module is not None:
        from ekyc.signing.keys.pkcs11 import TokenKeys

        return TokenKeys(module, token, ask_secret(PIN_VARIABLE, "PIN of the token"))
    from ekyc.signing.authority.ceremony import ISSUING_FOLDER
    from ekyc.signing.keys.software import EmbeddedKeys

    return EmbeddedKeys.create(folder / ISSUING_FOLDER, passphrase())
