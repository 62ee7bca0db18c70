"""The layers above an encoder that fine-tuning trains.

Each has two forms: `"original"`, that of the ELECTRA program, whose kernels start from Glorot's uniform
distribution; and `"huggingface"`, that of the transformers library, whose kernels start normal.

Shapes: B examples, T tokens, H hidden width, N labels, W labelled words, K beam size, A answer width, `...`
any axes.
"""

from collections.abc import Callable
from typing import Any

from keras import ops

from keras_electra import backends
from keras_electra.backends.typed import Tensor
from keras_electra.errors import InputError
from keras_electra.initializers import GlorotUniform, Normal
from keras_electra.layers import ElectraLayer

FORMS = ("original", "huggingface")
FIRST_SITE, SECOND_SITE = 1001, 1002
"""Numbers of the dropouts of a head."""

ANSWER_WIDTH = 512
"""Hidden width of the parts of the original's question-answering head."""

IMPOSSIBLE = -1e9
"""Log-probability of a place that is not there."""


class TaskHead(ElectraLayer):
    """Base: dense layers in one line each, dropout by site.

    Args:
        form: one of `FORMS`.
        dropout_rate: fraction dropped in training, at the places that the form has.
    """

    def __init__(self, form: str = "original", dropout_rate: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if form not in FORMS:
            raise InputError(f"head: expected one of {FORMS}, received {form!r}")
        self.form = form
        self.dropout_rate = dropout_rate

    @property
    def is_original(self) -> bool:
        """Whether the form is the original's."""
        return self.form == "original"

    def add_dense(self, name: str, num_inputs: int, num_outputs: int) -> tuple[Any, Any]:
        """(kernel, bias) of a dense layer, started as the form starts them."""
        path = f"{self.path}/{name}_kernel"
        draw = GlorotUniform(self.seed, path) if self.is_original else None
        kernel = self.add_weight(
            name=f"{name}_kernel",
            shape=(num_inputs, num_outputs),
            initializer=draw or Normal(self.seed, path, self.scale),
        )
        return kernel, self.add_bias(f"{name}_bias", num_outputs)

    def dropped(self, x: Tensor, noise: Tensor, site: int, training: bool | None) -> Tensor:
        if training and self.dropout_rate > 0:
            return backends.dropout(x, self.dropout_rate, noise, site)
        return x


class TextHead(TaskHead):
    """Scores for a whole text from its [CLS]: (B, T, H) -> (B, N).

    Original: dropout, dense H -> N. Huggingface: dropout, dense H -> H, GELU, dropout, dense H -> N.
    """

    drops_first = True

    def __init__(self, num_outputs: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_outputs = num_outputs

    def build(self, input_shape: Any) -> None:
        hidden = input_shape[-1]
        if not self.is_original:
            self.inner = self.add_dense("inner", hidden, hidden)
        self.logit = self.add_dense("logit", hidden, self.num_outputs)
        self.built = True

    def call(self, hidden: Tensor, noise: Tensor = None, training: bool | None = None) -> Tensor:
        x = hidden[:, 0]  # (B, H)
        if not self.is_original:
            if self.drops_first:
                x = self.dropped(x, noise, FIRST_SITE, training)
            x = backends.gelu(dense(x, self.inner))  # (B, H)
        x = self.dropped(x, noise, SECOND_SITE, training)
        return dense(x, self.logit)  # (B, N)


class ChoiceHead(TextHead):
    """A score for a text that is one of several choices: (B, T, H) -> (B, 1).

    Original: dropout, dense H -> 1. Huggingface, its sequence summary: dense H -> H, GELU, dropout,
    dense H -> 1, and no dropout before.
    """

    drops_first = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(1, **kwargs)


class TaggingHead(TaskHead):
    """Scores for single words: states (B, T, H), places of their first pieces (B, W) -> (B, W, N).

    Original: dense H -> N. Huggingface: dropout before it.
    """

    def __init__(self, num_labels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_labels = num_labels

    def build(self, input_shape: Any) -> None:
        self.logit = self.add_dense("logit", input_shape[-1], self.num_labels)
        self.built = True

    def call(self, hidden, word_positions, noise=None, training=None):
        x = backends.gather_places(hidden, word_positions)  # (B, W, H)
        if not self.is_original:
            x = self.dropped(x, noise, FIRST_SITE, training)
        return dense(x, self.logit)  # (B, W, N)


class AnswerHead(TaskHead):
    """Where in a text an answer starts and ends, and whether there is one.

    Original (electra's question answering): the start's logits are dense H -> 1; those of the end
    dense [start state, state] -> 512, GELU, -> 1, or without joint ends another dense H -> 1; that of
    answerability, positive for *unanswerable*, dense [state of CLS, mean state by start probability] ->
    512, GELU, -> 1, or dense H -> 1 of [CLS] alone. Places outside `answer_mask` get 1000 less. No
    dropout. Huggingface: dense H -> 2, nothing else, and no mask.

    Call with states (B, T, H), `answer_mask` (B, T) and perhaps gold `start_positions` (B,); returns a
    dict of float32 arrays, of which a head has some:

        start_logits, end_logits (B, T)       with joint ends only where gold starts are given: the
                                              end's are those after the gold start
        answerability_logits (B,)             if the head has that part
        start_top_log_probs, start_top_positions (B, K), end_top_log_probs, end_top_positions (B, K, K)
                                              with joint ends, if `has_beam`: the K best starts, and for
                                              each the K best ends

    Args:
        has_joint_ends, answerability, beam_size: as in `AnswerConfig`; the original form's.
    """

    def __init__(self, has_joint_ends=True, answerability="start", beam_size=20, **kwargs):
        super().__init__(**kwargs)
        self.has_joint_ends = has_joint_ends and self.is_original
        self.answerability = answerability if self.is_original else "none"
        self.beam_size = beam_size

    def build(self, input_shape: Any) -> None:
        hidden = input_shape[-1]
        if not self.is_original:
            self.span = self.add_dense("span", hidden, 2)
            self.built = True
            return
        self.start = self.add_dense("start", hidden, 1)
        if self.has_joint_ends:
            self.end_hidden = self.add_dense("end_hidden", 2 * hidden, ANSWER_WIDTH)
        self.end = self.add_dense("end", ANSWER_WIDTH if self.has_joint_ends else hidden, 1)
        if self.answerability == "start":
            self.answerable_hidden = self.add_dense("answerable_hidden", 2 * hidden, ANSWER_WIDTH)
            self.answerable = self.add_dense("answerable", ANSWER_WIDTH, 1)
        elif self.answerability == "class":
            self.answerable = self.add_dense("answerable", hidden, 1)
        self.built = True

    def call(self, hidden, answer_mask, start_positions=None, has_beam=True, training=None):
        if not self.is_original:
            logits = ops.cast(dense(hidden, self.span), "float32")  # (B, T, 2)
            return {"start_logits": logits[..., 0], "end_logits": logits[..., 1]}
        lowered = 1000.0 * (ops.cast(answer_mask, "float32") - 1.0)  # (B, T)
        start_logits = one_each(hidden, self.start) + lowered
        outputs = self.answerability_outputs(hidden, start_logits)
        if not self.has_joint_ends:
            end_logits = one_each(hidden, self.end) + lowered
            return {**outputs, "start_logits": start_logits, "end_logits": end_logits}
        # The kernel on [start state, state] is one on each: the states' part is the same for all starts.
        width = hidden.shape[-1]
        kernel, bias = self.end_hidden
        states_part = backends.dense(hidden, kernel[width:], bias)  # (B, T, H) @ (H, A)

        def end_logits_after(starts: Tensor) -> Tensor:
            """(B, T) logits of the end after start states (B, H)."""
            start_part = ops.matmul(starts, kernel[:width])[:, None]  # (B, H) @ (H, A) -> (B, 1, A)
            x = backends.gelu(states_part + start_part)  # (B, T, A)
            return one_each(x, self.end) + lowered

        if start_positions is not None:
            starts = backends.gather_places(hidden, start_positions[:, None])  # (B, 1, H)
            outputs["start_logits"] = start_logits
            outputs["end_logits"] = end_logits_after(starts[:, 0])
        if has_beam:
            outputs.update(self.beam(hidden, start_logits, end_logits_after))
        return outputs

    def answerability_outputs(self, hidden: Tensor, start_logits: Tensor) -> dict[str, Tensor]:
        """{"answerability_logits": (B,)}, or {} for a head without that part."""
        if self.answerability == "none":
            return {}
        x = hidden[:, 0]  # (B, H)
        if self.answerability == "start":
            chances = ops.cast(ops.softmax(start_logits, axis=-1), hidden.dtype)  # (B, T)
            likely = ops.matmul(chances[:, None], hidden)  # (B, 1, T) @ (B, T, H) -> (B, 1, H)
            x = ops.concatenate([x, ops.squeeze(likely, 1)], axis=-1)  # (B, 2H)
            x = backends.gelu(dense(x, self.answerable_hidden))  # (B, A)
        return {"answerability_logits": one_each(x, self.answerable)}

    def beam(
        self, hidden: Tensor, start_logits: Tensor, end_logits_after: Callable[[Tensor], Tensor]
    ) -> dict[str, Tensor]:
        """The K best starts, and for each the K best ends."""
        log_probs, positions = best_places(start_logits, self.beam_size)
        starts = backends.gather_places(hidden, positions)  # (B, K, H)
        starts = ops.transpose(starts, (1, 0, 2))  # (K, B, H)
        # One start after the other: all at once would take (B, K, T, 512) numbers.
        end_log_probs, end_positions = ops.map(
            lambda states: best_places(end_logits_after(states), self.beam_size), starts
        )  # (K, B, K) each
        return {
            "start_top_log_probs": log_probs,
            "start_top_positions": positions,
            "end_top_log_probs": ops.transpose(end_log_probs, (1, 0, 2)),  # (B, K, K)
            "end_top_positions": ops.transpose(end_positions, (1, 0, 2)),  # (B, K, K)
        }


def dense(x: Tensor, weights: tuple[Any, Any]) -> Tensor:
    """`x @ kernel + bias` over the last axis of `x`."""
    return backends.dense(x, *weights)  # (..., outputs)


def one_each(x: Tensor, weights: tuple[Any, Any]) -> Tensor:
    """A dense layer of one output, that axis dropped, in float32."""
    return ops.cast(ops.squeeze(dense(x, weights), axis=-1), "float32")  # (..., 1) -> (...)


def best_places(logits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(log-probabilities (B, K), places (B, K) int32) of the `count` best places of (B, T) logits.

    Where there are fewer than `count` places, the rest is place 0 with log-probability -1e9.
    """
    places = ops.shape(logits)[-1]
    # While a program for any length is written, the length is no number, or a symbol.
    length = logits.shape[-1] if isinstance(logits.shape[-1], int) else None
    log_probs = ops.log_softmax(logits, axis=-1)
    if length is None or length < count:
        missing = count if length is None else count - length
        log_probs = ops.pad(log_probs, [[0, 0], [0, missing]], constant_values=IMPOSSIBLE)
    values, found = ops.top_k(log_probs, count)  # (B, K) each
    found = ops.cast(found, "int32")
    return values, ops.where(found < places, found, 0)
