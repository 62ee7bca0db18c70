"""The folder of a fine-tuning run, opened for writing: what its settings are, and which may change."""

import keras

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.finetuning.data import TaskData
from keras_electra.finetuning.start import Start
from keras_electra.pretraining import environment
from keras_electra.runs import RunSession
from keras_electra.runs.kind import refuse_other_kind

MAY_CHANGE = (
    "finetune.log_every_steps",
    "finetune.checkpoint_every_steps",
    "finetune.keep_models",
    "finetune.has_baselines",
    "model.path",
)
MAY_GROW = ("finetune.num_trials",)


def open_session(config, start: Start, data: dict[str, TaskData], run_dir) -> RunSession:
    """The run folder, opened for writing once the block is entered."""
    settings = {
        "finetune": config.to_dict(),
        "tasks": {name: one.task.kind for name, one in data.items()},
        "main_metrics": {name: one.task.main_metric for name, one in data.items()},
        "data": {
            name: {split: entry["sha256"] for split, entry in one.record.items()}
            for name, one in data.items()
        },
        "model": {"path": start.source, "fingerprint": start.fingerprint},
        "tokenizer": start.tokenizer.config.to_dict(),
    }
    vocabulary = "".join(f"{token}\n" for token in start.tokenizer.vocabulary)
    refuse_other_kind(run_dir, "finetune")
    return RunSession(
        run_dir,
        config=settings,
        vocabulary=vocabulary.encode(),
        environment=environment(),
        may_change=MAY_CHANGE,
        may_grow=MAY_GROW,
        defaults={"finetune": FinetuneConfig.defaults()},
        details={"backend": keras.config.backend()},
        may_begin_anew=True,
    )
