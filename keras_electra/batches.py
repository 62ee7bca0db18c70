"""Batches of pretraining: each a pure function of (seed, step).

Shapes: B examples, T tokens, K masked places.
"""

import os

import keras
import numpy as np

from keras_electra import backends
from keras_electra.config.masking import MaskingConfig
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.errors import InputError
from keras_electra.masking import mask_batch, never_masked_ids
from keras_electra.step_batches import AHEAD, StepBatches
from keras_electra.store import Store
from keras_electra.store.order import permuted

ORDER = 0x0DE5
"""Tells the key of the order from those of other draws with the same seed."""


class PretrainBatches(StepBatches):
    """The batches of a store, for `model.fit` of an `ElectraPretrainer`.

    Batch i is a dict of `token_ids`, `masked_ids`, `segment_ids`, `slot_of_token` (B, T) int32,
    `maskable` (B, T) bool, `mask_positions` (B, K) int32, `mask_weights` and `uniform_draws` (B, K)
    float32, only where something is padded `padding_mask` (B, T) bool, and only where asked for
    `document_ids` (B, T) int32. It depends on the seed and on `start_step + i` alone, so a run resumes
    by number. Each pass over the store has an order of its own. One thread prepares the next batches.

    In training, the one padded example that continuous packing leaves at the end of the store is
    passed over, so that all batches have one shape; it is there in the held-out part.

    Args:
        store: a `Store` or the path of one.
        batch_size: B, examples per step.
        sequence_length: T, tokens per example.
        masking: `MaskingConfig`.
        packing: "continuous" or "original".
        attends_across_documents: whether tokens may see other documents in their example; otherwise
            `document_ids` say which are one.
        seed: of order, masks and draws.
        part: "train" or "held_out".
        start_step: step that index 0 stands for.
        is_endless: whether indices run on for ever; `fit` then needs `steps_per_epoch`. Otherwise an
            epoch is one pass over the store, and the next epoch goes on where it ended.
        total_steps: of the run, over which the mask rate goes to `masking.final_mask_rate`; needed where
            there is one.
        first_step: step of the run that step 0 here is, in a stage that begins later.
        first_example: examples of this length that the run has had before, so that a stage goes on where
            the one before it ended.
        process_index, num_processes: which share of each batch is made, of how many equal ones; orders,
            masks and draws are those of the whole batch.
        ahead: batches made before they are asked for.

    Attributes:
        waiting_seconds: time that `fit` spent waiting for a batch.
    """

    def __init__(
        self,
        store,
        *,
        batch_size: int = 128,
        sequence_length: int = 128,
        masking: MaskingConfig | None = None,
        packing: str = "continuous",
        attends_across_documents: bool = True,
        seed: int = 0,
        part: str = "train",
        start_step: int = 0,
        is_endless: bool = False,
        total_steps: int | None = None,
        first_step: int = 0,
        first_example: int = 0,
        process_index: int = 0,
        num_processes: int = 1,
        ahead: int = AHEAD,
    ):
        super().__init__(start_step=start_step, is_endless=is_endless, ahead=ahead)
        if batch_size % num_processes:
            raise InputError(
                f"batch_size: expected a multiple of the {num_processes} processes, received {batch_size}"
            )
        self.share = batch_size // num_processes
        self.first_index = process_index * self.share
        self.store = Store(store) if isinstance(store, str | os.PathLike) else store
        self.batch_size = batch_size
        self.sequence_length = sequence_length
        self.masking = masking or MaskingConfig()
        if self.masking.final_mask_rate is not None and total_steps is None:
            raise InputError("total_steps: expected a number beside final_mask_rate, received None")
        self.attends_across_documents = attends_across_documents
        self.total_steps = total_steps
        self.first_step, self.first_example = first_step, first_example
        self.seed = seed
        self.tokenizer = self.store.tokenizer()
        self.examples = self.store.examples(part, sequence_length, packing, seed)
        self.num_examples = len(self.examples)
        if packing == "continuous" and part == "train" and self.num_examples > 1:
            self.num_examples -= self.examples.num_padded
        if self.num_examples < 1:
            raise InputError(f"store: expected {part} text for at least one example, received none")
        self.has_padding = self.num_examples + self.examples.num_padded > len(self.examples)

    @classmethod
    def from_recipe(cls, store, config: PretrainConfig, **options):
        """The training batches that a `PretrainConfig` describes."""
        return cls(
            store,
            batch_size=config.batch_size,
            sequence_length=config.sequence_length,
            masking=config.masking,
            packing=config.packing,
            attends_across_documents=config.objective.attends_across_documents,
            seed=config.seed,
            total_steps=config.steps,
            **options,
        )

    @property
    def epoch_steps(self) -> int:
        """Batches of one pass."""
        return max(1, self.num_examples // self.batch_size)

    def tokens_until(self, step: int) -> int:
        """Places of the batches before `step`."""
        return step * self.batch_size * self.sequence_length

    def batch(self, step: int) -> dict:
        """The batch of a step, or this process' share of it, as NumPy arrays."""
        numbers = self.indices(step)[self.first_index : self.first_index + self.share]
        token_ids, segment_ids, padding_mask = self.examples.take(numbers)
        is_padded = not padding_mask.all()
        masked = mask_batch(
            token_ids,
            padding_mask if is_padded else None,
            config=self.masking,
            special=self.tokenizer,
            vocabulary_size=self.tokenizer.vocabulary_size,
            seed=self.seed,
            step=self.first_step + step,
            first_index=self.first_index,
            is_continuation=self.tokenizer.is_continuation if self.masking.whole_words else None,
            mask_rate=self.mask_rate(step),
        )
        batch = {
            "token_ids": token_ids,
            "segment_ids": segment_ids,
            "maskable": ~np.isin(token_ids, never_masked_ids(self.tokenizer)),
            **masked,
        }
        # Given always or never, so that one compiled program serves all batches.
        if self.has_padding:
            batch["padding_mask"] = padding_mask
        if not self.attends_across_documents:
            batch["document_ids"] = self.examples.documents(numbers)
        return batch

    def mask_rate(self, step: int) -> float:
        """The fraction of the tokens that is selected in the batch of a step."""
        if self.total_steps is None:
            return self.masking.mask_rate
        return self.masking.rate_at(self.first_step + step, self.total_steps)

    def indices(self, step: int) -> np.ndarray:
        """Numbers (B,) of a step's examples: each pass over the store in an order of its own."""
        numbers = self.first_example + step * self.batch_size + np.arange(self.batch_size)
        passes, places = np.divmod(numbers, self.num_examples)
        for number in np.unique(passes):
            key = (self.seed, ORDER, number)
            is_in = passes == number
            places[is_in] = permuted(places[is_in], self.num_examples, key)
        return places


class StagedBatches(keras.utils.PyDataset):
    """Batches whose length and size change at given steps; each stage reads on in the same store.

    Args:
        stages: (first step, `PretrainBatches`) in the order of the steps, the first from step 0.
        start_step: step that index 0 stands for.

    Attributes:
        waiting_seconds: time that `fit` spent waiting for a batch.
    """

    num_batches = None

    def __init__(self, stages, start_step: int = 0):
        super().__init__()
        self.stages = stages
        self.start_step = start_step

    def __getitem__(self, index):
        step = self.start_step + index
        first, batches = self._stage_of(step)
        return batches[step - first - batches.start_step]

    def _stage_of(self, step):
        return [stage for stage in self.stages if stage[0] <= step][-1]

    @property
    def waiting_seconds(self) -> float:
        """Over all stages."""
        return sum(batches.waiting_seconds for _, batches in self.stages)

    def tokens_until(self, step: int) -> int:
        """Places of the batches before `step`."""
        ends = [first for first, _ in self.stages[1:]] + [step]
        return sum(
            batches.tokens_until(max(0, min(end, step) - first))
            for (first, batches), end in zip(self.stages, ends, strict=True)
        )


def training_batches(store, config: PretrainConfig):
    """The endless training batches that a recipe describes: this process' share of them."""
    shares = {
        "process_index": backends.devices.process_index(),
        "num_processes": backends.devices.num_processes(),
        "ahead": max(AHEAD, config.steps_per_execution),
    }
    stages = []
    for stage in config.all_stages:
        shape = {"sequence_length": stage.sequence_length, "batch_size": stage.batch_size}
        recipe = config.replace(stages=None, **shape)
        # Whole examples of this length in the tokens before; in those of another length the order
        # is another one, but no pass is begun twice.
        before = -(-config.tokens_until(stage.first_step) // stage.sequence_length)
        batches = PretrainBatches.from_recipe(
            store,
            recipe,
            is_endless=True,
            first_step=stage.first_step,
            first_example=before,
            **shares,
        )
        stages.append((stage.first_step, batches))
    return stages[0][1] if len(stages) == 1 else StagedBatches(stages)
