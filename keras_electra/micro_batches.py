"""The fewest micro-batches that fit the device's memory, found by trial and remembered with the run."""

import keras
import numpy as np

from keras_electra import backends
from keras_electra.backends import devices
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.errors import InputError
from keras_electra.files import readable_json, write_json
from keras_electra.runs import RunFolder

FILE = "micro_batches.json"


def fit_memory(model, config: PretrainConfig, batches, run: RunFolder, tell) -> None:
    """Set `model.accumulation_steps` to the least number with which a step fits.

    A step of the largest shape of the run is tried with more and more micro-batches; weights, slots
    and figures come back afterwards. The number found is kept in the run folder together with what it
    depends on, so that a resumed run divides its batches in the same way.

    Args:
        model: `ElectraPretrainer`, compiled and built.
        batches: of the training, `PretrainBatches` or `StagedBatches`.
        tell: called with a sentence for the user.

    Raises:
        InputError: if several processes train together.
        Exception: the backend's own, if single examples do not fit either.
    """
    if devices.num_processes() > 1:
        raise InputError(
            f"fit_memory: expected one process, received {devices.num_processes()}, of which one that "
            "has no memory left would keep the others waiting; accumulation_steps gives the number"
        )
    conditions = conditions_of(config)
    count = remembered(run, conditions)
    if count is None:
        count = tried(model, config, batches)
        write_json(run.path / FILE, {"micro_batches": count, **conditions})
        tell(f"micro-batches: {count}, the fewest that fit {conditions['device']}")
    set_micro_batches(model, count)


def conditions_of(config: PretrainConfig) -> dict:
    """What the number of micro-batches depends on, in the types of JSON."""
    return {
        "backend": keras.config.backend(),
        "device": devices.device_kind(),
        "devices": devices.num_devices(),
        "stages": [[stage.sequence_length, stage.batch_size] for stage in config.all_stages],
        "dtype_policy": config.dtype_policy,
        "rematerialize": config.rematerialize,
        "at_least": config.optimizer.accumulation_steps,
    }


def remembered(run: RunFolder, conditions: dict) -> int | None:
    """The number found under the same conditions before, or None."""
    found = readable_json(run.path / FILE)
    count = found.pop("micro_batches", None)
    return count if found == conditions else None


def possible_counts(config: PretrainConfig) -> list[int]:
    """Numbers of micro-batches into which every batch of the run can be divided, rising.

    Batches of 12 on one device give 1, 2, 3, 4, 6 and 12.
    """
    least = min(stage.batch_size for stage in config.all_stages)
    return [
        count
        for count in range(config.optimizer.accumulation_steps, least + 1)
        if all(
            stage.batch_size % (count * devices.num_devices()) == 0 for stage in config.all_stages
        )
    ]


def tried(model, config: PretrainConfig, batches) -> int:
    """The least possible number with which a step of the largest shape runs."""
    largest = max(config.all_stages, key=lambda stage: stage.batch_size * stage.sequence_length**2)
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    values = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    former_start, batches.start_step = batches.start_step, largest.first_step
    counts = possible_counts(config)
    try:
        for count in counts:
            set_micro_batches(model, count)
            if is_possible(model, batches, may_fail=count != counts[-1]):
                return count
    finally:
        batches.start_step = former_start
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


def set_micro_batches(model, count: int) -> None:
    """Have the model divide batches so; what was compiled for another number is dropped."""
    if model.accumulation_steps != count:
        model.accumulation_steps = count
        model.train_function = None


def is_possible(model, batches, may_fail: bool) -> bool:
    """Whether a step fits the memory; the backend's error where it `may_fail` no longer."""
    try:
        model.fit(
            backends.moved_ahead(batches), steps_per_epoch=1, epochs=1, shuffle=False, verbose=0
        )
    except Exception as error:
        if not (may_fail and devices.is_out_of_memory(error)):
            raise
    else:
        return True
    # Outside the block, for the error holds on to what the step had made.
    devices.free_memory()
    return False
