"""Which models the face commands use: ours, or a pack that the operator brings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ekyc.cli.output import console, say
from ekyc.errors import InputError

if TYPE_CHECKING:
    from ekyc.face import FacePipeline

PackOption = Annotated[
    Path | None,
    typer.Option(
        "--insightface",
        metavar="DIR",
        help="Use the detector and embedder of a model pack of yours in InsightFace's layout.",
    ),
]
AcceptOption = Annotated[
    bool,
    typer.Option("--accept-licence", help="You keep the licence of the pack's weights."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPipeline:
    """A pipeline, and what it is made of."""

    pipeline: FacePipeline
    models: tuple[tuple[str, str], ...]
    """Id and SHA-256 of each model; the last is the embedder."""


@contextmanager
def open_pipeline(
    pack: Path | None, *, accept_licence: bool, flip: bool = False
) -> Iterator[OpenPipeline]:
    """The pipeline over the installed models, or over a pack.

    Args:
        pack: folder of the pack, or None.
        accept_licence: that its licence is kept; without, its notice is the error.
        flip: add the mirrored face to every vector.

    Raises:
        InputError: ``face.licence_not_accepted``, ``face.pack_incomplete``, ``face.option_invalid``.
        ModelError: a model is missing or altered.
    """
    from ekyc.face import FacePipeline

    if pack is None:
        if accept_licence:
            raise InputError(
                "there is no pack whose licence could be accepted",
                code="face.option_invalid",
                subject="accept-licence",
            )
        from ekyc.inference import Engine

        with Engine.open(ids=FacePipeline.MODELS) as engine:
            registry = engine.store.registry
            yield OpenPipeline(
                pipeline=FacePipeline.over(engine, flip=flip),
                models=tuple((model, registry[model].sha256) for model in FacePipeline.MODELS),
            )
        return
    from ekyc.face.insightface import NOTICE, InsightFacePack, open_pack

    opened = open_pack(pack, accept_licence=accept_licence, flip=flip)
    say(console(json_output=True), NOTICE)
    yield OpenPipeline(pipeline=opened, models=InsightFacePack.find(pack).digests())
