"""The heads of fine-tuned models in Hugging Face folders, in both directions.

A head of the form "huggingface" has its counterpart there. Of the original's form, one dense layer on
[CLS], `transformers` has none; but it can be written as dense, GELU, dense, and gives the same numbers:
gelu(y) - gelu(-y) = y for every y, as gelu(y) = y * Phi(y) and Phi(y) + Phi(-y) = 1.
"""

import numpy as np
from keras import ops

from keras_electra.convert.original_names import arrays_of_parts, dense_weights, fill, layer_parts
from keras_electra.errors import InputError
from keras_electra.task_models import (
    ExtractiveQA,
    MultipleChoice,
    TaskModel,
    TextClassifier,
    TextRegressor,
    TokenClassifier,
)
from keras_electra.tasks import kinds
from keras_electra.tasks.kinds import kind_of

TASK_CLASSES = {
    "ElectraForSequenceClassification": {
        **dense_weights("inner", "classifier/dense"),
        **dense_weights("logit", "classifier/out_proj"),
    },
    "ElectraForMultipleChoice": {
        **dense_weights("inner", "sequence_summary/summary"),
        **dense_weights("logit", "classifier"),
    },
    "ElectraForTokenClassification": dense_weights("logit", "classifier"),
    "ElectraForQuestionAnswering": dense_weights("span", "qa_outputs"),
}
"""Class there -> our names of its head's weights -> its."""

SUMMARY = {
    "summary_type": "first",
    "summary_use_proj": True,
    "summary_activation": "gelu",
    "summary_first_dropout": 0.0,
    "summary_proj_to_labels": False,
}
"""The options of a sequence summary that `MultipleChoice` has; a folder without one has this value."""

OWN_ENTRY = "keras_electra"
"""Entry of `config.json` with what `transformers` has no word for."""

OWN_OPTIONS = ("value_range", "tagging_form", "answers")


def task_model_of(name, config, backbone, tensors) -> TaskModel:
    """The task model of a folder.

    Args:
        name: one of `TASK_CLASSES`.
        config: the content of `config.json`.
        backbone: the encoder, filled.
        tensors: `FolderTensors`.

    Raises:
        InputError: for options that no model here has, or a missing tensor or one of a wrong shape.
    """
    where = f"{tensors.folder}/config.json"
    weights = TASK_CLASSES[name]
    own = config.get(OWN_ENTRY)
    own = own if isinstance(own, dict) else {}
    options = {key: own[key] for key in OWN_OPTIONS if key in own}
    options["name"] = own["task"] if isinstance(own.get("task"), str) else "task"
    if name == "ElectraForQuestionAnswering":
        choice = (options.pop("answers", None),)
        model = _made(where, ExtractiveQA, backbone, choice, {**options, "head": "huggingface"})
        fill(layer_parts(model.head, "", weights), tensors.value)
        return model
    kind, choice = _kind_and_choice(name, config, tensors, options)
    options["head_dropout_rate"] = _dropout_rate(name, config, where)
    was_original = own.get("head") == "original"
    found = _unfolded(name, tensors, backbone) if was_original else None
    is_original = found is not None or (was_original and kind is TokenClassifier)
    options["head"] = "original" if is_original else "huggingface"
    model = _made(where, kind, backbone, choice, options)
    if found is None:
        fill(layer_parts(model.head, "", weights), tensors.value)
        return model
    for weight in model.head.weights:
        weight.assign(found[weight.name == "logit_bias"])
    return model


def _made(where, kind, backbone, choice, options):
    """A task model; what `config.json` says wrong of it in a sentence that names the file."""
    try:
        return kind(backbone, *choice, **options)
    except (InputError, AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from error


def _dropout_rate(name, config, where) -> float:
    """The dropout of a head."""
    if name == "ElectraForMultipleChoice":
        for option, expected in SUMMARY.items():
            received = config.get(option, expected)
            if received != expected:
                raise InputError(
                    f"{where}: expected {option} to be {expected!r}, received {received!r}"
                )
        return config.get("summary_last_dropout", 0.1)
    rate = config.get("classifier_dropout")
    return config.get("hidden_dropout_prob", 0.1) if rate is None else rate


def head_of(model: TaskModel) -> tuple[str, dict[str, np.ndarray], dict]:
    """(class there, its head's arrays by the names of `TASK_CLASSES`, entries of `config.json`).

    Raises:
        InputError: for a head of the original's form that cannot be written as dense layers.
    """
    kind = kind_of(model.kind)
    name = kind.transformers
    if name is None:
        known = ", ".join(one.name for one in kinds.KINDS if one.transformers)
        raise InputError(f"model: expected a kind of {known}, received {kind.name!r}")
    entries = {OWN_ENTRY: {"task": model.task_name, "head": model.head.form}}
    options = model.options()
    entries[OWN_ENTRY] |= {key: options[key] for key in OWN_OPTIONS if key in options}
    if kind.problem_type:
        entries["problem_type"] = kind.problem_type
    labels = options.get("labels", ["LABEL_0"] if kind.has_value_range else None)
    if labels:
        entries["id2label"] = {str(number): label for number, label in enumerate(labels)}
        entries["label2id"] = {label: number for number, label in enumerate(labels)}
    rate = options.get("head_dropout_rate")
    if kind.has_choices:
        entries |= {**SUMMARY, "summary_last_dropout": rate}
    elif rate is not None:
        entries["classifier_dropout"] = rate
    if model.head.form == "original" and not kind.is_per_word:
        return name, _folded(name, model), entries
    return name, arrays_of_parts(layer_parts(model.head, "", TASK_CLASSES[name])), entries


def _folded(name, model):
    """The arrays there of a head of the original's form."""
    if isinstance(model, ExtractiveQA):
        raise InputError(
            "model: expected ExtractiveQA with head='huggingface', the form that transformers has, "
            "received head='original'; Google's format, a .keras file, a preset and ONNX can carry it"
        )
    weights = {weight.name: np.array(ops.convert_to_numpy(weight)) for weight in model.head.weights}
    kernel, bias = weights["logit_kernel"], weights["logit_bias"]
    hidden, num_outputs = kernel.shape
    if 2 * num_outputs > hidden:
        raise InputError(
            f"model: expected at most {hidden // 2} labels for head='original' in transformers, "
            f"received {num_outputs}; with head='huggingface' any number goes"
        )
    inner_kernel, inner_bias = np.zeros((hidden, hidden), "float32"), np.zeros(hidden, "float32")
    out_kernel = np.zeros((hidden, num_outputs), "float32")
    for sign, start in ((1, 0), (-1, num_outputs)):
        units = slice(start, start + num_outputs)
        inner_kernel[:, units], inner_bias[units] = sign * kernel, sign * bias
        out_kernel[units] = sign * np.eye(num_outputs, dtype="float32")
    # Adding 0 turns -0.0 into 0.0, so that equal heads give equal bits.
    values = (inner_kernel + 0.0, inner_bias + 0.0, out_kernel + 0.0, np.zeros_like(bias))
    return dict(zip(TASK_CLASSES[name].values(), values, strict=True))


def _unfolded(name, tensors, backbone):
    """(kernel, bias) of a head that `_folded` wrote; None if it was trained on since."""
    if name not in ("ElectraForSequenceClassification", "ElectraForMultipleChoice"):
        return None
    hidden = backbone.encoder.hidden_dim
    names = list(TASK_CLASSES[name].values())
    outputs = tensors.value(names[3]).shape[0]
    shapes = ((hidden, hidden), (hidden,), (hidden, outputs), (outputs,))
    inner_kernel, inner_bias, out_kernel, out_bias = (
        tensors.value(name, shape) for name, shape in zip(names, shapes, strict=True)
    )
    if 2 * outputs > hidden:
        return None
    kernel, bias = inner_kernel[:, :outputs], inner_bias[:outputs]
    mirrored = slice(outputs, 2 * outputs)
    identity = np.eye(outputs, dtype="float32")
    is_folded = (
        np.array_equal(inner_kernel[:, mirrored], -kernel)
        and np.array_equal(inner_bias[mirrored], -bias)
        and not inner_kernel[:, 2 * outputs :].any()
        and not inner_bias[2 * outputs :].any()
        and not out_bias.any()
        and np.array_equal(out_kernel[: 2 * outputs], np.concatenate([identity, -identity]))
        and not out_kernel[2 * outputs :].any()
    )
    return (kernel, bias) if is_folded else None


def _kind_and_choice(name, config, tensors, options):
    """(class here, its arguments beyond the common ones)."""
    if name == "ElectraForMultipleChoice":
        return MultipleChoice, ()
    where = f"{tensors.folder}/config.json"
    outputs = tensors.value(list(TASK_CLASSES[name].values())[-1]).shape[0]
    if name == "ElectraForTokenClassification":
        return TokenClassifier, (_labels(where, config, outputs),)
    problem = config.get("problem_type")
    is_number = problem == TextRegressor.kind
    if outputs == 1 and (problem is None or is_number):
        return TextRegressor, (options.pop("value_range", (0.0, 1.0)),)
    if is_number:
        raise InputError(
            f"{where}: expected one output for problem_type='regression', received {outputs}"
        )
    options["is_multi_label"] = problem == "multi_label_classification"
    return TextClassifier, (_labels(where, config, outputs),)


def _labels(where, config, number):
    """Names of the labels, in the order of their numbers."""
    keys = [str(index) for index in range(number)]
    names = config.get("id2label") or {key: f"LABEL_{key}" for key in keys}
    if not isinstance(names, dict) or set(names) != set(keys):
        raise InputError(f"{where}: expected id2label with {number} labels, received {names!r:.80}")
    return tuple(names[key] for key in keys)
