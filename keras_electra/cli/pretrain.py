"""`pretrain`: from a store to a run, or on with the run that is in the folder."""

import dataclasses

from keras_electra.cli import display
from keras_electra.cli.arguments import Backend, devices_spec, existing, quoted, start_keras
from keras_electra.cli.evaluate import evaluate_and_print
from keras_electra.cli.following import RESUMES, of_pretrainer
from keras_electra.cli.options import OptionalPath, argument, choice, given, options_of
from keras_electra.cli.original import Original, OriginalRun
from keras_electra.config.encoder import ARCHITECTURES, EncoderConfig
from keras_electra.config.masking import MaskingConfig
from keras_electra.config.objective import ObjectiveConfig
from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.config.sizes import SIZES
from keras_electra.errors import InputError
from keras_electra.files import shown_path
from keras_electra.runs import RunFolder
from keras_electra.runs.kind import settings_of_kind

DEFAULT_SIZE = "small"
SUMMARY = ("loss", "mlm_loss", "generator_accuracy", "rtd_loss", "rtd_auc")
BY_SIZE = dict.fromkeys({name for recipe in SIZES.values() for name in recipe}, "by size")
BY_SIZE |= dict.fromkeys(ARCHITECTURES["electra"], "by architecture")
BY_SIZE["vocabulary_size"] = "that of the store"

RunOptions = options_of(
    PretrainConfig, leave_out={*PretrainConfig.groups(), "size"}, defaults=BY_SIZE, name="run"
)
EncoderOptions = options_of(EncoderConfig, defaults=BY_SIZE)
ObjectiveOptions = options_of(ObjectiveConfig, defaults=BY_SIZE)
MaskingOptions = options_of(MaskingConfig, defaults=BY_SIZE)
OptimizerOptions = options_of(OptimizerConfig, defaults=BY_SIZE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pretrain:
    """Train a generator and a discriminator; a run that is in the folder already is resumed.

    A resumed run keeps its settings; options given again may change how often is logged and saved,
    the time budget, and make the run longer.
    """

    run_dir: argument(OptionalPath, "the run", "required", metavar="DIR") = None
    store: argument(OptionalPath, "made by `prepare`", "the run's own", metavar="DIR") = None
    size: argument(
        choice("size", SIZES), "named recipe, which sets every other option", DEFAULT_SIZE
    ) = None
    architecture: argument(
        choice("architecture", ARCHITECTURES), "named bundle of architecture options", "by size"
    ) = None
    start: argument(
        OptionalPath,
        "run, checkpoint or preset whose weights a new run starts from",
        "fresh weights",
        metavar="PATH",
        name="from",
    ) = None
    backend: Backend = None
    devices: argument(
        devices_spec(),
        "over how many devices of this machine each batch is divided",
        "1, or what the launcher of several processes says",
    ) = None
    training: RunOptions
    encoder: EncoderOptions
    objective: ObjectiveOptions
    masking: MaskingOptions
    optimizer: OptimizerOptions
    original: Original

    def run(self):
        original = self.original.read(store=self.store, run_dir=self.run_dir, size=self.size)
        if original is not None and original.evaluates:
            return evaluate_original(original, self.backend)
        store, run_dir = self._folders(original)
        config = self._config(RunFolder(run_dir), store, original)
        if self.start is not None:
            existing("--from", self.start)
        start_keras(self.backend, keeps_memory=True)
        if self.start is not None and RunFolder(run_dir).checkpoints():
            display.tell("--from is for new runs: this one goes on from its own checkpoint")
        from keras_electra.backends.devices import on_devices

        with on_devices(self.devices):
            outcome = pretrain_with_progress(config, store, run_dir, initial=self.start)
        if display.speaks():
            conclude(outcome, config)
        return outcome.exit_code

    def _folders(self, original):
        """The store and the run folder."""
        if original is not None:
            return original.checked_store(), original.run_dir
        if self.run_dir is None:
            raise InputError("--run-dir: expected the folder of the run, received none")
        run = RunFolder(self.run_dir)
        if self.store is None and not run.exists():
            raise InputError(
                f"--store: expected the store to train on, for {self.run_dir} holds no run "
                "to resume, received none"
            )
        recorded = None
        if run.exists():
            recorded = settings_of_kind(run, "pretrain")["store"]["path"]
        return self.store or recorded, self.run_dir

    def _config(self, run, store, original: OriginalRun | None) -> PretrainConfig:
        groups = (self.training, self.encoder, self.objective, self.masking, self.optimizer)
        changes = given(*groups)
        size = self.size
        if original is not None:
            changes = {**original.changes, **changes}
            size = original.size
        # With a store named, what a start that failed has left is no run to go on with.
        if run.exists() and (run.has_work() or self.store is None):
            return resumed_config(run, size, self.architecture, changes)
        if self.architecture is not None:
            changes["architecture"] = self.architecture
        if original is not None:
            return original.new_config(changes, display.tell)
        changes.setdefault("vocabulary_size", vocabulary_size_of(store))
        return PretrainConfig.from_size(size or DEFAULT_SIZE, **changes)


def resumed_config(run: RunFolder, size, architecture, changes: dict) -> PretrainConfig:
    """The settings of a run, with what was asked for now changed.

    Raises:
        InputError: if another size is asked for; other changes are judged when the run is opened.
    """
    config = PretrainConfig.from_dict(settings_of_kind(run, "pretrain")["pretrain"])
    if size not in (None, config.size):
        raise InputError(
            f"size: expected {config.size!r}, that of {shown_path(run.path)}, received {size!r}"
        )
    bundle = ARCHITECTURES[architecture] if architecture else {}
    return config.changed(**bundle, **changes) if bundle or changes else config


def vocabulary_size_of(store) -> int:
    """V of a store."""
    from keras_electra.store import Store

    return Store(store).manifest.vocabulary_size


def pretrain_with_progress(config: PretrainConfig, store, run_dir, initial=None):
    """`pretrain` with a line of progress on a terminal; returns its outcome."""
    from keras_electra.pretraining import pretrain

    minutes = config.time_budget_minutes
    spent = seconds_spent(RunFolder(run_dir))
    budget = None if minutes is None else max(0.0, 60 * minutes - spent)
    with display.TrainingProgress(config.steps, config.tokens_until, budget) as progress:
        return pretrain(
            config,
            store,
            run_dir,
            initial=initial,
            on_row=progress.on_row,
            on_step=progress.on_step,
            on_message=display.tell,
        )


def seconds_spent(run: RunFolder) -> float:
    """Seconds of training that the log of a run tells of."""
    rows = run.log_rows()
    return rows[-1].get("seconds") or 0.0 if rows else 0.0


def conclude(outcome, config: PretrainConfig) -> None:
    """Say how a run ended and what to do next."""
    summarize(outcome, config)
    path = quoted(outcome.run.path)
    if outcome.state == "finished":
        display.say_next(
            f"keras-electra evaluate --run-dir {path}",
            *of_pretrainer(outcome.run.path, config.objective.has_detector),
            f"keras-electra export --model {path} --out PRESET",
        )
    else:
        display.say_next(f"keras-electra pretrain --run-dir {path}{RESUMES}")


def summarize(outcome, config: PretrainConfig) -> None:
    """Say how a run ended, and its latest figures."""
    display.say(
        f"{outcome.state} at step {outcome.step:,} of {config.steps:,}: {shown_path(outcome.run.path)}"
    )
    rows = outcome.run.log_rows()
    if rows:
        row = rows[-1]
        figures = [f"{name} {display.figure(row[name])}" for name in SUMMARY if name in row]
        speed = f"{row['tokens_per_second']:,.0f} tokens/s"
        display.say(f"training at step {row['step']:,}: {', '.join([*figures, speed])}")


def evaluate_original(original: OriginalRun, backend) -> None:
    """What `do_eval` asks for."""
    start_keras(backend, keeps_memory=True)
    evaluate_and_print(
        original.run_dir,
        original.checked_store(),
        batch_size=original.eval_batch_size,
        max_examples=original.eval_examples,
    )
