"""Merkle trees as transparency logs use them: RFC 9162 §2.1, which keeps the trees of RFC 6962 §2.1.

A tree stands over the first ``size`` entries of a log. Its root says what all of them are, a proof of inclusion that one
of them is in it, and a proof of consistency that a larger tree begins with a smaller one.

Whoever stores a log keeps, with each entry, the hashes of the perfect subtrees that this entry completes
(:meth:`Frontier.append`): two on average. Every root and proof of every size follows from these few hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from ekyc.errors import InputError, TrustError

HASH_BYTES: Final = 32
MAX_SIZE: Final = 1 << 53
"""Numbers beyond are not exact in JSON (RFC 8785 §3.2.2.3)."""
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


class Node(NamedTuple):
    """The root of a perfect subtree: it covers the entries from ``place << level``, ``1 << level`` of them."""

    level: int
    place: int

    @property
    def completed_by(self) -> int:
        """Number of the last entry that it covers."""
        return ((self.place + 1) << self.level) - 1


NodeReader = Callable[[Sequence[Node]], Sequence[bytes]]
"""Gives the hashes of nodes, in their order."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash of an entry (RFC 9162 §2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of two subtrees side by side (RFC 9162 §2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that only grows: the roots of the perfect subtrees from left to right, the largest first."""

    __slots__ = ("_roots", "size")

    def __init__(self, size: int = 0, roots: Iterable[bytes] = ()) -> None:
        """
        Args:
            size: how many entries there are.
            roots: hashes of ``perfect_parts(0, size)``.
        """
        self.size = size
        self._roots = list(roots)
        if len(self._roots) != size.bit_count():
            raise ValueError("a tree has as many perfect subtrees as its size has bits")

    def append(self, leaf: bytes) -> tuple[bytes, ...]:
        """Add an entry by its leaf hash.

        Returns:
            Hashes of the subtrees that it completes, by level: itself first.
        """
        completed = [leaf]
        remaining = self.size
        while remaining & 1:
            completed.append(node_hash(self._roots.pop(), completed[-1]))
            remaining >>= 1
        self._roots.append(completed[-1])
        self.size += 1
        return tuple(completed)

    def root(self) -> bytes:
        """Root hash of the whole tree."""
        return _joined(self._roots) if self._roots else EMPTY_ROOT

    def copy(self) -> Frontier:
        """Another one that grows by itself."""
        return Frontier(self.size, self._roots)


def perfect_parts(start: int, stop: int) -> tuple[Node, ...]:
    """The perfect subtrees that make up the subtree over the entries from ``start`` up to ``stop``, left to right."""
    parts: list[Node] = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        parts.append(Node(level, start >> level))
        start += 1 << level
    return tuple(parts)


def root_of(size: int, read: NodeReader) -> bytes:
    """Root hash of the tree of a size."""
    return Frontier(size, read(perfect_parts(0, size))).root()


def inclusion_proof(number: int, size: int, read: NodeReader) -> tuple[bytes, ...]:
    """Proof that an entry is in the tree of a size (RFC 9162 §2.1.3.1), from the leaf upwards.

    Raises:
        InputError: ``audit.no_such_entry``: there is no such entry, or no such tree.
    """
    if not 0 <= number < size <= MAX_SIZE:
        raise InputError("the tree has no such entry", code="audit.no_such_entry")
    ranges: list[tuple[int, int]] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        ranges.append((middle, stop) if number < middle else (start, middle))
        start, stop = (start, middle) if number < middle else (middle, stop)
    return _hashes(reversed(ranges), read)


def consistency_proof(old: int, new: int, read: NodeReader) -> tuple[bytes, ...]:
    """Proof that the tree of size ``new`` begins with the tree of size ``old`` (RFC 9162 §2.1.4.1).

    Raises:
        InputError: ``audit.no_such_entry``: not 0 < old ≤ new.
    """
    if not 0 < old <= new <= MAX_SIZE:
        raise InputError("there are no such two trees", code="audit.no_such_entry")
    ranges: list[tuple[int, int]] = []
    start, stop, whole = 0, new, True
    while stop != old:
        middle = start + _split(stop - start)
        if old <= middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start, whole = middle, False
    if not whole:
        ranges.append((start, stop))
    return _hashes(reversed(ranges), read)


def verify_inclusion(
    *, leaf: bytes, number: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Return if the proof leads from the leaf to the root (RFC 9162 §2.1.3.2).

    Raises:
        TrustError: ``audit.proof_wrong``.
    """
    if not 0 <= number < size <= MAX_SIZE:
        raise _wrong()
    place, last, found = number, size - 1, leaf
    for step in proof:
        if last == 0:
            raise _wrong()
        if place & 1 or place == last:
            found = node_hash(step, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    if last != 0 or found != root:
        raise _wrong()


def verify_consistency(
    *, old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Return if the proof leads from both roots (RFC 9162 §2.1.4.2).

    Raises:
        TrustError: ``audit.proof_wrong``.
    """
    if old == new and not proof and 0 < old <= MAX_SIZE and old_root == new_root:
        return
    if not 0 < old < new <= MAX_SIZE or not proof:
        raise _wrong()
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    trailing = (old & -old).bit_length() - 1  # levels at which the smaller tree is a left half
    place, last = (old - 1) >> trailing, (new - 1) >> trailing
    before = after = path[0]
    for step in path[1:]:
        if last == 0:
            raise _wrong()
        if place & 1 or place == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, step)
        place, last = place >> 1, last >> 1
    if last != 0 or before != old_root or after != new_root:
        raise _wrong()


def _split(count: int) -> int:
    """The largest power of two below ``count``, which is 2 or more."""
    return 1 << (count - 1).bit_length() - 1


def _joined(roots: Sequence[bytes]) -> bytes:
    """Root over perfect subtrees that stand side by side, the largest first."""
    found = roots[-1]
    for left in reversed(roots[:-1]):
        found = node_hash(left, found)
    return found


def _hashes(ranges: Iterable[tuple[int, int]], read: NodeReader) -> tuple[bytes, ...]:
    """Roots of subtrees, with all the nodes that they are made of read at once."""
    parts = [perfect_parts(start, stop) for start, stop in ranges]
    known = iter(read([node for part in parts for node in part]))
    return tuple(_joined([next(known) for _ in part]) for part in parts)


def _wrong() -> TrustError:
    return TrustError("the proof does not lead to the root", code="audit.proof_wrong")
