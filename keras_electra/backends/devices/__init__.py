"""Several devices and processes through the backend's own engine: three files with the same functions.

    on_devices(wanted)              context manager that joins devices and processes
    num_devices()                   over which each batch is divided
    num_processes()                 each of which makes its share of a batch
    process_index()                 of this process; 0 writes the run
    largest(number)                 the largest of what the processes gave, on all of them
    averaged_over_replicas(totals)  scalars by name, averaged where replicas hold parts of a batch
    is_lost_worker(error)           whether another process of the run has ended
    is_out_of_memory(error)         whether the device's memory is full
    free_memory()                   give back what nothing refers to
    device_kind()                   name of the device that is computed on
    is_accelerated()                whether there is another device than the processor
    memory_peak_bytes()             most memory of a device in use, or None on a processor
    SURVIVES_LOSS                   whether a checkpoint may be written then

Each batch, its masks and its order are defined for all devices together, so that their number changes
nothing but the order in which sums are rounded.
"""

import importlib

import keras

_engine = importlib.import_module(f"keras_electra.backends.devices.{keras.config.backend()}")

SURVIVES_LOSS = _engine.SURVIVES_LOSS
averaged_over_replicas = _engine.averaged_over_replicas
device_kind = _engine.device_kind
free_memory = _engine.free_memory
is_accelerated = _engine.is_accelerated
is_lost_worker = _engine.is_lost_worker
is_out_of_memory = _engine.is_out_of_memory
largest = _engine.largest
memory_peak_bytes = _engine.memory_peak_bytes
num_devices = _engine.num_devices
num_processes = _engine.num_processes
on_devices = _engine.on_devices
process_index = _engine.process_index
