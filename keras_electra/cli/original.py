"""`--data-dir`, `--model-name` and `--hparams`, as the original program takes them."""

import dataclasses
import pathlib

from keras_electra.cli.hparams import CHOICES_THERE, DEFAULTS, ENCODER_NAMES, NAMES_HERE
from keras_electra.cli.options import OptionalPath, OptionalText, argument
from keras_electra.cli.translation import Translation, read_hparams, translate
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Original:
    """The original program's own flags, in place of --store, --run-dir and --size."""

    data_dir: argument(
        OptionalPath, "reads D/store and D/vocab.txt, and runs in D/models/M", "", metavar="D"
    ) = None
    model_name: argument(OptionalText, "name of the run", "", metavar="M") = None
    hparams: argument(
        OptionalText,
        "the original's hyper-parameters, as a JSON object or the path of a .json file; "
        'they start from the paper\'s recipe of their model_size, with "defaults": "original" '
        "from the original program's defaults",
        "{}",
        metavar="JSON",
    ) = None

    def read(self, *, store, run_dir, size, evaluates=False) -> "OriginalRun | None":
        """The run these flags describe; None if there are none of them.

        Args:
            store, run_dir, size: the flags they stand in place of, which must not be given too.
            evaluates: whether the command evaluates unless `do_train` is given.
        """
        others = {"store": store, "run_dir": run_dir, "size": size}
        says = "--data-dir says where the store and the run are, and --hparams which size"
        if not are_given(self, others, says):
            return None
        translation = translate(read_hparams(self.hparams or "{}"), evaluates)
        return OriginalRun(**vars(translation), data_dir=self.data_dir, model_name=self.model_name)


@dataclasses.dataclass(frozen=True, kw_only=True)
class OriginalRun(Translation):
    """A run in the original's folders with the original's hyper-parameters."""

    data_dir: pathlib.Path
    model_name: str

    @property
    def run_dir(self) -> pathlib.Path:
        """The run folder."""
        return pathlib.Path(self.model_dir or self.data_dir / "models" / self.model_name)

    def checked_store(self) -> pathlib.Path:
        """The path of the store.

        Raises:
            InputError: if it was made with another vocabulary than that of the data folder.
        """
        from keras_electra.store import Store
        from keras_electra.tokenizer import WordPieceTokenizer

        store = Store(self.data_dir / "store")
        options = store.manifest.tokenizer
        if self.lowercase not in (None, options.lowercase):
            raise InputError(
                f"do_lower_case: expected {options.lowercase}, as {store.path} was made, "
                f"received {self.lowercase}"
            )
        vocabulary = pathlib.Path(self.vocab_file or self.data_dir / "vocab.txt")
        store.check_tokenizer(WordPieceTokenizer.from_file(vocabulary, options))
        return store.path

    def new_config(self, changes: dict, tell) -> PretrainConfig:
        """The settings of a new run; `tell` gets a line for each that the original would not have.

        Args:
            changes: all options to change, those of the hyper-parameters among them.
            tell: called with sentences.
        """
        from keras_electra.store import Store

        size = self.size or DEFAULTS["model_size"]
        entries = Store(self.data_dir / "store").manifest.vocabulary_size
        # The original keeps its warm-up whatever the number of steps.
        changes = {
            "vocabulary_size": entries,
            "warmup_steps": DEFAULTS["num_warmup_steps"],
            "keep_checkpoints": DEFAULTS["keep_checkpoint_max"],
            **changes,
        }
        config = PretrainConfig.from_size(size, **changes)
        there = PretrainConfig.from_size(
            size, **{**CHOICES_THERE, "vocabulary_size": DEFAULTS["vocab_size"]}
        )
        lines = [*differences(config, there)]
        if lines:
            tell(f"model_size {size}; different from the original program's defaults:")
        for line in lines:
            tell(f"  {line}")
        return config


def differences(config: PretrainConfig, there: PretrainConfig):
    """One line per option in which a recipe differs from the original program's defaults."""
    names_there = {here: f"model_hparam_overrides.{name}" for name, here in ENCODER_NAMES.items()}
    names_there |= {here: name for name, here in NAMES_HERE.items()}
    ours, theirs = config.flat(), there.flat()
    for name, value in ours.items():
        if value != theirs[name]:
            known = f" ({name} here)" if names_there.get(name, name) != name else ""
            yield f"{names_there.get(name, name)}{known}: {value}, there {theirs[name]}"


def are_given(flags, others: dict, says: str) -> bool:
    """Whether there are any of the original's flags.

    Args:
        flags: with `data_dir`, `model_name` and `hparams`.
        others: name -> value of the flags that they stand in place of.
        says: why these are not needed.

    Raises:
        InputError: for flags of both sorts, or a missing one.
    """
    own = {name: value for name, value in vars(flags).items() if value is not None}
    if not own:
        return False
    for name in ("data_dir", "model_name"):
        if name not in own:
            given = ", ".join(map(flag, own))
            raise InputError(f"{flag(name)}: expected a value beside {given}, received none")
    for name, value in others.items():
        if value not in (None, ()):
            raise InputError(f"--data-dir and {flag(name)} do not go together: {says}")
    return True


def flag(name: str) -> str:
    """`flag("data_dir")` is "--data-dir"."""
    return "--" + name.replace("_", "-")
