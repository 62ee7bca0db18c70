"""Raw examples as rows of token ids, for a model that is asked in words."""

import warnings

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import InputError
from keras_electra.tasks.encoding import EncodedExamples, encode
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.raw_examples import examples_of
from keras_electra.tasks.task import Task

SHORTEST_SEQUENCE = 8


def encoded(model, longest: int, x, y=None, is_training: bool = False) -> EncodedExamples:
    """Raw examples as the rows that a model is given.

    Args:
        model: has `kind`, `task_name`, `tokenizer` and `sequence_length`, and where its kind has them
            `labels`, `value_range`, `tagging_form` and `answers`.
        longest: places that its encoder takes at most.
        x, y: raw examples, and perhaps their answers.

    Raises:
        InputError: without a tokenizer, or for an example that cannot be used.
    """
    if model.tokenizer is None:
        raise InputError("model: expected one with a tokenizer, received tokenizer=None")
    if longest < SHORTEST_SEQUENCE:
        raise InputError(
            f"model: expected one that takes {SHORTEST_SEQUENCE} tokens, received {longest}"
        )
    answers = getattr(model, "answers", None)
    config = FinetuneConfig.for_task(
        {},
        sequence_length=min(model.sequence_length or longest, longest),
        tagging_form=getattr(model, "tagging_form", "correct"),
        **(answers.to_dict() if answers else {}),
    )
    result = encode(
        task_of(model),
        examples_of(model, x, y),
        model.tokenizer,
        config,
        labels=getattr(model, "labels", None),
        # Here a person is waiting, so the first thing that is wrong is said at once.
        problems=Problems(is_strict=True),
        is_training=is_training,
    )
    if result.num_truncated:
        warnings.warn(
            f"{result.num_truncated} of {len(result.examples)} texts were cut to "
            f"{config.sequence_length} tokens",
            stacklevel=4,
        )
    return result


def task_of(model) -> Task:
    """The task that a model is for, as encoding wants it."""
    return Task(
        name=model.task_name,
        kind=model.kind,
        reader=lambda data, split, problems: iter(()),
        labels=getattr(model, "labels", None),
        value_range=getattr(model, "value_range", None),
        metrics=("loss",),
        main_metric="loss",
    )
