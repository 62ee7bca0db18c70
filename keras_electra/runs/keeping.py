"""Which checkpoints stay."""

import contextlib
import os
import shutil

from keras_electra.errors import InputError
from keras_electra.files import refuse_link, replace, temporary_path
from keras_electra.runs.folder import RunFolder


def prune_checkpoints(
    run: RunFolder | str | os.PathLike, keep_last: int, milestone_every_steps: int | None = None
) -> list[int]:
    """Delete older checkpoints of a run.

    Each is renamed before it is deleted, so that no kill leaves half a checkpoint under a
    checkpoint's name.

    Args:
        run: the folder.
        keep_last: how many of the newest stay; at least 1.
        milestone_every_steps: checkpoints at multiples of it stay for good; None for none.

    Returns:
        The steps whose checkpoints went.

    Example: of steps 10, 20, 30, 40, `keep_last=1, milestone_every_steps=20` deletes 10 and 30.
    """
    if keep_last < 1:
        raise InputError(f"keep_last: expected at least 1, received {keep_last!r}")
    if milestone_every_steps is not None and milestone_every_steps < 1:
        raise InputError(
            "milestone_every_steps: expected at least 1, or none, "
            f"received {milestone_every_steps!r}"
        )
    run, removed = RunFolder(run), []
    refuse_link(run.checkpoints_path)
    for step, path in run.checkpoints()[:-keep_last]:
        is_milestone = milestone_every_steps is not None and step % milestone_every_steps == 0
        if is_milestone or path.is_symlink():
            continue
        # One that cannot be deleted now (open in another program) goes the next time.
        with contextlib.suppress(OSError):
            temporary = temporary_path(path)
            replace(path, temporary)
            removed.append(step)
            shutil.rmtree(temporary)
    return removed
