"""A graph of operators as bytes of an ONNX model, for weights that come in a format of their own.

ONNX is a protocol buffer: a message is a run of fields, each a key (number × 8 + wire type) and a value. What is
written here is the part of it that a frozen network needs: float inputs and outputs, stored tensors, nodes.
Source: onnx.proto3 of ONNX IR version 8, https://github.com/onnx/onnx.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Graph"]

TYPES = {np.dtype(np.float32): 1, np.dtype(np.uint8): 2, np.dtype(np.int64): 7}


@dataclass
class Graph:
    """Nodes in the order in which they are added; tensors are called by name.

    Example:
        >>> import onnxruntime
        >>> graph = Graph()
        >>> graph.node("Add", ["x", graph.tensor("one", np.ones(2, np.float32))], "y")
        'y'
        >>> onnxruntime.InferenceSession(graph.model({"x": [2]}, "y")).run(None, {"x": np.zeros(2, np.float32)})
        [array([1., 1.], dtype=float32)]
    """

    nodes: list[bytes] = field(default_factory=list)
    tensors: list[bytes] = field(default_factory=list)

    def tensor(self, name: str, value: np.ndarray) -> str:
        """Store a tensor; its name."""
        dims = b"".join(_number(1, size) for size in value.shape)
        raw = _bytes(9, np.ascontiguousarray(value).tobytes())
        self.tensors.append(dims + _number(2, TYPES[value.dtype]) + _text(8, name) + raw)
        return name

    def node(self, kind: str, inputs: Sequence[str], output: str, *, domain: str = "", **settings: float) -> str:
        """Add an operator, whose settings are whole or real numbers; the name of its output."""
        names = b"".join(_text(1, name) for name in inputs) + _text(2, output)
        attributes = b"".join(_bytes(5, _attribute(name, value)) for name, value in settings.items())
        self.nodes.append(names + _text(4, kind) + attributes + _text(7, domain))
        return output

    def model(self, inputs: dict[str, Sequence[int | str]], output: str) -> bytes:
        """The whole model: float inputs with their shapes, where a size that varies has a name."""
        graph = b"".join(_bytes(1, node) for node in self.nodes) + _text(2, "graph")
        graph += b"".join(_bytes(5, tensor) for tensor in self.tensors)
        graph += b"".join(_bytes(11, _text(1, name) + _bytes(2, _floats(shape))) for name, shape in inputs.items())
        graph += _bytes(12, _text(1, output) + _bytes(2, _bytes(1, _number(1, 1))))
        operators = _bytes(8, _text(1, "") + _number(2, 17)) + _bytes(8, _text(1, "com.microsoft") + _number(2, 1))
        return _number(1, 8) + _bytes(7, graph) + operators


def _attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, 2)
    return _text(1, name) + _varint(2 * 8 + 5) + np.float32(value).tobytes() + _number(20, 1)


def _floats(shape: Sequence[int | str]) -> bytes:
    """The type of a float tensor."""
    dims = b"".join(_bytes(1, _text(2, size) if isinstance(size, str) else _number(1, size)) for size in shape)
    return _bytes(1, _number(1, 1) + _bytes(2, dims))


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _number(key: int, value: int) -> bytes:
    return _varint(key * 8) + _varint(value)


def _bytes(key: int, value: bytes) -> bytes:
    return _varint(key * 8 + 2) + _varint(len(value)) + value


def _text(key: int, value: str) -> bytes:
    return _bytes(key, value.encode())
