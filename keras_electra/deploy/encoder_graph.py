"""The encoder in ONNX's operations, one function per layer of `keras_electra.layers` and `encoder_layer`.

Shapes: B examples, T tokens, E embedding width, H hidden width, N heads, D width of a head, I inner width,
G projections side by side in front of the activation, W tokens in the window of local mixing.
"""

from typing import Any

import numpy as np

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.encoder import Direction
from keras_electra.deploy.graph import FIRST, LAST, Graph, array
from keras_electra.encoder_layer import EncoderLayer, rotation_table
from keras_electra.layers import LAYER_NORM_EPSILON, Embeddings, LocalMixing

Rotation = list[str] | None
"""Names of the cosines and sines of rotary positions."""
HIDING = 1e9
"""Subtracted from the score of a position that is not to be seen."""


def encoder_graph(graph: Graph, backbone: ElectraBackbone) -> str:
    """Last hidden states (B, T, H) of the graph's inputs `token_ids`, `segment_ids`, `padding_mask`."""
    encoder = backbone.encoder
    x = embeddings(graph, backbone.embeddings)
    if backbone.projection is not None:
        kernel, bias = array(backbone.projection.kernel), array(backbone.projection.bias)
        x = graph.dense(x, kernel, bias)  # (B, T, E) -> (B, T, H)
    if backbone.mixing is not None:
        x = local_mixing(graph, backbone.mixing, x)
    mask = attention_mask(graph, backbone.direction)
    rotation = None
    if encoder.position_encoding == "rotary":
        width = encoder.hidden_dim // encoder.num_heads
        tables = rotation_table(encoder.max_sequence_length, width)
        rotation = [first_places(graph, array(table)) for table in tables]
    for layer in backbone.encoder_layers:
        x = encoder_layer(graph, layer, x, mask, rotation)
    return x if backbone.final_norm is None else normalized(graph, backbone.final_norm.norm, x)


def embeddings(graph: Graph, layer: Embeddings) -> str:
    """The sum of the tables' rows, normalized."""
    x = graph.gather(graph.constant(array(layer.table())), "token_ids", 0)  # (B, T, E)
    if layer.encoder.position_encoding == "learned":
        x = graph.add(x, first_places(graph, array(layer.position_embeddings)))
    segments = array(layer.segment_embeddings)
    if layer.encoder.num_segments == 1:
        segments = graph.constant(segments[0])
    else:
        segments = graph.gather(graph.constant(segments), "segment_ids", 0)  # (B, T, E)
    return normalized(graph, layer.norm, graph.add(x, segments))


def first_places(graph: Graph, table: np.ndarray) -> str:
    """The first T rows of a table."""
    return graph.slice(graph.constant(table), FIRST, graph.length("token_ids", 1), 0)


def local_mixing(graph: Graph, layer: LocalMixing, x: str) -> str:
    """A gated projection of the neighbours added to each place."""
    real = graph.unsqueeze(graph.cast("padding_mask", "float32"), -1)
    x = graph.multiply(x, real)
    window = [shifted(graph, x, offset) for offset in layer.offsets]
    window = graph.concatenate(window, -1)  # (B, T, WH)
    both = graph.dense(window, array(layer.gate_kernel), array(layer.gate_bias))  # (B, T, 2H)
    gate, value = graph.split(both, -1, 2)  # (B, T, H) each
    mixed = graph.multiply(graph.gelu(gate), value)
    mixed = graph.dense(mixed, array(layer.output_kernel), array(layer.output_bias))  # (B, T, H)
    return graph.add(x, mixed)


def shifted(graph: Graph, x: str, offset: int) -> str:
    """`x[:, t + offset]` at place t, zero where that is outside."""
    if offset == 0:
        return x
    pads = graph.constant([0, max(-offset, 0), 0, 0, max(offset, 0), 0], "int64")
    padded = graph.node("Pad", x, pads)
    bounds = (offset, LAST) if offset > 0 else (FIRST, offset)
    return graph.slice(padded, *bounds, 1)


def attention_mask(graph: Graph, direction: Direction) -> str:
    """What is added to the scores: (B, 1, 1 or T, T); a query that sees nothing has all scores."""
    seen = graph.unsqueeze("padding_mask", 1, 2)
    if direction != "both":
        length = graph.squeeze(graph.length("token_ids", 1), 0)
        zero, one = (graph.constant(number, "int64") for number in (0, 1))
        places = graph.node("Range", zero, length, one)
        columns, rows = graph.unsqueeze(places, 0), graph.unsqueeze(places, 1)
        pair = (columns, rows) if direction == "left" else (rows, columns)
        seen = graph.node("And", seen, graph.node("LessOrEqual", *pair))
    seen = graph.cast(seen, "float32")
    sees_any = graph.node("ReduceMax", seen, graph.constant([-1], "int64"))
    return graph.multiply(graph.node("Sub", seen, sees_any), graph.constant(HIDING, "float32"))


def encoder_layer(graph: Graph, layer: EncoderLayer, x: str, mask: str, rotation: Rotation) -> str:
    """Attention and feed-forward with their residuals."""
    attention_norm, output_norm = layer.attention_norm, layer.output_norm
    if layer.encoder.norm_position == "pre":
        before = normalized(graph, attention_norm, x)
        x = graph.add(x, attended(graph, layer, before, mask, rotation))
        return graph.add(x, transformed(graph, layer, normalized(graph, output_norm, x)))
    x = graph.add(x, attended(graph, layer, x, mask, rotation))
    x = normalized(graph, attention_norm, x)
    return normalized(graph, output_norm, graph.add(x, transformed(graph, layer, x)))


def attended(graph: Graph, layer: EncoderLayer, x: str, mask: str, rotation: Rotation) -> str:
    """The attention sublayer."""
    hidden, heads = layer.encoder.hidden_dim, layer.encoder.num_heads
    width = hidden // heads
    kernel, bias = np.copy(array(layer.updated("qkv_kernel"))), np.copy(array(layer.qkv_bias))
    # The scores are divided by sqrt(D) here: queries come out of the kernel that much smaller.
    kernel[:, :hidden] *= width**-0.5
    bias[:hidden] *= width**-0.5
    query, key, value = (
        graph.transpose(graph.reshape(part, 0, 0, heads, width), 0, 2, 1, 3)  # (B, N, T, D)
        for part in graph.split(graph.dense(x, kernel, bias), -1, 3)  # (B, T, 3H) -> (B, T, H) each
    )
    if rotation is not None:
        query, key = rotated(graph, query, rotation), rotated(graph, key, rotation)
    scores = graph.matmul(query, graph.transpose(key, 0, 1, 3, 2))  # (B, N, T, T)
    weights = graph.node("Softmax", graph.add(scores, mask), axis=-1)
    context = graph.matmul(weights, value)  # (B, N, T, D)
    context = graph.reshape(graph.transpose(context, 0, 2, 1, 3), 0, 0, hidden)  # (B, T, H)
    kernel = array(layer.updated("attention_kernel"))
    return graph.dense(context, kernel, array(layer.attention_bias))  # (B, T, H)


def rotated(graph: Graph, x: str, rotation: list[str]) -> str:
    """Queries or keys (B, N, T, D) turned by their positions."""
    cosines, sines = rotation
    first, second = graph.split(x, -1, 2)  # (B, N, T, D/2) each
    turned = (
        graph.node("Sub", graph.multiply(first, cosines), graph.multiply(second, sines)),
        graph.add(graph.multiply(second, cosines), graph.multiply(first, sines)),
    )
    return graph.concatenate(turned, -1)  # (B, N, T, D)


def transformed(graph: Graph, layer: EncoderLayer, x: str) -> str:
    """The feed-forward sublayer."""
    kernel, bias = array(layer.updated("intermediate_kernel")), array(layer.intermediate_bias)
    inner = graph.dense(x, kernel, bias)  # (B, T, GI)
    if layer.encoder.feed_forward == "geglu":
        inner, gate = graph.split(inner, -1, 2)  # (B, T, I) each
        inner = graph.multiply(graph.gelu(inner), gate)
    else:
        inner = graph.gelu(inner)
    kernel, bias = array(layer.updated("output_kernel")), array(layer.output_bias)
    return graph.dense(inner, kernel, bias)  # (B, T, H)


def normalized(graph: Graph, norm: tuple[Any, Any], x: str) -> str:
    """LayerNorm with the weights of a pair (gamma, beta)."""
    gamma, beta = norm
    return graph.layer_norm(x, array(gamma), array(beta), LAYER_NORM_EPSILON)
