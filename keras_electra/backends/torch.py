"""PyTorch: products, gather, the fused optimizer and the training step.

Shapes: B examples, T tokens, K places, H width, P outputs, `...` any axes.
"""

import contextlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import torch
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, IterableDataset

from keras_electra.backends import torch_compiled
from keras_electra.backends.devices import torch as devices
from keras_electra.backends.torch_compiled import on_lists
from keras_electra.backends.torch_dropout import attention as attention
from keras_electra.backends.torch_dropout import dropout as dropout
from keras_electra.backends.typed import Exporter, Gradients, Tensor, Trained
from keras_electra.config.pretrain import PretrainConfig

COMPILES_EVERY_SHAPE = False
"""Whether a program is compiled for each shape of a batch, so that few shapes are wanted."""


def noise_key(seed_generator: keras.random.SeedGenerator) -> Tensor | None:
    """None: PyTorch's own generator is used, which `TrainStep` seeds by (seed, step)."""
    return None


def dense(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """`x @ kernel + bias` over the last axis of `x`, in one kernel."""
    kernel, bias = keras.ops.convert_to_tensor(kernel), keras.ops.convert_to_tensor(bias)
    rows = torch.addmm(bias, x.reshape(-1, x.shape[-1]), kernel)  # (B * T, H) @ (H, P)
    return rows.reshape(*x.shape[:-1], kernel.shape[1])  # (..., P)


def gelu(x: Tensor) -> Tensor:
    """`x` times the normal distribution's mass below it, without tanh."""
    return keras.ops.gelu(x, approximate=False)


def gather_places(x: Tensor, positions: Tensor) -> Tensor:
    """Rows (B, K, H) of `x` (B, T, H) at `positions` (B, K), as one contiguous row lookup."""
    batch, length, width = x.shape
    rows = positions + torch.arange(batch, device=x.device)[:, None] * length  # (B, K)
    states = x.reshape(batch * length, width)  # (B * T, H)
    return torch.nn.functional.embedding(rows, states)  # (B, K, H)


def fused_adamw(
    weights,
    gradients,
    first_moments,
    second_moments,
    *,
    step,
    learning_rate,
    beta_1,
    beta_2,
    epsilon,
    weight_decay_rate,
    divisor,
    skipped,
):
    """One AdamW update of a list of tensors in one kernel, in place.

    `weights -= learning_rate * (m / (sqrt(v) + epsilon) + weight_decay_rate * weights)` after the
    moments took in `gradients / divisor`; nothing changes where `skipped` is 1.

    Args:
        step: update number that the bias correction sees, from 1; None switches the correction off.
        learning_rate, divisor, skipped: scalar tensors, so that nothing is read back to the host.
    """
    if step is None:
        # 1 - beta ** step is 1 in float32 from here on.
        step = torch.full((), 1e9, device=weights[0].device)
    on_lists._fused_adamw_(
        weights,
        gradients,
        first_moments,
        second_moments,
        [],
        [step] * len(weights),
        lr=learning_rate,
        beta1=beta_1,
        beta2=beta_2,
        weight_decay=weight_decay_rate,
        eps=epsilon,
        amsgrad=False,
        maximize=False,
        grad_scale=divisor,
        found_inf=skipped,
    )


@torch.no_grad()
def fused_muon(
    weights,
    gradients,
    momenta,
    updates_of,
    *,
    learning_rate,
    factors,
    momentum,
    weight_decay_rate,
    divisor,
    skipped,
):
    """One update by Muon of a list of matrices, in place, by few kernels however many they are.

    `momenta` become `momentum * momenta + gradients / divisor`, and then
    `weights -= learning_rate * factors * (update + weight_decay_rate * weights)`; nothing changes where
    `skipped` is 1.

    Args:
        updates_of: gives the updates for the directions `gradients + momentum * momenta`.
        learning_rate, divisor, skipped: scalar tensors, so that nothing is read back to the host.
        factors: a number for each matrix.
    """
    is_skipped = skipped > 0
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients]) / divisor  # (numbers,)
    flat = torch.where(is_skipped, torch.zeros_like(flat), flat)
    parts = flat.split([gradient.numel() for gradient in gradients])  # (numbers,) each
    gradients = [part.view(weight.shape) for part, weight in zip(parts, weights, strict=True)]
    # With nothing to add and a decay of 1, momenta stay as they are, to the bit.
    decay = torch.where(is_skipped, 1.0, momentum).to(flat.dtype)
    on_lists._foreach_mul_(momenta, decay)
    on_lists._foreach_add_(momenta, gradients)
    directions = on_lists._foreach_mul(momenta, decay)
    on_lists._foreach_add_(directions, gradients)
    # The kernels for lists want all tensors laid out alike.
    updates = [update.contiguous() for update in updates_of(directions)]
    on_lists._foreach_add_(updates, weights, alpha=weight_decay_rate)
    on_lists._foreach_mul_(updates, factors)
    on_lists._foreach_mul_(updates, learning_rate * (1 - skipped))
    on_lists._foreach_sub_(weights, updates)


def rematerialized(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """`function` of one tensor, whose inner results the gradient computes again instead of keeping.

    Dropout sees the same noise both times: PyTorch puts its generator back.
    """
    return lambda x: checkpoint(function, x, use_reentrant=False)


def differentiated(
    function: Callable[[Any], Tensor], variables: Sequence[Any]
) -> Callable[[Any], Gradients]:
    """A function of one argument that waits for the gradients of the sum of `function`."""
    device = variables[0].value.device

    def run(inputs):
        inputs = {name: torch.as_tensor(value).to(device) for name, value in inputs.items()}
        function(inputs).sum().backward()
        gradients = [variable.value.grad for variable in variables]
        for variable in variables:
            variable.value.grad = None
        return wait_for(gradients)

    return run


def wait_for(values: Any) -> Any:
    """The values, once they are computed."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return values


def global_norm(tensors: Gradients) -> Tensor:
    """The Euclidean norm of all numbers of some tensors, in float32, by few kernels."""
    norms = on_lists._foreach_norm([x.float() for x in tensors])
    return torch.linalg.vector_norm(torch.stack(norms))  # (tensors,) -> ()


def check_execution(config: PretrainConfig) -> None:
    """Raise `InputError` where a step of this `PretrainConfig` cannot go through `torch.compile`."""
    if config.jit_compile:
        torch_compiled.check_execution(config)


def moved_ahead(batches: Any) -> Any:
    """Endless batches, a `PyDataset`, as `fit` takes them: from pinned memory where there is a GPU.

    Keras itself would move each batch to the GPU before the step, and wait there until all that was
    handed over before is done; `TrainStep` moves it in the order of the work, and waits for nothing.
    """
    return DataLoader(_InOrder(batches), batch_size=None, pin_memory=torch.cuda.is_available())


class _InOrder(IterableDataset):
    """The batches of a `PyDataset` one after the other."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return (self.batches[index] for index in itertools.count())


def summed_by_bin(values: Tensor, bins: Tensor, num_bins: int) -> Tensor:
    """Sums (num_bins,) of `values` (N,) over the places at which `bins` (N,) has each number.

    Keras' `segment_sum` asks the device how long its result is, and waits for all work before.
    """
    return torch.zeros(num_bins, device=values.device).scatter_add(0, bins.long(), values)


def scaled_for_replicas(loss: Tensor) -> Tensor:
    """The loss itself: gradients are computed for the whole batch at once."""
    return loss


def summed_over_replicas(gradients: list[Tensor]) -> list[Tensor]:
    """The gradients themselves: they are of the whole batch already."""
    return gradients


def allow_any_shape(model: keras.Model) -> None:
    """Nothing: nothing is compiled."""


def with_free_shapes(batches: Any) -> Any:
    """The batches themselves: `fit` takes them as they come."""
    return batches


def _export_program(network, path, inputs, sample, longest):
    """Write a `.pt2` file of any number of rows and any length; see `EXPORTS`."""
    axes = {
        0: torch.export.Dim("batch", min=1),
        1: torch.export.Dim("length", min=2, max=longest),
    }
    program = torch.export.export(
        _Program(network).eval(),
        (),
        kwargs={name: torch.from_numpy(value) for name, value in sample.items()},
        dynamic_shapes={name: axes for name in inputs},
        strict=False,
    )
    torch.export.save(program, path)
    loaded = torch.export.load(path).module()

    def outputs(arrays):
        with torch.no_grad():
            found = loaded(**{name: torch.from_numpy(value) for name, value in arrays.items()})
        return {name: value.numpy() for name, value in found.items()}

    return outputs


class _Program(torch.nn.Module):
    """A network with its three inputs by name, which `forward` of a Keras model hides."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, token_ids, segment_ids, padding_mask):
        inputs = {"token_ids": token_ids, "segment_ids": segment_ids, "padding_mask": padding_mask}
        return self.network(inputs)


EXPORTS: dict[str, Exporter] = {"torch": _export_program}
"""Forms for other runtimes that this backend writes.

Called with the network, a path, its inputs' names and types, a sample batch and the longest length;
gives a function from a batch to outputs, all NumPy arrays, that reads what was written.
"""


class TrainStep(Trained):
    """`train_step` for `keras.Model` under PyTorch: micro-batches in turn, one update.

    Several steps per execution are handed over one after the other, with nothing in between.
    Compiled (`jit_compile`), forward and backward of a micro-batch are one program each, on a GPU
    recorded as CUDA graphs; the optimizer is fused already.
    """

    def make_train_function(self, force=False):
        # The step number is counted on the host: reading it from the device would wait for it.
        self._host_step = int(self.optimizer.iterations)
        if self.train_function is not None and not force:
            return
        self._gradients_of = self._gradients
        if self.jit_compile:
            self._gradients_of = torch_compiled.gradients_of(self)

        def execution(batches):
            for data in batches:
                x = self._update(data)
            return self.compute_metrics(x, None, None, None)

        self.train_function = execution

    def train_step(self, data):
        return self.compute_metrics(self._update(data), None, None, None)

    def _update(self, data):
        """One update; returns the batch on the device."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        device = self.trainable_variables[0].value.device
        x = {
            name: torch.as_tensor(value).to(device, non_blocking=True) for name, value in x.items()
        }
        totals = devices.averaged_over_replicas(self.loss_totals(x))
        former = self._figures_before()
        parts = [{**part, "totals": totals} for part in self._parts(x)]
        with _seeded(self.seed, self._host_step, device):
            loss, gradients = self._gradients_of(parts)
        with torch.no_grad():
            # Before the update: whoever is left when a worker is lost has the state of a whole step.
            loss = devices.add_up(self.metrics_variables, former, loss)
            self._host_step += 1
            self._loss_tracker.update_state(loss)
            self.optimizer.apply(gradients, self.trainable_variables)
        return x

    def _figures_before(self) -> list[Tensor] | None:
        if devices.num_processes() == 1:
            return None
        return [variable.value.detach().clone() for variable in self.metrics_variables]

    def _gradients(self, parts):
        """(loss, gradients) of a batch in micro-batches."""
        self.zero_grad()
        replica, total = devices.replica_of(self), 0.0
        for number, part in enumerate(parts, 1):
            with devices.without_averaging(replica, number == len(parts)):
                loss = self.loss_of(replica, part)
                self.optimizer.scale_loss(loss).backward()
            total += loss.detach()
        return total, [variable.value.grad for variable in self.trainable_variables]

    def loss_of(self, network, part):
        """The loss (scalar) of a micro-batch, whose figures are counted on the way."""
        y_pred = network(part, training=True)
        return self._compute_loss(x=part, y=None, y_pred=y_pred, training=True)

    def _parts(self, x):
        count = self.accumulation_steps
        split = {name: value.chunk(count) for name, value in x.items()}  # (B / count, ...) each
        return [{name: parts[i] for name, parts in split.items()} for i in range(count)]


@contextlib.contextmanager
def _seeded(seed, step, device):
    """PyTorch's generators seeded by (seed, step) inside, and as they were outside.

    The first process has the noise of a run of one process, and each other one noise of its own.
    """
    words = [seed, step, devices.process_index()] if devices.process_index() else [seed, step]
    gpus = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.manual_seed(int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]))
        yield
