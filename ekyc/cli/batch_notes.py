"""What ``ekyc batch submit`` notes beside its folder; after each step, so that a step is repeated at most, under its own key."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ekyc.errors import InputError
from ekyc.files import read_file, replace_file

_MOST_BYTES: Final = 8 << 20


def _unicode(text: str) -> str:
    text.encode()  # what the terminal or a disk calls otherwise cannot be written down as it is
    return text


def _one_name(text: str) -> str:
    if text in {"", ".", ".."} or "/" in text or "\0" in text:
        raise ValueError("not the name of a folder")
    return text


_Text = Annotated[str, AfterValidator(_unicode)]


class Notes(BaseModel):
    """What was handed in so far."""

    model_config = ConfigDict(extra="forbid", strict=True)

    form: Literal["ekyc.batch-notes/1"] = Field(alias="schema")
    run: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    """At random: the beginning of every idempotency key."""
    office: _Text | None
    cases: Annotated[
        dict[Annotated[_Text, AfterValidator(_one_name)], _Text | None], Field(min_length=1)
    ]
    """Reference → id of the uploaded case."""
    batch: _Text | None = None


def begin_notes(folder: Path, office: str | None) -> Notes:
    """Note that the case folders in a folder are to be handed in.

    Raises:
        InputError: ``input.invalid``: it was begun already, or cannot be noted; ``batch.empty``.
    """
    path = _notes_of(folder)
    if path.exists():
        raise InputError(
            f"was begun: `ekyc batch resume {folder}` goes on; remove {path.name} to hand in anew",
            code="input.invalid",
            subject=path.name,
        )
    names = sorted(one.name for one in folder.iterdir() if (one / "case.toml").is_file())
    if not names:
        raise InputError(
            "no case folder in it: a case is a folder with case.toml",
            code="batch.empty",
            subject=folder.name,
        )
    try:
        notes = Notes(
            schema="ekyc.batch-notes/1",
            run=secrets.token_hex(16),
            office=office,
            cases=dict.fromkeys(names),
        )
    except ValueError:  # its text repeats what was given
        raise InputError(
            "a case folder in it, or the office, is called what is no Unicode",
            code="input.invalid",
            subject=folder.name,
        ) from None
    write_notes(folder, notes)
    return notes


def read_notes(folder: Path) -> Notes:
    """What :func:`write_notes` wrote.

    Raises:
        InputError: ``input.invalid``: there are none, or what is there is nothing that was written here.
    """
    path = _notes_of(folder)
    try:
        return Notes.model_validate_json(read_file(path, _MOST_BYTES, code="input.invalid"))
    except FileNotFoundError as exc:
        raise InputError(
            "nothing was begun here; `ekyc batch submit` begins",
            code="input.invalid",
            subject=path.name,
        ) from exc
    except (OSError, ValueError):
        raise InputError("cannot be read", code="input.invalid", subject=path.name) from None


def write_notes(folder: Path, notes: Notes) -> None:
    """Whole or not at all, for its owner alone.

    Raises:
        InputError: ``input.invalid``: they cannot be written.
    """
    path = _notes_of(folder)
    try:
        replace_file(path, notes.model_dump_json(by_alias=True, indent=1).encode() + b"\n")
    except OSError as exc:
        raise InputError("cannot be written", code="input.invalid", subject=path.name) from exc


def _notes_of(folder: Path) -> Path:
    whole = folder.absolute()
    return whole.with_name(f"{whole.name}.batch.json")
