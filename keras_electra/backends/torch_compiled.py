"""PyTorch: the gradients of a training step through `torch.compile`."""

import os
import shutil
from collections.abc import Callable
from typing import Any

import keras
import torch

from keras_electra.backends import torch_dropout
from keras_electra.backends.devices import torch as devices
from keras_electra.backends.typed import Tensor
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.errors import InputError

on_lists: Any = torch
"""PyTorch, for its operations on lists of tensors, which its stubs leave out."""
COMPILERS = ("g++", "clang++", "cl")


def check_execution(config: PretrainConfig) -> None:
    """Raise `InputError` where a step of this `PretrainConfig` cannot be compiled."""
    if not any(shutil.which(name) for name in (os.environ.get("CXX") or "", *COMPILERS)):
        raise InputError(
            "jit_compile: expected a C++ compiler (g++ or clang++, or its path in CXX), with which "
            "torch.compile builds the step, received none"
        )
    if devices.num_processes() > 1:
        raise InputError(
            f"jit_compile: expected one process with PyTorch, received {devices.num_processes()}"
        )
    if config.rematerialize:
        raise InputError(
            "rematerialize: expected off with jit_compile on PyTorch, whose compiler decides by itself "
            "what is computed twice, received on"
        )


def gradients_of(model: Any) -> Callable[[list[dict]], tuple[Tensor, Any]]:
    """A function from micro-batches to (loss, gradients), forward and backward compiled.

    On a GPU their kernels are recorded as CUDA graphs and then started together, so that a small model
    does not wait for the host. What a recording returns is written over by the next one: sums are
    copied, figures and totals have memory of their own.

    Args:
        model: a `TrainStep` with its loss in `loss_of`.
    """
    variables = [
        *model.trainable_variables,
        *model.non_trainable_variables,
        *model.metrics_variables,
    ]
    weights = [variable.value for variable in model.trainable_variables]
    programs = {}

    def gradients(parts):
        shapes = tuple((name, value.shape) for name, value in parts[0].items() if name != "totals")
        if shapes not in programs:
            programs[shapes] = compiled_loss(model, variables, parts[0])
        total, sums = 0.0, None
        for part in parts:
            torch.compiler.cudagraph_mark_step_begin()
            loss, counted = programs[shapes]([variable.value for variable in variables], part)
            scaled = model.optimizer.scale_loss(loss)
            found = torch.autograd.grad(scaled, weights, allow_unused=True)
            total += loss.detach()
            with torch.no_grad():
                for place, value in counted.items():
                    variables[place].value.copy_(value)
            if len(parts) == 1:
                return total, found
            if sums is None:
                sums = [None if gradient is None else gradient.clone() for gradient in found]
            else:
                on_lists._foreach_add_(_present(sums), _present(found))
        return total, sums

    return gradients


def compiled_loss(model: Any, variables: list, part: dict) -> Callable:
    """`model.loss_of` as a compiled function from (values of `variables`, micro-batch) to (loss, counted).

    `counted` holds, by place, the new values of the variables that a step counts in. The operations
    are recorded once with the values as inputs, as JAX would do it, and only they are compiled:
    `torch.compile` alone follows every line of Keras, which takes minutes, breaks the graph in several
    places, and has all it relied on checked again at each step.
    """

    def pure(values, part):
        mapping = list(zip(variables, values, strict=True))
        # Variables of another model that wait for their first values must not get them in here.
        with keras.StatelessScope(state_mapping=mapping, initialize_variables=False) as scope:
            loss = model.loss_of(model, part)
        new = [scope.get_current_value(variable) for variable in variables]
        pairs = enumerate(zip(values, new, strict=True))
        return loss, {place: after for place, (before, after) in pairs if after is not before}

    # Here, for it takes long to import.
    from torch.fx.experimental.proxy_tensor import make_fx

    values = [variable.value for variable in variables]
    with torch_dropout.recorded():
        program = make_fx(pure, tracing_mode="fake", pre_dispatch=True)(values, part)
    make_numbers_on(values[0].device, program)
    mode = "reduce-overhead" if torch.cuda.is_available() else "default"
    return torch.compile(program, fullgraph=True, dynamic=False, mode=mode)


def make_numbers_on(device: Any, program: Any) -> None:
    """Have recorded operations make their constants on the device.

    They hold them on the host, and what copies from there in each step keeps CUDA graphs from being made.
    """
    graph = program.graph
    for node in graph.find_nodes(op="get_attr"):
        number = getattr(program, node.target)
        if number.numel() == 1:
            with graph.inserting_before(node):
                made = graph.call_function(
                    torch.ops.aten.full.default,
                    (list(number.shape), number.item()),
                    {"dtype": number.dtype, "device": device},
                )
            node.replace_all_uses_with(made)
            graph.erase_node(node)
    program.recompile()


def _present(gradients):
    return [gradient for gradient in gradients if gradient is not None]
