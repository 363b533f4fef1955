"""The engine: opens models of a store on first use and puts a batcher before each."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from ekyc.errors import BusyError, ModelError
from ekyc.inference.batcher import Batcher, Cancellation, Run
from ekyc.inference.policy import CPU_POLICY, BatchPolicy
from ekyc.inference.session import Session, as_float32
from ekyc.inference.store import ModelStore

if TYPE_CHECKING:
    from ekyc.inference.registry import RegistryEntry
    from ekyc.values import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    deadline_s: float | None = None
    cancellation: Cancellation | None = None


_NO_TERMS = _Terms()
_terms: ContextVar[_Terms] = ContextVar("ekyc_inference_terms", default=_NO_TERMS)


@contextmanager
def inference_terms(
    *, deadline_s: float | None = None, cancellation: Cancellation | None = None
) -> Iterator[None]:
    """Terms of every inference in this block and thread: how long each may wait, and what calls it off.

    ``deadline_s`` counts per request, from the moment it is made.
    """
    token = _terms.set(_Terms(deadline_s=deadline_s, cancellation=cancellation))
    try:
        yield
    finally:
        _terms.reset(token)


class EngineModel:
    """A model of the registry behind a batcher; an :class:`ekyc.ports.Model`. Safe for many threads."""

    def __init__(self, entry: RegistryEntry, run: Run, policy: BatchPolicy) -> None:
        """``run`` is the ``run`` of an opened :class:`~ekyc.inference.session.Session` of this entry."""
        assert entry.input is not None  # a session opens no asset
        self.entry = entry
        self._input = entry.input
        if entry.max_batch is not None:
            policy = replace(policy, max_batch=min(policy.max_batch, entry.max_batch))
        self.policy = policy
        self._batcher = Batcher(
            run, policy, batch_axes=[output.batch_axis for output in entry.outputs]
        )

    @property
    def id(self) -> str:
        return self.entry.id

    def infer(self, item: FloatArray) -> tuple[FloatArray, ...]:
        """Run on one item; see :meth:`ekyc.ports.Model.infer`.

        Raises:
            ModelError: ``model.wrong_dtype``, ``model.wrong_shape``, ``model.run_failed``.
            BusyError: ``busy.queue_full``, ``busy.deadline``, ``busy.cancelled``, ``busy.closed``.
        """
        item = as_float32(item)
        complaint = self._input.complaint(item.shape)
        if complaint is not None:
            raise ModelError(complaint, code="model.wrong_shape", subject=self.id)
        terms = _terms.get()
        return self._batcher.infer(
            item, deadline_s=terms.deadline_s, cancellation=terms.cancellation
        )

    def close(self, *, drain: bool = True) -> None:
        self._batcher.close(drain=drain)


class Engine:
    """Opened models of a store, shared by all threads of a process. Use as a context manager."""

    def __init__(self, store: ModelStore, ids: Iterable[str], policy: BatchPolicy) -> None:
        self.store = store
        self.policy = policy
        self._ids = frozenset(ids)
        self._lock = threading.Lock()
        self._models: dict[str, EngineModel] = {}
        self._closed = False

    @classmethod
    def open(
        cls,
        store: ModelStore | None = None,
        ids: Iterable[str] | None = None,
        policy: BatchPolicy = CPU_POLICY,
    ) -> Engine:
        """An engine over a store. Sessions open on first use.

        Args:
            store: default store if None.
            ids: models that will be used; that they are installed is checked now. All models of the registry
                if None.
            policy: device and bounds.

        Raises:
            ModelError: ``model.unknown``, ``model.not_installed`` or ``model.altered``.
        """
        store = store if store is not None else ModelStore()
        entries = [entry for entry in store.registry.select(ids) if entry.kind == "model"]
        for entry in entries:
            store.require(entry.id)
        return cls(store, (entry.id for entry in entries), policy)

    def model(self, model_id: str) -> EngineModel:
        """The model, opened on the first call: its file is hashed and its graph held against the registry.

        Raises:
            ModelError: ``model.unknown``, ``model.altered``, ``model.graph_mismatch``.
            BusyError: ``busy.closed``.
        """
        with self._lock:
            if self._closed:
                raise BusyError("the engine is closed", code="busy.closed")
            opened = self._models.get(model_id)
            if opened is None:
                opened = self._models[model_id] = self._open(model_id)
            return opened

    def close(self, *, drain: bool = True) -> None:
        """Close all models: no new requests; waiting ones are finished, or failed when ``drain`` is false."""
        with self._lock:
            self._closed = True
            models = list(self._models.values())
        for model in models:
            model.close(drain=drain)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _open(self, model_id: str) -> EngineModel:
        entry = self.store.registry[model_id]
        if model_id not in self._ids:
            raise ModelError(
                "the engine was opened without it, or it is no model",
                code="model.unknown",
                subject=model_id,
            )
        content = self.store.require(model_id).read()
        return EngineModel(
            entry, Session(entry, content, device=self.policy.device).run, self.policy
        )
