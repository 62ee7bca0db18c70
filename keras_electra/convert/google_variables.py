"""What the variables of an original checkpoint tell of its model: sizes, switches, tasks."""

import re

from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.finetune import AnswerConfig
from keras_electra.errors import InputError
from keras_electra.tasks import KNOWN_TASKS

FAMILIES = {"first_moment": "adam_m", "second_moment": "adam_v"}
"""The optimizer's slots here -> there."""

TASK = re.compile(r"task_specific/([^/]+)/dense/kernel$")
OTHER_NAMES = {"sts": "stsb", "sst": "sst2"}
"""The original's names of tasks that are called otherwise here."""


class Variables:
    """Variables by name, asked for with the shape they must have; remembers which were used."""

    def __init__(self, variables):
        self.variables = variables
        self.used = set()

    def __contains__(self, name):
        return name in self.variables

    def value(self, name, shape):
        if name not in self.variables:
            raise InputError(f"variables: expected {name!r} among the original's names, not found")
        value = self.variables[name]
        if value.shape != tuple(shape):
            raise InputError(
                f"variables: expected {name} of shape {tuple(shape)}, received {value.shape}"
            )
        self.used.add(name)
        return value

    def unused(self):
        endings = (*(f"/{ending}" for ending in FAMILIES.values()), "global_step")
        return sorted(n for n in self.variables if n not in self.used and not n.endswith(endings))


def encoder_told_by(variables, scope, num_heads, dropout_rate) -> EncoderConfig:
    """The encoder options that the shapes under `scope` tell."""
    owner = scope if f"{scope}/embeddings/word_embeddings" in variables else "electra"
    first = f"{scope}/encoder/layer_0/intermediate/dense/kernel"
    tables = [f"{owner}/embeddings/{name}" for name in ("position", "token_type")]
    for name in (first, *(f"{table}_embeddings" for table in tables)):
        if name not in variables or variables[name].ndim != 2:
            raise InputError(f"variables: expected {name!r} among the original's names, not found")
    words = variables[f"{owner}/embeddings/word_embeddings"]
    hidden_dim, intermediate_dim = variables[first].shape
    layers = {
        int(match.group(1))
        for match in (re.match(rf"{scope}/encoder/layer_(\d+)/", name) for name in variables)
        if match
    }
    return EncoderConfig(
        vocabulary_size=words.shape[0],
        embedding_dim=words.shape[1],
        hidden_dim=hidden_dim,
        intermediate_dim=intermediate_dim,
        num_layers=len(layers),
        num_heads=num_heads or max(1, hidden_dim // 64),
        max_sequence_length=variables[f"{owner}/embeddings/position_embeddings"].shape[0],
        num_segments=variables[f"{owner}/embeddings/token_type_embeddings"].shape[0],
        dropout_rate=dropout_rate,
        attention_dropout_rate=dropout_rate,
    )


def answers_told_by(tensors, scope) -> AnswerConfig:
    """The switches of a question-answering head, by the variables that are there."""
    answerability = "none"
    if f"{scope}/dense_2/kernel" in tensors:
        answerability = "start" if f"{scope}/dense_3/kernel" in tensors else "class"
    has_joint_ends = f"{scope}/qa_hidden/kernel" in tensors
    return AnswerConfig(has_joint_ends=has_joint_ends, answerability=answerability)


def tasks_of(variables) -> dict[str, tuple]:
    """The fine-tuned tasks that a checkpoint has heads for, as `from_google` takes them.

    The kind is told by name and shape. The original's checkpoints have no names of labels: known tasks
    get theirs, others numbers.
    """
    found = {}
    for name in sorted({match[1] for match in map(TASK.match, variables) if match}):
        scope = f"task_specific/{name}"
        if f"{scope}/dense_1/kernel" in variables:
            found[name] = ("question_answering", None)
            continue
        width = variables[f"{scope}/dense/kernel"].shape[-1]
        known = KNOWN_TASKS.get(OTHER_NAMES.get(name, name))
        if width == 1:
            found[name] = ("regression", getattr(known, "value_range", None) or (0, 1))
            continue
        labels = getattr(known, "labels", None) or ()
        labels = labels if len(labels) == width else [str(number) for number in range(width)]
        found[name] = ("tagging" if name == "chunk" else "classification", labels)
    return found
