"""What fine-tuning gives: one model on one task, as a run that is not trained twice."""

import dataclasses

from parity.limits import some

JUDGED = {"chunk": "test"}
"""Task -> the split that is judged, where it is not the validation part."""


def limited(task, most: int | None):
    """The task with at most `most` training examples, always the same ones."""

    def read(data, split, problems):
        examples = task.reader(data, split, problems)
        return some(list(examples), most) if split == "train" else examples

    return dataclasses.replace(task, reader=read)


def results_of(model, name: str, options, run, **changes) -> dict:
    """`results.json` of a model fine-tuned on a known task, after training what is missing.

    Args:
        model: run, checkpoint or preset.
        name: of the task.
        options: of the command line: `glue`, `conll2000`, `max_train_examples`, `epochs`.
        run: the fine-tuning run's folder.
        **changes: further options of `FinetuneConfig`.
    """
    from keras_electra.finetuning import finetune, recipe_for
    from keras_electra.tasks import known_task

    task = limited(known_task(name), options.max_train_examples)
    start, config = recipe_for(
        model,
        task,
        epochs=options.epochs,
        max_restarts=0,
        checkpoint_every_steps=100,
        # Once, at the end.
        validate_every_steps=1_000_000,
        **changes,
    )
    data = options.conll2000 if name == "chunk" else options.glue
    outcome = finetune(start, task, data, run, config=config, on_message=print)
    if outcome.results is None:
        raise SystemExit(outcome.exit_code or 1)
    return outcome.results


def judged(results: dict, name: str) -> dict:
    """The main figure of a task over its trials, as `scoring.summary` gives it."""
    from keras_electra.tasks import known_task

    split = JUDGED.get(name, "validation")
    (entry,) = (found for found in results["results"] if found["split"] == split)
    return entry["metrics"][known_task(name).main_metric]
