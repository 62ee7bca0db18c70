"""An ONNX graph written one node a line.

Values are named by strings, as ONNX names them: every method returns the name of what it computes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from keras import ops
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
"""The first with `Gelu`; its version of the file format is 9."""
IR_VERSION = 9
TYPES = {
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
    "float32": TensorProto.FLOAT,
}
FIRST, LAST = 0, np.iinfo(np.int64).max
"""Bounds of a slice that reaches to the ends."""


class Graph:
    """Nodes and constants being collected.

    Args:
        prefix: begins every name, so that a graph inside another has names of its own.
    """

    def __init__(self, prefix: str = ""):
        self.prefix = prefix
        self.nodes = []
        self.initializers = []
        self._known = {}
        self._count = 0

    def constant(self, value: Any, dtype: str | None = None) -> str:
        """A constant; one that is small and there already is used again."""
        value = np.asarray(value, dtype, order="C")
        key = (value.dtype.str, value.shape, value.tobytes()) if value.size <= 16 else None
        if key in self._known:
            return self._known[key]
        name = self._new_name("constant")
        self.initializers.append(numpy_helper.from_array(value, name))
        if key is not None:
            self._known[key] = name
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """An ONNX node; the name of its output."""
        return self.nodes_of(kind, inputs, 1, **attributes)[0]

    def nodes_of(
        self, kind: str, inputs: Sequence[str], count: int, **attributes: Any
    ) -> list[str]:
        """An ONNX node of several outputs; their names."""
        outputs = [self._new_name(kind) for _ in range(count)]
        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return outputs

    def _new_name(self, kind: str) -> str:
        self._count += 1
        return f"{self.prefix}{kind.lower()}_{self._count}"

    # What the layers are made of

    def add(self, x: str, y: str) -> str:
        return self.node("Add", x, y)

    def multiply(self, x: str, y: str) -> str:
        return self.node("Mul", x, y)

    def matmul(self, x: str, y: str) -> str:
        return self.node("MatMul", x, y)

    def dense(self, x: str, kernel: Any, bias: Any) -> str:
        """`x @ kernel + bias`, the weights given as Keras has them, or as arrays."""
        return self.add(self.matmul(x, self.constant(array(kernel))), self.constant(array(bias)))

    def gelu(self, x: str) -> str:
        """GELU by the error function."""
        return self.node("Gelu", x, approximate="none")

    def layer_norm(self, x: str, gamma: np.ndarray, beta: np.ndarray, epsilon: float) -> str:
        inputs = x, self.constant(gamma), self.constant(beta)
        return self.node("LayerNormalization", *inputs, axis=-1, epsilon=epsilon)

    def cast(self, x: str, dtype: str) -> str:
        return self.node("Cast", x, to=TYPES[dtype])

    def gather(self, x: str, indices: str, axis: int) -> str:
        return self.node("Gather", x, indices, axis=axis)

    def at(self, x: str, index: int, axis: int) -> str:
        """One slice of an axis, which goes."""
        return self.gather(x, self.constant(index, "int64"), axis)

    def slice(self, x: str, start: str | int, end: str | int, axis: int) -> str:
        """A stretch of an axis; bounds are numbers, or names of values (1,)."""
        bounds = [
            bound if isinstance(bound, str) else self.constant([bound], "int64")
            for bound in (start, end)
        ]
        return self.node("Slice", x, *bounds, self.constant([axis], "int64"))

    def split(self, x: str, axis: int, count: int) -> list[str]:
        """Equal parts of an axis."""
        return self.nodes_of("Split", (x,), count, axis=axis, num_outputs=count)

    def concatenate(self, parts: Sequence[str], axis: int) -> str:
        return self.node("Concat", *parts, axis=axis)

    def transpose(self, x: str, *axes: int) -> str:
        return self.node("Transpose", x, perm=axes)

    def reshape(self, x: str, *shape: int) -> str:
        """Another shape; 0 keeps an axis as it is, -1 stands for the rest."""
        return self.node("Reshape", x, self.constant(shape, "int64"))

    def unsqueeze(self, x: str, *axes: int) -> str:
        return self.node("Unsqueeze", x, self.constant(axes, "int64"))

    def squeeze(self, x: str, *axes: int) -> str:
        return self.node("Squeeze", x, self.constant(axes, "int64"))

    def length(self, x: str, axis: int) -> str:
        """The size (1,) int64 of an axis."""
        return self.node("Shape", x, start=axis, end=axis + 1)

    def finished(
        self, name: str, inputs: Sequence[tuple], outputs: Sequence[tuple]
    ) -> onnx.GraphProto:
        """The graph.

        Args:
            inputs, outputs: triples of name, dtype and shape, of numbers and names of axes.
        """
        given, made = (
            [helper.make_tensor_value_info(n, TYPES[dtype], shape) for n, dtype, shape in values]
            for values in (inputs, outputs)
        )
        return helper.make_graph(self.nodes, name, given, made, self.initializers)


def array(value: Any) -> np.ndarray:
    """A weight as a float32 array."""
    return np.asarray(ops.convert_to_numpy(value), np.float32)
