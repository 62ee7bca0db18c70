"""A fine-tuning as it is asked for in a form: checked, and made into commands."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Mapping
from typing import Any, Self

from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.finetune import FinetuneConfig
from keras_electra.config.huggingface import encoder_of
from keras_electra.config.sizes import size_named
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import ElectraError, InputError
from keras_electra.files import absolute, read_json
from keras_electra.foreign_files import hub_snapshot, read_json_in
from keras_electra.launching.commands import Command, command
from keras_electra.launching.fields import Field, all_problems, fields_of
from keras_electra.launching.installed import check_backend
from keras_electra.launching.places import check_name, of_settings, placed
from keras_electra.launching.starting import Launch
from keras_electra.runs import RunFolder
from keras_electra.tasks import Task, known_task, own_task
from keras_electra.tokenizer import WordPieceTokenizer

QUICK_LOOK = {"epochs": 1.0, "max_examples": 200, "num_trials": 1}
"""What a quick look changes."""
PAPER = "Clark et al. (2020), appendix B"
# Averages of weights are refused in fine-tuning.
LEFT_OUT = ("ema_rate",)


def finetune_fields() -> dict[str, tuple[Field, ...]]:
    """Group -> the fields of its options."""
    groups = {"run": FinetuneConfig, **FinetuneConfig.groups()}
    return {name: fields_of(kind, name, LEFT_OUT) for name, kind in groups.items()}


@dataclasses.dataclass(frozen=True)
class StartingModel:
    """What is known of a model without opening it.

    Attributes:
        path: its folder.
        encoder: the options of its encoder.
        tokenizer: those of its tokenizer.
        vocabulary_path: the file of its vocabulary, or the folder.
    """

    path: pathlib.Path
    encoder: EncoderConfig
    tokenizer: TokenizerConfig
    vocabulary_path: pathlib.Path

    @classmethod
    def at(cls, path: str | os.PathLike) -> Self:
        """Of a run, a checkpoint, a preset, a fine-tuning run or a Hugging Face folder.

        Raises:
            InputError: if the folder is none of these.
        """
        path = pathlib.Path(path)
        for folder in (path, path.parent.parent, *sorted(path.glob("trials/*/model"))):
            try:
                settings = read_json(folder / "config.json")
                encoder = settings.get("pretrain", settings).get("encoder")
                config = TokenizerConfig.from_dict(settings.get("tokenizer", {}))
                if encoder is not None:
                    found = EncoderConfig.from_dict(encoder)
                    return cls(path, found, config, folder / "vocab.txt")
            except (OSError, ElectraError, AttributeError):
                continue
        for folder in (hub_snapshot(path), path / "discriminator"):
            settings = read_json_in(folder, "config.json") or {}
            if "model_type" in settings:
                is_bert = settings["model_type"] == "bert"
                found = encoder_of(f"{folder}/config.json", settings, is_bert)
                tokenizer = WordPieceTokenizer.from_file(folder)
                return cls(path, found, tokenizer.config, folder)
        raise InputError(
            "model: expected a run, a checkpoint or a preset, or a Hugging Face folder, "
            f"received {os.fspath(path)!r}"
        )

    @property
    def size(self) -> str | None:
        """The named size of the same width and depth, or None."""
        return size_named(self.encoder.hidden_dim, self.encoder.num_layers)

    def open_tokenizer(self):
        """Its `WordPieceTokenizer`."""
        return WordPieceTokenizer.from_file(self.vocabulary_path, self.tokenizer)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinetunePlan:
    """What shall be fine-tuned, on what data, starting from which model; paths are made absolute.

    Attributes:
        folder: everything that is written lies below it.
        name: of the run, a folder in `folder`.
        model: run, checkpoint, preset or fine-tuning run to start from.
        data: file or folder with the examples.
        task: a known one; None for one's own table.
        columns: keywords of `own_task`, such as `text_column`, that overrule its guess.
        backend: what Keras computes with; None to leave the choice to the program.
        options: of `FinetuneConfig` and its groups, by name, changed in the recipe.
        is_quick: whether it is a look at one epoch of 200 examples.
    """

    folder: pathlib.Path = pathlib.Path("electra")
    name: str = "task-1"
    model: str = ""
    data: str = ""
    task: str | None = None
    columns: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    backend: str | None = None
    options: Mapping = dataclasses.field(default_factory=dict)
    is_quick: bool = False

    def __post_init__(self):
        object.__setattr__(self, "folder", absolute(self.folder))
        for name in ("model", "data"):
            object.__setattr__(self, name, placed(os.getcwd(), str(getattr(self, name))))

    @classmethod
    def like(cls, run_dir: str | os.PathLike, **changes) -> Self:
        """The plan of a run that was started from one, with some of it changed.

        Raises:
            InputError: if the run was not: its data is not kept in it.
        """
        kept = Launch(run_dir).plan()
        if "is_quick" not in kept:
            raise InputError(
                f"expected a fine-tuning that was started from a form, received {os.fspath(run_dir)!r}"
            )
        return of_settings(cls, {**kept, **changes})

    @property
    def run_dir(self) -> pathlib.Path:
        """The run folder."""
        return self.folder / self.name

    @property
    def named_columns(self) -> list[str]:
        """The names of all columns that were told."""
        told = (
            value for name, value in self.columns.items() if name.endswith(("column", "columns"))
        )
        return [
            name for value in told for name in ([value] if isinstance(value, str) else value or ())
        ]

    # Settings

    @functools.cached_property
    def starting_model(self) -> StartingModel:
        """The model; `InputError` if there is none."""
        if not self.model:
            raise InputError("model: expected a run, a checkpoint or a preset, received none")
        return StartingModel.at(self.model)

    @functools.cached_property
    def described_task(self) -> tuple[Task, str]:
        """The task, and a sentence that says what was found in the columns.

        Raises:
            InputError: if it is not known, or the columns cannot be understood.
        """
        if not self.data:
            raise InputError("data: expected a file or folder with examples, received none")
        if not pathlib.Path(self.data).exists():
            raise InputError(
                f"data: expected a file or folder, received {self.data}, which is missing"
            )
        columns = tuple(
            (name, tuple(value) if isinstance(value, list) else value)
            for name, value in sorted(self.columns.items())
        )
        return described(self.data, stamp_of(self.data), self.task, columns)

    @property
    def all_options(self) -> dict:
        """The options, those of a quick look among them."""
        return {**self.options, **(QUICK_LOOK if self.is_quick else {})}

    def config(self, options: Mapping | None = None) -> FinetuneConfig:
        """The recipe of the model's size and the task, with options changed.

        Args:
            options: those in the place of the plan's own.

        Raises:
            InputError: if model, task or options are wrong.
        """
        model, (task, _) = self.starting_model, self.described_task
        recipe, longest = dict(task.recipe), model.encoder.max_sequence_length
        length = recipe.get("sequence_length", FinetuneConfig.sequence_length)
        recipe["sequence_length"] = min(length, longest)
        options = self.all_options if options is None else options
        config = FinetuneConfig.for_task(recipe, model.size, **options)
        if config.sequence_length > longest:
            raise InputError(
                f"sequence_length: expected at most the encoder's {longest}, "
                f"received {config.sequence_length}"
            )
        return config

    def problems(self) -> dict[str, str]:
        """What is wrong: field -> the library's sentence."""
        checks = {
            "data": lambda: self.described_task,
            "model": lambda: self.starting_model.open_tokenizer(),
            "name": lambda: check_name(self.folder, self.name),
            "backend": lambda: check_backend(self.backend),
        }
        found = {}
        for field, check in checks.items():
            try:
                check()
            except ElectraError as error:
                found[self._field_of(str(error), field)] = str(error)
        if not {"data", "model"} & found.keys():
            found |= all_problems(self.all_options, self.config)
        return found

    def _field_of(self, sentence: str, field: str) -> str:
        """The column or the task that a sentence about the data names, else the field itself."""
        name = sentence.partition(":")[0]
        is_other = field == "data" and (name.endswith(("_column", "_columns")) or name == "task")
        return name if is_other else field

    # In other words

    def commands(self, only_missing: bool = False) -> list[Command]:
        """The command that does it."""
        options = {"model": self.model, "data": self.data, "run_dir": self.run_dir}
        if self.task is not None:
            options["task"] = self.task
        options |= {name: value for name, value in self.columns.items() if value not in (None, ())}
        if self.backend is not None:
            options["backend"] = self.backend
        return [command("finetune", {**options, **self.all_options})]

    def settings(self) -> dict:
        """The plan in the types of JSON; `FinetunePlan(**settings)` is the plan again."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**values, "folder": str(self.folder)}


@functools.lru_cache(maxsize=8)
def described(data: str, stamp: tuple, task: str | None, columns: tuple) -> tuple[Task, str]:
    """The task and the sentence on it; a form asks at every key, and the files may be large.

    Args:
        stamp: changes with the files.
        columns: pairs of `FinetunePlan.columns`.
    """
    if task is not None:
        found = known_task(task)
        return found, f"{found.name}: {found.kind.replace('_', ' ')}"
    given = {name: list(v) if isinstance(v, tuple) else v for name, v in columns}
    return own_task(data, **given)


def stamp_of(path: str | os.PathLike) -> tuple:
    """What changes when a file, or a file right in a folder, does."""
    path = pathlib.Path(path)
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return tuple((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files)


def recommended(plan: FinetunePlan) -> str:
    """What the recipe of the model's size and the task says, and where it is from.

    Raises:
        InputError: if model or task are wrong.
    """
    config, size = plan.config({}), plan.starting_model.size
    values = {
        "learning_rate": config.optimizer.learning_rate,
        "layer_decay": config.optimizer.layer_decay,
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "sequence_length": config.sequence_length,
        "warmup_fraction": config.warmup_fraction,
    }
    told = ", ".join(f"{name} {value:g}" for name, value in values.items() if value is not None)
    source = "this package's own trials" if size in ("tiny", "mini") else PAPER
    known = f"for {size}" if size else "for small, the nearest there is"
    return f"Recommended {known}: {told} ({source})."


def is_finetuning(run: RunFolder) -> bool:
    """Whether a run is one of fine-tuning."""
    try:
        return "finetune" in run.config()
    except ElectraError:
        return False
