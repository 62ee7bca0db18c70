"""PyTorch: `DistributedDataParallel`, one process per device, started by torchrun."""

import contextlib
import gc
import os
from collections.abc import Iterator
from typing import Any

import keras
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from keras_electra.backends.typed import Tensor
from keras_electra.errors import InputError

REPLICA = "_distributed_replica"

SURVIVES_LOSS = True
"""Whether the weights are those of the last whole step after a worker was lost: nothing is
changed before all gradients are in."""


@contextlib.contextmanager
def on_devices(wanted: int | str | None = None) -> Iterator[None]:
    """Divide batches over the processes that torchrun started, inside the block.

    A process group that exists already is used as it is.

    Args:
        wanted: number of processes in all, "all", or None for as many as torchrun started.

    Raises:
        InputError: if torchrun started another number.
    """
    started = int(os.environ.get("WORLD_SIZE") or 1)
    has_gpu = torch.cuda.is_available()
    available = max(started, torch.cuda.device_count() if started == 1 and has_gpu else 1)
    count = available if wanted == "all" else wanted or started
    if count != started:
        raise InputError(
            f"devices: expected to be started by torchrun with one process per device, received "
            f"{started} process for {count} devices; torchrun --nproc-per-node {count} "
            "-m keras_electra pretrain ... starts them"
        )
    if started == 1 or distributed.is_initialized():
        yield
        return
    if hasattr(keras.Model, "_initialize_ddp"):
        raise InputError(
            "devices: expected Keras 3.15 for several processes of PyTorch, received "
            f"{keras.__version__}, which would divide each batch a second time"
        )
    if has_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK") or 0))
    distributed.init_process_group("cpu:gloo,cuda:nccl" if has_gpu else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def num_devices() -> int:
    """Devices over which each batch is divided, one per process."""
    return num_processes()


def num_processes() -> int:
    """Processes, each of which makes its share of a batch."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def process_index() -> int:
    """Number of this process; 0 writes the run."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def largest(number: int) -> int:
    """The largest of the numbers that the processes gave; all of them have to ask.

    Asked on the host, so that no queued work of the device is waited for.
    """
    if num_processes() == 1:
        return number
    answer = torch.tensor(number, device="cpu")
    distributed.all_reduce(answer, distributed.ReduceOp.MAX)
    return int(answer)


def averaged_over_replicas(totals: dict[str, Tensor]) -> dict[str, Tensor]:
    """Scalars by name, averaged over the processes."""
    if num_processes() == 1:
        return totals
    values = torch.stack([value.float() for value in totals.values()])  # (totals,)
    distributed.all_reduce(values)
    return dict(zip(totals, (values / num_processes()).unbind(), strict=True))


def is_lost_worker(error: BaseException) -> bool:
    """Whether an error says that another process of the run has ended."""
    words = ("gloo", "nccl", "connection", "peer")
    is_from_engine = isinstance(error, RuntimeError) and any(w in str(error).lower() for w in words)
    return num_processes() > 1 and (isinstance(error, distributed.DistError) or is_from_engine)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device's memory is full."""
    text = str(error).lower()
    is_of_host = "allocate memory" in text or "not enough memory" in text
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and is_of_host
    )


def free_memory() -> None:
    """Give back what nothing refers to any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def device_kind() -> str:
    """The name of the device that is computed on."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def is_accelerated() -> bool:
    """Whether there is another device than the processor."""
    return torch.cuda.is_available()


def memory_peak_bytes() -> int | None:
    """The most memory of a device that was in use, in bytes; None on a processor."""
    return torch.cuda.max_memory_allocated() if is_accelerated() else None


def replica_of(model: Any) -> Any:
    """The model as a module that averages gradients over the processes; itself if there is one."""
    if num_processes() == 1:
        return model
    # Not as an attribute: the module would become a part of the model, which is a part of it.
    if REPLICA not in model.__dict__:
        model.__dict__[REPLICA] = DistributedDataParallel(model)
    return model.__dict__[REPLICA]


def without_averaging(replica: Any, is_last: bool) -> contextlib.AbstractContextManager:
    """A context in which a micro-batch that is not the last leaves its gradients where they are."""
    is_alone = is_last or not isinstance(replica, DistributedDataParallel)
    return contextlib.nullcontext() if is_alone else replica.no_sync()


def add_up(variables: list, former: list[Tensor] | None, loss: Tensor) -> Tensor:
    """Have the running figures take in what all processes added to them, and average the loss.

    Args:
        variables: figures that are sums, this process' part added.
        former: their values before, which come back if another process is lost; None in one process.
        loss: scalar of this process.
    """
    if former is None:
        return loss
    values = [variable.value for variable in variables]
    parts = [value - old for value, old in zip(values, former, strict=True)]
    together = torch.cat([part.flatten().float() for part in [*parts, loss]])
    try:
        distributed.all_reduce(together)
    except RuntimeError:
        for value, old in zip(values, former, strict=True):
            value.copy_(old)
        raise
    # (numbers,) of each
    *sums, loss = together.split([value.numel() for value in [*values, loss]])
    for value, old, added in zip(values, former, sums, strict=True):
        value.copy_(old + added.reshape(value.shape))  # (...)
    return loss[0] / num_processes()
