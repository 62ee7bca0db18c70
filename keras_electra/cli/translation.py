"""The original program's hyper-parameters, translated into options of this package.

In the order of the original: values of the debug mode, then of the model size, then the user's.
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable

from keras_electra.cli.hparams import (
    CHOICES_THERE,
    DEBUG,
    DEBUG_EVALUATION,
    DEFAULTS,
    DEFAULTS_CHOICES,
    ENCODER_NAMES,
    MEANINGLESS,
    NAMES_HERE,
    SIZES_THERE,
)
from keras_electra.config.objective import ObjectiveConfig
from keras_electra.config.options import checked, refuse_unknown
from keras_electra.errors import InputError
from keras_electra.generators import GENERATORS
from keras_electra.objectives import OBJECTIVES


@dataclasses.dataclass(frozen=True)
class Translation:
    """What some hyper-parameters ask for, in the words of this package.

    Attributes:
        size: the model size that was named, or None.
        changes: options to change, by name.
        evaluates: whether to evaluate instead of training.
        eval_batch_size: examples per forward pass of the evaluation.
        eval_examples: examples to evaluate.
        lowercase: what `do_lower_case` said, or None.
        vocab_file, model_dir: other places than those in the data folder, or None.
    """

    size: str | None
    changes: dict
    evaluates: bool
    eval_batch_size: int
    eval_examples: int
    lowercase: bool | None
    vocab_file: str | None
    model_dir: str | None


def read_hparams(text: str) -> dict:
    """A JSON object, or the one in the file that a text ending in ".json" names."""
    source = "--hparams"
    if text.endswith(".json"):
        source, path = f"--hparams {text}", pathlib.Path(text)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{source}: expected a readable file ({error})") from error
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InputError(
            f"{source}: expected a JSON object ({error}), received {text!r:.80}"
        ) from None
    if not isinstance(value, dict):
        raise InputError(f"{source}: expected a JSON object, received {text!r:.80}")
    return value


def translate(hparams: dict, evaluates: bool = False) -> Translation:
    """Read the original's hyper-parameters.

    Args:
        hparams: those that were given; "defaults" may be "paper" or "original".
        evaluates: what is meant when neither `do_train` nor `do_eval` is given.

    Raises:
        InputError: for an unknown name, a value of another type, or one that has no meaning here.
    """
    defaults, hparams = divided(hparams, DEFAULTS, check_value)
    values = {**DEFAULTS, **(DEBUG_EVALUATION if hparams.get("debug") else {}), **hparams}
    if values["model_size"] not in SIZES_THERE:
        names = ", ".join(SIZES_THERE)
        raise InputError(f"model_size: expected one of {names}, received {values['model_size']!r}")
    return Translation(
        size=hparams.get("model_size"),
        changes={**(CHOICES_THERE if defaults == "original" else {}), **changes_of(hparams)},
        evaluates=task_of(hparams, evaluates),
        eval_batch_size=values["eval_batch_size"],
        eval_examples=values["eval_batch_size"] * values["num_eval_steps"],
        lowercase=hparams.get("do_lower_case"),
        vocab_file=hparams.get("vocab_file"),
        model_dir=hparams.get("model_dir"),
    )


def divided(hparams: dict, known, check_value: Callable) -> tuple[str, dict]:
    """("paper" or "original", the hyper-parameters beside "defaults"), looked at one by one.

    Raises:
        InputError: for an unknown name, or what `check_value(name, value)` refuses.
    """
    hparams = dict(hparams)
    defaults = hparams.pop("defaults", "paper")
    if defaults not in DEFAULTS_CHOICES:
        raise InputError(f"defaults: expected 'paper' or 'original', received {defaults!r}")
    refuse_unknown(hparams, known, "hparams")
    for name, value in hparams.items():
        check_value(name, value)
    return defaults, hparams


def check_value(name: str, value) -> None:
    """Raise `InputError` for a value of the wrong type, or one that cannot be obeyed."""
    default = DEFAULTS[name]
    if name in MEANINGLESS:
        if value != default and value not in (None, False):
            raise InputError(
                f"{name}: expected {default!r}, received {value!r}; {MEANINGLESS[name]}"
            )
    elif default is None:
        kind = int if name == "embedding_size" else str
        checked(name, value, kind | None)
    elif not (name == "keep_checkpoint_max" and value is None):
        if not isinstance(default, dict):
            checked(name, value, type(default))
        elif not isinstance(value, dict):
            raise InputError(f"{name}: expected a JSON object, received {value!r}")


def task_of(hparams: dict, evaluates: bool) -> bool:
    """Whether to evaluate; exactly one of `do_train` and `do_eval` must be asked for."""
    do_train = hparams.get("do_train", not evaluates)
    do_eval = hparams.get("do_eval", evaluates)
    if do_train == do_eval:
        raise InputError(
            "do_train, do_eval: expected exactly one of them to be true, "
            f"received do_train={do_train} and do_eval={do_eval}"
        )
    return do_eval


def changes_of(hparams: dict) -> dict:
    """Options of this package that the given hyper-parameters set."""
    changes = dict(DEBUG) if hparams.get("debug") else {}
    if changes and hparams.get("model_size", "small") != "small":
        changes["embedding_dim"] = DEBUG["hidden_dim"]
    changes.update(encoder_changes(hparams.get("model_hparam_overrides", {}), hparams))
    for name, value in hparams.items():
        if name in NAMES_HERE and value is not None:
            changes[NAMES_HERE[name]] = value
    if "lr_decay_power" in hparams:
        changes["schedule"] = "linear" if hparams["lr_decay_power"] == 1 else "polynomial"
    if "keep_checkpoint_max" in hparams and not hparams["keep_checkpoint_max"]:
        changes["keep_checkpoints"] = DEFAULTS["keep_checkpoint_max"]
        every = changes.get("checkpoint_every_steps", DEFAULTS["save_checkpoints_steps"])
        changes["milestone_every_steps"] = every
    if "disallow_correct" in hparams:
        changes["correct_token_allowed"] = not hparams["disallow_correct"]
    return {**changes, **objective_changes(hparams)}


def encoder_changes(overrides: dict, hparams: dict) -> dict:
    """What `model_hparam_overrides` sets; a new width also sets heads and feed-forward width."""
    refuse_unknown(overrides, {*ENCODER_NAMES, "hidden_act"}, "model_hparam_overrides")
    if overrides.get("hidden_act", "gelu") != "gelu":
        raise InputError(f"hidden_act: expected 'gelu', received {overrides['hidden_act']!r}")
    changes = {}
    if "hidden_size" in overrides:
        width = checked("hidden_size", overrides["hidden_size"], int)
        changes = {"num_heads": max(1, width // 64), "intermediate_dim": 4 * width}
        if hparams.get("model_size", "small") != "small":
            changes["embedding_dim"] = width
    names = (name for name in overrides if name in ENCODER_NAMES)
    return {**changes, **{ENCODER_NAMES[name]: overrides[name] for name in names}}


def objective_changes(hparams: dict) -> dict:
    """Objective and generator, which the original describes by six switches."""
    changes = {}
    switches = {name: hparams.get(name, DEFAULTS[name]) for name in DEFAULTS}
    is_electric = switches["electric_objective"]
    on = [name for name in ("electra_objective", "electric_objective") if switches[name]]
    learned = next(kind for kind in OBJECTIVES if kind.google_switches == tuple(on[-1:]))
    if "electra_objective" in hparams or "electric_objective" in hparams:
        changes["objective"] = learned.name
    # What asks for each kind of generator.
    asked = {}
    for kind in GENERATORS:
        name, value = kind.google_switch or ("", None)
        needed = ("generator", kind.name) in [required[:2] for required in learned.required_options]
        if name and switches[name] == value:
            asked[kind.name] = name if value else f"{name}=false"
        elif is_electric and needed:
            asked[kind.name] = "electric_objective"
    if len(asked) > 1:
        names = " and ".join(asked.values())
        raise InputError(f"{names} do not go together: each asks for another generator")
    named = {kind.google_switch[0] for kind in GENERATORS if kind.google_switch} & hparams.keys()
    if asked or named:
        changes["generator"] = next(iter(asked), ObjectiveConfig.generator)
    if "untied_generator_embeddings" in hparams:
        untied = switches["untied_generator_embeddings"]
        changes["embedding_sharing"] = "none" if untied else "full"
    return changes
