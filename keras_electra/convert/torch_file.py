"""Tensors of a PyTorch file, read without PyTorch and without running what its pickle says.

A pickle is a program that may call anything. The one here may name the few things that a state dict is
made of, and each of these names stands for something of this module; any other name is refused. Both
forms of `torch.save` are read: the zip of today and the row of pickles from before version 1.6.

Numbers stand behind the pickle that says what they are: it is read first, and makes arrays of storages
that are empty yet and of tensors that are views of them.
"""

import math
import pickle
import zipfile
from collections import OrderedDict

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
            state = _legacy_content(file) if is_legacy else _zip_content(file)
        return {name: _plain(value) for name, value in _checked(state).items()}
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
    return _plain(np.frombuffer(content, NUMPY_DTYPES[dtype]))


def _plain(values: np.ndarray) -> np.ndarray:
    """Numbers as arrays have them here: float32 for all that have a point, bfloat16 among them."""
    if values.dtype == NUMPY_DTYPES["BF16"]:
        return (values.astype("<u4") << 16).view("<f4")
    return np.asarray(values, "float32" if values.dtype.kind == "f" else None, order="C")


class _TensorUnpickler(pickle.Unpickler):
    """Knows state dicts and nothing else.

    Args:
        storages: key -> the numbers of a storage, filled with new ones that hold nothing yet.
    """

    def __init__(self, file, storages: dict[str, np.ndarray]):
        super().__init__(file)
        self.storages = storages

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
        # Takes no memory before it is filled, whatever number a changed file has.
        return self.storages.setdefault(str(key), np.empty(num_elements, NUMPY_DTYPES[dtype]))


def _tensor(storage, offset, shape, strides, *_) -> np.ndarray:
    """A view of a storage; offset and strides count elements.

    A view of shape (2, 2), offset 1, strides (1, 2) of the storage [0, 1, 2, 3, 4, 5] is
    [[1, 3], [2, 4]].
    """
    if not isinstance(storage, np.ndarray):
        raise InputError(f"expected a tensor with a storage, received {storage!r:.80}")
    count = math.prod(shape)
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    is_inside = min((*shape, *strides, offset)) >= 0 and (not count or last < len(storage))
    # The count keeps a stride of 0 from making a large tensor of a small file.
    if not is_inside or count > len(storage):
        raise DamagedDataError(
            f"expected a tensor inside its {len(storage)} numbers, "
            f"received {(offset, shape, strides)}"
        )
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps)


def _parameter(tensor, *_):
    return tensor


NAMES = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}


def _zip_content(file):
    """The state dict of the zip form."""
    storages = {}
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
            state = _TensorUnpickler(content, storages).load()
        for key, numbers in storages.items():
            _fill(numbers, archive.read(f"{root}data/{key}"))
    return state


def _legacy_content(file):
    """The state dict of the form from before version 1.6.

    Pickles of a magic number, a protocol number, facts on the machine, the state dict and the keys of
    its storages; then of each storage its number of elements (8 bytes) and its content.
    """
    storages = {}
    _, _, machine, state, keys = (_TensorUnpickler(file, storages).load() for _ in range(5))
    if not machine.get("little_endian", True):
        raise InputError("expected numbers with the low byte first, received others")
    for key in keys:
        # Every storage in the file belongs to a tensor of the state dict, or its width is not known.
        file.seek(8, 1)
        _fill(storages[key], file.read(storages[key].nbytes))
    return state


def _fill(numbers: np.ndarray, content: bytes) -> None:
    """Put the content of a storage where its tensors look."""
    if len(content) != numbers.nbytes:
        raise DamagedDataError(f"expected {numbers.nbytes} bytes of numbers, found {len(content)}")
    numbers[:] = np.frombuffer(content, numbers.dtype)


def _checked(state) -> dict[str, np.ndarray]:
    """The state dict, if it is one."""
    if not isinstance(state, dict):
        raise InputError(f"expected a state dict, received {type(state).__name__}")
    for name, value in dict.items(state):
        if not isinstance(name, str) or not isinstance(value, np.ndarray):
            raise InputError(f"expected tensors by name, received {type(value).__name__} {name!r}")
    return dict(dict.items(state))
