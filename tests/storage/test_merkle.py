"""The tree of RFC 9162 §2.1 against the recursive definitions of the text, written down here a second time."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError, TrustError
from ekyc.storage.evidence.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    perfect_parts,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# --- the definitions, as the RFC words them; no code of ours ---


def sha(data):
    return hashlib.sha256(data).digest()


def k_of(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(d):
    """§2.1.1"""
    if not d:
        return sha(b"")
    if len(d) == 1:
        return sha(b"\x00" + d[0])
    k = k_of(len(d))
    return sha(b"\x01" + mth(d[:k]) + mth(d[k:]))


def path(m, d):
    """§2.1.3.1"""
    if len(d) == 1:
        return []
    k = k_of(len(d))
    if m < k:
        return [*path(m, d[:k]), mth(d[k:])]
    return [*path(m - k, d[k:]), mth(d[:k])]


def proof(m, d):
    """§2.1.4.1"""

    def subproof(m, d, whole):
        if m == len(d):
            return [] if whole else [mth(d)]
        k = k_of(len(d))
        if m <= k:
            return [*subproof(m, d[:k], whole), mth(d[k:])]
        return [*subproof(m - k, d[k:], False), mth(d[:k])]

    return subproof(m, d, True)


# --- ours ---


class Kept:
    """What a store of a log keeps: with each entry, the hashes that it completes."""

    def __init__(self, entries):
        self.frontier = Frontier()
        self.rows = [self.frontier.append(leaf_hash(entry)) for entry in entries]

    def read(self, nodes):
        return [self.rows[node.completed_by][node.level] for node in nodes]


ENTRIES = [f"entry {number}".encode() for number in range(70)]
SIZES = [*range(1, 36), 63, 64, 65, 70]


@pytest.mark.parametrize("size", SIZES)
def test_root_and_every_proof_are_those_of_the_definitions(size):
    entries = ENTRIES[:size]
    kept = Kept(entries)
    root = mth(entries)
    assert kept.frontier.root() == root_of(size, kept.read) == root
    for number in range(size):
        found = inclusion_proof(number, size, kept.read)
        assert list(found) == path(number, entries)
        verify_inclusion(
            leaf=leaf_hash(entries[number]), number=number, size=size, proof=found, root=root
        )
    for old in range(1, size + 1):
        found = consistency_proof(old, size, kept.read)
        assert list(found) == proof(old, entries)
        verify_consistency(
            old=old, old_root=mth(entries[:old]), new=size, new_root=root, proof=found
        )


def test_the_shapes_that_the_standard_draws():
    """RFC 9162 §2.1.5: seven entries; PATH(0), PATH(3), PATH(4), PATH(6) and PROOF(3), PROOF(4), PROOF(6)."""
    d = ENTRIES[:7]
    kept = Kept(d)
    a, b, c, d_, e, f, j = (sha(b"\x00" + entry) for entry in d)
    g, h, i = (sha(b"\x01" + x + y) for x, y in ((a, b), (c, d_), (e, f)))
    k, n = sha(b"\x01" + g + h), sha(b"\x01" + i + j)
    assert inclusion_proof(0, 7, kept.read) == (b, h, n)
    assert inclusion_proof(3, 7, kept.read) == (c, g, n)
    assert inclusion_proof(4, 7, kept.read) == (f, j, k)
    assert inclusion_proof(6, 7, kept.read) == (i, k)
    assert consistency_proof(3, 7, kept.read) == (c, d_, g, n)
    assert consistency_proof(4, 7, kept.read) == (n,)
    assert consistency_proof(6, 7, kept.read) == (i, j, k)


def test_the_known_empty_tree_and_the_known_leaf():
    """SHA-256 of nothing and of one zero byte: what any implementation of SHA-256 gives."""
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert EMPTY_ROOT.hex() == Frontier().root().hex() == empty
    zero = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert leaf_hash(b"").hex() == zero


@given(st.integers(1, 70), st.data())
def test_nothing_but_the_proof_itself_passes(size, data):
    entries = ENTRIES[:size]
    kept = Kept(entries)
    number = data.draw(st.integers(0, size - 1))
    good = list(inclusion_proof(number, size, kept.read))
    bad = data.draw(st.sampled_from(["flip", "cut", "longer", "leaf", "number", "root"]))
    leaf, root = leaf_hash(entries[number]), kept.frontier.root()
    if bad == "flip" and good:
        at = data.draw(st.integers(0, len(good) - 1))
        good[at] = bytes([good[at][0] ^ 1]) + good[at][1:]
    elif bad == "cut" and good:
        good.pop(data.draw(st.integers(0, len(good) - 1)))
    elif bad == "longer":
        good.insert(data.draw(st.integers(0, len(good))), leaf)
    elif bad == "leaf":
        leaf = leaf_hash(b"another")
    elif bad == "number":
        number = data.draw(st.integers(-1, size).filter(lambda other: other != number))
    else:
        root = sha(root)
    with pytest.raises(TrustError):
        verify_inclusion(leaf=leaf, number=number, size=size, proof=good, root=root)


@pytest.mark.parametrize(("size", "claimed"), [(2, 3), (2, 4), (4, 5), (4, 8), (1, 2)])
def test_a_proof_is_of_one_height(size, claimed):
    """The root of the smaller tree is reached, and the larger one goes on above it."""
    kept = Kept(ENTRIES[:size])
    with pytest.raises(TrustError):
        verify_inclusion(
            leaf=leaf_hash(ENTRIES[0]),
            number=0,
            size=claimed,
            proof=inclusion_proof(0, size, kept.read),
            root=kept.frontier.root(),
        )


@pytest.mark.parametrize(("old", "new", "claimed"), [(2, 4, 8), (1, 2, 4), (4, 8, 16), (3, 4, 8)])
def test_a_proof_of_consistency_is_of_one_height_too(old, new, claimed):
    kept = Kept(ENTRIES[:new])
    with pytest.raises(TrustError):
        verify_consistency(
            old=old,
            old_root=mth(ENTRIES[:old]),
            new=claimed,
            new_root=kept.frontier.root(),
            proof=consistency_proof(old, new, kept.read),
        )


@given(st.integers(1, 70), st.data())
def test_no_other_beginning_is_proved(new, data):
    old = data.draw(st.integers(1, new))
    kept = Kept(ENTRIES[:new])
    good = list(consistency_proof(old, new, kept.read))
    old_root, new_root = mth(ENTRIES[:old]), kept.frontier.root()
    bad = data.draw(st.sampled_from(["flip", "cut", "longer", "old", "new"]))
    if bad == "flip" and good:
        at = data.draw(st.integers(0, len(good) - 1))
        good[at] = bytes([good[at][0] ^ 1]) + good[at][1:]
    elif bad == "cut" and good:
        good.pop(data.draw(st.integers(0, len(good) - 1)))
    elif bad == "longer":
        good.append(sha(b"more"))
    elif bad == "new":
        new_root = sha(new_root)
    else:
        old_root = mth([b"rewritten", *ENTRIES[1:old]])
    with pytest.raises(TrustError):
        verify_consistency(old=old, old_root=old_root, new=new, new_root=new_root, proof=good)


@given(st.integers(0, 1 << 40))
def test_a_tree_has_as_many_perfect_parts_as_its_size_has_bits(size):
    parts = perfect_parts(0, size)
    assert len(parts) == size.bit_count()
    assert sum(1 << part.level for part in parts) == size
    assert all(part.completed_by < size for part in parts)


@pytest.mark.parametrize(("number", "size"), [(-1, 3), (3, 3), (0, 0), (0, (1 << 53) + 1)])
def test_what_is_not_there_has_no_proof(number, size):
    with pytest.raises(InputError):
        inclusion_proof(number, size, Kept([]).read)


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (-1, 1)])
def test_trees_that_are_not_there_have_no_proof(old, new):
    with pytest.raises(InputError):
        consistency_proof(old, new, Kept(ENTRIES).read)
    with pytest.raises(TrustError):
        verify_consistency(old=old, old_root=b"", new=new, new_root=b"", proof=())
