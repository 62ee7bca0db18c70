"""What is handed over of a model: one network of three inputs, and what to know about it.

Shapes: B examples, T tokens, N labels, K beam size.
"""

import dataclasses
import functools

import keras
import numpy as np
from keras import ops

import keras_electra
from keras_electra import backends
from keras_electra.backbone import ElectraBackbone
from keras_electra.errors import InputError
from keras_electra.onnx_model import FORMAT
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.task_models import SeveralTasks, TaskModel
from keras_electra.tasks.kinds import kind_of

INPUTS = {"token_ids": "int32", "segment_ids": "int32", "padding_mask": "bool"}
"""The inputs (B, T) of every deployed network, all needed, and their types."""


class DeployedNetwork(keras.Model):
    """The network that is handed over, as a Keras model: what any other form has to agree with.

    Called with a dict of `token_ids`, `segment_ids` and `padding_mask` (B, T); returns a dict of
    float32 arrays, and int32 ones of positions:

        detection            logits (B, T), positive for *replaced*
        classification       logits (B, N)
        multi_label          logits (B, N)
        regression           values (B,), where 0 and 1 are the ends of the value range
        tagging              logits (B, T, N); those at a word's first piece are the word's
        question_answering   as of `AnswerHead`; the context is the second segment
        multiple_choice      logits (B,), one for each choice, which is a row by itself

    Args:
        model: an `ElectraPretrainer` whose objective trains a detector, or a task model.

    Attributes:
        kind: one of the above.
        positions_in: names of outputs (B, T, ...).
        backbone: the encoder, without low-rank updates.
        head: the layer above it.
    """

    def __init__(self, model):
        super().__init__(name="deployed")
        is_pretrainer = isinstance(model, ElectraPretrainer)
        self.kind = "detection" if is_pretrainer else model.kind
        self.positions_in = ("logits",) if is_pretrainer else kind_of(self.kind).positions_in
        source = model.discriminator if is_pretrainer else model
        self.backbone = merged(source.backbone)
        self.head = source.head
        # A method, and not the model: Keras would take the model's own backbone for a part of this one.
        self._exported = self._detected if is_pretrainer else model.exported
        self._graph_outputs = self._detected_graph if is_pretrainer else model.graph_outputs
        backends.allow_any_shape(self)
        self.built = True

    def call(self, inputs):
        hidden = self.backbone(inputs, training=False)
        return self._exported(hidden, inputs)

    def graph_outputs(self, graph, hidden: str) -> dict[str, str]:
        """The head in ONNX's operations: name of each output -> its name in a `Graph`."""
        return self._graph_outputs(graph, hidden)

    def _detected(self, hidden, inputs):
        return {"logits": ops.cast(self.head(hidden), "float32")}

    def _detected_graph(self, graph, hidden):
        head = self.head
        x = graph.gelu(graph.dense(hidden, head.kernel, head.bias))
        return {"logits": graph.squeeze(graph.dense(x, head.logit_kernel, head.logit_bias), -1)}


def merged(backbone) -> ElectraBackbone:
    """The backbone, or where it has low-rank updates a copy with these in its kernels."""
    if backbone.lora is None:
        return backbone
    plain = ElectraBackbone(
        **backbone.encoder.to_dict(), direction=backbone.direction, dtype=backbone.dtype_policy
    )
    plain.assign_from(backbone)
    return plain


@dataclasses.dataclass(frozen=True)
class Deployment:
    """A model that is to be handed over.

    Attributes:
        network: what computes.
        tokenizer: of its ids.
        about: what a user of the network has to know, in the types of JSON; see `onnx_model`.
    """

    network: DeployedNetwork
    tokenizer: object
    about: dict

    @property
    def longest(self) -> int:
        """Most places of an input."""
        return self.network.backbone.encoder.max_sequence_length

    @functools.cached_property
    def samples(self) -> list[tuple[dict, dict]]:
        """Sample batches, and what Keras says of them, by which every form is checked."""
        return [(inputs, reference_outputs(self, inputs)) for inputs in sample_inputs(self)]


def deployment(model, task: str | None = None) -> Deployment:
    """What to hand over of a model.

    Args:
        model: an `ElectraPretrainer` or task model in float32, with its tokenizer.
        task: of several tasks, the one whose head is wanted.

    Raises:
        InputError: for a model that cannot be handed over like this, saying why.
    """
    model = one_task(model, task)
    if isinstance(model, ElectraPretrainer):
        refuse_without_detector(model)
        if model.objective.kind.judges_with_generator:
            raise InputError(
                "model: expected one whose discriminator stands alone, received "
                f"objective={model.objective.objective!r}, which judges by its cloze model too"
            )
        about = {"kind": "detection", "task": None}
    else:
        options = {
            name: value
            for name, value in model.options().items()
            if name in ("labels", "value_range", "answers", "tagging_form")
        }
        about = {"kind": model.kind, "task": model.task_name, **options}
    if model.tokenizer is None:
        raise InputError("model: expected one with a tokenizer, received tokenizer=None")
    if model.dtype_policy.variable_dtype != model.dtype_policy.compute_dtype:
        raise InputError(f"model: expected float32, received {model.dtype_policy.name!r}")
    network = DeployedNetwork(model)
    encoder = network.backbone.encoder
    about = {
        "format": FORMAT,
        **about,
        "sequence_length": model.sequence_length or encoder.max_sequence_length,
        "max_sequence_length": encoder.max_sequence_length,
        "vocabulary_size": encoder.vocabulary_size,
        "tokenizer": model.tokenizer.config.to_dict(),
        "tokenizer_fingerprint": model.tokenizer.fingerprint,
        "encoder": encoder.to_dict(),
        "version": keras_electra.__version__,
    }
    return Deployment(network, model.tokenizer, about)


def one_task(model, task):
    """The model, or the one for `task` of several."""
    if isinstance(model, SeveralTasks):
        if task not in model.models:
            names = ", ".join(model.models)
            raise InputError(f"task: expected one of {names}, received {task!r}")
        return model.models[task]
    if not isinstance(model, ElectraPretrainer | TaskModel):
        raise InputError(
            f"model: expected a pretrained or fine-tuned model, received {type(model).__name__}"
        )
    if task not in (None, getattr(model, "task_name", None)):
        raise InputError(f"task: expected none, for the model has one, received {task!r}")
    return model


def refuse_without_detector(model) -> None:
    """Raise `InputError` for a pretrained model that has no detector."""
    if not model.objective.has_detector:
        raise InputError(
            f"model: expected one with a detector, received objective={model.objective.objective!r}, "
            "which trains none; fine-tune it and export that"
        )


def sample_inputs(deployed: Deployment, seed: int = 0) -> list[dict[str, np.ndarray]]:
    """Batches of differing sizes and lengths, some padded, some with two segments."""
    special = deployed.tokenizer
    rng = np.random.default_rng(seed)
    longest = min(deployed.longest, deployed.about["sequence_length"])
    batches = []
    for num_rows, length in ((1, min(7, longest)), (3, longest)):
        token_ids = rng.integers(0, special.vocabulary_size, (num_rows, length), dtype=np.int32)
        ends = rng.integers(max(2, length // 2), length + 1, num_rows)
        ends[0] = length
        places = np.arange(length)
        padding_mask = places < ends[:, None]
        token_ids[:, 0], token_ids[~padding_mask] = special.class_id, special.pad_id
        token_ids[np.arange(num_rows), ends - 1] = special.separator_id
        segment_ids = ((places >= length // 3) & padding_mask).astype(np.int32)
        batches.append(dict(zip(INPUTS, (token_ids, segment_ids, padding_mask), strict=True)))
    return batches


def reference_outputs(deployed: Deployment, inputs: dict[str, np.ndarray]) -> dict:
    """What Keras says of a batch, as NumPy arrays."""
    outputs = deployed.network.predict_on_batch(inputs)
    return {name: np.asarray(value) for name, value in outputs.items()}
