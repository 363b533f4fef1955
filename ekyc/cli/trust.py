"""``ekyc trust``: whom the operator trusts, kept in one folder with the reason for each anchor."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.errors import EkycError
from ekyc.outcomes import Check, Outcome
from ekyc.ports import SystemClock

if TYPE_CHECKING:
    from rich.console import Console

    from ekyc.pki import Anchor, TrustDatabase, TrustStore
    from ekyc.pki.trust_database import Imported

trust_app = typer.Typer(
    help="Import, show and compare trust anchors: CSCA certificates, master lists, revocation lists.",
    no_args_is_help=True,
)

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder", metavar="DIR", help="The trust folder. Default: trust in the EKYC_HOME folder."
    ),
]
_ANCHORS = "Trust folder, or a file as `ekyc trust import` takes it."


@trust_app.command("import")
def import_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="Certificates (PEM, DER), master lists (.ml), revocation lists (CRL), deviation lists, "
            "LDIF files of the ICAO PKD.",
        ),
    ],
    folder: FolderOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Verify files and add them to the trust folder, all or none. Nothing is downloaded.

    A master list must carry a valid signature; whether its signer deserves trust is decided by importing it. A
    revocation list needs the authority that signed it, in the folder or among FILE….
    """
    from ekyc.pki import TrustDatabase

    try:
        database = TrustDatabase.create(_folder(folder))
        imported = database.import_files(files, at=SystemClock().now())
        facts = {
            "folder": str(database.folder),
            "imported": [_imported_facts(item) for item in imported],
            "anchors": len(database.index().entries),
        }
    except EkycError as error:
        fail(error, json_output=json_output, command="trust-import")
    if json_output:
        checks = [_import_check(item) for item in imported]
        write_json(result_object("trust-import", Outcome.PASSED.value, checks, **facts))
        return
    _print_imported(console(), imported)
    say(console(), f"{facts['anchors']} anchors in {database.folder}")


@trust_app.command("list")
def list_command(
    folder: FolderOption = None,
    country: Annotated[
        str | None, typer.Option("--country", metavar="CODE", help="Anchors of one state: VN.")
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Show what was imported, and who listed each anchor."""
    from ekyc.pki import TrustDatabase, TrustStore

    try:
        database = TrustDatabase.open(_folder(folder))
        trust = TrustStore.load([database.folder])
        chosen = [a for a in trust.anchors if country in (None, a.certificate.subject.country)]
        facts = _list_facts(database, trust, chosen)
    except EkycError as error:
        fail(error, json_output=json_output, command="trust-list")
    if json_output:
        write_json(result_object("trust-list", Outcome.PASSED.value, (), **facts))
        return
    out = console()
    out.print(_sources_table(facts["sources"]))
    out.print("")
    if country:
        out.print(_anchors_table(chosen))
    else:
        counted = Counter(anchor.certificate.subject.country or "?" for anchor in chosen)
        say(out, "  ".join(f"{name} {count}" for name, count in sorted(counted.items())))
    say(out, f"{len(chosen)} anchors in {database.folder}")


@trust_app.command("diff")
def diff_command(
    a: Annotated[Path, typer.Argument(metavar="A", help=_ANCHORS)],
    b: Annotated[Path, typer.Argument(metavar="B", help=_ANCHORS)],
    json_output: JsonFlag = False,
) -> None:
    """Compare two sets of anchors by fingerprint: what B has that A has not, and the other way round."""
    from ekyc.pki import TrustStore

    try:
        first, second = TrustStore.load([a]), TrustStore.load([b])
        added = [x for x in second.anchors if first.find(x.certificate) is None]
        removed = [x for x in first.anchors if second.find(x.certificate) is None]
    except EkycError as error:
        fail(error, json_output=json_output, command="trust-diff")
    facts = {
        "a": {"name": a.name, "anchors": len(first)},
        "b": {"name": b.name, "anchors": len(second)},
        "common": len(second) - len(added),
        "added": [_anchor_facts(anchor) for anchor in added],
        "removed": [_anchor_facts(anchor) for anchor in removed],
    }
    if json_output:
        write_json(result_object("trust-diff", Outcome.PASSED.value, (), **facts))
        return
    for sign, anchors in (("+", added), ("-", removed)):
        for anchor in sorted(anchors, key=lambda one: one.certificate.subject.country or ""):
            subject = anchor.certificate.subject
            until = anchor.certificate.not_after.date()
            say(
                console(),
                f"{sign} {subject.country}, {subject.common_name}, until {until}, "
                f"{anchor.certificate.fingerprint}",
            )
    say(console(), f"{len(added)} added, {len(removed)} removed, {facts['common']} in both")


@trust_app.command("remove")
def remove_command(
    fingerprint: Annotated[
        str,
        typer.Argument(
            metavar="FINGERPRINT",
            help="SHA-256 of a certificate or of an imported file; its first eight digits suffice.",
        ),
    ],
    folder: FolderOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Take out one anchor, or a file with everything that only it brought.

    A removed anchor stays out when a later list names it again. Importing the certificate itself brings it back.
    """
    from ekyc.pki import TrustDatabase

    try:
        database = TrustDatabase.open(_folder(folder))
        removed = database.remove(fingerprint, at=SystemClock().now())
    except EkycError as error:
        fail(error, json_output=json_output, command="trust-remove")
    if json_output:
        facts = {
            "folder": str(database.folder),
            "removed": {"what": removed.what, "sha256": removed.sha256, "name": removed.name},
            "anchors": removed.anchors_left,
        }
        write_json(result_object("trust-remove", Outcome.PASSED.value, (), **facts))
        return
    say(console(), f"removed {removed.what} {removed.name}, {removed.sha256}")
    say(console(), f"{removed.anchors_left} anchors left in {database.folder}")


def _folder(given: Path | None) -> Path:
    from ekyc.pki.trust_database import FOLDER_NAME
    from ekyc.storage import default_home

    return given or default_home() / FOLDER_NAME


def _import_check(imported: Imported) -> Check:
    reasons = ("trust.already_imported",) * imported.already_there
    reasons += ("trust.entries_refused",) * bool(imported.refused)
    return Check(
        id="trust.import",
        outcome=Outcome.PASSED,
        reasons=reasons,
        subjects=(imported.source.name,),
    )


def _imported_facts(imported: Imported) -> dict[str, Any]:
    return {
        "file": imported.source.name,
        "kind": imported.source.kind.value,
        "sha256": imported.source.sha256,
        "already_there": imported.already_there,
        "anchors": imported.anchors,
        "new_anchors": imported.new_anchors,
        "revocation_lists": imported.crls,
        "deviation_lists": imported.deviation_lists,
        "document_signers": imported.signers,
        "refused": imported.refused,
        "refusals": [{"place": item.place, "code": item.code} for item in imported.refusals],
    }


def _list_facts(
    database: TrustDatabase, trust: TrustStore, anchors: list[Anchor]
) -> dict[str, Any]:
    index = database.index()
    return {
        "folder": str(database.folder),
        "version": trust.version,
        "sources": [
            {
                "file": source.name,
                "kind": source.kind.value,
                "sha256": source.sha256,
                "size_bytes": source.size_bytes,
                "added_at": source.added_at,
            }
            for source in database.sources
        ],
        "anchors": [_anchor_facts(anchor) for anchor in anchors],
        "revocation_lists": [
            {
                "country": item.crl.issuer.country,
                "sha256": item.sha256,
                "authority": item.authority,
                "this_update": item.crl.this_update.isoformat(),
                "next_update": item.crl.next_update.isoformat() if item.crl.next_update else None,
                "revoked": len(item.crl.revoked),
            }
            for item in trust.crls
        ],
        "deviation_lists": [
            {
                "country": item.country,
                "sha256": item.sha256,
                "deviations": len(item.deviation_list.deviations),
            }
            for item in trust.deviation_lists
        ],
        "document_signers": index.signer_count,
        "removed": [
            {"sha256": item.sha256, "removed_at": item.removed_at} for item in database.removed
        ],
        "without_authority": [
            {"file_sha256": file, "place": item.place, "code": item.code}
            for file, item in index.refusals
        ],
    }


def _anchor_facts(anchor: Anchor) -> dict[str, Any]:
    certificate = anchor.certificate
    return {
        "country": certificate.subject.country,
        "common_name": certificate.subject.common_name,
        "sha256": certificate.fingerprint,
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "self_issued": certificate.self_issued,
        "provenance": [
            {
                "file": reason.source,
                "kind": reason.kind.value,
                "sha256": reason.sha256,
                "listed_by": reason.listed_by,
                "added_at": reason.added_at.isoformat() if reason.added_at else None,
            }
            for reason in anchor.provenance
        ],
    }


def _print_imported(out: Console, imported: tuple[Imported, ...]) -> None:
    for item in imported:
        counts = [f"{item.anchors} anchors ({item.new_anchors} new)"] * bool(item.anchors)
        counts += [f"{item.crls} revocation lists"] * bool(item.crls)
        counts += [f"{item.deviation_lists} deviation lists"] * bool(item.deviation_lists)
        counts += [f"{item.signers} document signers"] * bool(item.signers)
        counts += [f"{item.refused} entries left out"] * bool(item.refused)
        again = " (imported before)" if item.already_there else ""
        say(out, f"{item.source.name}: {item.source.kind.value}, {', '.join(counts)}{again}")
        for refusal in item.refusals[:5]:
            say(out, f"  left out: {refusal.place} ({refusal.code})")


def _sources_table(sources: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("file", "kind", "imported", "sha256"):
        table.add_column(column)
    for source in sources:
        table.add_row(source["file"], source["kind"], source["added_at"], source["sha256"][:16])
    return table


def _anchors_table(anchors: list[Anchor]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("common name", "valid until", "sha256", "from"):
        table.add_column(column)
    for anchor in anchors:
        certificate = anchor.certificate
        table.add_row(
            certificate.subject.common_name or "-",
            str(certificate.not_after.date()),
            certificate.fingerprint[:16],
            ", ".join(reason.source for reason in anchor.provenance),
        )
    return table
