"""The end of a trial and of a run: predictions, figures, the model, and the tables over all trials."""

import math
import shutil

from keras_electra.errors import DivergedError
from keras_electra.exploring.records import RESULT_FILE, best_trial, trial_results, write_examples
from keras_electra.files import write_bytes, write_json
from keras_electra.finetuning import results as files
from keras_electra.finetuning.setting import JUDGING_BATCH, Setting, score_rows
from keras_electra.finetuning.submissions import glue_tables, write_glue_zip
from keras_electra.finetuning.trials import BEST_FILE, FAILURE_FILE, Trial
from keras_electra.presets import save_preset
from keras_electra.tasks.answer_decoding import with_threshold
from keras_electra.tasks.kinds import kind_of

ENOUGH_STEPS = 200
"""Steps from which a trial that answers like a constant has failed, and was not only short."""


def conclude_trial(setting: Setting, trial: Trial, diverged: list[int], reason: str | None) -> bool:
    """Write what a trial leaves, its record last; or say that it has to start again.

    Args:
        trial: at its end.
        diverged: seeds of its attempts that were given up before.
        reason: the sentence of a training that was not finite, or None; kept with the trial where it has
            no attempt left.

    A trial that gives everything one answer learned nothing if it had `ENOUGH_STEPS`, and starts again;
    of a shorter one that cannot be told, and it is done.

    Returns:
        Whether the trial is done.

    Raises:
        DivergedError: if it was not finite and has no attempt left.
    """
    is_last = trial.course.attempt >= setting.config.max_restarts
    if reason is not None:
        if is_last:
            trial.path.mkdir(parents=True, exist_ok=True)
            write_json(trial.path / FAILURE_FILE, {"reason": reason})
            raise DivergedError(reason)
        return False
    judged = {
        name: {
            split: setting.model_of(name).predict_rows(data.splits[split], JUDGING_BATCH)
            for split in data.judged
        }
        for name, data in setting.data.items()
    }
    is_constant = has_learned_nothing(setting, trial, judged)
    is_too_short = is_constant and trial.course.step < ENOUGH_STEPS
    learned_nothing = is_constant and not is_too_short
    if learned_nothing and not is_last:
        return False
    if learned_nothing:
        setting.tell(f"trial {trial.course.trial} learned nothing with any of its seeds")
    if is_too_short:
        setting.tell(
            f"trial {trial.course.trial} gives one answer for everything, after {trial.course.step} "
            "steps: too few to tell whether it learns; train for more epochs or on more examples"
        )
        setting.session.append_event(
            "too_short", step=trial.keeper.run_step, trial=trial.course.trial
        )
    figures, reports = {}, {}
    for name, rows_of_split in judged.items():
        figures[name], reports[name] = scored(setting, name, rows_of_split)
        write_files(setting, trial, name, rows_of_split)
        keep_examples(setting, name)
    save_model(setting, trial)
    (trial.path / BEST_FILE).unlink(missing_ok=True)
    record = {
        "trial": trial.course.trial,
        "seed": trial.course.seed(setting.config),
        "attempt": trial.course.attempt,
        "diverged": diverged,
        "restart_reasons": restart_reasons(setting, trial)[: len(diverged)],
        "learned_nothing": learned_nothing,
        "is_too_short": is_too_short,
        "steps": trial.course.step,
        "seconds": trial.course.seconds,
        "validations": trial.course.validations,
        "main": setting.main_score({name: found["validation"] for name, found in figures.items()}),
        "figures": figures,
        "reports": reports,
    }
    write_json(trial.path / RESULT_FILE, record)
    return True


def restart_reasons(setting: Setting, trial: Trial) -> list[str]:
    """Why each attempt of a trial before this one was given up, oldest first."""
    events = setting.session.folder.events()
    return [
        event["reason"]
        for event in events
        if event["kind"] == "restart" and event["trial"] == trial.course.trial
    ]


def not_finite(setting: Setting, trial: Trial) -> str | None:
    """What is wrong with a trial whose last loss is NaN or infinite, or None.

    Its updates need not have been left out: the first may have been finite, and too large.
    """
    if all(map(math.isfinite, last_losses(setting, trial).values())):
        return None
    return (
        f"loss: expected a finite number at the end of trial {trial.course.trial}, received NaN or "
        "infinity; a lower learning_rate or a longer warm-up may help"
    )


def has_learned_nothing(setting: Setting, trial: Trial, judged) -> bool:
    """Whether every task of the trial ended where a constant answer would."""
    losses = last_losses(setting, trial)
    return all(
        setting.kind_of(name).has_diverged(rows_of_split["validation"], losses[name])
        for name, rows_of_split in judged.items()
    )


def last_losses(setting: Setting, trial: Trial) -> dict[str, float]:
    """The loss of each task in the newest row of the trial; NaN where the log has null for it."""
    rows = setting.session.folder.log_rows()
    last = [row for row in rows if row["trial"] == trial.course.trial][-1]
    names = setting.data
    found = {name: last["loss" if len(names) == 1 else f"{name}_loss"] for name in names}
    return {name: math.nan if loss is None else loss for name, loss in found.items()}


def scored(setting: Setting, name: str, rows_of_split: dict) -> tuple[dict, dict]:
    """({split: {metric: value}}, {split: report}) of one task, for the splits with known answers.

    The threshold of unanswerable questions is the recipe's, or else the best of the validation part; the
    rows get their answers by it, and the model keeps it.
    """
    data = setting.data[name]
    figures = {"validation": score_rows(data, rows_of_split["validation"], setting.config)}
    threshold = None
    if data.task.has_answerability:
        threshold = setting.config.answers.null_threshold
        if threshold is None:
            threshold = figures["validation"].get("best_threshold")
        setting.model_of(name).null_threshold = threshold
    reports = {}
    for split, rows in rows_of_split.items():
        if data.task.has_answerability:
            rows_of_split[split] = rows = with_threshold(rows, threshold)
        if all(row["gold"] is None for row in rows):
            continue
        figures[split] = score_rows(data, rows, setting.config, threshold)
        reports[split] = kind_of(data.task.kind).report(rows, data.labels)
    return figures, reports


def write_files(setting: Setting, trial: Trial, name: str, rows_of_split: dict) -> None:
    """Write the predictions of one task, and the files that a benchmark takes."""
    is_alone = len(setting.data) == 1
    for split, rows in rows_of_split.items():
        files.write_predictions(trial.path / "predictions", name, split, rows, is_alone)
        for file_name, content in setting.kind_of(name).files_of(rows).items():
            write_json(trial.path / "predictions" / f"{name}_{split}_{file_name}", content)
    tables = glue_tables(name, rows_of_split)
    if tables:
        folder = trial.path / "glue"
        folder.mkdir(exist_ok=True)
        for file_name, table in tables.items():
            write_bytes(folder / file_name, table.encode())


def keep_examples(setting: Setting, name: str) -> None:
    """Write what one task's predictions are of, once for all trials."""
    data, folder = setting.data[name], setting.session.folder.path / "examples"
    for split in data.judged:
        write_examples(folder, name, split, data.splits[split].examples, len(setting.data) == 1)


def save_model(setting: Setting, trial: Trial) -> None:
    """Save the trial's model, and of several only the best if so asked."""
    path = trial.path / "model"
    shutil.rmtree(path, ignore_errors=True)
    save_preset(path, setting.model, setting.config.sequence_length)


def conclude_run(setting: Setting) -> dict:
    """Write the results over all trials; returns the content of `results.json`."""
    run_path = setting.session.folder.path
    results = trial_results(run_path)
    best = best_trial(results)
    if setting.config.keep_models == "best":
        for result in results:
            if result["trial"] != best:
                shutil.rmtree(setting.trial_path(result["trial"]) / "model", ignore_errors=True)
    tables = {
        path.name: path.read_text(encoding="utf-8")
        for path in setting.trial_path(best).glob("glue/*.tsv")
    }
    if tables:
        write_glue_zip(run_path / "glue_submission.zip", tables)
    record = {
        "baselines": baselines(setting) if setting.config.has_baselines else {},
        "main_metrics": {name: data.task.main_metric for name, data in setting.data.items()},
        "inputs": {
            "data": {name: data.record for name, data in setting.data.items()},
            "model": {"path": setting.start.source, "sha256": setting.start.fingerprint},
        },
    }
    return files.write_results(run_path, results, record)


def baselines(setting: Setting) -> dict:
    """{task: {baseline: {split: {metric: value}}}} for the splits with known answers."""
    found = {}
    for name, data in setting.data.items():
        found[name] = {}
        examples = {split: data.splits[split].examples for split in data.judged}
        together = [example for part in examples.values() for example in part]
        train = data.splits["train"].examples
        rows_of = kind_of(data.task.kind).baselines(train, together, data.labels)
        for baseline, rows in rows_of.items():
            first = 0
            for split, part in examples.items():
                rows_of_split, first = rows[first : first + len(part)], first + len(part)
                if any(row["gold"] is not None for row in rows_of_split):
                    figures = score_rows(data, rows_of_split, setting.config)
                    found[name].setdefault(baseline, {})[split] = figures
    return found


def simplest_figures(setting: Setting) -> dict:
    """{task: {metric: value}} of the first baseline of each task in validation: what a model must beat."""
    found = {}
    for name, data in setting.data.items():
        train, examples = (data.splits[split].examples for split in ("train", "validation"))
        rows = kind_of(data.task.kind).simplest(train, examples, data.labels)
        found[name] = score_rows(data, rows, setting.config)
    return found
