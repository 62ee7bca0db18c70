"""The heads in ONNX's operations, one function per head of `heads` and `task_heads`.

Every function takes hidden states (B, T, H) and returns {name of an output: name in the graph}.
Shapes: B examples, T tokens, H hidden width, K beam size.
"""

from keras_electra.deploy.encoder_graph import array
from keras_electra.deploy.graph import FIRST, Graph
from keras_electra.task_heads import IMPOSSIBLE


def head_graph(graph: Graph, network, hidden: str) -> dict[str, str]:
    """The outputs of a `DeployedNetwork`'s head."""
    return WRITERS[network.kind](graph, network.head, hidden)


def replaced_tokens(graph, head, hidden):
    """`logits` (B, T)."""
    x = graph.gelu(graph.dense(hidden, array(head.kernel), array(head.bias)))
    return {"logits": one_each(graph, x, (head.logit_kernel, head.logit_bias))}


def whole_text(graph, head, hidden):
    """`logits` (B, N)."""
    return {"logits": text_outputs(graph, head, hidden)}


def number(graph, head, hidden):
    """`values` (B,)."""
    return {"values": graph.squeeze(text_outputs(graph, head, hidden), -1)}


def choice(graph, head, hidden):
    """`logits` (B,): each row is one choice."""
    return {"logits": graph.squeeze(text_outputs(graph, head, hidden), -1)}


def text_outputs(graph, head, hidden):
    """What `TextHead` makes of [CLS]."""
    x = graph.at(hidden, 0, 1)
    if not head.is_original:
        x = graph.gelu(dense(graph, x, head.inner))
    return dense(graph, x, head.logit)


def every_place(graph, head, hidden):
    """`logits` (B, T, N): of a word's, those at its first piece count."""
    return {"logits": dense(graph, hidden, head.logit)}


def answer(graph, head, hidden):
    """What `AnswerHead` returns."""
    if not head.is_original:
        logits = dense(graph, hidden, head.span)
        return {"start_logits": graph.at(logits, 0, 2), "end_logits": graph.at(logits, 1, 2)}
    lowered = lowered_scores(graph)
    start_logits = graph.add(one_each(graph, hidden, head.start), lowered)
    outputs = answerability(graph, head, hidden, start_logits)
    if head.has_joint_ends:
        return {**outputs, **beams(graph, head, hidden, start_logits, lowered)}
    end_logits = graph.add(one_each(graph, hidden, head.end), lowered)
    return {**outputs, "start_logits": start_logits, "end_logits": end_logits}


def lowered_scores(graph):
    """(B, T): -1000 outside the context, 0 inside and at place 0."""
    in_second = graph.node("Equal", "segment_ids", graph.constant(1, "int32"))
    in_context = graph.node("And", in_second, "padding_mask")
    zero, one = (graph.constant(value, "int64") for value in (0, 1))
    length = graph.squeeze(graph.length("token_ids", 1), 0)
    is_first = graph.node("Equal", graph.node("Range", zero, length, one), zero)
    allowed = graph.node("Or", in_context, is_first)
    return graph.node(
        "Where", allowed, *(graph.constant(value, "float32") for value in (0.0, -1000.0))
    )


def answerability(graph, head, hidden, start_logits):
    """`answerability_logits` (B,), or nothing for a head without that part."""
    if head.answerability == "none":
        return {}
    x = graph.at(hidden, 0, 1)
    if head.answerability == "start":
        chances = graph.unsqueeze(graph.node("Softmax", start_logits, axis=-1), 1)
        likely = graph.squeeze(graph.matmul(chances, hidden), 1)
        x = graph.concatenate([x, likely], -1)
        x = graph.gelu(dense(graph, x, head.answerable_hidden))
    return {"answerability_logits": one_each(graph, x, head.answerable)}


def beams(graph, head, hidden, start_logits, lowered):
    """The K best starts (B, K), and for each the K best ends (B, K, K)."""
    count, width = head.beam_size, hidden_width(head)
    log_probs, positions = best_places(graph, start_logits, count)
    rows = graph.unsqueeze(graph.cast(positions, "int64"), -1)
    starts = graph.node("GatherND", hidden, rows, batch_dims=1)
    kernel, bias = (array(part) for part in head.end_hidden)
    states_part = graph.dense(hidden, kernel[width:], bias)
    start_parts = graph.transpose(graph.matmul(starts, graph.constant(kernel[:width])), 1, 0, 2)
    body = ends_after_a_start(head, count, kernel.shape[1])
    # What does not change is handed through: OpenVINO knows no values from outside the body.
    inputs = states_part, lowered, start_parts
    *_, end_log_probs, end_positions = graph.nodes_of(
        "Scan", inputs, 4, body=body, num_scan_inputs=1
    )
    end_log_probs, end_positions = (
        graph.transpose(part, 1, 0, 2) for part in (end_log_probs, end_positions)
    )
    return {
        "start_top_log_probs": log_probs,
        "start_top_positions": positions,
        "end_top_log_probs": end_log_probs,
        "end_top_positions": end_positions,
    }


def ends_after_a_start(head, count: int, inner_width: int):
    """The graph of the K best ends after one start: all at once would take (B, K, T, 512) numbers."""
    body = Graph(prefix="beam_")
    x = body.gelu(body.add("states_part", body.unsqueeze("start_part", 1)))
    end_logits = body.add(one_each(body, x, head.end), "lowered")
    log_probs, positions = best_places(body, end_logits, count)
    constant = [
        ("states_part", "float32", ["batch", "length", inner_width]),
        ("lowered", "float32", ["batch", "length"]),
    ]
    kept = [(body.node("Identity", name), dtype, shape) for name, dtype, shape in constant]
    beam = ["batch", count]
    return body.finished(
        "ends_after_a_start",
        [*constant, ("start_part", "float32", ["batch", inner_width])],
        [*kept, (log_probs, "float32", beam), (positions, "int32", beam)],
    )


def best_places(graph, logits, count: int):
    """(log-probabilities (B, K), places (B, K) int32) of the best places, as `task_heads.best_places`."""
    log_probs = graph.node("LogSoftmax", logits, axis=-1)
    pads = graph.constant([0, 0, 0, count], "int64")
    padded = graph.node("Pad", log_probs, pads, graph.constant(IMPOSSIBLE, "float32"))
    wanted = graph.constant([count], "int64")
    values, found = graph.nodes_of("TopK", (padded, wanted), 2, axis=-1)
    is_there = graph.node("Less", found, graph.length(log_probs, 1))
    found = graph.node("Where", is_there, found, graph.constant(FIRST, "int64"))
    return values, graph.cast(found, "int32")


def hidden_width(head) -> int:
    """H."""
    return head.start[0].shape[0]


def dense(graph, x, weights):
    """A dense layer with the weights of a pair (kernel, bias)."""
    kernel, bias = weights
    return graph.dense(x, array(kernel), array(bias))


def one_each(graph, x, weights):
    """A dense layer of one output, that axis dropped."""
    return graph.squeeze(dense(graph, x, weights), -1)


WRITERS = {
    "detection": replaced_tokens,
    "classification": whole_text,
    "multi_label": whole_text,
    "regression": number,
    "tagging": every_place,
    "question_answering": answer,
    "multiple_choice": choice,
}
