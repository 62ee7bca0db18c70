"""`--data-dir`, `--model-name` and `--hparams` of `finetune`, as the original program takes them."""

import dataclasses
import pathlib

from keras_electra.cli.hparams import SIZES_THERE, TPU
from keras_electra.cli.options import OptionalPath, OptionalText, argument
from keras_electra.cli.original import are_given
from keras_electra.cli.translation import divided, read_hparams
from keras_electra.config.options import checked
from keras_electra.errors import InputError
from keras_electra.tasks import known_task

OPTIONS = {
    "learning_rate": ("learning_rate", 1e-4),
    "weight_decay_rate": ("weight_decay_rate", 0.01),
    "layerwise_lr_decay": ("layer_decay", 0.8),
    "num_train_epochs": ("epochs", 3.0),
    "warmup_proportion": ("warmup_fraction", 0.1),
    "save_checkpoints_steps": ("checkpoint_every_steps", 1_000_000),
    "max_seq_length": ("sequence_length", 128),
    "train_batch_size": ("batch_size", 32),
    "num_trials": ("num_trials", 1),
    "keep_all_models": ("keep_models", True),
    "double_unordered": ("has_swapped_pairs", True),
    "max_query_length": ("max_question_tokens", 64),
    "doc_stride": ("window_stride", 128),
    "n_best_size": ("num_best", 20),
    "max_answer_length": ("max_answer_tokens", 30),
    "answerable_weight": ("answerability_weight", 0.5),
    "joint_prediction": ("has_joint_ends", True),
    "beam_size": ("beam_size", 20),
    "qa_na_threshold": ("null_threshold", -2.75),
}
"""Hyper-parameter that is one option here -> (the option, the original's default)."""
DEFAULTS = {name: default for name, (_, default) in OPTIONS.items()}

JUDGED = "validation and test parts are judged whole, and give the same figures at any batch size"
OF_MODEL = "the folder of the model says it"
PREDICTED = "predictions of every part are written for every trial"
RESULTS = "results are written into the run folder, as results.json and results.md"
MEANINGLESS = {
    "log_examples": (False, "`keras-electra predict` shows single examples"),
    "do_train": (True, "a model that is trained is applied with `keras-electra predict`"),
    "do_eval": (True, "every trial is scored"),
    "use_tfrecords_if_existing": (True, "nothing is cached that could be stale"),
    "iterations_per_loop": (1000, "nothing is read back between two log rows"),
    "write_test_outputs": (False, PREDICTED),
    "n_writes_test": (5, PREDICTED),
    "eval_batch_size": (32, JUDGED),
    "predict_batch_size": (32, JUDGED),
    "model_hparam_overrides": ({}, OF_MODEL),
    "embedding_size": (None, OF_MODEL),
    "vocab_size": (30_522, OF_MODEL),
    "vocab_file": (None, OF_MODEL),
    "use_tpu": (False, TPU),
    "num_tpu_cores": (1, TPU),
    "tpu_job_name": (None, TPU),
    "tpu_name": (None, TPU),
    "tpu_zone": (None, TPU),
    "gcp_project": (None, TPU),
    "results_txt": (None, RESULTS),
    "results_pkl": (None, RESULTS),
    "qa_eval_file": (None, RESULTS),
    "qa_preds_file": (None, RESULTS),
    "qa_na_file": (None, RESULTS),
    "test_predictions": (None, RESULTS),
    "preprocessed_data_dir": (None, "nothing is cached"),
}
"""Those that nothing here corresponds to: the one value that is accepted, and why."""

OTHERS = {
    "debug": False,
    "model_size": "small",
    "task_names": ["chunk"],
    "do_lower_case": True,
    "answerable_classifier": True,
    "answerable_uses_start_logits": True,
    "raw_data_dir": None,
    "init_checkpoint": None,
    "model_dir": None,
}
DEBUG = {"batch_size": 8, "epochs": 3.0}
UNORDERED = {"mrpc", "sts", "stsb"}
"""Tasks whose pairs `double_unordered` swaps."""
FORMS_THERE = {
    "layer_decay_form": "original",
    "warmup_form": "original",
    "tagging_form": "original",
    "window_labels": "original",
}
"""What the original always does and is a choice here."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OriginalFinetune:
    """The original program's own flags, in place of --model, --task, --data and --run-dir."""

    data_dir: argument(
        OptionalPath, "reads D/finetuning_data and the model D/models/M", "", metavar="D"
    ) = None
    model_name: argument(OptionalText, "name of the model", "", metavar="M") = None
    hparams: argument(
        OptionalText,
        "the original's hyper-parameters of fine-tuning, as a JSON object or the path of a "
        '.json file; they start from the paper\'s recipe, with "defaults": "original" from the '
        "original program's defaults",
        "{}",
        metavar="JSON",
    ) = None

    def read(self, others: dict) -> "FinetuneThere | None":
        """The run these flags describe; None if there are none of them.

        Args:
            others: name -> value of the flags that they stand in place of.

        Raises:
            InputError: for flags of both sorts, a missing one, or hyper-parameters without a meaning.
        """
        if not are_given(self, others, "--data-dir and --hparams say it all"):
            return None
        return translated(self.data_dir, self.model_name, read_hparams(self.hparams or "{}"))


@dataclasses.dataclass(frozen=True)
class FinetuneThere:
    """A fine-tuning in the original's folders.

    Attributes:
        model, run_dir: paths.
        data: name of each task -> folder.
        tasks: names, as they were given.
        changes: options to change.
        lowercase: what `do_lower_case` said, or None.
    """

    model: pathlib.Path
    data: dict[str, pathlib.Path]
    run_dir: pathlib.Path
    tasks: tuple[str, ...]
    changes: dict
    lowercase: bool | None


def translated(data_dir, model_name: str, hparams: dict) -> FinetuneThere:
    """The run that the original's arguments describe."""
    defaults, hparams = divided(hparams, {**DEFAULTS, **MEANINGLESS, **OTHERS}, check_value)
    names = tuple(hparams.get("task_names", OTHERS["task_names"]))
    folder = data_dir / "models" / model_name
    raw = pathlib.Path(hparams.get("raw_data_dir") or data_dir / "finetuning_data")
    own = pathlib.Path(folder / "finetuning_models" / f"{','.join(names)}_model")
    return FinetuneThere(
        model=pathlib.Path(hparams.get("init_checkpoint") or folder),
        data={known_task(name).name: raw / name for name in names},
        run_dir=pathlib.Path(hparams.get("model_dir") or own),
        tasks=names,
        changes={**(defaults_there(hparams) if defaults == "original" else {}), **changes(hparams)},
        lowercase=hparams.get("do_lower_case"),
    )


def check_value(name: str, value) -> None:
    """Raise `InputError` for a value of the wrong type, or one that cannot be obeyed."""
    if name in MEANINGLESS:
        default, reason = MEANINGLESS[name]
        if value != default:
            raise InputError(f"{name}: expected {default!r}, received {value!r}; {reason}")
    elif name == "task_names":
        is_list = isinstance(value, list) and value and all(isinstance(one, str) for one in value)
        if not is_list:
            raise InputError(f"task_names: expected a list of names, received {value!r}")
    elif name == "model_size":
        if value not in SIZES_THERE:
            raise InputError(
                f"model_size: expected one of {', '.join(SIZES_THERE)}, received {value!r}"
            )
    elif name in DEFAULTS:
        checked(name, value, type(DEFAULTS[name]))
    else:
        kind = str if OTHERS[name] is None else type(OTHERS[name])
        checked(name, value, kind | None if OTHERS[name] is None else kind)


def changes(hparams: dict) -> dict:
    """Options of this package that the given hyper-parameters set."""
    found = dict(DEBUG) if hparams.get("debug") else {}
    for name, value in hparams.items():
        if name in OPTIONS:
            found[OPTIONS[name][0]] = value
    if "keep_all_models" in hparams:
        found["keep_models"] = "all" if hparams["keep_all_models"] else "best"
    if not set(hparams.get("task_names", OTHERS["task_names"])) <= UNORDERED:
        found.pop("has_swapped_pairs", None)
    if hparams.get("layerwise_lr_decay", 1) <= 0:
        found["layer_decay"] = None
    asked = {"answerable_classifier", "answerable_uses_start_logits"} & hparams.keys()
    if asked:
        by_start = hparams.get("answerable_uses_start_logits", True)
        is_asked = hparams.get("answerable_classifier", True)
        found["answerability"] = ("start" if by_start else "class") if is_asked else "none"
    return found


def defaults_there(hparams: dict) -> dict:
    """The original program's defaults for a size and its tasks, in its order of precedence."""
    values = dict(DEFAULTS)
    names = hparams.get("task_names", OTHERS["task_names"])
    if len(names) == 1:
        (name,) = names
        if name in ("rte", "sts"):
            values["num_train_epochs"] = 10.0
        if "squad" in name or "qa" in name:
            values |= {"num_train_epochs": 2.0, "max_seq_length": 512}
        if name == "chunk":
            values["max_seq_length"] = 256
    if hparams.get("model_size") == "large":
        values |= {"learning_rate": 5e-5, "layerwise_lr_decay": 0.9}
    return {**changes({**values, "task_names": names}), **FORMS_THERE}
