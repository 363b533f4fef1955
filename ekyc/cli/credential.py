"""``ekyc credential``: issue results, take them back, and publish the lists and the page that check them."""

from __future__ import annotations

import json
import os
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ekyc.cli.given_files import read_given
from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.cli.state import ServiceKeyOption, StateOption, open_service_key, open_storage, passphrase
from ekyc.cli.verify_result import OperatorKeyOption, TrustListOption, load_anchor
from ekyc.errors import EkycError, InputError
from ekyc.files import PUBLIC, replace_file

if TYPE_CHECKING:
    from ekyc.signing.credentials import CredentialSigner, TrustList
    from ekyc.storage import IssuedResult, ResultStatus

_COMMAND: Final = "credential"
_MAX_SOURCE_BYTES: Final = 1 << 20

credential_app = typer.Typer(
    help="Issue results that anyone can check offline, and take them back.", no_args_is_help=True
)

KeysOption = Annotated[
    Path,
    typer.Option("--keys", metavar="DIR", help="Folder of encrypted keys (EKYC_KEY_PASSPHRASE)."),
]
KeyOption = Annotated[str, typer.Option("--key", metavar="LABEL", help="Name of the signing key.")]
OutOption = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where it is written.")]


@credential_app.command("new-key")
def new_key(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of encrypted keys.")],
    label: Annotated[str, typer.Argument(metavar="LABEL", help="Name, such as results-2026.")],
    json_output: JsonFlag = False,
) -> None:
    """Make a signing key (EC P-256) and write its public half to DIR/LABEL.pem."""
    from ekyc.signing.credentials import EcSigner
    from ekyc.signing.keys.algorithms import SignatureAlgorithm
    from ekyc.signing.keys.software import MASTER_NAME, EmbeddedKeys

    try:
        exists = (folder / MASTER_NAME).exists()
        opened = EmbeddedKeys.unlock if exists else EmbeddedKeys.create
        keys = opened(folder, passphrase())
        signer = EcSigner(keys.generate(label, SignatureAlgorithm.ECDSA_P256))
        public = _write(folder / f"{label}.pem", signer.public.pem())
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    _done(json_output, f"wrote {public}", written=str(public), key_id=signer.public.kid.hex())


@credential_app.command("trust-list")
def trust_list(
    source: Annotated[
        Path, typer.Argument(metavar="TOML", help="Issuers and keys; see docs/credentials.md.")
    ],
    keys: KeysOption,
    key: KeyOption,
    out: OutOption,
    json_output: JsonFlag = False,
) -> None:
    """Sign a trust list with the operator's key."""
    from ekyc.signing.credentials import encode_trust_list

    try:
        text = encode_trust_list(_read_source(source), signer=_signer(keys, key))
        written = _write(out, f"{text}\n".encode())
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    _done(json_output, f"wrote {written}", written=str(written))


@credential_app.command()
def issue(
    schema: Annotated[str, typer.Argument(metavar="KIND", help="Such as birth-extract.")],
    fields: Annotated[
        Path,
        typer.Argument(metavar="JSON", help='{"person": reference, "fields": {name: value}}'),
    ],
    keys: KeysOption,
    key: KeyOption,
    issuer: Annotated[str, typer.Option(metavar="URL", help="Address that names the issuer.")],
    out: OutOption,
    days: Annotated[int, typer.Option(min=1, max=7300, help="How long it is good for.")] = 365,
    replaces: Annotated[
        str | None, typer.Option(metavar="ID", help="Result that this one takes the place of.")
    ] = None,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Issue a result as a QR code: an SVG or PNG picture, or (.txt) its text.

    It is recorded, with a place in a status list, in the transaction in which it is signed.
    """
    from ekyc.signing.credentials import read_result, schema_of
    from ekyc.signing.credentials.issuer import ResultIssuer

    try:
        _require_free(out)
        person, values = _read_fields(fields)
        with open_storage(state) as storage:
            text = ResultIssuer(
                id=issuer,
                series=f"{issuer}/tt",
                signer=_signer(keys, key),
                register=storage.issued_results,
                service_key=open_service_key(service_key),
            ).issue_qr(
                schema_of(schema),
                values,
                person=person,
                life=timedelta(days=days),
                replaces=replaces,
            )
        result = read_result(text).claimed
        written = _write(out, _picture(text, out.suffix))
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    _done(
        json_output,
        f"issued {result.id.hex()}, status list {result.status.uri}; wrote {written}",
        id=result.id.hex(),
        status="valid",
        status_list=result.status.uri,
        written=str(written),
    )


ResultArgument = Annotated[str, typer.Argument(metavar="ID", help="Of the result: 32 digits.")]


@credential_app.command()
def revoke(
    result: ResultArgument, state: StateOption = None, json_output: JsonFlag = False
) -> None:
    """Take a result back, for good. Publish a new status list afterwards."""
    _set_status("REVOKED", result, state, json_output)


@credential_app.command()
def suspend(
    result: ResultArgument, state: StateOption = None, json_output: JsonFlag = False
) -> None:
    """Take a result out of force until it is reinstated. Publish a new status list afterwards."""
    _set_status("SUSPENDED", result, state, json_output)


@credential_app.command()
def reinstate(
    result: ResultArgument, state: StateOption = None, json_output: JsonFlag = False
) -> None:
    """Put a suspended result back in force. Publish a new status list afterwards."""
    _set_status("VALID", result, state, json_output)


@credential_app.command("status-list")
def status_list(
    uri: Annotated[str, typer.Argument(metavar="URL", help="Of the list, as results name it.")],
    keys: KeysOption,
    key: KeyOption,
    out: OutOption,
    jwt: Annotated[bool, typer.Option("--jwt", help="As JWT in place of CWT.")] = False,
    ttl_hours: Annotated[float, typer.Option(min=0.1, help="How long it counts as fresh.")] = 24.0,
    days: Annotated[int, typer.Option(min=1, max=366, help="Until it expires.")] = 7,
    state: StateOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Sign a status list as of now."""
    from ekyc.signing.credentials.issuer import sign_status_list

    try:
        with open_storage(state) as storage:
            data = sign_status_list(
                storage.issued_results,
                uri,
                signer=_signer(keys, key),
                ttl=timedelta(hours=ttl_hours),
                life=timedelta(days=days),
                as_jwt=jwt,
            )
        written = _write(out, data)
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    _done(json_output, f"wrote {written}", written=str(written), status_list=uri)


@credential_app.command("verifier-page")
def verifier_page(
    trust_list: TrustListOption,
    out: OutOption,
    operator_key: OperatorKeyOption = None,
    status_list: Annotated[
        list[Path] | None,
        typer.Option("--status-list", metavar="FILE", help="Built in; others can be opened later."),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Write one page that checks results in a browser, offline, with this trust list pinned in it."""
    from ekyc.signing.credentials.page import render_verifier_page

    try:
        page = render_verifier_page(
            load_anchor(trust_list, operator_key),
            status_lists=[read_given(file, 4 << 20) for file in status_list or ()],
        )
        written = _write(out, page.encode())
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    _done(json_output, f"wrote {written}", written=str(written))


def _set_status(name: str, result: str, state: str | None, json_output: bool) -> None:
    from ekyc.storage import ResultStatus

    wanted: ResultStatus = ResultStatus[name]
    try:
        with open_storage(state) as storage:
            known: IssuedResult = storage.issued_results.set_status(result, wanted)
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    status, uri = known.status.name.lower(), known.place.uri
    _done(
        json_output,
        f"{known.id} is {status}; publish {uri}",
        id=known.id,
        status=status,
        status_list=uri,
    )


def _done(json_output: bool, text: str, **facts: Any) -> None:
    if json_output:
        write_json(result_object(_COMMAND, "PASSED", (), **facts))
    else:
        say(console(), text)


def _signer(folder: Path, label: str) -> CredentialSigner:
    from ekyc.signing.credentials import EcSigner
    from ekyc.signing.keys.software import EmbeddedKeys

    return EcSigner(EmbeddedKeys.unlock(folder, passphrase()).open(label))


def _write(path: Path, data: bytes) -> Path:
    """Whole or not at all, in place of an older one: lists are published again and again."""
    try:
        replace_file(path, data, mode=PUBLIC)
    except OSError as exc:
        raise InputError("cannot be written", code="out.unwritable", subject=path.name) from exc
    return path


def _require_free(out: Path) -> None:
    """Before anything is issued: what is recorded and then not written would be lost to its owner."""
    if out.suffix not in {".svg", ".png", ".txt"}:
        raise InputError("the name must end with .svg, .png or .txt", code="out.format")
    if out.exists() or not os.access(out.parent, os.W_OK):
        raise InputError(
            "exists already, or its folder cannot be written",
            code="out.unwritable",
            subject=out.name,
        )


def _picture(text: str, suffix: str) -> bytes:
    if suffix == ".txt":
        return f"{text}\n".encode()
    from ekyc.signing.credentials.picture import qr_picture

    return qr_picture(text, suffix.removeprefix("."))


def _read_fields(file: Path) -> tuple[str, dict[str, Any]]:
    try:
        found = json.loads(read_given(file, _MAX_SOURCE_BYTES))
        person, values = found["person"], found["fields"]
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise _bad(file) from exc
    if not isinstance(person, str) or not person or not isinstance(values, dict):
        raise _bad(file)
    return person, values


def _read_source(file: Path) -> TrustList:
    from ekyc.signing.credentials import TrustedIssuer, TrustList

    try:
        found = tomllib.loads(read_given(file, _MAX_SOURCE_BYTES).decode())
        at = datetime.now(UTC).replace(microsecond=0)
        return TrustList(
            operator=found["operator"],
            number=found["number"],
            issued_at=at,
            expires_at=at + timedelta(days=found["days"]),
            issuers=tuple(
                TrustedIssuer(
                    id=issuer["id"],
                    name_vi=issuer["name_vi"],
                    name_en=issuer["name_en"],
                    keys=tuple(_read_key(key, file.parent) for key in issuer["keys"]),
                )
                for issuer in found["issuers"]
            ),
        )
    except (ValueError, KeyError, TypeError, OverflowError, AttributeError) as exc:
        raise _bad(file) from exc


def _read_key(entry: dict[str, Any], folder: Path) -> Any:
    from ekyc.signing.credentials import CredentialKey, KeyUse, TrustedKey

    pem = read_given(folder / entry["file"], 1 << 16)
    return TrustedKey(
        key=CredentialKey.from_pem(pem),
        uses=frozenset(KeyUse(use) for use in entry["uses"]),
        signs_from=_utc(entry["from"]),
        signs_until=_utc(entry["until"]),
        compromised_at=_utc(entry["compromised"]) if "compromised" in entry else None,
    )


def _utc(value: Any) -> datetime:
    """A day or a time of TOML; without an offset it is UTC."""
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001  # made aware below
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _bad(file: Path) -> InputError:
    return InputError("not of the expected form", code="input.invalid", subject=file.name)
