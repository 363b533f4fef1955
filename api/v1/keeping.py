"""What was submitted, kept for the officers who have to look: every file sealed under a key of the session's own.

File names are not kept: they may be somebody's. The kind of a file follows from where it lies in the case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from ekyc.dossiers import SessionState
from ekyc.storage.session_artefacts import SessionArtefact
from ekyc.storage.subject_errors import SubjectError

if TYPE_CHECKING:
    from ekyc.storage import DossierDesk, Vault

_CHUNK: Final = 256 * 1024
_MEDIA: Final = "media"
_EVIDENCE: Final = "evidence"
_FOLDERS: Final = frozenset({"card", "face", "documents", "original", "copy"})
_CHIP_FILE: Final = re.compile(r"chip/EF\.(COM|SOD|DG[0-9]{1,2})\Z")
_SIDES: Final = {"card/front": "card-front", "card/back": "card-back"}


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


def keep(
    desk: DossierDesk, vault: Vault, *, tenant: str, session_id: str, attempt: int, folder: Path
) -> None:
    """Seal every file of a submitted case. Without its row nothing refers to a blob, and retention removes it.

    Args:
        desk: where it is recorded that they belong to the session.
        vault: where they lie.
        tenant: of the session.
        session_id: whose files they are.
        attempt: number of the submission.
        folder: the case.

    Raises:
        StorageError, BusyError: it could not be kept, e.g. ``storage.full``.
        SubjectError: ``subject.erased``: the session was redacted meanwhile.
    """
    with desk.looking(tenant) as unit:
        before = unit.artefacts.of(session_id)
    subject_id = before[0].subject_id if before else vault.subjects.create(tenant).id
    kept: list[SessionArtefact] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        kind, retention = kind_of(PurePosixPath(path.relative_to(folder).as_posix()))
        stored = vault.artefacts.put(tenant, subject_id, kind, _pieces(path), retention=retention)
        kept.append(
            SessionArtefact(
                artefact_id=stored.id,
                session_id=session_id,
                subject_id=subject_id,
                attempt=attempt,
                kind=kind,
                size=stored.size,
                created_at=stored.created_at,
            )
        )
    with desk.writing(tenant) as unit:
        row = unit.sessions.get(session_id, lock=True)
        redacted = row is None or row.state == SessionState.REDACTED.value
        for artefact in () if redacted else kept:
            unit.artefacts.add(replace(artefact, created_at=unit.now))
    if redacted:  # an attempt that was given up may end later than its session
        vault.erase_subject(tenant, subject_id)
        raise SubjectError("the session was redacted meanwhile", code="subject.erased")


def erase(desk: DossierDesk, vault: Vault, tenant: str, session_id: str) -> None:
    """Destroy the key of a session's artefacts, and then the blobs. Twice is once."""
    with desk.looking(tenant) as unit:
        subjects = {artefact.subject_id for artefact in unit.artefacts.of(session_id)}
    for subject_id in sorted(subjects):
        vault.erase_subject(tenant, subject_id)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece
