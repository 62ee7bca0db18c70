"""What is worth a word while a run goes on: each guard looks at its figures and says a sentence, or not.

Guards take `Columns` (or any mapping of names to equally long arrays) of one run, oldest row first, and
know nothing of files. They hint; they never stop a run.
"""

import math

import numpy as np

from keras_electra.files import free_bytes
from keras_electra.runs.folder import LIVE_STATES, RunFolder, heartbeat_age_seconds

STALE_HEARTBEAT_SECONDS = 60.0
STUCK_STEPS, STUCK_ROWS, STUCK_MARGIN, STUCK_RECALL = 500, 5, 0.002, 0.01
GOOD_GENERATOR_ACCURACY, CHANCE_AUC = 0.6, 0.6
SPEED_ROWS, SPEED_HISTORY = 3, 50
DISK_CHECKPOINTS = 2


def guard_sentences(columns) -> list[str]:
    """What all guards of the figures say, the gravest first."""
    guards = (not_finite, steps_left_out, stuck_at_majority, generator_too_good, throughput_halved)
    return [sentence for guard in guards for sentence in guard(columns)]


def folder_sentences(run: RunFolder, status: dict) -> list[str]:
    """What the guards of a run's folder say: the heartbeat and the disk.

    Args:
        run: the folder.
        status: content of its `status.json`.
    """
    sentences = heartbeat_stale(status.get("state"), heartbeat_age_seconds(status))
    if status.get("state") in LIVE_STATES:
        sentences += disk_short(free_bytes(run), newest_checkpoint_bytes(run))
    return sentences


def not_finite(columns) -> list[str]:
    """A loss that is NaN or infinite in the newest row, though it was written."""
    sentences = []
    for name in loss_names(columns):
        values = columns[name]
        # A value that JSON cannot hold is written as null, which reads as NaN.
        if len(values) and not math.isfinite(values[-1]):
            where = f" at step {int(last(columns, 'step'))}" if has(columns, "step") else ""
            sentences.append(
                f"{name} is not finite{where}: go back to the last checkpoint with half the "
                "learning rate, or a longer warm-up"
            )
    return sentences


def steps_left_out(columns) -> list[str]:
    """Updates that were skipped since the row before because their gradient was not finite.

    In mixed_float16 an overflow is how the loss scale is found, as long as that is 1 or more.
    """
    if has(columns, "loss_scale") and last(columns, "loss_scale") >= 1:
        return []
    if not has(columns, "skipped_steps") or len(columns["skipped_steps"]) < 2:
        return []
    former, newest = columns["skipped_steps"][-2:]
    if not newest > former:
        return []
    return [
        f"{int(newest - former)} of the steps since the last row were left out, for their gradient "
        "was not finite; a lower learning rate may help"
    ]


def stuck_at_majority(columns) -> list[str]:
    """A discriminator that has called every token original for hundreds of steps."""
    names = ("step", "rtd_accuracy", "rtd_recall", "replaced_rate")
    if not all(has(columns, name) for name in names):
        return []
    steps = columns["step"]
    if len(steps) < STUCK_ROWS or steps[-1] - steps[0] < STUCK_STEPS:
        return []
    since = max(int(np.searchsorted(steps, steps[-1] - STUCK_STEPS, side="right")) - 1, 0)
    recent = slice(min(since, len(steps) - STUCK_ROWS), None)
    majority = np.maximum(columns["replaced_rate"][recent], 1 - columns["replaced_rate"][recent])
    is_near = columns["rtd_accuracy"][recent] < majority + STUCK_MARGIN
    finds_nothing = columns["rtd_recall"][recent] < STUCK_RECALL
    if not np.all(is_near & finds_nothing):
        return []
    return [
        f"the discriminator has called every token original since step {int(steps[recent][0])}; if "
        "that goes on, a longer warm-up, a lower learning rate or a smaller generator may help"
    ]


def generator_too_good(columns) -> list[str]:
    """A generator that draws the original so often that little is left to be found."""
    names = ("sampled_accuracy", "rtd_auc")
    if not all(has(columns, name) for name in names) or len(columns["rtd_auc"]) < STUCK_ROWS:
        return []
    drawn = float(np.nanmean(columns["sampled_accuracy"][-STUCK_ROWS:]))
    auc = float(np.nanmean(columns["rtd_auc"][-STUCK_ROWS:]))
    if not (drawn > GOOD_GENERATOR_ACCURACY and auc < CHANCE_AUC):
        return []
    return [
        f"the generator draws the original in {drawn:.0%} of the masked places and the discriminator "
        f"is near chance (AUC {auc:.2f}): a smaller generator_width_fraction may help"
    ]


def throughput_halved(columns) -> list[str]:
    """A run that works through less than half of what it did before."""
    if not has(columns, "tokens_per_second"):
        return []
    speeds = columns["tokens_per_second"]
    if len(speeds) < SPEED_ROWS + 10:
        return []
    now = float(np.nanmedian(speeds[-SPEED_ROWS:]))
    before = float(np.nanmedian(speeds[-SPEED_HISTORY - SPEED_ROWS : -SPEED_ROWS]))
    if not now < before / 2:
        return []
    return [
        f"the run works through {now:,.0f} tokens/s, after {before:,.0f} before: another program "
        "may use the machine, or the batches wait for the disk"
    ]


def heartbeat_stale(state: str | None, age_seconds: float) -> list[str]:
    """A session that should be alive and has not said so for a minute."""
    if state not in LIVE_STATES or age_seconds < STALE_HEARTBEAT_SECONDS:
        return []
    ago = f"for {age_seconds:,.0f} s" if math.isfinite(age_seconds) else "at all"
    return [
        f"the training process has not given a sign of life {ago}; it may hang, or its machine be "
        "gone: look at output.txt in the run folder"
    ]


def disk_short(free: int | None, checkpoint: int | None) -> list[str]:
    """A disk with less room than two checkpoints take.

    Args:
        free, checkpoint: bytes free, and bytes of the newest checkpoint; None where not known.
    """
    if free is None or not checkpoint or free >= DISK_CHECKPOINTS * checkpoint:
        return []
    return [
        f"{free / 1e6:,.0f} MB are free on the run's disk and a checkpoint takes "
        f"{checkpoint / 1e6:,.0f} MB: free some space, or lower keep_checkpoints"
    ]


def newest_checkpoint_bytes(run: RunFolder) -> int | None:
    """Bytes of the newest checkpoint; None if there is none."""
    try:
        checkpoints = run.checkpoints()
        if not checkpoints:
            return None
        files = [path for path in checkpoints[-1][1].rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in files)
    except OSError:
        return None


def loss_names(columns) -> list[str]:
    """The losses among the columns; those of validation are not in every row."""
    names = columns.names if hasattr(columns, "names") else list(columns)
    losses = [name for name in names if name == "loss" or name.endswith("_loss")]
    return [name for name in losses if not name.startswith("val_")]


def has(columns, name: str) -> bool:
    """Whether there is a column with a row in it."""
    return name in columns and len(columns[name]) > 0


def last(columns, name: str) -> float:
    """The newest value of a column."""
    return float(columns[name][-1])
