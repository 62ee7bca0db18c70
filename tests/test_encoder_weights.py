"""`EncoderConfig.body` describes the encoder that is built, and the ONNX graph computes with the same."""

import itertools
import typing

import numpy as np
import pytest

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.encoder import FEED_FORWARD_BLOCKS, EncoderConfig, Kernel
from keras_electra.config.finetune import LORA_TARGETS

SIZES = {
    "vocabulary_size": 30,
    "hidden_dim": 8,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_dim": 12,
    "max_sequence_length": 16,
}
CHOICES = {
    "embedding_dim": (8, 6),
    "norm_position": ("post", "pre"),
    "local_mixing_width": (0, 3),
    "position_encoding": ("learned", "rotary"),
    "feed_forward": tuple(FEED_FORWARD_BLOCKS),
    "num_segments": (1, 2),
}
VARIANTS = [
    {**SIZES, **dict(zip(CHOICES, values, strict=True))}
    for values in itertools.product(*CHOICES.values())
]
SOME_VARIANTS = VARIANTS[:: len(VARIANTS) // 12 + 1] + VARIANTS[-1:]


def described(encoder, direction):
    """(name, shape, blocks) of each weight above the embeddings."""
    for part in encoder.body(direction):
        if isinstance(part, Kernel):
            yield part.name, (part.rows, part.columns), part.blocks
            yield part.bias_name, (part.columns,), 0
        else:
            yield f"{part.name}_gamma", (part.width,), 0
            yield f"{part.name}_beta", (part.width,), 0


def built(layers):
    for layer in layers:
        for weight in layer.own_weights.values():
            yield weight.name, tuple(weight.shape), getattr(weight, "hidden_blocks", 0)


def number_of_values(parts):
    return sum(int(np.prod(shape)) for _, shape, _ in parts)


@pytest.mark.parametrize("direction", ["both", "left", "right"])
def test_what_is_described_is_built(shapes_only, direction):
    for options in VARIANTS:
        encoder = EncoderConfig(**options)
        backbone = ElectraBackbone(**options, direction=direction)
        embeddings, *layers = backbone.parts
        body = list(described(encoder, direction))
        assert list(built(layers)) == body, options
        assert sum(part.num_parameters for part in encoder.body(direction)) == number_of_values(
            body
        )
        tables = [(name, shape, 0) for name, shape in encoder.tables().items()]
        width = (encoder.embedding_dim,)
        norm = [("norm_gamma", width, 0), ("norm_beta", width, 0)]
        assert list(built([embeddings])) == tables + norm, options


@pytest.mark.parametrize("options", SOME_VARIANTS, ids=lambda o: "-".join(map(str, o.values())))
def test_the_exported_graph_has_the_kernels_described(options):
    """In the order of the forward pass, each once, with its bias; and no product beside attention's."""
    pytest.importorskip("onnx")
    from onnx import numpy_helper

    from keras_electra.deploy.encoder_graph import encoder_graph
    from keras_electra.deploy.graph import Graph

    encoder = EncoderConfig(**options)
    graph = Graph()
    encoder_graph(graph, ElectraBackbone(**options))
    arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializers}
    products = [node for node in graph.nodes if node.op_type == "MatMul"]
    with_kernel = [arrays[node.input[1]].shape for node in products if node.input[1] in arrays]
    assert with_kernel == [(kernel.rows, kernel.columns) for kernel in encoder.kernels()]
    assert len(products) == len(with_kernel) + 2 * encoder.num_layers
    norms = [node for node in graph.nodes if node.op_type == "LayerNormalization"]
    assert len(norms) == 1 + len(encoder.body()) - len(encoder.kernels())


def test_each_choice_of_a_feed_forward_says_its_blocks():
    choices = typing.get_args(typing.get_type_hints(EncoderConfig)["feed_forward"])
    assert set(choices) == FEED_FORWARD_BLOCKS.keys()


def test_the_targets_of_low_rank_updates_are_those_of_the_kernels():
    kernels = EncoderConfig(**VARIANTS[0]).layer_kernels()
    assert (
        tuple(dict.fromkeys(name for kernel in kernels for name in kernel.targets)) == LORA_TARGETS
    )
