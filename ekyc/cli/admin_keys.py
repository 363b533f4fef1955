"""``ekyc admin keys``: key-encryption keys and the key of the index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.cli.state import (
    BlobsOption,
    KeysOption,
    StateOption,
    open_blobs,
    open_keys,
    open_storage,
)
from ekyc.errors import EkycError

if TYPE_CHECKING:
    from ekyc.storage import KeyVersion, Storage, Vault

keys_app = typer.Typer(help="The tenants' key-encryption keys: list, rotate.", no_args_is_help=True)
TenantOption = Annotated[
    str, typer.Option("--tenant", metavar="NAME", help="The tenant that it is about.")
]


@keys_app.command("list")
def list_keys(
    state: StateOption = None,
    keys: KeysOption = None,
    blobs: BlobsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """List each version of each tenant's key-encryption key, and how many keys it still opens."""
    try:
        with open_storage(state) as storage:
            versions = vault_of(storage, keys, blobs).key_versions()
    except EkycError as error:
        fail(error, json_output=json_output, command="admin-keys")
    if json_output:
        listed = [_version_as_json(one) for one in versions]
        write_json(result_object("admin-keys", "PASSED", (), versions=listed))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("tenant", "version", "state", "keys under it"):
        table.add_column(column)
    for one in versions:
        table.add_row(one.tenant, str(one.version), _state_of(one), str(one.keys))
    console().print(table)


@keys_app.command()
def rotate(
    tenant: TenantOption,
    destroy_old: Annotated[
        bool,
        typer.Option(
            "--destroy-old",
            help="Then destroy older versions. Files of keys that were backed up before do not open any more.",
        ),
    ] = False,
    state: StateOption = None,
    keys: KeysOption = None,
    blobs: BlobsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Make a new version of a tenant's key-encryption key and wrap all keys anew; artefacts are not touched.

    Cut off at any moment, run it again: it finishes what is left and makes no further version.
    """
    try:
        with open_storage(state) as storage:
            vault = vault_of(storage, keys, blobs)
            done = vault.rotate_keys(tenant, destroy_old=destroy_old)
            versions = vault.key_versions()
    except EkycError as error:
        fail(error, json_output=json_output, command="admin-keys")
    text = f"version {done.version} wraps; {done.rewrapped} keys wrapped anew"
    if done.resumed:
        text += "; finished an earlier rotation"
    if done.destroyed:
        text += f"; destroyed {', '.join(map(str, done.destroyed))}"
    tell(
        "admin-keys",
        json_output,
        text,
        versions=[_version_as_json(one) for one in versions],
        rotation={
            "tenant": done.tenant,
            "version": done.version,
            "rewrapped": done.rewrapped,
            "resumed": done.resumed,
            "destroyed": list(done.destroyed),
        },
    )


@keys_app.command("rotate-index")
def rotate_index(
    tenant: TenantOption,
    state: StateOption = None,
    keys: KeysOption = None,
    blobs: BlobsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Make a new key for the index by which people are found by number, and each entry of it anew.

    Cut off at any moment, run it again. Meanwhile people are found as before.
    """
    try:
        with open_storage(state) as storage:
            vault = vault_of(storage, keys, blobs)
            done = vault.rotate_index(tenant)
            versions = vault.key_versions()
    except EkycError as error:
        fail(error, json_output=json_output, command="admin-keys")
    tell(
        "admin-keys",
        json_output,
        f"version {done.version} of the index's key; {done.remade} entries made anew",
        versions=[_version_as_json(one) for one in versions],
        index_rotation={
            "tenant": done.tenant,
            "version": done.version,
            "remade": done.remade,
            "resumed": done.resumed,
        },
    )


def vault_of(storage: Storage, keys: Path | None, blobs: Path | None) -> Vault:
    """What is personal and lasts, with the keys and blobs that options name."""
    return storage.vault(open_keys(keys), open_blobs(blobs))


def tell(command: str, json_output: bool, text: str, **facts: Any) -> None:
    """One line for people, or one object for programs."""
    if json_output:
        write_json(result_object(command, "PASSED", (), **facts))
        return
    say(console(), text)


def _state_of(version: KeyVersion) -> str:
    if not version.present:
        return "MISSING" if version.keys else "destroyed"
    return "wraps" if version.newest else "unwraps"


def _version_as_json(version: KeyVersion) -> dict[str, Any]:
    return {
        "tenant": version.tenant,
        "version": version.version,
        "present": version.present,
        "newest": version.newest,
        "keys": version.keys,
    }
