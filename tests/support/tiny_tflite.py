"""Writes TensorFlow Lite files of a few operators, so that the reader is tested on files nobody else made.

A FlatBuffer is written front to back: every table, vector and string gets its place first, then the distances are
filled in. Objects: ``Table({field: value})`` with scalars as ``(layout, number)``.
"""

from __future__ import annotations

import struct

import numpy as np


class Table:
    def __init__(self, fields):
        self.fields = fields


def build(root, identifier=b"TFL3"):
    """Bytes of a FlatBuffer whose root is ``root``."""
    out = bytearray(8)
    out[4:8] = identifier
    at = _write(out, root)
    struct.pack_into("<I", out, 0, at)
    return bytes(out)


def _align(out):
    out.extend(b"\0" * (-len(out) % 4))


def _write(out, value):
    _align(out)
    if isinstance(value, Table):
        return _write_table(out, value)
    if isinstance(value, bytes | str):
        raw = value.encode() if isinstance(value, str) else value
        at = len(out)
        out.extend(struct.pack("<I", len(raw)) + raw + b"\0")
        return at
    at = len(out)
    if value and isinstance(value[0], Table):
        out.extend(struct.pack(f"<I{len(value)}I", len(value), *[0] * len(value)))
        for index, item in enumerate(value):
            place = at + 4 + 4 * index
            struct.pack_into("<I", out, place, _write(out, item) - place)
        return at
    out.extend(struct.pack(f"<I{len(value)}i", len(value), *value))
    return at


def _write_table(out, table):
    count = max(table.fields, default=-1) + 1
    vtable = len(out)
    size = 4 + 4 * count
    out.extend(struct.pack(f"<HH{count}H", 4 + 2 * count, size, *[0] * count))
    _align(out)
    at = len(out)
    out.extend(struct.pack("<i", at - vtable) + b"\0" * (4 * count))
    for field, value in table.fields.items():
        place = at + 4 + 4 * field
        struct.pack_into("<H", out, vtable + 4 + 2 * field, place - at)
        if isinstance(value, tuple):
            layout, number = value
            struct.pack_into(f"<{layout}", out, place, number)
        else:
            struct.pack_into("<I", out, place, _write(out, value) - place)
    return at


class Network:
    """A network of one branch: each step takes the tensor before it."""

    def __init__(self, shape):
        self.buffers = [Table({})]
        self.tensors = []
        self.codes = []
        self.operators = []
        self.last = self.tensor("x", shape)

    def tensor(self, name, shape, value=None):
        buffer = 0
        if value is not None:
            buffer = len(self.buffers)
            self.buffers.append(Table({0: value.tobytes()}))
        kind = 2 if value is not None and value.dtype == np.int32 else 0
        fields = {0: list(shape), 1: ("b", kind), 2: ("I", buffer), 3: name}
        self.tensors.append(Table(fields))
        return len(self.tensors) - 1

    def step(self, code, shape, *weights, options=None, also=()):
        constants = [
            self.tensor(f"w{len(self.tensors)}", weight.shape, weight) for weight in weights
        ]
        target = self.tensor(f"t{len(self.tensors)}", shape)
        fields = {
            0: ("I", len(self.codes)),
            1: [self.last, *also, *constants],
            2: [target],
        }
        if options is not None:
            fields[4] = Table(options)
        self.codes.append(Table({0: ("b", code), 3: ("i", code)}))
        self.operators.append(Table(fields))
        self.last = target
        return target

    def content(self, **changes):
        subgraph = {0: self.tensors, 1: [0], 2: [self.last], 3: self.operators}
        root = {0: ("I", 3), 1: self.codes, 2: [Table(subgraph)], 4: self.buffers}
        return build(Table({**root, **changes.get("root", {})}))
