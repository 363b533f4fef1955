"""Tiny graphs, registry entries and package archives, built here and not fetched."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ekyc.inference import ModelRegistry, ModelStore, RegistryEntry

RNG = np.random.default_rng(7)


def tensor(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, initializers, opset=21):
    graph = helper.make_graph(
        nodes,
        "tiny",
        inputs,
        outputs,
        [numpy_helper.from_array(value, name) for name, value in initializers.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


class Tiny:
    """Builders of small published models, each with the trait that one transform exists for."""

    @staticmethod
    def prelu():
        """Fixed batch of 1: Conv, PRelu, mean over the image, Reshape with a constant 1 in front."""
        weights = {
            "w": RNG.normal(size=(4, 3, 3, 3)).astype(np.float32),
            "slope": RNG.uniform(-0.5, 0.9, (4, 1, 1)).astype(np.float32),
            "shape": np.array([1, -1], dtype=np.int64),
        }
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["c"], kernel_shape=[3, 3]),
            helper.make_node("PRelu", ["c", "slope"], ["p"]),
            helper.make_node("GlobalAveragePool", ["p"], ["m"]),
            helper.make_node("Reshape", ["m", "shape"], ["y"]),
        ]
        return model(nodes, [tensor("x", [1, 3, 8, 8])], [tensor("y", [1, 4])], weights)

    @staticmethod
    def detector():
        """Fixed size, like the face detector: (1, 3, 32, 32) to (1, anchors, 2)."""
        weights = {
            "w": RNG.normal(size=(2, 3, 1, 1)).astype(np.float32),
            "shape": np.array([1, -1, 2], dtype=np.int64),
        }
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["c"], kernel_shape=[1, 1], strides=[8, 8]),
            helper.make_node("Transpose", ["c"], ["t"], perm=[0, 2, 3, 1]),
            helper.make_node("Reshape", ["t", "shape"], ["y"]),
        ]
        return model(nodes, [tensor("x", [1, 3, 32, 32])], [tensor("y", [1, 16, 2])], weights)

    @staticmethod
    def quantised():
        """Block-quantised like the face embedder: weights as graph inputs, Dropout with a vector ratio."""
        weights = {
            "q": RNG.integers(-128, 127, (4, 10), dtype=np.int8),
            "s": RNG.uniform(0.01, 0.1, (4, 3)).astype(np.float32),
            "z": RNG.integers(-8, 8, (4, 3), dtype=np.int8),
            "bq": RNG.integers(-128, 127, (4,), dtype=np.int8),
            "bs": np.array([0.05], dtype=np.float32),
            "bz": np.array([3], dtype=np.int8),
            "ratio": np.array([0.5], dtype=np.float32),
        }
        nodes = [
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"], axis=1, block_size=4),
            # One scale for all, yet with block_size: the form that onnxruntime refuses.
            helper.make_node("DequantizeLinear", ["bq", "bs", "bz"], ["b"], axis=0, block_size=4),
            helper.make_node("Dropout", ["x", "ratio"], ["d"]),
            helper.make_node("Gemm", ["d", "w", "b"], ["y"], transB=1),
        ]
        inputs = [tensor("x", [1, 10]), tensor("w", [4, 10]), tensor("b", [4])]
        return model(nodes, inputs, [tensor("y", [1, 4])], weights)

    @staticmethod
    def time_first():
        """Answer with the batch axis second, like the recogniser of lines."""
        nodes = [helper.make_node("Transpose", ["x"], ["y"], perm=[2, 0, 1])]
        return model(nodes, [tensor("x", ["N", 3, "W"])], [tensor("y", ["W", "N", 3])], {})

    @staticmethod
    def noop():
        nodes = [helper.make_node("Identity", ["x"], ["y"])]
        return model(nodes, [tensor("x", ["N", "W"])], [tensor("y", ["N", "W"])], {})


@dataclass
class Published:
    """A registry entry and the file that it pins."""

    entry: RegistryEntry
    content: bytes


def published(
    content: bytes | onnx.ModelProto,
    *,
    entry_id="tiny",
    kind="model",
    item=(4,),
    outputs=((4,),),
    transforms=(),
    parity=None,
    registry="pypi",
    path="tiny/models/tiny.onnx",
    **changes,
) -> Published:
    """An entry that pins ``content``; shapes may hold capital letters."""
    if not isinstance(content, bytes):
        content = content.SerializeToString()
    fields = {
        "id": entry_id,
        "kind": kind,
        "title": "tiny",
        "source": {
            "registry": registry,
            "package": "tiny-package",
            "version": "1.2.3",
            "path": path,
        },
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "licence_code": "MIT",
        "licence_weights": "MIT",
        "training_data": "none",
        "disclosed": True,
        "card": {"purpose": "test", "measured": "nothing", "limits": "all"},
    }
    if kind == "model":
        fields |= {
            "transforms": transforms,
            "input": {
                "name": "x",
                "shape": item,
                "dtype": "float32",
                "channel_order": "BGR",
                "value_range": (0.0, 255.0),
            },
            "outputs": tuple(
                {"name": "y", "shape": shape, "meaning": "test", "batch_axis": axis}
                for shape, axis in (
                    out if isinstance(out[0], tuple) else (out, 0) for out in outputs
                )
            ),
            "parity_shapes": parity or (tuple(5 if isinstance(d, str) else d for d in item),),
        }
    return Published(RegistryEntry.model_validate({**fields, **changes}), content)


def wheel(
    folder: Path, members: dict[str, bytes], name="tiny_package-1.2.3-py3-none-any.whl"
) -> Path:
    path = folder / name
    metadata = b"Metadata-Version: 2.1\nName: tiny-package\nVersion: 1.2.3\n"
    tags = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    info = {
        "tiny_package-1.2.3.dist-info/METADATA": metadata,
        "tiny_package-1.2.3.dist-info/WHEEL": tags,
        "tiny_package-1.2.3.dist-info/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in (members | info).items():
            archive.writestr(member, content)
    return path


def tarball(folder: Path, members: dict[str, bytes], name="tiny-package-1.2.3.tgz") -> Path:
    path = folder / name
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


class Kit:
    """All builders under one name, because test files cannot import a conftest."""

    tiny = Tiny
    published = staticmethod(published)
    wheel = staticmethod(wheel)
    tarball = staticmethod(tarball)
    model = staticmethod(model)
    tensor = staticmethod(tensor)

    @staticmethod
    def store(root: Path, *entries: RegistryEntry) -> ModelStore:
        return ModelStore(root, registry=ModelRegistry(entries))


class MemoryFetcher:
    """A fetcher over bytes in memory that counts what it is asked for."""

    def __init__(self, *files: Published) -> None:
        self.files = {file.entry.id: file.content for file in files}
        self.asked: list[str] = []

    def fetch(self, entry: RegistryEntry) -> bytes:
        self.asked.append(entry.id)
        return self.files[entry.id]


@pytest.fixture(scope="session")
def kit():
    return Kit


@pytest.fixture
def memory_fetcher():
    return MemoryFetcher
