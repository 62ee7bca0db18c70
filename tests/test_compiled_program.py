"""What the compilers make of an encoder layer: one pass for what needs no product in between.

Bias and GELU, and residual, dropout and LayerNorm, are written as plain operations. Each of them alone
would read and write the whole activation; XLA and PyTorch's compiler put them together, which is seen
in the program that they made.
"""

import collections
import math
import re

import keras
import numpy as np
import pytest

from keras_electra.config.encoder import EncoderConfig
from keras_electra.encoder_layer import EncoderLayer

BACKEND = keras.config.backend()
BATCH, LENGTH, HIDDEN, INNER = 4, 32, 64, 256
FUSED_OR_NO_PASS = {
    "fusion",
    "dot",
    "parameter",
    "tuple",
    "get-tuple-element",
    "bitcast",
    "concatenate",
    "copy",
}
"""Instructions of XLA that are products, moves, or passes with all elementwise work inside."""

PASSES = {"jax": 48, "tensorflow": 32}
"""Fusions of a whole activation, forward and backward; as many as there are, and one more."""

INSTRUCTION = re.compile(r"\s*(?:ROOT )?%?\S+ = \w+\[([\d,]*)\]\S* ([\w-]+)\(")


def layer_of(norm_position: str) -> EncoderLayer:
    keras.utils.clear_session()
    encoder = EncoderConfig(
        vocabulary_size=100,
        hidden_dim=HIDDEN,
        embedding_dim=HIDDEN,
        num_layers=1,
        num_heads=4,
        intermediate_dim=INNER,
        norm_position=norm_position,
    )
    layer = EncoderLayer(encoder, 0)
    layer.build()
    return layer


def forward_and_backward(layer) -> str:
    """XLA's program for the gradients of a layer with dropout."""
    x = np.ones((BATCH, LENGTH, HIDDEN), "float32")
    if BACKEND == "jax":
        import jax

        def loss(weights, x, noise):
            output, _ = layer.stateless_call(weights, [], x, noise=noise, training=True)
            return (output * output).sum()

        weights = [variable.value for variable in layer.trainable_variables]
        gradients = jax.jit(jax.grad(loss, argnums=(0, 1)))
        return gradients.lower(weights, x, np.array([1, 2], "uint32")).compile().as_text()
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def gradients(x, noise):
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = layer(x, noise=noise, training=True)
            loss = tf.reduce_sum(output * output)
        return tape.gradient(loss, [x, *(v.value for v in layer.trainable_variables)])

    inputs = tf.constant(x), tf.constant([1, 2])
    return gradients.experimental_get_compiler_ir(*inputs)(stage="optimized_hlo")


def large_instructions(program: str) -> dict[str, list[int]]:
    """Of the instructions of the main computation that give a whole activation: kind -> numbers given."""
    found = collections.defaultdict(list)
    for line in program[program.index("ENTRY ") :].splitlines():
        if match := INSTRUCTION.match(line):
            size = math.prod(int(number) for number in match[1].split(",") if number)
            if size >= BATCH * LENGTH * HIDDEN:
                found[match[2]].append(size)
    return found


@pytest.mark.skipif(BACKEND == "torch", reason="its compiler is another one, see below")
@pytest.mark.parametrize("norm_position", ["post", "pre"])
def test_no_elementwise_work_stands_alone(norm_position):
    found = large_instructions(forward_and_backward(layer_of(norm_position)))
    assert set(found) <= FUSED_OR_NO_PASS
    assert len(found["fusion"]) <= PASSES[BACKEND]


@pytest.mark.skipif(BACKEND != "torch", reason="of PyTorch's compiler")
def test_what_pytorch_compiles_leaves_products_alone():
    import torch
    from torch._inductor.utils import run_and_get_code
    from torch.fx.experimental.proxy_tensor import make_fx

    from keras_electra.backends import torch_dropout

    layer = layer_of("post")
    weights = [variable.value for variable in layer.trainable_variables]
    x = torch.ones((BATCH, LENGTH, HIDDEN), requires_grad=True)

    def loss(weights, x):
        output, _ = layer.stateless_call(weights, [], x, noise=None, training=True)
        return (output * output).sum()

    with torch_dropout.recorded():
        program = make_fx(loss, tracing_mode="fake", pre_dispatch=True)(weights, x)
    compiled = torch.compile(program, fullgraph=True, dynamic=False)
    _, codes = run_and_get_code(lambda: torch.autograd.grad(compiled(weights, x), [x, *weights]))
    forward, backward = ([line.strip() for line in code.splitlines()] for code in codes)
    lines = [line for line in forward + backward if not line.startswith(("#", "//"))]
    alone = set(re.findall(r"(?:torch\.ops\.aten|extern_kernels)\.(\w+)", "\n".join(lines)))
    # What draws the noise's seed is one number.
    assert alone - {"randint"} <= {"addmm", "mm", "bmm"}
    assert len(fused(forward)) <= 6 and len(fused(backward)) <= 8
    assert any({"gelu"} == parts_of(name) for name in fused(forward))
    assert any({"add", "dropout", "layer_norm"} <= parts_of(name) for name in fused(forward))


def fused(lines: list[str]) -> list[str]:
    """Names of the kernels that a generated program calls, each made of the operations in it."""
    start = next(n for n, line in enumerate(lines) if line.startswith("def call"))
    return re.findall(r"(cpp_fused_\w+)\(", "\n".join(lines[start:]))


def parts_of(name: str) -> set[str]:
    """Of the operations in a kernel's name those that compute."""
    return {part for part in ("gelu", "add", "dropout", "layer_norm", "softmax") if part in name}
