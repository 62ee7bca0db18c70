"""The two networks of a model as functions of NumPy arrays, called with few shapes.

Shapes: B rows, T places, K masked places, V vocabulary entries.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from keras_electra import backends
from keras_electra.detection import sigmoid
from keras_electra.errors import InputError
from keras_electra.networks import MaskedLanguageModel, ReplacedTokenDetector
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.tokenizer import WordPieceTokenizer

SHORT, LONG = 32, 128
"""Lengths that texts are padded to; longer ones are padded to powers of two."""
NUM_ROWS = 12
"""Rows of a batch of several versions of one text."""
NUM_SLOTS = 32
"""Masked places of a pass, if there are no more."""


def detector_logits(model: ElectraPretrainer, token_ids, padding_mask) -> np.ndarray:
    """Logits (B, T) float32 of P(replaced), dropout off, as the objective judges."""
    logits = model.objective.kind.detector_logits(model, token_ids, padding_mask)
    return np.asarray(logits, np.float32)


def refuse_others(model) -> None:
    """Raise `InputError` for a model that is no `ElectraPretrainer`, such as a fine-tuned one."""
    if not isinstance(model, ElectraPretrainer):
        raise InputError(f"model: expected a pretrained model, received a {type(model).__name__}")


@dataclasses.dataclass(frozen=True)
class Networks:
    """A model as inspection sees it.

    Attributes:
        tokenizer: of the model.
        longest: most places of a text, [CLS] and [SEP] counted.
        vocabulary_size: V, with rows beyond the tokenizer's vocabulary.
        generator: the Keras model that proposes tokens, or None.
        judge: token_ids and padding_mask (B, T) → logits (B, T); None without a detector.
        is_uniform: whether tokens are drawn uniformly in place of a generator's.
        reads_unmasked: whether the generator is shown the text as it is (the two-tower generator).
        counts_masked: whether masked places count as replaced whatever was drawn (Electric).
        original_allowed: whether the original may be drawn.
        temperature: of the draws in training.
        no_generator, no_detector: why there is none, as the end of a sentence; else empty.
    """

    tokenizer: WordPieceTokenizer
    longest: int
    vocabulary_size: int
    generator: object | None
    judge: Callable | None
    is_uniform: bool = False
    reads_unmasked: bool = False
    counts_masked: bool = False
    original_allowed: bool = True
    temperature: float = 1.0
    no_generator: str = ""
    no_detector: str = ""

    @classmethod
    def of(cls, model) -> "Networks":
        """Those of an `ElectraPretrainer`, a `ReplacedTokenDetector` or a `MaskedLanguageModel`.

        Raises:
            InputError: for another model, or one without a tokenizer.
        """
        kinds = (ElectraPretrainer, ReplacedTokenDetector, MaskedLanguageModel)
        if not isinstance(model, kinds):
            expected = ", ".join(kind.__name__ for kind in kinds)
            raise InputError(f"model: expected one of {expected}, received {type(model).__name__}")
        if getattr(model, "tokenizer", None) is None:
            raise InputError("model: expected one with a tokenizer, received tokenizer=None")
        return _of_pretrainer(model) if isinstance(model, ElectraPretrainer) else _alone(model)

    @functools.cached_property
    def token_names(self) -> list[str]:
        """The name of every row of the table; one beyond the vocabulary, which can be drawn, is
        numbered."""
        vocabulary = self.tokenizer.vocabulary
        rows = range(len(vocabulary), self.vocabulary_size)
        return [*vocabulary, *(f"[row {row}]" for row in rows)]

    def names(self, ids) -> list[str]:
        """The names of some ids."""
        return [self.token_names[index] for index in ids]

    def probabilities(self, rows: np.ndarray) -> np.ndarray | None:
        """P(replaced) (B, T) of rows of token ids (B, T); None without a detector."""
        if self.judge is None:
            return None
        return sigmoid(self._in_parts(rows, self._judged))

    def proposals(self, masked: np.ndarray, originals: np.ndarray, positions) -> np.ndarray | None:
        """The generator's logits (B, K, V).

        Args:
            masked: (B, T) ids, as a generator is shown them.
            originals: (B, T) ids, for the generator that reads unmasked text.
            positions: (B, K) int.
        """
        if self.generator is None:
            return None
        shown = originals if self.reads_unmasked else masked
        rows = np.concatenate([shown, np.asarray(positions, np.int32)], axis=1)
        width = shown.shape[1]
        return self._in_parts(rows, lambda part: self._proposed(part[:, :width], part[:, width:]))

    def _in_parts(self, rows, compute):
        """`compute` of a row alone, or of parts of `NUM_ROWS` rows, the last one filled up."""
        found = []
        for first in range(0, len(rows), NUM_ROWS):
            part = rows[first : first + NUM_ROWS]
            count = len(part)
            if backends.COMPILES_EVERY_SHAPE and len(rows) > 1:
                filler = np.repeat(part[:1], NUM_ROWS - count, axis=0)
                part = np.concatenate([part, filler])
            found.append(compute(part)[:count])
        return np.concatenate(found)

    def _judged(self, rows):
        token_ids, padding_mask = self._padded(rows)
        return self.judge(token_ids, padding_mask)[:, : rows.shape[1]]

    def _proposed(self, rows, positions):
        token_ids, padding_mask = self._padded(rows)
        num_slots = positions.shape[1]
        # Several rows are versions of one text with one masked place each.
        width = num_slots if len(rows) > 1 else num_slots_of(num_slots)
        slots = np.zeros((len(rows), width), np.int32)
        slots[:, :num_slots] = positions
        inputs = {"token_ids": token_ids, "padding_mask": padding_mask, "mask_positions": slots}
        inputs["segment_ids"] = np.zeros_like(token_ids)
        logits = self.generator.predict_on_batch(inputs)
        return np.asarray(logits[:, :num_slots], np.float32)

    def _padded(self, rows):
        length = shape_length(rows.shape[1], self.longest)
        token_ids = np.full((len(rows), length), self.tokenizer.pad_id, np.int32)
        token_ids[:, : rows.shape[1]] = rows
        padding_mask = np.zeros(token_ids.shape, bool)
        padding_mask[:, : rows.shape[1]] = True
        return token_ids, padding_mask


def shape_length(num_places: int, longest: int) -> int:
    """The length to pad a text to, so that an edit hardly ever needs another compiled program.

    shape_length(20, 512) is 32; shape_length(70, 512) is 128; shape_length(130, 512) is 256.
    """
    length = SHORT
    while length < num_places:
        length = LONG if length < LONG else 2 * length
    return min(length, longest)


def num_slots_of(num_masked: int) -> int:
    """The masked places to compute: `NUM_SLOTS`, or as many times twice as that as are needed."""
    slots = NUM_SLOTS
    while slots < num_masked:
        slots *= 2
    return slots


def _of_pretrainer(model):
    objective = model.objective
    judge, no_detector, no_generator = None, "", ""
    if objective.has_detector:
        judge = functools.partial(detector_logits, model)
    else:
        no_detector = f"its objective is {objective.objective!r}, which trains no discriminator"
    if model.generator is None:
        no_generator = "its training drew tokens uniformly, so it has no generator"
    return Networks(
        tokenizer=model.tokenizer,
        longest=model.sequence_length or model.encoder.max_sequence_length,
        vocabulary_size=model.encoder.vocabulary_size,
        generator=model.generator,
        judge=judge,
        is_uniform=model.generator is None,
        reads_unmasked=objective.generator_kind.reads_unmasked,
        counts_masked=objective.kind.counts_masked,
        original_allowed=objective.correct_token_allowed,
        temperature=objective.temperature,
        no_generator=no_generator,
        no_detector=no_detector,
    )


def _alone(network):
    """A network without its other half."""
    encoder = network.backbone.encoder
    is_detector = isinstance(network, ReplacedTokenDetector)

    def judge(token_ids, padding_mask):
        inputs = {"token_ids": token_ids, "padding_mask": padding_mask}
        return np.asarray(network.predict_on_batch(inputs), np.float32)

    return Networks(
        tokenizer=network.tokenizer,
        longest=getattr(network, "sequence_length", None) or encoder.max_sequence_length,
        vocabulary_size=encoder.vocabulary_size,
        generator=None if is_detector else network,
        judge=judge if is_detector else None,
        no_generator="it is a discriminator alone" if is_detector else "",
        no_detector="" if is_detector else "it is a generator alone",
    )
