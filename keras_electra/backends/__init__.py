"""The one place that names JAX, TensorFlow or PyTorch: three files with the same functions.

    noise_key(seed_generator)                            key of one forward pass, or None
    dropout(x, rate, key, site)                          noise is a function of (key, site)
    attention(query, key, value, mask, rate, noise, site)
    dense(x, kernel, bias)                               x @ kernel + bias over the last axis
    gelu(x)                                              x times the normal distribution's mass below x
    gather_places(x, positions)                          rows (B, K, H) of (B, T, H)
    rematerialized(function)                             its inner results are computed twice, not kept
    differentiated(function, variables)                  its gradients, computed and waited for
    wait_for(values)                                     once they are computed
    fused_adamw(...)                                     None where a plain loop compiles to the same
    fused_muon(...)                                      likewise
    global_norm(tensors)                                 Euclidean norm of all their numbers
    summed_by_bin(values, bins, num_bins)                sums of the values that have the same number
    check_execution(config)                              `InputError` where steps cannot be run so
    moved_ahead(batches)                                 endless batches, as `fit` takes them ahead of use
    scaled_for_replicas(loss)                            a loss that replicas will add up
    summed_over_replicas(gradients)                      the gradients of all replicas together
    COMPILES_EVERY_SHAPE                                 whether batches had better have few shapes
    allow_any_shape(model)                               no compiling per shape where it can be avoided
    with_free_shapes(batches)                            batches of differing shapes, as `fit` takes them
    EXPORTS                                              forms for other runtimes that it writes
    TrainStep                                            mixin with `train_step` for a keras.Model

and `devices`, in the same way: several devices and processes.

`KERAS_BACKEND` decides, through Keras, which file is imported.
"""

import importlib

import keras

from keras_electra.backends import devices as devices

_backend = importlib.import_module(f"keras_electra.backends.{keras.config.backend()}")

COMPILES_EVERY_SHAPE = _backend.COMPILES_EVERY_SHAPE
EXPORTS = _backend.EXPORTS
TrainStep = _backend.TrainStep
allow_any_shape = _backend.allow_any_shape
attention = _backend.attention
check_execution = _backend.check_execution
dense = _backend.dense
differentiated = _backend.differentiated
dropout = _backend.dropout
fused_adamw = _backend.fused_adamw
fused_muon = _backend.fused_muon
gather_places = _backend.gather_places
gelu = _backend.gelu
global_norm = _backend.global_norm
moved_ahead = _backend.moved_ahead
noise_key = _backend.noise_key
rematerialized = _backend.rematerialized
scaled_for_replicas = _backend.scaled_for_replicas
summed_by_bin = _backend.summed_by_bin
summed_over_replicas = _backend.summed_over_replicas
wait_for = _backend.wait_for
with_free_shapes = _backend.with_free_shapes
