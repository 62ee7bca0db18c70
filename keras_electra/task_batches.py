"""Batches of fine-tuning: rows of like length together, each batch a pure function of (seed, step).

Shapes: B rows of a batch, T places, R rows of a split.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from keras_electra import backends
from keras_electra.errors import InputError
from keras_electra.step_batches import StepBatches
from keras_electra.tasks.collating import INPUTS, collate
from keras_electra.tasks.encoded import EncodedExamples
from keras_electra.tasks.kinds import kind_of

POOL_BATCHES = 50
"""Batches whose rows are sorted by length together: enough to pad little, few enough to stay mixed."""
MULTIPLE = 1
"""Lengths to pad to where any shape will do: multiples of it."""
FEW_LENGTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Lengths to pad to where every new shape is compiled: powers of two and the points between."""


class Epoch(NamedTuple):
    """One pass over the rows.

    Attributes:
        rows: per step an array of row numbers.
        tokens: (steps + 1,) int64, real tokens before each step of the epoch, and of all.
    """

    rows: list[np.ndarray]
    tokens: np.ndarray


class TaskBatches(StepBatches):
    """The batches of one split of a task, as dicts of arrays; see `tasks.collating.collate`.

    In training, every pass shuffles the rows, sorts them by length in pools of 50 batches, cuts them
    into batches and shuffles these, so that little is padded; each row comes once. What is left over
    makes the last batch of the pass, filled up with rows of weight 0. For judging there is one pass,
    from the shortest row to the longest; `rows` tells the order back.

    Args:
        encoded: the rows.
        batch_size: B.
        seed: of the order.
        is_training, start_step, is_endless: as of `StepBatches`.
        pad_to: an int: T is the smallest multiple of it that holds the batch; or a sequence: the
            smallest of these lengths. It is no more than the split's `sequence_length`. `FEW_LENGTHS`
            suit a backend that compiles a program for every shape; None for what suits the one in use.
        order: for tests and comparisons, the row numbers of every step of a pass, at most B each.

    Raises:
        InputError: if there is no row.
    """

    def __init__(
        self,
        encoded: EncodedExamples,
        *,
        batch_size: int = 32,
        seed: int = 0,
        is_training: bool = True,
        start_step: int = 0,
        is_endless: bool = False,
        pad_to: int | Sequence[int] | None = None,
        order: Sequence[np.ndarray] | None = None,
    ):
        super().__init__(start_step=start_step, is_endless=is_endless, is_training=is_training)
        if not len(encoded):
            raise InputError("batches: expected at least one encoded row, received none")
        self.encoded = encoded
        self.batch_size = batch_size
        self.seed = seed
        self.pad_to = pad_to or (FEW_LENGTHS if backends.COMPILES_EVERY_SHAPE else MULTIPLE)
        self.order = order
        self.epoch_steps = -(-len(encoded) // batch_size) if order is None else len(order)
        # An epoch is asked for by this thread and the one that prepares.
        self._epoch = functools.lru_cache(maxsize=3)(self._new_epoch)

    def batch(self, step: int) -> dict[str, np.ndarray]:
        """The batch of a step, as NumPy arrays."""
        epoch, index = divmod(step, self.epoch_steps)
        rows = self._epoch(epoch).rows[index]
        longest = int(self.encoded.lengths[rows].max())
        length = padded_length(longest, self.pad_to, self.encoded.sequence_length)
        return collate(self.encoded, rows, length=length, batch_size=self.batch_size)

    def tokens_until(self, step: int) -> int:
        """Real tokens of the batches before `step`."""
        epoch, index = divmod(step, self.epoch_steps)
        tokens = self._epoch(epoch).tokens
        return int(epoch * tokens[-1] + tokens[index])

    def _new_epoch(self, number):
        rows = self._rows_of_steps(number)
        sums = [self.encoded.num_tokens[numbers].sum() for numbers in rows]
        return Epoch(rows, np.concatenate([[0], np.cumsum(sums)]).astype(np.int64))

    def _rows_of_steps(self, number):
        """Per step of an epoch an array of row numbers."""
        if self.order is not None:
            return [np.asarray(rows, np.int64) for rows in self.order]
        lengths, size = self.encoded.lengths, self.batch_size
        if not self.is_training:
            return cut(np.argsort(lengths, kind="stable"), size)
        rng = np.random.Generator(np.random.Philox(key=philox_key(self.seed, 0x7A5C, number)))
        order = rng.permutation(len(lengths))
        num_full = len(order) // size
        full, rest = order[: num_full * size], order[num_full * size :]
        pools = np.arange(len(full)) // (POOL_BATCHES * size)
        batches = cut(full[np.lexsort((lengths[full], pools))], size)
        shuffled = [batches[place] for place in rng.permutation(num_full)]
        return [*shuffled, rest] if len(rest) else shuffled


class MixedTaskBatches(StepBatches):
    """Batches of several tasks, each of one of them, in random order by their numbers of batches.

    Every batch has the same keys: `token_ids`, `segment_ids`, `padding_mask`, and for every task what
    else its batches hold, named "task/key". The arrays of the tasks that a batch is not of are those
    of a batch of fill rows: of the same shapes, with weights 0.

    Args:
        parts: name of each task -> its `TaskBatches`, all of one batch size. The endless ones among
            them make no difference: a pass is one over all of them.
        seed: of the order of tasks.
        start_step, is_endless: as of `StepBatches`; `is_endless=None` for that of the parts.

    Raises:
        InputError: for batches of different sizes, or choices, whose inputs have another shape.
    """

    def __init__(
        self,
        parts: Mapping[str, TaskBatches],
        *,
        seed: int = 0,
        start_step: int = 0,
        is_endless: bool | None = None,
    ):
        if is_endless is None:
            is_endless = all(part.is_endless for part in parts.values())
        is_training = all(part.is_training for part in parts.values())
        super().__init__(start_step=start_step, is_endless=is_endless, is_training=is_training)
        check_parts(parts)
        self.parts = dict(parts)
        self.seed = seed
        self.names = list(parts)
        self.epoch_steps = sum(part.epoch_steps for part in parts.values())
        self._order = functools.lru_cache(maxsize=3)(self._new_order)

    def batch(self, step: int) -> dict[str, np.ndarray]:
        """The batch of a step, as NumPy arrays."""
        number, counts = self._places(step)
        name = self.names[number]
        own = self.parts[name].batch(counts[number])
        batch_size, length = own["token_ids"].shape
        batch = {key: own[key] for key in INPUTS}
        for other, part in self.parts.items():
            values = own
            if other != name:
                values = collate(part.encoded, [], length=length, batch_size=batch_size)
            batch |= {f"{other}/{key}": values[key] for key in values if key not in INPUTS}
        return batch

    def tokens_until(self, step: int) -> int:
        """Real tokens of the batches before `step`."""
        _, counts = self._places(step)
        parts = zip(self.parts.values(), counts, strict=True)
        return sum(part.tokens_until(count) for part, count in parts)

    def _places(self, step):
        """Number of the step's task, and how many batches of each task came before the step."""
        epoch, index = divmod(step, self.epoch_steps)
        order = self._order(epoch)
        before = np.bincount(order[:index], minlength=len(self.names))
        counts = [
            epoch * part.epoch_steps + int(count)
            for part, count in zip(self.parts.values(), before, strict=True)
        ]
        return order[index], counts

    def _new_order(self, epoch):
        """The task of every step of an epoch, by its number."""
        tasks = np.repeat(
            np.arange(len(self.names)), [part.epoch_steps for part in self.parts.values()]
        )
        if not self.is_training:
            return tasks
        rng = np.random.Generator(np.random.Philox(key=philox_key(self.seed, 0x317ED, epoch)))
        return rng.permutation(tasks)


def check_parts(parts: Mapping[str, TaskBatches]) -> None:
    """Raise `InputError` where batches of several tasks cannot stand beside each other."""
    sizes = {name: part.batch_size for name, part in parts.items()}
    if len(set(sizes.values())) != 1:
        raise InputError(f"batch_size: expected the same for all tasks, received {sizes}")
    for name, part in parts.items():
        if kind_of(part.encoded.kind).has_choices and len(parts) > 1:
            raise InputError(
                f"tasks: expected kinds with one text or pair per row, received {name!r} of kind "
                f"{part.encoded.kind!r} beside others; train it alone"
            )


def padded_length(num_places: int, pad_to: int | Sequence[int], longest: int) -> int:
    """The length to pad to; at most `longest`.

    padded_length(20, 8, 128) is 24; padded_length(70, (64, 128), 100) is 100.
    """
    if isinstance(pad_to, int):
        return min(-(-num_places // pad_to) * pad_to, longest)
    fitting = [length for length in pad_to if length >= num_places]
    return min(*fitting, longest) if fitting else longest


def cut(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """The rows in batches of `size`, the last one perhaps smaller."""
    return [rows[first : first + size] for first in range(0, len(rows), size)]


def philox_key(*numbers: int) -> np.ndarray:
    """A key for Philox, a function of the numbers."""
    return np.random.SeedSequence(numbers).generate_state(2, np.uint64)
