"""JAX: `keras.distribution.DataParallel` over the devices of one or several processes.

One compiled program works on the whole batch, divided over the devices; dropout noise belongs to a
place in the whole batch, and does not change with their number.
"""

import contextlib
import gc
import os
from collections.abc import Iterator
from typing import Any

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils

from keras_electra.backends.typed import Tensor
from keras_electra.errors import InputError

PROCESSES = "KERAS_DISTRIBUTION_NUM_PROCESSES"
"""The variable by which Keras is told of several processes."""

SURVIVES_LOSS = False
"""Whether the weights are those of the last whole step after a worker was lost: False, for a
failed sum over devices may have left anything."""


@contextlib.contextmanager
def on_devices(wanted: int | str | None = None) -> Iterator[None]:
    """Divide batches over devices inside the block.

    Several processes, one per machine, are joined when Keras' own variables name them:
    KERAS_DISTRIBUTION_JOB_ADDRESSES, KERAS_DISTRIBUTION_NUM_PROCESSES, KERAS_DISTRIBUTION_PROCESS_ID.

    Args:
        wanted: number of devices, "all", or None for one, or for all if there are several processes.

    Raises:
        InputError: if there are fewer.
    """
    is_joined = int(os.environ.get(PROCESSES) or 1) > 1
    if is_joined:
        keras.distribution.initialize()
    names = keras.distribution.list_devices()
    count = _count(wanted, len(names), is_joined)
    if count == 1:
        yield
        return
    parallel = keras.distribution.DataParallel(devices=names[:count], auto_shard_dataset=False)
    with parallel.scope():
        yield
    if is_joined:
        # Not after an error: with a worker lost, the others would wait for it here, and be aborted.
        jax.distributed.shutdown()


def _count(wanted: Any, available: int, is_joined: bool) -> int:
    if wanted == "all" or (is_joined and wanted is None):
        return available
    if (wanted or 1) > available or (is_joined and wanted != available):
        kind = "exactly" if is_joined else "at most"
        raise InputError(f"devices: expected {kind} the {available} there are, received {wanted}")
    return wanted or 1


def num_devices() -> int:
    """Devices over which each batch is divided."""
    parallel = keras.distribution.distribution()
    return 1 if parallel is None else parallel.device_mesh.devices.size


def num_processes() -> int:
    """Processes, each of which makes its share of a batch."""
    return 1 if keras.distribution.distribution() is None else jax.process_count()


def process_index() -> int:
    """Number of this process; 0 writes the run."""
    return 0 if num_processes() == 1 else jax.process_index()


def largest(number: int) -> int:
    """The largest of the numbers that the processes gave; all of them have to ask."""
    if num_processes() == 1:
        return number
    return int(np.max(multihost_utils.process_allgather(np.int32(number))))


def averaged_over_replicas(totals: dict[str, Tensor]) -> dict[str, Tensor]:
    """The totals themselves: they are of the whole batch already."""
    return totals


def is_lost_worker(error: BaseException) -> bool:
    """Whether an error says that another process of the run has ended."""
    words = ("gloo", "connection", "heartbeat", "coordination", "nccl", "unavailable")
    text = str(error).lower()
    is_from_jax = isinstance(error, jax.errors.JaxRuntimeError | ValueError)
    return num_processes() > 1 and is_from_jax and any(word in text for word in words)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device's memory is full."""
    return isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)


def free_memory() -> None:
    """Give back what nothing refers to any more."""
    gc.collect()


def device_kind() -> str:
    """The name of the device that is computed on."""
    return jax.devices()[0].device_kind


def is_accelerated() -> bool:
    """Whether there is another device than the processor."""
    return jax.default_backend() != "cpu"


def memory_peak_bytes() -> int | None:
    """The most memory of a device that was in use, in bytes; None on a processor."""
    statistics = jax.local_devices()[0].memory_stats() if is_accelerated() else None
    return statistics and statistics.get("peak_bytes_in_use")


def in_parts(value: Tensor, count: int) -> Tensor:
    """(B, ...) as (A, B / A, ...), A micro-batches of neighbouring examples.

    Over several devices each micro-batch takes its examples from all of them, so that none is idle
    and no example moves.
    """
    parallel = keras.distribution.distribution()
    if parallel is None:
        return value.reshape(count, value.shape[0] // count, *value.shape[1:])  # (A, B / A, ...)
    num_devices, rest = parallel.device_mesh.devices.size, value.shape[1:]
    size = value.shape[0] // count // num_devices
    # (devices, A, size, ...) -> (A, devices, size, ...)
    value = value.reshape(num_devices, count, size, *rest).swapaxes(0, 1)
    value = value.reshape(count, num_devices * size, *rest)  # (A, B / A, ...)
    layout = jax.sharding.PartitionSpec(None, parallel.batch_dim_name)
    mesh = parallel.device_mesh.backend_mesh
    return jax.lax.with_sharding_constraint(value, jax.sharding.NamedSharding(mesh, layout))
