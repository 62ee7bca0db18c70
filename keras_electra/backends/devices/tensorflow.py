"""TensorFlow: `MirroredStrategy` over the devices of one process."""

import contextlib
import gc
import json
import os
from collections.abc import Iterator

import tensorflow as tf

from keras_electra.backends.typed import Tensor
from keras_electra.errors import InputError

SURVIVES_LOSS = True
"""Whether the weights are those of the last whole step after a worker was lost: nothing
is lost in one process."""


@contextlib.contextmanager
def on_devices(wanted: int | str | None = None) -> Iterator[None]:
    """Divide batches over the devices of this machine inside the block.

    Args:
        wanted: number of devices, "all", or None for one.

    Raises:
        InputError: if there are fewer, or TF_CONFIG names several workers.
    """
    _refuse_several_workers()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    count = len(devices) if wanted == "all" else int(wanted or 1)
    if count > len(devices):
        raise InputError(
            f"devices: expected at most the {len(devices)} there are, received {count}"
        )
    if count == 1:
        yield
        return
    strategy = tf.distribute.MirroredStrategy([device.name for device in devices[:count]])
    with strategy.scope():
        yield


def _refuse_several_workers():
    try:
        cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
    except (ValueError, AttributeError):
        return
    num_workers = sum(len(cluster.get(role, [])) for role in ("chief", "worker"))
    if num_workers > 1:
        raise InputError(
            f"TF_CONFIG: expected one worker, received {num_workers}; Keras 3 cannot train over several "
            "processes with TensorFlow, but with JAX or PyTorch it can (docs/scaling.md)"
        )


def num_devices() -> int:
    """Devices over which each batch is divided."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def num_processes() -> int:
    """1: TensorFlow trains in one process."""
    return 1


def process_index() -> int:
    """0: this process writes the run."""
    return 0


def largest(number: int) -> int:
    """The number itself: no other process gives one."""
    return number


def averaged_over_replicas(totals: dict[str, Tensor]) -> dict[str, Tensor]:
    """Scalars by name, averaged over the replicas of a strategy."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return totals
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, totals)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device's memory is full."""
    return isinstance(error, tf.errors.ResourceExhaustedError)


def free_memory() -> None:
    """Give back what nothing refers to any more."""
    gc.collect()


def device_kind() -> str:
    """The name of the device that is computed on."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "cpu"
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "gpu")


def is_accelerated() -> bool:
    """Whether there is another device than the processor."""
    return bool(tf.config.list_physical_devices("GPU"))


def memory_peak_bytes() -> int | None:
    """The most memory of a device that was in use, in bytes; None on a processor."""
    return tf.config.experimental.get_memory_info("GPU:0")["peak"] if is_accelerated() else None


def is_lost_worker(error: BaseException) -> bool:
    """False: there is no other process to lose."""
    return False
