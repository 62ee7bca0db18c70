"""Tensors of a PyTorch file, read without PyTorch and without running what its pickle says.

A pickle is a program that may call anything. The one here may name the few things that a state dict is
made of, and each of these names stands for a record of this module; any other name is refused. Both
forms of `torch.save` are read: the zip of today and the row of pickles from before version 1.6.
"""

import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from typing import NamedTuple

import numpy as np

from keras_electra.errors import DamagedDataError, ElectraError, InputError

LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The pickled number that files from before version 1.6 begin with."""

DTYPES = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
NUMPY_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}
"""Dtypes by their safetensors names; bfloat16 as the bits it is stored in."""


class Storage(NamedTuple):
    """A row of numbers that tensors are views of: its place in the file, not its content."""

    dtype: str
    key: str
    num_elements: int


class Tensor(NamedTuple):
    """A view of a storage; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch_file(path) -> dict[str, np.ndarray]:
    """The tensors of a state dict written by `torch.save`, by name, floating ones as float32.

    Raises:
        InputError: if the pickle names anything but tensors, or the file holds no state dict.
        DamagedDataError: if the file is cut or changed.
    """
    try:
        file = open(path, "rb")  # noqa: SIM115 - an error here is no damage.
    except OSError as error:
        raise InputError(f"{path}: expected a readable file ({error})") from error
    try:
        with file:
            is_legacy = file.read(len(LEGACY_START)) == LEGACY_START
            file.seek(0)
            state, storages = _legacy_content(file) if is_legacy else _zip_content(file)
        return {name: _array(tensor, storages) for name, tensor in _checked(state).items()}
    except ElectraError as error:
        raise type(error)(f"{path}: {error}") from error
    except Exception as error:  # A cut or changed pickle can fail in any way.
        reason = str(error) or type(error).__name__
        raise DamagedDataError(f"{path}: expected a whole PyTorch file ({reason})") from error


def array_of(dtype: str, content: bytes) -> np.ndarray:
    """Numbers from bytes, low byte first; float16, bfloat16 and float64 become float32.

    Example: `array_of("BF16", bytes([0x80, 0x3F, 0x20, 0xC0]))` is `[1.0, -2.5]`.
    """
    if dtype not in NUMPY_DTYPES:
        raise InputError(f"expected numbers of a known type, received {dtype}")
    values = np.frombuffer(content, NUMPY_DTYPES[dtype])
    if dtype == "BF16":
        return (values.astype("<u4") << 16).view("<f4")
    return values.astype("float32", copy=False) if dtype.startswith("F") else values


class _TensorUnpickler(pickle.Unpickler):
    """Knows state dicts and nothing else."""

    def find_class(self, module, name):
        if module in ("torch", "torch.storage") and name in DTYPES:
            return DTYPES[name]
        if (module, name) not in NAMES:
            raise InputError(
                "expected a pickle of tensors alone, "
                f"received one that names {module}.{name}, which could run code"
            )
        return NAMES[module, name]

    def persistent_load(self, identity):
        kind, dtype, key, _, num_elements, *view = identity
        if kind != "storage" or dtype not in NUMPY_DTYPES or any(part is not None for part in view):
            raise InputError(f"expected tensors in the pickle, received {identity!r:.80}")
        return Storage(dtype, str(key), int(num_elements))


def _tensor(storage, offset, shape, strides, *_):
    return Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


def _parameter(tensor, *_):
    return tensor


NAMES = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}


def _zip_content(file):
    """(state dict of `Tensor`, key -> bytes) of the zip form."""
    with zipfile.ZipFile(file) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        pickles = [name for name in entries if name.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1:
            raise InputError(f"expected one data.pkl in the zip, found {len(pickles)}")
        # PyTorch never compresses; what is compressed could swell to any size.
        if any(info.compress_type != zipfile.ZIP_STORED for info in entries.values()):
            raise InputError("expected an uncompressed zip, as PyTorch writes it")
        root = pickles[0].removesuffix("data.pkl")
        if f"{root}byteorder" in entries and archive.read(f"{root}byteorder") != b"little":
            raise InputError("expected numbers with the low byte first, received others")
        with archive.open(pickles[0]) as content:
            state = _TensorUnpickler(content).load()
        keys = {tensor.storage.key for tensor in _checked(state).values()}
        return state, {key: archive.read(f"{root}data/{key}") for key in keys}


def _legacy_content(file):
    """(state dict of `Tensor`, key -> bytes) of the form from before version 1.6.

    Pickles of a magic number, a protocol number, facts on the machine, the state dict and the keys of
    its storages; then of each storage its number of elements (8 bytes) and its content.
    """
    _, _, machine, state, keys = (_TensorUnpickler(file).load() for _ in range(5))
    if not machine.get("little_endian", True):
        raise InputError("expected numbers with the low byte first, received others")
    storages = {tensor.storage.key: tensor.storage for tensor in _checked(state).values()}
    contents = {}
    for key in keys:
        # Every storage in the file belongs to a tensor of the state dict, or its width is not known.
        (num_elements,) = struct.unpack("<q", file.read(8))
        width = np.dtype(NUMPY_DTYPES[storages[key].dtype]).itemsize
        contents[key] = file.read(max(0, num_elements) * width)
    return state, contents


def _checked(state) -> dict[str, Tensor]:
    """The state dict, if it is one."""
    if not isinstance(state, dict):
        raise InputError(f"expected a state dict, received {type(state).__name__}")
    for name, value in dict.items(state):
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise InputError(f"expected tensors by name, received {type(value).__name__} {name!r}")
        if not isinstance(value.storage, Storage):
            raise InputError(f"expected a tensor {name!r} with a storage")
    return dict(dict.items(state))


def _array(tensor: Tensor, storages: dict[str, bytes]) -> np.ndarray:
    """The numbers of a view, as an array of their own.

    A view of shape (2, 2), offset 1, strides (1, 2) of the storage [0, 1, 2, 3, 4, 5] is
    [[1, 3], [2, 4]].
    """
    values = array_of(tensor.storage.dtype, storages[tensor.storage.key])
    shape, strides = tensor.shape, tensor.strides
    if min((*shape, *strides, tensor.offset), default=0) < 0 or len(shape) != len(strides):
        raise DamagedDataError(f"expected a tensor of sizes from 0, received {tensor[1:]}")
    last = tensor.offset + sum(
        (size - 1) * stride for size, stride in zip(shape, strides, strict=True)
    )
    # The product keeps a stride of 0 from making a large tensor of a small file.
    if math.prod(shape) > len(values) or (math.prod(shape) and last >= len(values)):
        raise DamagedDataError(
            f"expected a tensor inside its {len(values)} numbers, received {tensor[1:]}"
        )
    if not math.prod(shape):
        return np.zeros(shape, values.dtype)
    steps = [stride * values.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(values[tensor.offset :], shape, steps).copy()
