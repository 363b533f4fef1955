"""What was submitted, kept for the officers who have to look and for whoever has to verify it again: every file sealed under
a key of the session's own.

1. The files lie sealed on disk before the transaction that accepts the case, and their rows are written in it. A case that
   is not accepted leaves at worst blobs without rows, which retention sweeps.
2. File names are in no column: they may be somebody's. The kind of a file follows from where it lies in the case.
3. While the case is on its way, a *manifest* says which file lies where, and what the case says about a challenge and a
   liveness session; it is sealed under the same key and goes when the case is done with.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from ekyc.api.paths import case_path
from ekyc.api.uploads import Submission
from ekyc.flows import LiveUse
from ekyc.storage import StorageError
from ekyc.values import Redacted

if TYPE_CHECKING:
    from ekyc.storage import DossierDesk, SealedArtefact, SubmissionRun, Vault

_CHUNK: Final = 256 * 1024
_MEDIA: Final = "media"
_EVIDENCE: Final = "evidence"
_MANIFEST: Final = "submissions.manifest"
_FOLDERS: Final = frozenset({"card", "face", "documents", "original", "copy"})
_CHIP_FILE: Final = re.compile(r"chip/EF\.(COM|SOD|DG[0-9]{1,2})\Z")
_SIDES: Final = {"card/front": "card-front", "card/back": "card-back"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedCase:
    """A case that lies sealed on disk, and whose rows are not written yet."""

    subject_id: str
    files: tuple[SealedArtefact, ...]
    manifest: bytes = field(repr=False)


def kind_of(path: PurePosixPath) -> tuple[str, str]:
    """Kind and class of retention of a file by its place in the case, of a closed set of words."""
    if path.as_posix() == "case.toml":
        return "case", _EVIDENCE
    if match := _CHIP_FILE.match(path.as_posix()):
        return f"chip-{match[1].lower()}", _EVIDENCE
    if path.parts[0] == "chip":
        return "chip", _EVIDENCE
    side = _SIDES.get(path.with_suffix("").as_posix())
    if side is not None:
        return side, _MEDIA
    return (path.parts[0] if path.parts[0] in _FOLDERS else "file"), _MEDIA


def content_of(submission: Submission) -> bytes:
    """What was submitted, as one digest: equal files give equal bytes, however the body was cut into parts."""
    total = hashlib.sha256()
    folder = submission.folder
    for path in _files(folder):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()}\0{digest}\n".encode())
    total.update(f"{submission.challenge_id}\n{submission.live!r}".encode())
    if submission.live is not None:  # its token is hidden in its repr
        total.update(submission.live.result_token.reveal().encode())
    return total.digest()


def seal_case(
    vault: Vault,
    submission: Submission,
    *,
    tenant: str,
    subject_id: str | None,
    run_id: str,
    content: bytes,
) -> SealedCase:
    """Seal every file of a submitted case; all of it is on disk when this returns (1).

    Args:
        vault: where it lies.
        submission: the case.
        tenant: of the session.
        subject_id: under whose key the session's files lie; ``None`` if it has none yet.
        run_id: of the submission.
        content: digest of the case (:func:`content_of`).

    Raises:
        StorageError, BusyError: it could not be kept, e.g. ``storage.full``.
        SubjectError: ``subject.erased``.
    """
    known = vault.subjects.create(tenant).id if subject_id is None else subject_id
    sealer = vault.subjects.sealer(tenant, known)
    sealed: list[SealedArtefact] = []
    places: list[tuple[str, str]] = []
    try:
        for path in _files(submission.folder):
            place = path.relative_to(submission.folder).as_posix()
            kind, retention = kind_of(PurePosixPath(place))
            one = vault.artefacts.seal(sealer, kind, _pieces(path), retention=retention)
            sealed.append(one)
            places.append((place, one.stored.id))
    except BaseException:
        discard(vault, tuple(sealed))
        raise
    told = {
        "files": places,
        "challenge_id": submission.challenge_id,
        "live": _live_as_json(submission.live),
        "content": content.hex(),
    }
    manifest = sealer.seal(json.dumps(told).encode(), _MANIFEST, run_id)
    return SealedCase(subject_id=known, files=tuple(sealed), manifest=manifest)


def discard(vault: Vault, files: tuple[SealedArtefact, ...]) -> None:
    """Remove what belongs to no accepted case; retention sweeps what cannot be removed now."""
    with contextlib.suppress(StorageError):
        vault.artefacts.discard(files)


def unseal_case(vault: Vault, run: SubmissionRun, scratch: Path) -> Submission:
    """The case of a submission as it was received, inside the private folder ``scratch``.

    Raises:
        SubjectError, ArtefactError: it is gone: the person was erased, or retention removed a file.
        StorageError, BusyError: it cannot be read, or is another one (``storage.corrupted``).
    """
    assert run.subject_id is not None, "of a case that is kept"
    assert run.manifest is not None, "of a case that is kept"
    sealer = vault.subjects.sealer(run.tenant, run.subject_id)
    told = json.loads(sealer.open(run.manifest, _MANIFEST, run.id))
    folder = scratch / "case"
    folder.mkdir(mode=0o700)
    for place, artefact_id in told["files"]:
        target = folder / case_path(place)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with target.open("xb") as out:
            for piece in vault.artefacts.stream(run.tenant, artefact_id):
                out.write(piece)
    live = told["live"]
    submission = Submission(
        folder=folder,
        challenge_id=told["challenge_id"],
        live=None if live is None else _live_of(live),
    )
    if not hmac.compare_digest(content_of(submission), bytes.fromhex(told["content"])):
        raise StorageError("the kept case is another one", code="storage.corrupted")
    return submission


def erase(desk: DossierDesk, vault: Vault, tenant: str, session_id: str) -> None:
    """Destroy the key of a session's artefacts, and then the blobs. Twice is once."""
    with desk.looking(tenant) as unit:
        subjects = {artefact.subject_id for artefact in unit.artefacts.of(session_id)}
    for subject_id in sorted(subjects):
        vault.erase_subject(tenant, subject_id)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece


def _live_as_json(live: LiveUse | None) -> dict[str, str] | None:
    if live is None:
        return None
    return {
        "session_id": live.session_id,
        "result_token": live.result_token.reveal(),
        "case": live.case,
        "subject": live.subject,
    }


def _live_of(told: dict[str, Any]) -> LiveUse:
    return LiveUse(
        session_id=told["session_id"],
        result_token=Redacted(told["result_token"]),
        case=told["case"],
        subject=told["subject"],
    )
