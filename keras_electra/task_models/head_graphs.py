"""Heads in ONNX's operations, written into a `deploy.graph.Graph`.

Shapes: B examples, T tokens, H hidden width, W inner width of a head, N labels, K beam size.
"""

from keras import ops

from keras_electra.task_heads import IMPOSSIBLE


def whole_text(graph, head, hidden):
    """What `TextHead` makes of [CLS]."""
    x = graph.at(hidden, 0, 1)
    if not head.is_original:
        x = graph.gelu(graph.dense(x, *head.inner))  # (B, H)
    return graph.dense(x, *head.logit)  # (B, N)


def answer(graph, head, hidden):
    """What `AnswerHead` returns."""
    if not head.is_original:
        logits = graph.dense(hidden, *head.span)  # (B, T, 2)
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
        likely = graph.squeeze(graph.matmul(chances, hidden), 1)  # (B, H)
        x = graph.concatenate([x, likely], -1)  # (B, 2H)
        x = graph.gelu(graph.dense(x, *head.answerable_hidden))  # (B, W)
    return {"answerability_logits": one_each(graph, x, head.answerable)}


def beams(graph, head, hidden, start_logits, lowered):
    """The K best starts (B, K), and for each the K best ends (B, K, K)."""
    count, width = head.beam_size, hidden_width(head)
    log_probs, positions = best_places(graph, start_logits, count)
    rows = graph.unsqueeze(graph.cast(positions, "int64"), -1)
    starts = graph.node("GatherND", hidden, rows, batch_dims=1)
    kernel, bias = map(ops.convert_to_numpy, head.end_hidden)
    states_part = graph.dense(hidden, kernel[width:], bias)  # (B, T, W)
    start_parts = graph.matmul(starts, graph.constant(kernel[:width]))  # (B, K, W)
    start_parts = graph.transpose(start_parts, 1, 0, 2)  # (K, B, W)
    body = ends_after_a_start(type(graph), head, count, kernel.shape[1])
    # What does not change is handed through: OpenVINO knows no values from outside the body.
    inputs = states_part, lowered, start_parts
    *_, end_log_probs, end_positions = graph.nodes_of(
        "Scan", inputs, 4, body=body, num_scan_inputs=1
    )
    # (K, B, K) -> (B, K, K)
    end_log_probs, end_positions = (
        graph.transpose(part, 1, 0, 2) for part in (end_log_probs, end_positions)
    )
    return {
        "start_top_log_probs": log_probs,
        "start_top_positions": positions,
        "end_top_log_probs": end_log_probs,
        "end_top_positions": end_positions,
    }


def ends_after_a_start(graph_class, head, count: int, inner_width: int):
    """The graph of the K best ends after one start: all at once would take (B, K, T, 512) numbers."""
    body = graph_class(prefix="beam_")
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
    found = graph.node("Where", is_there, found, graph.constant(0, "int64"))
    return values, graph.cast(found, "int32")


def hidden_width(head) -> int:
    """H."""
    return head.start[0].shape[0]


def one_each(graph, x, weights):
    """A dense layer of one output, that axis dropped."""
    return graph.squeeze(graph.dense(x, *weights), -1)  # (..., 1) -> (...)
